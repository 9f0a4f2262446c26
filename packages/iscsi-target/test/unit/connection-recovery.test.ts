import {
  AsyncEvent,
  LogoutReason,
  LogoutResult,
  NO_TTT,
  TaskManagementFunction,
  TaskManagementResult,
  serializePdu,
  type DataInPdu,
  type LogoutRequestPdu,
  type R2tPdu,
  type TaskManagementRequestPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator, joinSession, loggedIn } from '../support/initiator.ts';
import { logoutRequest, snackRequest, taskManagement } from '../support/requests.ts';
import { GOOD, ScriptedScsi } from '../support/scripted-scsi.ts';

const KEYS = {
  ErrorRecoveryLevel: '2',
  MaxConnections: '4',
  MaxRecvDataSegmentLength: '1024',
  MaxBurstLength: '2048',
  FirstBurstLength: '2048',
  DefaultTime2Wait: '2',
  DefaultTime2Retain: '5',
};
const RETAINED_MS = 7000;

let scsi: ScriptedScsi;
let engine: TargetEngine;
let first: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  for (let i = 0; i < 65_536; i++) scsi.bytes[i] = (i * 7 + (i >> 8)) & 255;
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  first = await loggedIn(engine, KEYS);
});

/** Logs a connection in to the session of `first`, whose CmdSNs it uses. */
async function join(cid: number, keys: Record<string, string> = {}): Promise<TestInitiator> {
  const { MaxRecvDataSegmentLength } = KEYS;
  const { joined, response } = await joinSession(first, { cid, keys: { MaxRecvDataSegmentLength, ...keys } });
  expect(response).toMatchObject({ statusClass: 0, tsih: first.tsih });
  return joined;
}

/** Requests by whichever connection: `first` numbers them, and they acknowledge nothing. */
const logout = (reason: number, cid: number): LogoutRequestPdu =>
  logoutRequest(first, reason, cid, { expStatSn: 0 });

const recovery = (cid: number): LogoutRequestPdu => logout(LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY, cid);

const reassign = (
  referencedTaskTag: number,
  fields: Partial<TaskManagementRequestPdu> = {},
): TaskManagementRequestPdu =>
  taskManagement(first, {
    function: TaskManagementFunction.TASK_REASSIGN,
    initiatorTaskTag: 800,
    referencedTaskTag,
    expStatSn: 0,
    ...fields,
  });

function answered(pdus: readonly TargetPdu[]): { response: number; rest: TargetPdu[] } {
  const [answer, ...rest] = pdus;
  expect(answer).toMatchObject({ type: 'task-management-response', initiatorTaskTag: 800 });
  return { response: (answer as { response: number }).response, rest };
}

const { FUNCTION_COMPLETE, TASK_DOES_NOT_EXIST, TASK_STILL_ALLEGIANT, FUNCTION_REJECTED } =
  TaskManagementResult;

