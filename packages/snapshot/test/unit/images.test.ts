import { BlockError, FileDevice, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect, it, vi } from 'vitest';
import { SnapshotSet } from '../../src/index.ts';
import {
  contentOf,
  DIRECTORY,
  GRAIN,
  makeDisk,
  OBJECT,
  openSet,
  PATH,
  SIZE,
  type Content,
} from '../support/model.ts';

const random = new SeededRandom(1);

interface Scene {
  readonly disk: SimulatedDisk;
  readonly set: SnapshotSet;
}

async function scene(clones = true): Promise<Scene> {
  const disk = new SimulatedDisk({ clones });
  await makeDisk(disk);
  const set = await openSet(disk, random);
  await fill(set, 1, 0, 6);
  return { disk, set };
}

async function fill(set: SnapshotSet, value: number, grain: number, count = 1): Promise<void> {
  await set.device.write([Buffer.alloc(count * GRAIN, value)], grain * GRAIN);
}

async function read(set: SnapshotSet, name: string): Promise<Content> {
  const view = set.openView(name);
  const content = await contentOf(view);
  await view.close();
  return content;
}

/** Grains that may have changed. */
async function changed(set: SnapshotSet, from: string, to?: string): Promise<number[]> {
  const grains: number[] = [];
  for await (const { offset, length } of set.diff(from, to))
    for (let at = offset; at < offset + length; at += GRAIN) grains.push(at / GRAIN);
  return grains;
}

const filesOf = async (disk: SimulatedDisk, suffix: string): Promise<string[]> =>
  (await disk.readdir(DIRECTORY)).filter((name) => name.endsWith(suffix));

it('saves nothing before an overwrite, and keeps what the disk had', async () => {
  const { disk, set } = await scene();
  const before = await contentOf(set.device);
  expect(await set.create({ name: 'a' })).toMatchObject({ method: 'reflink' });
  await fill(set, 2, 3);
  await set.device.unmap(0, GRAIN);
  expect(await filesOf(disk, '.log')).toEqual([]);
  expect(await read(set, 'a')).toEqual(before);
  expect(await changed(set, 'a')).toEqual([0, 3]);
  expect(await set.usage('a')).toEqual({ exclusiveBytes: 2 * GRAIN, sharedBytes: 0 });
  await set.close();
});

it('lets a log snapshot take over an image when the one with the image is deleted', async () => {
  const { disk, set } = await scene();
  const contents: Content[] = [];
  for (const [index, method] of (['log', 'reflink', 'log'] as const).entries()) {
    contents.push(await contentOf(set.device));
    await set.create({ name: String(index), method });
    await fill(set, 10 + index, index);
    await fill(set, 20 + index, 5);
  }
  await set.delete('1');
  expect(await read(set, '0')).toEqual(contents[0]);
  expect(await changed(set, '0', '2')).toEqual([0, 1, 5]);
  // The newest goes, and its time belongs to one with an image: nothing is saved any more.
  await set.delete('2');
  await fill(set, 30, 4);
  expect(await changed(set, '0')).toEqual([0, 1, 2, 4, 5]);
  expect(await read(set, '0')).toEqual(contents[0]);
  await set.close();
  const again = await openSet(disk, random);
  expect(again.list().map(({ method }) => method)).toEqual(['log']);
  expect(await read(again, '0')).toEqual(contents[0]);
  expect(await changed(again, '0')).toEqual([0, 1, 2, 4, 5]);
  await again.delete('0');
  expect(await filesOf(disk, '.img')).toEqual([]);
  await again.close();
});

it('gives the space of an image back that an older one makes needless', async () => {
  const { disk, set } = await scene();
  await set.create({ name: 'a' });
  await fill(set, 2, 1);
  await set.create({ name: 'b' });
  await fill(set, 3, 2);
  expect(await set.usage('b')).toEqual({ exclusiveBytes: 0, sharedBytes: GRAIN });
  await set.delete('b');
  await set.create({ name: 'c', method: 'log' });
  await vi.waitFor(async () => {
    const names = await filesOf(disk, '.img');
    const sizes = await Promise.all(
      names.map(async (name) => (await disk.status(`${DIRECTORY}/${name}`)).sizeBytes),
    );
    expect(sizes.sort((a, b) => a - b)).toEqual([0, SIZE]);
  });
  await set.close();
});

it('tells by comparing what was changed when a crash has taken the notes of it', async () => {
  const { disk, set } = await scene();
  await set.create({ name: 'a' });
  await fill(set, 2, 3);
  await set.close();
  const again = await openSet(disk, random);
  await fill(again, 2, 4);
  // Not another content, so no difference.
  await fill(again, 1, 5);
  expect(await changed(again, 'a')).toEqual([3, 4, 5]);
  await again.device.flush();
  disk.crash(1);
  const last = await openSet(disk, random);
  expect(await changed(last, 'a')).toEqual([3, 4]);
  await last.close();
});

it('restores without saving twice, and what was changed only', async () => {
  const { disk, set } = await scene();
  const before = await contentOf(set.device);
  await set.create({ name: 'a' });
  await fill(set, 2, 3);
  const after = await contentOf(set.device);
  const { safety, done } = await set.restore('a', 'safety');
  expect(safety.method).toBe('reflink');
  expect(await contentOf(set.device)).toEqual(before);
  await done;
  expect(await filesOf(disk, '.log')).toEqual([]);
  expect(await contentOf(set.device)).toEqual(before);
  expect(await read(set, 'safety')).toEqual(after);
  expect(await changed(set, 'safety')).toEqual([3]);
  await set.close();
});

