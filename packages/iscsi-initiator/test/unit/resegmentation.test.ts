import {
  decodeText,
  encodeText,
  NO_TTT,
  RejectReason,
  SnackType,
  type ScsiCommandPdu,
} from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { IscsiSession, SessionOptions } from '../../src/index.ts';
import { ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);
const DATA = Uint8Array.from({ length: 24 }, (_, index) => index + 1);

/** A session whose target agrees to every text, and answers no command by itself. */
async function open(options: Partial<SessionOptions> = {}, answer = {}) {
  const target = new ScriptedTarget();
  const texts: Record<string, string>[] = [];
  const { answer: usual } = target;
  target.answer = (connection, pdu) => {
    if (pdu.type !== 'text-request') return usual.call(target, connection, pdu);
    texts.push(Object.fromEntries(decodeText(pdu.data)));
    const tags = { initiatorTaskTag: pdu.initiatorTaskTag, targetTransferTag: NO_TTT };
    const data = encodeText(Object.entries(answer));
    const flags = { final: true, continue: false, lun: NO_LUN };
    connection.say({ type: 'text-response', ...flags, ...tags, data, ...connection.numbers() });
  };
  target.command = () => undefined;
  const session = await target.open({ errorRecoveryLevel: 1, ...options });
  await settle();
  return { target, session, connection: target.connections[0]!, texts };
}

/** A read of 24 bytes that has lost its PDU 1 of four bytes, and then all segments become longer. */
async function lossy(session: IscsiSession, connection: ScriptedConnection) {
  const into = new Uint8Array(24);
  const read = session.command({ lun: 0, cdb: CDB, read: [into] });
  await settle();
  const pdu = connection.sent('scsi-command')[0]!;
  send(connection, pdu, 0, 4, 0);
  await session.changeReceiveSegment(1024);
  return { into, read, pdu };
}

/** One Data-In PDU. */
function send(
  connection: ScriptedConnection,
  pdu: ScsiCommandPdu,
  bufferOffset: number,
  length: number,
  dataSn: number,
  more = {},
): void {
  const place = { bufferOffset, dataSn, final: bufferOffset + length === DATA.length, hasStatus: false };
  connection.dataIn(pdu, { ...place, ...more }, DATA.subarray(bufferOffset, bufferOffset + length));
}

describe('another MaxRecvDataSegmentLength in full feature phase (RFC 7143 §13.12)', () => {
  it('is declared on every connection, and by those that come later', async () => {
    const { target, session, texts } = await open({ connections: 2, maxConnections: 3 });
    await session.changeReceiveSegment(65_536);
    expect(texts).toEqual(Array.from({ length: 2 }, () => ({ MaxRecvDataSegmentLength: '65536' })));
    expect(session.parameters).toMatchObject({ maxReceiveSegmentBytes: 65_536 });
    await session.addConnection();
    const [, operational] = target.connection.sent('login-request');
    expect(Object.fromEntries(decodeText(operational!.data))).toMatchObject({
      MaxRecvDataSegmentLength: '65536',
    });
  });

  it('is refused when it is none, or the target does not take it', async () => {
    const { session } = await open({}, { MaxRecvDataSegmentLength: 'Reject' });
    await expect(session.changeReceiveSegment(100)).rejects.toMatchObject({ code: 'INITIATOR_OPTIONS' });
    await expect(session.changeReceiveSegment(1024)).rejects.toMatchObject({ code: 'INITIATOR_NEGOTIATION' });
  });
});

