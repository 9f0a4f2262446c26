import {
  Keys,
  LoginStatus,
  decodeText,
  type LoginResponsePdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine, type TargetLimits } from '../../src/index.ts';
import { INITIATOR_NAME, NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { textRequest } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

type Keyed = Record<string, string>;

const DISCOVERY = { InitiatorName: INITIATOR_NAME, SessionType: 'Discovery' };

/** An offer for each key that is negotiated for the whole session by its first connection. */
const LEADING_ONLY: Keyed = {
  MaxConnections: '4',
  InitialR2T: 'No',
  ImmediateData: 'No',
  MaxBurstLength: '65536',
  FirstBurstLength: '512',
  DefaultTime2Wait: '10',
  DefaultTime2Retain: '10',
  MaxOutstandingR2T: '2',
  DataPDUInOrder: 'No',
  DataSequenceInOrder: 'No',
  ErrorRecoveryLevel: '0',
  TaskReporting: 'RFC3720,ResponseFence',
  iSCSIProtocolLevel: '2',
};

const OBSOLETE: Keyed = { IFMarker: 'No', OFMarker: 'Yes', IFMarkInt: '2048', OFMarkInt: '2048~8192' };

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => newEngine());

function newEngine(limits: Partial<TargetLimits> = {}, alias?: string): void {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi, ...(alias === undefined ? {} : { alias }) }], limits);
}

/** Sends one Login Request and returns its status and the keys of the answer. */
async function login(keys: Keyed, fields: object = {}): Promise<{ status: number; answers: Keyed }> {
  const initiator = new TestInitiator(engine);
  const [pdu] = await initiator.send(initiator.loginRequest(fields, keys));
  const { statusClass, statusDetail, data } = pdu as LoginResponsePdu;
  return { status: (statusClass << 8) | statusDetail, answers: Object.fromEntries(decodeText(data)) };
}

/** What the target answers to `keys` in the first login of a session. */
async function answersTo(keys: Keyed): Promise<Keyed> {
  const { status, answers } = await login({ ...NAMES, ...keys });
  expect(status).toBe(LoginStatus.SUCCESS);
  return answers;
}

/** What the target answers in full feature phase. */
async function textAnswersTo(keys: Keyed): Promise<Keyed> {
  const initiator = new TestInitiator(engine);
  await initiator.login();
  const [pdu] = await initiator.send(textRequest(initiator, keys));
  return Object.fromEntries(decodeText((pdu as TextResponsePdu).data));
}

