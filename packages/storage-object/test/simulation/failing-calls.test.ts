import { BlockError, DISK_CALLS, SimulatedDisk, type Disk } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { checkContainer, ContainerError, StorageObject, type StorageObjectSeams } from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { withShortWrite } from '../support/wrapped-disk.ts';

const PATH = '/disk.lun';
const COPY = '/copy.lun';
const SIZE = 64 << 10;
const HEADERS_END = 320 << 10;
const ERRNOS = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES'] as const;

const seamsOf = (disk: Disk, pid: number): StorageObjectSeams => ({
  disk,
  processes: new FakeProcesses({ pid }),
});

async function create(disk: Disk): Promise<void> {
  const object = await StorageObject.create(PATH, { ...seamsOf(disk, 1), sizeBytes: SIZE });
  try {
    await object.updateAttributes({ name: 'old' });
    await object.device.write([Buffer.alloc(512, 0x0d)], 512);
  } finally {
    await object.close();
  }
}

async function copy(disk: Disk): Promise<void> {
  const [source, target] = [await disk.open(PATH, 'read'), await disk.open(COPY, 'create')];
  await target.truncate((await source.status()).sizeBytes);
  const headers = Buffer.alloc(HEADERS_END);
  await source.read([headers], 0);
  await target.write([headers], 0);
  await target.sync();
  await Promise.all([source.close(), target.close()]);
  await disk.syncDirectory('/');
}

/** What is done while a call fails, and whether there is a container before. */
interface Operation {
  readonly name: string;
  readonly prepare: (disk: Disk) => Promise<void>;
  readonly run: (disk: Disk) => Promise<void>;
}

async function withObject(disk: Disk, use: (object: StorageObject) => Promise<void>): Promise<void> {
  const object = await StorageObject.open(PATH, seamsOf(disk, 1));
  try {
    await use(object);
  } finally {
    await object.close();
  }
}

const OPERATIONS: readonly Operation[] = [
  { name: 'create', prepare: () => Promise.resolve(), run: create },
  { name: 'open and close', prepare: create, run: (disk) => withObject(disk, () => Promise.resolve()) },
  {
    name: 'a change of attributes',
    prepare: create,
    run: (disk) => withObject(disk, (object) => object.updateAttributes({ name: 'new' })),
  },
  {
    name: 'the use of the disk',
    prepare: create,
    run: (disk) =>
      withObject(disk, async (object) => {
        const { device } = object;
        await device.write([Buffer.alloc(8192, 1)], 4096);
        await device.writeZeroes(4096, 4096);
        await device.writeZeroes(8192, 2048, { mayUnmap: true });
        await device.unmap(10_240, 2048);
        await device.flush();
        await object.space();
      }),
  },
  { name: 'growing', prepare: create, run: (disk) => withObject(disk, (object) => object.grow(2 * SIZE)) },
  {
    name: 'adopting a copy',
    prepare: async (disk) => {
      await create(disk);
      await copy(disk);
    },
    run: async (disk) => (await StorageObject.open(COPY, seamsOf(disk, 1))).close(),
  },
];

const isTyped = (error: unknown): boolean => error instanceof ContainerError || error instanceof BlockError;

/** Afterwards the container is not there, or has the old or the new state, and can be used. */
async function judge(disk: SimulatedDisk, crashed: boolean): Promise<void> {
  const seams = seamsOf(disk, 2);
  let object: StorageObject;
  try {
    object = await StorageObject.open(PATH, seams);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONTAINER_NOT_FOUND' });
    return;
  }
  expect(['old', 'new', undefined]).toContain(object.attributes.name);
  expect([SIZE, 2 * SIZE]).toContain(object.device.size);
  expect(object.continuity).not.toBe('foreign');
  const block = Buffer.alloc(512);
  await object.device.read([block], 512);
  if (!crashed) expect([0, 0x0d]).toContain(block[0]);
  const identity = Buffer.from(object.identity);
  await object.updateAttributes({ name: 'after' });
  await object.close();
  const { findings } = await checkContainer(PATH, seams);
  expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
  if (!(await disk.readdir('/')).includes('copy.lun')) return;
  const adopted = await StorageObject.open(COPY, seams);
  expect(Buffer.from(adopted.identity).equals(identity)).toBe(false);
  expect(adopted.attributes.name).toBe('old');
  await adopted.close();
}

/** Fails the first, the second … call until the operation makes no more of them; answers how many it made. */
async function failEach(
  { prepare, run }: Operation,
  plan: (disk: SimulatedDisk, nth: number) => { disk: Disk; wasMade: () => boolean },
  crash: boolean,
): Promise<number> {
  for (let nth = 1; ; nth++) {
    const simulated = new SimulatedDisk({ immediate: true });
    await prepare(simulated);
    const { disk, wasMade } = plan(simulated, nth);
    const error: unknown = await run(disk).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!wasMade()) return nth - 1;
    if (error !== undefined && !isTyped(error)) throw error as Error;
    simulated.faults.clear();
    if (crash) simulated.crash(nth);
    await judge(simulated, crash);
  }
}

