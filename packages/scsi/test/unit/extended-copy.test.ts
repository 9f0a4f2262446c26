import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildExtendedCopyList,
  buildSegment,
  encodeLun,
  ListIdUsage,
  LogicalUnit,
  MODE_SELECT_6,
  parseCopyStatus,
  parseCopyStatusLid1,
  RECEIVE_COPY_FAILURE_DETAILS_LID1,
  RECEIVE_COPY_STATUS,
  RECEIVE_COPY_STATUS_LID1,
  RESERVE_6,
  SegmentType,
  SenseKey,
  Status,
  type CscdDescriptor,
} from '../../src/index.ts';
import { blocks, bytesSegment, Copier, OWN } from '../support/copier.ts';
import { Expected, invalidList } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness, Initiator, longPattern, memoryHarness, pattern, sameBytes } from '../support/harness.ts';

const MIB = 1024 * 1024;

interface Pair {
  readonly harness: Harness;
  readonly first: MemoryDevice;
  readonly second: MemoryDevice;
  readonly copier: Copier;
}

/** Two units of one target, the first with a pattern, and an initiator that sees both. */
async function pair(
  options: { blockSize?: number; secondBlockSize?: number; bytes?: number } = {},
): Promise<Pair> {
  const { blockSize = 512, secondBlockSize = blockSize, bytes = 256 * 1024 } = options;
  const first = new MemoryDevice({ size: bytes, blockSize });
  const second = new MemoryDevice({ size: bytes, blockSize: secondBlockSize });
  const harness = new Harness(first);
  const unit = new LogicalUnit({ device: second, identity: new Uint8Array(16).fill(9) });
  harness.target.addUnit(1, unit);
  await harness.initiator.settle(0);
  await harness.initiator.settle(1);
  await first.write([pattern(32 * 1024)], 0);
  return { harness, first, second, copier: new Copier(harness.initiator) };
}

async function bytesOf(device: MemoryDevice, offset: number, length: number): Promise<Uint8Array> {
  const start = offset - (offset % device.blockSize);
  const end = Math.ceil((offset + length) / device.blockSize) * device.blockSize;
  const all = new Uint8Array(end - start);
  await device.read([all], start);
  return all.subarray(offset - start, offset - start + length);
}

/** COPY ABORTED with this code. */
function aborted(code: { asc: number; ascq: number }, more: object = {}): object {
  return {
    status: Status.CHECK_CONDITION,
    sense: { senseKey: SenseKey.COPY_ABORTED, asc: code.asc, ascq: code.ascq, ...more },
  };
}

