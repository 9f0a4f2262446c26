import { SimulatedDisk } from '@lunbox/block';
import { createHash } from 'node:crypto';
import { connectNbs, NbsDisk, type ConnectOptions, type Fields, type NbsClient } from '@lunbox/nbs';
import { READ_10, SenseKey } from '@lunbox/scsi';
import { StorageObject } from '@lunbox/storage-object';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createServer, type NbsOptions } from '../../src/index.ts';
import { ScsiClient } from '../support/scsi-client.ts';

const IQN = 'iqn.2026-11.com.example:objects';
const MIB = 2 ** 20;
const BLOCK = 4096;
const OPEN: NbsOptions = { portals: ['127.0.0.1:0'], directory: '/' };

async function serving(nbs: NbsOptions = OPEN, names: readonly string[] = ['/db.lun']) {
  const disk = new SimulatedDisk();
  await disk.mkdir('/sub');
  for (const path of names) await (await StorageObject.create(path, { disk, sizeBytes: 8 * MIB })).close();
  const targets = [{ iqn: IQN, luns: names.map((path, lun) => ({ path, lun: lun + 3 })) }];
  const server = await createServer({ disk, portals: ['127.0.0.1:0'], targets, nbs });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const [host = '', port] = server.nbsPortals[0]!.split(':');
  const connect = async (credentials: ConnectOptions['credentials'] = {}): Promise<NbsClient> => {
    const client = await connectNbs({ portals: [{ host, port: Number(port) }], credentials });
    onTestFinished(() => client.close());
    return client;
  };
  return { server, connect, disk };
}

const block = (fill: number): Uint8Array => new Uint8Array(BLOCK).fill(fill);

describe('objects that clients make', () => {
  it('are LUNs, which can be used, described and deleted', async () => {
    const { server, connect, disk } = await serving();
    const client = await connect();
    const fields = { name: 'new disk', sizeBytes: 4 * MIB, blockSize: 4096, description: 'for tests' };
    const [made] = (await client.request('OBJECT_CREATE', { fields })).fields.object ?? [];
    const portal = [{ address: '127.0.0.1', port: Number(server.portals[0]!.split(':').at(-1)) }];
    expect(made).toMatchObject({ ...fields, fileName: 'new disk.lun', lun: 0, targetName: IQN, portal });
    const opened = await NbsDisk.open(client, { name: 'new disk' });
    await opened.write([block(5)], 0);
    const told = await opened.request('SET_ATTRIBUTES', { fields: { description: 'for nothing' } });
    expect(told.object?.[0]).toMatchObject({ description: 'for nothing' });
    expect(
      (await opened.request('SET_ATTRIBUTES', { fields: { description: '' } })).object?.[0],
    ).not.toHaveProperty('description');
    const { handle } = (await client.request('OPEN', { fields: { name: 'new disk', readOnly: true } }))
      .fields;
    await opened.close();
    await client.request('OBJECT_DELETE', { handle: handle! });
    expect(server.targets[0]!.luns.map(({ path }) => path)).toEqual(['/db.lun']);
    await expect(StorageObject.open('/new disk.lun', { disk })).rejects.toMatchObject({
      code: 'CONTAINER_NOT_FOUND',
    });
  });

  it('have names that files can have, and that are free', async () => {
    const { connect, server } = await serving();
    const client = await connect();
    const create = (name: string) => client.request('OBJECT_CREATE', { fields: { name, sizeBytes: MIB } });
    for (const name of ['', '../db', 'a/b', '.hidden', 'a@b', 'x'.repeat(101), 'a '])
      await expect(create(name)).rejects.toMatchObject({ status: 'INVAL' });
    await expect(create('db')).rejects.toMatchObject({ status: 'EXIST' });
    await expect(
      client.request('OBJECT_CREATE', { fields: { name: 'odd', sizeBytes: 5 } }),
    ).rejects.toMatchObject({
      status: 'INVAL',
    });
    expect(server.targets[0]!.luns).toHaveLength(1);
  });

  it('belong to the user who made them, where that one may', async () => {
    const users = ['maker', 'other'].map((name) => ({ name, password: name, mayCreate: name === 'maker' }));
    const { connect, server } = await serving({ ...OPEN, users });
    const [maker, other] = [
      await connect({ user: 'maker', password: 'maker' }),
      await connect({ user: 'other', password: 'other' }),
    ];
    const fields = { name: 'mine', sizeBytes: MIB };
    await expect(other.request('OBJECT_CREATE', { fields })).rejects.toMatchObject({ status: 'PERM' });
    await maker.request('OBJECT_CREATE', { fields });
    expect(server.users(0)).toEqual([{ name: 'maker', permission: 'admin' }]);
    const namesFor = async (client: NbsClient) =>
      (await client.request('OBJECT_LIST')).fields.object?.map(({ name }) => name);
    expect(await namesFor(maker)).toEqual(['db', 'mine']);
    expect(await namesFor(other)).toEqual(['db']);
  });

  it('are not made, copied or deleted where there is no directory for them', async () => {
    const { connect } = await serving({ portals: ['127.0.0.1:0'] });
    const client = await connect();
    const fields = { name: 'x', sizeBytes: MIB };
    await expect(client.request('OBJECT_CREATE', { fields })).rejects.toMatchObject({ status: 'NOTSUP' });
    const disk = await NbsDisk.open(client, { name: 'db' });
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 's' } });
    const clone = disk.request('SNAPSHOT_CLONE', { fields: { snapshotName: 's', name: 'x' } });
    await expect(clone).rejects.toMatchObject({ status: 'NOTSUP' });
    await expect(disk.request('OBJECT_DELETE', { fields: {} })).rejects.toMatchObject({ status: 'NOTSUP' });
  });

  it('are not deleted from other directories, and only by force while others use them or with snapshots', async () => {
    const { connect, server } = await serving({ ...OPEN, directory: '/' }, ['/db.lun', '/sub/other.lun']);
    const [client, second] = [await connect(), await connect()];
    const open = async (name: string, by = client) =>
      (await by.request('OPEN', { fields: { name, readOnly: true } })).fields.handle!;
    const remove = (handle: number, force = false) =>
      client.request('OBJECT_DELETE', { handle, fields: force ? { force } : {} });
    await expect(remove(await open('other'))).rejects.toMatchObject({ status: 'PERM' });
    const db = await open('db');
    const used = await open('db', second);
    await expect(remove(db)).rejects.toMatchObject({ status: 'BUSY' });
    await second.request('CLOSE', { handle: used });
    await client.request('SNAPSHOT_CREATE', { handle: db, fields: { name: 's' } });
    await expect(remove(db)).rejects.toMatchObject({ status: 'BUSY' });
    await remove(db, true);
    expect(server.targets[0]!.luns.map(({ path }) => path)).toEqual(['/sub/other.lun']);
  });
});

