import {
  AsyncEvent,
  TaskManagementFunction,
  type R2tPdu,
  type ScsiCommandPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator, joinSession } from '../support/initiator.ts';
import { acknowledgement, ofType, taskManagement, typesOf } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const { ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET } = TaskManagementFunction;
const { TARGET_WARM_RESET, TARGET_COLD_RESET, I_T_NEXUS_RESET, QUERY_TASK } = TaskManagementFunction;

const EVERY: readonly (readonly [string, number])[] = [
  ['ABORT TASK SET', ABORT_TASK_SET],
  ['CLEAR TASK SET', CLEAR_TASK_SET],
  ['LOGICAL UNIT RESET', LOGICAL_UNIT_RESET],
  ['TARGET WARM RESET', TARGET_WARM_RESET],
  ['TARGET COLD RESET', TARGET_COLD_RESET],
];

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

async function loggedIn(TaskReporting: string, isid = 1): Promise<TestInitiator> {
  const initiator = new TestInitiator(engine);
  const keys = { TaskReporting, MaxConnections: '4', ImmediateData: 'No', MaxOutstandingR2T: '2' };
  expect(await initiator.login({ keys, isid })).toMatchObject({ TaskReporting });
  return initiator;
}

/** Another connection of the session of `first`; it has acknowledged everything. */
async function joinedBy(first: TestInitiator, cid: number): Promise<TestInitiator> {
  const { joined } = await joinSession(first, { cid });
  await joined.send({ ...acknowledgement(joined), cmdSn: first.cmdSn });
  return joined;
}

/** The answer to one R2T, all of it. */
function answerTo(initiator: TestInitiator, command: ScsiCommandPdu, r2t: R2tPdu) {
  const { targetTransferTag, bufferOffset, desiredDataTransferLength } = r2t;
  const data = new Uint8Array(desiredDataTransferLength).fill(7);
  return initiator.dataOut(command, { data, bufferOffset, dataSn: 0, final: true, targetTransferTag });
}

const manage = (initiator: TestInitiator, code: number) => taskManagement(initiator, { function: code });

const answered = (pdus: readonly TargetPdu[]): boolean => typesOf(pdus).includes('task-management-response');

describe('standard multi-task abort (RFC 7143 §4.2.3.3)', () => {
  it.each(EVERY)(
    '%s waits until the R2Ts of its session are answered, and sends no more',
    async (_name, code) => {
      const initiator = await loggedIn('RFC3720');
      const command = initiator.write10(0, 2048);
      const r2ts = ofType(await initiator.send(command), 'r2t');
      expect(r2ts).toHaveLength(2);
      expect(await initiator.send(manage(initiator, code))).toEqual([]);
      expect(await initiator.send(answerTo(initiator, command, r2ts[0]!))).toEqual([]);
      const pdus = await initiator.send(answerTo(initiator, command, r2ts[1]!));
      expect(typesOf(pdus).slice(0, 1)).toEqual(['task-management-response']);
      expect(scsi.ended).toBe(1);
    },
  );

  it('a command that gets all its data meanwhile ends with its status, before the answer', async () => {
    const initiator = await loggedIn('RFC3720');
    const command = initiator.write10(0, 8);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    await initiator.send(manage(initiator, ABORT_TASK_SET));
    const pdus = await initiator.send(answerTo(initiator, command, r2t!));
    expect(typesOf(pdus)).toEqual(['scsi-response', 'task-management-response']);
  });

  it('of two resets that wait at once, neither is answered while a device works for what both have ended', async () => {
    const [first, second] = [await loggedIn('RFC3720', 1), await loggedIn('RFC3720', 2)];
    await first.send(first.write10(0, 8));
    expect(await first.send(manage(first, LOGICAL_UNIT_RESET))).toEqual([]);
    const command = second.write10(8, 2048);
    const r2ts = ofType(await second.send(command), 'r2t');
    expect(await second.send(manage(second, LOGICAL_UNIT_RESET))).toEqual([]);
    scsi.held = true;
    expect(await second.send(answerTo(second, command, r2ts[0]!))).toEqual([]);
    // The reset of the second ends what the first waits for.
    expect(answered(await second.send(answerTo(second, command, r2ts[1]!)))).toBe(false);
    expect(answered(await first.settle())).toBe(false);
    scsi.release();
    expect([answered(await first.settle()), answered(await second.settle())]).toEqual([true, true]);
  });

  it('T-K4: an initiator that stops to answer is not waited for without end', async () => {
    const initiator = await loggedIn('RFC3720');
    const command = initiator.write10(0, 8);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    await initiator.send(manage(initiator, LOGICAL_UNIT_RESET));
    engine.tick(1999);
    expect(await initiator.settle()).toEqual([]);
    engine.tick(2000);
    expect(answered(await initiator.settle())).toBe(true);
    expect(await initiator.send(answerTo(initiator, command, r2t!))).toEqual([]);
    expect(scsi.bytes[0]).toBe(0);
  });

  it('the R2Ts of other sessions are not waited for', async () => {
    const [initiator, other] = [await loggedIn('RFC3720'), await loggedIn('RFC3720', 2)];
    const command = other.write10(0, 8);
    const [r2t] = ofType(await other.send(command), 'r2t');
    expect(answered(await initiator.send(manage(initiator, LOGICAL_UNIT_RESET)))).toBe(true);
    expect(await other.send(answerTo(other, command, r2t!))).toMatchObject([{ type: 'nop-in' }]);
  });

  it('the answer waits until what it aborted is no longer at work', async () => {
    const initiator = await loggedIn('RFC3720');
    scsi.held = true;
    await initiator.send(initiator.read10(0, 1));
    expect(await initiator.send(manage(initiator, ABORT_TASK_SET))).toEqual([]);
    scsi.release();
    expect(typesOf(await initiator.settle())).toEqual(['task-management-response']);
  });
});

