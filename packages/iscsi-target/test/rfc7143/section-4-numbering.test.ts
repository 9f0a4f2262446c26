import { TaskManagementFunction, type NopInPdu, type StatusNumbering } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { nopOut, ofType, taskManagement, textRequest } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let initiator: TestInitiator;

async function loggedIn(keys: Record<string, string> = {}, firstCmdSn = 1): Promise<TestInitiator> {
  const engine = new TargetEngine([{ name: TARGET_NAME, scsi }], { queueDepth: 4 });
  const joining = new TestInitiator(engine);
  joining.cmdSn = firstCmdSn;
  await joining.login({ keys });
  return joining;
}

/** The command window, as a ping shows it. */
async function shownWindow(from: TestInitiator): Promise<[expCmdSn: number, maxCmdSn: number]> {
  const [pong] = (await from.send(nopOut(from))).slice(-1) as NopInPdu[];
  return [pong!.expCmdSn, pong!.maxCmdSn];
}

beforeEach(async () => {
  scsi = new ScriptedScsi();
  initiator = await loggedIn();
});

describe('command numbering (RFC 7143 §4.2.2.1)', () => {
  it('ExpCmdSN starts with the CmdSN of the login and counts commands that are not immediate', async () => {
    const other = await loggedIn({}, 700);
    expect(await shownWindow(other)).toEqual([700, 703]);
    await other.send(other.read10(0, 1));
    await other.send(nopOut(other, { immediate: false, cmdSn: other.cmdSn++ }));
    expect(await shownWindow(other)).toEqual([702, 705]);
  });

  it('an immediate command carries the current CmdSN and leaves ExpCmdSN where it is', async () => {
    await initiator.send(
      initiator.read10(0, 1, { immediate: true }),
      nopOut(initiator),
      textRequest(initiator, {}),
      taskManagement(initiator, { function: TaskManagementFunction.ABORT_TASK_SET }),
    );
    expect(await shownWindow(initiator)).toEqual([1, 4]);
    expect(await initiator.send(initiator.read10(0, 1))).toMatchObject([{ expCmdSn: 2 }]);
  });

  it('numbers go on from FFFFFFFFh to 0, in both directions of every comparison', async () => {
    const other = await loggedIn({}, 0xfffffffe);
    expect(await shownWindow(other)).toEqual([0xfffffffe, 1]);
    const [first, second, third] = [0xfffffffe, 0xffffffff, 0].map((cmdSn) => other.read10(0, 1, { cmdSn }));
    expect(await other.send(third!, second!)).toEqual([]);
    expect(await other.send(other.read10(0, 1, { cmdSn: 2 }))).toEqual([]);
    expect(await other.send(first!)).toHaveLength(3);
    other.cmdSn = 1;
    expect(await shownWindow(other)).toEqual([1, 4]);
    expect(await other.send(other.read10(0, 1, { cmdSn: 0xffffffff }))).toEqual([]);
  });

  it('with a closed window one immediate command and one task management function still get through', async () => {
    scsi.held = true;
    await initiator.send(...[1, 2, 3, 4].map((lba) => initiator.read10(lba, 1)));
    expect(await shownWindow(initiator)).toEqual([5, 4]);
    await initiator.send(initiator.read10(0, 1, { immediate: true }));
    expect(scsi.executed).toHaveLength(5);
    const abort = taskManagement(initiator, { referencedTaskTag: 4711, refCmdSn: 9 });
    expect(await initiator.send(abort)).toMatchObject([{ type: 'task-management-response' }]);
  });

  it('MaxCmdSN is never less than ExpCmdSN - 1', async () => {
    scsi.held = true;
    for (let sent = 1; sent <= 6; sent++) {
      await initiator.send(initiator.read10(0, 1, { cmdSn: sent }));
      const [expCmdSn, maxCmdSn] = await shownWindow(initiator);
      expect(maxCmdSn).toBeGreaterThanOrEqual(expCmdSn - 1);
    }
    expect(scsi.executed).toHaveLength(4);
  });

  it('nothing behind a hole is acknowledged', async () => {
    await initiator.send(initiator.read10(0, 1, { cmdSn: 2 }), initiator.read10(0, 1, { cmdSn: 4 }));
    expect(await shownWindow(initiator)).toEqual([1, 4]);
    await initiator.send(initiator.read10(0, 1, { cmdSn: 1 }));
    expect((await shownWindow(initiator))[0]).toBe(3);
  });

  it('a status never comes before its command is acknowledged', async () => {
    const commands = [initiator.read10(0, 1), initiator.command([0]), initiator.write10(0, 1)];
    commands[2]!.data = new Uint8Array(512);
    for (const command of commands) {
      const [pdu] = (await initiator.send(command)) as (StatusNumbering & { hasStatus?: boolean })[];
      expect(pdu!.expCmdSn).toBe(command.cmdSn + 1);
    }
  });

  it('a command that is sent again while it has a task is not executed twice', async () => {
    scsi.held = true;
    const command = initiator.read10(0, 1);
    await initiator.send(command, command);
    scsi.release();
    expect(await initiator.settle()).toHaveLength(1);
    expect(scsi.executed).toHaveLength(1);
  });
});

describe('status and data numbering (RFC 7143 §4.2.2.2, §4.2.2.4)', () => {
  it('each response uses up a StatSN; R2T, data without status and pings of the target do not', async () => {
    const other = await loggedIn({ MaxRecvDataSegmentLength: '512', InitialR2T: 'Yes' });
    const start = other.expStatSn;
    const write = other.write10(0, 1);
    const [r2t] = ofType(await other.send(write), 'r2t');
    expect(r2t).toMatchObject({ statSn: start, r2tSn: 0 });
    const pdus = await other.send(other.read10(0, 3), other.command([0]), nopOut(other));
    expect(ofType(pdus, 'data-in').map(({ hasStatus }) => hasStatus)).toEqual([false, false, true]);
    const numbered = pdus.filter((pdu) => pdu.type !== 'data-in' || pdu.hasStatus);
    expect(numbered.map((pdu) => pdu.statSn)).toEqual([start, start + 1, start + 2]);
  });

  it('Data-In is numbered from 0 for each command, and R2Ts likewise', async () => {
    const keys = { MaxRecvDataSegmentLength: '512', MaxBurstLength: '512', MaxOutstandingR2T: '2' };
    const other = await loggedIn({ ...keys, ImmediateData: 'No' });
    for (let round = 0; round < 2; round++) {
      const data = ofType(await other.send(other.read10(0, 3)), 'data-in');
      expect(data.map(({ dataSn }) => dataSn)).toEqual([0, 1, 2]);
      const r2ts = ofType(await other.send(other.write10(0, 2)), 'r2t');
      expect(r2ts.map(({ r2tSn }) => r2tSn)).toEqual([0, 1]);
    }
  });
});
