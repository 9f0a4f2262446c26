import { LogoutReason, SnackType, TaskManagementFunction, type InitiatorPdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import {
  INITIATOR_NAME,
  NAMES,
  TARGET_NAME,
  TestInitiator,
  joinSession,
  loggedIn,
} from '../support/initiator.ts';
import {
  logoutRequest,
  nopOut,
  ofType,
  snackRequest,
  taskManagement,
  textRequest,
  typesOf,
} from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

describe('login and full feature phase (RFC 7143 §4.2.4)', () => {
  it.each<[string, (from: TestInitiator) => InitiatorPdu]>([
    ['NOP-Out', (from) => nopOut(from)],
    ['SCSI Command', (from) => from.read10(0, 1)],
    ['Text Request', (from) => textRequest(from, { SendTargets: 'All' })],
    ['Logout Request', (from) => logoutRequest(from, LogoutReason.CLOSE_SESSION)],
  ])('a connection that begins with a %s is ended at once, without an answer', async (_what, first) => {
    const stranger = new TestInitiator(engine);
    expect(await stranger.send(first(stranger))).toEqual([]);
    expect(stranger.transport.destroyed).toBe(true);
    expect(engine.connectionCount).toBe(0);
  });

  it('another PDU during the login is answered with status 020Bh, and the connection ends', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.send(initiator.loginRequest({ csg: 0, nsg: 0, transit: false }, NAMES));
    expect(await initiator.send(nopOut(initiator))).toMatchObject([
      { type: 'login-response', statusClass: 2, statusDetail: 0x0b },
    ]);
    expect(initiator.transport.ended).toBe(true);
  });

  it('a Login Request in full feature phase is rejected, and the session goes on', async () => {
    const initiator = await loggedIn(engine);
    expect(await initiator.send(initiator.loginRequest({}, NAMES))).toMatchObject([{ type: 'reject' }]);
    expect(engine.sessions).toHaveLength(1);
    expect(await initiator.send(initiator.read10(0, 1))).toMatchObject([{ type: 'data-in', status: 0 }]);
  });
});

describe('allegiance to a connection (RFC 7143 §4.2.5.1)', () => {
  it('data, R2T and status of a command come on its connection, and nothing on another', async () => {
    const first = await loggedIn(engine, { MaxConnections: '2', ImmediateData: 'No' });
    const { joined: second } = await joinSession(first, { cid: 1 });
    const write = first.write10(0, 1);
    const [r2t] = ofType(await second.send(write), 'r2t');
    const { targetTransferTag } = r2t!;
    const data = { data: new Uint8Array(512), bufferOffset: 0, dataSn: 0, final: true, targetTransferTag };
    expect(typesOf(await second.send(first.dataOut(write, data)))).toEqual(['scsi-response']);
    expect(typesOf(await second.send(first.read10(0, 1), nopOut(first)))).toEqual(['data-in', 'nop-in']);
    expect(await first.settle()).toEqual([]);
  });

  it('what a SNACK brings comes on the connection of the SNACK and of its command', async () => {
    const first = await loggedIn(engine, { MaxConnections: '2', ErrorRecoveryLevel: '1' });
    const { joined: second } = await joinSession(first, { cid: 1 });
    const read = first.read10(0, 1);
    const [data, response] = await second.send(read);
    const window = { expCmdSn: 2, maxCmdSn: 129 };
    const again = snackRequest({ initiatorTaskTag: read.initiatorTaskTag });
    const status = { snackType: SnackType.STATUS, begRun: second.expStatSn - 1, runLength: 1 };
    expect(await second.send(again)).toMatchObject([{ ...data, ...window }]);
    expect(await second.send(snackRequest(status))).toMatchObject([{ ...response, ...window }]);
    expect(await first.settle()).toEqual([]);
  });
});

