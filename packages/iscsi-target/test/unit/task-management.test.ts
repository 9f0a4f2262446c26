import {
  TaskManagementFunction,
  TaskManagementResult,
  type TaskManagementRequestPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  initiator = new TestInitiator(engine);
  await initiator.login({ keys: { InitialR2T: 'No' } });
});

function request(fields: Partial<TaskManagementRequestPdu>): TaskManagementRequestPdu {
  return {
    type: 'task-management-request',
    immediate: true,
    function: TaskManagementFunction.ABORT_TASK,
    lun: new Uint8Array(8),
    initiatorTaskTag: initiator.newTag(),
    referencedTaskTag: 0xffffffff,
    refCmdSn: 0,
    expDataSn: 0,
    cmdSn: initiator.cmdSn,
    expStatSn: initiator.expStatSn,
    ...fields,
  };
}

/** Sends a request and lets pass the time that open R2Ts are waited for (RFC 7143 §4.2.3.3 a). */
async function manageInTime(fields: Partial<TaskManagementRequestPdu>): Promise<TargetPdu[]> {
  const atOnce = await initiator.send(request(fields));
  engine.tick(2000);
  return [...atOnce, ...(await initiator.settle())];
}

function response(pdus: readonly TargetPdu[]): number | undefined {
  return pdus.find((pdu) => pdu.type === 'task-management-response')?.response;
}