describe('clones', () => {
  it('have what the snapshot has, and are the same LUN of a target of their own', async () => {
    const { connect, server } = await serving();
    const client = await connect();
    const disk = await NbsDisk.open(client, { name: 'db' });
    await disk.write([block(1)], 0);
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 'good' } });
    await disk.write([block(2)], 0);
    const { object } = await disk.request('SNAPSHOT_CLONE', {
      fields: { snapshotName: 'good', name: 'again' },
    });
    const { targetName: iqn = '', lun, name } = object![0]!;
    expect([name, lun, iqn === IQN]).toEqual(['again', 3, false]);
    const port = Number(server.portals[0]!.split(':').at(-1));
    const initiator = await ScsiClient.open({ host: '127.0.0.1', port, iqn, initiator: 1 });
    const read = () => initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }), undefined, 3);
    let reply = await read();
    while (reply.sense?.senseKey === SenseKey.UNIT_ATTENTION) reply = await read();
    expect(reply.data[0]).toBe(1);
    await initiator.close();
    await expect(
      disk.request('SNAPSHOT_CLONE', { fields: { snapshotName: 'good', name: 'again' } }),
    ).rejects.toMatchObject({ status: 'EXIST' });
    const own = (await client.request('OPEN', { fields: { name: 'db', readOnly: true } })).fields.handle!;
    const last = client.request('OBJECT_DELETE', { handle: own, fields: { force: true } });
    await expect(last).rejects.toMatchObject({ status: 'BUSY' });
    await client.request('CLOSE', { handle: own });
    const { handle } = (await client.request('OPEN', { fields: { name: 'again', readOnly: true } })).fields;
    await client.request('OBJECT_DELETE', { handle: handle! });
    expect(server.targets.map((target) => target.iqn)).toEqual([IQN]);
  });

  it('and publications, which are files of their own and no LUNs', async () => {
    const { connect, server, disk: files } = await serving();
    const disk = await NbsDisk.open(await connect(), { name: 'db' });
    await disk.write([block(1)], 0);
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 'day 1' } });
    await disk.write([block(2)], 0);
    const publish = (name?: string) =>
      disk.request('SNAPSHOT_MATERIALISE', {
        fields: { snapshotName: 'day 1', ...(name === undefined ? {} : { name }) },
      });
    const content = Buffer.concat([block(1), new Uint8Array(8 * MIB - BLOCK)]);
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(await publish()).toEqual({ fileName: 'published/db-day 1.lun', sha256 });
    expect(await publish('other')).toEqual({ fileName: 'published/other.lun', sha256 });
    await expect(publish('other')).rejects.toMatchObject({ status: 'EXIST' });
    await expect(publish('../other')).rejects.toMatchObject({ status: 'INVAL' });
    const object = await StorageObject.open('/published/other.lun', { disk: files, readOnly: true });
    const found = block(0);
    await object.device.read([found], 0);
    expect(found).toEqual(block(1));
    await object.close();
    expect(server.targets[0]!.luns).toHaveLength(1);
  });

  it('and snapshots can be verified, which tells how far it has come', async () => {
    const { connect } = await serving();
    const client = await connect();
    const disk = await NbsDisk.open(client, { name: 'db' });
    const heard: Fields[] = [];
    client.onEvent((name, fields) => void (name === 'PROGRESS' && heard.push(fields)));
    await disk.write([block(1)], 0);
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 's' } });
    await disk.write([block(2)], 0);
    const verified = await disk.request('SNAPSHOT_VERIFY', { fields: { snapshotName: 's' } });
    expect(verified).toEqual({ sound: true, badBytes: 0 });
    const last = { snapshotName: 's', doneBytes: 8 * MIB, totalBytes: 8 * MIB };
    expect(heard.at(-1)).toMatchObject(last);
    expect(heard.length).toBeLessThanOrEqual(20);
  });

  it('and what takes long is given up with the session', async () => {
    const { connect, server, disk: files } = await serving();
    const client = await connect();
    const disk = await NbsDisk.open(client, { name: 'db' });
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 's' } });
    for (let at = 0; at < 8 * MIB; at += MIB) await disk.write([new Uint8Array(MIB).fill(1)], at);
    await disk.flush();
    const publishing = disk.request('SNAPSHOT_MATERIALISE', { fields: { snapshotName: 's' } });
    publishing.catch(() => undefined);
    await client.close();
    await expect(publishing).rejects.toMatchObject({ code: 'NBS_CLOSED' });
    const { set } = server.snapshots(3);
    // While it is read, it cannot be deleted.
    await vi.waitFor(() => set.delete('s'));
    await expect(StorageObject.open('/published/db-s.lun', { disk: files })).rejects.toMatchObject({
      code: 'CONTAINER_NOT_FOUND',
    });
  });
});

