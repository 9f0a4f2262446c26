import {
  NO_TTT,
  RejectReason,
  RESERVED_TAG,
  SnackType,
  TaskManagementFunction,
  type ScsiCommandPdu,
} from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { discoverTargets, type SessionOptions } from '../../src/index.ts';
import { PORTAL, ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index + 1);
const REQUIRED = { headerDigest: 'required', dataDigest: 'required' } as const;

/** A session of ErrorRecoveryLevel 1 whose target does nothing by itself. */
async function level1(options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  if (options.negotiation !== undefined) target.useDigests();
  target.command = () => undefined;
  const session = await target.open({ errorRecoveryLevel: 1, ...options });
  const { connection } = target;
  const command = async (count = 1): Promise<ScsiCommandPdu> => {
    await settle();
    return connection.sent('scsi-command')[count - 1]!;
  };
  const snacks = async () => {
    await settle();
    return connection.sent('snack');
  };
  return { target, session, connection, command, snacks };
}

/** A piece of `data`, one of four bytes each. */
function piece(connection: ScriptedConnection, command: ScsiCommandPdu, data: Uint8Array, dataSn: number) {
  const place = { bufferOffset: 4 * dataSn, dataSn, final: 4 * dataSn + 4 === data.length, hasStatus: false };
  connection.dataIn(command, place, data.subarray(4 * dataSn, 4 * dataSn + 4));
}

/** What the initiator acknowledges now. */
async function acknowledged(connection: ScriptedConnection, ping: () => Promise<void>): Promise<number> {
  await ping();
  return connection.sent('nop-out').at(-1)!.expStatSn;
}

describe('ErrorRecoveryLevel (RFC 7143 §13.20)', () => {
  it('is offered as the options say, and the lower of the two holds', async () => {
    const { session } = await level1();
    expect(session.parameters).toMatchObject({ errorRecoveryLevel: 1 });
    const target = new ScriptedTarget();
    const { login } = target;
    target.login = (keys, count, portal) => {
      const answer = login(keys, count, portal);
      if (keys['ErrorRecoveryLevel'] === undefined) return answer;
      return { keys: { ...answer.keys, ErrorRecoveryLevel: '0' } };
    };
    const simple = await target.open({ errorRecoveryLevel: 2 });
    expect(simple.parameters).toMatchObject({ errorRecoveryLevel: 0 });
  });

  it('is 0 in a discovery session, which has nothing to recover (RFC 7143 §7.4.1)', async () => {
    const target = new ScriptedTarget();
    const offered: Record<string, string>[] = [];
    const { login } = target;
    target.login = (keys, count, portal) => {
      offered.push(keys);
      return login(keys, count, portal);
    };
    const found = discoverTargets({ portal: PORTAL, errorRecoveryLevel: 2 }, target.seams);
    await settle();
    target.connection.cut('enough');
    await expect(found).rejects.toMatchObject({ code: 'INITIATOR_CONNECTION_LOST' });
    expect(offered[1]).toMatchObject({ ErrorRecoveryLevel: '0', DefaultTime2Retain: '0' });
  });
});

