import {
  AsyncEvent,
  LoginStatus,
  LogoutReason,
  TaskManagementFunction,
  TaskManagementResult,
  type ScsiCommandPdu,
} from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../../src/index.ts';
import { agreement, ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index + 1);

/** A session of ErrorRecoveryLevel 2 with a target that answers no command by itself, and reassigns everything. */
async function level2(options: Partial<SessionOptions> = {}, times: Record<string, string> = {}) {
  const target = new ScriptedTarget();
  const { login } = target;
  target.login = (keys, count, portal) =>
    keys['ErrorRecoveryLevel'] === undefined
      ? login(keys, count, portal)
      : { keys: { ...agreement(keys), ...times } };
  target.command = () => undefined;
  target.manage = (connection, pdu) => connection.managed(pdu);
  const session = await target.open({ errorRecoveryLevel: 2, ...options });
  await settle();
  const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
  return { target, session, first, second };
}

const reassignments = (connection: ScriptedConnection) =>
  connection
    .sent('task-management-request')
    .filter((pdu) => pdu.function === TaskManagementFunction.TASK_REASSIGN);

/** The command that a connection got, and its parts by which data goes. */
const only = (connection: ScriptedConnection): ScsiCommandPdu => connection.sent('scsi-command')[0]!;

describe('connection recovery by another connection (RFC 7143 §7.1.4.3, §7.2.2)', () => {
  it('logs the lost one out for recovery, reassigns its commands and makes another', async () => {
    const { target, session, first, second } = await level2({ connections: 2 });
    const into = new Uint8Array(12);
    const other = session.command({ lun: 0, cdb: CDB });
    const read = session.command({ lun: 1, cdb: CDB, read: [into] });
    await settle();
    const pdu = only(second);
    second.dataIn(pdu, { bufferOffset: 0, dataSn: 0, final: false }, bytes(12).subarray(0, 4));
    second.cut('reset');
    await target.pass(50);
    expect(first.sent('logout-request')).toMatchObject([
      { reason: LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY, cid: 1, expStatSn: second.statSn },
    ]);
    expect(reassignments(first)).toMatchObject([
      {
        immediate: true,
        referencedTaskTag: pdu.initiatorTaskTag,
        refCmdSn: 0,
        lun: NO_LUN,
        expDataSn: 1,
      },
    ]);
    first.dataIn(pdu, { bufferOffset: 4, dataSn: 1, final: true, hasStatus: false }, bytes(12).subarray(4));
    first.respond(pdu, 0, EMPTY, { expDataSn: 2 });
    first.respond(only(first));
    await expect(read).resolves.toMatchObject({ status: 0, receivedBytes: 12 });
    await other;
    expect(into).toEqual(bytes(12));
    expect(first.sent('scsi-command')).toHaveLength(1);
    expect(session.connections.map(({ cid }) => cid)).toEqual([0, 2]);
    expect(session.state).toBe('ready');
  });

  it('asks for data from the first on that is missing, and takes what came after that again', async () => {
    const { target, session, first, second } = await level2({ connections: 2 });
    const into = new Uint8Array(12);
    session.command({ lun: 0, cdb: CDB }).catch(() => undefined);
    const read = session.command({ lun: 1, cdb: CDB, read: [into] });
    await settle();
    const pdu = only(second);
    const piece = (on: ScriptedConnection, dataSn: number) => {
      const place = { bufferOffset: 4 * dataSn, dataSn, final: dataSn === 2, hasStatus: false };
      on.dataIn(pdu, place, bytes(12).subarray(4 * dataSn, 4 * dataSn + 4));
    };
    piece(second, 0);
    piece(second, 2);
    second.respond(pdu, 0, EMPTY, { expDataSn: 3 });
    second.cut('reset');
    await target.pass(50);
    expect(reassignments(first)).toMatchObject([{ expDataSn: 1 }]);
    for (const dataSn of [1, 2]) piece(first, dataSn);
    first.respond(pdu, 0, EMPTY, { expDataSn: 3 });
    await expect(read).resolves.toMatchObject({ receivedBytes: 12 });
    expect(into).toEqual(bytes(12));
  });

  it('goes on with a write: R2Ts are numbered on, and data goes by the new connection', async () => {
    const negotiation = { initialR2t: true, immediateData: false };
    const { target, session, first, second } = await level2({ connections: 2, negotiation });
    session.command({ lun: 0, cdb: CDB }).catch(() => undefined);
    const write = session.command({ lun: 1, cdb: CDB, write: [bytes(8)] });
    await settle();
    const pdu = only(second);
    second.r2t(pdu, 30, 0, 0, 8);
    second.cut('reset');
    await target.pass(50);
    expect(reassignments(first)).toMatchObject([{ expDataSn: 1 }]);
    first.r2t(pdu, 40, 1, 0, 8);
    await settle();
    expect(first.sent('data-out')).toMatchObject([{ targetTransferTag: 40, data: bytes(8), dataSn: 0 }]);
    first.respond(pdu);
    await expect(write).resolves.toMatchObject({ status: 0 });
  });

  it('sends a command again that the target has never received, and reassigns the others', async () => {
    const { target, session, first, second } = await level2({ connections: 2 });
    const all = [0, 1, 2, 3].map((lun) => session.command({ lun, cdb: CDB }));
    await settle();
    const [received, missing] = second.sent('scsi-command');
    target.expCmdSn = missing!.cmdSn;
    await session.ping();
    second.cut('reset');
    await target.pass(50);
    expect(reassignments(first)).toMatchObject([{ referencedTaskTag: received!.initiatorTaskTag }]);
    expect(first.sent('scsi-command').at(-1)).toMatchObject({
      cmdSn: missing!.cmdSn,
      initiatorTaskTag: missing!.initiatorTaskTag,
    });
    target.expCmdSn = undefined;
    for (const pdu of [...first.sent('scsi-command'), received!]) first.respond(pdu);
    await Promise.all(all);
  });

  it('is tried by the next connection when the first breaks as well', async () => {
    const { target, session, first, second } = await level2({ connections: 3 });
    const [, , third] = target.connections as [ScriptedConnection, ScriptedConnection, ScriptedConnection];
    const all = [0, 1, 2].map((lun) => session.command({ lun, cdb: CDB }));
    await settle();
    const { answer } = target;
    target.answer = (connection, pdu) => {
      if (connection === first && pdu.type === 'logout-request') connection.cut('reset');
      else answer.call(target, connection, pdu);
    };
    second.cut('reset');
    await target.pass(100);
    expect(third.sent('logout-request').map(({ cid }) => cid)).toEqual([1, 0]);
    expect(reassignments(third).map(({ referencedTaskTag }) => referencedTaskTag)).toEqual([
      only(second).initiatorTaskTag,
      only(first).initiatorTaskTag,
    ]);
    for (const connection of [first, second, third]) third.respond(only(connection));
    await Promise.all(all);
  });

  it('fails a command that the target does not reassign, and tries an idempotent one again', async () => {
    const { target, session, second } = await level2({ connections: 2 });
    const outcome = (idempotent: boolean) =>
      session.command({ lun: 1, cdb: CDB, idempotent }).catch((error: unknown) => error);
    const all = [outcome(false), outcome(false), outcome(false), outcome(true)];
    await settle();
    target.manage = (connection, pdu) => connection.managed(pdu, TaskManagementResult.TASK_DOES_NOT_EXIST);
    await session.ping();
    second.cut('reset');
    await target.pass(50);
    expect(second.sent('scsi-command').map(({ cmdSn }) => cmdSn)).toEqual([2, 4]);
    for (const connection of target.connections.filter(({ ended }) => !ended)) {
      for (const pdu of connection.sent('scsi-command')) connection.respond(pdu);
    }
    const outcomes = await Promise.all(all);
    expect(outcomes).toMatchObject([
      { status: 0 },
      { code: 'INITIATOR_CONNECTION_LOST' },
      { status: 0 },
      { status: 0 },
    ]);
  });

  it('aborts a command afterwards that was given up meanwhile', async () => {
    const { target, session, first, second } = await level2({ connections: 2 });
    session.command({ lun: 0, cdb: CDB }).catch(() => undefined);
    const abort = new AbortController();
    const given = session.command({ lun: 1, cdb: CDB, signal: abort.signal });
    const refused = expect(given).rejects.toMatchObject({ code: 'INITIATOR_ABORTED' });
    await settle();
    const pdu = only(second);
    await session.ping();
    second.cut('reset');
    abort.abort();
    await target.pass(50);
    const { TASK_REASSIGN, ABORT_TASK } = TaskManagementFunction;
    expect(first.sent('task-management-request')).toMatchObject([
      { function: TASK_REASSIGN, referencedTaskTag: pdu.initiatorTaskTag },
      { function: ABORT_TASK, referencedTaskTag: pdu.initiatorTaskTag, refCmdSn: pdu.cmdSn },
    ]);
    await refused;
  });

  it('begins when the target says that it has dropped a connection, and not before its time', async () => {
    const { target, session, first, second } = await level2({ connections: 2 });
    const all = [0, 1].map((lun) => session.command({ lun, cdb: CDB }));
    await settle();
    const parameters = { asyncVCode: 0, parameter1: 1, parameter2: 3, parameter3: 10 };
    const event = { asyncEvent: AsyncEvent.CONNECTION_DROP, lun: NO_LUN, data: EMPTY, ...parameters };
    first.say({ type: 'async-message', ...event, ...first.numbers() });
    expect(second.ended).toBe(true);
    await target.pass(2900);
    expect(first.sent('logout-request')).toEqual([]);
    await target.pass(200);
    expect(reassignments(first)).toHaveLength(1);
    for (const connection of [first, second]) first.respond(only(connection));
    await Promise.all(all);
  });
});