describe('copies', () => {
  test('between two units of a target, of both kinds', async () => {
    for (const kind of ['lid1', 'lid4'] as const) {
      const { second, copier } = await pair();
      const cscds = [await copier.cscd(0), await copier.cscd(1)];
      const segment = blocks({ destination: 1, blockCount: 16, destinationLba: 3 });
      expect(await copier.copy([segment], { kind, cscds })).toMatchObject(Expected.GOOD);
      expect(sameBytes(await bytesOf(second, 3 * 512, 16 * 512), pattern(16 * 512))).toBe(true);
    }
  });

  test('in the order of the segments', async () => {
    const { first, copier } = await pair();
    const segments = [
      blocks({ blockCount: 1, sourceLba: 1, destinationLba: 100 }),
      blocks({ blockCount: 1, sourceLba: 100, destinationLba: 101 }),
    ];
    expect(await copier.copy(segments)).toMatchObject(Expected.GOOD);
    expect(await bytesOf(first, 101 * 512, 512)).toEqual(pattern(32 * 1024).subarray(512, 1024));
  });

  test.each([1, -1])(
    'blocks that overlap their source as if they were read first: %i block away',
    async (by) => {
      const { first, copier } = await pair({ bytes: 8 * MIB });
      const data = longPattern(3 * MIB, 5);
      await first.write([data], MIB);
      const lba = MIB / 512;
      const segment = blocks({ blockCount: (3 * MIB) / 512, sourceLba: lba, destinationLba: lba + by });
      expect(await copier.copy([segment])).toMatchObject(Expected.GOOD);
      expect(sameBytes(await bytesOf(first, MIB + by * 512, 3 * MIB), data)).toBe(true);
    },
  );

  test('what is not stored, and what is zero, without taking space', async () => {
    const { harness, first, second, copier } = await pair({ bytes: 16 * MIB });
    await second.write([longPattern(16 * MIB)], 0);
    await first.write([new Uint8Array(MIB)], 4 * MIB);
    const before = second.allocatedBytes;
    const segment = blocks({
      destination: 1,
      blockCount: (12 * MIB) / 512,
      sourceLba: MIB / 512,
      destinationLba: 0,
    });
    const cscds = [await copier.cscd(0), await copier.cscd(1)];
    expect(await copier.copy([segment], { cscds })).toMatchObject(Expected.GOOD);
    expect(sameBytes(await bytesOf(second, 0, 12 * MIB), new Uint8Array(12 * MIB))).toBe(true);
    expect(before - second.allocatedBytes).toBe(12 * MIB);
    expect(harness.internalErrors).toEqual([]);
  });

  test('the last block padded with zeroes where the destination asks for it, no part of a block else', async () => {
    const { second, copier } = await pair({ secondBlockSize: 4096 });
    await second.write([pattern(16 * 4096, 3)], 0);
    const cscds = async (more: Partial<CscdDescriptor>) => [
      await copier.cscd(0, more),
      await copier.cscd(1, more),
    ];
    const segment = blocks({ destination: 1, blockCount: 10, destinationLba: 2 });
    expect(await copier.copy([segment], { cscds: await cscds({}) })).toMatchObject(
      aborted(AdditionalSenseCode.UNEXPECTED_INEXACT_SEGMENT),
    );
    const padded = await copier.copy([segment], { cscds: await cscds({ pad: true }) });
    expect(padded).toMatchObject(Expected.GOOD);
    const expected = new Uint8Array(2 * 4096);
    expected.set(pattern(10 * 512));
    expect(await bytesOf(second, 2 * 4096, 2 * 4096)).toEqual(expected);
    expect(await bytesOf(second, 4 * 4096, 4096)).toEqual(pattern(16 * 4096, 3).subarray(4 * 4096, 5 * 4096));
  });

  test('bytes from and to anywhere in blocks, of which the rest stays', async () => {
    const { second, copier } = await pair({ secondBlockSize: 4096 });
    const old = pattern(8 * 4096, 3);
    await second.write([old], 0);
    const segment = bytesSegment({
      destination: 1,
      lengthBytes: 9001,
      sourceLba: 1,
      sourceByteOffset: 77,
      destinationLba: 1,
      destinationByteOffset: 4000,
    });
    const cscds = [await copier.cscd(0), await copier.cscd(1)];
    expect(await copier.copy([segment], { cscds })).toMatchObject(Expected.GOOD);
    old.set(pattern(32 * 1024).subarray(512 + 77, 512 + 77 + 9001), 4096 + 4000);
    expect(sameBytes(await bytesOf(second, 0, old.length), old)).toBe(true);
  });

  test('count as reads and writes of the units', async () => {
    const { harness, copier } = await pair();
    const { statistics } = harness.unit;
    statistics.reset();
    await copier.copy([blocks({ blockCount: 5 })]);
    expect(statistics.reads).toMatchObject({ commands: 1, blocks: 5 });
    expect(statistics.writes).toMatchObject({ commands: 1, blocks: 5 });
  });

  test('whatever LU ID TYPE says, which means nothing in this descriptor since SPC-4', async () => {
    const { copier } = await pair();
    const cscds = [await copier.cscd(0, { luIdType: 2 })];
    expect(await copier.copy([blocks()], { cscds })).toMatchObject(Expected.GOOD);
  });

  test('nothing without a parameter list or without segments', async () => {
    const { copier } = await pair();
    expect(await copier.send(new Uint8Array(0))).toMatchObject(Expected.GOOD);
    expect(await copier.copy([])).toMatchObject(Expected.GOOD);
  });
});

