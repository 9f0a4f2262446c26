import { SimulatedDisk } from '@lunbox/block';
import {
  AdditionalSenseCode,
  decodeLun,
  INQUIRY,
  parseLunList,
  READ_10,
  REPORT_LUNS,
  SenseKey,
  TEST_UNIT_READY,
  WRITE_10,
} from '@lunbox/scsi';
import { StorageObject } from '@lunbox/storage-object';
import { describe, expect, it, onTestFinished } from 'vitest';
import { control } from '../../src/cli/control-verbs.ts';
import { deskOf } from '../../src/cli/snap-verbs.ts';
import { createServer, type LunboxServer, type ServedTargetOptions } from '../../src/index.ts';
import { controlledBy } from '../support/controlled.ts';
import { ScsiClient } from '../support/scsi-client.ts';
import { makeTempDirectory } from '../support/temp-directory.ts';

const IQN = 'iqn.2026-11.com.example:live';
const OTHER = 'iqn.2026-11.com.example:other';
const CHANGED = { senseKey: SenseKey.UNIT_ATTENTION, ...AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED };
const NAMES = ['/a.lun', '/b.lun', '/c.lun'];

async function serving(more: Partial<ServedTargetOptions> = {}) {
  const disk = new SimulatedDisk();
  for (const path of NAMES) await (await StorageObject.create(path, { disk, sizeBytes: 2 ** 20 })).close();
  const targets = [{ iqn: IQN, luns: [{ path: '/a.lun' }], ...more }];
  const server = await createServer({ disk, portals: ['127.0.0.1:0'], targets });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const port = Number(server.portals[0]!.split(':').at(-1));
  const connect = async (iqn = IQN): Promise<ScsiClient> => {
    const client = await ScsiClient.ready({ host: '127.0.0.1', port, iqn, initiator: 1 });
    onTestFinished(() => client.close());
    return client;
  };
  return { server, disk, connect };
}

const lunsOf = async (client: ScsiClient): Promise<(number | undefined)[]> =>
  parseLunList((await client.send(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 256 }))).data).map(decodeLun);

const wrongState = (message: RegExp) => ({
  code: 'SERVER_WRONG_STATE',
  message: expect.stringMatching(message) as string,
});

describe('a disk that comes while the server runs', () => {
  it('is a LUN, of which initiators hear; it stores, and is closed in order when it goes', async () => {
    const { server, disk, connect } = await serving();
    const client = await connect();
    expect(await server.live.attach({ path: '/b.lun' })).toBe(1);
    expect((await client.send(TEST_UNIT_READY.encode({}))).sense).toMatchObject(CHANGED);
    expect(await lunsOf(client)).toEqual([0, 1]);
    await client.send(INQUIRY.encode({ ALLOCATION_LENGTH: 36 }), undefined, 1);
    const content = new Uint8Array(4096).fill(7);
    const write = WRITE_10.encode({ TRANSFER_LENGTH: 8 });
    while ((await client.send(write, content, 1)).sense !== undefined);
    await expect(server.live.detach(1)).rejects.toMatchObject(wrongState(/LUN 1 is in use by iqn/));
    await server.live.detach(1, { force: true });
    expect(await lunsOf(client)).toEqual([0]);
    const object = await StorageObject.open('/b.lun', { disk });
    expect(object.continuity).toBe('clean');
    const [found] = [new Uint8Array(4096)];
    await object.device.read([found], 0);
    expect(found).toEqual(content);
    await object.close();
  });

  it('gets the number that was asked for, and none that is taken', async () => {
    const { server } = await serving();
    expect(await server.live.attach({ path: '/b.lun', lun: 5 })).toBe(5);
    await expect(server.live.attach({ path: '/c.lun', lun: 5 })).rejects.toMatchObject({
      code: 'SERVER_BAD_OPTIONS',
    });
    expect(await server.live.attach({ path: '/c.lun' })).toBe(1);
    expect(server.targets[0]!.luns.map(({ lun }) => lun)).toEqual([0, 5, 1]);
  });

  it('is not served twice, nor made of what is no disk; nothing has changed then', async () => {
    const { server, disk } = await serving();
    await expect(server.live.attach({ path: '/a.lun' })).rejects.toMatchObject({
      code: 'SERVER_BAD_OPTIONS',
    });
    await expect(server.live.attach({ path: '/none.lun' })).rejects.toMatchObject({ name: 'ContainerError' });
    await expect(server.live.attach({ path: '/b.lun' }, 1)).rejects.toMatchObject(
      wrongState(/no such target/),
    );
    expect(server.targets[0]!.luns).toHaveLength(1);
    await (await StorageObject.open('/b.lun', { disk })).close();
  });

  it('goes only when it is there, and not as the last one', async () => {
    const { server } = await serving();
    await expect(server.live.detach(0)).rejects.toMatchObject(wrongState(/only one/));
    await expect(server.live.detach(3)).rejects.toMatchObject(wrongState(/no disk with the LUN 3/));
    await server.live.attach({ path: '/b.lun' });
    await server.snapshots(0).set.create({ name: 's' });
    server.snapshots(0).open('s');
    await expect(server.live.detach(0)).rejects.toMatchObject(wrongState(/snapshot s is open as LUN 2/));
    await expect(server.live.detach(2)).rejects.toMatchObject(wrongState(/no disk with the LUN 2/));
    await server.snapshots(0).close('s');
    await server.live.detach(0);
    expect(server.targets[0]).toMatchObject({ iqn: IQN, luns: [{ lun: 1, path: '/b.lun' }] });
  });

  it('is closed by the stop that comes at the same time', async () => {
    const { server, disk } = await serving();
    const attaching = server.live.attach({ path: '/b.lun' });
    await Promise.resolve();
    await server.stop({ timeoutMs: 0 });
    expect(await attaching).toBe(1);
    await (await StorageObject.open('/b.lun', { disk })).close();
    await expect(server.live.attach({ path: '/b.lun' })).rejects.toMatchObject(wrongState(/does not run/));
  });
});