describe('connection recovery by a login with the CID (RFC 7143 §6.3.4)', () => {
  it('goes on with the session and its commands, though it was the only connection', async () => {
    const { target, session, first } = await level2();
    const into = new Uint8Array(8);
    const read = session.command({ lun: 0, cdb: CDB, read: [into] });
    await settle();
    const pdu = only(first);
    first.dataIn(pdu, { bufferOffset: 0, dataSn: 0, final: false }, bytes(8).subarray(0, 4));
    const states = [session.state];
    first.cut('reset');
    states.push(session.state);
    const later = session.command({ lun: 1, cdb: CDB });
    await target.pass(50);
    states.push(session.state);
    expect(states).toEqual(['ready', 'reconnecting', 'ready']);
    const { connection } = target;
    expect(connection.sent('login-request')[0]).toMatchObject({ tsih: 1, cid: 0 });
    expect(reassignments(connection)).toMatchObject([
      { referencedTaskTag: pdu.initiatorTaskTag, expDataSn: 1 },
    ]);
    expect(connection.sent('logout-request')).toEqual([]);
    connection.dataIn(
      pdu,
      { bufferOffset: 4, dataSn: 1, final: true, hasStatus: false },
      bytes(8).subarray(4),
    );
    connection.respond(pdu, 0, EMPTY, { expDataSn: 2 });
    await expect(read).resolves.toMatchObject({ receivedBytes: 8 });
    expect(into).toEqual(bytes(8));
    expect(only(connection)).toMatchObject({ cmdSn: 2 });
    connection.respond(only(connection));
    await later;
  });

  it('is not needed where another connection has logged in meanwhile: commands go on by that one', async () => {
    const { target, session, first } = await level2({ maxConnections: 2 });
    const adding = session.addConnection();
    while (target.connections.length === 1) await Promise.resolve();
    first.cut('reset');
    expect(session.state).toBe('reconnecting');
    await expect(adding).resolves.toBe(1);
    expect(session.state).toBe('ready');
    const command = session.command({ lun: 0, cdb: CDB });
    await settle();
    const [, joined] = target.connections as [ScriptedConnection, ScriptedConnection];
    joined.respond(only(joined));
    await command;
  });

  it('waits for Time2Wait, and tries until Time2Retain is over', async () => {
    const { target, session, first } = await level2({}, { DefaultTime2Wait: '2', DefaultTime2Retain: '5' });
    const outcome = session.command({ lun: 0, cdb: CDB }).catch((error: unknown) => error);
    await settle();
    await session.ping();
    target.reachable = false;
    first.cut('reset');
    await target.pass(1900);
    expect(target.connections).toHaveLength(1);
    await target.pass(2000);
    expect(target.connections.length).toBeGreaterThan(2);
    await target.pass(3300);
    expect(await outcome).toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    target.reachable = true;
    await target.pass(5000);
    expect(target.connection.sent('login-request')[0]).toMatchObject({ tsih: 0 });
    expect(session.state).toBe('ready');
  });

  it('gives way to a new session when the target does not know the old one', async () => {
    const { target, session, first } = await level2();
    const idempotent = session.command({ lun: 0, cdb: CDB, idempotent: true });
    const outcome = session.command({ lun: 1, cdb: CDB }).catch((error: unknown) => error);
    await settle();
    await session.ping();
    const { login } = target;
    target.login = (keys, count, portal) =>
      target.connections.length === 2
        ? { status: LoginStatus.SESSION_DOES_NOT_EXIST }
        : login(keys, count, portal);
    target.command = (connection, pdu) => connection.respond(pdu);
    first.cut('reset');
    await target.pass(500);
    expect(await outcome).toMatchObject({
      code: 'INITIATOR_CONNECTION_LOST',
      cause: { code: 'INITIATOR_LOGIN_REFUSED' },
    });
    await expect(idempotent).resolves.toMatchObject({ status: 0 });
    expect(target.connection.sent('login-request')[0]).toMatchObject({ tsih: 0 });
    expect(session.state).toBe('ready');
  });

  it('takes every connection of a session back that has lost all', async () => {
    const { target, session, first, second } = await level2({ connections: 2 });
    const all = [0, 1].map((lun) => session.command({ lun, cdb: CDB }));
    await settle();
    await session.ping();
    first.cut('reset');
    second.cut('reset');
    await target.pass(100);
    const third = target.connections[2]!;
    expect(third.sent('login-request')[0]).toMatchObject({ tsih: 1, cid: 0 });
    expect(third.sent('logout-request')).toMatchObject([
      { reason: LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY, cid: 1 },
    ]);
    expect(reassignments(third)).toHaveLength(2);
    for (const connection of [first, second]) third.respond(only(connection));
    await Promise.all(all);
    expect(session.connections).toHaveLength(2);
  });

  it('happens again when the new connection breaks before it is done', async () => {
    const { target, session, first } = await level2();
    const command = session.command({ lun: 0, cdb: CDB });
    await settle();
    await session.ping();
    target.manage = (connection, pdu) => {
      if (target.connections.length === 2) connection.cut('reset');
      else connection.managed(pdu);
    };
    first.cut('reset');
    await target.pass(100);
    expect(target.connections).toHaveLength(3);
    expect(reassignments(target.connection)).toHaveLength(1);
    target.connection.respond(only(first));
    await expect(command).resolves.toMatchObject({ status: 0 });
  });

  it('is not waited for by a session that is closed', async () => {
    const { target, session, first } = await level2();
    const command = session.command({ lun: 0, cdb: CDB });
    const refused = expect(command).rejects.toMatchObject({ code: 'INITIATOR_CLOSED' });
    await settle();
    target.reachable = false;
    first.cut('reset');
    await session.close();
    await refused;
    expect(target.clock.pendingTimers).toBe(0);
  });

  it('is not tried where the target retains nothing', async () => {
    const { target, session, first } = await level2({}, { DefaultTime2Retain: '0' });
    const outcome = session.command({ lun: 0, cdb: CDB }).catch((error: unknown) => error);
    await settle();
    first.cut('reset');
    await target.pass(300);
    expect(await outcome).toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    expect(target.connection.sent('login-request')[0]).toMatchObject({ tsih: 0 });
  });
});
