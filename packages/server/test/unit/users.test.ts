import { SimulatedDisk } from '@lunbox/block';
import {
  AdditionalSenseCode,
  decodeLun,
  FORMAT_UNIT,
  parseLunList,
  REPORT_LUNS,
  SenseKey,
  Status,
  WRITE_10,
} from '@lunbox/scsi';
import { StorageObject, type Attributes, type UserAttribute } from '@lunbox/storage-object';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { control } from '../../src/cli/control-verbs.ts';
import { createServer, type LunboxServer, type LunOptions } from '../../src/index.ts';
import { changedUsers, type UserChange, type UserList } from '../../src/object-users.ts';
import { ScsiClient } from '../support/scsi-client.ts';
import { controlledBy } from '../support/controlled.ts';

const IQN = 'iqn.2026-11.com.example:listed';
const MIB = 2 ** 20;
/** Headers of a container on the simulated disk take less. */
const OVERHEAD = MIB;

/** The name that a client of this number goes by. */
const clientName = (initiator: number): string => `iqn.2026-11.io.lunbox:client-${initiator}`;
const alice = (more: Partial<UserAttribute> = {}): UserAttribute => ({
  name: clientName(1),
  permission: 'write',
  ...more,
});

async function serving(attributes: Attributes, more: Partial<LunOptions> = {}) {
  const disk = new SimulatedDisk();
  await (await StorageObject.create('/disk.lun', { disk, sizeBytes: 8 * MIB, attributes })).close();
  const targets = [{ iqn: IQN, luns: [{ path: '/disk.lun', ...more }] }];
  const server = await createServer({ disk, portals: ['127.0.0.1:0'], targets });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const port = Number(server.portals[0]!.split(':').at(-1));
  const connect = async (initiator: number, ready = true): Promise<ScsiClient> => {
    const where = { host: '127.0.0.1', port, iqn: IQN, initiator };
    const client = await (ready ? ScsiClient.ready(where) : ScsiClient.open(where));
    onTestFinished(() => client.close());
    return client;
  };
  return { disk, server, connect };
}

/** Asks like `lunbox control` does. */
async function ask(server: LunboxServer, request: object): Promise<unknown> {
  const asker = { begin: () => undefined, progress: () => undefined, ended: Promise.resolve() };
  return control(await controlledBy(server), request, asker);
}

async function luns(client: ScsiClient): Promise<(number | undefined)[]> {
  return parseLunList((await client.send(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 64 }))).data).map(decodeLun);
}

const write = (client: ScsiClient, lba: number, blocks = 128) =>
  client.send(
    WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: blocks }),
    new Uint8Array(blocks * 512).fill(7),
  );

const noSpace = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.DATA_PROTECT, ...AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT },
};

describe('a disk with a list of users', () => {
  it('is seen by those in it, and written as far as their permission and quota go', async () => {
    const users = [
      alice({ quotaBytes: 2 * MIB + OVERHEAD }),
      { name: clientName(2), permission: 'read' as const },
      { name: clientName(3), permission: 'admin' as const },
    ];
    const { connect } = await serving({ users });
    const [writer, reader, admin] = [await connect(1), await connect(2), await connect(3)];
    let written = 0;
    while ((await write(writer, written * 128)).status === Status.GOOD) written += 1;
    expect(written).toBeGreaterThanOrEqual(32);
    expect(written).toBeLessThanOrEqual(48);
    expect(await write(writer, written * 128)).toMatchObject(noSpace);
    expect(await write(writer, 0)).toMatchObject({ status: Status.GOOD });
    expect(await write(admin, written * 128)).toMatchObject({ status: Status.GOOD });
    expect(await write(reader, 0)).toMatchObject({ sense: AdditionalSenseCode.WRITE_PROTECTED });
    expect(await writer.send(FORMAT_UNIT.encode())).toMatchObject({
      sense: AdditionalSenseCode.ACCESS_DENIED_NO_ACCESS_RIGHTS,
    });
    expect(await admin.send(FORMAT_UNIT.encode())).toMatchObject({ status: Status.GOOD });
    const stranger = await connect(4, false);
    expect(await luns(stranger)).toEqual([]);
    expect(await write(stranger, 0)).toMatchObject({ sense: AdditionalSenseCode.LOGICAL_UNIT_NOT_SUPPORTED });
  });

  it('is changed by the control socket for sessions that are there, durably, with a line for the audit', async () => {
    const { disk, server, connect } = await serving({ users: [alice()] });
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    onTestFinished(() => said.mockRestore());
    const stranger = await connect(2, false);
    expect(await luns(stranger)).toEqual([]);
    const user = clientName(2);
    await ask(server, { verb: 'users', lun: 0, user, permission: 'write', quotaBytes: 0 });
    expect(await luns(stranger)).toEqual([0]);
    let refused = await write(stranger, 0);
    while (refused.sense?.senseKey === SenseKey.UNIT_ATTENTION) refused = await write(stranger, 0);
    expect(refused).toMatchObject(noSpace);
    await ask(server, { verb: 'users', lun: 0, user, quotaBytes: null });
    expect(await write(stranger, 0)).toMatchObject({ status: Status.GOOD });
    await ask(server, { verb: 'users', lun: 0, user, remove: true });
    expect(await luns(stranger)).toEqual([]);
    expect(await ask(server, { verb: 'users', lun: 0 })).toEqual({ result: { lun: 0, users: [alice()] } });
    await ask(server, { verb: 'users', lun: 0, everybody: true });
    expect(await luns(stranger)).toEqual([0]);
    const lines = said.mock.calls.map(([line]) => String(line));
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(
      /^lunbox: audit: \d{4}-\S+Z users of LUN 0 by the control socket: "iqn\S+: write -> /,
    );
    await server.stop({ timeoutMs: 0 });
    const object = await StorageObject.open('/disk.lun', { disk });
    expect(object.attributes.users).toBeUndefined();
    await object.close();
  });

  it('keeps its list when a change cannot be stored, and sessions go by that', async () => {
    const { disk, server, connect } = await serving({ users: [alice()] });
    const client = await connect(1);
    disk.faults.fail('write', 1, 'EIO');
    await expect(server.changeUsers(0, { user: clientName(1), permission: 'read' })).rejects.toMatchObject({
      code: 'CONTAINER_IO',
    });
    expect(server.users(0)).toEqual([alice()]);
    expect(await write(client, 0)).toMatchObject({ status: Status.GOOD });
  });

  it('is not served as a removable disk, and neither has a device users', async () => {
    await expect(serving({ users: [] }, { removable: true })).rejects.toMatchObject({
      code: 'SERVER_BAD_OPTIONS',
      message: '/disk.lun has a list of users, and cannot be a removable disk',
    });
    const { server } = await serving({}, { removable: true });
    expect(() => server.users(0)).toThrow('LUN 0 is removable, and has no users of its own');
    await expect(server.changeUsers(0, { everybody: true })).rejects.toThrow('is removable');
    await expect(server.changeUsers(1, { everybody: true })).rejects.toThrow('no LUN 1');
  });
});