describe('refuses', () => {
  const list = (header: Parameters<typeof buildExtendedCopyList>[1], count = 1, segments = 1) =>
    buildExtendedCopyList(
      'lid1',
      header,
      Array.from({ length: count }, () => new Uint8Array(32).fill(0xe4, 0, 1)),
      Array.from({ length: segments }, () => buildSegment(blocks())),
    );
  const illegal = (code: { asc: number; ascq: number }) => ({
    status: Status.CHECK_CONDITION,
    sense: { senseKey: SenseKey.ILLEGAL_REQUEST, asc: code.asc, ascq: code.ascq },
  });

  test.each([
    ['a header that is cut', () => list({}).subarray(0, 15), AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR],
    [
      'descriptors that are cut',
      () => list({}).subarray(0, 75),
      AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR,
    ],
    ['too much of both', () => list({}, 65, 65), AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR],
    ['too many CSCDs', () => list({}, 65), AdditionalSenseCode.TOO_MANY_TARGET_DESCRIPTORS],
    ['too many segments', () => list({}, 1, 65), AdditionalSenseCode.TOO_MANY_SEGMENT_DESCRIPTORS],
    [
      'inline data',
      () => Uint8Array.of(...list({ inlineBytes: 4 }), 1, 2, 3, 4),
      AdditionalSenseCode.INLINE_DATA_LENGTH_EXCEEDED,
    ],
  ])('%s', async (_what, bytes, code) => {
    const { copier } = await pair();
    expect(await copier.send(bytes())).toMatchObject(illegal(code));
  });

  test('descriptors of other kinds, wherever they are', async () => {
    const { copier } = await pair();
    const cscd = await copier.cscd(0, { typeCode: 0xe0 });
    expect(await copier.copy([blocks()], { cscds: [cscd] })).toMatchObject(
      illegal(AdditionalSenseCode.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE),
    );
    const bytes = buildExtendedCopyList(
      'lid1',
      {},
      [await copier.cscd()],
      [buildSegment(blocks()), Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)],
    );
    expect(await copier.send(bytes)).toMatchObject(
      illegal(AdditionalSenseCode.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE),
    );
  });

  test('fields that mean something else', async () => {
    const { copier } = await pair();
    const long = [await copier.cscd(0, { designatorLengthBytes: 21 })];
    expect(await copier.copy([blocks()], { cscds: long })).toMatchObject(invalidList(16 + 7));
    expect(await copier.copy([blocks()], { listIdUsage: 1 })).toMatchObject(invalidList(1, 4));
    const named = await copier.copy([blocks()], { listIdUsage: ListIdUsage.NONE, listId: 1 });
    expect(named).toMatchObject(invalidList(0));
    const both = { kind: 'lid4', immediate: true, goodWithSense: true } as const;
    expect(await copier.copy([blocks()], both)).toMatchObject(
      illegal(AdditionalSenseCode.INVALID_FIELD_IN_CDB),
    );
    const wrong = buildExtendedCopyList('lid4', {}, [], []);
    wrong[0] = 2;
    expect(await copier.send(wrong, 'lid4')).toMatchObject(invalidList(0));
  });
});

