import {
  NO_TTT,
  RejectReason,
  SnackType,
  encodeText,
  serializePdu,
  type DataInPdu,
  type InitiatorPdu,
  type R2tPdu,
  type ScsiResponsePdu,
  type SnackPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { mediumError, ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let initiator: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  for (let i = 0; i < 65_536; i++) scsi.bytes[i] = (i * 11 + (i >> 7)) & 255;
  const engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  initiator = new TestInitiator(engine);
  const keys = {
    ErrorRecoveryLevel: '1',
    DataDigest: 'CRC32C',
    InitialR2T: 'No',
    MaxRecvDataSegmentLength: '1024',
    MaxBurstLength: '2048',
    FirstBurstLength: '2048',
  };
  await initiator.login({ keys });
});

function snack(fields: Partial<SnackPdu>): SnackPdu {
  return {
    type: 'snack',
    snackType: SnackType.DATA_OR_R2T,
    lun: new Uint8Array(8),
    initiatorTaskTag: 0xffffffff,
    targetTransferTag: 0xffffffff,
    expStatSn: 0,
    begRun: 0,
    runLength: 0,
    ...fields,
  };
}

/** Sends PDUs; those named by index arrive with a wrong data digest. */
function sendDamaged(pdus: readonly InitiatorPdu[], ...damaged: number[]): Promise<TargetPdu[]> {
  const pieces = pdus.map((pdu, index) => {
    const bytes = serializePdu(pdu, { header: false, data: true });
    if (damaged.includes(index)) bytes[bytes.length - 1] = bytes[bytes.length - 1]! ^ 0xff;
    return bytes;
  });
  return initiator.sendBytes(...pieces);
}

const data = Uint8Array.from({ length: 4096 }, (_, i) => (i * 17) & 255);

