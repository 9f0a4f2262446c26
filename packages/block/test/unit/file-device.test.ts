import { describe, expect, it } from 'vitest';
import {
  FileDevice,
  openFileDevice,
  SimulatedDisk,
  type BlockDevice,
  type DiskFile,
} from '../../src/index.ts';
import { codeOf, content } from '../support/devices.ts';

const SIZE = 1 << 20;
const block = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);

async function setUp(immediate = true): Promise<{ disk: SimulatedDisk; file: DiskFile; device: FileDevice }> {
  const disk = new SimulatedDisk({ immediate });
  const file = await disk.open('/disk', 'create');
  await file.truncate(4096 + SIZE);
  return { disk, file, device: new FileDevice(file, { dataOffset: 4096, size: SIZE }) };
}

/** Syncs of a file, counted; each waits until it is let go. */
function countSyncs(file: DiskFile): { count: number; letGo(): void } {
  const sync = file.sync.bind(file);
  const state = { count: 0, letGo: (): void => undefined };
  file.sync = async () => {
    state.count++;
    await new Promise<void>((resolve) => (state.letGo = resolve));
    await sync();
  };
  return state;
}

const settled = async (promise: unknown): Promise<boolean> =>
  Promise.race([
    Promise.resolve(promise).then(() => true),
    new Promise<boolean>((resolve) => setImmediate(resolve, false)),
  ]);

