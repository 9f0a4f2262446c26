import { BlockError, MemoryDevice, type MaybePromise } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  ORWRITE_16,
  READ_10,
  SenseKey,
  START_STOP_UNIT,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  TEST_UNIT_READY,
  VERIFY_10,
  WRITE_10,
  WRITE_AND_VERIFY_10,
  WRITE_SAME_16,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness } from '../support/harness.ts';

const address = { LOGICAL_BLOCK_ADDRESS: 9, TRANSFER_LENGTH: 1 };
const tur = TEST_UNIT_READY.encode();

async function failing(blocks = 1024) {
  const device = new FailingDevice({ size: blocks * 512 });
  const harness = new Harness(device);
  await harness.initiator.settle();
  return { device, harness, initiator: harness.initiator };
}

const outcome = (senseKey: number, code: { asc: number; ascq: number }, information?: number) => ({
  status: 2,
  sense: { senseKey, asc: code.asc, ascq: code.ascq, ...(information === undefined ? {} : { information }) },
});

describe.each([false, true])('a device that fails (later: %s)', (later) => {
  test('with an I/O error is a medium error at the LBA, of reading or of writing', async () => {
    const { device, initiator } = await failing();
    Object.assign(device, { failure: 'BLOCK_IO', later });
    const { UNRECOVERED_READ_ERROR, WRITE_ERROR } = AdditionalSenseCode;
    const read = outcome(SenseKey.MEDIUM_ERROR, UNRECOVERED_READ_ERROR, 9);
    expect(await initiator.send(READ_10.encode(address))).toMatchObject(read);
    const verify = VERIFY_10.encode({ LOGICAL_BLOCK_ADDRESS: 9, VERIFICATION_LENGTH: 1 });
    expect(await initiator.send(verify)).toMatchObject(read);
    const written = await initiator.send(WRITE_10.encode(address), { dataOut: new Uint8Array(512) });
    expect(written).toMatchObject(outcome(SenseKey.MEDIUM_ERROR, WRITE_ERROR, 9));
    const zeroed = WRITE_SAME_16.encode({
      LOGICAL_BLOCK_ADDRESS: 9,
      NUMBER_OF_LOGICAL_BLOCKS: 1,
      NDOB: 1,
      UNMAP: 1,
    });
    expect(await initiator.send(zeroed)).toMatchObject(outcome(SenseKey.MEDIUM_ERROR, WRITE_ERROR, 9));
    const flushed = await initiator.send(SYNCHRONIZE_CACHE_10.encode());
    expect(flushed).toMatchObject(outcome(SenseKey.MEDIUM_ERROR, WRITE_ERROR));
  });

  test.each([
    ['BLOCK_NO_SPACE', SenseKey.DATA_PROTECT, AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT],
    ['BLOCK_READ_ONLY', SenseKey.DATA_PROTECT, AdditionalSenseCode.WRITE_PROTECTED],
    ['BLOCK_FAULTED', SenseKey.HARDWARE_ERROR, AdditionalSenseCode.INTERNAL_TARGET_FAILURE],
    ['BLOCK_OUT_OF_RANGE', SenseKey.ILLEGAL_REQUEST, AdditionalSenseCode.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE],
    ['BLOCK_BUSY', SenseKey.ABORTED_COMMAND, AdditionalSenseCode.INSUFFICIENT_RESOURCES],
  ] as const)('with %s has the sense of it', async (failure, senseKey, code) => {
    const { device, harness, initiator } = await failing();
    Object.assign(device, { failure, later });
    const written = await initiator.send(WRITE_10.encode(address), { dataOut: new Uint8Array(512) });
    expect(written).toMatchObject(outcome(senseKey, code));
    expect(harness.internalErrors).toEqual([]);
  });

  test('in a way that it must not is an internal failure, and loud', async () => {
    const { device, harness, initiator } = await failing();
    const bug = new TypeError('a mistake of ours');
    Object.assign(device, { failure: bug, later });
    const code = AdditionalSenseCode.INTERNAL_TARGET_FAILURE;
    const read = await initiator.send(READ_10.encode(address));
    expect(read).toMatchObject(outcome(SenseKey.HARDWARE_ERROR, code));
    expect(harness.internalErrors).toEqual([bug]);
    device.failure = undefined;
    expect(await initiator.send(READ_10.encode(address))).toMatchObject(Expected.GOOD);
  });

  test('after IMMED was answered tells the next command by a deferred error, once', async () => {
    const { device, initiator } = await failing();
    Object.assign(device, { failure: 'BLOCK_IO', later });
    expect(await initiator.send(SYNCHRONIZE_CACHE_16.encode({ IMMED: 1 }))).toMatchObject(Expected.GOOD);
    await new Promise(setImmediate);
    const told = await initiator.send(tur);
    expect(told).toMatchObject(outcome(SenseKey.MEDIUM_ERROR, AdditionalSenseCode.WRITE_ERROR));
    expect(told.sense?.deferred).toBe(true);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  });
});