describe('a target that comes while the server runs', () => {
  it('is reached by every portal, under its own name, and its sessions end when it goes', async () => {
    const { server, disk, connect } = await serving();
    expect(await server.live.addTarget({ iqn: OTHER, luns: [{ path: '/b.lun' }] })).toBe(OTHER);
    const client = await connect(OTHER);
    expect((await client.send(READ_10.encode({ TRANSFER_LENGTH: 1 }))).sense).toBeUndefined();
    expect(server.volumes.list().map(({ name, iqn }) => [name, iqn])).toEqual([
      ['a', IQN],
      ['b', OTHER],
    ]);
    await expect(server.live.removeTarget(OTHER)).rejects.toMatchObject(wrongState(/in use/));
    await server.live.removeTarget(OTHER, { force: true });
    await expect(connect(OTHER)).rejects.toThrow();
    expect((await (await connect()).send(READ_10.encode({ TRANSFER_LENGTH: 1 }))).sense).toBeUndefined();
    await (await StorageObject.open('/b.lun', { disk })).close();
  });

  it('has a name of its own, and access rules that fit the portals', async () => {
    const { server, disk } = await serving();
    await expect(server.live.addTarget({ iqn: IQN, luns: [{ path: '/b.lun' }] })).rejects.toMatchObject({
      code: 'SERVER_BAD_OPTIONS',
    });
    await expect(server.live.removeTarget(IQN)).rejects.toMatchObject(wrongState(/only target/));
    await expect(server.live.removeTarget(OTHER)).rejects.toMatchObject(wrongState(/no such target/));
    await (await StorageObject.open('/b.lun', { disk })).close();
    expect(await server.live.addTarget({ luns: [{ path: '/b.lun' }] })).toMatch(/^iqn\./);
    server.setAccess([{ initiator: 'iqn.2026-11.com.example:nobody' }], 1);
  });
});

describe('snapshots', () => {
  it('are those of the disk that is named, also where another target has the same LUN', async () => {
    const { server } = await serving();
    await server.live.addTarget({ iqn: OTHER, luns: [{ path: '/b.lun' }] });
    for (const path of ['/a.lun', '/b.lun'])
      await deskOf(server, { path }).set.create({ name: path.slice(1, 2) });
    const names = (index: number) =>
      server
        .snapshots(0, index)
        .set.list()
        .map(({ name }) => name);
    expect([names(0), names(1)]).toEqual([['a'], ['b']]);
    await deskOf(server, { lun: 0 }).delete('a');
    expect([names(0), names(1)]).toEqual([[], ['b']]);
  });
});

describe('lunbox control', () => {
  const ask = async (server: LunboxServer, request: object): Promise<unknown> => {
    const asker = { begin: () => undefined, progress: () => undefined, ended: Promise.resolve() };
    const { result } = await control(await controlledBy(server), request, asker);
    return result;
  };

  it('attaches a disk as the LUN that it says it is, and detaches it', async () => {
    const directory = makeTempDirectory('live');
    onTestFinished(() => directory.remove());
    const [first, second] = [directory.file('first.lun'), directory.file('second.lun')];
    for (const path of [first, second]) {
      const attributes = path === second ? { location: { lun: 4 } } : {};
      await (await StorageObject.create(path, { sizeBytes: 2 ** 20, attributes })).close();
    }
    const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns: [{ path: first }] }] });
    await server.start();
    onTestFinished(() => server.stop({ timeoutMs: 0 }));
    const attached = await ask(server, { verb: 'attach', path: second, readOnly: true });
    expect(attached).toEqual({ lun: 4, url: server.url(4) });
    expect(server.targets[0]!.luns[1]).toMatchObject({ lun: 4, path: second, readOnly: true });
    await ask(server, { verb: 'detach', lun: 4 });
    await (await StorageObject.open(second)).close();
  });
});
