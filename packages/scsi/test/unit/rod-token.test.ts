import { MemoryDevice, SeededRandom, SimulatedClock } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildPopulateTokenList,
  buildWriteUsingTokenList,
  buildZeroRodToken,
  COMPARE_AND_WRITE,
  CopyDomain,
  CopyOperationStatus,
  FORMAT_UNIT,
  INQUIRY,
  LogicalUnit,
  parseAllRodTokens,
  parseRodToken,
  parseSense,
  parseStandardInquiry,
  parseThirdPartyCopy,
  parseVpdPage,
  POPULATE_TOKEN,
  RECEIVE_ROD_TOKEN_INFORMATION,
  REPORT_ALL_ROD_TOKENS,
  RESERVE_6,
  RodType,
  ScsiTarget,
  SenseKey,
  Status,
  supportedCommands,
  UNMAP,
  buildUnmapList,
  WRITE_10,
  WRITE_USING_TOKEN,
  type BlockRange,
} from '../../src/index.ts';
import { blocks, Copier } from '../support/copier.ts';
import { Expected, invalidList } from '../support/expected-sense.ts';
import { Harness, Initiator, longPattern, pattern, sameBytes } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const MIB = 1024 * 1024;
const BLOCKS = 2048;

async function scene(device: MemoryDevice = new MemoryDevice({ size: BLOCKS * 512 })) {
  const clock = new SimulatedClock();
  const harness = new Harness(device, { clock });
  await harness.initiator.settle();
  await device.write([pattern(64 * 512)], 0);
  return { harness, device, clock, initiator: harness.initiator, copier: new Copier(harness.initiator) };
}

async function read(device: MemoryDevice, lba: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count * device.blockSize);
  await device.read([bytes], lba * device.blockSize);
  return bytes;
}

const range = (lba: number, blockCount: number): BlockRange => ({ lba, blockCount });

function refusedWith(code: { asc: number; ascq: number }): object {
  return {
    status: Status.CHECK_CONDITION,
    sense: { senseKey: SenseKey.ILLEGAL_REQUEST, asc: code.asc, ascq: code.ascq },
  };
}

const UNKNOWN = refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_UNKNOWN);
const CANCELLED = refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_CANCELLED);
const EXPIRED = refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_EXPIRED);

