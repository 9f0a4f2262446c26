import {
  FileDevice,
  randomBelow,
  type BlockDevice,
  type SeededRandom,
  type SimulatedDisk,
} from '@lunbox/block';
import { expect } from 'vitest';
import { SnapshotSet, type SnapshotInfo, type SnapshotSetOptions } from '../../src/index.ts';
import type { Copy } from './copy.ts';

export const SECTOR = 512;
export const GRAIN = 4096;
export const GRAINS = 12;
export const SIZE: number = GRAINS * GRAIN + 3 * SECTOR;
export const SECTORS: number = SIZE / SECTOR;
export const PATH = '/disk.img';
export const DIRECTORY = '/disk.img.snaps';
export const OBJECT: Uint8Array = new Uint8Array(16).fill(7);

const METHODS = ['auto', 'log', 'log', 'reflink'] as const;

/** Sectors by what they are filled with. */
const FILLED = Array.from({ length: 256 }, (_, value) => Buffer.alloc(SECTOR, value));

/** What each sector was filled with; torn ones are no number. */
export type Content = readonly (number | undefined)[];

/** Makes the file of the disk, durably. */
export async function makeDisk(disk: SimulatedDisk, path = PATH): Promise<void> {
  const file = await disk.open(path, 'create');
  await file.truncate(SIZE);
  await file.sync();
  await disk.syncDirectory('/');
  await file.close();
}

/** Options of {@link openSet}. */
interface OpenSetOptions extends Partial<SnapshotSetOptions> {
  readonly readOnly?: boolean;
  readonly path?: string;
  /** Is told the disk itself, below its snapshots: what can grow. */
  readonly onProduction?: (production: FileDevice) => void;
}

/** Opens disk and snapshots. */
export async function openSet(
  disk: SimulatedDisk,
  random: SeededRandom,
  wrap: (production: BlockDevice) => BlockDevice = (production) => production,
  options: OpenSetOptions = {},
): Promise<SnapshotSet> {
  const { readOnly = false, path = PATH, onProduction, ...others } = options;
  const file = await disk.open(path, readOnly ? 'read' : 'write');
  const { sizeBytes: size } = await file.status();
  const inFile = new FileDevice(file, { size, closeFile: true, readOnly });
  onProduction?.(inFile);
  const production = wrap(inFile);
  const image = { file, dataOffset: 0 };
  const set = { production, object: OBJECT, directory: DIRECTORY, grainBytes: GRAIN, image, disk, random };
  return await SnapshotSet.open({ ...set, ...others });
}

/** Reads a whole device, by sectors. */
export async function contentOf(device: BlockDevice): Promise<Content> {
  const bytes = Buffer.alloc(device.size);
  await device.read([bytes], 0);
  return Array.from({ length: device.size / SECTOR }, (_, at) => {
    const value = bytes[at * SECTOR]!;
    const isFilled = bytes.compare(FILLED[value]!, 0, SECTOR, at * SECTOR, (at + 1) * SECTOR) === 0;
    return isFilled ? value : undefined;
  });
}

/** What may be in the disk and must be in its snapshots. */
export class Model {
  /** What each sector has now, and what it may have after a crash. */
  current: (number | undefined)[] = new Array<number>(SECTORS).fill(0);
  flushed: (number | undefined)[] = new Array<number>(SECTORS).fill(0);
  readonly unflushed = new Set<number>();
  /** Contents of the snapshots by name, oldest first. */
  readonly snapshots = new Map<string, Content>();
  /** What has happened, and how often. */
  readonly seen: Record<string, number> = {};
  /** What was being done when the power went; told what is there now, it finds out whether it was. */
  pending: ((found: readonly SnapshotInfo[], sizeBytes: number) => void) | undefined;
  /** The disk itself, where it may grow. */
  production: FileDevice | undefined;
  /** A copy of a snapshot that is made now and then, where there is one. */
  copy: Copy | undefined;

  /** Counts something that happened. */
  count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  /** A range is about to be filled with a value. */
  change(at: number, count: number, value: number): void {
    this.current.fill(value, at, at + count);
    for (let sector = at; sector < at + count; sector++) this.unflushed.add(sector);
  }