describe('connection recovery (RFC 7143 §7.1.4.3, §7.2.2)', () => {
  it('a read goes on by another connection from ExpDataSN, and its status comes there', async () => {
    const command = first.read10(0, 8);
    const before = (await first.send(command)).slice(0, 2) as DataInPdu[];
    first.connection.disconnected();
    const second = await join(1);
    expect(await second.send(recovery(0))).toMatchObject([
      { type: 'logout-response', response: LogoutResult.CLOSED, time2Wait: 2, time2Retain: 5 },
    ]);
    const pdus = await second.send(reassign(command.initiatorTaskTag, { expDataSn: 2 }));
    const { response, rest } = answered(pdus);
    expect(response).toBe(FUNCTION_COMPLETE);
    expect(rest).toMatchObject([
      { type: 'data-in', dataSn: 2, bufferOffset: 2048 },
      { type: 'data-in', dataSn: 3, bufferOffset: 3072 },
      { type: 'scsi-response', status: 0, expDataSn: 4, snackTag: 0 },
    ]);
    const data = [...before, ...(rest.slice(0, 2) as DataInPdu[])].flatMap((pdu) => [...pdu.data]);
    expect(data).toEqual([...scsi.bytes.subarray(0, 4096)]);
    expect(scsi.executed).toHaveLength(1);
  });

  it('a status comes there with its qualifier (RFC 7144 §5.2.1)', async () => {
    scsi.override = () => ({ kind: 'finished', status: 0x08, statusQualifier: 0x3fff });
    first = await loggedIn(engine, { ...KEYS, iSCSIProtocolLevel: '2' });
    const command = first.read10(0, 8);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(0);
    const { rest } = answered(await second.send(reassign(command.initiatorTaskTag)));
    expect(rest).toMatchObject([{ type: 'scsi-response', status: 0x08, statusQualifier: 0x3fff }]);
  });

  it('data is cut as the new connection takes it', async () => {
    const command = first.read10(0, 8);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(1, { MaxRecvDataSegmentLength: '512' });
    await second.send(recovery(0));
    const { rest } = answered(await second.send(reassign(command.initiatorTaskTag, { expDataSn: 1 })));
    expect(
      rest.slice(0, -1).map((pdu) => [(pdu as DataInPdu).dataSn, (pdu as DataInPdu).bufferOffset]),
    ).toEqual([0, 1, 2, 3, 4, 5].map((at) => [at + 1, 1024 + at * 512]));
  });

  it.each([
    ['0 leaves the number where it was', 0, 0],
    ['one that was never sent is ignored (§11.5.6)', 9, 0],
    ['all of it leaves only the status', 4, 4],
  ])('an ExpDataSN of %s', async (_what, expDataSn, firstDataSn) => {
    const command = first.read10(0, 8);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(0);
    const { rest } = answered(await second.send(reassign(command.initiatorTaskTag, { expDataSn })));
    expect(rest).toHaveLength(4 - firstDataSn + 1);
    expect(rest.at(-1)).toMatchObject({ type: 'scsi-response', status: 0, expDataSn: 4 });
  });

  it('a command that was ended by task management meanwhile has nothing more to say (§4.2.3.3)', async () => {
    const command = first.read10(0, 8);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(1);
    const { ABORT_TASK_SET } = TaskManagementFunction;
    const abort = taskManagement(first, { function: ABORT_TASK_SET, expStatSn: second.expStatSn });
    expect(await second.send(abort)).toMatchObject([
      { type: 'task-management-response', response: FUNCTION_COMPLETE },
    ]);
    await second.send(recovery(0));
    const { response, rest } = answered(await second.send(reassign(command.initiatorTaskTag)));
    expect([response, rest]).toEqual([TASK_DOES_NOT_EXIST, []]);
  });

  it('a read that ended since its SNACK was rejected is sent whole to whoever asks for it anew (§7.8)', async () => {
    const command = first.read10(0, 8000);
    const { initiatorTaskTag } = command;
    first.transport.stalled = true;
    await first.send(command);
    const ask = snackRequest({ initiatorTaskTag, begRun: 0, runLength: 1 });
    for (let count = 0; count < 17; count++) await first.send(ask);
    first.connection.disconnected();
    const second = await join(0, { MaxRecvDataSegmentLength: '262144' });
    const { rest } = answered(await second.send(reassign(initiatorTaskTag)));
    const data = rest.filter((pdu): pdu is DataInPdu => pdu.type === 'data-in');
    expect(data.reduce((sum, pdu) => sum + pdu.data.length, 0)).toBe(8000 * 512);
    expect(rest.at(-1)).toMatchObject({ type: 'scsi-response', status: 0 });
  });

  it('a write is asked for the data that did not come, with R2TSNs from ExpDataSN on', async () => {
    const command = first.write10(0, 8);
    const data = Uint8Array.from({ length: 4096 }, (_, i) => (i * 13) & 255);
    const [r2t] = (await first.send(command)) as R2tPdu[];
    const out = (
      from: number,
      to: number,
      fields: { dataSn: number; final: boolean; targetTransferTag: number },
    ) => first.dataOut(command, { data: data.subarray(from, to), bufferOffset: from, ...fields });
    await first.send(out(0, 512, { dataSn: 0, final: false, targetTransferTag: r2t!.targetTransferTag }));
    first.connection.disconnected();
    const second = await join(0);
    const { rest } = answered(await second.send(reassign(command.initiatorTaskTag, { expDataSn: 1 })));
    expect(rest).toMatchObject([
      { type: 'r2t', r2tSn: 1, bufferOffset: 512, desiredDataTransferLength: 1536 },
    ]);
    const { targetTransferTag } = rest[0] as R2tPdu;
    const [next] = (await second.send(
      out(512, 2048, { dataSn: 0, final: true, targetTransferTag }),
    )) as R2tPdu[];
    expect(next).toMatchObject({
      type: 'r2t',
      r2tSn: 2,
      bufferOffset: 2048,
      desiredDataTransferLength: 2048,
    });
    const tag = next!.targetTransferTag;
    const end = await second.send(out(2048, 4096, { dataSn: 0, final: true, targetTransferTag: tag }));
    expect(end).toMatchObject([{ type: 'scsi-response', status: 0 }]);
    expect(scsi.bytes.subarray(0, 4096)).toEqual(data);
  });

  it('unsolicited data that did not come is asked for by R2T', async () => {
    const session = new TestInitiator(engine);
    await session.login({ keys: { ...KEYS, InitialR2T: 'No' }, isid: 2 });
    const command = session.write10(0, 4, { final: false, data: new Uint8Array(512).fill(1) });
    expect(await session.send(command)).toEqual([]);
    session.connection.disconnected();
    const { joined: again } = await joinSession(session, { cid: 0 });
    const request = reassign(command.initiatorTaskTag, { cmdSn: session.cmdSn });
    const { rest } = answered(await again.send(request));
    expect(rest).toMatchObject([
      { type: 'r2t', r2tSn: 0, bufferOffset: 512, desiredDataTransferLength: 1536 },
    ]);
  });

  it('a status that was not acknowledged is sent again with a StatSN of the new connection', async () => {
    const command = first.command([0]);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(0);
    const statSn = second.expStatSn;
    const { rest } = answered(await second.send(reassign(command.initiatorTaskTag)));
    expect(rest).toMatchObject([{ type: 'scsi-response', status: 0, statSn: statSn + 1 }]);
    expect(scsi.executed).toHaveLength(1);
  });

  it('a status that was acknowledged is over', async () => {
    const command = first.command([0]);
    await first.send(command);
    await first.send(first.command([0]));
    first.connection.disconnected();
    const second = await join(0);
    expect(answered(await second.send(reassign(command.initiatorTaskTag))).response).toBe(
      TASK_DOES_NOT_EXIST,
    );
  });

  it('a command that ends while it has no connection gives its status to the next one', async () => {
    const writes = [first.write10(0, 1, { data: new Uint8Array(512) }), first.read10(8, 1)];
    scsi.held = true;
    await first.send(...writes);
    first.connection.disconnected();
    scsi.release();
    const second = await join(0);
    for (const { initiatorTaskTag } of writes) {
      const { rest } = answered(await second.send(reassign(initiatorTaskTag)));
      expect(rest.at(-1)).toMatchObject({ type: 'scsi-response', initiatorTaskTag, status: 0 });
    }
    expect(engine.sessions[0]!.tasks).toBe(0);
    expect(scsi.ended).toBe(2);
  });

  it('a command that the device server still has is answered by the new connection', async () => {
    let start: () => void = () => undefined;
    scsi.override = () => new Promise((resolve) => (start = () => resolve(GOOD))) as never;
    const early = first.command([0]);
    const late = first.command([0]);
    await first.send(early);
    const startEarly = start;
    await first.send(late);
    first.connection.disconnected();
    startEarly();
    const second = await join(0);
    expect(answered(await second.send(reassign(early.initiatorTaskTag))).rest).toMatchObject([{ status: 0 }]);
    expect(answered(await second.send(reassign(late.initiatorTaskTag))).rest).toEqual([]);
    start();
    expect(await second.settle()).toMatchObject([{ initiatorTaskTag: late.initiatorTaskTag, status: 0 }]);
  });

  it('a read that is at work when the connection goes is sent by the new one, once', async () => {
    scsi.held = true;
    const command = first.read10(0, 4);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(0);
    expect(answered(await second.send(reassign(command.initiatorTaskTag))).rest).toEqual([]);
    scsi.release();
    expect((await second.settle()).map((pdu) => pdu.type)).toEqual(['data-in', 'data-in', 'scsi-response']);
  });
});