describe('a token', () => {
  test('writes what its ranges hold, in their order, to ranges that are cut otherwise', async () => {
    const { device, copier } = await scene();
    const token = await copier.token(range(10, 5), range(2, 3));
    const answer = await copier.write(token, [range(100, 1), range(200, 7)]);
    expect(answer).toMatchObject(Expected.GOOD);
    const all = pattern(64 * 512);
    expect(await read(device, 100, 1)).toEqual(all.subarray(10 * 512, 11 * 512));
    expect(await read(device, 200, 4)).toEqual(all.subarray(11 * 512, 15 * 512));
    expect(await read(device, 204, 3)).toEqual(all.subarray(2 * 512, 5 * 512));
    const { status } = await copier.information();
    expect(status).toMatchObject({
      serviceAction: 0x11,
      status: CopyOperationStatus.COMPLETED,
      transferCount: 8,
    });
  });

  test('is written from an offset on, and as far as it goes', async () => {
    const { device, copier } = await scene();
    const token = await copier.token(range(0, 8));
    const answer = await copier.write(token, [range(100, 6)], { offsetIntoRodBlocks: 5 });
    expect(answer).toMatchObject({
      status: Status.CHECK_CONDITION,
      sense: {
        senseKey: SenseKey.COPY_ABORTED,
        ...AdditionalSenseCode.COPY_TARGET_DEVICE_DATA_UNDERRUN,
        information: 3,
      },
    });
    expect(await read(device, 100, 3)).toEqual(pattern(64 * 512).subarray(5 * 512, 8 * 512));
    expect(await read(device, 103, 3)).toEqual(new Uint8Array(3 * 512));
    const { status } = await copier.information();
    expect(status).toMatchObject({ status: CopyOperationStatus.COMPLETED_PARTIAL_TOKEN, transferCount: 3 });
    expect(parseSense(status.sense)?.senseKey).toBe(SenseKey.COPY_ABORTED);
    const beyond = await copier.write(token, [range(100, 1)], { offsetIntoRodBlocks: 8 });
    expect(beyond).toMatchObject(invalidList(8));
  });

  test('is good for another initiator and another unit with longer blocks', async () => {
    const { harness, copier } = await scene();
    const device = new MemoryDevice({ size: MIB, blockSize: 4096 });
    harness.target.addUnit(1, new LogicalUnit({ device, identity: new Uint8Array(16).fill(9) }));
    const other = await harness.connectReady('other');
    await other.settle(1);
    await harness.initiator.settle();
    const token = await copier.token(range(3, 4), range(20, 6));
    // 10 blocks of 512 bytes are one of 4096 and a part of another, which is filled up with zeroes.
    expect(await new Copier(other, 1).write(token, [range(5, 2)])).toMatchObject(Expected.GOOD);
    const expected = new Uint8Array(2 * 4096);
    const all = pattern(64 * 512);
    expected.set(all.subarray(3 * 512, 7 * 512));
    expected.set(all.subarray(20 * 512, 26 * 512), 4 * 512);
    expect(await read(device, 5, 2)).toEqual(expected);
  });

  test('of zeroes needs nobody to make it, and frees the space', async () => {
    const { device, copier } = await scene();
    const before = device.allocatedBytes;
    expect(await copier.write(buildZeroRodToken(), [range(0, 128)])).toMatchObject(Expected.GOOD);
    expect(await read(device, 0, 128)).toEqual(new Uint8Array(128 * 512));
    expect(device.allocatedBytes).toBeLessThan(before);
  });

  test('of a long range is written in steps, holes as holes', async () => {
    const { device, copier } = await scene(new MemoryDevice({ size: 64 * MIB }));
    await device.write([longPattern(3 * MIB)], 0);
    await device.write([longPattern(20 * MIB)], 32 * MIB);
    const token = await copier.token(range(0, (16 * MIB) / 512));
    const answer = await copier.write(token, [range((32 * MIB) / 512, (16 * MIB) / 512)]);
    expect(answer).toMatchObject(Expected.GOOD);
    const written = await read(device, (32 * MIB) / 512, (16 * MIB) / 512);
    expect(sameBytes(written.subarray(0, 3 * MIB), longPattern(3 * MIB))).toBe(true);
    expect(device.allocatedBytes).toBe((3 + 3 + 4) * MIB);
  });
});

