import { SimulatedDisk } from '@lunbox/block';
import {
  AdditionalSenseCode,
  decodeLun,
  INQUIRY,
  parseLunList,
  PR_OUT_REGISTER,
  PR_OUT_RESERVE,
  READ_10,
  REPORT_LUNS,
  SenseKey,
  Status,
  TEST_UNIT_READY,
  WRITE_10,
} from '@lunbox/scsi';
import { StorageObject, type Attributes } from '@lunbox/storage-object';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createServer, type DiskSnapshotEvent } from '../../src/index.ts';
import { ScsiClient } from '../support/scsi-client.ts';

const IQN = 'iqn.2026-11.com.example:snapshots';
const MIB = 2 ** 20;
const CHANGED = { senseKey: SenseKey.UNIT_ATTENTION, ...AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED };

async function serving(
  attributes: Attributes = {},
  luns = [{ path: '/disk.lun' }],
  onSnapshotEvent?: (event: DiskSnapshotEvent) => void,
) {
  const disk = new SimulatedDisk();
  for (const { path } of luns)
    await (await StorageObject.create(path, { disk, sizeBytes: 8 * MIB, attributes })).close();
  const server = await createServer({
    disk,
    portals: ['127.0.0.1:0'],
    targets: [{ iqn: IQN, luns }],
    ...(onSnapshotEvent && { onSnapshotEvent }),
  });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const port = Number(server.portals[0]!.split(':').at(-1));
  const connect = async (initiator: number): Promise<ScsiClient> => {
    const client = await ScsiClient.ready({ host: '127.0.0.1', port, iqn: IQN, initiator });
    onTestFinished(() => client.close());
    return client;
  };
  return { disk, server, connect };
}

const lunsOf = async (client: ScsiClient): Promise<(number | undefined)[]> =>
  parseLunList((await client.send(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 256 }))).data).map(decodeLun);

const fill = (client: ScsiClient, value: number) =>
  client.send(WRITE_10.encode({ TRANSFER_LENGTH: 8 }), new Uint8Array(4096).fill(value));

/** The first byte of the disk behind a LUN, with the attentions that come before it. */
async function firstByte(client: ScsiClient, lun: number): Promise<number | undefined> {
  for (;;) {
    const result = await client.send(READ_10.encode({ TRANSFER_LENGTH: 1 }), undefined, lun);
    if (result.sense?.senseKey !== SenseKey.UNIT_ATTENTION) return result.data[0];
  }
}

