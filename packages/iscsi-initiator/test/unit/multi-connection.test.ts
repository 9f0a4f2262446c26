import { AsyncEvent, decodeText, LogoutReason, TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { IscsiSession, SessionOptions } from '../../src/index.ts';
import { agreement, ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

/** A session over some connections to a target that answers no command by itself. */
async function several(connections: number, options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  target.command = () => undefined;
  const session = await target.open({ connections, ...options });
  await settle();
  return { target, session };
}

/** Starts commands, one per LUN from 0 on; where each went, and what became of it. */
async function start(session: IscsiSession, target: ScriptedTarget, count: number, idempotent = false) {
  const outcomes: unknown[] = [];
  for (let lun = 0; lun < count; lun++) {
    session.command({ lun, cdb: CDB, idempotent }).then(
      (result) => (outcomes[lun] = result.status),
      (error: unknown) => (outcomes[lun] = (error as { code: string }).code),
    );
  }
  await settle();
  return { outcomes, sent: commandsOf(target) };
}

const commandsOf = (target: ScriptedTarget) =>
  target.connections.flatMap((connection) =>
    connection.sent('scsi-command').map((pdu) => ({ connection, pdu, lun: pdu.lun[1] as number })),
  );

const luns = (connection: ScriptedConnection): number[] =>
  connection.sent('scsi-command').map(({ lun }) => lun[1] as number);

describe('a session of several connections (RFC 7143 §4.2.1)', () => {
  it('adds them by logins with its TSIH, its ISID and a CID each, and the keys of a connection alone', async () => {
    const { target, session } = await several(3);
    expect(session.connections.map(({ cid }) => cid)).toEqual([0, 1, 2]);
    const firsts = target.connections.map((connection) => connection.sent('login-request')[0]!);
    expect(firsts).toMatchObject([
      { tsih: 0, cid: 0 },
      { tsih: 1, cid: 1 },
      { tsih: 1, cid: 2 },
    ]);
    expect(new Set(firsts.map(({ isid }) => isid.join())).size).toBe(1);
    const [security, operational] = target.connections[1]!.sent('login-request');
    expect(Object.keys(Object.fromEntries(decodeText(security!.data)))).toEqual([
      'InitiatorName',
      'TargetName',
      'AuthMethod',
    ]);
    expect(Object.keys(Object.fromEntries(decodeText(operational!.data)))).toEqual([
      'HeaderDigest',
      'DataDigest',
      'MaxRecvDataSegmentLength',
    ]);
  });

  it('has no more of them than the target allows', async () => {
    const target = new ScriptedTarget();
    const { login } = target;
    target.login = (keys, count, portal) =>
      keys['MaxConnections'] === undefined
        ? login(keys, count, portal)
        : { keys: { ...agreement(keys), MaxConnections: '2' } };
    const session = await target.open({ connections: 5 });
    await settle();
    expect(session.connections).toHaveLength(2);
    await expect(session.addConnection()).rejects.toMatchObject({ code: 'INITIATOR_OPTIONS' });
  });

  it('refuses numbers that make no sense', () => {
    const target = new ScriptedTarget();
    expect(() => target.session({ connections: 0 })).toThrow('INITIATOR_OPTIONS');
    expect(() => target.session({ connections: 3, maxConnections: 2 })).toThrow('INITIATOR_OPTIONS');
    expect(() => target.session({ errorRecoveryLevel: 3 as 2 })).toThrow('INITIATOR_OPTIONS');
  });

  it('goes on without one that cannot be had, and tries again', async () => {
    const target = new ScriptedTarget();
    const { login } = target;
    target.login = (keys, count, portal) =>
      target.connections.length === 2 ? { status: 0x0301 } : login(keys, count, portal);
    const session = await target.open({ connections: 2 });
    await settle();
    expect(session.connections).toHaveLength(1);
    expect(session.state).toBe('ready');
    await target.pass(300);
    expect(session.connections).toHaveLength(2);
  });
});

describe('commands over several connections (RFC 7143 §4.2.2, §4.2.5.1)', () => {
  it('are spread evenly, with one CmdSN for all and a tag each', async () => {
    const { target, session } = await several(3);
    const { sent } = await start(session, target, 9);
    expect(target.connections.map((connection) => luns(connection).length)).toEqual([3, 3, 3]);
    for (const connection of target.connections) {
      const numbers = connection.sent('scsi-command').map(({ cmdSn }) => cmdSn);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    const numbers = sent.map(({ pdu }) => pdu.cmdSn).sort((a, b) => a - b);
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(sent.map(({ pdu }) => pdu.initiatorTaskTag)).size).toBe(9);
  });

  it('keep to their connection: data goes by it, and an answer by another is none', async () => {
    const { target, session } = await several(2, { negotiation: { initialR2t: true, immediateData: false } });
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    let ended = false;
    const write = session.command({ lun: 7, cdb: CDB, write: [new Uint8Array(64)] });
    void write.then(() => (ended = true));
    await settle();
    const { connection, pdu } = commandsOf(target)[0]!;
    const other = connection === first ? second : first;
    other.r2t(pdu, 5, 0, 0, 64);
    other.respond(pdu);
    await settle();
    expect(ended).toBe(false);
    expect(other.sent('data-out')).toEqual([]);
    connection.r2t(pdu, 6, 0, 0, 64);
    await settle();
    expect(connection.sent('data-out')).toMatchObject([{ targetTransferTag: 6 }]);
    connection.respond(pdu);
    await write;
  });

  it('that task management ends in the middle of a Data-In PDU keep their buffers until it is there', async () => {
    const { target, session } = await several(2);
    const [, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const buffers = [new Uint8Array(64), new Uint8Array(64)];
    const codes: string[] = [];
    for (const read of buffers) {
      session
        .command({ lun: 0, cdb: CDB, read: [read] })
        .catch((error: unknown) => codes.push((error as { code: string }).code));
    }
    await settle();
    const hear = second.hear.bind(second);
    let rest = new Uint8Array(0);
    second.hear = (bytes) => {
      hear(bytes.subarray(0, 80));
      rest = bytes.slice(80);
    };
    const place = { bufferOffset: 0, dataSn: 0, final: false };
    second.dataIn(second.sent('scsi-command')[0]!, place, new Uint8Array(64).fill(7));
    target.manage = (connection, pdu) => connection.managed(pdu);
    await session.manage({ function: TaskManagementFunction.CLEAR_TASK_SET, lun: 0 });
    await settle();
    expect(codes).toEqual(['INITIATOR_ABORTED']);
    hear(rest);
    await settle();
    expect(codes).toEqual(['INITIATOR_ABORTED', 'INITIATOR_ABORTED']);
  });

  it('acknowledge the statuses of each connection by itself', async () => {
    const { target, session } = await several(2);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    target.command = (connection, pdu) => connection.respond(pdu);
    // One at a time they all go by the first, two at a time by both.
    for (let i = 0; i < 3; i++) await session.command({ lun: 0, cdb: CDB });
    await start(session, target, 2);
    expect(first.sent('scsi-command').map(({ expStatSn }) => expStatSn)).toEqual([1002, 1003, 1004, 1005]);
    expect(second.sent('scsi-command').map(({ expStatSn }) => expStatSn)).toEqual([1002]);
  });

  it('all end with a function that ends them, by whichever connection it goes', async () => {
    const { target, session } = await several(2);
    const { outcomes } = await start(session, target, 1);
    const more = session.command({ lun: 0, cdb: CDB }).catch((error: unknown) => error);
    await settle();
    target.manage = (connection, pdu) => connection.managed(pdu);
    await session.manage({ function: TaskManagementFunction.LOGICAL_UNIT_RESET, lun: 0 });
    expect(await more).toMatchObject({ code: 'INITIATOR_ABORTED' });
    expect(outcomes).toEqual(['INITIATOR_ABORTED']);
  });

  it('whose answer is lost with its connection is asked for by another: what it ended elsewhere ends', async () => {
    const { target, session } = await several(2);
    const { outcomes } = await start(session, target, 2);
    const reset = session.manage({ function: TaskManagementFunction.TARGET_WARM_RESET });
    await settle();
    const asked = target.connections.find((each) => each.sent('task-management-request').length > 0)!;
    const other = target.connections.find((each) => each !== asked)!;
    asked.cut();
    await settle();
    const [again] = other.sent('task-management-request');
    expect(again).toMatchObject({ function: TaskManagementFunction.TARGET_WARM_RESET });
    other.managed(again!);
    await reset;
    await settle();
    expect(outcomes[luns(other)[0]!]).toBe('INITIATOR_ABORTED');
  });

  it('that is lost with its session fails: the commands have ended with that, too', async () => {
    const { target, session } = await several(1);
    const { outcomes } = await start(session, target, 1);
    const reset = expect(session.resetUnit(0)).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    await settle();
    target.connection.cut();
    await reset;
    expect(outcomes).toEqual(['INITIATOR_CONNECTION_LOST']);
    await target.pass(300);
    expect(target.connection.sent('task-management-request')).toEqual([]);
  });
});

describe('connections that come and go while commands run', () => {
  it('are added on request, and take commands', async () => {
    const { target, session } = await several(1, { maxConnections: 2 });
    await start(session, target, 2);
    expect(await session.addConnection()).toBe(1);
    expect(session.connections).toHaveLength(2);
    session.command({ lun: 9, cdb: CDB }).catch(() => undefined);
    await settle();
    expect(luns(target.connection)).toEqual([9]);
  });

  it('are not added once the signal has aborted', async () => {
    const { target, session } = await several(1, { maxConnections: 2 });
    const abort = new AbortController();
    target.answer = () => undefined;
    const adding = session.addConnection({ signal: abort.signal });
    await settle();
    expect(target.connections).toHaveLength(2);
    abort.abort();
    await expect(adding).rejects.toMatchObject({ code: 'INITIATOR_ABORTED' });
    expect(target.connection.ended).toBe(true);
    expect(session.state).toBe('ready');
  });

  it('are removed on request, after their commands, by a logout of the connection', async () => {
    const { target, session } = await several(2);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const { outcomes } = await start(session, target, 2);
    const removed = session.removeConnection(1);
    session.command({ lun: 8, cdb: CDB }).catch(() => undefined);
    await settle();
    expect(luns(first)).toContain(8);
    expect(second.sent('logout-request')).toEqual([]);
    second.respond(second.sent('scsi-command')[0]!);
    await removed;
    expect(second.sent('logout-request')).toMatchObject([{ reason: LogoutReason.CLOSE_CONNECTION, cid: 1 }]);
    expect(second.ended).toBe(true);
    await settle();
    expect(first.sent('logout-request')).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === 0)).toHaveLength(1);
    await target.pass(1000);
    expect(session.connections).toHaveLength(1);
  });

  it('are logged out by another when the target could not clean up, and the session stays', async () => {
    const { target, session } = await several(3);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    target.logoutResponse = 3;
    const { answer } = target;
    target.answer = (connection, pdu) => {
      answer.call(target, connection, pdu);
      if (pdu.type === 'logout-request') target.logoutResponse = 0;
    };
    await session.removeConnection(1);
    await target.pass(100);
    for (const connection of [second, first]) {
      expect(connection.sent('logout-request')).toMatchObject([
        { reason: LogoutReason.CLOSE_CONNECTION, cid: 1 },
      ]);
    }
    expect(target.connections).toHaveLength(3);
    expect(session.connections.map(({ cid }) => cid)).toEqual([0, 2]);
    expect(session.state).toBe('ready');
  });

  it('are not removed before a function is answered: what it has ended is known by nothing else', async () => {
    const { target, session } = await several(2);
    const reset = session.resetUnit(0);
    await settle();
    const asked = target.connections.find((each) => each.sent('task-management-request').length > 0)!;
    const removed = session.removeConnection(target.connections.indexOf(asked));
    await settle();
    expect(asked.sent('logout-request')).toEqual([]);
    asked.managed(asked.sent('task-management-request')[0]!);
    await Promise.all([reset, removed]);
    expect(asked.ended).toBe(true);
  });

  it('are removed once: one that leaves already counts no more', async () => {
    const { target, session } = await several(3);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    await start(session, target, 3);
    const removed = session.removeConnection(1);
    await expect(session.removeConnection(1)).rejects.toMatchObject({ code: 'INITIATOR_OPTIONS' });
    second.respond(second.sent('scsi-command')[0]!);
    await removed;
    await target.pass(1000);
    expect(session.connections.map(({ cid }) => cid)).toEqual([0, 2]);
    first.cut('reset');
    await target.pass(1000);
    expect(session.connections).toHaveLength(2);
  });

  it('that leave are asked for nothing more', async () => {
    const { target, session } = await several(2);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const removed = session.removeConnection(0);
    const reset = session.resetUnit(0);
    await settle();
    expect(first.sent('task-management-request')).toEqual([]);
    second.managed(second.sent('task-management-request')[0]!);
    await Promise.all([reset, removed]);
  });

  it('are not removed when there is no other', async () => {
    const { session } = await several(1);
    await expect(session.removeConnection(0)).rejects.toMatchObject({ code: 'INITIATOR_OPTIONS' });
    await expect(session.removeConnection(5)).rejects.toMatchObject({ code: 'INITIATOR_OPTIONS' });
  });

  it('go when the target asks one to log out, and the session stays', async () => {
    const { target, session } = await several(2);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const parameters = { asyncVCode: 0, parameter1: 0, parameter2: 0, parameter3: 5 };
    const event = { asyncEvent: AsyncEvent.LOGOUT_REQUEST, lun: NO_LUN, data: EMPTY, ...parameters };
    second.say({ type: 'async-message', ...event, ...second.numbers() });
    await settle();
    expect(second.sent('logout-request')).toMatchObject([{ reason: LogoutReason.CLOSE_CONNECTION, cid: 1 }]);
    expect(first.ended).toBe(false);
    expect(session.state).toBe('ready');
  });

  it('all move when the session does, after the commands of each', async () => {
    const { target, session } = await several(2);
    const old = [...target.connections];
    const { outcomes, sent } = await start(session, target, 2);
    const moved = session.redirect({ host: 'elsewhere.example', port: 3261 });
    const later = session.command({ lun: 5, cdb: CDB });
    await settle();
    expect(old.flatMap((connection) => connection.sent('logout-request'))).toEqual([]);
    for (const { connection, pdu } of sent) connection.respond(pdu);
    await target.pass(200);
    await moved;
    expect(outcomes).toEqual([0, 0]);
    expect(old.every(({ ended }) => ended)).toBe(true);
    expect(old.flatMap((connection) => connection.sent('logout-request'))).toMatchObject([
      { reason: LogoutReason.CLOSE_SESSION },
    ]);
    expect(session.connections.map(({ portal }) => portal.host)).toEqual(
      Array.from({ length: 2 }, () => 'elsewhere.example'),
    );
    const [command] = commandsOf(target).slice(2);
    command!.connection.respond(command!.pdu);
    await later;
  });

  it('all go with the session, which is logged out once', async () => {
    const { target, session } = await several(3);
    await session.close();
    const requests = target.connections.flatMap((connection) => connection.sent('logout-request'));
    expect(requests).toMatchObject([{ reason: LogoutReason.CLOSE_SESSION }]);
    expect(target.connections.every(({ ended }) => ended)).toBe(true);
    expect(target.clock.pendingTimers).toBe(0);
  });
});

describe('the loss of one of several connections, without connection recovery (RFC 7143 §7.14)', () => {
  it('ends the commands that the target has with an error once it has logged it out; the others go on', async () => {
    const { target, session } = await several(2);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const { outcomes } = await start(session, target, 4);
    await session.ping();
    second.cut('reset');
    // The target may still be at work on them: what their caller sends next must not come before their end.
    expect(first.sent('logout-request')).toEqual([]);
    expect(outcomes).toEqual([]);
    await target.pass(50);
    expect(first.sent('logout-request')).toMatchObject([{ reason: LogoutReason.CLOSE_CONNECTION, cid: 1 }]);
    for (const lun of luns(second)) expect(outcomes[lun]).toBe('INITIATOR_CONNECTION_LOST');
    for (const lun of luns(first)) expect(outcomes[lun]).toBeUndefined();
    for (const pdu of first.sent('scsi-command')) first.respond(pdu);
    await settle();
    for (const lun of luns(first)) expect(outcomes[lun]).toBe(0);
    expect(session.state).toBe('ready');
  });

  it('logs it out, sends what was never received again under its CmdSN, and makes another', async () => {
    const { target, session } = await several(2);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    target.expCmdSn = 1;
    const { outcomes } = await start(session, target, 4);
    const missing = second.sent('scsi-command');
    second.cut('reset');
    await target.pass(50);
    expect(outcomes).toEqual([]);
    expect(first.sent('logout-request')).toMatchObject([
      { reason: LogoutReason.CLOSE_CONNECTION, cid: 1, expStatSn: second.statSn },
    ]);
    const again = first.sent('scsi-command').slice(2);
    expect(again.map(({ cmdSn, initiatorTaskTag }) => [cmdSn, initiatorTaskTag])).toEqual(
      missing.map(({ cmdSn, initiatorTaskTag }) => [cmdSn, initiatorTaskTag]),
    );
    target.expCmdSn = undefined;
    for (const pdu of first.sent('scsi-command')) first.respond(pdu);
    await settle();
    expect(outcomes).toEqual([0, 0, 0, 0]);
    expect(session.connections.map(({ cid }) => cid)).toEqual([0, 2]);
  });

  it('counts the R2Ts from 0 again of a command that was never received, though some of it was asked for', async () => {
    const negotiation = { initialR2t: true, immediateData: false };
    const { target, session } = await several(2, { negotiation });
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    target.expCmdSn = 1;
    const writes = [0, 1].map((lun) => session.command({ lun, cdb: CDB, write: [new Uint8Array(64)] }));
    await settle();
    const [lost] = second.sent('scsi-command');
    second.r2t(lost!, 5, 0, 0, 64);
    await settle();
    second.cut('reset');
    await target.pass(50);
    const again = first.sent('scsi-command').find(({ cmdSn }) => cmdSn === lost!.cmdSn)!;
    first.r2t(again, 6, 0, 0, 64);
    await settle();
    expect(first.sent('data-out')).toMatchObject([{ targetTransferTag: 6, bufferOffset: 0 }]);
    target.expCmdSn = undefined;
    for (const pdu of first.sent('scsi-command')) first.respond(pdu);
    expect((await Promise.all(writes)).map(({ status }) => status)).toEqual([0, 0]);
  });

  it('ends reads at once, which change nothing', async () => {
    const { target, session } = await several(2);
    const [, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const codes: string[] = [];
    for (const read of [[new Uint8Array(4)], [new Uint8Array(4)]]) {
      session
        .command({ lun: 0, cdb: CDB, read })
        .catch((error: unknown) => codes.push((error as { code: string }).code));
    }
    await session.ping();
    second.cut('reset');
    await settle();
    expect(codes).toEqual(['INITIATOR_CONNECTION_LOST']);
  });

  it('sends idempotent commands again, as new ones', async () => {
    const { target, session } = await several(2);
    const [first, second] = target.connections as [ScriptedConnection, ScriptedConnection];
    const { outcomes } = await start(session, target, 2, true);
    await session.ping();
    const [lost] = luns(second);
    target.command = (connection, pdu) => connection.respond(pdu);
    second.cut('reset');
    await target.pass(100);
    expect(outcomes[lost!]).toBe(0);
    expect(luns(first)).toContain(lost);
  });

  it('is the loss of the session when the target does not log it out', async () => {
    const { target, session } = await several(2);
    target.logoutResponse = 3;
    target.connections[1]!.cut('reset');
    await target.pass(500);
    expect(target.connections.length).toBeGreaterThan(2);
    expect(target.connections[2]!.sent('login-request')[0]).toMatchObject({ tsih: 0 });
    expect(session.state).toBe('ready');
  });

  it('and of the rest makes a new session', async () => {
    const { target, session } = await several(2);
    const { outcomes } = await start(session, target, 2);
    for (const connection of [...target.connections]) connection.cut('reset');
    await target.pass(500);
    expect(outcomes).toEqual(['INITIATOR_CONNECTION_LOST', 'INITIATOR_CONNECTION_LOST']);
    expect(target.connections[2]!.sent('login-request')[0]).toMatchObject({ tsih: 0, cid: 0 });
    expect(session.connections).toHaveLength(2);
  });
});
