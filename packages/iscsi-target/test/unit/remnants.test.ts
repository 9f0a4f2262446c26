import { TaskManagementFunction, type TaskManagementRequestPdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

const block = (value: number): Uint8Array => new Uint8Array(512).fill(value);

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  initiator = new TestInitiator(engine);
  await initiator.login();
  scsi.held = true;
});

function manage(fields: Partial<TaskManagementRequestPdu>): TaskManagementRequestPdu {
  return {
    type: 'task-management-request',
    immediate: true,
    function: TaskManagementFunction.LOGICAL_UNIT_RESET,
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

describe('a device still works for an aborted command', () => {
  it.each([
    ['the connection was lost', () => initiator.connection.disconnected()],
    ['the session is reinstated', () => undefined],
  ])(
    '%s: commands of the next session wait, so that an old write never overwrites a newer one',
    async (_, end) => {
      await initiator.send(initiator.write10(0, 1, { data: block(1) }));
      end();
      const next = new TestInitiator(engine);
      await next.login();
      expect(await next.send(next.write10(0, 1, { data: block(2) }))).toEqual([]);
      expect(scsi.executed).toHaveLength(1);
      scsi.release();
      expect(await next.settle()).toMatchObject([{ type: 'scsi-response', status: 0 }]);
      expect(scsi.bytes[0]).toBe(2);
    },
  );

  it('another initiator does not wait', async () => {
    await initiator.send(initiator.write10(0, 1, { data: block(1) }));
    initiator.connection.disconnected();
    const other = new TestInitiator(engine);
    await other.login({ initiatorName: 'iqn.1994-05.com.example:other' });
    await other.send(other.write10(0, 1, { data: block(2) }));
    expect(scsi.executed).toHaveLength(2);
  });

  it('every task management function that concerns it waits, also one that comes after it was aborted', async () => {
    const command = initiator.write10(0, 1, { data: block(1) });
    await initiator.send(command);
    expect(await initiator.send(manage({}))).toEqual([]);
    expect(await initiator.send(manage({ function: TaskManagementFunction.ABORT_TASK_SET }))).toEqual([]);
    const tags = { referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn };
    expect(await initiator.send(manage({ function: TaskManagementFunction.ABORT_TASK, ...tags }))).toEqual(
      [],
    );
    scsi.release();
    const answers = await initiator.settle();
    expect(answers).toMatchObject(Array(3).fill({ type: 'task-management-response', response: 0 }));
  });

  it('a command of the same session does not wait for one that was aborted by a function', async () => {
    const command = initiator.write10(0, 1, { data: block(1) });
    await initiator.send(command);
    const tags = { referencedTaskTag: command.initiatorTaskTag, refCmdSn: command.cmdSn };
    await initiator.send(manage({ function: TaskManagementFunction.ABORT_TASK, ...tags }));
    await initiator.send(initiator.write10(8, 1, { data: block(2) }));
    expect(scsi.executed).toHaveLength(2);
  });
});