describe('is aborted', () => {
  test('at a unit that is not there, not named, or null', async () => {
    const { copier } = await pair();
    const code = AdditionalSenseCode.UNREACHABLE_COPY_TARGET;
    const inSegment = (byteOffset: number) => ({
      fieldPointer: { inCdb: false, inSegment: true, byteOffset },
    });
    expect(await copier.copy([blocks({ destination: 1 })])).toMatchObject(aborted(code, inSegment(6)));
    const own = await copier.cscd(0);
    const atCscd = { commandSpecific: 1, fieldPointer: { inCdb: false, byteOffset: 16 + 32 } };
    for (const other of [
      await copier.cscd(0, { nul: true }),
      await copier.cscd(0, { codeSet: 2 }),
      Uint8Array.from(own, (byte, at) => (at === 20 ? byte ^ 1 : byte)),
    ]) {
      const answer = await copier.copy([blocks(), blocks({ source: 1 })], { cscds: [own, other] });
      expect(answer).toMatchObject(aborted(code, atCscd));
    }
  });

  test('at a descriptor of another type of device or block length', async () => {
    const { copier } = await pair();
    const type = await copier.copy([blocks()], {
      cscds: [await copier.cscd(0, { peripheralDeviceType: 1 })],
    });
    expect(type).toMatchObject(aborted(AdditionalSenseCode.INCORRECT_COPY_TARGET_DEVICE_TYPE));
    const length = await copier.copy([blocks()], {
      cscds: [await copier.cscd(0, { blockLengthBytes: 4096 })],
    });
    expect(length).toMatchObject(
      aborted(AdditionalSenseCode.INVALID_FIELD_IN_PARAMETER_LIST, {
        fieldPointer: { inCdb: false, byteOffset: 16 + 29 },
      }),
    );
    const right = await copier.copy([blocks()], { cscds: [await copier.cscd(0, { blockLengthBytes: 512 })] });
    expect(right).toMatchObject(Expected.GOOD);
  });

  test('at a range that leaves its unit, before anything of it is written', async () => {
    const { first, copier } = await pair();
    const none = AdditionalSenseCode.NO_ADDITIONAL_SENSE_INFORMATION;
    const last = 256 * 2 - 1;
    const source = await copier.copy([blocks({ sourceLba: last })]);
    expect(source).toMatchObject(
      aborted(none, { fieldPointer: { inCdb: false, inSegment: true, byteOffset: 12 } }),
    );
    const destination = await copier.copy([blocks({ destinationLba: last })]);
    expect(destination).toMatchObject(
      aborted(none, { fieldPointer: { inCdb: false, inSegment: true, byteOffset: 20 } }),
    );
    expect(await bytesOf(first, last * 512, 512)).toEqual(new Uint8Array(512));
    const offset = bytesSegment({ sourceByteOffset: 512 });
    expect(await copier.copy([offset])).toMatchObject(
      aborted(AdditionalSenseCode.INVALID_FIELD_IN_PARAMETER_LIST),
    );
  });

  test('by a medium that fails: with what it said, and how much is left', async () => {
    const device = new FailingDevice({ size: 8 * MIB });
    await device.write([longPattern(4 * MIB)], 0);
    const harness = new Harness(new MemoryDevice({ size: 8 * MIB }));
    harness.target.addUnit(1, new LogicalUnit({ device, identity: new Uint8Array(16).fill(9) }));
    await harness.initiator.settle(0);
    await harness.initiator.settle(1);
    const copier = new Copier(harness.initiator);
    const cscds = [await copier.cscd(1), await copier.cscd(0)];
    const segment = blocks({ destination: 1, blockCount: 8192, destinationLba: 0 });
    const read = device.read.bind(device);
    let reads = 0;
    device.read = (into, offset) => {
      if (++reads === 3) device.failure = 'BLOCK_IO';
      return read(into, offset);
    };
    const answer = await copier.copy([segment], { cscds });
    expect(answer).toMatchObject(
      aborted(AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE, {
        information: 4096,
        fieldPointer: { inCdb: false, byteOffset: 16 },
        forwarded: {
          from: 'source',
          status: Status.CHECK_CONDITION,
          sense: { senseKey: SenseKey.MEDIUM_ERROR, ...AdditionalSenseCode.UNRECOVERED_READ_ERROR },
        },
      }),
    );
    const details = RECEIVE_COPY_FAILURE_DETAILS_LID1.encode({ ALLOCATION_LENGTH: 256 });
    expect((await harness.initiator.send(details)).data[56]).toBe(Status.CHECK_CONDITION);
    expect(harness.internalErrors).toEqual([]);
  });

  test('by LOGICAL UNIT RESET of the destination, and forgotten by that of its own unit', async () => {
    for (const [lun, code] of [
      [1, AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE],
      [0, undefined],
    ] as const) {
      const { harness, copier } = await pair({ bytes: 32 * MIB });
      await harness.device.write([longPattern(24 * MIB)], 0);
      const cscds = [await copier.cscd(0), await copier.cscd(1)];
      const copying = copier.copy([blocks({ destination: 1, blockCount: 48 * 1024, destinationLba: 0 })], {
        cscds,
      });
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      harness.initiator.nexus.resetUnit(encodeLun(lun));
      const answer = await copying;
      if (code === undefined) expect(answer.status).toBe(Status.TASK_ABORTED);
      else expect(answer).toMatchObject(aborted(code));
      expect(harness.unit.tasks.activeCount).toBe(0);
    }
  });

  test('by the abort of its command, between two steps', async () => {
    const { harness, first } = await pair({ bytes: 32 * MIB });
    await first.write([longPattern(16 * MIB)], 0);
    const list = buildExtendedCopyList(
      'lid1',
      {},
      [],
      [
        buildSegment(
          blocks({ source: OWN, destination: OWN, blockCount: 32 * 1024, destinationLba: 32 * 1024 }),
        ),
      ],
    );
    const { initiator } = harness;
    const cdb = Uint8Array.of(0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, list.length, 0, 0);
    const command = initiator.command(cdb);
    const execution = await initiator.nexus.execute(encodeLun(0), command);
    const carried = initiator.carry(execution, { dataOut: list });
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    command.aborted = true;
    expect((await carried).status).toBe(Status.TASK_ABORTED);
    expect(first.allocatedBytes).toBeLessThan(30 * MIB);
  });
});

