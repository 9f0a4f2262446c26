import { LoginStatus, encodeText, serializePdu, splitText, type LoginResponsePdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { TargetEngine, TargetError, type TargetLimits } from '../../src/index.ts';
import { INITIATOR_NAME, NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

function newEngine(limits: Partial<TargetLimits> = {}): TargetEngine {
  return new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }], limits);
}

async function loginStatus(keys: Record<string, string>, fields = {}): Promise<number> {
  const initiator = new TestInitiator(newEngine());
  const [response] = await initiator.send(initiator.loginRequest(fields, keys));
  const { statusClass, statusDetail } = response as LoginResponsePdu;
  return (statusClass << 8) | statusDetail;
}

describe('login (RFC 7143 §6.3)', () => {
  it('T-L7: declares TargetPortalGroupTag in the first response', async () => {
    const answers = await new TestInitiator(newEngine()).login();
    expect(answers['TargetPortalGroupTag']).toBe('1');
  });

  it('T-L8: echoes the ISID, gives a TSIH in the last response and advances StatSN with each', async () => {
    const initiator = new TestInitiator(newEngine());
    const security = { csg: 0, nsg: 1, expStatSn: 77 };
    const [first] = await initiator.send(
      initiator.loginRequest(security, { ...NAMES, AuthMethod: 'CHAP,None' }),
    );
    expect(first).toMatchObject({ statSn: 77, tsih: 0, csg: 0, nsg: 1, transit: true });
    const [last] = await initiator.send(initiator.loginRequest({}, {}));
    expect(last).toMatchObject({ statSn: 78, csg: 1, nsg: 3, transit: true });
    expect((last as LoginResponsePdu).tsih).toBeGreaterThan(0);
    expect([...(last as LoginResponsePdu).isid]).toEqual([0x80, 0, 0, 0, 0, 1]);
  });

  it('T-L8: does not transit before the initiator does', async () => {
    const initiator = new TestInitiator(newEngine());
    const [response] = await initiator.send(initiator.loginRequest({ transit: false, nsg: 0 }, NAMES));
    expect(response).toMatchObject({ transit: false, statusClass: 0 });
  });

  it('T-L8: answers unknown keys with NotUnderstood, in any place', async () => {
    const answers = await new TestInitiator(newEngine()).login({ keys: { 'X-com.example.blue': '42' } });
    expect(answers['X-com.example.blue']).toBe('NotUnderstood');
  });

  it('T-L3: does not wait for keys that it volunteered', async () => {
    const answers = await new TestInitiator(newEngine()).login();
    expect(Object.keys(answers).sort()).toEqual(['MaxRecvDataSegmentLength', 'TargetPortalGroupTag']);
  });

  it('T-L5: accepts an identical repetition of InitiatorName', async () => {
    const initiator = new TestInitiator(newEngine());
    await initiator.send(initiator.loginRequest({ csg: 0, nsg: 1 }, { ...NAMES, AuthMethod: 'None' }));
    const [response] = await initiator.send(initiator.loginRequest({}, NAMES));
    expect(response).toMatchObject({ statusClass: 0, nsg: 3 });
  });

  it('refuses a key that is offered again with another value (RFC 7143 §6.3)', async () => {
    const initiator = new TestInitiator(newEngine());
    await initiator.send(
      initiator.loginRequest({ transit: false, nsg: 0 }, { ...NAMES, MaxBurstLength: '512' }),
    );
    const [response] = await initiator.send(initiator.loginRequest({}, { MaxBurstLength: '1024' }));
    expect(response).toMatchObject({ statusClass: 2, statusDetail: 0 });
    expect(initiator.transport.ended).toBe(true);
  });

  it.each([
    ['CRC32C', 'CRC32C', 0],
    ['None,CRC32C', 'CRC32C,None', 0],
    ['CRC32C', 'None', 2],
    ['None', 'None', 2],
    [undefined, undefined, 2],
  ])(
    'digests can be required: %s and %s end in status class %d (§13.1)',
    async (header, data, statusClass) => {
      const engine = newEngine({ requireDigests: true });
      const initiator = new TestInitiator(engine);
      const keys = header === undefined ? {} : { HeaderDigest: header, DataDigest: data };
      const [response] = await initiator.send(initiator.loginRequest({}, { ...NAMES, ...keys }));
      expect(response).toMatchObject({ statusClass });
      const discovery = new TestInitiator(engine);
      expect(await discovery.login({ discovery: true })).toMatchObject({ TargetPortalGroupTag: '1' });
    },
  );

  it('T-L6: answers Irrelevant or accepts a FirstBurstLength that does not matter, and never fails', async () => {
    const keys = { InitialR2T: 'Yes', ImmediateData: 'No', FirstBurstLength: '16777215' };
    const answers = await new TestInitiator(newEngine()).login({ keys });
    expect(answers['FirstBurstLength']).toMatch(/^(Irrelevant|\d+)$/);
  });

  it('T-L10: takes a missing SessionType as Normal', async () => {
    expect(await loginStatus(NAMES)).toBe(LoginStatus.SUCCESS);
  });

  it('T-N6: takes the proposals of iPXE', async () => {
    const keys = { ImmediateData: 'No', MaxOutstandingR2T: '1', ErrorRecoveryLevel: '0', InitialR2T: 'Yes' };
    const answers = await new TestInitiator(newEngine()).login({ keys });
    expect(answers).toMatchObject({ ImmediateData: 'No', MaxOutstandingR2T: '1', ErrorRecoveryLevel: '0' });
  });

  it('negotiates each operational key by its result function (RFC 7143 §13)', async () => {
    const keys = {
      HeaderDigest: 'CRC32C,None',
      DataDigest: 'None,CRC32C',
      MaxConnections: '8',
      InitialR2T: 'No',
      ImmediateData: 'Yes',
      MaxRecvDataSegmentLength: '65536',
      MaxBurstLength: '16776192',
      FirstBurstLength: '131072',
      DefaultTime2Wait: '0',
      DefaultTime2Retain: '0',
      MaxOutstandingR2T: '4',
      DataPDUInOrder: 'No',
      DataSequenceInOrder: 'No',
      ErrorRecoveryLevel: '2',
      TaskReporting: 'FastAbort,RFC3720',
      iSCSIProtocolLevel: '2',
      IFMarker: 'No',
    };
    const answers = await new TestInitiator(newEngine()).login({ keys });
    expect(answers).toEqual({
      TargetPortalGroupTag: '1',
      MaxRecvDataSegmentLength: '262144',
      HeaderDigest: 'CRC32C',
      DataDigest: 'None',
      MaxConnections: '8',
      InitialR2T: 'No',
      ImmediateData: 'Yes',
      MaxBurstLength: '1048576',
      FirstBurstLength: '131072',
      DefaultTime2Wait: '2',
      DefaultTime2Retain: '0',
      MaxOutstandingR2T: '4',
      DataPDUInOrder: 'No',
      DataSequenceInOrder: 'No',
      ErrorRecoveryLevel: '2',
      TaskReporting: 'FastAbort',
      iSCSIProtocolLevel: '2',
      IFMarker: 'Reject',
    });
  });

  it.each([
    ['no InitiatorName', { TargetName: TARGET_NAME }, {}, LoginStatus.MISSING_PARAMETER],
    ['no TargetName', { InitiatorName: INITIATOR_NAME }, {}, LoginStatus.MISSING_PARAMETER],
    ['an unknown target', { ...NAMES, TargetName: 'iqn.2026-11.io.lunbox:none' }, {}, LoginStatus.NOT_FOUND],
    ['a malformed name', { ...NAMES, InitiatorName: 'nobody' }, {}, LoginStatus.INITIATOR_ERROR],
    [
      'an unknown session type',
      { ...NAMES, SessionType: 'Strange' },
      {},
      LoginStatus.SESSION_TYPE_NOT_SUPPORTED,
    ],
    ['a stale TSIH', NAMES, { tsih: 9 }, LoginStatus.SESSION_DOES_NOT_EXIST],
    ['a later version', NAMES, { versionMin: 1, versionMax: 1 }, LoginStatus.UNSUPPORTED_VERSION],
    ['a step back', NAMES, { csg: 1, nsg: 0 }, LoginStatus.INITIATOR_ERROR],
    ['the reserved stage', NAMES, { csg: 2, nsg: 3 }, LoginStatus.INITIATOR_ERROR],
    ['T and C together', NAMES, { continue: true }, LoginStatus.INITIATOR_ERROR],
    ['CHAP only', { ...NAMES, AuthMethod: 'CHAP' }, { csg: 0, nsg: 1 }, LoginStatus.AUTHENTICATION_FAILURE],
  ])('refuses %s with its status', async (_what, keys, fields, status) => {
    expect(await loginStatus(keys, fields)).toBe(status);
  });

  it('takes keys that are continued over several requests by the C bit (RFC 7143 §6.2)', async () => {
    const initiator = new TestInitiator(newEngine());
    const text = encodeText(
      Object.entries({ ...NAMES, 'X-com.example.long': 'x'.repeat(300), MaxBurstLength: '4096' }),
    );
    const pieces = splitText(text, 100);
    for (const data of pieces.slice(0, -1)) {
      const request = { ...initiator.loginRequest({ transit: false, nsg: 0, continue: true }, {}), data };
      const [response] = await initiator.send(request);
      expect(response).toMatchObject({ transit: false, statusClass: 0, data: new Uint8Array(0) });
    }
    const [last] = await initiator.send({
      ...initiator.loginRequest({}, {}),
      data: pieces.at(-1) as Uint8Array,
    });
    expect(last).toMatchObject({ transit: true, nsg: 3, statusClass: 0 });
  });

  it('refuses another PDU before full feature phase with 020Bh and ends the connection', async () => {
    const initiator = new TestInitiator(newEngine());
    await initiator.send(initiator.loginRequest({ transit: false, nsg: 0 }, NAMES));
    const [response] = await initiator.send(initiator.read10(0, 1));
    expect(response).toMatchObject({ type: 'login-response', statusClass: 2, statusDetail: 0x0b });
    expect(initiator.transport.ended).toBe(true);
  });

  it('cuts a login that never ends', async () => {
    const initiator = new TestInitiator(newEngine());
    await initiator.send(initiator.loginRequest({ transit: false, nsg: 0 }, NAMES));
    initiator.engine.tick(14_999);
    expect(initiator.transport.destroyed).toBe(false);
    initiator.engine.tick(15_000);
    expect(initiator.transport.destroyed).toBe(true);
    expect(initiator.engine.connectionCount).toBe(0);
  });

  it('cuts a login of endless requests', async () => {
    const initiator = new TestInitiator(newEngine());
    for (let i = 0; i <= 64; i++)
      await initiator.send(initiator.loginRequest({ transit: false, nsg: 0 }, NAMES));
    expect(initiator.transport.ended).toBe(true);
  });

  it('a hostile DataSegmentLength ends the connection before anything is allocated', async () => {
    const initiator = new TestInitiator(newEngine());
    const bytes = serializePdu(initiator.loginRequest({}, NAMES), { header: false, data: false });
    bytes.set([0xff, 0xff, 0xff], 5);
    await initiator.sendBytes(bytes);
    expect(initiator.transport.destroyed).toBe(true);
    expect(initiator.connection.framer.bufferedBytes).toBe(0);
  });

  it('a login of the same initiator port reinstates the session (RFC 7143 §6.3.5)', async () => {
    const scsi = new ScriptedScsi();
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
    const first = new TestInitiator(engine);
    await first.login();
    const second = new TestInitiator(engine);
    await second.login();
    expect(first.transport.destroyed).toBe(true);
    expect(scsi.nexuses.map((nexus) => nexus.closed)).toEqual([true, false]);
    const third = new TestInitiator(engine);
    await third.login({ isid: 2 });
    expect(engine.sessions).toHaveLength(2);
  });

  it('refuses more sessions than its limit with 0302h', async () => {
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }], { maxSessions: 1 });
    await new TestInitiator(engine).login();
    const second = new TestInitiator(engine);
    const [response] = await second.send(
      second.loginRequest({ isid: Uint8Array.of(0, 0, 0, 0, 0, 9) }, NAMES),
    );
    expect(response).toMatchObject({ statusClass: 3, statusDetail: 2 });
  });

  it.each([
    ['a window of no commands', { queueDepth: 0 }, 'queueDepth'],
    [
      'a segment shorter than the RFC allows (§13.12)',
      { maxReceiveSegmentBytes: 511 },
      'maxReceiveSegmentBytes',
    ],
    ['half a millisecond', { loginTimeoutMs: 0.5 }, 'loginTimeoutMs'],
    ['a limit that there is not', { queueLength: 1 }, 'queueLength'],
  ])('refuses limits with %s', (_what, limits, limit) => {
    const target = { name: TARGET_NAME, scsi: new ScriptedScsi() };
    const make = (): unknown => new TargetEngine([target], limits as Partial<TargetLimits>);
    expect(make).toThrow(expect.objectContaining({ code: 'LIMIT_INVALID' }) as Error);
    expect(make).toThrow(limit);
  });

  it('refuses a target without an iSCSI name, and two with one', () => {
    const scsi = new ScriptedScsi();
    expect(() => new TargetEngine([{ name: 'disk', scsi }])).toThrow(TargetError);
    const twice = [TARGET_NAME, TARGET_NAME].map((name) => ({ name, scsi }));
    expect(() => new TargetEngine(twice)).toThrow(/two targets/);
  });
});