describe('a token is not good any more', () => {
  const changes: [string, (initiator: Initiator) => Promise<unknown>][] = [
    [
      'WRITE',
      (initiator) =>
        initiator.send(WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 5, TRANSFER_LENGTH: 1 }), {
          dataOut: new Uint8Array(512),
        }),
    ],
    [
      'UNMAP',
      (initiator) => {
        const dataOut = buildUnmapList([range(7, 2)]);
        return initiator.send(UNMAP.encode({ PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
      },
    ],
    [
      'COMPARE AND WRITE',
      (initiator) =>
        initiator.send(COMPARE_AND_WRITE.encode({ LOGICAL_BLOCK_ADDRESS: 4, NUMBER_OF_LOGICAL_BLOCKS: 1 }), {
          dataOut: Uint8Array.of(...pattern(64 * 512).subarray(4 * 512, 5 * 512), ...new Uint8Array(512)),
        }),
    ],
    ['FORMAT UNIT', (initiator) => initiator.send(FORMAT_UNIT.encode({}))],
    ['WRITE USING TOKEN', (initiator) => new Copier(initiator).write(buildZeroRodToken(), [range(6, 1)])],
  ];

  test.each(changes)('after %s to one of its blocks, whoever sent it', async (_name, change) => {
    const { harness, copier } = await scene();
    const token = await copier.token(range(4, 4));
    await change(await harness.connectReady('other'));
    expect(await copier.write(token, [range(100, 4)])).toMatchObject(CANCELLED);
  });

  test('but is so after changes of other blocks', async () => {
    const { initiator, copier } = await scene();
    const token = await copier.token(range(4, 1), range(6, 1));
    const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 5, TRANSFER_LENGTH: 1 });
    await initiator.send(cdb, { dataOut: new Uint8Array(512) });
    expect(await copier.write(token, [range(100, 2)])).toMatchObject(Expected.GOOD);
  });

  test('after its time, which use prolongs, and after its life', async () => {
    const { clock, copier } = await scene();
    const token = await copier.token(range(0, 1));
    clock.advance(59_000);
    expect(await copier.write(token, [range(100, 1)])).toMatchObject(Expected.GOOD);
    clock.advance(59_000);
    expect(await copier.write(token, [range(100, 1)])).toMatchObject(Expected.GOOD);
    clock.advance(60_000);
    expect(await copier.write(token, [range(100, 1)])).toMatchObject(EXPIRED);
    await copier.populate([range(0, 1)], { inactivityTimeoutSeconds: 600 });
    const { token: long = new Uint8Array(0) } = await copier.information();
    for (let tenMinutes = 0; tenMinutes < 6; tenMinutes++) {
      expect(await copier.write(long, [range(100, 1)])).toMatchObject(Expected.GOOD);
      clock.advance(599_000);
    }
    clock.advance(6000);
    expect(await copier.write(long, [range(100, 1)])).toMatchObject(EXPIRED);
    clock.advance(86_400_000);
    expect(clock.pendingTimers).toBe(0);
  });

  test('when it is deleted, or its unit is gone', async () => {
    const { harness, copier } = await scene();
    const token = await copier.token(range(0, 1));
    await copier.write(token, [range(100, 1)], { deleteToken: true });
    expect(await copier.write(token, [range(100, 1)])).toMatchObject(
      refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_DELETED),
    );
    const device = new MemoryDevice({ size: MIB });
    harness.target.addUnit(1, new LogicalUnit({ device, identity: new Uint8Array(16).fill(9) }));
    await harness.initiator.settle(0);
    await harness.initiator.settle(1);
    const gone = await new Copier(harness.initiator, 1).token(range(0, 1));
    harness.target.removeUnit(1);
    await harness.initiator.settle();
    expect(await copier.write(gone, [range(100, 1)])).toMatchObject(CANCELLED);
  });

  test('when its initiator has made many others', async () => {
    const { harness, copier } = await scene();
    const other = new Copier(await harness.connectReady('other'));
    const first = await copier.token(range(0, 1));
    const foreign = await other.token(range(0, 1));
    for (let count = 0; count < 256; count++) await copier.token(range(0, 1));
    expect(await copier.write(first, [range(100, 1)])).toMatchObject(CANCELLED);
    expect(await copier.write(foreign, [range(100, 1)])).toMatchObject(Expected.GOOD);
  });

  test('while it is written: what was written until then is what was there', async () => {
    const device = new MemoryDevice({ size: 32 * MIB });
    const { initiator, copier } = await scene(device);
    await device.write([longPattern(8 * MIB)], 0);
    const token = await copier.token(range(0, (8 * MIB) / 512));
    const writing = copier.write(token, [range((16 * MIB) / 512, (8 * MIB) / 512)]);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: (8 * MIB) / 512 - 1, TRANSFER_LENGTH: 1 });
    await initiator.send(cdb, { dataOut: new Uint8Array(512) });
    expect(await writing).toMatchObject(CANCELLED);
    const { status } = await copier.information();
    const bytes = status.transferCount * 512;
    expect(status.status).toBe(CopyOperationStatus.FAILED);
    expect(bytes).toBeLessThan(8 * MIB);
    const written = await read(device, (16 * MIB) / 512, status.transferCount);
    expect(sameBytes(written, longPattern(8 * MIB).subarray(0, bytes))).toBe(true);
  });
});

test('POPULATE TOKEN waits for the writes that have begun: the token stands for all of them', async () => {
  const device = new SlowDevice({ size: BLOCKS * 512 });
  const { initiator, copier } = await scene(device);
  const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 32 });
  const writing = initiator.send(cdb, { dataOut: pattern(32 * 512, 99) });
  await new Promise(setImmediate);
  const token = await copier.token(range(0, 32));
  await writing;
  expect(await copier.write(token, [range(100, 32)])).toMatchObject(Expected.GOOD);
  expect(await read(device, 100, 32)).toEqual(pattern(32 * 512, 99));
});