describe('an initiator may copy', () => {
  test('only between units that it sees', async () => {
    const { harness, copier } = await pair();
    const second = await copier.cscd(1);
    const other = new Initiator(harness.target, 'other', 2, { lunMap: new Map([[0, 0]]) });
    await other.settle();
    const blind = new Copier(other);
    const cscds = [await blind.cscd(0), second];
    expect(await blind.copy([blocks({ destination: 1 })], { cscds })).toMatchObject(
      aborted(AdditionalSenseCode.UNREACHABLE_COPY_TARGET),
    );
  });

  test('only to what it may write', async () => {
    const { harness, second, copier } = await pair();
    const cscds = [await copier.cscd(0), await copier.cscd(1)];
    const reader = new Initiator(harness.target, 'reader', 2, { readOnly: true });
    await reader.settle();
    const answer = await new Copier(reader).copy([blocks({ destination: 1 })], { cscds });
    expect(answer).toMatchObject(
      aborted(AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE, {
        forwarded: { from: 'destination', sense: { senseKey: SenseKey.DATA_PROTECT } },
      }),
    );
    expect(second.allocatedBytes).toBe(0);
  });

  test('only where no reservation is in the way of its reads and writes', async () => {
    const { harness, copier } = await pair();
    const cscds = [await copier.cscd(0), await copier.cscd(1)];
    const holder = await harness.connectReady('holder');
    await holder.settle(1);
    await holder.send(RESERVE_6.encode(), { lun: 1 });
    const conflict = { forwarded: { from: 'destination', status: Status.RESERVATION_CONFLICT } };
    const failure = AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE;
    const answer = await copier.copy([blocks({ destination: 1 })], { cscds });
    expect(answer).toMatchObject(aborted(failure, conflict));
    const back = await copier.copy([blocks({ source: 1 })], { cscds });
    expect(back).toMatchObject(aborted(failure, { forwarded: { from: 'source' } }));
    const verify = { type: SegmentType.VERIFY, source: 1, testUnitReady: true } as const;
    expect(await copier.copy([verify], { cscds })).toMatchObject(aborted(failure));
    const reachable = { ...verify, testUnitReady: false };
    expect(await copier.copy([reachable], { cscds })).toMatchObject(Expected.GOOD);
  });
});

