import {
  AsyncEvent,
  NO_TTT,
  RESERVED_TAG,
  TaskManagementFunction,
  serializePdu,
  type InitiatorPdu,
  type TaskManagementRequestPdu,
} from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../../src/index.ts';
import { ScriptedTarget, agreement, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);
const PLAIN = { header: false, data: false };

/** A session with a target that answers commands only when the test says so. */
async function opened(options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  target.command = () => undefined;
  const session = await target.open(options);
  const { connection } = target;
  const start = (request: { lun?: number; read?: Uint8Array[]; write?: Uint8Array[] } = {}) => {
    const ended = session.command({ lun: 0, cdb: CDB, ...request });
    ended.catch(() => undefined);
    return ended;
  };
  return { target, session, connection, start };
}

/** An Asynchronous Message without data. */
function announce(connection: ScriptedConnection, asyncEvent: number, parameter3 = 0): void {
  const parameters = { asyncVCode: 0, parameter1: 0, parameter2: 0, parameter3 };
  const event = { asyncEvent, lun: NO_LUN, data: EMPTY, ...parameters };
  connection.say({ type: 'async-message', ...event, ...connection.numbers() });
}

/** A session that has sent every kind of request. */
async function everything(): Promise<InitiatorPdu[]> {
  const { session, connection, start } = await opened({ negotiation: { firstBurstBytes: 9000 } });
  void start({ read: [new Uint8Array(10)] });
  void start({ write: [new Uint8Array(10_001)] });
  void start();
  await session.ping();
  session.text([['SendTargets', '']]).catch(() => undefined);
  session.resetUnit(3).catch(() => undefined);
  const tags = { initiatorTaskTag: RESERVED_TAG, targetTransferTag: 7 };
  connection.say({ type: 'nop-in', lun: NO_LUN, ...tags, data: EMPTY, ...connection.numbers() });
  connection.statSn--;
  await settle();
  for (const command of connection.sent('scsi-command')) connection.respond(command);
  await session.close();
  return connection.received;
}

describe('what an initiator sends (RFC 7143 §11)', () => {
  it('has zeroes in every reserved field and bit, in padding, and in the lengths of what is not there', async () => {
    const sent: Uint8Array[] = [];
    const original = ScriptedTarget.prototype.answer;
    const target = new ScriptedTarget();
    target.answer = function (connection, pdu) {
      sent.push(serializePdu(pdu, PLAIN));
      original.call(this, connection, pdu);
    };
    const raw: Uint8Array[] = [];
    const session = await target.open();
    const { connection } = target;
    const { send } = connection;
    connection.send = (segments, done) => {
      raw.push(...segments.map((segment) => segment.slice()));
      send.call(connection, segments, done);
    };
    sent.length = 0;
    await session.command({ lun: 1, cdb: CDB, write: [new Uint8Array(5).fill(9)] });
    await session.command({ lun: 1, cdb: CDB, read: [new Uint8Array(5)] });
    await session.ping();
    await session.close();
    expect(Buffer.concat(raw)).toEqual(Buffer.concat(sent));
    expect(sent).toHaveLength(4);
  });

  it('has an opcode of an initiator', async () => {
    for (const pdu of await everything()) expect(serializePdu(pdu, PLAIN)[0]! & 0x3f).toBeLessThan(0x20);
  });

  it('has a task tag that nothing else has and that is not the reserved one', async () => {
    const tags = (await everything())
      .filter((pdu) => pdu.type !== 'login-request' && pdu.type !== 'data-out')
      .map(({ initiatorTaskTag }) => initiatorTaskTag);
    const own = tags.filter((tag) => tag !== RESERVED_TAG);
    expect(new Set(own).size).toBe(own.length);
    expect(tags.filter((tag) => tag === RESERVED_TAG)).toHaveLength(1);
  });
});