describe('Data-In that is missing or spoilt (RFC 7143 §7.8, §7.9)', () => {
  it('is asked for by a Data SNACK when its digest is wrong', async () => {
    const { session, connection, command, snacks, target } = await level1({ negotiation: REQUIRED });
    const data = bytes(12);
    const into = new Uint8Array(12);
    const read = session.command({ lun: 0, cdb: CDB, read: [into] });
    const pdu = await command();
    piece(connection, pdu, data, 0);
    connection.spoilNext = true;
    piece(connection, pdu, data, 1);
    piece(connection, pdu, data, 2);
    const tag = pdu.initiatorTaskTag;
    expect(await snacks()).toMatchObject([
      {
        snackType: SnackType.DATA_OR_R2T,
        initiatorTaskTag: tag,
        targetTransferTag: RESERVED_TAG,
        begRun: 1,
        runLength: 1,
      },
    ]);
    piece(connection, pdu, data, 1);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 3 });
    await expect(read).resolves.toMatchObject({ receivedBytes: 12 });
    expect(into).toEqual(data);
    expect(target.connections).toHaveLength(1);
  });

  it('is asked for in one run; a status waits for it and is not acknowledged before', async () => {
    const { session, connection, command, snacks } = await level1();
    const data = bytes(20);
    const into = [new Uint8Array(7), new Uint8Array(13)];
    let ended = false;
    const read = session.command({ lun: 0, cdb: CDB, read: into }).then(() => (ended = true));
    const pdu = await command();
    const before = pdu.expStatSn;
    piece(connection, pdu, data, 0);
    piece(connection, pdu, data, 3);
    expect(await snacks()).toMatchObject([{ begRun: 1, runLength: 2 }]);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 5 });
    expect(await snacks()).toMatchObject([
      { begRun: 1, runLength: 2 },
      { begRun: 4, runLength: 1 },
    ]);
    for (const dataSn of [4, 2]) piece(connection, pdu, data, dataSn);
    expect(await acknowledged(connection, () => session.ping())).toBe(before);
    expect(ended).toBe(false);
    piece(connection, pdu, data, 1);
    await read;
    expect(Buffer.concat(into)).toEqual(Buffer.from(data));
    // The response and both pongs.
    expect(await acknowledged(connection, () => session.ping())).toBe(before + 2);
  });

  it('is dropped when it comes twice, and so is a status', async () => {
    const { session, connection, command, snacks } = await level1();
    const data = bytes(8);
    const into = new Uint8Array(8);
    const read = session.command({ lun: 0, cdb: CDB, read: [into] });
    const pdu = await command();
    for (const dataSn of [0, 0, 1]) piece(connection, pdu, data, dataSn);
    connection.respond(pdu);
    connection.respond(pdu, 0, EMPTY, { statSn: connection.statSn - 1 });
    await expect(read).resolves.toMatchObject({ receivedBytes: 8 });
    await session.ping();
    expect(await snacks()).toEqual([]);
  });

  it('fails its command when the target cannot send it again, once the status is there', async () => {
    const { session, connection, command, snacks } = await level1();
    const read = session.command({ lun: 0, cdb: CDB, read: [new Uint8Array(8)] });
    const refused = expect(read).rejects.toMatchObject({
      code: 'INITIATOR_DIGEST',
      detail: { part: 'data' },
    });
    const pdu = await command();
    piece(connection, pdu, bytes(8), 1);
    connection.reject(RejectReason.SNACK_REJECT, (await snacks())[0]!);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 2 });
    await refused;
    await session.ping();
    expect(session.state).toBe('ready');
  });

  it('that is spoilt again and again costs the connection in the end', async () => {
    const { session, connection, command } = await level1({
      negotiation: REQUIRED,
      reconnect: { timeoutMs: 0 },
    });
    const read = session.command({ lun: 0, cdb: CDB, read: [new Uint8Array(8)] });
    const refused = expect(read).rejects.toMatchObject({ code: 'INITIATOR_DIGEST' });
    const pdu = await command();
    for (let i = 0; i < 20 && !connection.ended; i++) {
      connection.spoilNext = true;
      piece(connection, pdu, bytes(8), 0);
    }
    await refused;
    expect(connection.ended).toBe(true);
  });
});

describe('the A bit (RFC 7143 §11.7.2, §11.16.2)', () => {
  const lun = Uint8Array.of(0, 3, 0, 0, 0, 0, 0, 0);
  const asked = { acknowledge: true, targetTransferTag: 99, lun };

  it('is answered by a DataACK with the tag and LUN of the PDU, when nothing is missing', async () => {
    const { session, connection, command, snacks } = await level1();
    const read = session.command({ lun: 3, cdb: CDB, read: [new Uint8Array(12)] });
    const pdu = await command();
    const data = bytes(12);
    piece(connection, pdu, data, 0);
    const place = { bufferOffset: 8, dataSn: 2, final: true, hasStatus: false, ...asked };
    connection.dataIn(pdu, place, data.subarray(8));
    expect(await snacks()).toMatchObject([{ snackType: SnackType.DATA_OR_R2T, begRun: 1, runLength: 1 }]);
    piece(connection, pdu, data, 1);
    expect((await snacks()).slice(1)).toMatchObject([
      {
        snackType: SnackType.DATA_ACK,
        lun,
        initiatorTaskTag: RESERVED_TAG,
        targetTransferTag: 99,
        begRun: 3,
        runLength: 0,
      },
    ]);
    connection.respond(pdu);
    await read;
  });

  it('means nothing at ErrorRecoveryLevel 0', async () => {
    const { session, connection, command, snacks } = await level1({ errorRecoveryLevel: 0 });
    const read = session.command({ lun: 3, cdb: CDB, read: [new Uint8Array(4)] });
    const pdu = await command();
    connection.dataIn(pdu, { bufferOffset: 0, dataSn: 0, final: true, ...asked }, bytes(4));
    await read;
    expect(await snacks()).toEqual([]);
  });
});

