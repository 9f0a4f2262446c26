import type { DataInPdu, R2tPdu, RejectPdu, ScsiResponsePdu, TargetPdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, loggedIn } from '../support/initiator.ts';
import { ScriptedScsi, mediumError } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  for (let i = 0; i < scsi.bytes.length; i++) scsi.bytes[i] = (i * 7 + (i >> 9)) & 255;
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

function types(pdus: readonly TargetPdu[]): string[] {
  return pdus.map((pdu) => pdu.type);
}

function joined(pdus: readonly TargetPdu[]): Uint8Array {
  return Buffer.concat(pdus.filter((pdu): pdu is DataInPdu => pdu.type === 'data-in').map((pdu) => pdu.data));
}

describe('Data-In (RFC 7143 §11.7)', () => {
  it('carries GOOD status in its last PDU', async () => {
    const initiator = await loggedIn(engine);
    const pdus = await initiator.send(initiator.read10(3, 2));
    expect(types(pdus)).toEqual(['data-in']);
    expect(pdus[0]).toMatchObject({
      final: true,
      hasStatus: true,
      status: 0,
      dataSn: 0,
      targetTransferTag: 0xffffffff,
    });
    expect(joined(pdus)).toEqual(Buffer.from(scsi.bytes.subarray(3 * 512, 5 * 512)));
  });

  it('is cut at the MaxRecvDataSegmentLength of the initiator and numbered', async () => {
    const initiator = await loggedIn(engine, { MaxRecvDataSegmentLength: '1024' });
    const pdus = (await initiator.send(initiator.read10(0, 5))) as DataInPdu[];
    expect(pdus.map((pdu) => [pdu.dataSn, pdu.bufferOffset, pdu.data.length, pdu.hasStatus])).toEqual([
      [0, 0, 1024, false],
      [1, 1024, 1024, false],
      [2, 2048, 512, true],
    ]);
  });

  it('sets the F bit at the end of each burst of MaxBurstLength', async () => {
    const initiator = await loggedIn(engine, { MaxRecvDataSegmentLength: '1024', MaxBurstLength: '1536' });
    const pdus = (await initiator.send(initiator.read10(0, 6))) as DataInPdu[];
    expect(pdus.map((pdu) => [pdu.data.length, pdu.final])).toEqual([
      [1024, false],
      [512, true],
      [1024, false],
      [512, true],
    ]);
  });

  it.each(['No', 'Yes'])('is right with digests and an odd segment length (slow disk: %s)', async (slow) => {
    const keys = { HeaderDigest: 'CRC32C', DataDigest: 'CRC32C', MaxRecvDataSegmentLength: '1021' };
    const initiator = await loggedIn(engine, keys);
    scsi.held = slow === 'Yes';
    const early = await initiator.send(initiator.read10(1, 4));
    const late: TargetPdu[] = [];
    for (let i = 0; i < 4; i++) {
      scsi.release();
      late.push(...(await initiator.settle()));
    }
    expect(joined([...early, ...late])).toEqual(Buffer.from(scsi.bytes.subarray(512, 5 * 512)));
  });

  it('answers a residual underflow and overflow (RFC 7143 §11.4.5)', async () => {
    const initiator = await loggedIn(engine);
    const [under] = await initiator.send(initiator.read10(0, 1, { expectedDataTransferLength: 2048 }));
    expect(under).toMatchObject({ type: 'data-in', underflow: true, residualCount: 1536 });
    const [over] = await initiator.send(initiator.read10(0, 4, { expectedDataTransferLength: 512 }));
    expect(over).toMatchObject({ type: 'data-in', overflow: true, residualCount: 1536 });
    expect((over as DataInPdu).data).toHaveLength(512);
  });

  it('T-V5: a command without data that was sent with the R bit and a length ends GOOD with a residual', async () => {
    const initiator = await loggedIn(engine);
    const [response] = await initiator.send(
      initiator.command([0], { read: true, expectedDataTransferLength: 96 }),
    );
    expect(response).toMatchObject({ type: 'scsi-response', status: 0, underflow: true, residualCount: 96 });
  });

  it('ends with CHECK CONDITION and sense when the medium fails', async () => {
    const initiator = await loggedIn(engine);
    scsi.override = () => ({
      kind: 'data-in',
      lengthBytes: 512,
      read: () => {
        throw mediumError();
      },
    });
    const [response] = (await initiator.send(initiator.read10(0, 1))) as ScsiResponsePdu[];
    expect(response).toMatchObject({ type: 'scsi-response', status: 2, expDataSn: 0 });
    const senseLength = (response!.data[0]! << 8) | response!.data[1]!;
    expect(response!.data).toHaveLength(2 + senseLength);
    expect(response!.data[2]! & 0x7f).toBe(0x70);
    expect(response!.data[4]! & 0x0f).toBe(3);
  });

  it('stops producing while the socket is full, and goes on when it drains', async () => {
    const keys = { MaxRecvDataSegmentLength: '262144' };
    const initiator = await loggedIn(engine, keys);
    initiator.transport.stalled = true;
    const commands = Array.from({ length: 64 }, () => initiator.read10(0, 512));
    const bytes = commands.length * 512 * 512;
    for (const command of commands) await initiator.send(command);
    expect(initiator.connection.outbox.backlogBytes).toBeLessThan(3 * 1024 * 1024);
    initiator.transport.unstall();
    const pdus = await initiator.settle();
    expect(joined(pdus).length).toBeLessThanOrEqual(bytes);
    expect(initiator.connection.outbox.backlogBytes).toBe(0);
  });
});

