import { AsyncEvent, NO_TTT, RESERVED_TAG, TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { encodeLun } from '@lunbox/scsi';
import { describe, expect, it } from 'vitest';
import type { ScsiRequest, SessionOptions } from '../../src/index.ts';
import { ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(10);
const EMPTY = new Uint8Array(0);
const ABORTED = { code: 'INITIATOR_ABORTED' };
const TERMINATED = { code: 'INITIATOR_TASK_TERMINATED' };

/** Writes wait for R2Ts. */
const FAST = { taskReporting: 'FastAbort', initialR2t: true, immediateData: false } as const;
const STANDARD = { ...FAST, taskReporting: 'ResponseFence' } as const;

/** A session with FastAbort whose target says nothing to commands and functions. */
async function open(options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  target.command = () => undefined;
  const session = await target.open({ negotiation: FAST, ...options });
  await settle();
  const start = (request: Partial<ScsiRequest> = {}) => {
    const outcome = session.command({ lun: 0, cdb: CDB, ...request });
    return outcome.catch((error: unknown) => error);
  };
  return { target, session, connection: target.connections[0]!, start };
}

const write = (lun = 0): Partial<ScsiRequest> => ({ lun, write: [new Uint8Array(8)] });

/** The target ends the commands of a unit; it has received those before `expCmdSn`. */
function terminate(connection: ScriptedConnection, lun = 0, expCmdSn?: number): number {
  const numbers = connection.numbers();
  const event = { asyncEvent: AsyncEvent.TASK_TERMINATION, asyncVCode: 0 };
  const parameters = { parameter1: 0, parameter2: 0, parameter3: 0, data: EMPTY };
  const told = expCmdSn === undefined ? numbers : { ...numbers, expCmdSn };
  connection.say({ type: 'async-message', lun: encodeLun(lun), ...event, ...parameters, ...told });
  return numbers.statSn;
}

const acknowledgements = (connection: ScriptedConnection) =>
  connection.sent('nop-out').filter(({ initiatorTaskTag }) => initiatorTaskTag === RESERVED_TAG);

const MULTI_TASK = [
  'ABORT_TASK_SET',
  'CLEAR_TASK_SET',
  'LOGICAL_UNIT_RESET',
  'TARGET_WARM_RESET',
  'TARGET_COLD_RESET',
] as const;

describe('FastAbort: functions of ours (RFC 7143 §4.2.3.4)', () => {
  it.each(MULTI_TASK)('once %s is sent, no Data-Out follows for its commands', async (name) => {
    const { session, connection, start } = await open();
    const ended = start(write());
    await settle();
    const [command] = connection.sent('scsi-command');
    const managed = session.manage({ function: TaskManagementFunction[name], lun: 0 });
    await settle();
    connection.r2t(command!, 5, 0, 0, 8);
    await settle();
    expect(connection.sent('data-out')).toEqual([]);
    connection.managed(connection.sent('task-management-request')[0]!);
    await managed;
    expect(await ended).toMatchObject(ABORTED);
    expect(connection.sent('data-out')).toEqual([]);
  });

  it('without FastAbort R2Ts are answered meanwhile (§4.2.3.3 a)', async () => {
    const { session, connection, start } = await open({ negotiation: STANDARD });
    void start(write());
    await settle();
    session.resetUnit(0).catch(() => undefined);
    await settle();
    connection.r2t(connection.sent('scsi-command')[0]!, 5, 0, 0, 8);
    await settle();
    expect(connection.sent('data-out')).toMatchObject([{ targetTransferTag: 5, final: true }]);
  });

  it('commands of other units, and those that come after the request, get their data', async () => {
    const { session, connection, start } = await open();
    void start(write(1));
    await settle();
    const managed = session.resetUnit(0);
    await settle();
    const later = start(write());
    await settle();
    const [other, after] = connection.sent('scsi-command');
    connection.r2t(other!, 5, 0, 0, 8);
    connection.r2t(after!, 6, 0, 0, 8);
    await settle();
    expect(connection.sent('data-out').map(({ targetTransferTag }) => targetTransferTag)).toEqual([5, 6]);
    connection.managed(connection.sent('task-management-request')[0]!);
    await managed;
    connection.respond(after!);
    expect(await later).toMatchObject({ status: 0 });
  });

  it('responses count until the answer, which ends the rest; what comes later is thrown away', async () => {
    const { session, connection, start } = await open();
    const [faster, ended] = [start(), start()];
    await settle();
    const [first, second] = connection.sent('scsi-command');
    const managed = session.resetUnit(0);
    await settle();
    connection.respond(first!);
    expect(await faster).toMatchObject({ status: 0 });
    connection.managed(connection.sent('task-management-request')[0]!);
    await managed;
    expect(await ended).toMatchObject(ABORTED);
    connection.respond(second!);
    await session.ping();
    expect(session.state).toBe('ready');
  });

  it('a function that is refused has ended nothing: the data that was held back goes out', async () => {
    const { session, connection, start } = await open();
    const outcome = start(write());
    await settle();
    const [command] = connection.sent('scsi-command');
    const managed = session.resetUnit(0).catch((error: unknown) => error);
    await settle();
    connection.r2t(command!, 5, 0, 0, 8);
    connection.managed(connection.sent('task-management-request')[0]!, 5);
    expect(await managed).toMatchObject({ code: 'INITIATOR_TASK_MANAGEMENT' });
    await settle();
    expect(connection.sent('data-out')).toMatchObject([{ targetTransferTag: 5, bufferOffset: 0 }]);
    connection.respond(command!);
    expect(await outcome).toMatchObject({ status: 0 });
  });

  it('a command that never arrived is sent again meanwhile, but without its unsolicited Data-Out', async () => {
    const negotiation = { taskReporting: 'FastAbort', initialR2t: false, immediateData: false } as const;
    const { target, session, connection, start } = await open({ negotiation, errorRecoveryLevel: 1 });
    target.expCmdSn = 1;
    const ended = start(write());
    await settle();
    expect(connection.sent('data-out')).toHaveLength(1);
    const managed = session.resetUnit(0);
    await target.pass(1000);
    const sent = connection.sent('scsi-command');
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent.map(({ cmdSn }) => cmdSn)).size).toBe(1);
    expect(connection.sent('data-out')).toHaveLength(1);
    target.expCmdSn = 2;
    connection.managed(connection.sent('task-management-request')[0]!);
    await managed;
    expect(await ended).toMatchObject(ABORTED);
  });

  it('R2Ts without end for a command that is being ended break the connection', async () => {
    const { session, connection, start } = await open({ reconnect: { timeoutMs: 0 } });
    const ended = start(write());
    await settle();
    session.resetUnit(0).catch(() => undefined);
    await settle();
    const [command] = connection.sent('scsi-command');
    for (let r2tSn = 0; r2tSn <= 1024; r2tSn++) connection.r2t(command!, 5, r2tSn, 0, 8);
    expect(await ended).toMatchObject({ code: 'INITIATOR_PROTOCOL' });
  });
});