describe('the allegiance of a task (RFC 7143 §7.2.2, §11.5.1)', () => {
  it.each([
    ['not logged out', async () => undefined, TASK_STILL_ALLEGIANT],
    ['logged out for recovery', (by: TestInitiator) => by.send(recovery(0)), FUNCTION_COMPLETE],
    [
      'logged out for good',
      (by: TestInitiator) => by.send(logout(LogoutReason.CLOSE_CONNECTION, 0)),
      TASK_DOES_NOT_EXIST,
    ],
  ])('is to a connection that is gone and %s', async (_what, act, response) => {
    const command = first.write10(0, 8);
    await first.send(command);
    const second = await join(1);
    first.connection.disconnected();
    expect(await second.settle()).toMatchObject([
      {
        type: 'async-message',
        asyncEvent: AsyncEvent.CONNECTION_DROP,
        parameter1: 0,
        parameter2: 2,
        parameter3: 5,
      },
    ]);
    await act(second);
    expect(answered(await second.send(reassign(command.initiatorTaskTag))).response).toBe(response);
  });

  it('stays with a connection that is there', async () => {
    const waiting = first.write10(0, 8);
    const done = first.command([0]);
    await first.send(waiting, done);
    const second = await join(1);
    for (const { initiatorTaskTag } of [waiting, done]) {
      expect(answered(await second.send(reassign(initiatorTaskTag))).response).toBe(TASK_STILL_ALLEGIANT);
    }
  });

  it('is never that of a task management function or a text exchange (§11.5.1)', async () => {
    const text = {
      immediate: true,
      final: false,
      continue: false,
      lun: new Uint8Array(8),
      targetTransferTag: NO_TTT,
      data: new Uint8Array(0),
    };
    const numbers = { cmdSn: first.cmdSn, expStatSn: 0 };
    await first.send({ type: 'text-request', initiatorTaskTag: 77, ...text, ...numbers });
    const second = await join(1);
    expect(answered(await second.send(reassign(77))).response).toBe(FUNCTION_REJECTED);
    first.connection.disconnected();
    await second.settle();
    expect(answered(await second.send(reassign(77))).response).toBe(FUNCTION_REJECTED);
  });

  it('does not change by a request that waits for its turn (§11.5.1)', async () => {
    const command = first.write10(0, 8);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(0);
    const request = reassign(command.initiatorTaskTag, { immediate: false, cmdSn: first.cmdSn++ });
    expect(answered(await second.send(request)).response).toBe(FUNCTION_REJECTED);
  });

  it('changes by a recovery logout of the connection itself, which suspends its transfers (§11.14)', async () => {
    const command = first.write10(0, 8);
    await first.send(command);
    const second = await join(1);
    expect(await first.send(recovery(0))).toMatchObject([{ response: LogoutResult.CLOSED }]);
    expect(first.transport.ended).toBe(true);
    expect(engine.sessions[0]!.tasks).toBe(1);
    expect(answered(await second.send(reassign(command.initiatorTaskTag))).rest).toMatchObject([
      { type: 'r2t' },
    ]);
  });

  it('is lost a second time and found again', async () => {
    const command = first.write10(0, 8);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(0);
    await second.send(reassign(command.initiatorTaskTag));
    second.connection.disconnected();
    const third = await join(0);
    const { rest } = answered(await third.send(reassign(command.initiatorTaskTag, { expDataSn: 1 })));
    expect(rest).toMatchObject([{ type: 'r2t', r2tSn: 1, bufferOffset: 0 }]);
  });

  it('ends with an abortion', async () => {
    const command = first.write10(0, 8);
    await first.send(command);
    first.connection.disconnected();
    const second = await join(0);
    const abort = { function: TaskManagementFunction.ABORT_TASK, refCmdSn: command.cmdSn };
    expect(answered(await second.send(reassign(command.initiatorTaskTag, abort))).response).toBe(
      FUNCTION_COMPLETE,
    );
    expect(answered(await second.send(reassign(command.initiatorTaskTag))).response).toBe(
      TASK_DOES_NOT_EXIST,
    );
  });
});