  /** Everything is durable. */
  flush(): void {
    this.flushed = [...this.current];
    this.unflushed.clear();
  }

  /** Compares with what came back after a crash, and goes on from there. */
  async compare(set: SnapshotSet): Promise<void> {
    this.pending?.(set.list(), set.device.size);
    this.pending = undefined;
    const found = await contentOf(set.device);
    expect(found).toHaveLength(this.current.length);
    for (let sector = 0; sector < found.length; sector++)
      if (!this.unflushed.has(sector) && found[sector] !== this.flushed[sector])
        expect(found[sector], `sector ${sector}`).toBe(this.flushed[sector]);
    this.current = [...found];
    this.flush();
    await this.compareSnapshots(set);
    await this.copy?.compare();
  }

  /** The disk has become larger. */
  grow(sectors: number): void {
    const more = new Array<number>(sectors - this.current.length).fill(0);
    this.current.push(...more);
    this.flushed.push(...more);
  }

  /** What the disk has once it is restored: nothing where it has grown since. */
  restored(content: Content): void {
    const behind = new Array<number>(this.current.length - content.length).fill(0);
    this.current = [...content, ...behind];
    this.flush();
  }

  /** Does something that is durable or not at all: `done` is called when it is, now or after a crash. */
  async decide(
    what: string,
    act: () => Promise<unknown>,
    isDone: (found: readonly SnapshotInfo[], sizeBytes: number) => boolean,
    done: () => void,
  ): Promise<void> {
    this.pending = (found, sizeBytes) => {
      if (isDone(found, sizeBytes)) done();
    };
    await act();
    this.pending = undefined;
    done();
    this.count(what);
  }

  /** A snapshot of what is there now; taking one flushes. */
  taken(name: string): void {
    this.snapshots.delete(name);
    this.snapshots.set(name, [...this.current]);
    this.flush();
  }

  /** Every snapshot has exactly what it had, and no difference is kept back. */
  async compareSnapshots(set: SnapshotSet): Promise<void> {
    expect(set.list().map(({ name }) => name)).toEqual([...this.snapshots.keys()]);
    const points = [...this.snapshots, ['', this.current] as const];
    for (const [index, [name, content]] of points.entries()) {
      if (name === '') break;
      if (!set.list()[index]?.bookmark) {
        const view = set.openView(name);
        expect(await contentOf(view), `snapshot ${name}`).toEqual(content);
        await view.close();
      }
      const [next = '', later = this.current] = points[index + 1] ?? [];
      const changed = new Set<number>();
      for await (const { offset, length } of set.diff(name, next === '' ? undefined : next))
        for (let at = offset; at < offset + length; at += SECTOR) changed.add(at / SECTOR);
      for (let sector = 0; sector < content.length; sector++)
        if (content[sector] !== later[sector] && !changed.has(sector))
          expect.fail(`sector ${sector} is missing in the difference of ${name}`);
    }
  }
}

/** Random work on a disk with snapshots, until the power goes. */
export async function live(
  set: SnapshotSet,
  model: Model,
  random: SeededRandom,
  steps: number,
): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const choice = randomBelow(random, 21);
    if (choice < 8) await change(set, model, random, choice);
    else if (choice < 11) {
      await set.device.flush();
      model.flush();
    } else if (choice < 14) await take(set, model, random);
    else if (choice < 16) await remove(set, model, random);
    else if (choice < 18) await edit(set, model, random);
    else if (choice === 18) await restore(set, model, random);
    else if (choice === 19) await set.restored();
    else if (randomBelow(random, 3) === 0) await grow(model, random);
    else await copyOne(set, model, random);
  }
}

async function change(set: SnapshotSet, model: Model, random: SeededRandom, choice: number): Promise<void> {
  const sectors = model.current.length;
  const at = randomBelow(random, sectors);
  const count = 1 + randomBelow(random, Math.min(20, sectors - at));
  const value = choice < 6 ? 1 + randomBelow(random, 255) : 0;
  const [offset, length] = [at * SECTOR, count * SECTOR];
  model.change(at, count, value);
  if (choice === 6) await set.device.unmap(offset, length);
  else if (choice === 7)
    await set.device.writeZeroes(offset, length, { mayUnmap: randomBelow(random, 2) === 0 });
  else await set.device.write([Buffer.alloc(length, value)], offset);
}