describe('task management (RFC 7143 §11.5)', () => {
  it('T-K4: ABORT TASK releases a command that waits for R2T data, and its late data is thrown away', async () => {
    const command = initiator.write10(0, 8);
    const [r2t] = await initiator.send(command);
    expect(r2t).toMatchObject({ type: 'r2t' });
    const abort = request({ referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn });
    expect(response(await initiator.send(abort))).toBe(0);
    expect(scsi.ended).toBe(1);
    const late = initiator.dataOut(command, {
      data: new Uint8Array(4096).fill(0xee),
      bufferOffset: 0,
      dataSn: 0,
      final: true,
      targetTransferTag: (r2t as { targetTransferTag: number }).targetTransferTag,
    });
    expect(await initiator.send(late)).toEqual([]);
    expect(scsi.bytes[0]).toBe(0);
  });

  it('ABORT TASK answers only when the aborted write is no longer at work', async () => {
    scsi.held = true;
    const command = initiator.write10(0, 1, { data: new Uint8Array(512).fill(1) });
    await initiator.send(command);
    const abort = request({ referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn });
    expect(await initiator.send(abort)).toEqual([]);
    scsi.release();
    expect((await initiator.settle()).map((pdu) => pdu.type)).toEqual(['task-management-response']);
  });

  it('T-V2: ABORT TASK of a command that has finished answers "function complete" to ESXi', async () => {
    const esxi = new TestInitiator(engine);
    await esxi.login({ initiatorName: 'iqn.1998-01.com.vmware:host-1', isid: 9 });
    const command = esxi.read10(0, 1);
    await esxi.send(command);
    const { cmdSn, expStatSn } = esxi;
    const fields = { referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn, cmdSn, expStatSn };
    expect(response(await esxi.send(request(fields)))).toBe(0);
  });

  it('ABORT TASK of a finished command answers "task does not exist" to others (RFC 7143 §11.6.1 c)', async () => {
    const command = initiator.read10(0, 1);
    await initiator.send(command);
    const abort = request({ referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn });
    expect(response(await initiator.send(abort))).toBe(1);
  });

  it('ABORT TASK of a command that is still on its way completes, and the command is ignored (§11.6.1 b)', async () => {
    const command = initiator.read10(0, 1);
    const later = initiator.read10(1, 1);
    await initiator.send(later);
    const abort = request({ referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn });
    const pdus = await initiator.send(abort);
    expect(response(pdus)).toBe(0);
    expect(pdus.filter((pdu) => pdu.type === 'data-in')).toHaveLength(1);
    expect(await initiator.send(command)).toEqual([]);
  });

  it('ABORT TASK of a command that never was answers "task does not exist"', async () => {
    const abort = request({ referencedTaskTag: 4711, refCmdSn: initiator.cmdSn + 3 });
    expect(response(await initiator.send(abort))).toBe(1);
  });

  it('ABORT TASK SET ends all commands of the session on the LUN without status', async () => {
    const commands = [initiator.write10(0, 8), initiator.write10(8, 8)];
    await initiator.send(...commands);
    const pdus = await manageInTime({ function: TaskManagementFunction.ABORT_TASK_SET });
    expect(pdus.map((pdu) => pdu.type)).toEqual(['task-management-response']);
    expect(engine.sessions[0]!.tasks).toBe(0);
  });

  it('LOGICAL UNIT RESET ends the commands of every session, and shows the others the window (§11.4.11)', async () => {
    const other = new TestInitiator(engine);
    await other.login({ isid: 2 });
    await other.send(other.write10(0, 8));
    await initiator.send(initiator.write10(8, 8));
    expect(response(await manageInTime({ function: TaskManagementFunction.LOGICAL_UNIT_RESET }))).toBe(0);
    expect(await other.settle()).toMatchObject([{ type: 'nop-in', targetTransferTag: 0xffffffff }]);
    expect(engine.sessions.map((session) => session.tasks)).toEqual([0, 0]);
  });

  it('LOGICAL UNIT RESET of an absent LUN answers "LUN does not exist"', async () => {
    const lun = Uint8Array.of(0, 9, 0, 0, 0, 0, 0, 0);
    const reset = request({ function: TaskManagementFunction.LOGICAL_UNIT_RESET, lun });
    expect(response(await initiator.send(reset))).toBe(2);
  });

  it('TARGET WARM RESET keeps connections, TARGET COLD RESET ends them after its answer', async () => {
    expect(
      response(await initiator.send(request({ function: TaskManagementFunction.TARGET_WARM_RESET }))),
    ).toBe(0);
    expect(initiator.transport.ended).toBe(false);
    expect(
      response(await initiator.send(request({ function: TaskManagementFunction.TARGET_COLD_RESET }))),
    ).toBe(0);
    expect(initiator.transport.ended).toBe(true);
  });

  it('CLEAR TASK SET ends the commands of every session on the unit (§4.2.3.2)', async () => {
    const other = new TestInitiator(engine);
    await other.login({ isid: 2 });
    await other.send(other.write10(0, 8));
    await initiator.send(initiator.write10(8, 8));
    expect(response(await manageInTime({ function: TaskManagementFunction.CLEAR_TASK_SET }))).toBe(0);
    expect(await other.settle()).toMatchObject([{ type: 'nop-in', targetTransferTag: 0xffffffff }]);
    expect(engine.sessions.map((session) => session.tasks)).toEqual([0, 0]);
  });

  it('CLEAR ACA clears the condition of the unit, if there is such a unit (§11.5.1, §11.6.1)', async () => {
    const clear = request({ function: TaskManagementFunction.CLEAR_ACA });
    expect(response(await initiator.send(clear))).toBe(0);
    const absent = {
      ...clear,
      initiatorTaskTag: initiator.newTag(),
      lun: Uint8Array.of(0, 9, 0, 0, 0, 0, 0, 0),
    };
    expect(response(await initiator.send(absent))).toBe(2);
    expect(scsi.acaCleared).toBe(1);
  });

  it.each([
    [TaskManagementFunction.TASK_REASSIGN, 4],
    [TaskManagementFunction.QUERY_TASK, 5],
    [99, 5],
  ])('refuses function %d, which is not carried out, with response %d', async (code, answer) => {
    expect(response(await initiator.send(request({ function: code })))).toBe(answer);
  });
});