describe.each(OPERATIONS)('$name, when a call of the disk fails', (operation) => {
  it.each(DISK_CALLS)(
    '%s: ends in a typed error or goes without, and leaves the old state or the new',
    async (call) => {
      for (const errno of ERRNOS) {
        for (const crash of [false, true]) {
          const made = await failEach(
            operation,
            (disk, nth) => {
              disk.faults.fail(call, nth, errno);
              return { disk, wasMade: () => disk.faults.failed > 0 };
            },
            crash,
          );
          expect(made).toBeLessThan(1000);
        }
      }
    },
  );

  it.each(['ENOSPC', 'EIO'])('write, after a part of the bytes (%s): the same', async (errno) => {
    for (const crash of [false, true]) {
      const made = await failEach(
        operation,
        (simulated, nth) => {
          let failed = false;
          const disk = withShortWrite(simulated, nth, errno, () => (failed = true));
          return { disk, wasMade: () => failed };
        },
        crash,
      );
      expect(made).toBeGreaterThan(0);
    }
  });
});

/** An object that has lost what it wrote to its first block, and was told so. */
async function faulted(disk: SimulatedDisk): Promise<StorageObject> {
  const object = await StorageObject.create(PATH, {
    ...seamsOf(disk, 1),
    sizeBytes: SIZE,
    attributes: { name: 'old' },
  });
  await object.device.write([Buffer.alloc(512, 1)], 0);
  await object.device.flush();
  await object.device.write([Buffer.alloc(512, 2)], 0);
  disk.faults.fail('sync', 1, 'EIO');
  await expect((async () => object.device.flush())()).rejects.toMatchObject({ code: 'BLOCK_IO' });
  return object;
}

const firstBlock = async ({ device }: StorageObject): Promise<number | undefined> => {
  const block = Buffer.alloc(512);
  await device.read([block], 0);
  return block.every((byte) => byte === block[0]) ? block[0] : undefined;
};

describe('an object whose sync fails', () => {
  it('says so, once, and tells whoever asks', async () => {
    const disk = new SimulatedDisk();
    const object = await StorageObject.create(PATH, { ...seamsOf(disk, 1), sizeBytes: SIZE });
    const told: unknown[] = [];
    object.onFault((fault) => told.push(fault));
    expect(object.faulted).toBeUndefined();
    disk.faults.fail('sync', 1, 'EIO');
    await expect(object.updateAttributes({ name: 'new' })).rejects.toMatchObject({ code: 'CONTAINER_IO' });
    expect(object.faulted).toMatchObject({ code: 'BLOCK_FAULTED', data: { errno: 'EIO' } });
    expect(told).toEqual([object.faulted]);
  });

  it('grows no more, nor takes attributes: its headers stay as they are, and so does its size', async () => {
    const disk = new SimulatedDisk();
    const object = await faulted(disk);
    const before = await disk.status(PATH);
    await expect(object.grow(2 * SIZE)).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
    await expect(object.updateAttributes({ name: 'new' })).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
    expect(object.device.size).toBe(SIZE);
    expect(object.attributes.name).toBe('old');
    expect(await disk.status(PATH)).toEqual(before);
    disk.endProcesses();
    const again = await StorageObject.open(PATH, seamsOf(disk, 2));
    expect([again.device.size, again.attributes.name]).toEqual([SIZE, 'old']);
    await again.close();
  });

  it('has one size for its header and its disk, wherever growing fails', async () => {
    for (const call of ['write', 'sync', 'truncate', 'status'] as const) {
      for (let nth = 1; ; nth++) {
        const disk = new SimulatedDisk();
        const object = await StorageObject.create(PATH, { ...seamsOf(disk, 1), sizeBytes: SIZE });
        disk.faults.fail(call, nth, 'EIO');
        const error: unknown = await object.grow(2 * SIZE).catch((reason: unknown) => reason);
        if (disk.faults.failed === 0) break;
        disk.faults.clear();
        const { capacityBytes } = await object.info();
        expect(capacityBytes, `${call} ${nth}`).toBe(object.device.size);
        expect(object.device.size, `${call} ${nth}`).toBe(error === undefined ? 2 * SIZE : SIZE);
      }
    }
  });

  it('shows what the medium has when it is opened again, not what the cache remembers', async () => {
    const disk = new SimulatedDisk();
    const object = await faulted(disk);
    expect(await firstBlock(object)).toBe(2);
    disk.endProcesses();
    const again = await StorageObject.open(PATH, seamsOf(disk, 2));
    expect(again.continuity).toBe('unclean');
    expect(await firstBlock(again)).toBe(1);
    await again.device.flush();
    disk.crash(1);
    const last = await StorageObject.open(PATH, seamsOf(disk, 3));
    expect(await firstBlock(last)).toBe(1);
    await last.close();
  });

  it('acknowledges nothing more, says why, and comes back unclean with all that was flushed', async () => {
    const disk = new SimulatedDisk();
    const object = await StorageObject.create(PATH, { ...seamsOf(disk, 1), sizeBytes: SIZE });
    const { device } = object;
    await device.write([Buffer.alloc(512, 1)], 0);
    await device.flush();
    await device.write([Buffer.alloc(512, 2)], 512);
    disk.faults.fail('sync', 1, 'EIO');
    await expect((async () => device.flush())()).rejects.toMatchObject({ name: 'BlockError' });
    for (const attempt of [
      async () => device.write([Buffer.alloc(512, 3)], 1024),
      async () => device.flush(),
      async () => device.unmap(0, 512),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
    }
    await expect(object.close()).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
    disk.crash(1);
    const again = await StorageObject.open(PATH, seamsOf(disk, 2));
    expect(again.continuity).toBe('unclean');
    const block = Buffer.alloc(512);
    await again.device.read([block], 0);
    expect(block.equals(Buffer.alloc(512, 1))).toBe(true);
    await again.device.write([Buffer.alloc(512, 4)], 1024);
    await again.device.flush();
    await again.close();
  });
});
