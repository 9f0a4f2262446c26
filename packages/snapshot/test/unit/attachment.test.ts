import { SeededRandom, SimulatedClock, SimulatedDisk, type DiskFile } from '@lunbox/block';
import {
  deleteContainer,
  exportContainer,
  readContainerInfo,
  shrinkContainer,
  StorageObject,
} from '@lunbox/storage-object';
import { expect, it } from 'vitest';
import { SnapshotObject } from '../../src/index.ts';

const PATH = '/disk.lun';
const SIZE = 1 << 20;
const CHAIN = `${PATH}.snaps/chain`;

interface World {
  readonly disk: SimulatedDisk;
  readonly random: SeededRandom;
  readonly clock: SimulatedClock;
}

async function newWorld(): Promise<World> {
  const clock = new SimulatedClock();
  const world = { disk: new SimulatedDisk({ clock }), random: new SeededRandom(1), clock };
  await (await StorageObject.create(PATH, { ...world, sizeBytes: SIZE })).close();
  return world;
}

const block = (value: number): Buffer => Buffer.alloc(4096, value);

async function withOne(world: World): Promise<void> {
  const opened = await SnapshotObject.open(PATH, world);
  await opened.device.write([block(1)], 0);
  await opened.set.create({ name: 'one' });
  await opened.device.write([block(2)], 0);
  await opened.close();
}

async function withFile<T>({ disk }: World, path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path, 'write');
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function copyFile(world: World, from: string, to: string): Promise<void> {
  const { disk } = world;
  await withFile(world, from, async (file) => {
    const bytes = Buffer.alloc((await file.status()).sizeBytes);
    await file.read([bytes], 0);
    const copy = await disk.open(to, 'create');
    await copy.write([bytes], 0);
    await copy.close();
  });
}

it('keeps whoever does not save what is overwritten from writing, and nobody from reading', async () => {
  const world = await newWorld();
  await withOne(world);
  const refused = { code: 'CONTAINER_HAS_SNAPSHOTS' };
  await expect(StorageObject.open(PATH, world)).rejects.toMatchObject(refused);
  await expect(shrinkContainer(PATH, SIZE / 2, world)).rejects.toMatchObject(refused);
  await expect(deleteContainer(PATH, { ...world, force: true })).rejects.toMatchObject(refused);
  const reader = await StorageObject.open(PATH, { ...world, readOnly: true });
  await reader.close();
  await exportContainer(PATH, '/now.img', world);
  await withFile(world, '/now.img', async (file) => {
    const found = block(0);
    await file.read([found], 0);
    expect(found).toEqual(block(2));
  });
});

it('lets everybody write again once the last snapshot is deleted', async () => {
  const world = await newWorld();
  await withOne(world);
  const opened = await SnapshotObject.open(PATH, world);
  await opened.set.create({ name: 'two' });
  await opened.set.delete('one');
  expect(opened.object.attributes.snapshots).toMatchObject({ set: expect.any(String) as string });
  await opened.set.delete('two');
  expect(opened.object.attributes.snapshots).toBeUndefined();
  await opened.set.create({ name: 'three' });
  await opened.set.delete('three');
  await opened.close();
  await (await StorageObject.open(PATH, world)).close();
});

it('says so when another program has written to the disk, durably and before it is opened again', async () => {
  const world = await newWorld();
  await withOne(world);
  world.clock.advance(60_000);
  await withFile(world, PATH, (file) => Promise.resolve(file.write([block(9)], 32 << 20)));
  const reader = await SnapshotObject.open(PATH, { ...world, readOnly: true });
  expect(reader.set.list()).toMatchObject([{ name: 'one', suspect: true }]);
  await reader.close();
  const opened = await SnapshotObject.open(PATH, world);
  expect(opened.object.continuity).toBe('modified');
  expect(opened.set.list()).toMatchObject([{ name: 'one', suspect: true }]);
  await opened.set.create({ name: 'two' });
  const changed = [];
  for await (const extent of opened.set.diff('one')) changed.push(extent);
  expect(changed).toEqual([{ offset: 0, length: SIZE }]);
  for await (const extent of opened.set.diff('two')) throw new Error(JSON.stringify(extent));
  await opened.close();
  const again = await SnapshotObject.open(PATH, world);
  expect(again.set.list().map(({ suspect }) => suspect)).toEqual([true, undefined]);
  await again.close();
});

it('gives a copy no snapshots, and leaves those beside it alone', async () => {
  const world = await newWorld();
  const { disk } = world;
  await withOne(world);
  await copyFile(world, PATH, '/copy.lun');
  await disk.mkdir('/copy.lun.snaps');
  for (const name of await disk.readdir(`${PATH}.snaps`))
    await copyFile(world, `${PATH}.snaps/${name}`, `/copy.lun.snaps/${name}`);
  const before = await disk.readdir('/copy.lun.snaps');
  const opened = await SnapshotObject.open('/copy.lun', world);
  expect([opened.object.continuity, opened.set.detached, opened.set.list()]).toEqual(['foreign', true, []]);
  await expect(opened.set.create()).rejects.toMatchObject({ code: 'SNAPSHOT_FOREIGN' });
  await opened.close();
  expect(await disk.readdir('/copy.lun.snaps')).toEqual(before);
  await (await StorageObject.open('/copy.lun', world)).close();
});