describe('nobody makes up a token', () => {
  test('of another identifier, with another secret, length or type', async () => {
    const { copier } = await scene();
    const token = await copier.token(range(0, 1));
    const changed = (at: number) => Uint8Array.from(token, (byte, index) => (index === at ? byte ^ 1 : byte));
    const corrupt = refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_CORRUPT);
    for (const [bytes, answer] of [
      [changed(8), UNKNOWN],
      [changed(300), corrupt],
      [changed(511), corrupt],
      [changed(7), refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_INVALID_TOKEN_LENGTH)],
      [changed(1), refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_UNSUPPORTED_TOKEN_TYPE)],
      [new Uint8Array(512), refusedWith(AdditionalSenseCode.INVALID_TOKEN_OPERATION_INVALID_TOKEN_LENGTH)],
    ] as const) {
      expect(await copier.write(bytes, [range(100, 1)])).toMatchObject(answer);
    }
  });

  test('from the list of all, which leaves out the secret part', async () => {
    const { initiator, copier } = await scene();
    const token = await copier.token(range(0, 2));
    const cdb = REPORT_ALL_ROD_TOKENS.encode({ ALLOCATION_LENGTH: 4096 });
    const [listed = new Uint8Array(0), ...more] = parseAllRodTokens((await initiator.send(cdb)).data);
    expect(more).toEqual([]);
    expect(listed).toEqual(token.subarray(0, 96));
    expect(parseRodToken(listed)).toMatchObject({ lengthBytes: 1024 });
    expect(new Set(token.subarray(256)).size).toBeGreaterThan(100);
  });

  test('and one of another domain is unknown', async () => {
    const { copier } = await scene();
    const device = new MemoryDevice({ size: MIB });
    const target = new ScsiTarget({ copyDomain: new CopyDomain({ random: new SeededRandom(7) }) });
    target.addUnit(0, new LogicalUnit({ device, identity: new Uint8Array(16).fill(3) }));
    const elsewhere = new Initiator(target, 'elsewhere');
    await elsewhere.settle();
    const token = await new Copier(elsewhere).token(range(0, 1));
    expect(await copier.write(token, [range(100, 1)])).toMatchObject(UNKNOWN);
  });
});

describe('parameter lists', () => {
  const populate = (change: (list: Uint8Array) => void, ranges = [range(0, 1)]) => {
    const list = buildPopulateTokenList({ ranges });
    change(list);
    return list;
  };

  test.each([
    ['a short data length', populate((list) => (list[1] = 29)), invalidList(0)],
    ['another data length', populate((list) => (list[1] = 31)), invalidList(0)],
    ['no ranges', populate((list) => (list[15] = 0)), invalidList(14)],
    ['a long timeout', populate((list) => (list[6] = 3)), invalidList(4)],
    ['ranges that overlap', populate(() => undefined, [range(0, 5), range(4, 2)]), invalidList(16)],
    ['blocks that are not there', populate(() => undefined, [range(BLOCKS, 1)]), Expected.LBA_OUT_OF_RANGE],
    [
      'too many ranges',
      populate(
        () => undefined,
        Array.from({ length: 65 }, (_, lba) => range(lba, 1)),
      ),
      refusedWith(AdditionalSenseCode.TOO_MANY_SEGMENT_DESCRIPTORS),
    ],
  ])('of POPULATE TOKEN with %s', async (_what, list, answer) => {
    const { copier } = await scene();
    expect(await copier.sendToken(POPULATE_TOKEN, list)).toMatchObject(answer);
  });

  test('of POPULATE TOKEN for another type of ROD', async () => {
    const { copier } = await scene();
    const accessUponReference = 0x0001_0000;
    expect(await copier.populate([range(0, 1)], { rodType: accessUponReference })).toMatchObject(
      invalidList(8),
    );
    const any = await copier.populate([range(0, 1)], { rodType: RodType.POINT_IN_TIME_ANY });
    expect(any).toMatchObject(Expected.GOOD);
  });

  test('without blocks do nothing', async () => {
    const { device, copier } = await scene();
    expect(await copier.populate([range(5, 0)])).toMatchObject(Expected.GOOD);
    expect((await copier.information()).token).toBeUndefined();
    const token = await copier.token(range(0, 1));
    const before = device.allocatedBytes;
    expect(await copier.write(token, [range(100, 0)])).toMatchObject(Expected.GOOD);
    expect(device.allocatedBytes).toBe(before);
    expect(await copier.sendToken(POPULATE_TOKEN, new Uint8Array(0))).toMatchObject(Expected.GOOD);
  });

  test('that are too short or too long are not taken', async () => {
    const { copier } = await scene();
    const list = buildWriteUsingTokenList({ ranges: [range(0, 1)] });
    const short = await copier.sendToken(WRITE_USING_TOKEN, list.subarray(0, 535));
    expect(short).toMatchObject(Expected.LIST_LENGTH_ERROR);
    const long = await copier.sendToken(WRITE_USING_TOKEN, new Uint8Array(4096));
    expect(long).toMatchObject(Expected.LIST_LENGTH_ERROR);
  });
});

