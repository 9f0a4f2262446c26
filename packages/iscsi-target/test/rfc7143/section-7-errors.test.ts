import {
  RejectReason,
  TaskManagementFunction,
  encodeText,
  serializePdu,
  type InitiatorPdu,
  type LoginResponsePdu,
  type ScsiResponsePdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
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
import { MemoryTransport } from '../support/memory-transport.ts';
import { nopOut, ofType, snackRequest, taskManagement, textRequest, typesOf } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

/** Sends a PDU with a wrong data digest. */
function sendDamaged(from: TestInitiator, pdu: InitiatorPdu) {
  const bytes = serializePdu(pdu, { header: false, data: true });
  bytes[bytes.length - 1]! ^= 1;
  return from.sendBytes(bytes);
}

describe('recovery begins in full feature phase (RFC 7143 §7.1.4)', () => {
  it('a SNACK during the login ends it', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.send(initiator.loginRequest({ csg: 0, nsg: 1 }, NAMES));
    expect(await initiator.send(snackRequest({}))).toMatchObject([{ statusClass: 2, statusDetail: 0x0b }]);
    expect(initiator.transport.ended).toBe(true);
  });
});

describe('ErrorRecoveryLevel (RFC 7143 §7.1.5, §7.4.1)', () => {
  it.each(['0', '1', '2'])('%s is agreed to, and what belongs to it is there', async (ErrorRecoveryLevel) => {
    const initiator = new TestInitiator(engine);
    const keys = { ErrorRecoveryLevel, DefaultTime2Retain: '20' };
    expect(await initiator.login({ keys })).toMatchObject({ ErrorRecoveryLevel });
    const read = initiator.read10(0, 1);
    await initiator.send(read);
    const [answer] = await initiator.send(snackRequest({ initiatorTaskTag: read.initiatorTaskTag }));
    expect(answer?.type).toBe(ErrorRecoveryLevel === '0' ? 'reject' : 'data-in');
    const fields = { function: TaskManagementFunction.TASK_REASSIGN, referencedTaskTag: 4711 };
    const [response] = ofType(
      await initiator.send(taskManagement(initiator, fields)),
      'task-management-response',
    );
    expect(response?.response).toBe(ErrorRecoveryLevel === '2' ? 1 : 4);
  });

  it('is 0 in a discovery session, whatever the initiator proposes', async () => {
    const initiator = new TestInitiator(engine);
    const keys = await initiator.login({ discovery: true, keys: { ErrorRecoveryLevel: '2' } });
    expect(keys['ErrorRecoveryLevel']).toBe('0');
    expect(await initiator.send(snackRequest({}))).toMatchObject([{ type: 'reject' }]);
  });
});

describe('discovery sessions (RFC 7143 §7.4.2, §7.4.3)', () => {
  async function discovery(port: number, keys: Record<string, string> = {}): Promise<TestInitiator> {
    const transport = new MemoryTransport({ local: { address: '127.0.0.1', port } });
    const initiator = new TestInitiator(engine, transport);
    const named = { InitiatorName: INITIATOR_NAME, SessionType: 'Discovery', ...keys };
    const [response] = (await initiator.send(initiator.loginRequest({}, named))) as LoginResponsePdu[];
    expect(response?.statusClass).toBe(0);
    return initiator;
  }

  it('of one initiator port at two portals are two', async () => {
    const one = await discovery(3260);
    await discovery(3261);
    expect(one.transport.destroyed).toBe(false);
    expect(engine.sessions).toHaveLength(2);
  });

  it('of one initiator port at one portal: the later reinstates the earlier', async () => {
    const one = await discovery(3260);
    await discovery(3260);
    expect(one.transport.destroyed).toBe(true);
    expect(engine.sessions).toHaveLength(1);
  });

  it('with a TargetName keep the ISID rule of normal sessions', async () => {
    const one = await discovery(3260, { TargetName: TARGET_NAME });
    const unnamed = await discovery(3260);
    expect(one.transport.destroyed).toBe(false);
    const two = await discovery(3261, { TargetName: TARGET_NAME });
    expect([one.transport.destroyed, unnamed.transport.destroyed]).toEqual([true, false]);
    await loggedIn(engine);
    expect(two.transport.destroyed).toBe(true);
  });

  it('are sent nothing but answers to text and logout', async () => {
    const initiator = await discovery(3260);
    for (let nowMs = 0; nowMs < 40_000; nowMs += 1000) engine.tick(nowMs);
    engine.drain(3);
    expect(await initiator.settle()).toEqual([]);
    expect(initiator.transport.ended || initiator.transport.destroyed).toBe(true);
  });
});

