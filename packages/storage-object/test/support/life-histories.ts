import { SeededRandom, SimulatedDisk, type Disk, type DiskFile } from '@lunbox/block';
import { expect } from 'vitest';
import {
  checkContainer,
  deleteContainer,
  exportContainer,
  importImage,
  readContainerInfo,
  renameContainer,
  repairDrafts,
  scanCatalog,
  shrinkContainer,
  StorageObject,
  type NewLayout,
  type NewProtection,
  type StorageObjectSeams,
} from '../../src/index.ts';
import { FakeProcesses } from './fake-processes.ts';

const CONTAINER = '/disk.lun';
const RENAMED = '/other.lun';
const COPY = '/copy.lun';
const IMAGE = '/disk.img';
const PROTECTION = Buffer.alloc(512, 0x91);
const SIZE = 2 ** 19;
const SMALLER = 2 ** 18;
const SEEDS = 24;

/** What is done to a disk, and what must hold when it was cut off. */
export interface LifeHistory {
  /** For each change at which the power goes; fewer where there are many changes. */
  readonly seeds?: number;
  prepare(seams: StorageObjectSeams): Promise<void>;
  act(seams: StorageObjectSeams): Promise<unknown>;
  check(seams: StorageObjectSeams): Promise<void>;
}

/** What is stored: something in the middle of one chunk, and at the end of the disk. */
const CONTENT = Buffer.alloc(SIZE);
CONTENT.fill(0xda, 70_000, 90_000);
CONTENT.fill(0xe1, SIZE - 512);

async function makeContainer(seams: StorageObjectSeams): Promise<void> {
  const object = await StorageObject.create(CONTAINER, { ...seams, sizeBytes: SIZE });
  await object.device.write([CONTENT], 0);
  await object.close();
}

/** As `cp` does: the same bytes in another file. */
async function copyContainer({ disk }: StorageObjectSeams): Promise<void> {
  const [source, target] = [await disk!.open(CONTAINER, 'read'), await disk!.open(COPY, 'create')];
  const { sizeBytes } = await source.status();
  const bytes = Buffer.alloc(sizeBytes);
  await source.read([bytes], 0);
  await target.write([bytes], 0);
  await target.sync();
  await Promise.all([source.close(), target.close()]);
  await disk!.syncDirectory('/');
}

async function makeImage({ disk }: StorageObjectSeams): Promise<void> {
  const image = await disk!.open(IMAGE, 'create');
  await image.truncate(SIZE);
  await image.write([CONTENT.subarray(65_536, 131_072)], 65_536);
  await image.write([CONTENT.subarray(SIZE - 512)], SIZE - 512);
  await image.sync();
  await image.close();
  await disk!.syncDirectory('/');
}

/** Opens a container for writing and compares its disk with what it must hold; answers its size. */
async function compareContainer(path: string, seams: StorageObjectSeams): Promise<number> {
  const object = await StorageObject.open(path, seams);
  const { device } = object;
  const found = Buffer.alloc(device.size);
  await device.read([found], 0);
  await object.close();
  expect(found.equals(CONTENT.subarray(0, device.size)), `content of ${path}`).toBe(true);
  return device.size;
}

async function isImage({ disk }: StorageObjectSeams): Promise<boolean> {
  const found = Buffer.alloc(SIZE + 1);
  const image = await disk!.open(IMAGE, 'read');
  const lengthBytes = await image.read([found], 0);
  await image.close();
  return found.subarray(0, lengthBytes).equals(CONTENT);
}

const namesOf = ({ disk }: StorageObjectSeams): Promise<string[]> => disk!.readdir('/');

const PARTS = ['a.img', 'b.img'];
const STRIPE: NewLayout = {
  kind: 'stripe',
  stripeBytes: 65_536,
  parts: PARTS.map((path) => ({ kind: 'file', path })),
};

async function makeCombined(seams: StorageObjectSeams): Promise<void> {
  const object = await StorageObject.create(CONTAINER, { ...seams, sizeBytes: SIZE, layout: STRIPE });
  await object.device.write([CONTENT], 0);
  await object.close();
}

/** What is left of disks, parts and drafts. */
async function leftOf(seams: StorageObjectSeams): Promise<string[]> {
  return (await namesOf(seams)).filter((name) => /\.(lun|img|new)$/.test(name));
}

/** A disk of several parts that was to go is whole, or goes now; nothing of it stays that nobody tells of. */
async function checkDeletion(seams: StorageObjectSeams): Promise<void> {
  const names = await leftOf(seams);
  if (!names.includes('disk.lun')) return expect(names, 'parts without a disk').toEqual([]);
  const { findings } = await checkContainer(CONTAINER, seams);
  if (findings.some(({ code }) => code === 'DELETION_UNFINISHED')) {
    await expect(StorageObject.open(CONTAINER, seams)).rejects.toMatchObject({ code: 'CONTAINER_DELETING' });
    const { objects } = await scanCatalog(['/'], seams);
    expect(objects[0]?.findings).toContainEqual(expect.objectContaining({ code: 'DELETION_UNFINISHED' }));
  } else {
    expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
  }
  // The header that was to say so is not whole; the one that is does not know of it.
  const force = findings.some(({ code }) => code === 'HEADER_DAMAGED');
  await deleteContainer(CONTAINER, { ...seams, force });
  expect(await leftOf(seams)).toEqual([]);
}