describe('SCSI Command (RFC 7143 §11.3)', () => {
  it('has F or W, and a direction wherever data is expected', async () => {
    const commands = (await everything()).filter((pdu) => pdu.type === 'scsi-command');
    expect(commands.map(({ read, write }) => [read, write])).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    for (const { final, write, read, expectedDataTransferLength } of commands) {
      expect(final || write).toBe(true);
      expect(read || write).toBe(expectedDataTransferLength > 0);
    }
  });

  it('brings all the unsolicited data that it may, or only the immediate data', async () => {
    for (const [initialR2t, unsolicited] of [
      [false, 9000],
      [true, 8192],
    ] as const) {
      const { connection, start } = await opened({ negotiation: { firstBurstBytes: 9000, initialR2t } });
      void start({ write: [new Uint8Array(20_000)] });
      await settle();
      const data = [...connection.sent('scsi-command'), ...connection.sent('data-out')];
      expect(data.reduce((sum, pdu) => sum + pdu.data.length, 0)).toBe(unsolicited);
    }
  });

  it('has data in whole words but for the PDU with the F bit', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    target.login = (keys) => ({ keys: { ...agreement(keys), MaxRecvDataSegmentLength: '1021' } });
    const session = await target.open();
    session.command({ lun: 0, cdb: CDB, write: [new Uint8Array(5003)] }).catch(() => undefined);
    await settle();
    const [command] = target.connection.sent('scsi-command');
    const lengths = [command!, ...target.connection.sent('data-out')].map(({ data }) => data.length);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(5003);
    expect(lengths.slice(0, -1).filter((length) => length % 4 !== 0 || length > 1021)).toEqual([]);
  });

  it('is not answered by an R2T that names another unit', async () => {
    const { connection, start } = await opened({ negotiation: { initialR2t: true, immediateData: false } });
    void start({ lun: 3, write: [new Uint8Array(8)] });
    await settle();
    const { initiatorTaskTag } = connection.sent('scsi-command')[0]!;
    const lun = Uint8Array.of(0, 4, 0, 0, 0, 0, 0, 0);
    const place = { r2tSn: 0, bufferOffset: 0, desiredDataTransferLength: 8, targetTransferTag: 5 };
    connection.say({ type: 'r2t', lun, initiatorTaskTag, ...place, ...connection.numbers() });
    await settle();
    expect(connection.sent('data-out')).toEqual([]);
    expect(connection.ended).toBe(true);
  });

  it('is answered by an R2T that leaves its LUN zero, as some targets do', async () => {
    const { connection, start } = await opened({ negotiation: { initialR2t: true, immediateData: false } });
    void start({ lun: 3, write: [new Uint8Array(8)] });
    await settle();
    const { initiatorTaskTag, lun } = connection.sent('scsi-command')[0]!;
    const place = { r2tSn: 0, bufferOffset: 0, desiredDataTransferLength: 8, targetTransferTag: 5 };
    connection.say({
      type: 'r2t',
      lun: new Uint8Array(8),
      initiatorTaskTag,
      ...place,
      ...connection.numbers(),
    });
    await settle();
    expect(connection.sent('data-out')).toMatchObject([{ initiatorTaskTag, targetTransferTag: 5, lun }]);
    expect(connection.ended).toBe(false);
  });

  it('with unsolicited data is followed by it before that of the next command', async () => {
    const { connection, start } = await opened({ negotiation: { immediateData: false } });
    void start({ write: [new Uint8Array(10_000)] });
    void start({ write: [new Uint8Array(10_000)] });
    await settle();
    const [first, second] = connection.sent('scsi-command').map(({ initiatorTaskTag }) => initiatorTaskTag);
    const order = connection.sent('data-out').map(({ initiatorTaskTag }) => initiatorTaskTag);
    expect(order).toEqual([first, first, second, second]);
  });
});