describe('what was not acknowledged when a connection went (RFC 7143 §11.14)', () => {
  it('counts as never received: the gap is closed by sending it again', async () => {
    const gap = first.read10(0, 1);
    const early = first.read10(1, 1);
    await first.send(early);
    first.connection.disconnected();
    expect(engine.sessions[0]!.tasks).toBe(0);
    const second = await join(0);
    expect(await second.send(early)).toEqual([]);
    const pdus = await second.send(gap);
    expect(pdus.filter((pdu) => pdu.type === 'scsi-response')).toHaveLength(2);
  });

  it('counts as received when it was aborted before (§11.6.1 b)', async () => {
    const gap = first.read10(0, 1);
    const early = first.read10(1, 1);
    const second = await join(1);
    await first.send(early);
    const abort = { function: TaskManagementFunction.ABORT_TASK, refCmdSn: early.cmdSn };
    expect(answered(await first.send(reassign(early.initiatorTaskTag, abort))).response).toBe(
      FUNCTION_COMPLETE,
    );
    first.connection.disconnected();
    await second.send(gap);
    expect((await second.send(first.command([0]))).at(-1)).toMatchObject({ expCmdSn: first.cmdSn });
  });

  it('is discarded when it is half there', async () => {
    const command = first.write10(0, 1, { data: new Uint8Array(512) });
    await first.sendBytes(serializePdu(command, { header: false, data: false }).subarray(0, 100));
    first.connection.disconnected();
    expect(engine.sessions[0]!.tasks).toBe(0);
    const second = await join(0);
    expect(await second.send(command)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
  });
});

describe('a session without connections (RFC 7143 §6.3.5, §6.3.6)', () => {
  it('waits for Time2Wait and Time2Retain, and then its tasks and its nexus are over', async () => {
    await first.send(first.write10(0, 8));
    first.connection.disconnected();
    engine.tick(RETAINED_MS - 1);
    expect(engine.sessions).toMatchObject([{ remotes: [], tasks: 1 }]);
    engine.tick(RETAINED_MS);
    expect(engine.sessions).toEqual([]);
    expect(scsi.nexuses[0]!.closed).toBe(true);
    expect(scsi.ended).toBe(1);
  });

  it('goes on when a connection comes; tasks that nobody reassigns end with a unit attention (§11.14.5)', async () => {
    await first.send(first.write10(0, 8));
    first.connection.disconnected();
    const second = await join(3);
    engine.tick(RETAINED_MS);
    expect(engine.sessions).toMatchObject([{ tasks: 0 }]);
    expect(scsi.cleared).toEqual([new Uint8Array(8)]);
    const late = { response: LogoutResult.CID_NOT_FOUND };
    expect(await second.send(recovery(0))).toMatchObject([{ type: 'nop-in' }, late]);
  });

  it.each([
    ['a session of the same port', async () => void (await new TestInitiator(engine).login({ keys: KEYS }))],
    ['a stop', async () => engine.stop()],
  ])('ends with %s', async (_what, act) => {
    await first.send(first.write10(0, 8));
    first.connection.disconnected();
    await act();
    expect(scsi.nexuses[0]!.closed).toBe(true);
    expect(scsi.ended).toBe(1);
  });

  it('is not kept when DefaultTime2Retain is 0', async () => {
    const session = new TestInitiator(engine);
    await session.login({ keys: { ...KEYS, DefaultTime2Retain: '0' }, isid: 2 });
    session.connection.disconnected();
    expect(engine.sessions).toHaveLength(1);
  });

  it('does not remember more lost connections than it may', async () => {
    for (let i = 0; i < 40; i++) {
      const last = i === 0 ? first : await join(0);
      await last.send(first.write10(0, 8, { expStatSn: 0 }));
      last.connection.disconnected();
    }
    expect(engine.sessions[0]!.tasks).toBe(32);
  });
});