describe('digest errors (RFC 7143 §7.8)', () => {
  it('in a header end the connection, and only that', async () => {
    const first = await loggedIn(engine, { MaxConnections: '2', HeaderDigest: 'CRC32C' });
    const { joined: second } = await joinSession(first, { cid: 1 });
    const bytes = serializePdu(first.read10(0, 1), { header: true, data: false });
    bytes[50]! ^= 1;
    await first.sendBytes(bytes);
    expect(first.transport.destroyed).toBe(true);
    expect(scsi.executed).toEqual([]);
    expect(typesOf(await second.send(nopOut(first)))).toContain('nop-in');
  });

  it.each(['0', '1', '2'])(
    'in data are told by a Reject, and the PDU is thrown away (level %s)',
    async (level) => {
      const initiator = await loggedIn(engine, { DataDigest: 'CRC32C', ErrorRecoveryLevel: level });
      const change = textRequest(initiator, { MaxRecvDataSegmentLength: '512' });
      for (const pdu of [nopOut(initiator, { data: Uint8Array.of(1, 2, 3) }), change]) {
        expect(await sendDamaged(initiator, pdu)).toMatchObject([
          { type: 'reject', reason: RejectReason.DATA_DIGEST_ERROR },
        ]);
      }
      expect(ofType(await initiator.send(initiator.read10(0, 2)), 'data-in')).toHaveLength(1);
    },
  );

  it('without recovery: the command ends with "Protocol Service CRC error" when all its data has come', async () => {
    const initiator = await loggedIn(engine, {
      DataDigest: 'CRC32C',
      ImmediateData: 'No',
      MaxBurstLength: '512',
      MaxOutstandingR2T: '2',
    });
    const command = initiator.write10(0, 2);
    const r2ts = ofType(await initiator.send(command), 'r2t');
    expect(r2ts).toHaveLength(2);
    const [spoilt, last] = r2ts.map(({ targetTransferTag, bufferOffset }) => {
      const place = { data: new Uint8Array(512), bufferOffset, dataSn: 0, final: true, targetTransferTag };
      return initiator.dataOut(command, place);
    });
    expect(typesOf(await sendDamaged(initiator, spoilt!))).toEqual(['reject']);
    const [response] = (await initiator.send(last!)) as ScsiResponsePdu[];
    expect([response!.status, response!.data[14], response!.data[15]]).toEqual([2, 0x47, 0x05]);
  });
});

describe('a SNACK that is rejected (RFC 7143 §7.8)', () => {
  it.each(['waits for the socket', 'is being read'])(
    'ends its command with "SNACK rejected" when its status has not gone out, while data %s',
    async (state) => {
      const initiator = await loggedIn(engine, {
        ErrorRecoveryLevel: '1',
        MaxRecvDataSegmentLength: '65536',
      });
      const slow = state === 'is being read';
      scsi.held = slow;
      const command = initiator.read10(0, 8000);
      initiator.transport.stalled = true;
      const early = await initiator.send(command);
      scsi.release();
      scsi.held = slow;
      early.push(...(await initiator.settle()));
      const ask = snackRequest({ initiatorTaskTag: command.initiatorTaskTag, begRun: 0, runLength: 1 });
      for (let count = 0; count < 40; count++) early.push(...(await initiator.send(ask)));
      scsi.release();
      initiator.transport.unstall();
      const pdus = [...early, ...(await initiator.settle())];
      expect(ofType(pdus, 'reject')[0]).toMatchObject({ reason: RejectReason.SNACK_REJECT });
      const [response, ...more] = ofType(pdus, 'scsi-response');
      expect([response!.data[4]! & 0x0f, response!.data[14], response!.data[15]]).toEqual([0x0b, 0x11, 0x13]);
      expect(more).toEqual([]);
      expect(engine.sessions[0]!.tasks).toBe(0);
    },
  );
});

describe('what is rejected (RFC 7143 §7.3)', () => {
  it('has not been received: its CmdSN is expected again, and what follows waits', async () => {
    const initiator = await loggedIn(engine);
    const wrong = { ...initiator.command([0]), attribute: 7 };
    expect(await initiator.send(wrong)).toMatchObject([{ type: 'reject', expCmdSn: wrong.cmdSn }]);
    expect(await initiator.send(initiator.read10(0, 1))).toEqual([]);
    const plugged = await initiator.send({ ...wrong, attribute: 1 });
    expect(typesOf(plugged)).toEqual(['scsi-response', 'data-in']);
  });

  it('and is a Text Request has not been received either', async () => {
    const initiator = await loggedIn(engine);
    const cmdSn = initiator.cmdSn++;
    const fields = { immediate: false, cmdSn };
    const wrong = textRequest(initiator, {}, { ...fields, targetTransferTag: 77 });
    expect(await initiator.send(wrong)).toMatchObject([{ type: 'reject', expCmdSn: cmdSn }]);
    const later = initiator.read10(0, 1);
    expect(await initiator.send(later)).toEqual([]);
    const again = await initiator.send(textRequest(initiator, { SendTargets: '' }, fields));
    expect(typesOf(again)).toEqual(['text-response', 'data-in']);
  });

  it('does not end a task that is there: that takes a response', async () => {
    const initiator = await loggedIn(engine, { DataDigest: 'CRC32C', InitialR2T: 'No' });
    const command = initiator.write10(0, 2, { final: false });
    const place = { bufferOffset: 0, dataSn: 0, final: false };
    await initiator.send(command);
    await sendDamaged(initiator, initiator.dataOut(command, { data: new Uint8Array(512), ...place }));
    expect(engine.sessions[0]!.tasks).toBe(1);
    const last = { data: new Uint8Array(512), bufferOffset: 512, dataSn: 1, final: true };
    expect(typesOf(await initiator.send(initiator.dataOut(command, last)))).toEqual(['scsi-response']);
    expect(engine.sessions[0]!.tasks).toBe(0);
  });
});