describe('Task Termination (RFC 7143 §11.9.1, AsyncEvent 5)', () => {
  it('is acknowledged by a NOP-Out without a tag, with its LUN, after which no Data-Out follows', async () => {
    const { connection, start } = await open();
    void start(write(3));
    await settle();
    const [command] = connection.sent('scsi-command');
    connection.r2t(command!, 4, 0, 0, 4);
    const statSn = terminate(connection, 3);
    connection.r2t(command!, 5, 1, 4, 4);
    await settle();
    const lun = encodeLun(3);
    expect(acknowledgements(connection)).toMatchObject([
      { initiatorTaskTag: RESERVED_TAG, targetTransferTag: NO_TTT, lun, expStatSn: statSn + 1 },
    ]);
    const sent = connection.received.map(({ type }) => type);
    expect(sent.lastIndexOf('data-out')).toBeLessThan(sent.lastIndexOf('nop-out'));
    expect(connection.sent('data-out')).toMatchObject([{ targetTransferTag: 4 }]);
  });

  it('each one is acknowledged, on the connection that it came by', async () => {
    const { target, session } = await open({ connections: 2 });
    for (const connection of target.connections) for (const lun of [1, 2]) terminate(connection, lun);
    await settle();
    for (const connection of target.connections) {
      expect(acknowledgements(connection).map(({ lun }) => lun[1])).toEqual([1, 2]);
    }
    expect(session.state).toBe('ready');
  });

  it('is not acknowledged before the statuses before it are there', async () => {
    const { target, connection, start } = await open({ errorRecoveryLevel: 1 });
    const first = start();
    await settle();
    const [command] = connection.sent('scsi-command');
    const { statSn } = connection.numbers();
    const lost = connection.statSn;
    terminate(connection, 7);
    await settle();
    expect(acknowledgements(connection)).toEqual([]);
    connection.respond(command!, 0, EMPTY, { statSn });
    expect(await first).toMatchObject({ status: 0 });
    await target.pass(1500);
    expect(connection.sent('snack').at(-1)).toMatchObject({ begRun: lost, runLength: 1 });
    connection.statSn = lost;
    terminate(connection, 7);
    await settle();
    expect(acknowledgements(connection)).toMatchObject([{ expStatSn: lost + 1 }]);
  });

  it('is none of our business where FastAbort was not agreed on', async () => {
    const { connection, session, start } = await open({ negotiation: STANDARD });
    const outcome = start(write());
    await settle();
    terminate(connection);
    const [command] = connection.sent('scsi-command');
    connection.r2t(command!, 5, 0, 0, 8);
    await settle();
    expect(acknowledgements(connection)).toEqual([]);
    expect(connection.sent('data-out')).toHaveLength(1);
    connection.respond(command!);
    expect(await outcome).toMatchObject({ status: 0 });
    expect(session.state).toBe('ready');
  });

  it('for a function of ours stops Data-Out on other connections too; the answer ends the commands', async () => {
    const { target, session, start } = await open({ connections: 2 });
    const outcomes = [start(write()), start(write())];
    await settle();
    const managed = session.resetUnit(0);
    await settle();
    const [asked, other] = [...target.connections].sort(
      (a, b) => b.sent('task-management-request').length - a.sent('task-management-request').length,
    ) as [ScriptedConnection, ScriptedConnection];
    terminate(other);
    other.r2t(other.sent('scsi-command')[0]!, 5, 0, 0, 8);
    await settle();
    expect(other.sent('data-out')).toEqual([]);
    expect(acknowledgements(other)).toHaveLength(1);
    asked.managed(asked.sent('task-management-request')[0]!);
    await managed;
    for (const outcome of outcomes) expect(await outcome).toMatchObject(ABORTED);
    const functions = target.connections.flatMap((each) => each.sent('task-management-request'));
    expect(functions).toHaveLength(1);
  });
});

