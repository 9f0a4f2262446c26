import { MemoryDevice, SimulatedDisk } from '@lunbox/block';
import { StorageObject, type Attributes } from '@lunbox/storage-object';
import { expect, it, onTestFinished } from 'vitest';
import { createServer, type LunOptions } from '../../src/index.ts';

const MIB = 2 ** 20;
const BLOCK = 4096;

async function serving(files: Readonly<Record<string, Attributes>>, more: readonly LunOptions[] = []) {
  const disk = new SimulatedDisk();
  for (const folder of ['/a', '/b']) await disk.mkdir(folder);
  for (const [path, attributes] of Object.entries(files))
    await (await StorageObject.create(path, { disk, sizeBytes: 8 * MIB, attributes })).close();
  const luns = [...Object.keys(files).map((path) => ({ path })), ...more];
  const server = await createServer({ disk, portals: ['127.0.0.1:0'], targets: [{ luns }] });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  return server;
}

const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

it('names disks by their files, snapshots by disk and snapshot, and finds each by name and identity', async () => {
  const server = await serving({ '/a/db.lun': {} }, [
    { device: new MemoryDevice({ size: MIB }), identity: new Uint8Array(16) },
  ]);
  const { volumes } = server;
  await server.snapshots(0).set.create({ name: 'before' });
  const marked = await server.snapshots(0).set.create({ name: 'mark' });
  await server.snapshots(0).set.bookmark(marked.id);
  expect(names(volumes.list())).toEqual(['db', 'db@before', 'lun1']);
  expect(volumes.find('')?.name).toBe('db');
  for (const volume of volumes.list()) expect(volumes.find(volume.uuid.toUpperCase())).toEqual(volume);
  expect(volumes.find('db@mark')).toBeUndefined();
});

it('tells two files of one name apart by their identity', async () => {
  const { volumes } = await serving({ '/a/db.lun': {}, '/b/db.lun': {} });
  const [first, second] = volumes.list();
  expect(first?.name).toBe(`db-${first?.uuid.slice(0, 8)}`);
  expect(second?.name).not.toBe(first?.name);
});

it('hides what a user may not see, and lets them do what they may', async () => {
  const users = [{ name: 'reader', permission: 'read' as const }];
  const { volumes } = await serving({ '/a/db.lun': { users }, '/a/open.lun': {} });
  expect(names(volumes.list())).toEqual(['open']);
  expect(names(volumes.list('reader'))).toEqual(['db', 'open']);
  const volume = volumes.find('db', 'reader')!;
  expect(volume.readOnly).toBe(true);
  const device = volumes.open(volume, { peer: 'test', user: 'reader' });
  expect(device.readOnly).toBe(true);
  expect(() => device.write([new Uint8Array(BLOCK)], 0)).toThrow(
    expect.objectContaining({ code: 'BLOCK_READ_ONLY' }),
  );
  expect(() => volumes.open(volume, { peer: 'test' })).toThrow(
    expect.objectContaining({ code: 'SERVER_WRONG_STATE' }),
  );
});

it('opens the disk itself, and a snapshot with what it had', async () => {
  const server = await serving({ '/a/db.lun': {} });
  const { volumes } = server;
  const disk = volumes.open(volumes.find('db')!, { peer: 'test' });
  await disk.write([new Uint8Array(BLOCK).fill(1)], 0);
  await server.snapshots(0).set.create({ name: 'one' });
  await disk.write([new Uint8Array(BLOCK).fill(2)], 0);
  const snapshot = volumes.open(volumes.find('db@one')!, { peer: 'test' });
  const [then, now] = [new Uint8Array(BLOCK), new Uint8Array(BLOCK)];
  await snapshot.read([then], 0);
  await disk.read([now], 0);
  expect([then[0], now[0]]).toEqual([1, 2]);
  await snapshot.close();
  await disk.close();
});

it('keeps a restore from a disk that somebody has open', async () => {
  const server = await serving({ '/a/db.lun': {} });
  await server.snapshots(0).set.create({ name: 'one' });
  const disk = server.volumes.open(server.volumes.find('db')!, { peer: 'nbd 127.0.0.1:40000' });
  await expect(server.snapshots(0).restore('one')).rejects.toThrow('in use by nbd 127.0.0.1:40000');
  await disk.close();
  await (
    await server.snapshots(0).restore('one')
  ).done;
});
