import {
  TaskAttributeCode,
  TaskManagementFunction,
  TaskManagementResult,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { nopOut, ofType, taskManagement, textRequest, typesOf } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const { ABORT_TASK, ABORT_TASK_SET, CLEAR_ACA, CLEAR_TASK_SET } = TaskManagementFunction;
const { LOGICAL_UNIT_RESET, TARGET_WARM_RESET, TARGET_COLD_RESET, TASK_REASSIGN } = TaskManagementFunction;
const { FUNCTION_COMPLETE, FUNCTION_REJECTED } = TaskManagementResult;

const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const OF_MANY = [ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET, TARGET_WARM_RESET, TARGET_COLD_RESET];

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  initiator = await loggedIn();
});

async function loggedIn(isid = 1): Promise<TestInitiator> {
  const joining = new TestInitiator(engine);
  await joining.login({ isid, keys: { ErrorRecoveryLevel: '2', MaxRecvDataSegmentLength: '512' } });
  return joining;
}

function responses(pdus: readonly TargetPdu[]): number[] {
  return ofType(pdus, 'task-management-response').map(({ response }) => response);
}

describe('task management functions (RFC 7143 §11.5.1, §11.6)', () => {
  it.each(ALL)('function %d is answered by one response with its task tag', async (code) => {
    const request = taskManagement(initiator, { function: code, referencedTaskTag: 4711, refCmdSn: 99 });
    const { initiatorTaskTag } = request;
    expect(ofType(await initiator.send(request), 'task-management-response')).toMatchObject([
      { initiatorTaskTag },
    ]);
  });

  it.each([ABORT_TASK, ...OF_MANY])(
    'after the response to function %d no aborted command is answered',
    async (code) => {
      scsi.held = true;
      const command = initiator.read10(0, 4);
      await initiator.send(command);
      const { initiatorTaskTag, cmdSn } = command;
      const fields = { function: code, referencedTaskTag: initiatorTaskTag, refCmdSn: cmdSn };
      const before = await initiator.send(taskManagement(initiator, fields));
      expect(before).toEqual([]);
      scsi.release();
      expect(typesOf(await initiator.settle())).toEqual(['task-management-response']);
      expect(await initiator.settle()).toEqual([]);
    },
  );

  it.each([ABORT_TASK, TASK_REASSIGN])(
    'function %d of a task management request is rejected',
    async (code) => {
      scsi.held = true;
      const command = initiator.read10(0, 1);
      await initiator.send(command);
      const fields = { referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn };
      const waiting = taskManagement(initiator, fields);
      expect(await initiator.send(waiting)).toEqual([]);
      const { initiatorTaskTag, cmdSn } = waiting;
      const request = { function: code, referencedTaskTag: initiatorTaskTag, refCmdSn: cmdSn };
      expect(responses(await initiator.send(taskManagement(initiator, request)))).toEqual([
        FUNCTION_REJECTED,
      ]);
    },
  );

  it('TASK REASSIGN of a text exchange is rejected', async () => {
    const text = textRequest(initiator, {}, { final: false });
    await initiator.send(text);
    const fields = { function: TASK_REASSIGN, referencedTaskTag: text.initiatorTaskTag };
    expect(responses(await initiator.send(taskManagement(initiator, fields)))).toEqual([FUNCTION_REJECTED]);
  });

  it('CLEAR TASK SET spares the commands of its session that come after it in CmdSN order', async () => {
    scsi.held = true;
    await initiator.send(initiator.read10(0, 1));
    const request = taskManagement(initiator, { function: CLEAR_TASK_SET, immediate: false });
    request.cmdSn = initiator.cmdSn++;
    const later = initiator.read10(1, 1);
    await initiator.send(later, request);
    scsi.release();
    const pdus = await initiator.settle();
    expect(responses(pdus)).toEqual([FUNCTION_COMPLETE]);
    expect(ofType(pdus, 'data-in')).toMatchObject([{ initiatorTaskTag: later.initiatorTaskTag }]);
  });

  it('LOGICAL UNIT RESET ends the commands of all sessions on the unit, and theirs on others go on', async () => {
    const other = await loggedIn(2);
    scsi.held = true;
    const elsewhere = other.read10(0, 1, { lun: Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0) });
    await other.send(other.read10(0, 1), elsewhere);
    await initiator.send(initiator.read10(0, 1));
    await initiator.send(taskManagement(initiator, { function: LOGICAL_UNIT_RESET }));
    scsi.release();
    expect(responses(await initiator.settle())).toEqual([FUNCTION_COMPLETE]);
    const pdus = ofType(await other.settle(), 'data-in');
    expect(pdus).toMatchObject([{ initiatorTaskTag: elsewhere.initiatorTaskTag }]);
  });

  it('TARGET COLD RESET ends every session of the target, after its response', async () => {
    const other = await loggedIn(2);
    const pdus = await initiator.send(taskManagement(initiator, { function: TARGET_COLD_RESET }));
    expect(responses(pdus)).toEqual([FUNCTION_COMPLETE]);
    expect(engine.sessions).toEqual([]);
    expect(engine.connectionCount).toBe(0);
    for (const { transport } of [initiator, other]) expect(transport.ended || transport.destroyed).toBe(true);
  });

  it('TARGET WARM RESET keeps every session', async () => {
    const other = await loggedIn(2);
    await other.send(other.write10(0, 1));
    const pdus = await initiator.send(taskManagement(initiator, { function: TARGET_WARM_RESET }));
    expect(responses(pdus)).toEqual([FUNCTION_COMPLETE]);
    expect(engine.sessions.map(({ tasks }) => tasks)).toEqual([0, 0]);
    expect(ofType(await other.send(nopOut(other)), 'nop-in').length).toBeGreaterThan(0);
  });

  it('CLEAR ACA ends commands with the ACA attribute, and clears the condition', async () => {
    scsi.held = true;
    const dealing = { ...initiator.read10(0, 1), attribute: TaskAttributeCode.ACA };
    const other = initiator.read10(1, 1);
    await initiator.send(dealing, other);
    expect(await initiator.send(taskManagement(initiator, { function: CLEAR_ACA }))).toEqual([]);
    expect(scsi.acaCleared).toBe(1);
    scsi.release();
    const pdus = await initiator.settle();
    expect(responses(pdus)).toEqual([FUNCTION_COMPLETE]);
    expect(ofType(pdus, 'data-in')).toMatchObject([{ initiatorTaskTag: other.initiatorTaskTag }]);
  });
});