describe('FileDevice', () => {
  it('completes hits at once, without a promise', async () => {
    const { device } = await setUp();
    expect(device.write([block(1)], 0)).toBeUndefined();
    expect(device.read([block(0)], 0)).toBeUndefined();
  });

  it('lies at its data offset in the file', async () => {
    const { device, file } = await setUp();
    await device.write([block(5)], 512);
    const raw = Buffer.alloc(512);
    await file.read([raw], 4096 + 512);
    expect(raw).toEqual(Buffer.alloc(512, 5));
  });

  it('refuses later changes after a failed sync, and still reads', async () => {
    const { disk, device } = await setUp();
    await device.write([block(1)], 0);
    disk.faults.fail('sync', 1, 'EIO');
    expect(await codeOf(() => device.flush())).toBe('BLOCK_IO');
    for (const change of [
      () => device.flush(),
      () => device.write([block(2)], 0),
      () => device.unmap(0, 512),
      () => device.writeZeroes(0, 512),
      () => device.grow(2 * SIZE),
    ]) {
      expect(await codeOf(change)).toBe('BLOCK_FAULTED');
    }
    expect((await content(device, 0, 512))[0]).toBe(1);
    expect(await codeOf(() => device.close())).toBe('BLOCK_FAULTED');
  });

  it.each(['EIO', 'ENOSPC', 'EDQUOT'])(
    'has lost writes when a sync fails (%s): no failure that space would mend, and told once',
    async (errno) => {
      const { disk, device } = await setUp();
      const told: string[] = [];
      device.onFault(({ code }) => told.push(code));
      device.onFault(() => told.push('and nobody'))();
      await device.write([block(1)], 0);
      expect(device.faulted).toBeUndefined();
      disk.faults.fail('sync', 1, errno);
      await expect((async () => device.flush())()).rejects.toMatchObject({
        code: 'BLOCK_IO',
        data: { errno },
      });
      expect(device.faulted).toMatchObject({ code: 'BLOCK_FAULTED', data: { errno } });
      expect(device.faulted?.message).toContain(errno);
      device.fault(new Error('again'));
      expect(told).toEqual(['BLOCK_FAULTED']);
    },
  );

  it('adopts a size that the file has gained, also when nothing else can be done any more', async () => {
    const { device, file } = await setUp();
    await file.truncate(4096 + 2 * SIZE);
    const sizes: number[] = [];
    device.onResize((size) => sizes.push(size));
    device.fault(new Error('header'));
    device.adoptSize(2 * SIZE);
    expect([device.size, ...sizes]).toEqual([2 * SIZE, 2 * SIZE]);
    expect(await codeOf(() => device.adoptSize(SIZE))).toBe('BLOCK_INVALID');
  });

  it('can be faulted by whoever synced another part of the file', async () => {
    const { device } = await setUp();
    device.fault(new Error('header'));
    expect(await codeOf(() => device.write([block(2)], 0))).toBe('BLOCK_FAULTED');
  });

  it('tells a full medium from a broken one', async () => {
    const { disk, device } = await setUp(false);
    for (const [errno, code] of [
      ['ENOSPC', 'BLOCK_NO_SPACE'],
      ['EDQUOT', 'BLOCK_NO_SPACE'],
      ['EIO', 'BLOCK_IO'],
    ] as const) {
      disk.faults.fail('write', 1, errno);
      expect(await codeOf(() => device.write([block(2)], 0))).toBe(code);
    }
    disk.faults.fail('read', 1, 'EIO');
    expect(await codeOf(() => content(device, 0, 512))).toBe('BLOCK_IO');
  });

  it('fails a read beyond the end of a file that somebody cut off', async () => {
    const { file, device } = await setUp();
    await file.truncate(4096 + 512);
    expect(await codeOf(() => content(device, 0, 1024))).toBe('BLOCK_IO');
  });

  it('refuses changes when it is read-only', async () => {
    const { file } = await setUp();
    const device: BlockDevice = new FileDevice(file, { size: SIZE, readOnly: true });
    expect(await codeOf(() => device.write([block(1)], 0))).toBe('BLOCK_READ_ONLY');
    expect(await codeOf(() => device.unmap(0, 512))).toBe('BLOCK_READ_ONLY');
    expect(await codeOf(() => device.close())).toBeUndefined();
  });

  it('grows the file, durably, and leaves a file open that it did not open', async () => {
    const { disk, file, device } = await setUp();
    await device.grow(2 * SIZE);
    expect((await file.status()).sizeBytes).toBe(4096 + 2 * SIZE);
    expect(await codeOf(() => device.grow(SIZE))).toBe('BLOCK_INVALID');
    expect(await codeOf(() => device.grow(2 * SIZE + 1))).toBe('BLOCK_INVALID');
    await disk.syncDirectory('/');
    await device.close();
    await file.close();
    disk.crash(1);
    expect((await disk.status('/disk')).sizeBytes).toBe(4096 + 2 * SIZE);
  });

  it('opens a file by path, for what lies behind the data offset', async () => {
    const { disk, file } = await setUp();
    await file.truncate(4096 + 1024 + 100);
    const device = await openFileDevice({ disk, path: '/disk', dataOffset: 4096 });
    expect(device.size).toBe(1024);
    await device.close();
    const tooLong = { disk, path: '/disk', dataOffset: 4096, size: 2048 };
    expect(await codeOf(() => openFileDevice(tooLong))).toBe('BLOCK_INVALID');
  });
});

describe('group commit', () => {
  it('syncs once for all who wait, and again for those who came while it ran', async () => {
    const { file, device } = await setUp();
    const syncs = countSyncs(file);
    await device.write([block(1)], 0);
    const first = device.flush();
    await device.write([block(2)], 0);
    const later = [device.flush(), device.flush(), device.write([block(3)], 512, { fua: true })];
    expect(await settled(first)).toBe(false);
    syncs.letGo();
    await first;
    expect(syncs.count).toBe(2);
    expect(await settled(Promise.race(later.map(async (each) => each)))).toBe(false);
    syncs.letGo();
    await Promise.all(later.map(async (each) => each));
    expect(syncs.count).toBe(2);
  });

  it('has nothing to do when nothing was written since the last sync started', async () => {
    const { file, device } = await setUp();
    await device.flush();
    const syncs = countSyncs(file);
    expect(device.flush()).toBeUndefined();
    expect(syncs.count).toBe(0);
  });

  it('syncs at the first flush, for what an earlier process may have left', async () => {
    const { file, device } = await setUp();
    const syncs = countSyncs(file);
    const flush = device.flush();
    syncs.letGo();
    await flush;
    expect(syncs.count).toBe(1);
  });
});
