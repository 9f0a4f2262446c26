import { TaskManagementFunction, type TargetPdu } from '@lunbox/iscsi-pdu';
import { CheckConditionError } from '@lunbox/scsi';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { BufferPool } from '../../src/buffer-pool.ts';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator, joinSession, loggedIn } from '../support/initiator.ts';
import { acknowledgement, nopOut, ofType, taskManagement, typesOf } from '../support/requests.ts';
import { GOOD, ScriptedScsi } from '../support/scripted-scsi.ts';

const TEST_UNIT_READY = [0];
const TEST_WITH_NACA = [0, 0, 0, 0, 0, 0x04];
const PREEMPT_AND_ABORT = [0x5f, 0x05];
const ACA_ACTIVE = { kind: 'finished', status: 0x30 } as const;
const UNIT_ATTENTION = new CheckConditionError({ senseKey: 0x06, asc: 0x2f, ascq: 0 }).toFinished();
const MEDIUM_ERROR = new CheckConditionError({ senseKey: 0x03, asc: 0x11, ascq: 0 }).toFinished();

let scsi: ScriptedScsi;
let engine: TargetEngine;
let first: TestInitiator;
let second: TestInitiator;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

/** A session of two connections that has acknowledged everything; `first` numbers the commands. */
async function twoConnections(TaskReporting: string): Promise<void> {
  first = await loggedIn(engine, { TaskReporting, MaxConnections: '2' });
  ({ joined: second } = await joinSession(first, { cid: 1 }));
  await acknowledge(second);
  await acknowledge(first);
}

function acknowledge(connection: TestInitiator): Promise<TargetPdu[]> {
  return connection.send({ ...acknowledgement(connection), cmdSn: first.cmdSn });
}

/** Everything but pings. */
function sayings(pdus: readonly TargetPdu[]): string[] {
  return typesOf(pdus.filter((pdu) => pdu.type !== 'nop-in' || pdu.initiatorTaskTag !== 0xffffffff));
}

/** Pings: they have a tag to be answered with. */
function pings(pdus: readonly TargetPdu[]): number {
  return ofType(pdus, 'nop-in').filter(({ targetTransferTag }) => targetTransferTag !== 0xffffffff).length;
}

const abortTaskSet = () => taskManagement(first, { function: TaskManagementFunction.ABORT_TASK_SET });

describe.each(['RFC3720', 'ResponseFence', 'FastAbort'])(
  'the answer to a multi-task abort, with %s (RFC 7143 §4.2.2.3.3, §11.6.1)',
  (how) => {
    beforeEach(() => twoConnections(how));

    it('waits until every connection has acknowledged what was sent before, and asks for that by NOP-In', async () => {
      await second.send(first.read10(0, 1));
      const asked = await first.send(abortTaskSet());
      expect(sayings(asked)).toEqual([]);
      expect(pings(await second.settle())).toBe(1);
      expect(sayings(await first.settle())).toEqual([]);
      await acknowledge(second);
      expect(sayings(await first.settle())).toEqual(['task-management-response']);
    });

    it('goes at once where everything is acknowledged', async () => {
      expect(sayings(await first.send(abortTaskSet()))).toEqual(['task-management-response']);
    });

    it('holds later responses on all connections back until it is acknowledged itself', async () => {
      await first.send(abortTaskSet());
      expect(sayings(await second.send(first.read10(0, 1)))).toEqual([]);
      expect(sayings(await second.send(first.command(TEST_UNIT_READY)))).toEqual([]);
      expect(sayings(await first.send({ ...first.read10(1, 1), expStatSn: first.expStatSn - 1 }))).toEqual(
        [],
      );
      // What no task waits for goes on.
      expect(sayings(await second.send(nopOut(second, { cmdSn: first.cmdSn })))).toEqual(['nop-in']);
      expect(sayings(await acknowledge(first))).toEqual(['data-in']);
      expect(sayings(await second.settle()).sort()).toEqual(['data-in', 'scsi-response']);
    });

    it('does not wait for a connection that is lost', async () => {
      await second.send(first.read10(0, 1));
      await first.send(abortTaskSet());
      second.connection.disconnected();
      expect(sayings(await first.settle())).toContain('task-management-response');
    });

    it('does not wait for ever: a connection that acknowledges nothing is dropped', async () => {
      await second.send(first.read10(0, 1));
      await first.send(abortTaskSet());
      engine.tick(29_999);
      expect(second.transport.destroyed).toBe(false);
      engine.tick(30_000);
      expect([first.transport.destroyed, second.transport.destroyed]).toEqual([false, true]);
      expect(sayings(await first.settle())).toContain('task-management-response');
    });

    it('of two such requests the second waits for the first', async () => {
      const pdus = await first.send(abortTaskSet(), { ...abortTaskSet(), expStatSn: first.expStatSn });
      expect(sayings(pdus)).toEqual(['task-management-response']);
      expect(sayings(await acknowledge(first))).toEqual(['task-management-response']);
    });

    it('the connection that asked may be lost while it waits, and the others go on', async () => {
      await second.send(first.read10(0, 1));
      await first.send(abortTaskSet());
      first.connection.disconnected();
      await acknowledge(second);
      expect(sayings(await second.send(first.read10(0, 1)))).toContain('data-in');
    });
  },
);