describe('FastAbort: functions of other sessions (RFC 7143 §4.2.3.5)', () => {
  it('commands that they end are seen to their end by ABORT TASK, and say why', async () => {
    const { connection, start, session } = await open();
    const [ended, other] = [start(write()), start(write(1))];
    await settle();
    terminate(connection);
    await settle();
    const requests = connection.sent('task-management-request');
    const [command] = connection.sent('scsi-command');
    expect(requests).toMatchObject([
      {
        function: TaskManagementFunction.ABORT_TASK,
        referencedTaskTag: command!.initiatorTaskTag,
        refCmdSn: command!.cmdSn,
      },
    ]);
    // "Task does not exist".
    connection.managed(requests[0]!, 1);
    expect(await ended).toMatchObject(TERMINATED);
    connection.respond(connection.sent('scsi-command')[1]!);
    expect(await other).toMatchObject({ status: 0 });
    expect(session.state).toBe('ready');
  });

  it('a status that was faster counts', async () => {
    const { connection, start } = await open();
    const outcome = start();
    await settle();
    terminate(connection);
    await settle();
    connection.respond(connection.sent('scsi-command')[0]!, 0x40);
    connection.managed(connection.sent('task-management-request')[0]!, 1);
    expect(await outcome).toMatchObject({ status: 0x40 });
  });

  it('idempotent commands are sent again, others are not', async () => {
    const { connection, start } = await open();
    const again = start({ idempotent: true });
    await settle();
    terminate(connection);
    await settle();
    connection.managed(connection.sent('task-management-request')[0]!, 0);
    await settle();
    const sent = connection.sent('scsi-command');
    expect(sent).toHaveLength(2);
    connection.respond(sent[1]!);
    expect(await again).toMatchObject({ status: 0 });
  });

  it('but for those whose caller has given them up meanwhile', async () => {
    const { connection, start } = await open();
    const controller = new AbortController();
    const outcome = start({ idempotent: true, signal: controller.signal });
    await settle();
    terminate(connection);
    controller.abort();
    await settle();
    const requests = connection.sent('task-management-request');
    expect(requests).toHaveLength(1);
    connection.managed(requests[0]!, 0);
    expect(await outcome).toMatchObject(ABORTED);
    expect(connection.sent('scsi-command')).toHaveLength(1);
  });

  it('a command that the target had not received then is not touched', async () => {
    const { connection, start } = await open();
    const outcome = start(write());
    await settle();
    const [command] = connection.sent('scsi-command');
    terminate(connection, 0, command!.cmdSn);
    connection.r2t(command!, 5, 0, 0, 8);
    await settle();
    expect(connection.sent('task-management-request')).toEqual([]);
    expect(acknowledgements(connection)).toHaveLength(1);
    expect(connection.sent('data-out')).toHaveLength(1);
    connection.respond(command!);
    expect(await outcome).toMatchObject({ status: 0 });
  });
});