describe('Data-Out (RFC 7143 §4.2.5.2)', () => {
  const data = Uint8Array.from({ length: 4096 }, (_, i) => (i * 13) & 255);

  it('takes immediate data', async () => {
    const initiator = await loggedIn(engine);
    const pdus = await initiator.send(initiator.write10(8, 8, { data }));
    expect(pdus).toMatchObject([{ type: 'scsi-response', status: 0, residualCount: 0 }]);
    expect(scsi.bytes.subarray(8 * 512, 16 * 512)).toEqual(data);
    expect(scsi.ended).toBe(1);
  });

  it('takes immediate and unsolicited data', async () => {
    const initiator = await loggedIn(engine, { InitialR2T: 'No' });
    const command = initiator.write10(8, 8, { data: data.subarray(0, 1000), final: false });
    const pdus = await initiator.send(
      command,
      initiator.dataOut(command, {
        data: data.subarray(1000, 3000),
        bufferOffset: 1000,
        dataSn: 0,
        final: false,
      }),
      initiator.dataOut(command, { data: data.subarray(3000), bufferOffset: 3000, dataSn: 1, final: true }),
    );
    expect(pdus).toMatchObject([{ type: 'scsi-response', status: 0 }]);
    expect(scsi.bytes.subarray(8 * 512, 16 * 512)).toEqual(data);
  });

  it('T-K5: asks for the rest by R2T, no more than MaxOutstandingR2T at a time, none for a non-final PDU', async () => {
    const initiator = await loggedIn(engine, {
      MaxBurstLength: '1024',
      FirstBurstLength: '512',
      MaxOutstandingR2T: '2',
    });
    const command = initiator.write10(8, 8, { data: data.subarray(0, 512) });
    const open = (await initiator.send(command)) as R2tPdu[];
    expect(open.map((r2t) => [r2t.r2tSn, r2t.bufferOffset, r2t.desiredDataTransferLength])).toEqual([
      [0, 512, 1024],
      [1, 1536, 1024],
    ]);
    let last: TargetPdu | undefined;
    while (open.length > 0) {
      const { bufferOffset, targetTransferTag, desiredDataTransferLength } = open.shift() as R2tPdu;
      const half = desiredDataTransferLength / 2;
      const parts = [0, half].map((at, dataSn) =>
        initiator.dataOut(command, {
          targetTransferTag,
          bufferOffset: bufferOffset + at,
          data: data.slice(bufferOffset + at, bufferOffset + at + half),
          dataSn,
          final: dataSn === 1,
        }),
      );
      expect(await initiator.send(parts[0]!)).toEqual([]);
      const answers = await initiator.send(parts[1]!);
      open.push(...answers.filter((pdu): pdu is R2tPdu => pdu.type === 'r2t'));
      last = answers.at(-1);
    }
    expect(last).toMatchObject({ type: 'scsi-response', status: 0, expDataSn: 0 });
    expect(scsi.bytes.subarray(8 * 512, 16 * 512)).toEqual(data);
  });

  it('T-K8: a wrong DataSN fails the command and nothing of the sequence is written', async () => {
    const initiator = await loggedIn(engine, { InitialR2T: 'No' });
    const before = scsi.bytes.slice(8 * 512, 16 * 512);
    const command = initiator.write10(8, 8, { final: false });
    const pdus = await initiator.send(
      command,
      initiator.dataOut(command, { data: data.subarray(0, 2048), bufferOffset: 0, dataSn: 0, final: false }),
      initiator.dataOut(command, { data: data.subarray(2048), bufferOffset: 2048, dataSn: 0, final: true }),
    );
    expect(pdus).toMatchObject([{ type: 'scsi-response', status: 2 }]);
    expect(scsi.bytes.subarray(8 * 512, 16 * 512)).toEqual(before);
  });

  it('T-K6: data is matched by its tags, whatever LUN it names', async () => {
    const initiator = await loggedIn(engine, { InitialR2T: 'No' });
    const command = initiator.write10(8, 8, { final: false });
    const out = initiator.dataOut(command, { data, bufferOffset: 0, dataSn: 0, final: true });
    const [response] = await initiator.send(command, {
      ...out,
      lun: Uint8Array.of(0, 5, 0, 0, 0, 0, 0, 0),
    } as never);
    expect(response).toMatchObject({ type: 'scsi-response', status: 0 });
  });

  it.each([
    ['unsolicited data although InitialR2T=Yes', {}, { final: false }, [{ at: 0, length: 4096 }]],
    ['immediate data although ImmediateData=No', { ImmediateData: 'No' }, { data }, []],
    ['a gap', { InitialR2T: 'No' }, { final: false }, [{ at: 512, length: 512 }]],
    [
      'more than FirstBurstLength',
      { InitialR2T: 'No', FirstBurstLength: '512' },
      { final: false },
      [{ at: 0, length: 1024 }],
    ],
    ['less than announced', { InitialR2T: 'No' }, { final: false }, [{ at: 0, length: 512 }]],
  ])('fails a command with %s: ABORTED COMMAND (RFC 7143 §11.4.7.2)', async (_what, keys, fields, parts) => {
    const initiator = await loggedIn(engine, keys);
    const command = initiator.write10(8, 8, fields);
    const outs = parts.map(({ at, length }, dataSn) =>
      initiator.dataOut(command, {
        data: data.subarray(at, at + length),
        bufferOffset: at,
        dataSn,
        final: dataSn === parts.length - 1,
      }),
    );
    const pdus = (await initiator.send(command, ...outs)) as ScsiResponsePdu[];
    expect(pdus).toMatchObject([{ type: 'scsi-response', status: 2 }]);
    expect(pdus[0]!.data[4]! & 0x0f).toBe(0x0b);
    expect(pdus[0]!.data[14]).toBe(0x0c);
  });

  it('a wrong data digest is rejected and fails the command (RFC 7143 §7.8)', async () => {
    const initiator = await loggedIn(engine, { DataDigest: 'CRC32C' });
    const command = initiator.write10(8, 8, { data });
    const { serializePdu } = await import('@lunbox/iscsi-pdu');
    const bytes = serializePdu(command, { header: false, data: true });
    bytes[60] = bytes[60]! ^ 1;
    const pdus = await initiator.sendBytes(bytes);
    expect(types(pdus)).toEqual(['reject', 'scsi-response']);
    expect((pdus[0] as RejectPdu).data).toHaveLength(48);
    expect(pdus[1]).toMatchObject({ status: 2 });
  });

  it('a write of less than the CDB says writes what there is and reports the overflow', async () => {
    const initiator = await loggedIn(engine);
    const command = initiator.write10(8, 8, {
      data: data.subarray(0, 1024),
      expectedDataTransferLength: 1024,
    });
    const [response] = await initiator.send(command);
    expect(response).toMatchObject({ status: 0, overflow: true, residualCount: 3072 });
    expect(scsi.bytes.subarray(8 * 512, 10 * 512)).toEqual(data.subarray(0, 1024));
  });

  it.each([
    [
      'at once',
      () => {
        throw mediumError();
      },
    ],
    ['later', () => Promise.reject(mediumError())],
  ])('ends with CHECK CONDITION when the end of the command fails %s', async (_when, finish) => {
    const initiator = await loggedIn(engine);
    scsi.override = () => ({ kind: 'data-out', lengthBytes: 4096, write: () => undefined, finish });
    const [response] = (await initiator.send(initiator.write10(8, 8, { data }))) as ScsiResponsePdu[];
    expect(response).toMatchObject({ type: 'scsi-response', status: 2 });
    expect(response!.data[4]! & 0x0f).toBe(3);
  });

  it('is right for every split of the stream', async () => {
    const initiator = await loggedIn(engine, { InitialR2T: 'No' });
    const { serializePdu } = await import('@lunbox/iscsi-pdu');
    for (let split = 1; split < 48 + 512 + 48 + 512; split += 7) {
      const fresh = data.map((byte) => byte ^ split);
      const command = initiator.write10(8, 2, { data: fresh.slice(0, 512), final: false });
      const out = initiator.dataOut(command, {
        data: fresh.slice(512, 1024),
        bufferOffset: 512,
        dataSn: 0,
        final: true,
      });
      const none = { header: false, data: false };
      const wire = Buffer.concat([serializePdu(command, none), serializePdu(out, none)]);
      const [response] = await initiator.sendBytes(wire.subarray(0, split), wire.subarray(split));
      expect(response, `split at ${split}`).toMatchObject({ status: 0 });
      expect(scsi.bytes.subarray(8 * 512, 10 * 512)).toEqual(fresh.subarray(0, 1024));
    }
  });
});