it('the answer to CLEAR ACA is fenced as well (RFC 7143 §4.2.2.3.4 e)', async () => {
  await twoConnections('ResponseFence');
  await second.send(first.read10(0, 1));
  const clear = taskManagement(first, { function: TaskManagementFunction.CLEAR_ACA });
  expect(sayings(await first.send(clear))).toEqual([]);
  await second.settle();
  await acknowledge(second);
  expect(sayings(await first.settle())).toEqual(['task-management-response']);
});

it('a command whose header lets the answer to a nexus reset go begins nothing, and takes no buffer', async () => {
  const acquired = vi.spyOn(BufferPool.prototype, 'acquire');
  const released = vi.spyOn(BufferPool.prototype, 'release');
  const keys = { TaskReporting: 'ResponseFence', MaxConnections: '2', iSCSIProtocolLevel: '2' };
  first = await loggedIn(engine, keys);
  ({ joined: second } = await joinSession(first, { cid: 1 }));
  await acknowledge(first);
  await second.send(first.read10(0, 1));
  await first.send(taskManagement(first, { function: TaskManagementFunction.I_T_NEXUS_RESET }));
  expect(engine.sessions).toHaveLength(1);
  const write = first.write10(0, 2, { expStatSn: second.expStatSn });
  await second.send({ ...write, data: new Uint8Array(512) });
  expect(engine.sessions).toHaveLength(0);
  expect(acquired.mock.calls.length).toBe(released.mock.calls.length);
  vi.restoreAllMocks();
});

it('on a single connection nothing waits (RFC 7143 §4.2.2.3.3 a)', async () => {
  first = new TestInitiator(engine);
  await first.login({ keys: { TaskReporting: 'ResponseFence', MaxConnections: '2' } });
  await first.send(first.read10(0, 1));
  const request = { ...abortTaskSet(), expStatSn: 0 };
  const read = { ...first.read10(0, 1), expStatSn: 0 };
  expect(sayings(await first.send(request, read))).toEqual(['task-management-response', 'data-in']);
});

describe('fenced status of commands (RFC 7143 §4.2.2.3.4)', () => {
  it.each([
    ['a unit attention', 'ResponseFence', TEST_UNIT_READY, UNIT_ATTENTION, true],
    ['a unit attention', 'FastAbort', TEST_UNIT_READY, UNIT_ATTENTION, true],
    ['a unit attention', 'RFC3720', TEST_UNIT_READY, UNIT_ATTENTION, false],
    ['PREEMPT AND ABORT', 'ResponseFence', PREEMPT_AND_ABORT, GOOD, true],
    ['PREEMPT AND ABORT', 'RFC3720', PREEMPT_AND_ABORT, GOOD, false],
    ['another error', 'ResponseFence', TEST_UNIT_READY, MEDIUM_ERROR, false],
    ['an error that establishes an ACA condition', 'ResponseFence', TEST_WITH_NACA, MEDIUM_ERROR, true],
    ['an error that establishes an ACA condition', 'RFC3720', TEST_WITH_NACA, MEDIUM_ERROR, false],
    ['ACA ACTIVE', 'ResponseFence', TEST_UNIT_READY, ACA_ACTIVE, true],
    ['ACA ACTIVE', 'RFC3720', TEST_UNIT_READY, ACA_ACTIVE, false],
    ['another reservation command', 'ResponseFence', [0x5f, 0x04], GOOD, false],
  ])('%s, with %s', async (_what, how, cdb, finished, fenced) => {
    await twoConnections(how);
    scsi.override = (command) => (command.cdb[0] === cdb[0] ? finished : undefined);
    await second.send(first.read10(0, 1));
    const pdus = await first.send(first.command(cdb));
    expect(sayings(pdus)).toEqual(fenced ? [] : ['scsi-response']);
    if (!fenced) return;
    await second.settle();
    await acknowledge(second);
    expect(sayings(await first.settle())).toEqual(['scsi-response']);
    expect(sayings(await second.send(first.read10(0, 1)))).toEqual([]);
    await acknowledge(first);
    expect(sayings(await second.settle())).toEqual(['data-in']);
  });

  it('a command that waits behind a fence can be aborted, and the answer waits too', async () => {
    await twoConnections('ResponseFence');
    await second.send(first.read10(0, 1));
    await first.send(abortTaskSet());
    const waiting = first.command(TEST_UNIT_READY);
    await second.send(waiting);
    const abort = taskManagement(second, {
      referencedTaskTag: waiting.initiatorTaskTag,
      refCmdSn: waiting.cmdSn,
      initiatorTaskTag: first.newTag(),
      cmdSn: first.cmdSn,
    });
    expect(sayings(await second.send(abort))).toEqual([]);
    await acknowledge(second);
    await first.settle();
    await acknowledge(first);
    expect(sayings(await second.settle())).toEqual(['task-management-response']);
    expect(engine.sessions[0]!.tasks).toBe(0);
  });
});
