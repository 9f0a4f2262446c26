import { MemoryDevice, type MaybePromise } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import { PRE_FETCH_10, PRE_FETCH_16, SenseKey, TEST_UNIT_READY } from '../../src/index.ts';
import { Expected } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const MIB_BLOCKS = 2048;

/** Remembers what was read. */
class ReadDevice extends MemoryDevice {
  readonly reads: [offset: number, length: number][] = [];

  override read(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    this.reads.push([offset, into[0]?.length ?? 0]);
    return super.read(into, offset);
  }
}

async function prefetching(blocks = 64) {
  const device = new ReadDevice({ size: blocks * 512 });
  const harness = new Harness(device);
  await harness.initiator.settle();
  return { harness, device, initiator: harness.initiator };
}

describe.each([PRE_FETCH_10, PRE_FETCH_16])('$name', (cdb) => {
  test('reads the blocks and says that they are in the cache', async () => {
    const { initiator, device } = await prefetching();
    const range = cdb.encode({ LOGICAL_BLOCK_ADDRESS: 3, PREFETCH_LENGTH: 5 });
    expect(await initiator.send(range)).toMatchObject(Expected.CONDITION_MET);
    expect(device.reads).toEqual([[3 * 512, 5 * 512]]);
  });

  test('of length zero goes to the end of the unit', async () => {
    const { initiator, device } = await prefetching();
    const rest = cdb.encode({ LOGICAL_BLOCK_ADDRESS: 60 });
    expect(await initiator.send(rest)).toMatchObject(Expected.CONDITION_MET);
    expect(device.reads).toEqual([[60 * 512, 4 * 512]]);
  });

  test('of more than the cache takes reads so much of it, in steps, and says GOOD', async () => {
    const { initiator, device } = await prefetching(40 * MIB_BLOCKS);
    expect(await initiator.send(cdb.encode())).toMatchObject(Expected.GOOD);
    expect(device.reads.reduce((sum, [, length]) => sum + length, 0)).toBe(32 * 2 ** 20);
    expect(Math.max(...device.reads.map(([, length]) => length))).toBe(2 ** 20);
  });

  test('beyond the end is LBA OUT OF RANGE', async () => {
    const { initiator } = await prefetching();
    for (const [lba, blocks] of [
      [63, 2],
      [65, 0],
      [2 ** 31, 1],
    ] as const) {
      const range = cdb.encode({ LOGICAL_BLOCK_ADDRESS: lba, PREFETCH_LENGTH: blocks });
      expect(await initiator.send(range)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    }
  });

  test('with IMMED is answered before the reading, one at a time', async () => {
    const device = new SlowDevice({ size: 64 * 512 });
    const { initiator, unit } = new Harness(device);
    await initiator.settle();
    const range = cdb.encode({ IMMED: 1, PREFETCH_LENGTH: 8 });
    expect(await initiator.send(range)).toMatchObject(Expected.CONDITION_MET);
    expect(unit.prefetching).toBe(true);
    expect(await initiator.send(range)).toMatchObject(Expected.GOOD);
    while (unit.prefetching) await new Promise(setImmediate);
    expect(await initiator.send(range)).toMatchObject(Expected.CONDITION_MET);
    while (unit.prefetching) await new Promise(setImmediate);
  });

  test('that fails tells so, with IMMED as a deferred error', async () => {
    const device = new FailingDevice({ size: 64 * 512 });
    const { initiator } = new Harness(device);
    await initiator.settle();
    device.failure = 'BLOCK_IO';
    const error = { senseKey: SenseKey.MEDIUM_ERROR, information: 2 };
    const range = { LOGICAL_BLOCK_ADDRESS: 2, PREFETCH_LENGTH: 1 };
    expect((await initiator.send(cdb.encode(range))).sense).toMatchObject(error);
    const immediate = await initiator.send(cdb.encode({ ...range, IMMED: 1 }));
    expect(immediate).toMatchObject(Expected.CONDITION_MET);
    const { sense } = await initiator.send(TEST_UNIT_READY.encode());
    expect(sense).toMatchObject({ ...error, deferred: true });
  });
});
