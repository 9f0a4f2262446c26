import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import {
  ContainerError,
  readContainerInfo,
  StorageObject,
  type StorageObjectSeams,
} from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';

const PATH = '/disk.lun';
const SIZE = 2 ** 20;
const SEEDS = 12;

/** What has been promised so far: a crash may lose nothing of it. */
interface Promised {
  created: boolean;
  identity: Uint8Array | undefined;
  /** Attribute values that the container may show: the last one that was answered, and one under way. */
  names: (string | undefined)[];
  sizes: number[];
  flushed: number | undefined;
}

const nothing = (): Promised => ({
  created: false,
  identity: undefined,
  names: [undefined],
  sizes: [SIZE],
  flushed: undefined,
});

/** A life of an object with every kind of header update in it. Stops by an exception when the power goes. */
async function live(seams: StorageObjectSeams, promised: Promised): Promise<void> {
  const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE });
  promised.created = true;
  promised.identity = object.identity;
  for (const name of ['one', 'two', 'x'.repeat(20_000), 'three']) {
    promised.names.push(name);
    await object.updateAttributes({ name });
    promised.names = [name];
  }
  await object.device.write([Buffer.alloc(512, 0xda)], 4096);
  await object.device.flush();
  promised.flushed = 0xda;
  promised.sizes.push(2 * SIZE);
  await object.grow(2 * SIZE);
  promised.sizes = [2 * SIZE];
  await object.close();
}

async function check(seams: StorageObjectSeams, promised: Promised): Promise<void> {
  if (!promised.created) {
    // Not there at all, or whole.
    const info = await readContainerInfo(PATH, seams).catch((error: unknown) => error);
    if (info instanceof ContainerError) {
      expect(info.code).toBe('CONTAINER_NOT_FOUND');
      return;
    }
  }
  const object = await StorageObject.open(PATH, seams);
  expect(object.continuity).not.toBe('foreign');
  if (promised.identity) expect(object.identity).toEqual(promised.identity);
  expect(promised.names).toContain(object.attributes.name);
  expect(promised.sizes).toContain(object.device.size);
  const block = Buffer.alloc(512);
  await object.device.read([block], 4096);
  if (promised.flushed !== undefined) expect(block).toEqual(Buffer.alloc(512, promised.flushed));
  await object.updateAttributes({ name: 'after' });
  await object.close();
  expect(await readContainerInfo(PATH, seams)).toMatchObject({
    continuity: 'clean',
    attributes: { name: 'after' },
  });
}

async function countChanges(): Promise<number> {
  const disk = new SimulatedDisk();
  await live({ disk, processes: new FakeProcesses() }, nothing());
  return disk.faults.changes;
}

describe('an object whose power goes', () => {
  it('keeps every promise, at whatever change it goes and whatever the disk makes of it', async () => {
    const changes = await countChanges();
    expect(changes).toBeGreaterThan(30);
    for (let stopAt = 0; stopAt <= changes; stopAt += 1) {
      for (let seed = 0; seed < SEEDS; seed += 1) {
        const disk = new SimulatedDisk();
        const random = new SeededRandom(seed);
        const promised = nothing();
        disk.faults.haltAfter(stopAt);
        await live({ disk, random, processes: new FakeProcesses({ pid: 1 }) }, promised).catch(
          () => undefined,
        );
        disk.crash(seed * 1000 + stopAt);
        try {
          await check({ disk, random, processes: new FakeProcesses({ pid: 2 }) }, promised);
        } catch (error) {
          throw new Error(`seed ${seed}, power gone after change ${stopAt}`, { cause: error });
        }
      }
    }
  });

  it('keeps every promise over a row of crashes', async () => {
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const disk = new SimulatedDisk();
      const random = new SeededRandom(seed);
      await (
        await StorageObject.create(PATH, { disk, random, sizeBytes: SIZE, processes: new FakeProcesses() })
      ).close();
      let name: string | undefined;
      for (let round = 0; round < 20; round += 1) {
        const processes = new FakeProcesses({ pid: 1000 + round });
        const object = await StorageObject.open(PATH, { disk, random, processes });
        expect(object.attributes.name, `seed ${seed}, round ${round}`).toBe(name);
        name = `round ${round}`;
        await object.updateAttributes({ name });
        disk.crash(seed * 100 + round);
      }
    }
  });
});

describe('a header update that fails', () => {
  it.each(['write', 'sync'] as const)(
    'at the %s is reported, and the one before still stands',
    async (call) => {
      const disk = new SimulatedDisk();
      const processes = new FakeProcesses();
      const object = await StorageObject.create(PATH, { disk, processes, sizeBytes: SIZE });
      await object.updateAttributes({ name: 'before' });
      disk.faults.fail(call, 1, 'EIO');
      await expect(object.updateAttributes({ name: 'lost' })).rejects.toMatchObject({ code: 'CONTAINER_IO' });
      expect(object.attributes.name).toBe('before');
      disk.crash(1);
      const again = await StorageObject.open(PATH, { disk, processes });
      expect(['before', 'lost']).toContain(again.attributes.name);
      await again.close();
    },
  );

  it('at the sync faults the disk: what the kernel lost there may have been its data', async () => {
    const disk = new SimulatedDisk();
    const object = await StorageObject.create(PATH, {
      disk,
      processes: new FakeProcesses(),
      sizeBytes: SIZE,
    });
    disk.faults.fail('sync', 1, 'EIO');
    await expect(object.updateAttributes({ name: 'lost' })).rejects.toMatchObject({ code: 'CONTAINER_IO' });
    await expect((async () => object.device.flush())()).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
    await expect(object.close()).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
  });
});

describe('create', () => {
  it.each(['open', 'truncate', 'write', 'sync', 'link', 'syncDirectory'] as const)(
    'that fails at %s leaves nothing behind',
    async (call) => {
      const disk = new SimulatedDisk();
      disk.faults.fail(call, 1, 'ENOSPC');
      const created = StorageObject.create(PATH, { disk, processes: new FakeProcesses(), sizeBytes: SIZE });
      await expect(created).rejects.toMatchObject({ code: 'CONTAINER_IO' });
      expect(await disk.readdir('/')).toEqual([]);
    },
  );
});
