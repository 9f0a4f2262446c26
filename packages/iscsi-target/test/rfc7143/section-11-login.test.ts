import { LoginStatus, decodeText, type LoginRequestPdu, type LoginResponsePdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { INITIATOR_NAME, NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { nopOut } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const SECURITY = { csg: 0, nsg: 1 };

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi, alias: 'a disk' }]);
  initiator = new TestInitiator(engine);
});

async function say(
  fields: Partial<LoginRequestPdu>,
  keys: Record<string, string>,
): Promise<LoginResponsePdu> {
  const [response] = await initiator.send(initiator.loginRequest(fields, keys));
  return response as LoginResponsePdu;
}

const keysOf = ({ data }: LoginResponsePdu) => Object.fromEntries(decodeText(data));
const statusOf = ({ statusClass, statusDetail }: LoginResponsePdu) => (statusClass << 8) | statusDetail;

describe('Login Request (RFC 7143 §11.12)', () => {
  it('the versions of the first one count, and every response has the same', async () => {
    const responses = [
      await say({ ...SECURITY, transit: false }, NAMES),
      await say({ ...SECURITY, versionMax: 7, versionMin: 0 }, {}),
      await say({ versionMax: 0 }, {}),
    ];
    for (const response of responses) {
      expect(response).toMatchObject({ statusClass: 0, versionMax: 0, versionActive: 0 });
    }
  });

  it('with a Version-min above 0 is refused: only version 0 is there', async () => {
    expect(statusOf(await say({ versionMin: 1, versionMax: 1 }, NAMES))).toBe(
      LoginStatus.UNSUPPORTED_VERSION,
    );
  });

  it.each<[string, Partial<LoginRequestPdu>]>([
    ['TSIH', { tsih: 5 }],
    ['CID', { cid: 4 }],
    ['ISID', { isid: Uint8Array.of(0x80, 0, 0, 0, 0, 2) }],
  ])('a %s that changes within the login ends it', async (_field, changed) => {
    await say(SECURITY, NAMES);
    expect(statusOf(await say(changed, {}))).toBe(LoginStatus.INITIATOR_ERROR);
    expect(initiator.transport.ended).toBe(true);
  });

  it('the CID of the first one is that of the connection', async () => {
    await say({ cid: 77, ...SECURITY }, NAMES);
    await say({ cid: 77 }, { MaxConnections: '1' });
    const { tsih } = engine.sessions[0]!;
    const [other, same] = [new TestInitiator(engine), new TestInitiator(engine)];
    const [full] = await other.send(other.loginRequest({ tsih, cid: 1 }, NAMES));
    expect(full).toMatchObject({ statusClass: 2, statusDetail: 6 });
    const [taken] = await same.send(same.loginRequest({ tsih, cid: 77 }, NAMES));
    expect(taken).toMatchObject({ statusClass: 0, tsih });
    expect(initiator.transport.destroyed).toBe(true);
  });

  it('TSIH 0 asks for a new session, the TSIH of a session for a place in it, and any other is refused', async () => {
    const opened = await say({}, NAMES);
    expect(opened.tsih).not.toBe(0);
    for (const [tsih, status] of [
      [opened.tsih, LoginStatus.SUCCESS],
      [opened.tsih + 1, LoginStatus.SESSION_DOES_NOT_EXIST],
    ] as const) {
      initiator = new TestInitiator(engine);
      expect(statusOf(await say({ tsih, cid: 0 }, NAMES))).toBe(status);
    }
    expect(engine.sessions).toHaveLength(1);
  });

  it('the CmdSN of the leading one is the first ExpCmdSN', async () => {
    initiator.cmdSn = 0xfffffff0;
    expect(await say({ ...SECURITY }, NAMES)).toMatchObject({ expCmdSn: 0xfffffff0 });
    expect(await say({}, {})).toMatchObject({ expCmdSn: 0xfffffff0 });
    expect(await initiator.send(nopOut(initiator))).toMatchObject([{ expCmdSn: 0xfffffff0 }]);
  });

  it('with C and T set is refused', async () => {
    expect(statusOf(await say({ continue: true, transit: true }, NAMES))).toBe(LoginStatus.INITIATOR_ERROR);
  });
});

describe('Login Response (RFC 7143 §11.13)', () => {
  it('has a TSIH other than 0 only when it ends the login of a new session', async () => {
    expect((await say({ ...SECURITY, transit: false }, NAMES)).tsih).toBe(0);
    expect((await say(SECURITY, {})).tsih).toBe(0);
    expect((await say({ transit: false, nsg: 0 }, {})).tsih).toBe(0);
    expect((await say({}, {})).tsih).not.toBe(0);
  });

  it('never has the T bit where the request has not', async () => {
    expect(await say({ ...SECURITY, transit: false }, NAMES)).toMatchObject({
      statusClass: 0,
      transit: false,
    });
    expect(await say(SECURITY, {})).toMatchObject({ statusClass: 0, transit: true });
    expect(await say({ transit: false, nsg: 0 }, {})).toMatchObject({ statusClass: 0, transit: false });
    expect(await say({}, {})).toMatchObject({ statusClass: 0, transit: true });
  });

  it('with the T bit set proposes nothing: it answers and declares', async () => {
    const offer = { HeaderDigest: 'CRC32C,None', MaxBurstLength: '4096', ErrorRecoveryLevel: '1' };
    const answered = keysOf(await say({}, { ...NAMES, ...offer }));
    const declared = ['TargetPortalGroupTag', 'TargetAlias', 'MaxRecvDataSegmentLength'];
    expect(Object.keys(answered).sort()).toEqual([...Object.keys(offer), ...declared].sort());
  });

  it('with the C bit set has no T bit, and is empty where the request goes on', async () => {
    const text = Buffer.from(initiator.loginRequest({}, NAMES).data);
    const more = { transit: false, continue: true, nsg: 0, data: text.subarray(0, 20) };
    expect(await say(more, {})).toMatchObject({ transit: false, data: new Uint8Array(0) });
    expect(await say({ data: text.subarray(20) }, {})).toMatchObject({ transit: true, continue: false });
  });

  it('tells the portal group and, with a normal session, the alias first', async () => {
    expect(keysOf(await say({ ...SECURITY, transit: false }, NAMES))).toMatchObject({
      TargetPortalGroupTag: '1',
      TargetAlias: 'a disk',
    });
  });

  it('of a redirection names at least one TargetAddress', async () => {
    for (const keys of [NAMES, { ...NAMES, AuthMethod: 'None' }]) {
      engine.drain(0, 'elsewhere.example:3261');
      initiator = new TestInitiator(engine);
      const response = await say({}, keys);
      expect(statusOf(response)).toBe(LoginStatus.TARGET_MOVED_TEMPORARILY);
      expect(keysOf(response)).toEqual({ TargetAddress: 'elsewhere.example:3261' });
    }
  });

  it.each<[string, Record<string, string>, Partial<LoginRequestPdu>]>([
    ['an initiator error', { InitiatorName: INITIATOR_NAME }, {}],
    ['a target that is not there', { ...NAMES, TargetName: 'iqn.2026-11.io.lunbox:none' }, {}],
    ['a version', NAMES, { versionMin: 9, versionMax: 9 }],
  ])(
    'with a status class other than 0 (%s) is the last: the connection is closed',
    async (_why, keys, fields) => {
      const response = await say(fields, keys);
      expect(response).toMatchObject({ statusClass: 2, transit: false });
      expect(initiator.transport.ended).toBe(true);
      expect(engine.sessions).toEqual([]);
    },
  );
});
