import { DISK_CALLS, SeededRandom, SimulatedDisk, type DiskCall, type FileDevice } from '@lunbox/block';
import { playSeeds, type Played, type Range, type Tally } from '../../../block/test/support/histories.ts';
import type { SnapshotInfo, SnapshotSet } from '../../src/index.ts';
import { Copy } from './copy.ts';
import { GRAIN, makeDisk, Model, openSet, SECTOR } from './model.ts';

/** How a short history goes wrong: the power goes at each change, or each call of the disk fails. */
export type ShortKind = 'snapshot-short' | 'snapshot-short-failures';

/** Operations of the longest of these histories. */
const LONGEST = 3;
const FAILURES = ['EIO', 'ENOSPC'] as const;

/** What an operation works on. */
interface World {
  readonly disk: SimulatedDisk;
  readonly model: Model;
  readonly random: SeededRandom;
  set: SnapshotSet;
  /** Operations so far: each writes something of its own. */
  count: number;
}

type Operation = (world: World) => Promise<void>;

const PER_GRAIN = GRAIN / SECTOR;
const has = (name: string) => (found: readonly SnapshotInfo[]) => found.some((each) => each.name === name);

/** Changes a part of two grains, which have something. */
const write: Operation = async ({ set, model, count }) => {
  const [at, length] = [PER_GRAIN - 3, 6];
  model.change(at, length, 10 + count);
  await set.device.write([Buffer.alloc(length * SECTOR, 10 + count)], at * SECTOR);
};

const unmap: Operation = async ({ set, model }) => {
  model.change(PER_GRAIN, PER_GRAIN, 0);
  await set.device.unmap(GRAIN, GRAIN);
};

const flush: Operation = async ({ set, model }) => {
  await set.device.flush();
  model.flush();
};

const take =
  (method: 'log' | 'reflink'): Operation =>
  async ({ set, model, count }) => {
    if (set.restoring !== undefined) return;
    const name = `taken ${count}`;
    const act = (): Promise<unknown> => set.create({ name, method });
    await model.decide('taken', act, has(name), () => model.taken(name));
  };

const remove =
  (which: 0 | -1): Operation =>
  async ({ set, model }) => {
    await set.restored();
    const name = set.list().at(which)?.name;
    if (name === undefined) return;
    const act = (): Promise<unknown> => set.delete(name);
    await model.decide(
      'deleted',
      act,
      (found) => !has(name)(found),
      () => model.snapshots.delete(name),
    );
  };

const refresh: Operation = async ({ set, model }) => {
  const newest = set.list().at(-1);
  if (newest === undefined || set.restoring !== undefined) return;
  const isGone = (found: readonly SnapshotInfo[]): boolean => !found.some(({ id }) => id === newest.id);
  await model.decide(
    'refreshed',
    () => set.refresh(newest.id),
    isGone,
    () => model.taken(newest.name),
  );
};

const bookmark: Operation = async ({ set, model }) => {
  const oldest = set.list()[0];
  if (oldest === undefined || set.restoring !== undefined) return;
  await set.bookmark(oldest.id);
  model.count('bookmarked');
};

const restore: Operation = async ({ set, model, count }) => {
  const oldest = set.list()[0];
  if (oldest === undefined || oldest.bookmark || set.restoring !== undefined) return;
  const content = model.snapshots.get(oldest.name)!;
  const safety = `safety ${count}`;
  const done = (): void => {
    model.taken(safety);
    model.restored(content);
  };
  await model.decide('restored', () => set.restore(oldest.id, safety), has(safety), done);
};

/** By a grain and a part of one. */
const grow: Operation = async ({ model }) => {
  const sectors = model.current.length + PER_GRAIN + 1;
  await model.decide(
    'grown',
    () => model.production!.grow(sectors * SECTOR),
    (_, sizeBytes) => sizeBytes === sectors * SECTOR,
    () => model.grow(sectors),
  );
};

/** A clone, which is written, or a publication of the oldest snapshot. */
const copy: Operation = async ({ set, model, random }) => {
  const oldest = set.list()[0];
  if (oldest === undefined || oldest.bookmark) return;
  const content = model.snapshots.get(oldest.name)!;
  model.count(await model.copy!.make(set, oldest.id, content, random));
};

const reopen: Operation = async (world) => {
  await world.set.close();
  world.model.flush();
  world.set = await openWorld(world);
  world.model.count('reopened');
};

const OPERATIONS: readonly Operation[] = [
  write,
  unmap,
  flush,
  take('log'),
  take('reflink'),
  remove(0),
  remove(-1),
  refresh,
  bookmark,
  restore,
  grow,
  copy,
  reopen,
];

/** All histories of up to {@link LONGEST} operations, the shorter ones first. */
export const SHORT_HISTORIES: readonly (readonly Operation[])[] = Array.from(
  { length: LONGEST },
  (_, index) => index + 1,
).flatMap((length) => sequencesOf(length));

function sequencesOf(length: number): (readonly Operation[])[] {
  if (length === 0) return [[]];
  return sequencesOf(length - 1).flatMap((before) => OPERATIONS.map((operation) => [...before, operation]));
}

