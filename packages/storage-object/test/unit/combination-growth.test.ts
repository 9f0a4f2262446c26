import { describe, expect, it } from 'vitest';
import { checkContainer, readContainerInfo, StorageObject, type NewLayout } from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import {
  block,
  concat,
  file,
  LAYOUTS,
  MIB,
  mirror,
  PATH,
  read,
  settled,
  SIZE,
  slice,
  stripe,
  world,
  type World,
} from '../support/combined.ts';

const create = (seams: World, layout: NewLayout): Promise<StorageObject> =>
  StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout });

describe.each(LAYOUTS)('%s that grows while it is used', (_name, layout) => {
  it('keeps what it has, reads as zeroes behind it, and tells who listens, once', async () => {
    const seams = world();
    const object = await create(seams, layout);
    const sizes: number[] = [];
    object.device.onResize((size) => sizes.push(size));
    await object.device.write([Buffer.alloc(SIZE, 7)], 0);
    const larger = 2 * SIZE + 512;
    await object.grow(larger);
    expect(sizes).toEqual([larger]);
    expect((await read(object.device, 0, SIZE)).equals(Buffer.alloc(SIZE, 7))).toBe(true);
    expect((await read(object.device, SIZE, SIZE + 512)).equals(Buffer.alloc(SIZE + 512))).toBe(true);
    await object.device.write([block(9)], larger - 512);
    await object.grow(larger);
    await object.close();
    expect(await checkContainer(PATH, seams)).toMatchObject({ findings: [] });
    const again = await StorageObject.open(PATH, seams);
    expect(again.device.size).toBe(larger);
    expect(await read(again.device, larger - 512)).toEqual(block(9));
    expect((await read(again.device, SIZE - 512))[0]).toBe(7);
    await again.close();
  });
});

describe('the parts of a disk that grows', () => {
  const sizesOf = async (seams: World): Promise<(number | undefined)[]> =>
    ((await readContainerInfo(PATH, seams)).layout?.parts ?? []).map(({ sizeBytes }) => sizeBytes);

  it.each<[string, NewLayout, number[]]>([
    ['the last one of a concatenation', concat(file('a.img', MIB), file('b.img')), [MIB, 7 * MIB]],
    ['all of a stripe', stripe(file('a.img'), file('b.img')), [4 * MIB, 4 * MIB]],
    ['all of a mirror', mirror(file('a.img'), file('b.img')), [8 * MIB, 8 * MIB]],
    ['that of a slice, as far as the slice goes', slice(MIB, SIZE, file('a.img')), [9 * MIB]],
  ])('are %s', async (_name, layout, sizes) => {
    const seams = world();
    const object = await create(seams, layout);
    await object.grow(2 * SIZE);
    await object.close();
    expect(await sizesOf(seams)).toEqual(sizes);
  });

  it('show nothing that somebody left behind them', async () => {
    const seams = world();
    const object = await create(seams, mirror(file('a.img'), file('b.img')));
    for (const name of ['/a.img', '/b.img']) {
      const handle = await seams.disk.open(name, 'write');
      await handle.write([Buffer.alloc(MIB, 0xee)], (await handle.status()).sizeBytes);
      await handle.close();
    }
    await object.grow(2 * SIZE);
    expect((await read(object.device, SIZE, SIZE)).equals(Buffer.alloc(SIZE))).toBe(true);
    await object.close();
  });
});