describe('ABORT TASK of what is not there (RFC 7143 §7.11)', () => {
  it('a command that has not arrived counts as received: the gap is closed', async () => {
    const initiator = await loggedIn(engine);
    const missing = initiator.read10(0, 1);
    const later = initiator.read10(1, 1);
    expect(await initiator.send(later)).toEqual([]);
    const fields = { referencedTaskTag: missing.initiatorTaskTag, refCmdSn: missing.cmdSn };
    const pdus = await initiator.send(taskManagement(initiator, fields));
    expect(ofType(pdus, 'task-management-response')).toMatchObject([{ response: 0 }]);
    expect(ofType(pdus, 'data-in')).toMatchObject([{ initiatorTaskTag: later.initiatorTaskTag }]);
    expect(await initiator.send(missing)).toEqual([]);
  });

  it('a command that has its response does not exist any more', async () => {
    const initiator = await loggedIn(engine);
    const done = initiator.read10(0, 1);
    await initiator.send(done);
    const fields = { referencedTaskTag: done.initiatorTaskTag, refCmdSn: done.cmdSn };
    expect(await initiator.send(taskManagement(initiator, fields))).toMatchObject([{ response: 1 }]);
  });
});

describe('negotiation failures (RFC 7143 §7.12)', () => {
  it('in full feature phase leave everything as it was', async () => {
    const initiator = await loggedIn(engine);
    const twice = [
      ['MaxRecvDataSegmentLength', '512'],
      ['MaxRecvDataSegmentLength', '1024'],
    ] as [string, string][];
    const request = textRequest(initiator, {}, { data: encodeText(twice) });
    expect(await initiator.send(request)).toMatchObject([{ type: 'reject' }]);
    const part = textRequest(initiator, { MaxRecvDataSegmentLength: '512' }, { final: false });
    const [open] = (await initiator.send(part)) as TextResponsePdu[];
    expect(open).toMatchObject({ type: 'text-response', final: false });
    await initiator.send(textRequest(initiator, { SendTargets: '' }));
    expect(ofType(await initiator.send(initiator.read10(0, 4)), 'data-in')).toHaveLength(1);
  });

  it('in the login end it and the connection', async () => {
    const initiator = new TestInitiator(engine);
    const keys = { ...NAMES, AuthMethod: 'KRB5' };
    const [response] = (await initiator.send(
      initiator.loginRequest({ csg: 0, nsg: 1 }, keys),
    )) as LoginResponsePdu[];
    expect(response!.statusClass).toBe(2);
    expect(initiator.transport.ended).toBe(true);
  });
});

describe('connections and sessions that fail (RFC 7143 §7.1.4.3, §7.14, §7.15)', () => {
  const RECOVERABLE = { MaxConnections: '4', ErrorRecoveryLevel: '2', DefaultTime2Retain: '20' };

  it('the loss of a connection is told on another one', async () => {
    const first = await loggedIn(engine, RECOVERABLE);
    const { joined: second } = await joinSession(first, { cid: 1 });
    second.connection.disconnected();
    expect(await first.settle()).toMatchObject([{ type: 'async-message', asyncEvent: 2, parameter1: 1 }]);
  });

  it('immediate commands end with their connection, whatever is recovered', async () => {
    const first = await loggedIn(engine, { ...RECOVERABLE, ImmediateData: 'No' });
    const { joined: second } = await joinSession(first, { cid: 1 });
    await second.send(first.write10(0, 1), first.write10(1, 1, { immediate: true }));
    expect(engine.sessions[0]!.tasks).toBe(2);
    second.connection.disconnected();
    expect(engine.sessions[0]!.tasks).toBe(1);
  });

  it('the recovery of a session goes before that of its connections', async () => {
    const first = await loggedIn(engine, { ...RECOVERABLE, ImmediateData: 'No' });
    await first.send(first.write10(0, 1));
    first.connection.disconnected();
    expect(engine.sessions[0]!.tasks).toBe(1);
    const again = await loggedIn(engine);
    expect(engine.sessions).toMatchObject([{ tasks: 0 }]);
    expect(scsi.nexuses.map(({ closed }) => closed)).toEqual([true, false]);
    expect(typesOf(await again.send(again.read10(0, 1)))).toEqual(['data-in']);
  });

  it('a format error ends every connection of the session, and the session', async () => {
    const first = await loggedIn(engine, RECOVERABLE);
    const { joined: second } = await joinSession(first, { cid: 1 });
    const request = taskManagement(first, { function: TaskManagementFunction.ABORT_TASK_SET });
    const bytes = Buffer.concat([serializePdu(request, { header: false, data: false }), new Uint8Array(4)]);
    bytes[7] = 4;
    await second.sendBytes(bytes);
    expect([first.transport.destroyed, second.transport.destroyed]).toEqual([true, true]);
    expect(engine.sessions).toEqual([]);
  });
});
