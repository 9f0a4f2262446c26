import { RejectReason, type ScsiResponsePdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, loggedIn } from '../support/initiator.ts';
import { ofType, typesOf } from '../support/requests.ts';
import { ScriptedScsi, mediumError } from '../support/scripted-scsi.ts';

const OUT_OF_RANGE = 0x0fff_0000;

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

/** Data-Out of a whole command in PDUs of 512 bytes. */
function blocks(count: number): { data: Uint8Array; bufferOffset: number; dataSn: number; final: boolean }[] {
  return Array.from({ length: count }, (_, dataSn) => ({
    data: new Uint8Array(512).fill(dataSn + 1),
    bufferOffset: dataSn * 512,
    dataSn,
    final: dataSn === count - 1,
  }));
}

describe('status while data is expected (RFC 7143 §11.4.2, §11.17.1)', () => {
  it('an error of the device waits for the F bit of the unsolicited data', async () => {
    const initiator = await loggedIn(engine, { InitialR2T: 'No' });
    const command = initiator.write10(OUT_OF_RANGE, 3, { final: false });
    expect(await initiator.send(command)).toEqual([]);
    const [first, second, last] = blocks(3).map((fields) => initiator.dataOut(command, fields));
    expect(await initiator.send(first!, second!)).toEqual([]);
    expect(await initiator.send(last!)).toMatchObject([{ type: 'scsi-response', status: 2 }]);
  });

  it('an error of the device waits for the F bit of every sequence that an R2T has asked for', async () => {
    const keys = { MaxBurstLength: '512', MaxOutstandingR2T: '2', ImmediateData: 'No' };
    const initiator = await loggedIn(engine, keys);
    scsi.override = () => ({
      kind: 'data-out',
      lengthBytes: 1024,
      write: () => {
        throw mediumError();
      },
      finish: () => ({ kind: 'finished', status: 0 }),
    });
    const command = initiator.write10(0, 2);
    const r2ts = ofType(await initiator.send(command), 'r2t');
    expect(r2ts).toHaveLength(2);
    const outs = blocks(2).map((fields, index) => {
      const { targetTransferTag } = r2ts[index]!;
      return initiator.dataOut(command, { ...fields, targetTransferTag, dataSn: 0, final: true });
    });
    expect(await initiator.send(outs[0]!)).toEqual([]);
    expect(await initiator.send(outs[1]!)).toMatchObject([{ type: 'scsi-response', status: 2 }]);
  });

  it('a task that a Reject has ended gets CHECK CONDITION, after the F bit of its data', async () => {
    const initiator = await loggedIn(engine, { InitialR2T: 'No', DataDigest: 'CRC32C' });
    const { serializePdu } = await import('@lunbox/iscsi-pdu');
    const command = initiator.write10(0, 2, { final: false });
    const [damaged, last] = blocks(2).map((fields) => initiator.dataOut(command, fields));
    const bytes = serializePdu(damaged!, { header: false, data: true });
    bytes[60]! ^= 1;
    await initiator.send(command);
    expect(await initiator.sendBytes(bytes)).toMatchObject([
      { type: 'reject', reason: RejectReason.DATA_DIGEST_ERROR },
    ]);
    const [response] = (await initiator.send(last!)) as ScsiResponsePdu[];
    expect(response).toMatchObject({ type: 'scsi-response', status: 2 });
    // RFC 7143 §11.4.7.2: Protocol Service CRC error.
    expect([response!.data[4]! & 0x0f, response!.data[14], response!.data[15]]).toEqual([0x0b, 0x47, 0x05]);
  });
});