describe('use and scope of keys (RFC 7143 §13)', () => {
  it('the table below has every leading-only key that is negotiated', () => {
    const keys = [...Keys.values()].filter(({ leadingOnly, kind }) => leadingOnly && kind !== 'declarative');
    const names = keys.filter(({ kind }) => kind !== 'obsolete').map(({ name }) => name);
    expect(names.sort()).toEqual(Object.keys(LEADING_ONLY).sort());
  });

  it.each(Object.entries(LEADING_ONLY))(
    '%s is negotiated by the leading connection',
    async (name, offered) => {
      const { [name]: answer } = await answersTo({ [name]: offered });
      expect(answer).not.toMatch(/^(Reject|Irrelevant|NotUnderstood)$/);
    },
  );

  it.each(Object.entries(LEADING_ONLY))(
    '%s is rejected on a joining connection, and the session keeps its value',
    async (name, offered) => {
      const first = new TestInitiator(engine);
      await first.login({ keys: { MaxConnections: '2', MaxBurstLength: '8192', InitialR2T: 'Yes' } });
      const tsih = engine.sessions[0]!.tsih;
      const { status, answers } = await login({ ...NAMES, [name]: offered }, { tsih, cid: 1 });
      expect([status, answers[name]]).toEqual([LoginStatus.SUCCESS, 'Reject']);
      const [r2t] = await first.send(first.write10(0, 64));
      expect(r2t).toMatchObject({ type: 'r2t', desiredDataTransferLength: 8192 });
    },
  );

  it.each(Object.entries(LEADING_ONLY))('%s is rejected in full feature phase', async (name, offered) => {
    expect(await textAnswersTo({ [name]: offered })).toEqual({ [name]: 'Reject' });
  });

  it.each(['HeaderDigest', 'DataDigest'])(
    '%s is for one connection and for its login: not for full feature phase (§13.1)',
    async (name) => {
      const first = new TestInitiator(engine);
      await first.login({ keys: { MaxConnections: '2' } });
      const tsih = engine.sessions[0]!.tsih;
      const joined = await login({ ...NAMES, [name]: 'CRC32C' }, { tsih, cid: 1 });
      expect(joined.answers[name]).toBe('CRC32C');
      expect(await textAnswersTo({ [name]: 'CRC32C' })).toEqual({ [name]: 'Reject' });
    },
  );

  it('MaxRecvDataSegmentLength may be declared at any time after security, and takes effect (§13.12)', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.login({ keys: { MaxRecvDataSegmentLength: '4096' } });
    expect(await initiator.send(initiator.read10(0, 8))).toHaveLength(1);
    await initiator.send(textRequest(initiator, { MaxRecvDataSegmentLength: '512' }));
    expect(await initiator.send(initiator.read10(0, 8))).toHaveLength(8);
  });

  it('SendTargets is for full feature phase only (§13.3)', async () => {
    expect((await login({ ...NAMES, SendTargets: 'All' })).answers['SendTargets']).toBe('Reject');
  });

  it('an operational key in the security stage, or a security key after it, is rejected (§6.3)', async () => {
    const early = await login({ ...NAMES, MaxBurstLength: '512' }, { csg: 0, nsg: 1 });
    expect(early.answers['MaxBurstLength']).toBe('Reject');
    expect((await answersTo({ AuthMethod: 'None' }))['AuthMethod']).toBe('Reject');
    expect(await textAnswersTo({ AuthMethod: 'CHAP', CHAP_A: '5' })).toEqual({
      AuthMethod: 'Reject',
      CHAP_A: 'Reject',
    });
  });
});

describe('keys of a discovery session (RFC 7143 §13, "irrelevant when")', () => {
  const irrelevant = [...Keys.values()].filter(({ irrelevantWhen }) =>
    irrelevantWhen.includes('discovery-session'),
  );

  it.each(irrelevant.map(({ name }) => name).filter((name) => name in LEADING_ONLY))(
    '%s is irrelevant in a discovery session',
    async (name) => {
      const { answers } = await login({ ...DISCOVERY, [name]: LEADING_ONLY[name] as string });
      expect(answers[name]).toBe('Irrelevant');
    },
  );

  it('ErrorRecoveryLevel is 0 in a discovery session, whatever is offered (§7.4.1, §13.21)', async () => {
    expect((await login({ ...DISCOVERY, ErrorRecoveryLevel: '2' })).answers['ErrorRecoveryLevel']).toBe('0');
  });

  it('a discovery session has one connection (§13.21)', async () => {
    await login({ ...DISCOVERY, MaxConnections: '8' });
    const tsih = engine.sessions[0]!.tsih;
    expect((await login(DISCOVERY, { tsih, cid: 1 })).status).toBe(LoginStatus.TOO_MANY_CONNECTIONS);
  });
});