describe('data that is missing after that (R-Data SNACK, RFC 7143 §11.16.3)', () => {
  it('comes again from the beginning, cut anew, with a response that has the SNACK Tag', async () => {
    const { session, connection } = await open();
    const { into, read, pdu } = await lossy(session, connection);
    send(connection, pdu, 8, 4, 2);
    await settle();
    expect(connection.sent('snack')).toMatchObject([
      {
        snackType: SnackType.R_DATA,
        initiatorTaskTag: pdu.initiatorTaskTag,
        targetTransferTag: 1,
        begRun: 0,
        runLength: 0,
      },
    ]);
    // Still on their way when the SNACK went out: none of it counts.
    send(connection, pdu, 12, 12, 3);
    const { statSn } = connection;
    connection.respond(pdu, 0, EMPTY, { expDataSn: 4 });
    send(connection, pdu, 0, 16, 0);
    send(connection, pdu, 16, 8, 1);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 2, snackTag: 1, statSn });
    await expect(read).resolves.toMatchObject({ status: 0, receivedBytes: 24 });
    expect(into).toEqual(DATA);
    await session.ping();
    expect(connection.sent('nop-out').at(-1)!.expStatSn).toBe(statSn + 1);
  });

  it('comes again even after a status that waited for it', async () => {
    const { session, connection } = await open();
    const into = new Uint8Array(24);
    const read = session.command({ lun: 0, cdb: CDB, read: [into] });
    await settle();
    const pdu = connection.sent('scsi-command')[0]!;
    send(connection, pdu, 0, 4, 0);
    await session.changeReceiveSegment(1024);
    const { statSn } = connection;
    connection.respond(pdu, 0, EMPTY, { expDataSn: 6 });
    await settle();
    expect(connection.sent('snack')).toMatchObject([{ snackType: SnackType.R_DATA, targetTransferTag: 1 }]);
    send(connection, pdu, 0, 24, 0);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 1, snackTag: 1, statSn });
    await expect(read).resolves.toMatchObject({ receivedBytes: 24 });
    expect(into).toEqual(DATA);
  });

  it('comes from where a DataACK has acknowledged it', async () => {
    const { session, connection } = await open();
    const into = new Uint8Array(24);
    const read = session.command({ lun: 0, cdb: CDB, read: [into] });
    await settle();
    const pdu = connection.sent('scsi-command')[0]!;
    send(connection, pdu, 0, 4, 0);
    send(connection, pdu, 4, 4, 1, { acknowledge: true, targetTransferTag: 5 });
    await session.changeReceiveSegment(1024);
    send(connection, pdu, 12, 4, 3);
    await settle();
    expect(connection.sent('snack').map(({ snackType }) => snackType)).toEqual([
      SnackType.DATA_ACK,
      SnackType.R_DATA,
    ]);
    send(connection, pdu, 8, 16, 2);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 3, snackTag: 1 });
    await expect(read).resolves.toMatchObject({ receivedBytes: 24 });
    expect(into).toEqual(DATA);
  });

  it('is asked for by itself when it is lost once more', async () => {
    const { session, connection } = await open();
    const { into, read, pdu } = await lossy(session, connection);
    send(connection, pdu, 8, 4, 2);
    send(connection, pdu, 0, 8, 0);
    send(connection, pdu, 16, 8, 2);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 3, snackTag: 1 });
    await settle();
    expect(connection.sent('snack')).toMatchObject([
      { snackType: SnackType.R_DATA },
      { snackType: SnackType.DATA_OR_R2T, begRun: 1, runLength: 1 },
    ]);
    send(connection, pdu, 8, 8, 1);
    await expect(read).resolves.toMatchObject({ receivedBytes: 24 });
    expect(into).toEqual(DATA);
  });

  it('comes all again, with another tag, when the length has changed once more', async () => {
    const { session, connection } = await open();
    const { into, read, pdu } = await lossy(session, connection);
    send(connection, pdu, 8, 4, 2);
    send(connection, pdu, 0, 16, 0);
    await session.changeReceiveSegment(2048);
    const { statSn } = connection;
    connection.respond(pdu, 0, EMPTY, { expDataSn: 2, snackTag: 1 });
    await settle();
    expect(connection.sent('snack').map((snack) => snack.targetTransferTag)).toEqual([1, 2]);
    send(connection, pdu, 0, 24, 0);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 1, snackTag: 2, statSn });
    await expect(read).resolves.toMatchObject({ receivedBytes: 24 });
    expect(into).toEqual(DATA);
  });

  it('fails its command when the target cannot do that', async () => {
    const { session, connection } = await open();
    const { read, pdu } = await lossy(session, connection);
    const refused = expect(read).rejects.toMatchObject({ code: 'INITIATOR_DIGEST' });
    send(connection, pdu, 8, 4, 2);
    await settle();
    connection.reject(RejectReason.SNACK_REJECT, connection.sent('snack')[0]!);
    connection.respond(pdu, 0, EMPTY, { expDataSn: 6 });
    await refused;
    await session.ping();
    expect(session.state).toBe('ready');
  });
});