describe('growing is refused, and changes nothing', () => {
  it.each([
    [SIZE - 512, 'CONTAINER_BAD_SIZE'],
    [SIZE + 100, 'CONTAINER_BAD_SIZE'],
  ])('to %d bytes', async (sizeBytes, code) => {
    const object = await create(world(), stripe(file('a.img'), file('b.img')));
    await expect(object.grow(sizeBytes)).rejects.toMatchObject({ code });
    expect(object.device.size).toBe(SIZE);
    await object.close();
  });

  it('while a leg of a mirror is missing, or not in sync; afterwards it can', async () => {
    const seams = world();
    const layout = mirror(file('a.img'), file('b.img'));
    await (await create(seams, layout)).close();
    await seams.disk.rename('/a.img', '/away.img');
    const object = await StorageObject.open(PATH, seams);
    await expect(object.grow(2 * SIZE)).rejects.toMatchObject({ code: 'CONTAINER_PART_STALE' });
    expect(object.device.size).toBe(SIZE);
    await object.device.write([block(5)], 0);
    await seams.disk.rename('/away.img', '/a.img');
    await settled(object);
    await object.grow(2 * SIZE);
    await object.device.write([block(6)], 2 * SIZE - 512);
    // A leg that fails after that comes back with the size that it has now.
    seams.disk.failing.add('/a.img');
    await object.device.write([block(7)], 512);
    seams.disk.failing.clear();
    await settled(object);
    await object.close();
    await seams.disk.rename('/b.img', '/gone.img');
    const alone = await StorageObject.open(PATH, seams);
    expect(alone.device.size).toBe(2 * SIZE);
    for (const [offset, fill] of [
      [0, 5],
      [512, 7],
      [2 * SIZE - 512, 6],
    ] as const)
      expect(await read(alone.device, offset)).toEqual(block(fill));
    await alone.close();
  });

  it('by a part that fails; the disk has its old size then, also when it is opened again', async () => {
    const seams = world();
    const object = await create(seams, stripe(file('a.img'), file('b.img')));
    await object.device.write([block(5)], 0);
    await object.device.flush();
    seams.disk.failing.add('/b.img');
    await expect(object.grow(2 * SIZE)).rejects.toMatchObject({ code: 'CONTAINER_IO' });
    expect(object.device.size).toBe(SIZE);
    seams.disk.failing.clear();
    await object.close().catch(() => undefined);
    const again = await StorageObject.open(PATH, seams);
    expect(again.device.size).toBe(SIZE);
    expect(await read(again.device)).toEqual(block(5));
    await again.grow(2 * SIZE);
    expect(again.device.size).toBe(2 * SIZE);
    await again.close();
  });

  it('by a disk in one file that has failed: neither its header nor its size changes', async () => {
    const seams = world();
    const object = await StorageObject.create(PATH, { ...seams, sizeBytes: SIZE });
    await object.device.write([block(5)], 0);
    seams.disk.failing.add(PATH);
    await Promise.resolve(object.device.flush()).catch(() => undefined);
    seams.disk.failing.clear();
    const before = await object.info();
    await expect(object.grow(2 * SIZE)).rejects.toMatchObject({ code: 'BLOCK_FAULTED' });
    expect(object.device.size).toBe(SIZE);
    expect(await object.info()).toMatchObject({
      capacityBytes: SIZE,
      headerSequence: before.headerSequence,
    });
    expect(await readContainerInfo(PATH, seams)).toMatchObject({ capacityBytes: SIZE });
    await object.close().catch(() => undefined);
  });
});

describe('a container that is older than its parts', () => {
  const copyOf = async (seams: World): Promise<() => Promise<void>> => {
    const source = await seams.disk.open(PATH, 'read');
    const bytes = Buffer.alloc((await source.status()).sizeBytes);
    await source.read([bytes], 0);
    await source.close();
    return async () => {
      const target = await seams.disk.open(PATH, 'write');
      await target.write([bytes], 0);
      await target.close();
    };
  };

  it('is refused: it does not know what a leg has missed', async () => {
    const seams = world();
    await (await create(seams, mirror(file('a.img'), file('b.img')))).close();
    const putBack = await copyOf(seams);
    const object = await StorageObject.open(PATH, seams);
    seams.disk.failing.add('/a.img');
    await object.device.write([block(2)], 0);
    await object.close();
    seams.disk.failing.clear();
    await putBack();
    await expect(StorageObject.open(PATH, seams)).rejects.toMatchObject({ code: 'CONTAINER_PART_WRONG' });
    expect((await checkContainer(PATH, seams)).findings.map(({ code }) => code)).toContain('PART_WRONG');
  });

  it('and whose last use was cut short reads from the leg that was used', async () => {
    const seams = world();
    await (await create(seams, mirror(file('a.img'), file('b.img')))).close();
    const putBack = await copyOf(seams);
    await seams.disk.rename('/a.img', '/away.img');
    await seams.disk.syncDirectory('/');
    const object = await StorageObject.open(PATH, seams);
    await object.device.write([block(2)], 0);
    await object.device.flush();
    seams.clock.stopped = true;
    seams.simulated.crash(1);
    await putBack();
    await seams.disk.rename('/away.img', '/a.img');
    const other = { ...world(), disk: seams.disk, processes: new FakeProcesses({ pid: 2 }) };
    const again = await StorageObject.open(PATH, other);
    expect(await read(again.device)).toEqual(block(2));
    await settled(again);
    await again.close();
  });
});

describe('quotas of a disk of several parts', () => {
  it('count what its parts take, and copies once', async () => {
    const users = [{ name: 'eve', permission: 'write', quotaBytes: 4 * MIB }] as const;
    const seams = world();
    const layout = mirror(file('a.img'), file('b.img'));
    const object = await StorageObject.create(PATH, {
      ...seams,
      sizeBytes: SIZE,
      layout,
      attributes: { users: [...users] },
    });
    await object.device.write([Buffer.alloc(MIB, 1)], 0);
    const space = object.rightsOf('eve')?.space;
    await expect(space?.reserve(MIB, 3 * MIB)).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    expect(await space?.reserve(MIB, 2 * MIB)).toBe(2 * MIB);
    await object.close();
  });
});
