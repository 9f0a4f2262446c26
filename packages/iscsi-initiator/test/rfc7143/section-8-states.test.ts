import { AsyncEvent, LoginStatus, LogoutReason, TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../../src/index.ts';
import { ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

async function opened(options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  target.command = () => undefined;
  const session = await target.open(options);
  await settle();
  return { target, session, connection: target.connections[0]! };
}

function announce(connection: ScriptedConnection, asyncEvent: number, parameters: object = {}): void {
  const none = { asyncVCode: 0, parameter1: 0, parameter2: 0, parameter3: 0 };
  const event = { asyncEvent, lun: NO_LUN, data: EMPTY, ...none, ...parameters };
  connection.say({ type: 'async-message', ...event, ...connection.numbers() });
}

describe('a connection of an initiator (RFC 7143 §8.1.3)', () => {
  it('T1, T4, T5: it is dialled, then logs in, and is logged in with the final response', async () => {
    const target = new ScriptedTarget();
    const session = target.session();
    const opening = session.open();
    expect(target.connections).toHaveLength(1);
    expect(target.connection.received).toEqual([]);
    expect(session.state).toBe('connecting');
    await opening;
    expect(target.connection.received.every(({ type }) => type === 'login-request')).toBe(true);
    expect(session.state).toBe('ready');
  });

  it('T2: a connection that cannot be had is free again', async () => {
    const target = new ScriptedTarget();
    target.reachable = false;
    const session = target.session();
    await expect(session.open()).rejects.toMatchObject({ code: 'INITIATOR_UNREACHABLE' });
    expect(target.connection.received).toEqual([]);
    expect(target.clock.pendingTimers).toBe(0);
  });

  it.each<[string, (target: ScriptedTarget) => void]>([
    ['a status other than success', (target) => (target.login = () => ({ status: LoginStatus.NOT_FOUND }))],
    ['the end of the transport', (target) => (target.answer = (connection) => connection.cut('reset'))],
    ['a time-out', (target) => (target.answer = () => undefined)],
  ])('T7: %s during the login frees it', async (_event, script) => {
    const target = new ScriptedTarget();
    script(target);
    const session = target.session({ loginTimeoutMs: 1000 });
    const failed = expect(session.open()).rejects.toThrow();
    await target.pass(1100);
    await failed;
    expect(target.connection.ended).toBe(true);
    expect(session.state).toBe('failed');
  });

  it('T8: the logout of the session frees its other connections', async () => {
    const { target, session } = await opened({ connections: 3 });
    await session.close();
    expect(target.connections.flatMap((one) => one.sent('logout-request'))).toHaveLength(1);
    expect(target.connections.map(({ ended }) => ended)).toEqual([true, true, true]);
  });

  it('T9, T13: it is logged out when the session closes, and free when that is answered', async () => {
    const { session, connection } = await opened();
    await session.close();
    expect(connection.sent('logout-request')).toMatchObject([{ reason: LogoutReason.CLOSE_SESSION }]);
    expect(connection.ended).toBe(true);
  });

  it('T11, T12, T10: asked for a logout, and asked again, it takes no more commands, and logs out once', async () => {
    const { target, session, connection } = await opened();
    session.command({ lun: 0, cdb: CDB }).catch(() => undefined);
    await settle();
    announce(connection, AsyncEvent.LOGOUT_REQUEST, { parameter3: 30 });
    announce(connection, AsyncEvent.LOGOUT_REQUEST, { parameter3: 30 });
    session.command({ lun: 1, cdb: CDB }).catch(() => undefined);
    await settle();
    expect(connection.sent('scsi-command')).toHaveLength(1);
    connection.respond(connection.sent('scsi-command')[0]!);
    await target.pass(100);
    expect(connection.sent('logout-request')).toHaveLength(1);
    expect(connection.ended).toBe(true);
  });

  it('T14: asked for a logout while it logs out, it does not begin anew', async () => {
    const { target, session, connection } = await opened();
    const { answer } = target;
    target.answer = (on, pdu) => {
      if (pdu.type === 'logout-request') announce(on, AsyncEvent.LOGOUT_REQUEST, { parameter3: 30 });
      answer.call(target, on, pdu);
    };
    await session.close();
    expect(connection.sent('logout-request')).toHaveLength(1);
    expect(session.state).toBe('closed');
  });

  it.each<[string, string, (connection: ScriptedConnection) => void]>([
    ['T15', 'the end of the transport', (connection) => connection.cut('reset')],
    ['T15', '"drop connection"', (connection) => announce(connection, AsyncEvent.CONNECTION_DROP)],
    ['T15', '"drop all connections"', (connection) => announce(connection, AsyncEvent.SESSION_DROP)],
    [
      'T16',
      'after a logout was asked for, the end of the transport',
      (connection) => {
        announce(connection, AsyncEvent.LOGOUT_REQUEST, { parameter3: 30 });
        connection.cut('reset');
      },
    ],
  ])('%s: %s has it cleaned up, and made anew', async (_name, _event, happens) => {
    const { target, session, connection } = await opened();
    const lost = expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject({
      code: 'INITIATOR_CONNECTION_LOST',
    });
    await settle();
    happens(connection);
    await lost;
    await target.pass(1000);
    expect(connection.ended).toBe(true);
    expect(target.connections.length).toBeGreaterThan(1);
    expect(session.state).toBe('ready');
  });

  it.each<[string, (target: ScriptedTarget) => void]>([
    ['is refused', (target) => (target.logoutResponse = 3)],
    ['is not answered', (target) => (target.answer = () => undefined)],
    ['breaks off', (target) => (target.answer = (connection) => connection.cut('reset'))],
  ])('T17: a logout that %s ends it all the same', async (_how, script) => {
    const { target, session, connection } = await opened();
    script(target);
    const closing = session.close();
    await target.pass(10_000);
    await closing;
    expect(connection.ended).toBe(true);
    expect(session.state).toBe('closed');
  });

  it('T18: asked for a logout, it is free when the session is logged out by another', async () => {
    const { target, session } = await opened({ connections: 2 });
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const held = session.command({ lun: 0, cdb: CDB });
    held.catch(() => undefined);
    await settle();
    const busy = first.sent('scsi-command').length > 0 ? first : second;
    announce(busy, AsyncEvent.LOGOUT_REQUEST, { parameter3: 30 });
    const closing = session.close();
    busy.respond(busy.sent('scsi-command')[0]!);
    await target.pass(5000);
    await closing;
    expect([first.ended, second.ended]).toEqual([true, true]);
  });
});

describe('the cleanup of a connection by an initiator (RFC 7143 §8.2.2)', () => {
  const RECOVERABLE = { connections: 2, errorRecoveryLevel: 2, time2RetainS: 5 } as const;

  /** A session of two connections, the second of which has a command that the target has acknowledged. */
  async function atWork(options: Partial<SessionOptions> = RECOVERABLE) {
    const opening = await opened(options);
    const { target, session } = opening;
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const commands = [0, 1].map((lun) => session.command({ lun, cdb: CDB }));
    for (const command of commands) command.catch(() => undefined);
    await settle();
    await session.ping();
    const tag = second.sent('scsi-command')[0]!.initiatorTaskTag;
    return { ...opening, first, second, tag, command: commands[second.sent('scsi-command')[0]!.lun[1]!]! };
  }

  it('M2, M4: an explicit logout by another connection, and its commands go on there', async () => {
    const { target, first, second, tag } = await atWork();
    target.manage = (connection, pdu) => connection.managed(pdu);
    second.cut('reset');
    await target.pass(500);
    expect(first.sent('logout-request')).toMatchObject([
      { reason: LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY, cid: 1 },
    ]);
    expect(first.sent('task-management-request')).toMatchObject([
      { function: TaskManagementFunction.TASK_REASSIGN, referencedTaskTag: tag, immediate: true },
    ]);
  });

  it('M3: a logout that fails leaves its commands to the recovery of the session', async () => {
    const { target, second, command } = await atWork();
    target.logoutResponse = 3;
    second.cut('reset');
    await target.pass(1000);
    await expect(command).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    expect(target.connections[2]!.sent('login-request')[0]).toMatchObject({ tsih: 0 });
  });

  it('M1: a time-out ends its commands', async () => {
    const { target, second, command } = await atWork();
    const { answer } = target;
    target.answer = (on, pdu) => (pdu.type === 'logout-request' ? undefined : answer.call(target, on, pdu));
    second.cut('reset');
    await target.pass(30_000);
    await expect(command).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
  });
});

describe('a session of an initiator (RFC 7143 §8.3.1)', () => {
  it('N1, N3: it is there with its first connection, and gone when it is closed', async () => {
    const { session } = await opened();
    expect(session.state).toBe('ready');
    await session.close();
    expect(session.state).toBe('closed');
  });

  it('N5, N6: it fails with its last connection, and a reinstatement takes its place', async () => {
    const { target, session, connection } = await opened();
    connection.cut('reset');
    expect(session.state).toBe('reconnecting');
    await target.pass(500);
    expect(session.state).toBe('ready');
    const [before, after] = target.connections.map((one) => one.sent('login-request')[0]!);
    expect(after).toMatchObject({ tsih: 0, isid: before!.isid });
  });

  it('N6: when it cannot be had again in time, it is given up', async () => {
    const { target, session, connection } = await opened({ reconnect: { timeoutMs: 2000 } });
    target.reachable = false;
    connection.cut('reset');
    await target.pass(6000);
    expect(session.state).toBe('failed');
    await expect(session.command({ lun: 0, cdb: CDB })).rejects.toThrow();
  });

  it('N4: at ErrorRecoveryLevel 2 it is continued by a login with its TSIH', async () => {
    const { target, session, connection } = await opened({ errorRecoveryLevel: 2 });
    const command = session.command({ lun: 0, cdb: CDB });
    command.catch(() => undefined);
    await settle();
    await session.ping();
    connection.cut('reset');
    await target.pass(500);
    expect(target.connections[1]!.sent('login-request')[0]).toMatchObject({ tsih: 1 });
    expect(session.state).toBe('ready');
  });
});