describe.each(['RFC3720', 'ResponseFence', 'FastAbort'])(
  'commands on their way, with %s (§4.2.3.3, §4.2.3.4)',
  (how) => {
    it.each([
      ['ABORT TASK SET', ABORT_TASK_SET],
      ['CLEAR TASK SET', CLEAR_TASK_SET],
      ['LOGICAL UNIT RESET', LOGICAL_UNIT_RESET],
    ])('%s waits for the commands before it by CmdSN, and aborts them', async (_name, code) => {
      const initiator = await loggedIn(how);
      scsi.held = true;
      const late = initiator.read10(0, 1);
      const request = manage(initiator, code);
      expect(await initiator.send(request)).toEqual([]);
      expect(await initiator.send(late)).toEqual([]);
      scsi.release();
      expect(typesOf(await initiator.settle())).toEqual(['task-management-response']);
      expect(engine.sessions[0]!.tasks).toBe(0);
    });

    it('a reset of the target takes them for received, and ignores them when they come', async () => {
      const initiator = await loggedIn(how);
      const [late, later] = [initiator.read10(0, 1), initiator.read10(1, 1)];
      await initiator.send(later);
      expect(typesOf(await initiator.send(manage(initiator, TARGET_WARM_RESET)))).toContain(
        'task-management-response',
      );
      expect(await initiator.send(late)).toEqual([]);
      expect(typesOf(await initiator.send(initiator.read10(2, 1)))).toEqual(['data-in']);
    });

    it('a CmdSN that no initiator could have reached is not waited for', async () => {
      const initiator = await loggedIn(how);
      const request = { ...manage(initiator, ABORT_TASK_SET), cmdSn: initiator.cmdSn + 100_000 };
      expect(answered(await initiator.send(request))).toBe(true);
    });
  },
);

it('ABORT TASK SET spares the commands after it that have come already (§11.5.1)', async () => {
  const initiator = await loggedIn('RFC3720');
  const before = initiator.read10(0, 1);
  const request = manage(initiator, ABORT_TASK_SET);
  const after = initiator.read10(1, 1);
  scsi.held = true;
  await initiator.send(after);
  await initiator.send(request);
  await initiator.send(before);
  scsi.release();
  const pdus = await initiator.settle();
  expect(ofType(pdus, 'data-in').map(({ initiatorTaskTag }) => initiatorTaskTag)).toEqual([
    after.initiatorTaskTag,
  ]);
  expect(answered(pdus)).toBe(true);
});

it('ABORT TASK of a task management request that waits is rejected (§11.5.1)', async () => {
  const initiator = await loggedIn('RFC3720');
  await initiator.send(initiator.write10(0, 8));
  const waiting = manage(initiator, ABORT_TASK_SET);
  await initiator.send(waiting);
  const abort = taskManagement(initiator, { referencedTaskTag: waiting.initiatorTaskTag });
  expect(await initiator.send(abort)).toMatchObject([{ type: 'task-management-response', response: 255 }]);
});

