import { connectNbs, NbsDisk, type ConnectOptions, type Fields, type NbsClient } from '@lunbox/nbs';
import { SimulatedDisk } from '@lunbox/block';
import { PR_OUT_REGISTER, PR_OUT_RESERVE, READ_10, WRITE_10 } from '@lunbox/scsi';
import { StorageObject, type Attributes } from '@lunbox/storage-object';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createServer, type NbsOptions, type ServerOptions } from '../../src/index.ts';
import { ScsiClient } from '../support/scsi-client.ts';

const IQN = 'iqn.2026-11.com.example:nbs';
const MIB = 2 ** 20;
const BLOCK = 4096;
const OPEN: NbsOptions = { portals: ['127.0.0.1:0'] };

async function serving(
  files: Readonly<Record<string, Attributes>> = { '/db.lun': {} },
  nbs: NbsOptions = OPEN,
  more: Partial<ServerOptions> = {},
) {
  const disk = new SimulatedDisk();
  for (const [path, attributes] of Object.entries(files))
    await (await StorageObject.create(path, { disk, sizeBytes: 8 * MIB, attributes })).close();
  const luns = Object.keys(files).map((path) => ({ path }));
  const server = await createServer({
    disk,
    portals: ['127.0.0.1:0'],
    targets: [{ iqn: IQN, luns }],
    nbs,
    ...more,
  });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const [host = '', port] = server.nbsPortals[0]!.split(':');
  const connect = async (credentials: ConnectOptions['credentials'] = {}): Promise<NbsClient> => {
    const client = await connectNbs({ portals: [{ host, port: Number(port) }], credentials });
    onTestFinished(() => client.close());
    return client;
  };
  const login = async (): Promise<ScsiClient> => {
    const where = {
      host: '127.0.0.1',
      port: Number(server.portals[0]!.split(':').at(-1)),
      iqn: IQN,
      initiator: 1,
    };
    const client = await ScsiClient.ready(where);
    onTestFinished(() => client.close());
    return client;
  };
  return { server, connect, login, disk };
}

const block = (fill: number): Uint8Array => new Uint8Array(BLOCK).fill(fill);

describe('one disk by NBS and iSCSI', () => {
  it('is the same disk, found by name, identity and as the first one', async () => {
    const { connect, login, server } = await serving();
    const client = await connect();
    const [object] = (await client.request('OBJECT_LIST')).fields.object ?? [];
    const identity = server.targets[0]!.luns[0]!.identity;
    expect(object).toMatchObject({ name: 'db', uuid: identity, fileName: 'db.lun', lun: 0, targetName: IQN });
    const initiator = await login();
    let fill = 1;
    for (const name of ['db', identity, '']) {
      const disk = await NbsDisk.open(client, { name });
      await disk.write([block(fill)], 0, { fua: true });
      expect((await initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }))).data[0]).toBe(fill);
      await initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 8 }), block(fill + 1));
      const found = block(0);
      await disk.read([found], 0);
      expect(found).toEqual(block(fill + 1));
      await disk.close();
      fill += 2;
    }
  });

  it('is kept from NBS by a persistent reservation', async () => {
    const { connect, login } = await serving();
    const disk = await NbsDisk.open(await connect(), { name: 'db' });
    const initiator = await login();
    const list = (key: number, at: number): Uint8Array => {
      const bytes = new Uint8Array(24);
      bytes[at] = key;
      return bytes;
    };
    await initiator.send(PR_OUT_REGISTER.encode({ PARAMETER_LIST_LENGTH: 24 }), list(1, 15));
    await initiator.send(PR_OUT_RESERVE.encode({ TYPE: 1, PARAMETER_LIST_LENGTH: 24 }), list(1, 7));
    await expect(disk.write([block(1)], 0)).rejects.toMatchObject({ code: 'BLOCK_RESERVED' });
    await disk.read([block(0)], 0);
  });

  it('grows for both', async () => {
    const { connect } = await serving();
    const disk = await NbsDisk.open(await connect(), { name: 'db' });
    const other = await NbsDisk.open(await connect(), { name: 'db', readOnly: true });
    const heard = new Promise((resolve) => other.onResize(resolve));
    expect(await disk.request('RESIZE', { fields: { sizeBytes: 16 * MIB } })).toEqual({
      sizeBytes: 16 * MIB,
    });
    expect(await heard).toBe(16 * MIB);
    const smaller = disk.request('RESIZE', { fields: { sizeBytes: 8 * MIB } });
    await expect(smaller).rejects.toMatchObject({ status: 'INVAL' });
  });
});