it('falls back to a log where space cannot be shared, unless sharing was asked for', async () => {
  const { set } = await scene(false);
  expect(await set.create({ name: 'a', method: 'auto' })).toMatchObject({ method: 'log' });
  await expect(set.create({ name: 'b', method: 'reflink' })).rejects.toMatchObject({
    code: 'SNAPSHOT_UNSUPPORTED',
  });
  expect(set.list().map(({ name }) => name)).toEqual(['a']);
  await set.close();
});

it.each([
  ['cloneRange', 'EIO'],
  ['cloneRange', 'ENOSPC'],
  ['truncate', 'ENOSPC'],
] as const)('falls back to a log when %s fails with %s, and leaves no image', async (call, errno) => {
  const { disk, set } = await scene();
  disk.faults.fail(call, 1, errno);
  await expect(set.create({ name: 'a', method: 'reflink' })).rejects.toMatchObject({
    code: 'SNAPSHOT_UNSUPPORTED',
    message: expect.stringContaining(errno) as unknown,
  });
  disk.faults.clear();
  disk.faults.fail(call, 1, errno);
  expect(await set.create({ name: 'a' })).toMatchObject({ method: 'log' });
  disk.faults.clear();
  expect(await filesOf(disk, '.img')).toEqual([]);
  await set.close();
});

it('is by log where its policy says so', async () => {
  const { set } = await scene();
  await set.setPolicy({ whenFull: 'refuse', method: 'log' });
  expect(await set.create({ name: 'a' })).toMatchObject({ method: 'log' });
  expect(await set.create({ name: 'b', method: 'auto' })).toMatchObject({ method: 'reflink' });
  await set.close();
});

it('drops the oldest, or refuses, when the file system has no room for what is overwritten', async () => {
  const { disk, set } = await scene();
  await set.create({ name: 'a' });
  await set.create({ name: 'b' });
  await fill(set, 2, 1);
  await vi.waitFor(async () => {
    expect(await filesOf(disk, '.map')).toHaveLength(1);
  });
  // The work in the background is done when this had its turn.
  await set.usage('b');
  const told: string[] = [];
  set.onEvent(({ kind }) => told.push(kind));
  disk.faults.fail('write', 1, 'ENOSPC');
  await fill(set, 3, 1);
  expect(told).toEqual(['dropped']);
  expect(set.list().map(({ name }) => name)).toEqual(['b']);
  await set.setPolicy({ whenFull: 'refuse' });
  disk.faults.clear();
  disk.faults.fail('write', 1, 'ENOSPC');
  await expect((async () => fill(set, 4, 1))()).rejects.toBeInstanceOf(BlockError);
  expect(told).toEqual(['dropped', 'refused']);
  await set.close();
});

it('counts against the limit of the set what may be shared no more', async () => {
  const { set } = await scene();
  await set.setPolicy({ whenFull: 'refuse', limitBytes: 2 * GRAIN });
  await set.create({ name: 'a' });
  await fill(set, 2, 0, 2);
  await expect((async () => fill(set, 3, 2))()).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
  await fill(set, 4, 1);
  await set.close();
});

it('refuses an image that is damaged or gone', async () => {
  for (const harm of ['shorten', 'empty', 'remove'] as const) {
    const { disk, set } = await scene();
    await set.create({ name: 'a' });
    await set.close();
    const [name] = await filesOf(disk, '.img');
    const path = `${DIRECTORY}/${name!}`;
    const file = await disk.open(path, 'write');
    if (harm === 'remove') await disk.unlink(path);
    else await file.truncate(harm === 'empty' ? 0 : GRAIN);
    await file.close();
    await expect(openSet(disk, random), harm).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
  }
});

it('knows what was changed behind the end that the disk had, also after a crash', async () => {
  const { disk, set } = await scene();
  await set.create({ name: 'a' });
  await set.close();
  const size = SIZE + 8 * GRAIN;
  const open = async (): Promise<SnapshotSet> => {
    const file = await disk.open(PATH, 'write');
    await file.truncate(size);
    const production = new FileDevice(file, { size, closeFile: true });
    const image = { file, dataOffset: 0 };
    const more = { object: OBJECT, directory: DIRECTORY, grainBytes: GRAIN, image, disk, random };
    return await SnapshotSet.open({ production, ...more });
  };
  const grown = await open();
  await fill(grown, 5, 15);
  await grown.device.flush();
  expect(await changed(grown, 'a')).toEqual([15]);
  disk.crash(1);
  const again = await open();
  const usage = await again.usage('a');
  expect(usage.exclusiveBytes).toBeLessThanOrEqual(size);
  expect(await changed(again, 'a')).toContain(15);
  // What is written while it is restored stays, also where the disk had not been.
  const { done } = await again.restore('a');
  await fill(again, 6, 15);
  await fill(again, 6, 16);
  await done;
  const bytes = Buffer.alloc(3 * GRAIN);
  await again.device.read([bytes], 15 * GRAIN);
  expect(bytes.equals(Buffer.concat([Buffer.alloc(2 * GRAIN, 6), Buffer.alloc(GRAIN)]))).toBe(true);
  await again.close();
});

it('restores nothing behind the end that the disk had, whatever later snapshots have there', async () => {
  const { disk, set } = await scene();
  await set.create({ name: 'small', method: 'reflink' });
  await set.close();
  const size = SIZE + 8 * GRAIN;
  const file = await disk.open(PATH, 'write');
  await file.truncate(size);
  await file.close();
  const grown = await openSet(disk, random);
  await fill(grown, 5, 15);
  await grown.create({ name: 'large', method: 'log' });
  await fill(grown, 6, 15);
  const { done } = await grown.restore('small');
  await done;
  const bytes = Buffer.alloc(GRAIN);
  await grown.device.read([bytes], 15 * GRAIN);
  expect(bytes.equals(Buffer.alloc(GRAIN))).toBe(true);
  await grown.close();
});