describe('data transfer, tags and the end (RFC 7143 §4.2.5.2, §4.2.5.3, §4.2.6)', () => {
  it('R2T, Data-In and status name the LUN and the task tag of their command', async () => {
    const lun = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0);
    const initiator = await loggedIn(engine, { ImmediateData: 'No' });
    const [read, write] = [initiator.read10(0, 1, { lun }), initiator.write10(0, 1, { lun })];
    const { initiatorTaskTag } = read;
    expect(await initiator.send(read)).toMatchObject([{ type: 'data-in', lun, initiatorTaskTag }]);
    expect(await initiator.send(write)).toMatchObject([
      { type: 'r2t', lun, initiatorTaskTag: write.initiatorTaskTag },
    ]);
  });

  it('Data-Out with the task tag of one command and the transfer tag of another is thrown away', async () => {
    const initiator = await loggedIn(engine, { ImmediateData: 'No' });
    const [one, other] = [initiator.write10(0, 1), initiator.write10(1, 1)];
    const [r2t] = ofType(await initiator.send(one), 'r2t');
    await initiator.send(other);
    const { targetTransferTag } = r2t!;
    const data = { data: new Uint8Array(512).fill(7), bufferOffset: 0, dataSn: 0, final: true };
    expect(await initiator.send(initiator.dataOut(other, { ...data, targetTransferTag }))).toEqual([]);
    expect([scsi.bytes[0], scsi.bytes[512]]).toEqual([0, 0]);
  });

  it('a graceful end of a connection comes only after its logout', async () => {
    const initiator = await loggedIn(engine);
    for (let nowMs = 0; nowMs < 600_000; nowMs += 1000) engine.tick(nowMs);
    expect([initiator.transport.ended, initiator.transport.destroyed]).toEqual([false, false]);
    const pdus = await initiator.send(logoutRequest(initiator, LogoutReason.CLOSE_SESSION));
    expect(typesOf(pdus)).toContain('logout-response');
    expect([initiator.transport.ended, initiator.transport.destroyed]).toEqual([true, false]);
  });

  it('an end that the target wants is announced by an Asynchronous Message first', async () => {
    const initiator = await loggedIn(engine);
    engine.stop();
    expect(await initiator.settle()).toMatchObject([{ type: 'async-message', asyncEvent: 3 }]);
    expect(initiator.transport.ended).toBe(true);
  });
});

describe('names (RFC 7143 §4.2.7)', () => {
  const longest = `iqn.2001-04.com.example:${'x'.repeat(199)}`;

  it('a name of 223 bytes is taken from either side, one of 224 is not', async () => {
    engine = new TargetEngine([{ name: longest, scsi }]);
    const initiator = new TestInitiator(engine);
    const keys = { InitiatorName: longest, TargetName: longest };
    expect(await initiator.send(initiator.loginRequest({}, keys))).toMatchObject([{ statusClass: 0 }]);
    const other = new TestInitiator(engine);
    const tooLong = { ...keys, InitiatorName: `${longest}x` };
    expect(await other.send(other.loginRequest({}, tooLong))).toMatchObject([{ statusClass: 2 }]);
  });

  it('names with upper case letters are prepared by the stringprep profile', async () => {
    const initiator = new TestInitiator(engine);
    const keys = { InitiatorName: INITIATOR_NAME.toUpperCase(), TargetName: TARGET_NAME.toUpperCase() };
    expect(await initiator.send(initiator.loginRequest({}, keys))).toMatchObject([{ statusClass: 0 }]);
    expect(engine.sessions).toMatchObject([{ initiatorName: INITIATOR_NAME, targetName: TARGET_NAME }]);
  });

  it('SCSI device and port names are the iSCSI name, with ISID or portal group tag for a port', async () => {
    await loggedIn(engine);
    expect(scsi.nexuses[0]!.options).toMatchObject({
      initiatorPort: `${INITIATOR_NAME},i,0x800000000001`,
      targetName: TARGET_NAME,
      portalGroupTag: 1,
    });
  });

  it('a session keeps its TSIH: another connection joins by it, and by no other', async () => {
    const first = await loggedIn(engine, { MaxConnections: '2' });
    const { tsih } = first;
    for (const [asked, statusClass] of [
      [tsih, 0],
      [tsih + 1, 2],
    ] as const) {
      const { response } = await joinSession(first, { cid: 1, fields: { tsih: asked } });
      expect(response).toMatchObject({ statusClass, tsih: asked });
    }
    expect(engine.sessions).toMatchObject([{ tsih }]);
  });
});

describe('a discovery session (RFC 7143 §4.3)', () => {
  async function discovery(): Promise<TestInitiator> {
    const initiator = new TestInitiator(engine);
    await initiator.login({ discovery: true });
    return initiator;
  }

  it('takes SendTargets and a logout of the session', async () => {
    const initiator = await discovery();
    expect(await initiator.send(textRequest(initiator, { SendTargets: 'All' }))).toMatchObject([
      { type: 'text-response', final: true },
    ]);
    expect(await initiator.send(logoutRequest(initiator, LogoutReason.CLOSE_SESSION))).toMatchObject([
      { type: 'logout-response', response: 0 },
    ]);
  });

  it.each<[string, (from: TestInitiator) => InitiatorPdu]>([
    ['a SCSI Command', (from) => from.read10(0, 1)],
    ['a SCSI Command with data', (from) => from.write10(0, 1, { data: new Uint8Array(512) })],
    ['a NOP-Out', (from) => nopOut(from)],
    ['task management', (from) => taskManagement(from, { function: TaskManagementFunction.ABORT_TASK_SET })],
    ['a SNACK', () => snackRequest({})],
    ['a logout of the connection', (from) => logoutRequest(from, LogoutReason.CLOSE_CONNECTION)],
    ['a logout for recovery', (from) => logoutRequest(from, LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY)],
  ])('rejects %s', async (_what, request) => {
    const initiator = await discovery();
    expect(await initiator.send(request(initiator))).toMatchObject([{ type: 'reject' }]);
    expect(initiator.transport.ended).toBe(false);
  });
});