describe('SYNCHRONIZE CACHE', () => {
  test.each([SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16])(
    '$name flushes and checks its range',
    async (cdb) => {
      const { device, initiator } = await failing(1024);
      expect(await initiator.send(cdb.encode())).toMatchObject(Expected.GOOD);
      expect(device.flushes).toBe(1);
      const beyond = cdb.encode({ LOGICAL_BLOCK_ADDRESS: 1024, NUMBER_OF_LOGICAL_BLOCKS: 1 });
      expect(await initiator.send(beyond)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    },
  );

  test('READ with FUA writes the cache to the medium first', async () => {
    const { device, initiator } = await failing();
    await initiator.send(READ_10.encode({ ...address, FUA: 1 }));
    expect(device.flushes).toBe(1);
  });
});

/** Memory whose reads alone fail. */
class UnreadableDevice extends MemoryDevice {
  unreadable = false;

  override read(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    if (this.unreadable) throw new BlockError('BLOCK_IO', 'a bad sector');
    return super.read(into, offset);
  }
}

test.each([
  ['ORWRITE', ORWRITE_16.encode(address), 512],
  ['WRITE AND VERIFY', WRITE_AND_VERIFY_10.encode(address), 512],
  ['a WRITE of a part of a block', WRITE_10.encode(address), 100],
])('%s that cannot read what is stored tells of a read error', async (_, cdb, sentBytes) => {
  const device = new UnreadableDevice({ size: 1024 * 512 });
  const { initiator } = new Harness(device);
  await initiator.settle();
  device.unreadable = true;
  const answer = await initiator.send(cdb, { dataOut: new Uint8Array(sentBytes) });
  const { UNRECOVERED_READ_ERROR } = AdditionalSenseCode;
  expect(answer).toMatchObject(outcome(SenseKey.MEDIUM_ERROR, UNRECOVERED_READ_ERROR, 9));
});

describe('START STOP UNIT', () => {
  test('stops the unit, which then needs START', async () => {
    const { device, harness, initiator } = await failing();
    expect(await initiator.send(START_STOP_UNIT.encode({ START: 0 }))).toMatchObject(Expected.GOOD);
    expect(device.flushes).toBe(1);
    const other = harness.connect('other');
    await other.send(tur);
    for (const nexus of [initiator, other]) {
      expect(await nexus.send(tur)).toMatchObject(Expected.NOT_STARTED);
      expect(await nexus.send(READ_10.encode(address))).toMatchObject(Expected.NOT_STARTED);
    }
    expect(await initiator.send(START_STOP_UNIT.encode({ START: 1 }))).toMatchObject(Expected.GOOD);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('with NO_FLUSH does not flush; a reset starts the unit again', async () => {
    const { device, initiator } = await failing();
    expect(await initiator.send(START_STOP_UNIT.encode({ NO_FLUSH: 1 }))).toMatchObject(Expected.GOOD);
    expect(device.flushes).toBe(0);
    initiator.nexus.resetTarget();
    await initiator.settle();
  });

  test('refuses to eject and power conditions, and stays started', async () => {
    const { initiator } = await failing();
    expect(await initiator.send(START_STOP_UNIT.encode({ IMMED: 1, LOEJ: 1 }))).toMatchObject(
      invalidCdb(4, 1),
    );
    expect(await initiator.send(START_STOP_UNIT.encode({ POWER_CONDITION: 2 }))).toMatchObject(
      invalidCdb(4, 7),
    );
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  });
});