describe('with the functions of RFC 7144', () => {
  async function level2(TaskReporting: string): Promise<TestInitiator> {
    const initiator = new TestInitiator(engine);
    const keys = { iSCSIProtocolLevel: '2', TaskReporting, ImmediateData: 'No' };
    await initiator.login({ keys });
    return initiator;
  }

  it('I_T NEXUS RESET is such a function too: it waits for R2Ts, but not with FastAbort (RFC 7144 §6.5)', async () => {
    const standard = await level2('RFC3720');
    const command = standard.write10(0, 8);
    const [r2t] = ofType(await standard.send(command), 'r2t');
    expect(await standard.send(manage(standard, I_T_NEXUS_RESET))).toEqual([]);
    const pdus = await standard.send(answerTo(standard, command, r2t!));
    expect(typesOf(pdus)).toEqual(['scsi-response', 'task-management-response']);
    expect(standard.transport.ended).toBe(true);
    const fast = await level2('FastAbort');
    await fast.send(fast.write10(0, 8));
    expect(answered(await fast.send(manage(fast, I_T_NEXUS_RESET)))).toBe(true);
    expect(fast.transport.ended).toBe(true);
  });

  it('QUERY TASK of a task management request that waits is rejected (RFC 7144 §6.3)', async () => {
    const initiator = await level2('RFC3720');
    await initiator.send(initiator.write10(0, 8));
    const waiting = manage(initiator, ABORT_TASK_SET);
    await initiator.send(waiting);
    const referencedTaskTag = waiting.initiatorTaskTag;
    const query = taskManagement(initiator, { function: QUERY_TASK, referencedTaskTag });
    expect(await initiator.send(query)).toMatchObject([{ response: 255 }]);
  });
});

it('no more than 64 requests wait at a time; a further one is rejected', async () => {
  const initiator = await loggedIn('RFC3720');
  await initiator.send(initiator.write10(0, 8));
  for (let count = 0; count < 64; count++) await initiator.send(manage(initiator, ABORT_TASK_SET));
  expect(await initiator.send(manage(initiator, ABORT_TASK_SET))).toMatchObject([{ response: 255 }]);
});

describe('FastAbort (RFC 7143 §4.2.3.4)', () => {
  it.each(EVERY)('%s does not wait for R2Ts; their data is taken and thrown away', async (_name, code) => {
    const initiator = await loggedIn('FastAbort');
    const command = initiator.write10(0, 8);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    const pdus = await initiator.send(manage(initiator, code));
    expect(typesOf(pdus)[0]).toBe('task-management-response');
    if (code === TARGET_COLD_RESET) return;
    expect(await initiator.send(answerTo(initiator, command, r2t!))).toEqual([]);
    expect(scsi.bytes[0]).toBe(0);
  });

  /** A session of three connections, the second with tasks; whoever asks does so by the first. */
  async function threeConnections(how: string): Promise<[TestInitiator, TestInitiator, TestInitiator]> {
    const first = await loggedIn(how);
    const [second, third] = [await joinedBy(first, 1), await joinedBy(first, 2)];
    await first.send(first.write10(0, 8));
    await second.send(first.write10(8, 8), first.write10(16, 8));
    return [first, second, third];
  }

  const termination = {
    type: 'async-message',
    asyncEvent: AsyncEvent.TASK_TERMINATION,
    parameter1: 0,
    parameter2: 0,
  };

  it('other connections of the session that have such tasks are told, once for a unit (event 5)', async () => {
    const [first, second, third] = await threeConnections('FastAbort');
    const onFirst = await first.send(manage(first, ABORT_TASK_SET));
    expect(ofType(onFirst, 'async-message')).toEqual([]);
    const onSecond = ofType(await second.settle(), 'async-message');
    expect(onSecond).toMatchObject([{ ...termination, lun: new Uint8Array(8) }]);
    expect(ofType(await third.settle(), 'async-message')).toEqual([]);
  });

  it('the answer follows when the message is acknowledged', async () => {
    const [first, second] = await threeConnections('FastAbort');
    expect(answered(await first.send(manage(first, ABORT_TASK_SET)))).toBe(false);
    await second.settle();
    await second.send({ ...acknowledgement(second), cmdSn: first.cmdSn });
    expect(answered(await first.send(acknowledgement(first)))).toBe(true);
  });

  it.each([
    ['FastAbort', 'FastAbort', 1],
    ['FastAbort', 'RFC3720', 0],
    ['FastAbort', 'ResponseFence', 0],
    ['RFC3720', 'FastAbort', 1],
    ['RFC3720', 'RFC3720', 0],
  ])('a session with %s tells one with %s %d times (§4.2.3.5)', async (issuing, affected, times) => {
    const [initiator, other] = [await loggedIn(issuing), await loggedIn(affected, 2)];
    const idle = await loggedIn(affected, 3);
    await other.send(other.write10(0, 8), other.write10(8, 8));
    expect(answered(await initiator.send(manage(initiator, LOGICAL_UNIT_RESET)))).toBe(true);
    expect(ofType(await other.settle(), 'async-message')).toHaveLength(times);
    expect(ofType(await idle.settle(), 'async-message')).toEqual([]);
  });

  it('below FastAbort no connection is told (§11.9.1)', async () => {
    const [first, second] = await threeConnections('ResponseFence');
    await first.send(manage(first, ABORT_TASK_SET));
    engine.tick(2000);
    expect(ofType(await second.settle(), 'async-message')).toEqual([]);
  });
});