const has = (name: string) => (found: readonly SnapshotInfo[]) => found.some((each) => each.name === name);

function pick(set: SnapshotSet, random: SeededRandom): SnapshotInfo | undefined {
  const found = set.list();
  return found[randomBelow(random, Math.max(1, found.length))];
}

async function take(set: SnapshotSet, model: Model, random: SeededRandom): Promise<void> {
  if (model.snapshots.size >= 5 || set.restoring !== undefined) return;
  const name = String(random.uint32());
  const method = METHODS[randomBelow(random, METHODS.length)]!;
  await model.decide(
    'taken',
    async () => model.count(`by ${(await set.create({ name, method })).method}`),
    has(name),
    () => model.taken(name),
  );
}

async function remove(set: SnapshotSet, model: Model, random: SeededRandom): Promise<void> {
  await set.restored();
  const name = pick(set, random)?.name;
  if (name === undefined) return;
  await model.decide(
    'deleted',
    () => set.delete(name),
    (found) => !has(name)(found),
    () => model.snapshots.delete(name),
  );
}

async function edit(set: SnapshotSet, model: Model, random: SeededRandom): Promise<void> {
  const chosen = pick(set, random);
  if (chosen === undefined || set.restoring !== undefined) return;
  const { id, name } = chosen;
  if (randomBelow(random, 3) === 0) await set.bookmark(id).then(() => model.count('bookmarked'));
  else if (randomBelow(random, 2) === 0) {
    await model.decide(
      'refreshed',
      () => set.refresh(id),
      (found) => !found.some((each) => each.id === id),
      () => model.taken(name),
    );
  } else {
    const to = `${name}'`;
    const rename = (): void => {
      const entries = [...model.snapshots].map(
        ([each, content]) => [each === name ? to : each, content] as const,
      );
      model.snapshots.clear();
      for (const [each, content] of entries) model.snapshots.set(each, content);
    };
    await model.decide('renamed', () => set.rename(id, to), has(to), rename);
  }
}

async function restore(set: SnapshotSet, model: Model, random: SeededRandom): Promise<void> {
  const chosen = pick(set, random);
  if (chosen === undefined || chosen.bookmark || model.snapshots.size >= 6 || set.restoring !== undefined)
    return;
  const content = model.snapshots.get(chosen.name)!;
  const safety = String(random.uint32());
  await model.decide(
    'restored',
    () => set.restore(chosen.id, safety),
    has(safety),
    () => {
      model.taken(safety);
      model.restored(content);
    },
  );
}

async function grow(model: Model, random: SeededRandom): Promise<void> {
  const { production, current } = model;
  const sectors = current.length + 1 + randomBelow(random, 2 * (GRAIN / SECTOR));
  if (production === undefined || sectors > 2 * SECTORS) return;
  const act = (): Promise<void> => production.grow(sectors * SECTOR);
  const isDone = (_: unknown, sizeBytes: number): boolean => sizeBytes === sectors * SECTOR;
  await model.decide('grown', act, isDone, () => {
    model.grow(sectors);
  });
}

async function copyOne(set: SnapshotSet, model: Model, random: SeededRandom): Promise<void> {
  const chosen = pick(set, random);
  if (model.copy === undefined || chosen === undefined || chosen.bookmark) return;
  model.count(await model.copy.make(set, chosen.id, model.snapshots.get(chosen.name)!, random));
}

/** The disk and what can be read of its snapshots. */
export async function snapshotsOf(set: SnapshotSet): Promise<[string, Content][]> {
  const found: [string, Content][] = [['', await contentOf(set.device)]];
  for (const { name, bookmark } of set.list()) {
    if (bookmark) continue;
    const view = set.openView(name);
    found.push([name, await contentOf(view)]);
    await view.close();
  }
  return found;
}
