import { DISK_CALLS, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { checkContainer, readContainerInfo, StorageObject, type NewLayout } from '../../src/index.ts';
import type { StorageObjectSeams } from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { HastyClock, MoodyDisk } from '../support/moody-disk.ts';

const PATH = '/disk.lun';
const SIZE = 2 ** 20;
const SEEDS = 2;
const SECTORS = 6;

const file = (path: string): NewLayout => ({ kind: 'file', path });
const STRIPE: NewLayout = { kind: 'stripe', stripeBytes: 4096, parts: [file('a.img'), file('b.img')] };
const MIRROR: NewLayout = { kind: 'mirror', parts: [file('a.img'), file('b.img')] };
const NESTED: NewLayout = {
  kind: 'stripe',
  stripeBytes: 4096,
  parts: [MIRROR, { kind: 'mirror', parts: [file('c.img'), file('d.img')] }],
};

/** What has been promised to whoever uses the disk. */
interface Promised {
  created: boolean;
  grown: boolean;
  /** What each sector holds for certain, and what it may hold as well. */
  readonly flushed: number[];
  readonly written: number[];
}

interface World {
  readonly simulated: SimulatedDisk;
  readonly disk: MoodyDisk;
  readonly clock: HastyClock;
  readonly seams: StorageObjectSeams;
}

function world(seed = 0): World {
  const simulated = new SimulatedDisk();
  const disk = new MoodyDisk(simulated);
  const clock = new HastyClock();
  const seams = { disk, clock, random: new SeededRandom(seed), processes: new FakeProcesses({ pid: 1 }) };
  return { simulated, disk, clock, seams };
}

const nothing = (): Promised => ({
  created: false,
  grown: false,
  flushed: Array<number>(SECTORS + 1).fill(0),
  written: Array<number>(SECTORS + 1).fill(0),
});

/** One that is there when the disk has grown only. */
const LAST = SECTORS;
const sectorOffset = (sector: number): number => (sector === LAST ? SIZE : sector * 4096);

/** Lives that a disk may have. Each ends by an exception when the power goes. */
interface Life {
  readonly layout: NewLayout;
  /** The first leg fails in the middle. */
  readonly failing?: string;
  /** It works again after a while, and is resynced. */
  readonly returns?: boolean;
  /** It grows while it is used. */
  readonly grows?: boolean;
  /** A broken variant: what the mirror holds is not noted. */
  readonly forgetful?: boolean;
  /** A broken variant: what was copied to a leg that comes back is not synced. */
  readonly hurried?: boolean;
  /** A broken variant: the parts are not synced before the container says that they are larger. */
  readonly boastful?: boolean;
}

async function live({ disk, seams }: World, life: Life, promised: Promised): Promise<void> {
  const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout: life.layout });
  promised.created = true;
  if (life.forgetful === true) disk.deaf.add(PATH);
  const write = async (sector: number, value: number): Promise<void> => {
    promised.written[sector] = value;
    await object.device.write([Buffer.alloc(512, value)], sectorOffset(sector));
  };
  const flush = async (): Promise<void> => {
    await object.device.flush();
    promised.written.forEach((value, sector) => (promised.flushed[sector] = value));
  };
  for (let sector = 0; sector < SECTORS; sector++) await write(sector, 1);
  await flush();
  if (life.failing !== undefined) disk.failing.add(life.failing);
  for (let sector = 0; sector < 3; sector++) await write(sector, 2);
  await flush();
  if (life.returns === true) {
    disk.failing.clear();
    if (life.hurried === true) disk.lazy.add(life.failing ?? '');
    for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  disk.lazy.clear();
  if (life.grows === true) {
    if (life.boastful === true) disk.lazy.add('/a.img').add('/b.img');
    await object.grow(2 * SIZE);
    disk.lazy.clear();
    promised.grown = true;
    await write(LAST, 9);
  }
  await write(4, 3);
  await flush();
  await write(5, 4);
  await object.close();
  promised.written.forEach((value, sector) => (promised.flushed[sector] = value));
}

async function check(seams: StorageObjectSeams, promised: Promised): Promise<void> {
  if (!promised.created) {
    const info = await readContainerInfo(PATH, seams).catch((error: unknown) => error);
    if (info instanceof Error) {
      expect(info).toMatchObject({ code: 'CONTAINER_NOT_FOUND' });
      return;
    }
  }
  const object = await StorageObject.open(PATH, seams);
  expect([SIZE, 2 * SIZE]).toContain(object.device.size);
  if (promised.grown) expect(object.device.size).toBe(2 * SIZE);
  const first = await readAll(object);
  for (const [sector, found] of first.entries()) {
    const [low = 0, high = 0] = [promised.flushed[sector], promised.written[sector]];
    // A sector that was not flushed may be torn.
    if (low === high) expect(found.equals(Buffer.alloc(512, low)), `sector ${sector}`).toBe(true);
  }
  // What has been read once is read again, from whichever leg.
  for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(await readAll(object)).toEqual(first);
  await object.close();
  const again = await StorageObject.open(PATH, seams);
  expect(await readAll(again)).toEqual(first);
  await again.close();
  expect((await checkContainer(PATH, seams)).verdict).not.toBe('loss');
}