describe('a status that is missing or spoilt (RFC 7143 §7.8, §7.9)', () => {
  it('is asked for by a Status SNACK; those after it count, but are not acknowledged', async () => {
    const { session, connection, command, snacks } = await level1();
    const ended: number[] = [];
    const run = (lun: number) => session.command({ lun, cdb: CDB }).then(() => ended.push(lun));
    const all = Promise.all([run(1), run(2), run(3)]);
    const [first, second, third] = [await command(1), await command(2), await command(3)];
    const { statSn } = connection;
    connection.statSn += 2;
    connection.respond(third);
    expect(await snacks()).toMatchObject([
      { snackType: SnackType.STATUS, initiatorTaskTag: RESERVED_TAG, begRun: statSn, runLength: 2 },
    ]);
    expect(ended).toEqual([3]);
    expect(await acknowledged(connection, () => session.ping())).toBe(statSn);
    connection.respond(second, 0, EMPTY, { statSn: statSn + 1 });
    connection.respond(first, 0, EMPTY, { statSn });
    await all;
    expect(await acknowledged(connection, () => session.ping())).toBe(statSn + 4);
  });

  it('is asked for when its data digest is wrong', async () => {
    const { session, connection, command, snacks } = await level1({ negotiation: REQUIRED });
    const ended = session.command({ lun: 0, cdb: CDB });
    const pdu = await command();
    const { statSn } = connection;
    const sense = Uint8Array.of(0, 18, 0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0);
    connection.spoilNext = true;
    connection.respond(pdu, 2, sense);
    expect(await snacks()).toMatchObject([{ snackType: SnackType.STATUS, begRun: statSn, runLength: 1 }]);
    connection.respond(pdu, 2, sense, { statSn });
    await expect(ended).resolves.toMatchObject({ status: 2, sense: { senseKey: 5 } });
  });

  it('is noticed by the StatSN of a ping of the target, which it does not use up', async () => {
    const { session, connection, command, snacks } = await level1();
    const ended = session.command({ lun: 0, cdb: CDB });
    const pdu = await command();
    const { statSn } = connection;
    connection.statSn++;
    const tags = { initiatorTaskTag: RESERVED_TAG, targetTransferTag: NO_TTT };
    connection.say({ type: 'nop-in', lun: NO_LUN, ...tags, data: EMPTY, ...connection.numbers() });
    connection.statSn--;
    expect(await snacks()).toMatchObject([{ snackType: SnackType.STATUS, begRun: statSn, runLength: 1 }]);
    connection.respond(pdu, 0, EMPTY, { statSn });
    await ended;
  });

  it('is asked for once a second, and the connection is given up when it never comes', async () => {
    const { target, session, connection, command, snacks } = await level1({ pingIntervalMs: 60_000 });
    const lost = session.command({ lun: 0, cdb: CDB, idempotent: true });
    const other = session.command({ lun: 1, cdb: CDB });
    await command();
    connection.statSn++;
    connection.respond(await command(2));
    await other;
    await target.pass(3500);
    expect((await snacks()).length).toBeGreaterThanOrEqual(3);
    target.command = (on, pdu) => on.respond(pdu);
    await target.pass(10_000);
    expect(target.connections).toHaveLength(2);
    await expect(lost).resolves.toMatchObject({ status: 0 });
  });

  it('that the target cannot send again costs the connection', async () => {
    const { target, session, connection, command, snacks } = await level1();
    const lost = session.command({ lun: 0, cdb: CDB });
    const refused = expect(lost).rejects.toMatchObject({ code: 'INITIATOR_REJECTED' });
    await command();
    connection.statSn++;
    const ping = session.ping().catch(() => undefined);
    connection.reject(RejectReason.PROTOCOL_ERROR, (await snacks())[0]!);
    await Promise.all([refused, ping]);
    await target.pass(300);
    expect(session.state).toBe('ready');
  });

  it('holds back the answer to a task management function', async () => {
    const { target, session, connection, command } = await level1();
    const ended = session.command({ lun: 0, cdb: CDB });
    const pdu = await command();
    const { statSn } = connection;
    connection.statSn++;
    const reset = session.manage({ function: TaskManagementFunction.LOGICAL_UNIT_RESET, lun: 0 });
    await settle();
    const [request] = connection.sent('task-management-request');
    connection.managed(request!);
    await settle();
    connection.respond(pdu, 0, EMPTY, { statSn });
    await expect(ended).resolves.toMatchObject({ status: 0 });
    await target.pass(2000);
    expect(connection.sent('snack').at(-1)).toMatchObject({ begRun: statSn + 1, runLength: 1 });
    connection.statSn = statSn + 1;
    connection.managed(request!);
    await reset;
  });
});

