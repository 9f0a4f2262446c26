import { SimulatedDisk, SeededRandom, type Disk } from '@lunbox/block';
import { StorageObject } from '@lunbox/storage-object';
import { expect, it } from 'vitest';
import { SnapshotObject } from '../../src/index.ts';

const PATH = '/disk.lun';
const SIZE = 1 << 20;

async function makeDisk(): Promise<{ disk: SimulatedDisk; random: SeededRandom }> {
  const world = { disk: new SimulatedDisk(), random: new SeededRandom(1) };
  await (await StorageObject.create(PATH, { ...world, sizeBytes: SIZE })).close();
  return world;
}

async function bytesOf(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  const bytes = Buffer.alloc((await file.status()).sizeBytes);
  await file.read([bytes], 0);
  await file.close();
  return bytes;
}

const block = (value: number): Buffer => Buffer.alloc(4096, value);

it('is a container and its snapshots, which come back with it', async () => {
  const world = await makeDisk();
  const first = await SnapshotObject.open(PATH, world);
  await first.device.write([block(1)], 0);
  await first.set.create({ name: 'one' });
  await first.device.write([block(2)], 0);
  await first.close();
  const again = await SnapshotObject.open(PATH, world);
  expect(again.object.continuity).toBe('clean');
  const view = again.set.openView('one');
  const found = block(0);
  await view.read([found], 0);
  expect(found).toEqual(block(1));
  await again.close();
  await again.close();
});

it('changes nothing when it is opened for reading, also after an end without closing', async () => {
  const world = await makeDisk();
  const { disk } = world;
  const first = await SnapshotObject.open(PATH, world);
  await first.device.write([block(1)], 0);
  await first.set.create({ name: 'one' });
  await first.device.write([block(2)], 0);
  const stray = await disk.open('/disk.lun.snaps/00000000-0000-0000-0000-000000000000.log', 'create');
  await stray.close();
  const names = (await disk.readdir('/disk.lun.snaps')).map((name) => `/disk.lun.snaps/${name}`);
  disk.endProcesses();
  const before = await Promise.all(names.map((name) => bytesOf(disk, name)));
  const reader = await SnapshotObject.open(PATH, { ...world, readOnly: true });
  const view = reader.set.openView('one');
  const found = block(0);
  await view.read([found], 0);
  expect(found).toEqual(block(1));
  await view.close();
  await expect(reader.set.create({ name: 'two' })).rejects.toMatchObject({ code: 'SNAPSHOT_READ_ONLY' });
  await expect(reader.set.delete('one')).rejects.toMatchObject({ code: 'SNAPSHOT_READ_ONLY' });
  await reader.close();
  expect((await disk.readdir('/disk.lun.snaps')).map((name) => `/disk.lun.snaps/${name}`)).toEqual(names);
  const after = await Promise.all(names.map((name) => bytesOf(disk, name)));
  expect(after.map((bytes, index) => bytes.equals(before[index]!))).toEqual(names.map(() => true));
});

it('opens all or none', async () => {
  const world = await makeDisk();
  await expect(
    SnapshotObject.openAll([
      { ...world, path: PATH },
      { ...world, path: '/none.lun' },
    ]),
  ).rejects.toMatchObject({ code: 'CONTAINER_NOT_FOUND' });
  const opened = await SnapshotObject.openAll([{ ...world, path: PATH }]);
  expect(opened.map(({ object }) => object.path)).toEqual([PATH]);
  await opened[0]!.close();
});