describe('ErrorRecoveryLevel 1 (RFC 7143 §7.1.4)', () => {
  it('status goes in a PDU of its own, so that it can be asked for by itself', async () => {
    const pdus = await initiator.send(initiator.read10(0, 4));
    expect(pdus.map((pdu) => pdu.type)).toEqual(['data-in', 'data-in', 'scsi-response']);
    expect(pdus[2]).toMatchObject({ status: 0, expDataSn: 2 });
  });

  it('a Data SNACK brings the named Data-In PDUs again, alike to the last byte of their place (§11.16.1)', async () => {
    const command = initiator.read10(0, 8);
    const { initiatorTaskTag } = command;
    const sent = (await initiator.send(command)).filter((pdu): pdu is DataInPdu => pdu.type === 'data-in');
    const again = (await initiator.send(snack({ initiatorTaskTag, begRun: 1, runLength: 2 }))) as DataInPdu[];
    const place = ({ dataSn, bufferOffset, final, data: bytes }: DataInPdu) => ({
      dataSn,
      bufferOffset,
      final,
      bytes,
    });
    expect(again.map(place)).toEqual(sent.slice(1, 3).map(place));
    expect(await initiator.send(snack({ initiatorTaskTag, begRun: 2 }))).toHaveLength(2);
  });

  it('works while the command is still at work', async () => {
    scsi.held = true;
    const command = initiator.read10(0, 4);
    await initiator.send(command);
    scsi.release();
    scsi.held = true;
    const [first] = await initiator.settle();
    expect(first).toMatchObject({ type: 'data-in', dataSn: 0 });
    scsi.release();
    const rest = await initiator.send(snack({ initiatorTaskTag: command.initiatorTaskTag, runLength: 1 }));
    expect(rest.map((pdu) => (pdu as DataInPdu).dataSn)).toEqual(expect.arrayContaining([0, 1]));
  });

  it.each([
    [
      'at once',
      () => {
        throw mediumError();
      },
    ],
    ['later', () => Promise.reject(mediumError())],
  ])('a Data SNACK for what the medium does not give any more is rejected: %s', async (_, fail) => {
    let read = (): void | Promise<void> => undefined;
    scsi.override = () => ({ kind: 'data-in', lengthBytes: 4096, read: () => read() });
    const command = initiator.read10(0, 8);
    await initiator.send(command);
    read = fail;
    const asked = snack({ initiatorTaskTag: command.initiatorTaskTag, begRun: 1, runLength: 1 });
    expect(await initiator.send(asked)).toMatchObject([
      { type: 'reject', reason: RejectReason.SNACK_REJECT },
    ]);
  });

  it('a Status SNACK brings the same response again, until ExpStatSN acknowledges it (§4.2.2.2)', async () => {
    const pdus = await initiator.send(initiator.command([0]));
    const [status] = pdus as ScsiResponsePdu[];
    const ask = snack({ snackType: SnackType.STATUS, begRun: status!.statSn, runLength: 1 });
    expect(await initiator.send(ask)).toEqual([status]);
    const acknowledged = await initiator.send({ ...ask, expStatSn: status!.statSn + 1 });
    expect(acknowledged).toMatchObject([{ type: 'reject', reason: RejectReason.PROTOCOL_ERROR }]);
  });

  it('an R2T SNACK brings an open R2T again', async () => {
    const command = initiator.write10(0, 8);
    const [r2t] = await initiator.send(command);
    expect(await initiator.send(snack({ initiatorTaskTag: command.initiatorTaskTag }))).toEqual([r2t]);
  });

  it('data with a wrong digest is rejected and asked for again by a recovery R2T (§7.8 a)', async () => {
    const command = initiator.write10(8, 4, { final: false });
    const outs = [0, 1, 2, 3].map((dataSn) =>
      initiator.dataOut(command, {
        data: data.subarray(dataSn * 512, (dataSn + 1) * 512),
        bufferOffset: dataSn * 512,
        dataSn,
        final: dataSn === 3,
      }),
    );
    const [reject, r2t, ...more] = await sendDamaged([command, ...outs], 2);
    expect(reject).toMatchObject({ type: 'reject', reason: RejectReason.DATA_DIGEST_ERROR });
    expect(r2t).toMatchObject({ type: 'r2t', bufferOffset: 512, desiredDataTransferLength: 1536 });
    expect(more).toEqual([]);
    const rest = initiator.dataOut(command, {
      targetTransferTag: (r2t as R2tPdu).targetTransferTag,
      data: data.subarray(512, 2048),
      bufferOffset: 512,
      dataSn: 0,
      final: true,
    });
    expect(await initiator.send(rest)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
    expect(scsi.bytes.subarray(8 * 512, 12 * 512)).toEqual(data.subarray(0, 2048));
  });

  it('a sequence whose last PDU is damaged is recovered too', async () => {
    const command = initiator.write10(8, 1, { final: false });
    const out = initiator.dataOut(command, {
      data: data.subarray(0, 512),
      bufferOffset: 0,
      dataSn: 0,
      final: true,
    });
    const [, r2t] = await sendDamaged([command, out], 1);
    expect(r2t).toMatchObject({ type: 'r2t', bufferOffset: 0, desiredDataTransferLength: 512 });
  });

  it('a command whose immediate data is damaged counts as not received, and may be sent again (§7.2.1)', async () => {
    const command = initiator.write10(8, 1, { data: data.subarray(0, 512) });
    expect(await sendDamaged([command], 0)).toMatchObject([{ type: 'reject', expCmdSn: command.cmdSn }]);
    expect(scsi.executed).toHaveLength(0);
    expect(await initiator.send(command)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
  });

  it.each([
    ['an R-Data SNACK from the middle on', { snackType: SnackType.R_DATA, begRun: 1 }],
    ['data of a task that is not there', { initiatorTaskTag: 4711 }],
    ['a run that was never sent', { begRun: 99 }],
  ])('rejects %s', async (_what, fields) => {
    const command = initiator.read10(0, 1);
    await initiator.send(command);
    const pdus = await initiator.send(snack({ initiatorTaskTag: command.initiatorTaskTag, ...fields }));
    expect(pdus).toMatchObject([{ type: 'reject', reason: RejectReason.PROTOCOL_ERROR }]);
  });

  it('Data-In asks for a DataACK every MaxBurstLength; acknowledged data never comes again (§11.16.2)', async () => {
    const command = initiator.read10(0, 12);
    const { initiatorTaskTag } = command;
    const pdus = (await initiator.send(command)).filter((pdu): pdu is DataInPdu => pdu.type === 'data-in');
    expect(pdus.map(({ acknowledge }) => acknowledge)).toEqual([false, true, false, true, false, false]);
    const [, { targetTransferTag } = pdus[0]!] = pdus;
    expect(pdus.map((pdu) => pdu.targetTransferTag)).toEqual(
      [false, true, false, true, false, false].map((asks) => (asks ? targetTransferTag : NO_TTT)),
    );
    expect(
      await initiator.send(snack({ snackType: SnackType.DATA_ACK, targetTransferTag, begRun: 2 })),
    ).toEqual([]);
    const [reject] = await initiator.send(snack({ initiatorTaskTag, begRun: 1, runLength: 1 }));
    expect(reject).toMatchObject({ type: 'reject', reason: RejectReason.PROTOCOL_ERROR });
    const again = await initiator.send(snack({ initiatorTaskTag, begRun: 2 }));
    expect(again).toMatchObject([2, 3, 4, 5].map((dataSn) => ({ dataSn, bufferOffset: dataSn * 1024 })));
    const all = await initiator.send(
      snack({ snackType: SnackType.R_DATA, initiatorTaskTag, targetTransferTag: 9 }),
    );
    expect(all).toMatchObject([...[2, 3, 4, 5].map((dataSn) => ({ dataSn })), { snackTag: 9, expDataSn: 6 }]);
  });

  it.each([
    ['that nobody asked for', 77, 1],
    ['of data that was not sent', undefined, 99],
  ])('a DataACK %s is rejected (§11.17.1)', async (_what, tag, begRun) => {
    const pdus = await initiator.send(initiator.read10(0, 8));
    const targetTransferTag = tag ?? (pdus[1] as DataInPdu).targetTransferTag;
    const ack = snack({ snackType: SnackType.DATA_ACK, targetTransferTag, begRun });
    expect(await initiator.send(ack)).toMatchObject([
      { type: 'reject', reason: RejectReason.INVALID_DATA_ACK },
    ]);
  });

  it('an R-Data SNACK brings all data, cut as it is taken now, and a response with its tag (§11.16.3)', async () => {
    const command = initiator.read10(0, 4);
    const before = await initiator.send(command);
    const text = {
      immediate: true,
      final: true,
      continue: false,
      lun: new Uint8Array(8),
      initiatorTaskTag: 77,
    };
    const numbers = { targetTransferTag: 0xffffffff, cmdSn: initiator.cmdSn, expStatSn: 0 };
    const change = encodeText([['MaxRecvDataSegmentLength', '512']]);
    await initiator.send({ type: 'text-request', ...text, ...numbers, data: change });
    const { initiatorTaskTag } = command;
    const ask = snack({ snackType: SnackType.R_DATA, initiatorTaskTag, targetTransferTag: 5 });
    const again = await initiator.send(ask);
    const data = again.filter((pdu): pdu is DataInPdu => pdu.type === 'data-in');
    expect(data.map(({ dataSn, bufferOffset }) => [dataSn, bufferOffset])).toEqual([
      [0, 0],
      [1, 512],
      [2, 1024],
      [3, 1536],
    ]);
    const { statSn } = before.at(-1) as ScsiResponsePdu;
    expect(again.at(-1)).toMatchObject({ type: 'scsi-response', snackTag: 5, statSn, expDataSn: 4 });
    const status = snack({ snackType: SnackType.STATUS, begRun: statSn, runLength: 1 });
    expect(await initiator.send(status)).toMatchObject([{ type: 'scsi-response', snackTag: 5, statSn }]);
  });

  it('an R-Data SNACK overtakes a read that is at work', async () => {
    scsi.held = true;
    const command = initiator.read10(0, 2);
    await initiator.send(command);
    const { initiatorTaskTag } = command;
    await initiator.send(snack({ snackType: SnackType.R_DATA, initiatorTaskTag, targetTransferTag: 6 }));
    scsi.release();
    const pdus = await initiator.settle();
    expect(pdus).toMatchObject([
      { type: 'data-in', dataSn: 0 },
      { type: 'scsi-response', snackTag: 6 },
    ]);
    expect((pdus[0] as DataInPdu).data).toEqual(scsi.bytes.slice(0, 1024));
  });

  it('small SNACKs that ask for much never send faster than the socket takes', async () => {
    const command = initiator.read10(0, 2048);
    await initiator.send(command);
    initiator.transport.stalled = true;
    const ask = snack({ initiatorTaskTag: command.initiatorTaskTag });
    for (let i = 0; i < 100; i++) await initiator.send(ask);
    expect(initiator.connection.outbox.backlogBytes).toBeLessThan(2 * 2_097_152 + 10_000);
    initiator.transport.unstall();
    const again = await initiator.settle();
    expect(again.filter((pdu) => pdu.type === 'data-in').length).toBeGreaterThan(1024);
  });

  it('forgets the oldest when an initiator acknowledges nothing', async () => {
    for (let i = 0; i < 600; i++) await initiator.send(initiator.command([0], { expStatSn: 0 }));
    const all = await initiator.send(snack({ snackType: SnackType.STATUS }));
    expect(all).toHaveLength(512);
  });
});