describe('what a response means (RFC 7143 §11.4.3, §11.7)', () => {
  it('a response code other than 0 fails the command, whatever its status and flags say', async () => {
    const { session, connection, start } = await opened();
    const ended = start();
    await settle();
    const { initiatorTaskTag } = connection.sent('scsi-command')[0]!;
    const flags = {
      bidirectionalOverflow: false,
      bidirectionalUnderflow: false,
      overflow: true,
      underflow: false,
    };
    const counts = { bidirectionalResidualCount: 0, residualCount: 77, expDataSn: 0, snackTag: 0 };
    const rest = { response: 1, status: 0, statusQualifier: 0, initiatorTaskTag, data: EMPTY };
    connection.say({ type: 'scsi-response', ...flags, ...counts, ...rest, ...connection.numbers() });
    await expect(ended).rejects.toMatchObject({ code: 'INITIATOR_TARGET_FAILURE' });
    expect(session.state).toBe('ready');
  });

  it('without O or U bit the residual count means nothing', async () => {
    const { connection, start } = await opened();
    const ended = start();
    await settle();
    const { initiatorTaskTag } = connection.sent('scsi-command')[0]!;
    const flags = {
      bidirectionalOverflow: false,
      bidirectionalUnderflow: false,
      overflow: false,
      underflow: false,
    };
    const counts = { bidirectionalResidualCount: 0, residualCount: 77, expDataSn: 0, snackTag: 0 };
    const rest = { response: 0, status: 0, statusQualifier: 0, initiatorTaskTag, data: EMPTY };
    connection.say({ type: 'scsi-response', ...flags, ...counts, ...rest, ...connection.numbers() });
    await expect(ended).resolves.toMatchObject({ status: 0, residualBytes: 0 });
  });

  it('status may come with the last data, or after it', async () => {
    for (const separate of [false, true]) {
      const { connection, start } = await opened();
      const into = new Uint8Array(4);
      const ended = start({ read: [into] });
      await settle();
      const [command] = connection.sent('scsi-command');
      const place = { bufferOffset: 0, dataSn: 0, final: true, hasStatus: !separate };
      connection.dataIn(command!, place, Uint8Array.of(1, 2, 3, 4));
      if (separate) connection.respond(command!);
      await expect(ended).resolves.toMatchObject({ status: 0, receivedBytes: 4 });
      expect([...into]).toEqual([1, 2, 3, 4]);
    }
  });

  it('a Data-In PDU without data counts like any other', async () => {
    const { connection, start } = await opened();
    const into = new Uint8Array(4);
    const ended = start({ read: [into] });
    await settle();
    const [command] = connection.sent('scsi-command');
    connection.dataIn(command!, { bufferOffset: 0, dataSn: 0, final: false }, EMPTY);
    connection.dataIn(command!, { bufferOffset: 0, dataSn: 1, final: true }, Uint8Array.of(4, 3, 2, 1));
    await expect(ended).resolves.toMatchObject({ status: 0, receivedBytes: 4 });
  });
});

describe('Task Management Function Request (RFC 7143 §11.5)', () => {
  it('ABORT TASK goes on the connection of its task, immediate, with its tag, LUN and CmdSN', async () => {
    const { target, session } = await opened({ connections: 2 });
    await settle();
    const aborts: TaskManagementRequestPdu[] = [];
    target.manage = (on, pdu) => {
      const command = on.sent('scsi-command').find((sent) => sent.initiatorTaskTag === pdu.referencedTaskTag);
      expect(command).toMatchObject({ cmdSn: pdu.refCmdSn, lun: pdu.lun });
      aborts.push(pdu);
      on.managed(pdu);
    };
    const controllers = [1, 2, 3].map((lun) => {
      const controller = new AbortController();
      session.command({ lun, cdb: CDB, signal: controller.signal }).catch(() => undefined);
      return controller;
    });
    await settle();
    for (const controller of controllers) controller.abort();
    await settle();
    expect(aborts).toHaveLength(3);
    for (const abort of aborts) {
      expect(abort).toMatchObject({ function: TaskManagementFunction.ABORT_TASK, immediate: true });
    }
  });

  it.each([
    TaskManagementFunction.ABORT_TASK_SET,
    TaskManagementFunction.CLEAR_TASK_SET,
    TaskManagementFunction.LOGICAL_UNIT_RESET,
    TaskManagementFunction.TARGET_WARM_RESET,
  ])('function %d references no task and has no data', async (code) => {
    const { session, connection } = await opened();
    session.manage({ function: code, lun: 2 }).catch(() => undefined);
    await settle();
    const [request] = connection.sent('task-management-request');
    expect(request).toMatchObject({
      function: code,
      referencedTaskTag: RESERVED_TAG,
      refCmdSn: 0,
      expDataSn: 0,
    });
    expect(serializePdu(request!, PLAIN)).toHaveLength(48);
  });

  it('while it waits R2Ts are answered and statuses taken; its response ends the rest', async () => {
    const { session, connection, start } = await opened({
      negotiation: { initialR2t: true, immediateData: false },
    });
    const [write, done, ended] = [start({ write: [new Uint8Array(8)] }), start(), start()];
    await settle();
    const [first, second] = connection.sent('scsi-command');
    const request = { function: TaskManagementFunction.ABORT_TASK_SET, lun: 0 };
    const managed = session.manage(request);
    await settle();
    connection.r2t(first!, 5, 0, 0, 8);
    connection.respond(second!);
    await settle();
    expect(connection.sent('data-out')).toMatchObject([
      { targetTransferTag: 5, final: true, bufferOffset: 0 },
    ]);
    await expect(done).resolves.toMatchObject({ status: 0 });
    const [sent] = connection.sent('task-management-request');
    connection.managed(sent!);
    await managed;
    for (const command of [write, ended])
      await expect(command).rejects.toMatchObject({ code: 'INITIATOR_ABORTED' });
    expect(session.state).toBe('ready');
  });

  it('a response that comes after its commands are concluded is thrown away, and so is theirs', async () => {
    const { session, connection, start } = await opened();
    const ended = start();
    await settle();
    const reset = session.resetUnit(0);
    await settle();
    const [request] = connection.sent('task-management-request');
    connection.managed(request!);
    await reset;
    await expect(ended).rejects.toMatchObject({ code: 'INITIATOR_ABORTED' });
    connection.managed(request!);
    connection.respond(connection.sent('scsi-command')[0]!);
    await settle();
    expect(session.state).toBe('ready');
    await session.ping();
  });
});