describe('keys that depend on each other (RFC 7143 §13)', () => {
  it.each([
    [{ MaxBurstLength: '8192', FirstBurstLength: '65536' }, '8192'],
    [{ FirstBurstLength: '65536', MaxBurstLength: '8192' }, '8192'],
    [{ FirstBurstLength: '16777215' }, '262144'],
  ])('FirstBurstLength does not exceed MaxBurstLength: %j (§13.14)', async (keys, agreed) => {
    expect((await answersTo(keys as Keyed))['FirstBurstLength']).toBe(agreed);
  });

  it.each([
    [{ ErrorRecoveryLevel: '1', MaxOutstandingR2T: '8' }, '1', '1'],
    [{ MaxOutstandingR2T: '8', ErrorRecoveryLevel: '1' }, '1', '1'],
    [{ MaxOutstandingR2T: '8', ErrorRecoveryLevel: '0' }, '8', '0'],
    [{ MaxOutstandingR2T: '8' }, '8', undefined],
  ])('MaxOutstandingR2T is 1 where recovered data comes in order: %j (§13.19)', async (keys, r2ts, level) => {
    const { MaxOutstandingR2T, ErrorRecoveryLevel } = await answersTo(keys);
    expect([MaxOutstandingR2T, ErrorRecoveryLevel]).toEqual([r2ts, level]);
  });

  it('ErrorRecoveryLevel is 0 once several R2Ts in order have been agreed on (§13.19)', async () => {
    const initiator = new TestInitiator(engine);
    const open = { transit: false, nsg: 0 };
    await initiator.send(initiator.loginRequest(open, { ...NAMES, MaxOutstandingR2T: '8' }));
    const [last] = await initiator.send(initiator.loginRequest({}, { ErrorRecoveryLevel: '2' }));
    const answers = Object.fromEntries(decodeText((last as LoginResponsePdu).data));
    expect(answers).toMatchObject({ ErrorRecoveryLevel: '0' });
  });
});

describe('single keys (RFC 7143 §13)', () => {
  it.each(Object.entries(OBSOLETE))('%s is obsolete and rejected (§13.25)', async (name, offered) => {
    expect((await answersTo({ [name]: offered }))[name]).toBe('Reject');
  });

  it('the configured alias is told to a normal session, and to nobody who has not proven itself (§13.6)', async () => {
    newEngine({}, 'Archive');
    expect(await answersTo({})).toMatchObject({ TargetAlias: 'Archive' });
    expect((await login(DISCOVERY)).answers).not.toHaveProperty('TargetAlias');
  });

  it('InitiatorAlias is taken note of and not answered (§13.7)', async () => {
    expect(await answersTo({ InitiatorAlias: 'Büro 4' })).not.toHaveProperty('InitiatorAlias');
  });

  it.each([
    ['TargetName', { TargetName: 'iqn.2026-11.io.lunbox:other' }],
    ['InitiatorName', { InitiatorName: 'iqn.1994-05.com.example:other' }],
    ['SessionType', { SessionType: 'Discovery' }],
    ['X#NodeArchitecture', { 'X#NodeArchitecture': 'Example/2' }],
  ])('%s is not redeclared within the login (§13.4, §13.5, §13.26.1)', async (_name, changed) => {
    const initiator = new TestInitiator(engine);
    const names = { ...NAMES, SessionType: 'Normal', 'X#NodeArchitecture': 'Example/1' };
    await initiator.send(initiator.loginRequest({ transit: false, nsg: 0 }, names));
    const [refusal] = await initiator.send(initiator.loginRequest({}, changed));
    expect(refusal).toMatchObject({ statusClass: 2, statusDetail: 0 });
  });

  it.each(['', 'Example/1', 'x'.repeat(255)])(
    'X#NodeArchitecture changes nothing and is not answered: "%s" (§13.26)',
    async (value) => {
      expect(await answersTo({ 'X#NodeArchitecture': value })).toEqual(await answersTo({}));
      expect((await login({ ...DISCOVERY, 'X#NodeArchitecture': value })).status).toBe(LoginStatus.SUCCESS);
    },
  );

  it('iSCSIProtocolLevel is the lower of both, and 1 when it is not negotiated (§13.24, RFC 7144 §7.1.1)', async () => {
    expect(await answersTo({ iSCSIProtocolLevel: '31' })).toMatchObject({ iSCSIProtocolLevel: '2' });
    expect(await answersTo({ iSCSIProtocolLevel: '1' })).toMatchObject({ iSCSIProtocolLevel: '1' });
    expect(await answersTo({ iSCSIProtocolLevel: '0' })).toMatchObject({ iSCSIProtocolLevel: '0' });
    expect(await answersTo({})).not.toHaveProperty('iSCSIProtocolLevel');
  });
});