describe('a group over two servers', () => {
  const opened = async (server: Awaited<ReturnType<typeof serving>>) => {
    const disk = await NbsDisk.open(await server.connect(), { name: 'db', shared: true });
    const client = await server.connect();
    const { handle } = (await client.request('OPEN', { fields: { name: 'db', readOnly: true } })).fields;
    const prepare = async (more = {}) =>
      (
        await client.request('GROUP_PREPARE', {
          fields: { object: [{ handle: handle! }], name: 'both', ...more },
        })
      ).fields.uuid!;
    const names = () =>
      server.server
        .snapshots(3)
        .set.list()
        .map(({ name }) => name);
    return { disk, client, prepare, names };
  };

  it('holds changes of both back, and is taken at one instant', async () => {
    const [one, two] = [await opened(await serving()), await opened(await serving())];
    const uuids = [await one.prepare(), await two.prepare()] as const;
    let written = 0;
    const writes = [one, two].map(async ({ disk }) => {
      await disk.write([block(1)], 0);
      written++;
    });
    expect(one.names()).toEqual(['both']);
    const taken = await one.client.request('GROUP_COMMIT', { fields: { uuid: uuids[0] } });
    expect(taken.fields.snapshot?.[0]).toMatchObject({ name: 'both', group: uuids[0] });
    await writes[0];
    expect(written).toBe(1);
    await two.client.request('GROUP_COMMIT', { fields: { uuid: uuids[1] } });
    await Promise.all(writes);
    for (const { client, names } of [one, two]) {
      expect(names()).toEqual(['both']);
      const view = await NbsDisk.open(client, { name: 'db', snapshot: 'both' });
      const found = block(9);
      await view.read([found], 0);
      expect(found).toEqual(block(0));
    }
  });

  it('is given up when somebody says so, when its time is over, and when its client goes', async () => {
    const server = await serving();
    const { prepare, client, names, disk } = await opened(server);
    await client.request('GROUP_ABORT', { fields: { uuid: await prepare() } });
    await disk.write([block(1)], 0);
    expect(names()).toEqual([]);
    const uuid = await prepare({ holdMs: 20 });
    await disk.write([block(2)], 0);
    const late = client.request('GROUP_COMMIT', { fields: { uuid } });
    await expect(late).rejects.toMatchObject({ status: 'TIMEOUT' });
    await prepare({ holdMs: 30_000 });
    await client.close();
    await disk.write([block(3)], 0);
    expect(names()).toEqual([]);
  });
});