describe('rights', () => {
  const users = [
    { name: 'reader', permission: 'read' as const },
    { name: 'writer', permission: 'write' as const, quotaBytes: 2 * MIB },
    { name: 'keeper', permission: 'snapshot' as const },
    { name: 'owner', permission: 'admin' as const },
  ];
  const nbs: NbsOptions = {
    ...OPEN,
    users: ['reader', 'writer', 'keeper', 'owner', 'stranger'].map((name) => ({
      name,
      password: `of ${name}`,
    })),
  };
  const as = (user: string) => ({ user, password: `of ${user}` });

  it('are those of the list of the disk, by NBS as by iSCSI, quotas too', async () => {
    const { connect } = await serving({ '/db.lun': { users } }, nbs);
    const stranger = await connect(as('stranger'));
    expect((await stranger.request('OBJECT_LIST')).fields.object).toBeUndefined();
    await expect(NbsDisk.open(stranger, { name: 'db' })).rejects.toMatchObject({ code: 'BLOCK_CLOSED' });
    const reader = await NbsDisk.open(await connect(as('reader')), { name: 'db', shared: true });
    await expect(async () => reader.write([block(1)], 0)).rejects.toMatchObject({ code: 'BLOCK_READ_ONLY' });
    await expect(reader.request('SNAPSHOT_CREATE')).rejects.toMatchObject({ status: 'PERM' });
    await reader.close();
    const writer = await NbsDisk.open(await connect(as('writer')), { name: 'db', shared: true });
    await writer.write([new Uint8Array(MIB / 2).fill(1)], 0);
    await expect(writer.write([new Uint8Array(4 * MIB).fill(1)], 0)).rejects.toMatchObject({
      code: 'BLOCK_NO_SPACE',
    });
    await writer.close();
    const keeper = await NbsDisk.open(await connect(as('keeper')), { name: 'db', readOnly: true });
    await keeper.request('SNAPSHOT_CREATE', { fields: { name: 'kept' } });
    await expect(keeper.request('RESIZE', { fields: { sizeBytes: 16 * MIB } })).rejects.toMatchObject({
      status: 'PERM',
    });
  });

  it('let nobody in with a wrong password, or without one', async () => {
    const { connect } = await serving({ '/db.lun': {} }, nbs);
    await expect(connect({ user: 'owner', password: 'of reader' })).rejects.toMatchObject({
      status: 'AUTH_FAILED',
    });
    await expect(connect()).rejects.toMatchObject({ code: 'NBS_OPEN_FAILED' });
  });

  it('are not given away by mistake', async () => {
    const refused = (wanted: NbsOptions, more: Partial<ServerOptions> = {}) =>
      serving({}, wanted, { targets: [{ luns: [{ path: '/x.lun' }] }], ...more });
    for (const wanted of [{ portals: ['0.0.0.0:0'] }, { ...nbs, portals: ['0.0.0.0:0'] }])
      await expect(refused(wanted)).rejects.toMatchObject({ code: 'SERVER_AUTHENTICATION_REQUIRED' });
    const targets = [{ luns: [{ path: '/x.lun' }], access: [{ initiator: 'iqn.2026-11.com.example:a' }] }];
    await expect(refused(OPEN, { targets })).rejects.toMatchObject({
      code: 'SERVER_AUTHENTICATION_REQUIRED',
    });
    await expect(refused({ ...OPEN, users: [{ name: 'x', verifier: 'SCRAM' }] })).rejects.toMatchObject({
      code: 'SERVER_BAD_OPTIONS',
    });
  });
});