it.each<[object, RegExp]>([
  [{ verb: 'users' }, /users needs "lun"/],
  [{ verb: 'users', lun: 0, user: '' }, /"user" is the name of a user/],
  [{ verb: 'users', lun: 0, user: 'a\nb', permission: 'read' }, /"user" is the name of a user/],
  [{ verb: 'users', lun: 0, user: 'bob', permission: 'root' }, /"permission" is one of read, snapshot, /],
  [{ verb: 'users', lun: 0, user: 'bob', permission: 'read', quotaBytes: -1 }, /"quotaBytes" is a whole/],
  [{ verb: 'users', lun: 0, user: 'bob' }, /say what bob may do/],
  [{ verb: 'users', lun: 0, permission: 'read' }, /say which user/],
])('the request %o is refused, and changes nothing', async (request, message) => {
  const { server } = await serving({ users: [alice()] });
  await expect(ask(server, request)).rejects.toThrow(message);
  expect(server.users(0)).toEqual([alice()]);
});

describe('a change of users', () => {
  const list: UserList = [
    { name: 'eve', permission: 'write', quotaBytes: 5 },
    { name: 'bob', permission: 'read' },
  ];

  it.each<[string, UserList, UserChange, UserList]>([
    ['begins a list', undefined, { user: 'bob', permission: 'read' }, [{ name: 'bob', permission: 'read' }]],
    [
      'keeps the quota',
      list,
      { user: 'eve', permission: 'admin' },
      [{ name: 'eve', permission: 'admin', quotaBytes: 5 }, list[1]!],
    ],
    [
      'keeps the permission',
      list,
      { user: 'bob', quotaBytes: 7 },
      [list[0]!, { name: 'bob', permission: 'read', quotaBytes: 7 }],
    ],
    [
      'takes a quota away',
      list,
      { user: 'eve', quotaBytes: null },
      [{ name: 'eve', permission: 'write' }, list[1]!],
    ],
    ['takes one out', list, { user: 'eve', remove: true }, [list[1]!]],
    ['leaves nobody', [list[1]!], { user: 'bob', remove: true }, []],
    ['drops the list', list, { everybody: true }, undefined],
  ])('%s', (_what, before, change, after) => {
    expect(changedUsers(before, change)).toEqual(after);
  });

  it.each<[UserChange, RegExp]>([
    [{}, /say which user/],
    [{ user: 'eve', everybody: true, remove: true }, /everybody drops the list/],
    [{ everybody: true, permission: 'read' }, /say which user/],
    [{ user: 'eve', remove: true, permission: 'read' }, /remove takes no permission/],
    [{ user: 'mallory', remove: true }, /no user mallory/],
    [{ user: 'mallory', quotaBytes: 5 }, /say what mallory may do/],
  ])('such as %o is refused', (change, message) => {
    expect(() => changedUsers(list, change)).toThrow(message);
  });
});