describe('R2Ts (RFC 7143 §11.8)', () => {
  const negotiation = { initialR2t: true, immediateData: false };

  it('that are missing are asked for; those that come twice are not answered again', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open({ errorRecoveryLevel: 1, negotiation });
    const ended = session.command({ lun: 0, cdb: CDB, write: [bytes(100)] });
    await settle();
    const { connection } = target;
    const pdu = connection.sent('scsi-command')[0]!;
    connection.r2t(pdu, 71, 1, 40, 60);
    await settle();
    expect(connection.sent('snack')).toMatchObject([
      { snackType: SnackType.DATA_OR_R2T, initiatorTaskTag: pdu.initiatorTaskTag, begRun: 0, runLength: 1 },
    ]);
    connection.r2t(pdu, 70, 0, 0, 40);
    connection.r2t(pdu, 70, 0, 0, 40);
    await settle();
    const places = connection.sent('data-out').map((out) => [out.targetTransferTag, out.bufferOffset]);
    expect(places).toEqual([
      [71, 40],
      [70, 0],
    ]);
    connection.respond(pdu);
    await ended;
  });

  it('for recovery get the same data again, though a data PDU was rejected before', async () => {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open({ errorRecoveryLevel: 1, negotiation });
    const ended = session.command({ lun: 0, cdb: CDB, write: [bytes(100)] });
    await settle();
    const { connection } = target;
    const pdu = connection.sent('scsi-command')[0]!;
    connection.r2t(pdu, 70, 0, 0, 100);
    await settle();
    connection.reject(RejectReason.DATA_DIGEST_ERROR, connection.sent('data-out')[0]!);
    connection.r2t(pdu, 71, 1, 0, 100);
    await settle();
    const [first, again] = connection.sent('data-out');
    expect(again).toMatchObject({ targetTransferTag: 71, bufferOffset: 0, dataSn: 0, final: true });
    expect(again!.data).toEqual(first!.data);
    connection.respond(pdu);
    await expect(ended).resolves.toMatchObject({ status: 0 });
  });
});

describe('a command that the target has not received (RFC 7143 §7.2.1)', () => {
  it('is not sent for ever when its digest is wrong again and again', async () => {
    const { target, session, connection, command } = await level1();
    const ended = session.command({ lun: 0, cdb: CDB, write: [bytes(20)] });
    const refused = expect(ended).rejects.toMatchObject({ code: 'INITIATOR_REJECTED' });
    target.expCmdSn = (await command()).cmdSn;
    for (let sent = 1; sent <= 6; sent++)
      connection.reject(RejectReason.DATA_DIGEST_ERROR, await command(sent));
    await refused;
    expect(connection.sent('scsi-command')).toHaveLength(6);
    // What it leaves in the order of CmdSN is plugged (RFC 7143 §11.6.1).
    expect(connection.sent('task-management-request')).toMatchObject([{ refCmdSn: target.expCmdSn }]);
  });

  it('is sent again with all its data when its digest was wrong', async () => {
    const { target, session, connection, command } = await level1();
    const ended = session.command({ lun: 0, cdb: CDB, write: [bytes(20)] });
    const pdu = await command();
    target.expCmdSn = pdu.cmdSn;
    connection.reject(RejectReason.DATA_DIGEST_ERROR, pdu);
    const again = await command(2);
    const { expStatSn: _old, ...same } = pdu;
    expect(again).toMatchObject(same);
    target.expCmdSn = undefined;
    connection.respond(again);
    await ended;
  });

  it('is sent again when a ping shows that it is still missing', async () => {
    const { target, session, connection, command } = await level1();
    const ended = session.command({ lun: 0, cdb: CDB });
    const pdu = await command();
    target.expCmdSn = pdu.cmdSn;
    await target.pass(1000);
    expect(connection.sent('nop-out').length).toBeGreaterThanOrEqual(1);
    const again = await command(2);
    expect(again).toMatchObject({ cmdSn: pdu.cmdSn, initiatorTaskTag: pdu.initiatorTaskTag });
    target.expCmdSn = undefined;
    connection.respond(again);
    await ended;
  });

  it('is not sent again when it only takes long', async () => {
    const { target, session, connection, command } = await level1();
    const ended = session.command({ lun: 0, cdb: CDB });
    const pdu = await command();
    await target.pass(3000);
    expect(connection.sent('scsi-command')).toHaveLength(1);
    connection.respond(pdu);
    await ended;
  });

  it('and is refused leaves no gap: an ABORT TASK stands in for it (RFC 7143 §7.3)', async () => {
    const { target, session, connection, command } = await level1();
    const ended = session.command({ lun: 0, cdb: CDB });
    const refused = expect(ended).rejects.toMatchObject({ code: 'INITIATOR_REJECTED' });
    const pdu = await command();
    target.expCmdSn = pdu.cmdSn;
    connection.reject(RejectReason.INVALID_PDU_FIELD, pdu);
    await refused;
    await settle();
    expect(connection.sent('task-management-request')).toMatchObject([
      {
        function: TaskManagementFunction.ABORT_TASK,
        referencedTaskTag: pdu.initiatorTaskTag,
        refCmdSn: pdu.cmdSn,
      },
    ]);
  });
});