describe('task management of RFC 7144, when iSCSIProtocolLevel=2 is agreed', () => {
  const absentLun = Uint8Array.of(0, 9, 0, 0, 0, 0, 0, 0);

  beforeEach(async () => {
    initiator = new TestInitiator(engine);
    await initiator.login({ keys: { iSCSIProtocolLevel: '2' }, isid: 7 });
  });

  it('QUERY TASK: "function succeeded" while the task is there, "function complete" afterwards (§6.4.2)', async () => {
    scsi.held = true;
    const command = initiator.read10(0, 1);
    await initiator.send(command);
    const query = () =>
      request({ function: TaskManagementFunction.QUERY_TASK, referencedTaskTag: command.initiatorTaskTag });
    expect(response(await initiator.send(query()))).toBe(7);
    scsi.release();
    await initiator.settle();
    expect(response(await initiator.send(query()))).toBe(0);
  });

  it('QUERY TASK SET: is any command of this nexus in the task set of the unit?', async () => {
    const query = () => request({ function: TaskManagementFunction.QUERY_TASK_SET });
    expect(response(await initiator.send(query()))).toBe(0);
    scsi.held = true;
    await initiator.send(initiator.read10(0, 1));
    expect(response(await initiator.send(query()))).toBe(7);
    expect(response(await initiator.send({ ...query(), lun: absentLun }))).toBe(2);
  });

  it('QUERY ASYNCHRONOUS EVENT tells of a pending unit attention and leaves it pending', async () => {
    const query = () => request({ function: TaskManagementFunction.QUERY_ASYNCHRONOUS_EVENT });
    expect(response(await initiator.send(query()))).toBe(0);
    scsi.attention = { asc: 0x2a, ascq: 0x09, count: 2 };
    expect(await initiator.send(query())).toMatchObject([{ response: 7, additionalResponse: 0x262a09 }]);
  });

  it('I_T NEXUS RESET aborts what the nexus has, answers, and drops its connections (§6.3)', async () => {
    await initiator.send(initiator.write10(0, 8));
    expect(response(await manageInTime({ function: TaskManagementFunction.I_T_NEXUS_RESET }))).toBe(0);
    expect(initiator.transport.ended).toBe(true);
    expect(scsi.nexuses.at(-1)!.closed).toBe(true);
  });
});

describe('the status qualifier (RFC 7144 §5.2.1)', () => {
  const busy = { kind: 'finished', status: 0x08, statusQualifier: 0x3fff } as const;

  it.each([
    ['2', 0x3fff],
    ['1', 0],
  ])('of a device server travels with iSCSIProtocolLevel=%s as %d', async (iSCSIProtocolLevel, sent) => {
    scsi.override = () => busy;
    initiator = new TestInitiator(engine);
    await initiator.login({ keys: { iSCSIProtocolLevel }, isid: 7 });
    const answers = await initiator.send(initiator.read10(0, 1));
    expect(answers).toMatchObject([{ type: 'scsi-response', status: 0x08, statusQualifier: sent }]);
    // The next response, which has nothing to add, says nothing.
    scsi.override = undefined;
    const next = await initiator.send(initiator.command([0]));
    expect(next).toMatchObject([{ type: 'scsi-response', status: 0, statusQualifier: 0 }]);
  });
});

describe('what REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS is told', () => {
  const FUNCTIONS = {
    ATS: TaskManagementFunction.ABORT_TASK,
    ATSS: TaskManagementFunction.ABORT_TASK_SET,
    CACAS: TaskManagementFunction.CLEAR_ACA,
    CTSS: TaskManagementFunction.CLEAR_TASK_SET,
    LURS: TaskManagementFunction.LOGICAL_UNIT_RESET,
    QTS: TaskManagementFunction.QUERY_TASK,
    QAES: TaskManagementFunction.QUERY_ASYNCHRONOUS_EVENT,
    QTSS: TaskManagementFunction.QUERY_TASK_SET,
    ITNRS: TaskManagementFunction.I_T_NEXUS_RESET,
  };

  it.each(['1', '2'])('is what is carried out with iSCSIProtocolLevel=%s', async (iSCSIProtocolLevel) => {
    initiator = new TestInitiator(engine);
    await initiator.login({ keys: { iSCSIProtocolLevel }, isid: 7 });
    const { taskManagement = {} } = scsi.nexuses.at(-1)!.options;
    for (const [name, code] of Object.entries(FUNCTIONS)) {
      const answer = response(await manageInTime({ function: code }));
      expect(answer, name).toBeTypeOf('number');
      const told = taskManagement[name as keyof typeof FUNCTIONS] ?? 0;
      expect(answer === TaskManagementResult.FUNCTION_NOT_SUPPORTED, name).toBe(told === 0);
    }
  });
});