describe('snapshots as LUNs of a server that runs', () => {
  it('come and go, and every initiator hears of each', async () => {
    const { server, connect } = await serving();
    const clients = [await connect(1), await connect(2)];
    const [writer] = clients as [ScsiClient];
    const snapshots = server.snapshots(0);
    for (const value of [1, 2]) {
      expect((await fill(writer, value)).status).toBe(Status.GOOD);
      await snapshots.set.create({ name: `with ${value}` });
    }
    await fill(writer, 3);
    expect(snapshots.open('with 1', { lun: 7 })).toBe(7);
    expect(snapshots.open('with 2')).toBe(1);
    for (const client of clients) {
      expect(await client.send(TEST_UNIT_READY.encode())).toMatchObject({ sense: CHANGED });
      expect(await lunsOf(client)).toEqual([0, 1, 7]);
      expect(await Promise.all([7, 1, 0].map((lun) => firstByte(client, lun)))).toEqual([1, 2, 3]);
    }
    const refused = await writer.send(WRITE_10.encode({ TRANSFER_LENGTH: 1 }), new Uint8Array(512), 7);
    expect(refused.sense).toMatchObject(AdditionalSenseCode.WRITE_PROTECTED);
    expect(await snapshots.close('with 1')).toBe(7);
    for (const client of clients) {
      expect(await client.send(TEST_UNIT_READY.encode())).toMatchObject({ sense: CHANGED });
      expect(await lunsOf(client)).toEqual([0, 1]);
      const gone = await client.send(TEST_UNIT_READY.encode(), undefined, 7);
      expect(gone.sense).toMatchObject(AdditionalSenseCode.LOGICAL_UNIT_NOT_SUPPORTED);
    }
    expect(snapshots.open('with 1', { lun: 7 })).toBe(7);
    expect(await firstByte(writer, 7)).toBe(1);
  });

  it('have an identity and a serial number of their own, made from the identity of the snapshot', async () => {
    const { server, connect } = await serving();
    const client = await connect(1);
    const { id } = await server.snapshots(0).set.create({ name: 'a' });
    server.snapshots(0).open('a');
    await firstByte(client, 1);
    const page = async (code: number): Promise<string> => {
      const cdb = INQUIRY.encode({ EVPD: 1, PAGE_CODE: code, ALLOCATION_LENGTH: 252 });
      return Buffer.from((await client.send(cdb, undefined, 1)).data).toString('latin1');
    };
    const digits = id.replaceAll('-', '');
    expect(await page(0x80)).toContain(digits);
    expect(await page(0x83)).toContain(digits);
    const [disk, snapshot] = server.targets[0]!.luns;
    expect(snapshot).toMatchObject({
      identity: id,
      readOnly: true,
      sizeBytes: 8 * MIB,
      snapshot: { lun: 0, id, name: 'a' },
    });
    expect(disk).toMatchObject({ readOnly: false, snapshot: undefined });
    await server.snapshots(0).set.create({ name: 'b' });
    await server.stop();
    await server.start();
    expect(server.targets[0]!.luns.map(({ lun }) => lun)).toEqual([0]);
    expect(server.snapshots(0).set.list()).toMatchObject([{ id, name: 'a' }, { name: 'b' }]);
  });

  it('are seen by those only who see the disk', async () => {
    const name = (initiator: number): string => `iqn.2026-11.io.lunbox:client-${initiator}`;
    const users = [{ name: name(1), permission: 'write' as const }];
    const { server, connect } = await serving({ users });
    const [user, stranger] = [
      await connect(1),
      await ScsiClient.open({
        host: '127.0.0.1',
        port: Number(server.portals[0]!.split(':').at(-1)),
        iqn: IQN,
        initiator: 2,
      }),
    ];
    onTestFinished(() => stranger.close());
    await server.snapshots(0).set.create({ name: 'a' });
    server.snapshots(0).open('a');
    expect([await lunsOf(user), await lunsOf(stranger)]).toEqual([[0, 1], []]);
    await server.changeUsers(0, { user: name(2), permission: 'read' });
    expect(await lunsOf(stranger)).toEqual([0, 1]);
    await server.changeUsers(0, { user: name(1), remove: true });
    expect(await lunsOf(user)).toEqual([]);
  });

  it('are not opened twice, deleted or lost while they are LUNs, and others are not closed', async () => {
    const { server } = await serving({}, [{ path: '/disk.lun' }, { path: '/other.lun' }]);
    const snapshots = server.snapshots(0);
    await snapshots.set.create({ name: 'a' });
    const message = (lun: number): string => `snapshot a is open as LUN ${lun}`;
    expect(() => snapshots.open('a', { lun: 1 })).toThrow('LUN 1 and snapshot a both want to be LUN 1');
    expect(() => snapshots.open('b')).toThrow('there is no snapshot b');
    expect(snapshots.open('a')).toBe(2);
    expect(snapshots.lunOf(snapshots.set.list()[0]!.id)).toBe(2);
    expect(() => snapshots.open('a')).toThrow(`${message(2)} already`);
    await expect(snapshots.delete('a')).rejects.toThrow(`${message(2)}; close it with lunbox snap close`);
    expect(() => server.snapshots(2).set).toThrow('LUN 2 has no snapshots');
    const both = [snapshots.close('a'), snapshots.close('a')];
    expect(() => snapshots.open('a')).toThrow(message(2));
    expect(await Promise.all(both)).toEqual([2, 2]);
    await expect(snapshots.close('a')).rejects.toThrow('snapshot a is not open as a LUN');
    await snapshots.delete('a');
    expect(snapshots.set.list()).toEqual([]);
  });

  it('are restored while somebody uses or has reserved the disk only by force', async () => {
    const { server, connect } = await serving();
    const snapshots = server.snapshots(0);
    const holder = await connect(1);
    await fill(holder, 1);
    await snapshots.set.create({ name: 'a' });
    await fill(holder, 2);
    await expect(snapshots.restore('a')).rejects.toThrow(
      'LUN 0 is in use by iqn.2026-11.io.lunbox:client-1;',
    );
    const key = (at: number): Uint8Array => new Uint8Array(24).fill(1, at, at + 1);
    await holder.send(PR_OUT_REGISTER.encode({ PARAMETER_LIST_LENGTH: 24 }), key(15));
    await holder.send(PR_OUT_RESERVE.encode({ TYPE: 1, PARAMETER_LIST_LENGTH: 24 }), key(7));
    await holder.close();
    await expect(snapshots.restore('a')).rejects.toThrow('LUN 0 is reserved by an initiator;');
    const begun = await snapshots.restore('a', { force: true, name: 'before' });
    expect(begun.safety.name).toBe('before');
    await begun.done;
    const reader = await connect(2);
    expect(await firstByte(reader, 0)).toBe(1);
    snapshots.open('before');
    expect(await firstByte(reader, 1)).toBe(2);
  });

  it('tell of a restore by NOT READY TO READY CHANGE, on every nexus', async () => {
    const { server, connect } = await serving();
    const clients = [await connect(1), await connect(2)];
    await server.snapshots(0).set.create({ name: 'a' });
    await server.snapshots(0).restore('a', { force: true });
    for (const client of clients) {
      const { sense } = await client.send(TEST_UNIT_READY.encode());
      expect(sense).toMatchObject(AdditionalSenseCode.NOT_READY_TO_READY_CHANGE);
      expect((await client.send(TEST_UNIT_READY.encode())).status).toBe(Status.GOOD);
    }
  });

  it('that are dropped for want of room, and writes that are refused, are told of', async () => {
    const events: DiskSnapshotEvent[] = [];
    const { server, connect } = await serving({}, [{ path: '/disk.lun' }], (event) => events.push(event));
    const client = await connect(1);
    const { set } = server.snapshots(0);
    await fill(client, 1);
    await set.setPolicy({ whenFull: 'drop-oldest', limitBytes: 4096 });
    const { id } = await set.create({ name: 'a' });
    expect((await fill(client, 2)).status).toBe(Status.GOOD);
    const about = { lun: 0, path: '/disk.lun' };
    expect(events).toContainEqual({ ...about, event: { kind: 'dropped', id, name: 'a' } });
    await set.create({ name: 'b' });
    await set.setPolicy({ whenFull: 'refuse', limitBytes: 4096 });
    expect((await fill(client, 3)).status).toBe(Status.CHECK_CONDITION);
    expect(events).toContainEqual({ ...about, event: { kind: 'refused' } });
    expect(await firstByte(client, 0)).toBe(2);
  });
});