/** The life of a disk, one change at a time. */
export const LIFE_HISTORIES: Readonly<Record<string, LifeHistory>> = {
  'import that deletes the image': {
    prepare: makeImage,
    act: (seams) => importImage(IMAGE, CONTAINER, { ...seams, original: 'delete' }),
    async check(seams) {
      const names = await namesOf(seams);
      if (names.includes('disk.img')) expect(await isImage(seams), 'the image').toBe(true);
      else expect(names, 'there is neither').toContain('disk.lun');
      if (names.includes('disk.lun')) expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
    },
  },
  'import in place': {
    prepare: makeImage,
    act: (seams) => importImage(IMAGE, IMAGE, { ...seams, preallocate: true }),
    async check(seams) {
      if (await isImage(seams)) return;
      expect(await compareContainer(IMAGE, seams)).toBe(SIZE);
    },
  },
  shrink: {
    prepare: makeContainer,
    act: (seams) => shrinkContainer(CONTAINER, SMALLER, { ...seams, discardData: true }),
    async check(seams) {
      const sizeBytes = await compareContainer(CONTAINER, seams);
      expect([SIZE, SMALLER]).toContain(sizeBytes);
      const { findings } = await checkContainer(CONTAINER, seams);
      expect(findings.filter(({ code }) => code !== 'FILE_LONG')).toEqual([]);
      if (sizeBytes === SIZE) return;
      const object = await StorageObject.open(CONTAINER, seams);
      await object.grow(SIZE);
      const end = Buffer.alloc(512, 1);
      await object.device.read([end], SIZE - 512);
      await object.close();
      expect(end.equals(Buffer.alloc(512)), 'what was cut off comes back').toBe(true);
    },
  },
  rename: {
    prepare: makeContainer,
    act: (seams) => renameContainer(CONTAINER, RENAMED, seams),
    async check(seams) {
      const names = (await namesOf(seams)).filter((name) => name.endsWith('.lun'));
      expect(names, 'there is no name').not.toEqual([]);
      for (const name of names) expect(await compareContainer(`/${name}`, seams)).toBe(SIZE);
    },
  },
  'deleting drafts': {
    // What is left of a create that was cut off between its two names, and of one that was cut off before.
    async prepare(seams) {
      await makeContainer(seams);
      await seams.disk!.link(CONTAINER, `${CONTAINER}.0123456789ab.new`);
      for (const name of ['a', 'b']) {
        const file = await seams.disk!.open(`/${name}.ba9876543210.new`, 'create');
        await file.write([CONTENT.subarray(65_536, 131_072)], 0);
        await file.sync();
        await file.close();
      }
      await seams.disk!.syncDirectory('/');
    },
    act: async (seams) => void (await repairDrafts('/', { ...seams, apply: true })),
    async check(seams) {
      expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
      expect((await repairDrafts('/', { ...seams, apply: true })).check.findings).toEqual([]);
      expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
    },
  },
  'create, preallocated and with protection': {
    prepare: () => Promise.resolve(),
    async act(seams) {
      const protection: NewProtection = {
        areaBytes: 2 ** 20,
        format: async ({ area }) => area.write([PROTECTION], 0),
      };
      const options = { ...seams, sizeBytes: SIZE, preallocate: true, protection };
      await (await StorageObject.create(CONTAINER, options)).close();
    },
    async check(seams) {
      if (!(await namesOf(seams)).includes('disk.lun')) return;
      const object = await StorageObject.open(CONTAINER, seams);
      const [data, area] = [Buffer.alloc(SIZE, 1), Buffer.alloc(512)];
      await object.device.read([data], 0);
      await object.protection!.area.read([area], 0);
      await object.close();
      expect([data.equals(Buffer.alloc(SIZE)), area.equals(PROTECTION)]).toEqual([true, true]);
    },
  },
  'adopt a copy': {
    async prepare(seams) {
      await makeContainer(seams);
      await copyContainer(seams);
    },
    act: async (seams) => (await StorageObject.open(COPY, seams)).close(),
    async check(seams) {
      expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
      expect(await compareContainer(COPY, seams)).toBe(SIZE);
      const [original, copy] = [
        await readContainerInfo(CONTAINER, seams),
        await readContainerInfo(COPY, seams),
      ];
      expect(copy.identity, 'two disks have one identity').not.toBe(original.identity);
      expect(copy.origin).toBe(original.identity);
    },
  },
  export: {
    prepare: makeContainer,
    act: (seams) => exportContainer(CONTAINER, IMAGE, seams),
    async check(seams) {
      expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
      if ((await namesOf(seams)).includes('disk.img')) expect(await isImage(seams), 'the image').toBe(true);
    },
  },
  'create, of several parts': {
    seeds: 6,
    prepare: () => Promise.resolve(),
    act: async (seams) => {
      const options = { ...seams, sizeBytes: SIZE, layout: STRIPE };
      await (await StorageObject.create(CONTAINER, options)).close();
    },
    async check(seams) {
      await repairDrafts('/', { ...seams, apply: true });
      const names = await leftOf(seams);
      if (!names.includes('disk.lun')) return expect(names, 'parts that nobody tells of').toEqual([]);
      expect(names).toEqual([...PARTS, 'disk.lun']);
      await (await StorageObject.open(CONTAINER, seams)).close();
    },
  },
  'import, to several parts': {
    seeds: 6,
    prepare: makeImage,
    act: (seams) => importImage(IMAGE, CONTAINER, { ...seams, layout: STRIPE, original: 'delete' }),
    async check(seams) {
      await repairDrafts('/', { ...seams, apply: true });
      const names = await leftOf(seams);
      if (names.includes('disk.img')) expect(await isImage(seams), 'the image').toBe(true);
      else expect(names, 'there is neither').toContain('disk.lun');
      if (names.includes('disk.lun')) expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
      else expect(names, 'parts that nobody tells of').toEqual(['disk.img']);
    },
  },
  'shrink, of several parts': {
    seeds: 6,
    prepare: makeCombined,
    act: (seams) => shrinkContainer(CONTAINER, SMALLER, { ...seams, discardData: true }),
    async check(seams) {
      const sizeBytes = await compareContainer(CONTAINER, seams);
      expect([SIZE, SMALLER]).toContain(sizeBytes);
      if (sizeBytes === SIZE) return;
      const object = await StorageObject.open(CONTAINER, seams);
      await object.grow(SIZE);
      const end = Buffer.alloc(SIZE - SMALLER, 1);
      await object.device.read([end], SMALLER);
      await object.close();
      expect(end.equals(Buffer.alloc(SIZE - SMALLER)), 'what was cut off comes back').toBe(true);
    },
  },
  'delete, of several parts': {
    seeds: 6,
    prepare: makeCombined,
    act: async (seams) => void (await deleteContainer(CONTAINER, seams)),
    check: checkDeletion,
  },
  delete: {
    prepare: makeContainer,
    act: async (seams) => void (await deleteContainer(CONTAINER, seams)),
    async check(seams) {
      if ((await namesOf(seams)).includes('disk.lun'))
        expect(await compareContainer(CONTAINER, seams)).toBe(SIZE);
    },
  },
};

