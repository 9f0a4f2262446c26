import {
  LoginStatus,
  NO_TTT,
  decodeText,
  encodeText,
  type LoginResponsePdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import {
  ChapSecret,
  TargetEngine,
  TargetError,
  checkAccess,
  type AccessEntry,
  type DiscoveryEntry,
} from '../../src/index.ts';
import { nodeChapCrypto } from '../../src/shell/node-chap-crypto.ts';
import { chapLogin, type ChapLogin } from '../support/chap-initiator.ts';
import { INITIATOR_NAME, NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { MemoryTransport } from '../support/memory-transport.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const OTHER_TARGET = 'iqn.2026-11.io.lunbox:other';
const SECRETS = { alice: 'secret-of-alice1', bob: 'the secret of bob' };

const chapOf = (user: keyof typeof SECRETS): { chap: AccessEntry['chap'] & object } => ({
  chap: { user, secrets: [new ChapSecret(SECRETS[user])] },
});

interface House {
  readonly engine: TargetEngine;
  readonly scsi: ScriptedScsi;
}

/** Two targets, the first with the access list under test; both are reached at a portal that is not loopback. */
function newHouse(access?: readonly AccessEntry[], discovery?: readonly DiscoveryEntry[]): House {
  const scsi = new ScriptedScsi();
  const targets = [
    { name: TARGET_NAME, scsi, ...(access ? { access } : {}) },
    {
      name: OTHER_TARGET,
      scsi: new ScriptedScsi(),
      access: [{ initiator: 'iqn.1994-05.com.example:other' }],
    },
  ];
  const security = { crypto: nodeChapCrypto(), ...(discovery ? { discovery } : {}) };
  return { engine: new TargetEngine(targets, {}, { security }), scsi };
}

function visitor(engine: TargetEngine, from = '192.0.2.7', at = '192.0.2.1'): TestInitiator {
  const ends = { local: { address: at, port: 3260 }, remote: { address: from, port: 50_000 } };
  return new TestInitiator(engine, new MemoryTransport(ends));
}

/** Status of a login without authentication. */
async function knock(
  initiator: TestInitiator,
  keys: Record<string, string> = {},
  fields = {},
): Promise<number> {
  const [response] = await initiator.send(initiator.loginRequest(fields, { ...NAMES, ...keys }));
  const { statusClass, statusDetail } = response as LoginResponsePdu;
  return (statusClass << 8) | statusDetail;
}

const chapStatus = async (initiator: TestInitiator, login: ChapLogin): Promise<number> =>
  (await chapLogin(initiator, login)).status;

/** Names of the targets that SendTargets=All answers with. */
async function sendTargets(initiator: TestInitiator, value = 'All'): Promise<string[]> {
  const [response] = await initiator.send({
    type: 'text-request',
    immediate: true,
    final: true,
    continue: false,
    lun: new Uint8Array(8),
    initiatorTaskTag: initiator.newTag(),
    targetTransferTag: NO_TTT,
    cmdSn: initiator.cmdSn,
    expStatSn: initiator.expStatSn,
    data: encodeText([['SendTargets', value]]),
  });
  const pairs = decodeText((response as TextResponsePdu).data);
  return pairs.filter(([name]) => name === 'TargetName').map(([, name]) => name);
}

describe('an access list', () => {
  it('without an entry lets in whoever comes from this machine, and nobody else', async () => {
    const { engine } = newHouse();
    expect(await knock(visitor(engine))).toBe(LoginStatus.AUTHORIZATION_FAILURE);
    expect(await knock(visitor(engine, '127.0.0.1'))).toBe(LoginStatus.AUTHORIZATION_FAILURE);
    expect(await knock(visitor(engine, '127.0.0.1', '127.0.0.1'))).toBe(LoginStatus.SUCCESS);
    expect(await knock(visitor(engine, '::1', '::1'))).toBe(LoginStatus.SUCCESS);
  });

  it.each([
    ['its name', { initiator: INITIATOR_NAME }],
    ['its name in other letters', { initiator: INITIATOR_NAME.replace('com', 'COM') }],
    ['a pattern', { initiator: 'iqn.1994-05.com.example:*' }],
    ['everybody', { initiator: '*' }],
    ['its address', { initiator: '*', addresses: ['192.0.2.7'] }],
    ['its network', { initiator: '*', addresses: ['198.51.100.0/24', '192.0.2.0/28'] }],
  ])('lets in an initiator that is listed by %s', async (_what, entry) => {
    expect(await knock(visitor(newHouse([entry]).engine))).toBe(LoginStatus.SUCCESS);
  });

  it.each([
    ['another name', { initiator: `${INITIATOR_NAME}2` }],
    ['a part of its name', { initiator: 'iqn.1994-05.com.example' }],
    ['another pattern', { initiator: 'iqn.1994-05.com.example:?' }],
    ['another address', { initiator: '*', addresses: ['192.0.2.8'] }],
    ['another network', { initiator: '*', addresses: ['192.0.2.0/30', '2001:db8::/32'] }],
  ])('refuses an initiator when %s is listed, also from this machine', async (_what, entry) => {
    const { engine, scsi } = newHouse([entry]);
    for (const from of ['192.0.2.7', '127.0.0.1']) {
      const initiator = visitor(engine, from, from);
      expect(await knock(initiator)).toBe(LoginStatus.AUTHORIZATION_FAILURE);
      expect(initiator.transport.ended).toBe(true);
    }
    expect(scsi.nexuses).toHaveLength(0);
  });

  it('gives the nexus the LUN map and the write protection of the entry', async () => {
    const lunMap = new Map([[0, 3]]);
    const { engine, scsi } = newHouse([
      { initiator: '*:reader', readOnly: true },
      { initiator: INITIATOR_NAME, lunMap },
    ]);
    await knock(visitor(engine));
    await knock(visitor(engine), { InitiatorName: 'iqn.1994-05.com.example:reader' });
    expect(scsi.nexuses.map(({ options }) => [options.lunMap, options.readOnly])).toEqual([
      [lunMap, false],
      [undefined, true],
    ]);
  });

  it('its first entry decides whether a secret is needed: a later one is no way round it', async () => {
    const { engine } = newHouse([
      { initiator: '*', ...chapOf('alice') },
      { initiator: '*', readOnly: true },
    ]);
    expect(await knock(visitor(engine))).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(await chapStatus(visitor(engine), {})).toBe(LoginStatus.SUCCESS);
  });

  it('the identity that is proven chooses among the entries that ask for one', async () => {
    const { engine, scsi } = newHouse([
      { initiator: '*', ...chapOf('alice') },
      { initiator: '*', ...chapOf('bob'), readOnly: true },
    ]);
    expect(await chapStatus(visitor(engine), { isid: 1 })).toBe(LoginStatus.SUCCESS);
    const bob = { user: 'bob', secret: SECRETS.bob, isid: 2 };
    expect(await chapStatus(visitor(engine), bob)).toBe(LoginStatus.SUCCESS);
    expect(scsi.nexuses.map(({ options }) => options.readOnly)).toEqual([false, true]);
    expect(await chapStatus(visitor(engine), { ...bob, user: 'alice' })).toBe(
      LoginStatus.AUTHENTICATION_FAILURE,
    );
  });

  it.each<[string, AccessEntry]>([
    ['no initiator', { initiator: '' }],
    ['an address that is none', { initiator: '*', addresses: ['10.0.0.0/33'] }],
    ['no secret', { initiator: '*', chap: { user: 'alice', secrets: [] } }],
    ['no user', { initiator: '*', chap: { ...chapOf('alice').chap, user: '' } }],
    [
      'a target that proves itself to anybody',
      {
        initiator: '*',
        mutual: { user: 'target', secret: new ChapSecret('secret-of-target') },
      },
    ],
    [
      'one secret for both directions',
      {
        initiator: '*',
        ...chapOf('alice'),
        mutual: { user: 'target', secret: new ChapSecret(SECRETS.alice) },
      },
    ],
    ['a LUN that is none', { initiator: '*', lunMap: new Map([[0, 16_384]]) }],
    [
      'a LUN of the target twice',
      {
        initiator: '*',
        lunMap: new Map([
          [0, 1],
          [1, 1],
        ]),
      },
    ],
  ])('with %s is refused', (_what, entry) => {
    expect(() => checkAccess([entry])).toThrow(TargetError);
    expect(() => newHouse([entry])).toThrow(TargetError);
    const { engine } = newHouse();
    expect(() => engine.setAccess(TARGET_NAME, [entry])).toThrow(TargetError);
  });

  it('takes no secret that another one has for the other direction (RFC 7143 §9.2.1)', () => {
    const mutual = { user: 'target', secret: new ChapSecret(SECRETS.bob) };
    const alice = [{ initiator: '*', ...chapOf('alice'), mutual }];
    const bob = [{ initiator: '*', ...chapOf('bob') }];
    expect(() => newHouse(alice, bob)).toThrow(TargetError);
    const { engine } = newHouse(bob);
    expect(() => engine.setAccess(OTHER_TARGET, alice)).toThrow(TargetError);
    expect(() => engine.setAccess(TARGET_NAME, alice)).not.toThrow();
  });

  it('can be replaced while the target is served, and only that of a target that is there', async () => {
    const { engine } = newHouse([{ initiator: '*' }]);
    expect(await knock(visitor(engine))).toBe(LoginStatus.SUCCESS);
    engine.setAccess(TARGET_NAME.toUpperCase(), [{ initiator: 'iqn.1994-05.com.example:nobody' }]);
    expect(await knock(visitor(engine))).toBe(LoginStatus.AUTHORIZATION_FAILURE);
    expect(engine.sessions).toHaveLength(1);
    expect(() => engine.setAccess('iqn.2026-11.io.lunbox:none', [])).toThrow(TargetError);
  });
});

describe('discovery', () => {
  async function discover(initiator: TestInitiator): Promise<number> {
    const keys = { InitiatorName: INITIATOR_NAME, SessionType: 'Discovery' };
    const [response] = await initiator.send(initiator.loginRequest({}, keys));
    const { statusClass, statusDetail } = response as LoginResponsePdu;
    return (statusClass << 8) | statusDetail;
  }

  it('shows an initiator the targets that it may use, and no other', async () => {
    const { engine } = newHouse([{ initiator: INITIATOR_NAME }]);
    const initiator = visitor(engine);
    expect(await discover(initiator)).toBe(LoginStatus.SUCCESS);
    expect(await sendTargets(initiator)).toEqual([TARGET_NAME]);
    expect(await sendTargets(initiator, OTHER_TARGET)).toEqual([]);
    engine.setAccess(TARGET_NAME, [{ initiator: 'iqn.1994-05.com.example:nobody' }]);
    expect(await sendTargets(initiator)).toEqual([]);
  });

  it('is refused to an initiator that may use no target', async () => {
    const { engine } = newHouse([{ initiator: 'iqn.1994-05.com.example:nobody' }]);
    expect(await discover(visitor(engine))).toBe(LoginStatus.AUTHORIZATION_FAILURE);
  });

  it('has an authentication of its own', async () => {
    const { engine } = newHouse(
      [{ initiator: '*', ...chapOf('alice') }],
      [{ initiator: '*', ...chapOf('bob') }],
    );
    const initiator = visitor(engine);
    const bob = { user: 'bob', secret: SECRETS.bob };
    expect(await discover(visitor(engine))).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(await chapStatus(visitor(engine), { discovery: true })).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(await chapStatus(initiator, { ...bob, discovery: true })).toBe(LoginStatus.SUCCESS);
    expect(await sendTargets(initiator)).toEqual([TARGET_NAME]);
    expect(await chapStatus(visitor(engine), bob)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
  });

  it('can be given to others while the targets are served', async () => {
    const { engine } = newHouse([{ initiator: '*', ...chapOf('alice') }]);
    engine.setDiscovery([{ initiator: '*', ...chapOf('bob') }]);
    const bob = { user: 'bob', secret: SECRETS.bob, discovery: true };
    expect(await chapStatus(visitor(engine), { discovery: true })).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(await chapStatus(visitor(engine), bob)).toBe(LoginStatus.SUCCESS);
    const mutual = { user: 'target', secret: new ChapSecret(SECRETS.alice) };
    const both = [{ initiator: '*', ...chapOf('bob'), mutual }];
    expect(() => engine.setDiscovery(both)).toThrow(TargetError);
    expect(await chapStatus(visitor(engine), bob)).toBe(LoginStatus.SUCCESS);
  });

  it.each([
    ['a session type that comes later', { SessionType: 'Discovery' }],
    ['a target that comes later', { TargetName: OTHER_TARGET }],
    ['a name that comes later', { InitiatorName: 'iqn.1994-05.com.example:other' }],
  ])('cannot be had by %s: the names are judged once', async (_what, late) => {
    const { engine } = newHouse([{ initiator: '*' }], [{ initiator: '*', ...chapOf('bob') }]);
    const initiator = visitor(engine);
    expect(await knock(initiator, {}, { transit: false, nsg: 0 })).toBe(LoginStatus.SUCCESS);
    const [response] = await initiator.send(initiator.loginRequest({}, late));
    expect(response).toMatchObject({ statusClass: 2, statusDetail: 0 });
    expect(engine.sessions).toHaveLength(0);
  });
});

describe('a session belongs to who has proven an identity', () => {
  const access: AccessEntry[] = [
    { initiator: '*', ...chapOf('alice') },
    { initiator: '*', ...chapOf('bob') },
  ];
  const bob = { user: 'bob', secret: SECRETS.bob };

  it('another user does not end it by logging in under its name', async () => {
    const { engine } = newHouse(access);
    const first = visitor(engine);
    await chapLogin(first);
    expect(await chapStatus(visitor(engine), bob)).toBe(LoginStatus.AUTHORIZATION_FAILURE);
    expect(first.transport.destroyed).toBe(false);
    expect(await chapStatus(visitor(engine), {})).toBe(LoginStatus.SUCCESS);
    expect(first.transport.destroyed).toBe(true);
  });

  it('another user does not add a connection to it', async () => {
    const { engine } = newHouse(access);
    await chapLogin(visitor(engine));
    const [session] = engine.sessions;
    const tsih = session?.tsih as number;
    expect(await chapStatus(visitor(engine), { ...bob, tsih })).toBe(LoginStatus.CANNOT_INCLUDE_IN_SESSION);
  });
});