describe('snapshots by NBS', () => {
  it('are taken, told, opened, compared, held, renamed, restored and deleted', async () => {
    const { connect } = await serving();
    const client = await connect();
    const disk = await NbsDisk.open(client, { name: 'db' });
    await disk.write([block(1)], 0);
    const label = [{ key: 'job', value: 'nightly' }];
    const [taken] =
      (await disk.request('SNAPSHOT_CREATE', { fields: { name: 'one', level: 'filesystem', label } }))
        .snapshot ?? [];
    expect(taken).toMatchObject({ name: 'one', level: 'filesystem', label, sizeBytes: 8 * MIB });
    await disk.write([block(2)], 0);
    const view = await NbsDisk.open(client, { name: 'db', snapshot: 'one' });
    const found = block(0);
    await view.read([found], 0);
    expect(found).toEqual(block(1));
    expect(
      (await disk.request('BLOCK_STATUS', { length: 8 * MIB, fields: { context: 'changed', from: 'one' } }))
        .extent,
    ).toEqual([{ offset: 0, length: 65_536, state: 'changed' }]);
    await expect(disk.request('SNAPSHOT_DELETE', { fields: { snapshotName: 'one' } })).rejects.toMatchObject({
      status: 'BUSY',
    });
    await view.close();
    const named = (name: string, more = {}) => ({ fields: { snapshotName: name, ...more } });
    await disk.request('SNAPSHOT_HOLD', named('one', { holder: ['backup'] }));
    await expect(disk.request('SNAPSHOT_DELETE', named('one'))).rejects.toMatchObject({ status: 'HELD' });
    await disk.request('SNAPSHOT_RELEASE', named('one', { holder: ['backup'] }));
    await disk.request('SNAPSHOT_RENAME', named('one', { name: 'first' }));
    const { safety } = await disk.request('SNAPSHOT_RESTORE', named('first'));
    await disk.read([found], 0);
    expect(found).toEqual(block(1));
    const list = (await disk.request('SNAPSHOT_LIST')).snapshot ?? [];
    expect(list.map(({ name }) => name)).toEqual(['first', safety]);
    await expect(disk.request('SNAPSHOT_HOLD', named('none', { holder: ['x'] }))).rejects.toMatchObject({
      status: 'NOENT',
    });
    await disk.request('SNAPSHOT_REFRESH', named('first'));
    await disk.request('SNAPSHOT_BOOKMARK', named('first'));
    await disk.request('SNAPSHOT_DELETE', named('first'));
  });

  it('have settings, a schedule, and a grid that keeps some of them', async () => {
    const { connect, server } = await serving();
    const disk = await NbsDisk.open(await connect(), { name: 'db' });
    expect(await disk.request('SNAPSHOT_SETTINGS')).toEqual({ whenFull: 'drop-oldest' });
    const daily = { everyMs: 86_400_000, offsetMs: 3_600_000, level: 'crash' };
    const schedule = { ...daily, keep: [{ rule: 'last', count: 2 }], label: [{ key: 'by', value: 'plan' }] };
    const told = await disk.request('SNAPSHOT_SET', {
      fields: { limitBytes: 1 << 20, whenFull: 'refuse', method: 'log', schedule },
    });
    expect(told).toMatchObject({ limitBytes: 1 << 20, whenFull: 'refuse', method: 'log', schedule });
    expect(told.nextRunMs).toBeGreaterThan(0);
    const { set } = server.snapshots(0);
    expect(set.schedule).toEqual({ ...daily, keep: { last: 2 }, labels: { by: 'plan' } });
    const none = { fields: { limitBytes: 0, schedule: { everyMs: 0 } } };
    expect(await disk.request('SNAPSHOT_SET', none)).toEqual({ whenFull: 'refuse', method: 'log' });
    for (const fields of [
      { whenFull: 'wait' },
      { method: 'magic' },
      { limitBytes: 5, schedule: { everyMs: 5 } },
      { schedule: { everyMs: 5000, keep: [{ rule: 'seldom', count: 1 }] } },
    ])
      await expect(disk.request('SNAPSHOT_SET', { fields })).rejects.toMatchObject({ status: 'INVAL' });
    expect(set.policy).toEqual({ whenFull: 'refuse', method: 'log' });
    for (const name of ['auto-1', 'auto-2', 'auto-3', 'mine']) await set.create({ name });
    await set.hold('auto-1', 'backup');
    const prune = async (more: Fields) => {
      const fields = { keep: [{ rule: 'last', count: 1 }], ...more };
      const { verdict = [] } = await disk.request('SNAPSHOT_PRUNE', { fields });
      return verdict.map(({ name, kept, reason }) => [name, kept ?? false, reason]);
    };
    const verdicts = [
      ['auto-1', true, 'held by backup'],
      ['auto-2', false, 'no rule keeps it'],
      ['auto-3', true, 'last 1 of 1'],
    ];
    expect(await prune({ dryRun: true })).toEqual(verdicts);
    expect(set.list()).toHaveLength(4);
    expect(await prune({})).toEqual(verdicts);
    expect(set.list().map(({ name }) => name)).toEqual(['auto-1', 'auto-3', 'mine']);
    expect(await prune({ prefix: 'm' })).toEqual([['mine', true, 'last 1 of 1']]);
    await expect(prune({ keep: [] })).rejects.toMatchObject({ status: 'INVAL' });
    await expect(prune({ keep: [{ rule: 'last', count: 0 }] })).rejects.toMatchObject({ status: 'INVAL' });
  });

  it('are LUNs for a time', async () => {
    const { connect, server } = await serving();
    const disk = await NbsDisk.open(await connect(), { name: 'db' });
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 'one' } });
    const present = (more = {}) =>
      disk.request('SNAPSHOT_PRESENT', { fields: { snapshotName: 'one', ...more } });
    const { lun, targetName } = await present({ lun: 77 });
    expect([lun, targetName]).toEqual([77, server.targets[0]!.iqn]);
    expect(server.targets[0]!.luns.map((each) => each.lun)).toContain(77);
    expect((await disk.request('SNAPSHOT_LIST')).snapshot?.[0]).toMatchObject({ name: 'one', lun: 77 });
    await expect(present()).rejects.toMatchObject({ status: 'BUSY' });
    const one = { fields: { snapshotName: 'one' } };
    await expect(disk.request('SNAPSHOT_DELETE', one)).rejects.toMatchObject({ status: 'BUSY' });
    expect(await disk.request('SNAPSHOT_WITHDRAW', one)).toEqual({ lun: 77 });
    await expect(disk.request('SNAPSHOT_WITHDRAW', one)).rejects.toMatchObject({ status: 'BUSY' });
    await disk.request('SNAPSHOT_DELETE', one);
  });

  it('whose list cannot be made durable are a fault of the object, which its clients hear of', async () => {
    const { connect, server, disk } = await serving();
    const client = await connect();
    const heard: [string, unknown][] = [];
    client.onEvent((name, fields) => heard.push([name, fields]));
    const opened = await NbsDisk.open(client, { name: 'db' });
    const { uuid } = (await client.request('OBJECT_LIST')).fields.object![0]!;
    const { set } = server.snapshots(0);
    await set.create({ name: 'one' });
    disk.faults.fail('sync', 1, 'EIO');
    await expect(set.rename('one', 'two')).rejects.toThrow();
    await expect(opened.write([block(1)], 0)).rejects.toThrow();
    const { fault } = server.targets[0]!.luns[0]!;
    expect(heard).toMatchObject([
      ['SNAPSHOT_INITIATED', { uuid, snapshot: [{ name: 'one' }] }],
      ['OBJECT_FAULT', { uuid, fault }],
    ]);
  });

  it('are taken of several disks at one instant', async () => {
    const { connect } = await serving({ '/data.lun': {}, '/log.lun': {} });
    const client = await connect();
    const handles: number[] = [];
    for (const name of ['data', 'log'])
      handles.push((await client.request('OPEN', { fields: { name } })).fields.handle!);
    const object = handles.map((handle) => ({ handle }));
    const { fields } = await client.request('GROUP_SNAPSHOT', { fields: { object, name: 'both' } });
    expect(fields.snapshot?.map(({ name, group }) => [name, group])).toEqual([
      ['both', fields.uuid],
      ['both', fields.uuid],
    ]);
  });

  it('keep a restore from a disk that another client has open, unless it is forced', async () => {
    const { connect } = await serving();
    const disk = await NbsDisk.open(await connect(), { name: 'db' });
    const other = await NbsDisk.open(await connect(), { name: 'db', readOnly: true });
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 'one' } });
    const fields = { snapshotName: 'one' };
    await expect(disk.request('SNAPSHOT_RESTORE', { fields })).rejects.toMatchObject({ status: 'BUSY' });
    await disk.request('SNAPSHOT_RESTORE', { fields: { ...fields, force: true } });
    await other.close();
  });
});