/** A world for one run, and a second one for after it: with the same disk and other processes. */
export function worldsOf(disk: SimulatedDisk, seed: number): [StorageObjectSeams, StorageObjectSeams] {
  const random = new SeededRandom(seed);
  return [
    { disk, random, processes: new FakeProcesses({ pid: 1 }) },
    { disk, random, processes: new FakeProcesses({ pid: 2 }) },
  ];
}

/** A disk for the act alone, such as one that does not do what it says. */
export type Variant = (disk: SimulatedDisk) => Disk;

/** Lets the power go at every change of a history; throws what the check finds wrong. */
export async function cutOffEverywhere(
  history: LifeHistory,
  variant: Variant = (disk) => disk,
): Promise<number> {
  const changes = await countChanges(history, variant);
  for (let stopAt = 0; stopAt <= changes; stopAt++) {
    for (let seed = 0; seed < (history.seeds ?? SEEDS); seed++) {
      const disk = new SimulatedDisk();
      const [before, after] = worldsOf(disk, seed);
      await history.prepare(before);
      disk.faults.haltAfter(stopAt);
      await history.act({ ...before, disk: variant(disk) }).catch((error: unknown) => {
        if (!disk.faults.halted) throw error;
      });
      disk.crash(seed * 1000 + stopAt);
      try {
        await history.check(after);
      } catch (error) {
        throw new Error(`seed ${seed}, power gone after change ${stopAt}`, { cause: error });
      }
    }
  }
  return changes;
}

async function countChanges(history: LifeHistory, variant: Variant): Promise<number> {
  const disk = new SimulatedDisk();
  const [seams] = worldsOf(disk, 0);
  await history.prepare(seams);
  const before = disk.faults.changes;
  await history.act({ ...seams, disk: variant(disk) });
  return disk.faults.changes - before;
}

/** A disk whose files say that they are durable and are not. */
export const withoutFileSync: Variant = (disk) =>
  wrapped(disk, {
    open: async (path: string, mode: 'read' | 'write' | 'create') =>
      wrapped<DiskFile>(await disk.open(path, mode), {
        sync: () => Promise.resolve(),
        copyFrom: () => undefined,
      }),
  });

/** A disk whose names are said to be durable and are not. */
export const withoutNameSync: Variant = (disk) => wrapped(disk, { syncDirectory: () => Promise.resolve() });

function wrapped<T extends object>(inner: T, instead: Partial<T>): T {
  return new Proxy(inner, {
    get(target, key) {
      if (key in instead) return instead[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