it('does not mind the empty list of a disk that was deleted', async () => {
  const world = await newWorld();
  await withOne(world);
  const first = await SnapshotObject.open(PATH, world);
  await first.set.delete('one');
  await first.close();
  await deleteContainer(PATH, world);
  await (await StorageObject.create(PATH, { ...world, sizeBytes: SIZE })).close();
  await withOne(world);
  const again = await SnapshotObject.open(PATH, world);
  expect([again.set.detached, again.set.list().length]).toEqual([false, 1]);
  await again.close();
});

it('does not trust the snapshots of a copy that keeps its identity', async () => {
  const world = await newWorld();
  const { disk } = world;
  await withOne(world);
  await copyFile(world, PATH, '/moved.lun');
  await disk.mkdir('/moved.lun.snaps');
  for (const name of await disk.readdir(`${PATH}.snaps`))
    await copyFile(world, `${PATH}.snaps/${name}`, `/moved.lun.snaps/${name}`);
  const opened = await SnapshotObject.open('/moved.lun', { ...world, foreign: 'keep-identity' });
  expect(opened.set.list()).toMatchObject([{ name: 'one', suspect: true }]);
  await opened.close();
});

it('is not opened for writing while its snapshots are missing', async () => {
  const world = await newWorld();
  await withOne(world);
  await world.disk.rename(CHAIN, '/elsewhere');
  await expect(SnapshotObject.open(PATH, world)).rejects.toMatchObject({ code: 'SNAPSHOT_MISSING' });
  const reader = await SnapshotObject.open(PATH, { ...world, readOnly: true });
  expect(reader.set.list()).toEqual([]);
  await reader.close();
  await world.disk.rename('/elsewhere', CHAIN);
  const opened = await SnapshotObject.open(PATH, world);
  expect(opened.set.list()).toHaveLength(1);
  await opened.close();
});

it('has no snapshots of a disk with protection information', async () => {
  const world = await newWorld();
  const options = {
    ...world,
    sizeBytes: SIZE,
    protection: { areaBytes: 1 << 20, format: () => Promise.resolve() },
  };
  await (await StorageObject.create('/guarded.lun', options)).close();
  const opened = await SnapshotObject.open('/guarded.lun', world);
  await expect(opened.set.create()).rejects.toMatchObject({ code: 'SNAPSHOT_UNSUPPORTED' });
  await opened.close();
  expect(await world.disk.readdir('/')).not.toContain('guarded.lun.snaps');
});

it('counts the logs as space of the disk', async () => {
  const world = await newWorld();
  await withOne(world);
  const opened = await SnapshotObject.open(PATH, world);
  const { usedBytes } = await readContainerInfo(PATH, world);
  expect((await opened.object.space()).usedBytes).toBe(usedBytes + (await opened.set.usedBytes()));
  expect(await opened.set.usedBytes()).toBeGreaterThan(65_536);
  await opened.close();
});

/** Takes the first snapshot and deletes it again; the power goes after so many changes. */
async function cutOff(changes: number, seed: number): Promise<boolean> {
  const world = await newWorld();
  const { disk } = world;
  const opened = await SnapshotObject.open(PATH, world);
  await opened.device.write([block(1)], 0);
  disk.faults.haltAfter(changes);
  let taken = false;
  let deleting = false;
  let done = false;
  try {
    await opened.set.create({ name: 'one' });
    taken = true;
    await opened.device.write([block(2)], 0);
    deleting = true;
    await opened.set.delete('one');
    done = true;
    await opened.close();
  } catch {
    // As wanted.
  }
  const isOver = !disk.faults.halted;
  disk.crash(seed);
  const { attributes } = await readContainerInfo(PATH, world);
  const reader = await SnapshotObject.open(PATH, { ...world, readOnly: true });
  // There are never snapshots that the disk does not know of.
  if (attributes.snapshots === undefined) expect(reader.set.detached).toBe(false);
  await reader.close();
  const again = await SnapshotObject.open(PATH, world);
  const names = again.set.list().map(({ name }) => name);
  if (taken && !deleting) expect(names).toEqual(['one']);
  if (done) expect(names).toEqual([]);
  if (names.length > 0) {
    const view = again.set.openView('one');
    const found = block(0);
    await view.read([found], 0);
    expect(found).toEqual(block(1));
    await view.close();
    await again.set.delete('one');
  }
  expect(again.object.attributes.snapshots).toBeUndefined();
  await again.close();
  await (await StorageObject.open(PATH, world)).close();
  return isOver;
}

it('knows of its snapshots before there are any, and until there are none, whenever the power goes', async () => {
  let changes = 1;
  for (; ; changes++) {
    let isOver = false;
    for (let seed = 0; seed < 8; seed++) isOver = await cutOff(changes, changes * 8 + seed);
    if (isOver) break;
  }
  expect(changes).toBeGreaterThan(15);
}, 120_000);