test('a write-protected unit, a reader and a foreign reservation keep a token from being written', async () => {
  const { harness, device, copier } = await scene();
  const token = await copier.token(range(0, 1));
  const reader = new Initiator(harness.target, 'reader', 2, { readOnly: true });
  await reader.settle();
  // The reader came through another target port, of which VPD pages 83h and 88h tell now: INQUIRY DATA HAS CHANGED.
  await harness.initiator.settle();
  expect(await new Copier(reader).write(token, [range(100, 1)])).toMatchObject(Expected.WRITE_PROTECTED);
  const holder = await harness.connectReady('holder');
  await holder.send(RESERVE_6.encode());
  expect(await copier.write(token, [range(100, 1)])).toMatchObject(Expected.RESERVATION_CONFLICT);
  expect(await read(device, 100, 1)).toEqual(new Uint8Array(512));
});

test('RECEIVE ROD TOKEN INFORMATION gives a token until it was given whole', async () => {
  const { initiator, copier } = await scene();
  await copier.populate([range(0, 1)]);
  const ask = (ALLOCATION_LENGTH: number) =>
    initiator.send(RECEIVE_ROD_TOKEN_INFORMATION.encode({ LIST_IDENTIFIER: 101, ALLOCATION_LENGTH }));
  expect((await ask(100)).data).toHaveLength(100);
  expect((await ask(1024)).data).toHaveLength(32 + 4 + 2 + 512);
  expect(await ask(1024)).toMatchObject(Expected.INVALID_CDB_FIELD);
});

test('between targets of a domain, an initiator is the same when port and proof are', async () => {
  const copyDomain = new CopyDomain();
  const make = (fill: number) => {
    const device = new MemoryDevice({ size: MIB });
    const target = new ScsiTarget({ copyDomain });
    target.addUnit(0, new LogicalUnit({ device, identity: new Uint8Array(16).fill(fill) }));
    return { device, target };
  };
  const one = make(1);
  const two = make(2);
  await one.device.write([pattern(8 * 512)], 0);
  const there = new Initiator(two.target, 'iqn.a,i,0x000000000001', 1, { principal: 'chap bob' });
  await there.settle();
  const foreign = await new Copier(there).cscd();
  for (const [port, principal, reached] of [
    ['IQN.a,i,0x000000000001', 'chap bob', true],
    ['iqn.a,i,0x000000000001', 'chap eve', false],
    ['iqn.a,i,0x000000000001', undefined, false],
    ['iqn.b,i,0x000000000001', 'chap bob', false],
  ] as const) {
    const here = new Initiator(one.target, port, 1, principal === undefined ? {} : { principal });
    await here.settle();
    const copier = new Copier(here);
    const cscds = [await copier.cscd(), foreign];
    const { status } = await copier.copy([blocks({ destination: 1, destinationLba: 0 })], { cscds });
    expect(status === Status.GOOD).toBe(reached);
    here.nexus.close();
  }
  expect(await read(two.device, 0, 8)).toEqual(pattern(8 * 512));
});

test('VPD page 8Fh and the standard INQUIRY data tell of the commands that there are', async () => {
  const { initiator } = await scene();
  const inquiry = (fields: object) => initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 1024, ...fields }));
  expect(parseStandardInquiry((await inquiry({})).data).THIRD_PARTY_COPY).toBe(1);
  const { body } = parseVpdPage((await inquiry({ EVPD: 1, PAGE_CODE: 0x8f })).data);
  const { types, commands, rodLimits } = parseThirdPartyCopy(body);
  expect(types).toEqual([...types].sort((a, b) => a - b));
  for (const { operationCode, serviceActions: actions } of commands) {
    const own = supportedCommands().filter((command) => command.operationCode === operationCode);
    expect(actions).toEqual(own.map(({ serviceAction }) => serviceAction));
  }
  expect(rodLimits).toMatchObject({ MAXIMUM_RANGE_DESCRIPTORS: 64, DEFAULT_INACTIVITY_TIMEOUT: 60 });
});