describe('NOP-Out (RFC 7143 §11.18)', () => {
  it('answers a NOP-In with a transfer tag by its tag and LUN, and no other', async () => {
    const { connection } = await opened();
    const lun = Uint8Array.of(0, 9, 0, 0, 0, 0, 0, 0);
    for (const targetTransferTag of [5, NO_TTT, 6]) {
      const tags = { initiatorTaskTag: RESERVED_TAG, targetTransferTag };
      connection.say({ type: 'nop-in', lun, ...tags, data: EMPTY, ...connection.numbers() });
      connection.statSn--;
    }
    await settle();
    const answers = connection.sent('nop-out');
    expect(answers).toMatchObject(
      [5, 6].map((targetTransferTag) => ({ targetTransferTag, lun, initiatorTaskTag: RESERVED_TAG })),
    );
    for (const { immediate, cmdSn } of answers) expect([immediate, cmdSn]).toEqual([true, 1]);
  });

  it('as a ping has a task tag and no transfer tag, and takes the answer', async () => {
    const { session, connection } = await opened();
    await session.ping();
    const [ping] = connection.sent('nop-out');
    expect(ping).toMatchObject({ targetTransferTag: NO_TTT, lun: NO_LUN });
    expect(ping!.initiatorTaskTag).not.toBe(RESERVED_TAG);
    expect(connection.sent('nop-out')).toHaveLength(1);
  });
});

describe('what a target announces (RFC 7143 §11.9.1)', () => {
  it('a logout request holds new commands back, and is obeyed when those at work are through', async () => {
    const { target, connection, start } = await opened();
    void start();
    await settle();
    announce(connection, AsyncEvent.LOGOUT_REQUEST, 3);
    await settle();
    void start();
    await settle();
    const commands = connection.sent('scsi-command');
    expect(commands).toHaveLength(1);
    connection.respond(commands[0]!);
    await target.pass(500);
    expect([0, 1]).toContain(connection.sent('logout-request')[0]?.reason);
  });

  it.each([1, 2])(
    'a logout request is obeyed within its time, though commands are at work (%d connections)',
    async (connections) => {
      const { target, connection, start } = await opened({ connections });
      await settle();
      const outcomes = [start(), start()];
      await settle();
      announce(connection, AsyncEvent.LOGOUT_REQUEST, 3);
      await target.pass(2400);
      expect(connection.sent('logout-request')).toEqual([]);
      await target.pass(600);
      expect(connection.sent('logout-request')).toHaveLength(1);
      expect(connection.ended).toBe(true);
      await expect(Promise.race(outcomes)).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    },
  );

  it('a negotiation request is not answered while a Text Request is pending', async () => {
    const { session, connection } = await opened();
    session.text([['SendTargets', '']]).catch(() => undefined);
    await settle();
    announce(connection, AsyncEvent.NEGOTIATION_REQUEST, 3);
    await settle();
    expect(connection.sent('text-request')).toHaveLength(1);
  });

  it('a negotiation request is answered by a Text Request on its connection', async () => {
    const { connection } = await opened();
    announce(connection, AsyncEvent.NEGOTIATION_REQUEST, 3);
    await settle();
    expect(connection.sent('text-request')).toMatchObject([{ final: true, continue: false }]);
  });
});