describe('results', () => {
  const status = (listId: number) =>
    RECEIVE_COPY_STATUS_LID1.encode({ LIST_IDENTIFIER: listId, ALLOCATION_LENGTH: 64 });

  test('are told once, and to nobody else', async () => {
    const { harness, copier } = await pair();
    await copier.copy([blocks(), blocks()], { listId: 5 });
    const other = await harness.connectReady('other');
    expect(await other.send(status(5))).toMatchObject(Expected.INVALID_CDB_FIELD);
    const { data } = await harness.initiator.send(status(5));
    expect(parseCopyStatusLid1(data)).toMatchObject({ segmentsProcessed: 2, transferredBytes: 16 * 512 });
    expect(await harness.initiator.send(status(5))).toMatchObject(Expected.INVALID_CDB_FIELD);
  });

  test('are not kept where nobody wants them', async () => {
    const { harness, copier } = await pair();
    await copier.copy([blocks()], { listIdUsage: ListIdUsage.NONE });
    expect(await harness.initiator.send(status(0))).toMatchObject(Expected.INVALID_CDB_FIELD);
  });

  test('are as many as are published, the oldest go first', async () => {
    const { harness, copier } = await pair();
    for (let listId = 0; listId <= 32; listId++) await copier.copy([], { listId });
    expect(await harness.initiator.send(status(0))).toMatchObject(Expected.INVALID_CDB_FIELD);
    expect(await harness.initiator.send(status(1))).toMatchObject(Expected.GOOD);
  });

  test('of a copy in the background tell how far it is, and that its list identifier is taken', async () => {
    const { harness, first, copier } = await pair({ bytes: 16 * MIB });
    await first.write([longPattern(8 * MIB)], 0);
    const segment = blocks({ blockCount: 16 * 1024, destinationLba: 16 * 1024 });
    const copy = { kind: 'lid4', immediate: true, listId: 9 } as const;
    expect(await copier.copy([segment], copy)).toMatchObject(Expected.GOOD);
    expect(await copier.copy([segment], copy)).toMatchObject({
      status: Status.CHECK_CONDITION,
      sense: { senseKey: SenseKey.ILLEGAL_REQUEST, ...AdditionalSenseCode.OPERATION_IN_PROGRESS },
    });
    const cdb = RECEIVE_COPY_STATUS.encode({ LIST_IDENTIFIER: 9, ALLOCATION_LENGTH: 64 });
    const seen = new Set<number>();
    for (;;) {
      const { data } = await harness.initiator.send(cdb);
      const now = parseCopyStatus(data);
      seen.add(now.status);
      if (now.updateDelayMs === undefined) break;
      await new Promise(setImmediate);
    }
    expect([...seen]).toEqual([0x12, 0x01]);
    expect(sameBytes(await bytesOf(first, 8 * MIB, 8 * MIB), longPattern(8 * MIB))).toBe(true);
  });

  test('come with GOOD where that is asked for (G_SENSE)', async () => {
    const { copier } = await pair();
    const answer = await copier.copy([blocks(), blocks()], { kind: 'lid4', goodWithSense: true });
    expect(answer).toMatchObject({
      status: Status.GOOD,
      sense: {
        senseKey: SenseKey.COMPLETED,
        ...AdditionalSenseCode.EXTENDED_COPY_INFORMATION_AVAILABLE,
        commandSpecific: 2,
      },
    });
  });

  test('and the copy end with the nexus', async () => {
    const { harness, first, copier } = await pair({ bytes: 32 * MIB });
    await first.write([longPattern(16 * MIB)], 0);
    const segment = blocks({ blockCount: 32 * 1024, destinationLba: 32 * 1024 });
    await copier.copy([segment], { kind: 'lid4', immediate: true });
    harness.initiator.nexus.close();
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(first.allocatedBytes).toBeLessThan(20 * MIB);
    expect(harness.internalErrors).toEqual([]);
  });
});

test('sense data of copies is in the format that the unit is set to', async () => {
  const harness = await memoryHarness();
  const control = Uint8Array.of(0, 0, 0, 0, 0x0a, 0x0a, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  await harness.initiator.send(MODE_SELECT_6.encode({ PF: 1, PARAMETER_LIST_LENGTH: 16 }), {
    dataOut: control,
  });
  const copier = new Copier(harness.initiator);
  const answer = await copier.copy([blocks(), blocks({ destination: 3 })]);
  expect(answer).toMatchObject(aborted(AdditionalSenseCode.UNREACHABLE_COPY_TARGET, { commandSpecific: 1 }));
});
