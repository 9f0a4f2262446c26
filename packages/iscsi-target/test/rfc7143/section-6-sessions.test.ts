import { LoginStatus, type LoginResponsePdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { ChapSecret, TargetEngine, type AccessEntry } from '../../src/index.ts';
import { nodeChapCrypto } from '../../src/shell/node-chap-crypto.ts';
import { chapLogin } from '../support/chap-initiator.ts';
import { INITIATOR_NAME, NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { MemoryTransport } from '../support/memory-transport.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const OTHER_TARGET = 'iqn.2026-11.io.lunbox:other';
const DISCOVERY = { InitiatorName: INITIATOR_NAME, SessionType: 'Discovery' };
const ISID = Uint8Array.of(0x80, 0, 0, 0, 0, 1);
const OTHER_ISID = Uint8Array.of(0x80, 0, 0, 0, 0, 2);

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([
    { name: TARGET_NAME, scsi },
    { name: OTHER_TARGET, scsi },
  ]);
});

/** An initiator at the portal of a group: port 3260 + tag. */
function at(tag: number): TestInitiator {
  const portal = { address: '127.0.0.1', port: 3260 + tag, tag };
  return new TestInitiator(engine, new MemoryTransport({ local: portal, portal }));
}

/** Logs in with one request; returns its status and the initiator. */
async function login(
  initiator: TestInitiator,
  keys: Record<string, string> = NAMES,
  fields: object = {},
): Promise<number> {
  const [pdu] = await initiator.send(initiator.loginRequest({ isid: ISID, ...fields }, keys));
  const { statusClass, statusDetail } = pdu as LoginResponsePdu;
  return (statusClass << 8) | statusDetail;
}

/** Logs in and returns the initiator. */
async function loggedIn(tag: number, keys?: Record<string, string>, fields = {}): Promise<TestInitiator> {
  const initiator = at(tag);
  expect(await login(initiator, keys, fields)).toBe(LoginStatus.SUCCESS);
  return initiator;
}

const ended = ({ transport }: TestInitiator): boolean => transport.ended || transport.destroyed;

describe('what a login comes to (RFC 7143 §6.3.1)', () => {
  let first: TestInitiator;
  let tsih: number;

  beforeEach(async () => {
    first = await loggedIn(1, { ...NAMES, MaxConnections: '4' });
    tsih = engine.sessions[0]!.tsih;
  });

  it.each([
    ['new ISID, TSIH not zero', { isid: OTHER_ISID }, 'session does not exist'],
    ['new ISID, TSIH zero', { isid: OTHER_ISID, tsih: 0 }, 'new session'],
    ['existing ISID, TSIH zero', { tsih: 0 }, 'session reinstated'],
    ['existing ISID and TSIH, new CID', { cid: 7 }, 'connection added'],
    ['existing ISID, TSIH and CID', { cid: 0 }, 'connection reinstated'],
    ['existing ISID, unknown TSIH', { tsih: 4711, cid: 7 }, 'session does not exist'],
  ])('%s: %s gives "%s"', async (_row, fields, outcome) => {
    const second = at(1);
    const status = await login(second, NAMES, { tsih, ...fields });
    const exists = status !== LoginStatus.SESSION_DOES_NOT_EXIST;
    expect(exists).toBe(outcome !== 'session does not exist');
    expect(engine.sessions).toHaveLength(outcome === 'new session' ? 2 : 1);
    expect(engine.sessions[0]!.remotes).toHaveLength(outcome === 'connection added' ? 2 : 1);
    expect(ended(first)).toBe(outcome.endsWith('reinstated'));
    const kept = engine.sessions.some((session) => session.tsih === tsih);
    expect(kept).toBe(outcome !== 'session reinstated');
  });

  it.each([
    ['another portal group', 2, NAMES],
    ['another target', 1, { ...NAMES, TargetName: OTHER_TARGET }],
    ['another initiator', 1, { ...NAMES, InitiatorName: 'iqn.1994-05.com.example:other' }],
    ['a discovery session', 1, DISCOVERY],
    ['a discovery session of the same target', 1, { ...DISCOVERY, TargetName: TARGET_NAME }],
  ])('a connection by %s does not join: 020Ah (§4.4.3)', async (_what, tag, keys) => {
    const status = await login(at(tag), keys, { tsih, cid: 1 });
    expect(status).toBe(LoginStatus.SESSION_DOES_NOT_EXIST);
    expect(engine.sessions[0]!.remotes).toHaveLength(1);
  });

  it('a connection by another portal of the group joins (Appendix C)', async () => {
    const portal = { address: '127.0.0.2', port: 3261, tag: 1 };
    const second = new TestInitiator(engine, new MemoryTransport({ local: portal, portal }));
    expect(await login(second, NAMES, { tsih, cid: 1 })).toBe(LoginStatus.SUCCESS);
  });
});

it.each([
  ['0', LoginStatus.TOO_MANY_CONNECTIONS],
  ['1', LoginStatus.TOO_MANY_CONNECTIONS],
  ['2', LoginStatus.SUCCESS],
])(
  'at ErrorRecoveryLevel %s a session of one connection may be cleaned up by another (§6.3.4)',
  async (level, other) => {
    const first = await loggedIn(1, { ...NAMES, ErrorRecoveryLevel: level });
    const tsih = engine.sessions[0]!.tsih;
    expect(await login(at(1), NAMES, { tsih, cid: 1 })).toBe(other);
    expect(await login(at(1), NAMES, { tsih, cid: 2 })).toBe(LoginStatus.TOO_MANY_CONNECTIONS);
    // One with its own CID always takes its place.
    expect(ended(first)).toBe(false);
    expect(await login(at(1), NAMES, { tsih })).toBe(LoginStatus.SUCCESS);
    expect(ended(first)).toBe(true);
  },
);