describe('residuals (RFC 7143 §11.4.5)', () => {
  const none = { overflow: false, underflow: false, residualCount: 0 };
  const over = (residualCount: number) => ({ overflow: true, underflow: false, residualCount });
  const under = (residualCount: number) => ({ overflow: false, underflow: true, residualCount });

  it.each([
    [1024, 1024, none],
    [1024, 512, over(512)],
    [1024, 1, over(1023)],
    [512, 1024, under(512)],
    [512, 4096, under(3584)],
  ])('a read that presents %d bytes where %d are expected', async (presented, expected, residual) => {
    const initiator = await loggedIn(engine);
    const command = initiator.read10(0, presented / 512, { expectedDataTransferLength: expected });
    expect((await initiator.send(command)).at(-1)).toMatchObject(residual);
  });

  it.each([
    [1024, 1024, none],
    [1024, 512, over(512)],
    [512, 1024, under(512)],
  ])('a write that takes %d bytes where %d are expected', async (taken, expected, residual) => {
    const initiator = await loggedIn(engine);
    const data = new Uint8Array(expected);
    const fields = { expectedDataTransferLength: expected, data };
    const pdus = await initiator.send(initiator.write10(0, taken / 512, fields));
    expect(pdus).toMatchObject([{ type: 'scsi-response', status: 0, ...residual }]);
  });

  it.each([
    ['as much as is presented', 24, 24, none],
    ['more than the allocation length', 24, 64, under(40)],
    ['the allocation length, of which less is presented', 16, 24, under(8)],
  ])('REPORT LUNS with %s has no overflow', async (_what, presented, expected, residual) => {
    const initiator = await loggedIn(engine);
    scsi.override = () => ({ kind: 'finished', status: 0, data: new Uint8Array(presented) });
    const cdb = [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 24];
    const command = initiator.command(cdb, { read: true, expectedDataTransferLength: expected });
    expect((await initiator.send(command)).at(-1)).toMatchObject(residual);
  });

  it('without O or U bit the count is 0, whatever the status', async () => {
    const initiator = await loggedIn(engine);
    expect(await initiator.send(initiator.command([0]))).toMatchObject([none]);
    const none0 = initiator.read10(OUT_OF_RANGE, 1, { read: false, expectedDataTransferLength: 0 });
    expect(await initiator.send(none0)).toMatchObject([{ status: 2, ...none }]);
  });
});

describe('the SCSI Response PDU (RFC 7143 §11.4)', () => {
  it('carries sense data with CHECK CONDITION, after its length', async () => {
    const initiator = await loggedIn(engine);
    const [response] = (await initiator.send(initiator.read10(OUT_OF_RANGE, 1))) as ScsiResponsePdu[];
    expect(response).toMatchObject({ type: 'scsi-response', response: 0, status: 2 });
    expect(response!.data[0]! * 256 + response!.data[1]!).toBe(response!.data.length - 2);
    expect([response!.data[4]! & 0x0f, response!.data[14]]).toEqual([0x05, 0x21]);
  });

  it('ends a read that failed after some of its data, with the number of Data-In PDUs sent', async () => {
    const initiator = await loggedIn(engine, { MaxRecvDataSegmentLength: '512' });
    scsi.override = () => ({
      kind: 'data-in',
      lengthBytes: 1536,
      read: (_into, at) => {
        if (at >= 1024) throw mediumError();
      },
    });
    const pdus = await initiator.send(initiator.read10(0, 3));
    expect(typesOf(pdus)).toEqual(['data-in', 'data-in', 'scsi-response']);
    expect(ofType(pdus, 'data-in').some(({ hasStatus }) => hasStatus)).toBe(false);
    expect(pdus.at(-1)).toMatchObject({ status: 2, expDataSn: 2 });
  });

  it('has an ExpDataSN of 0 when there was no Data-In', async () => {
    const initiator = await loggedIn(engine, { ImmediateData: 'No' });
    expect(await initiator.send(initiator.command([0]))).toMatchObject([{ expDataSn: 0 }]);
    const command = initiator.write10(0, 1);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    const { targetTransferTag } = r2t!;
    const out = initiator.dataOut(command, { ...blocks(1)[0]!, targetTransferTag });
    expect(await initiator.send(out)).toMatchObject([{ type: 'scsi-response', expDataSn: 0 }]);
  });
});