async function readAll(object: StorageObject): Promise<Buffer[]> {
  const sectors: Buffer[] = [];
  for (let sector = 0; sector <= SECTORS; sector++) {
    if (sectorOffset(sector) >= object.device.size) break;
    const into = Buffer.alloc(512, 0xee);
    await object.device.read([into], sectorOffset(sector));
    sectors.push(into);
  }
  return sectors;
}

/** Plays a life once for each change at which the power can go. */
async function playAll(life: Life): Promise<void> {
  const count = world();
  await live(count, life, nothing());
  count.clock.stopped = true;
  const { changes } = count.simulated.faults;
  // The seed goes with the change, so one for each is many.
  const seeds = life.grows === true ? 1 : SEEDS;
  expect(changes).toBeGreaterThan(30);
  for (let stopAt = 0; stopAt <= changes; stopAt++) {
    for (let seed = 0; seed < seeds; seed++) {
      const one = world(seed);
      const promised = nothing();
      one.simulated.faults.haltAfter(stopAt);
      await live(one, life, promised).catch(() => undefined);
      one.clock.stopped = true;
      one.disk.failing.clear();
      one.disk.deaf.clear();
      one.disk.lazy.clear();
      one.simulated.crash(seed * 1000 + stopAt);
      const clock = new HastyClock();
      try {
        await check({ ...one.seams, clock, processes: new FakeProcesses({ pid: 2 }) }, promised);
      } catch (error) {
        throw new Error(`seed ${seed}, power gone after change ${stopAt}: ${String(error)}`, {
          cause: error,
        });
      } finally {
        clock.stopped = true;
      }
    }
  }
}

const LIVES: readonly (readonly [string, Life])[] = [
  ['a stripe', { layout: STRIPE }],
  ['a mirror', { layout: MIRROR }],
  ['a mirror whose first leg fails', { layout: MIRROR, failing: '/a.img' }],
  ['a mirror whose second leg fails', { layout: MIRROR, failing: '/b.img' }],
  ['a mirror whose first leg fails and comes back', { layout: MIRROR, failing: '/a.img', returns: true }],
  [
    'a stripe of mirrors, one leg of which fails and comes back',
    { layout: NESTED, failing: '/c.img', returns: true },
  ],
  ['a stripe that grows', { layout: STRIPE, grows: true }],
  ['a mirror that grows', { layout: MIRROR, grows: true }],
  [
    'a mirror whose second leg fails, comes back, and that grows',
    { layout: MIRROR, failing: '/b.img', returns: true, grows: true },
  ],
];

describe.each(LIVES)('%s, when the power goes at any change', (_name, life) => {
  it('keeps what was flushed, and reads the same each time', { timeout: 120_000 }, async () => {
    await playAll(life);
  });
});

describe('a broken variant', () => {
  it.each<[string, Life]>([
    ['does not note what its legs hold', { layout: MIRROR, failing: '/a.img', forgetful: true }],
    [
      'notes that a leg is in sync before that is durable',
      { layout: MIRROR, failing: '/a.img', returns: true, hurried: true },
    ],
    ['grows before its parts have, durably', { layout: STRIPE, grows: true, boastful: true }],
  ])('that %s is caught', { timeout: 120_000 }, async (_name, life) => {
    const caught = await playAll(life).catch((error: unknown) => error);
    expect(String(caught)).toMatch(/power gone after change \d+/);
  });
});

describe('a disk of several parts whose calls fail', () => {
  it.each(
    DISK_CALLS.flatMap((call) => [MIRROR, STRIPE].map((layout) => [call, layout.kind, layout] as const)),
  )(
    '%s of a %s: fails with a typed error or goes without, and keeps what was flushed',
    { timeout: 120_000 },
    async (call, _kind, layout) => {
      for (const code of call === 'write' ? ['EIO', 'ENOSPC'] : ['EIO']) {
        for (let nth = 1; nth <= 40; nth++) {
          const one = world();
          const promised = nothing();
          one.simulated.faults.fail(call, nth, code);
          const failed = await live(one, { layout }, promised).catch((error: unknown) => error);
          one.clock.stopped = true;
          const where = `${call} ${nth} ${code}`;
          if (failed instanceof Error) expect(['ContainerError', 'BlockError'], where).toContain(failed.name);
          one.simulated.crash(nth);
          const clock = new HastyClock();
          try {
            await check({ ...one.seams, clock, processes: new FakeProcesses({ pid: 2 }) }, promised);
          } catch (error) {
            throw new Error(`${where}: ${String(error)}`, { cause: error });
          } finally {
            clock.stopped = true;
          }
        }
      }
    },
  );
});