/** Number of histories that have at most `length` operations. */
export function countUpTo(length: number): number {
  return SHORT_HISTORIES.filter((history) => history.length <= length).length;
}

function openWorld({ disk, random, model }: Omit<World, 'set' | 'count'>): Promise<SnapshotSet> {
  const onProduction = (production: FileDevice): void => void (model.production = production);
  return openSet(disk, random, undefined, { onProduction });
}

/** A disk with content and a snapshot of it, after which something was changed. */
async function begin(seed: number): Promise<World> {
  const disk = new SimulatedDisk({ clones: true });
  await makeDisk(disk);
  const parts = { disk, random: new SeededRandom(seed), model: new Model() };
  parts.model.copy = await Copy.in(disk);
  const world: World = { ...parts, set: await openWorld(parts), count: 0 };
  // The model does not know which snapshots go when there is no room.
  await world.set.setPolicy({ whenFull: 'refuse' });
  world.model.change(0, 2 * PER_GRAIN, 1);
  await world.set.device.write([Buffer.alloc(2 * GRAIN, 1)], 0);
  await take('log')(world);
  world.model.change(PER_GRAIN + 4, 2, 2);
  await world.set.device.write([Buffer.alloc(2 * SECTOR, 2)], GRAIN + 4 * SECTOR);
  return world;
}

async function live(world: World, operations: readonly Operation[]): Promise<void> {
  for (const operation of operations) {
    world.count++;
    await operation(world);
  }
  await world.set.restored();
  await world.model.compareSnapshots(world.set);
  await world.set.close();
  world.model.flush();
}

type Seen = Readonly<Record<string, number>>;

/** Plays a history to its end, and then again for each change of the disk with the power gone at that. */
async function playCrashes(operations: readonly Operation[], seed: number): Promise<Seen> {
  const whole = await begin(seed);
  const before = whole.disk.faults.changes;
  await live(whole, operations);
  const changes = whole.disk.faults.changes - before;
  for (let stopAt = 0; stopAt <= changes; stopAt++) {
    const world = await begin(seed);
    world.disk.faults.haltAfter(stopAt);
    await live(world, operations).catch((error: unknown) => {
      if (!world.disk.faults.halted) throw error;
    });
    await crashAndCompare(world, seed * 1000 + stopAt, `power gone after change ${stopAt}`);
    whole.model.count('crashes');
  }
  return whole.model.seen;
}

/** Plays a history once for each call that it makes of the disk, and in each way in which that may fail. */
async function playFailures(operations: readonly Operation[], seed: number): Promise<Seen> {
  const seen: Record<string, number> = {};
  for (const code of FAILURES)
    for (const call of DISK_CALLS) {
      const failures = await playFailuresOf(call, code, operations, seed);
      seen['failures'] = (seen['failures'] ?? 0) + failures;
      seen[`failures of ${call}`] = (seen[`failures of ${call}`] ?? 0) + failures;
    }
  return seen;
}

/** Answers how many calls of that kind there are. */
async function playFailuresOf(
  call: DiskCall,
  code: string,
  operations: readonly Operation[],
  seed: number,
): Promise<number> {
  for (let nth = 1; ; nth++) {
    const world = await begin(seed);
    const { faults } = world.disk;
    faults.fail(call, nth, code);
    await live(world, operations).catch((error: unknown) => {
      if (faults.failed === 0) throw error;
    });
    await crashAndCompare(world, seed * 1000 + nth, `${code} at ${call} ${nth}`);
    if (faults.failed === 0) return nth - 1;
  }
}

/** The power goes, and what has to be there is there. */
async function crashAndCompare(world: World, lossSeed: number, what: string): Promise<void> {
  const { disk, model } = world;
  // What went on in the background ends with the power.
  disk.faults.haltAfter(0);
  await world.set.close().catch(() => undefined);
  disk.crash(lossSeed);
  disk.faults.clear();
  try {
    const set = await openWorld(world);
    await model.compare(set);
    await set.restored();
    await model.compareSnapshots(set);
    await set.close();
  } catch (error) {
    throw new Error(`${what}: ${String(error)}`, { cause: error });
  }
}

/** Plays the short history of that number; those beyond the last are the first ones again, with other losses. */
export async function playShort(seed: number, kind: ShortKind): Promise<Played> {
  const operations = SHORT_HISTORIES[(seed - 1) % SHORT_HISTORIES.length]!;
  const play = kind === 'snapshot-short' ? playCrashes : playFailures;
  try {
    return { seen: await play(operations, seed) };
  } catch (error) {
    return { seen: {}, wrong: (error as Error).stack ?? String(error) };
  }
}

/** Plays short histories, until one goes wrong; throws what `playSeeds` throws. */
export function playShortHistories(
  kind: ShortKind,
  range: Range,
  onProgress?: (tally: Tally) => void,
): Promise<Tally> {
  return playSeeds(kind, range, (seed) => playShort(seed, kind), onProgress);
}
