import fc from 'fast-check';
import { serializePdu, type R2tPdu, type ScsiCommandPdu, type TargetPdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { ReceivedRanges } from '../../src/received-ranges.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ofType, typesOf } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const PIECE = 512;

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

async function login(keys: Record<string, string>): Promise<void> {
  initiator = new TestInitiator(engine);
  const limits = { MaxBurstLength: '4096', FirstBurstLength: '4096', MaxOutstandingR2T: '4' };
  expect(await initiator.login({ keys: { ...limits, ...keys } })).toMatchObject(keys);
}

/** Bytes that tell where in a command they belong. */
function pattern(offset: number, lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, at) => (offset + at) * 31 + ((offset + at) >>> 8));
}

/** Data-Out PDUs for the offsets given, numbered in this order; the last of them is final. */
function pieces(
  command: ScsiCommandPdu,
  offsets: readonly number[],
  targetTransferTag?: number,
): ReturnType<TestInitiator['dataOut']>[] {
  return offsets.map((bufferOffset, dataSn) =>
    initiator.dataOut(command, {
      data: pattern(bufferOffset, PIECE),
      bufferOffset,
      dataSn,
      final: dataSn === offsets.length - 1,
      ...(targetTransferTag === undefined ? {} : { targetTransferTag }),
    }),
  );
}

const offsetsIn = ({ bufferOffset, desiredDataTransferLength }: R2tPdu): number[] =>
  Array.from({ length: desiredDataTransferLength / PIECE }, (_, at) => bufferOffset + at * PIECE);

/** Sense of the command's status: key, ASC and ASCQ. */
function senseOf(pdus: readonly TargetPdu[]): (number | undefined)[] {
  const [response] = ofType(pdus, 'scsi-response');
  const sense = response!.data.subarray(2);
  return [sense[2], sense[12], sense[13]];
}