describe('one session for an ISID and a portal group (RFC 7143 §4.4.3, ISID RULE)', () => {
  it.each([
    ['another target', 1, { ...NAMES, TargetName: OTHER_TARGET }],
    ['another portal group', 2, NAMES],
    ['another initiator', 1, { ...NAMES, InitiatorName: 'iqn.1994-05.com.example:other' }],
  ])('the same ISID with %s is another session', async (_what, tag, keys) => {
    const first = await loggedIn(1);
    await loggedIn(tag, keys);
    expect(ended(first)).toBe(false);
    expect(engine.sessions).toHaveLength(2);
  });

  it('reinstatement ends the commands of the old session without a word and tells of nexus loss (§6.3.5)', async () => {
    const first = await loggedIn(1);
    await first.send(first.write10(0, 8));
    await loggedIn(1);
    expect(await first.settle()).toMatchObject([{ type: 'nop-in' }]);
    expect(scsi.nexuses.map(({ closed }) => closed)).toEqual([true, false]);
    expect(engine.sessions.map(({ tasks }) => tasks)).toEqual([0]);
  });
});

describe('discovery sessions (RFC 7143 §7.4.2)', () => {
  it('unnamed: the same ISID at the same portal reinstates, at another it does not (§7.4.2.1)', async () => {
    const first = await loggedIn(1, DISCOVERY);
    const other = await loggedIn(2, DISCOVERY);
    expect([ended(first), ended(other)]).toEqual([false, false]);
    await loggedIn(1, DISCOVERY);
    expect([ended(first), ended(other)]).toEqual([true, false]);
  });

  it('unnamed: leaves normal sessions of the same ISID alone, and they leave it alone (§7.4.2.1)', async () => {
    const normal = await loggedIn(1);
    const unnamed = await loggedIn(1, DISCOVERY);
    await loggedIn(1);
    expect([ended(normal), ended(unnamed)]).toEqual([true, false]);
  });

  it('named: the ISID RULE holds as for normal sessions (§7.4.2.2)', async () => {
    const named = { ...DISCOVERY, TargetName: TARGET_NAME };
    const first = await loggedIn(1, named);
    const other = await loggedIn(1, { ...DISCOVERY, TargetName: OTHER_TARGET });
    expect([ended(first), ended(other)]).toEqual([false, false]);
    const again = await loggedIn(1, named);
    expect([ended(first), ended(other)]).toEqual([true, false]);
    const normal = await loggedIn(1);
    expect([ended(again), ended(other), ended(normal)]).toEqual([true, false, false]);
  });
});

describe('who may join or reinstate (RFC 7143 §6.3, §9.2)', () => {
  const entry = (user: string, secret: string): AccessEntry => ({
    initiator: '*',
    chap: { user, secrets: [new ChapSecret(secret)] },
  });

  beforeEach(() => {
    const access = [entry('alice', 'secret-of-alice1'), entry('bob', 'the secret of bob')];
    const security = { crypto: nodeChapCrypto(), discovery: [{ initiator: '*' }] };
    engine = new TargetEngine([{ name: TARGET_NAME, scsi, access }], {}, { security });
  });

  const bob = { user: 'bob', secret: 'the secret of bob' };

  it('another CHAP user neither joins (0208h) nor reinstates (0202h) a session of the same name and ISID', async () => {
    const alice = at(1);
    expect((await chapLogin(alice)).status).toBe(LoginStatus.SUCCESS);
    const tsih = engine.sessions[0]!.tsih;
    expect((await chapLogin(at(1), { ...bob, tsih })).status).toBe(LoginStatus.CANNOT_INCLUDE_IN_SESSION);
    expect((await chapLogin(at(1), bob)).status).toBe(LoginStatus.AUTHORIZATION_FAILURE);
    expect(ended(alice)).toBe(false);
  });

  it.each<[string, Partial<AccessEntry>, number]>([
    ['the same rights', {}, LoginStatus.SUCCESS],
    ['no right to write', { readOnly: true }, LoginStatus.CANNOT_INCLUDE_IN_SESSION],
    ['other LUNs', { lunMap: new Map([[0, 1]]) }, LoginStatus.CANNOT_INCLUDE_IN_SESSION],
  ])('a connection joins after its secret was changed, with %s', async (_what, rights, status) => {
    await chapLogin(at(1));
    const tsih = engine.sessions[0]!.tsih;
    engine.setAccess(TARGET_NAME, [{ ...entry('alice', 'another secret of alice'), ...rights }]);
    const login = { secret: 'another secret of alice', tsih };
    expect((await chapLogin(at(1), login)).status).toBe(status);
  });

  it('a named discovery session that proves nothing does not reinstate a session that does', async () => {
    const alice = at(1);
    await chapLogin(alice);
    const status = await login(at(1), { ...DISCOVERY, TargetName: TARGET_NAME });
    expect(status).toBe(LoginStatus.AUTHORIZATION_FAILURE);
    expect(ended(alice)).toBe(false);
  });
});