describe('Data-Out PDUs of a sequence with DataPDUInOrder=No (RFC 7143 §13.18)', () => {
  it.each([
    ['backwards', [7, 6, 5, 4, 3, 2, 1, 0]],
    ['from the middle', [4, 5, 3, 6, 2, 7, 1, 0]],
    ['in order', [0, 1, 2, 3, 4, 5, 6, 7]],
  ])('come %s', async (_how, order) => {
    await login({ DataPDUInOrder: 'No', ImmediateData: 'No' });
    const command = initiator.write10(0, 8);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    const offsets = order.map((at) => at * PIECE);
    const pdus = await initiator.send(...pieces(command, offsets, r2t!.targetTransferTag));
    expect(pdus).toMatchObject([{ type: 'scsi-response', status: 0 }]);
    expect(scsi.bytes.subarray(0, 4096)).toEqual(pattern(0, 4096));
  });

  it('come in any order after immediate data', async () => {
    await login({ DataPDUInOrder: 'No', InitialR2T: 'No' });
    const command = initiator.write10(0, 8, { final: false, data: pattern(0, 1024) });
    await initiator.send(command);
    const offsets = [5, 7, 2, 6, 4, 3].map((at) => at * PIECE);
    expect(await initiator.send(...pieces(command, offsets))).toMatchObject([{ status: 0 }]);
    expect(scsi.bytes.subarray(0, 4096)).toEqual(pattern(0, 4096));
  });

  it('are written as they belong, whatever their order and lengths', async () => {
    await login({ DataPDUInOrder: 'No', DataSequenceInOrder: 'No', ImmediateData: 'No' });
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 4095 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.infiniteStream(fc.nat()), async (inside, dice) => {
        const bounds = [0, ...inside.sort((a, b) => a - b), 4096];
        const ranges = bounds.slice(0, -1).map((start, at) => [start, bounds[at + 1]!] as const);
        const shuffled = ranges
          .map((range) => [dice.next().value, range] as const)
          .sort(([a], [b]) => a - b)
          .map(([, range]) => range);
        scsi.bytes.fill(0, 0, 4096);
        const command = initiator.write10(0, 8);
        const [r2t] = ofType(await initiator.send(command), 'r2t');
        const data = shuffled.map(([start, end], dataSn) =>
          initiator.dataOut(command, {
            data: pattern(start, end - start),
            bufferOffset: start,
            dataSn,
            final: dataSn === shuffled.length - 1,
            targetTransferTag: r2t!.targetTransferTag,
          }),
        );
        expect(await initiator.send(...data)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
        expect(scsi.bytes.subarray(0, 4096)).toEqual(pattern(0, 4096));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['overlap', [0, 512, 512, 1536]],
    ['leave a gap', [0, 1024, 1536]],
    ['reach beyond the sequence', [0, 512, 1024, 4096]],
    ['come before the sequence', [-512, 0, 512, 1024]],
  ])(
    'that %s fail the command with "incorrect amount of data", and nothing is written',
    async (_how, offsets) => {
      await login({ DataPDUInOrder: 'No', ImmediateData: 'No', MaxBurstLength: '2048' });
      const command = initiator.write10(0, 8);
      const [, r2t] = ofType(await initiator.send(command), 'r2t');
      const at = offsets.map((offset) => r2t!.bufferOffset + offset);
      await initiator.send(...pieces(command, at, r2t!.targetTransferTag));
      const [first] = ofType(await initiator.send(), 'r2t');
      expect(first).toBeUndefined();
      const rest = pieces(command, [0, 512, 1024, 1536], r2t!.targetTransferTag - 1);
      expect(senseOf(await initiator.send(...rest))).toEqual([0x0b, 0x0c, 0x0d]);
      expect(scsi.bytes.subarray(2048, 4096)).toEqual(new Uint8Array(2048));
    },
  );

  it('that leave more gaps than anybody needs fail the command', async () => {
    await login({ DataPDUInOrder: 'No', ImmediateData: 'No' });
    const command = initiator.write10(0, 8);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    const count = 1100;
    const data = Array.from({ length: count }, (_, dataSn) =>
      initiator.dataOut(command, {
        data: new Uint8Array(1),
        bufferOffset: dataSn * 2,
        dataSn,
        final: dataSn === count - 1,
        targetTransferTag: r2t!.targetTransferTag,
      }),
    );
    expect(senseOf(await initiator.send(...data))).toEqual([0x0b, 0x0c, 0x0d]);
  });

  it('are asked for again as a whole when one was lost (ErrorRecoveryLevel 1)', async () => {
    await login({
      DataPDUInOrder: 'No',
      ErrorRecoveryLevel: '1',
      ImmediateData: 'No',
      DataDigest: 'CRC32C',
      MaxOutstandingR2T: '1',
    });
    const command = initiator.write10(0, 8);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    const offsets = offsetsIn(r2t!).reverse();
    const bytes = pieces(command, offsets, r2t!.targetTransferTag).map((pdu) =>
      serializePdu(pdu, { header: false, data: true }),
    );
    bytes[3]![60]! ^= 0xff;
    const pdus = await initiator.sendBytes(...bytes);
    expect(typesOf(pdus)).toEqual(['reject', 'r2t']);
    const [again] = ofType(pdus, 'r2t');
    expect(again).toMatchObject({ bufferOffset: 0, desiredDataTransferLength: 4096 });
    const answer = pieces(command, offsetsIn(again!).reverse(), again!.targetTransferTag);
    expect(await initiator.send(...answer)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
    expect(scsi.bytes.subarray(0, 4096)).toEqual(pattern(0, 4096));
  });
});

describe('in order, as is the default', () => {
  it.each([{ DataPDUInOrder: 'Yes' }, { DataSequenceInOrder: 'No' }])(
    'a PDU out of its place fails the command: %j (§13.18)',
    async (keys) => {
      await login({ ...(keys as Record<string, string>), ImmediateData: 'No' });
      const command = initiator.write10(0, 8);
      const [r2t] = ofType(await initiator.send(command), 'r2t');
      const pdus = await initiator.send(...pieces(command, [512, 0], r2t!.targetTransferTag));
      expect(senseOf(pdus)).toEqual([0x0b, 0x0c, 0x0d]);
      expect(scsi.bytes[0]).toBe(0);
    },
  );

  it('R2Ts and Data-In go by rising offsets, whatever is agreed on (§13.19)', async () => {
    await login({ DataPDUInOrder: 'No', DataSequenceInOrder: 'No', ImmediateData: 'No' });
    const r2ts = ofType(await initiator.send(initiator.write10(0, 32)), 'r2t');
    expect(r2ts.map(({ bufferOffset }) => bufferOffset)).toEqual([0, 4096, 8192, 12_288]);
    const data = ofType(await initiator.send(initiator.read10(0, 64)), 'data-in');
    const offsets = data.map(({ bufferOffset }) => bufferOffset);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });
});

describe('sequences with DataSequenceInOrder=No (RFC 7143 §13.19)', () => {
  it.each(['0', '1', '2'])(
    'answer several R2Ts in any order, with ErrorRecoveryLevel %s',
    async (ErrorRecoveryLevel) => {
      await login({ DataSequenceInOrder: 'No', ImmediateData: 'No', ErrorRecoveryLevel });
      const command = initiator.write10(0, 32);
      const r2ts = ofType(await initiator.send(command), 'r2t');
      expect(r2ts).toHaveLength(4);
      const [a, b, c, d] = r2ts.map((r2t) => pieces(command, offsetsIn(r2t), r2t.targetTransferTag));
      // The sequences even take turns, PDU by PDU.
      const mixed = d!.flatMap((pdu, at) => [pdu, b![at]!]);
      expect(await initiator.send(...mixed, ...c!)).toEqual([]);
      expect(await initiator.send(...a!)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
      expect(scsi.bytes.subarray(0, 16_384)).toEqual(pattern(0, 16_384));
    },
  );
});

describe('what has come of a sequence', () => {
  it('is known to the byte, as in a map of all bytes', () => {
    const range = fc.tuple(fc.nat(60), fc.nat(8)).map(([start, length]) => [start, start + length] as const);
    fc.assert(
      fc.property(fc.array(range, { maxLength: 40 }), (ranges) => {
        const received = new ReceivedRanges();
        const bytes = new Uint8Array(80);
        for (const [start, end] of ranges) {
          const free = bytes.subarray(start, end).every((byte) => byte === 0);
          if (end > start) expect(received.takes(start, end)).toBe(free);
          if (!free) continue;
          received.add(start, end);
          bytes.fill(1, start, end);
        }
      }),
    );
  });
});
