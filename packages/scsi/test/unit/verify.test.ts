import { describe, expect, test } from 'vitest';
import {
  SenseKey,
  Status,
  VERIFY_10,
  VERIFY_12,
  VERIFY_16,
  WRITE_10,
  type VerifyCdb,
} from '../../src/index.ts';
import { Expected, invalidCdb, miscompareAt } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness, memoryHarness, pattern } from '../support/harness.ts';

const range = (address: number, blocks: number, BYTCHK: number): Partial<VerifyCdb> => ({
  LOGICAL_BLOCK_ADDRESS: address,
  VERIFICATION_LENGTH: blocks,
  BYTCHK,
});

async function written() {
  const harness = await memoryHarness({ blocks: 8192 });
  const data = pattern(4 * 512);
  const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 8, TRANSFER_LENGTH: 4 });
  await harness.initiator.send(cdb, { dataOut: data });
  return { ...harness, initiator: harness.initiator, data };
}

describe.each([VERIFY_10, VERIFY_12, VERIFY_16])('$name', (cdb) => {
  test('with BYTCHK 0 takes no data and reads the medium', async () => {
    const { initiator } = await written();
    expect(await initiator.send(cdb.encode(range(0, 8192, 0)))).toMatchObject(Expected.GOOD);
  });

  test('with BYTCHK 1 compares, and names the LBA that differs', async () => {
    const { initiator, data } = await written();
    const equal = await initiator.send(cdb.encode(range(8, 4, 1)), { dataOut: data, pieceBytes: 700 });
    expect(equal).toMatchObject(Expected.GOOD);
    const flipped = data.slice();
    flipped[3 * 512 - 1]! ^= 0x58;
    const differing = await initiator.send(cdb.encode(range(8, 4, 1)), { dataOut: flipped, pieceBytes: 700 });
    expect(differing).toMatchObject(miscompareAt(10));
  });

  test('with BYTCHK 3 compares every block with one', async () => {
    const { initiator } = await written();
    const zero = new Uint8Array(512);
    expect(await initiator.send(cdb.encode(range(12, 4000, 3)), { dataOut: zero })).toMatchObject(
      Expected.GOOD,
    );
    expect(await initiator.send(cdb.encode(range(0, 12, 3)), { dataOut: zero })).toMatchObject(
      miscompareAt(8),
    );
  });

  test('with BYTCHK 2 is refused at byte 1 bit 2, VRPROTECT at bit 7', async () => {
    const { initiator } = await written();
    expect(await initiator.send(cdb.encode(range(0, 1, 2)))).toMatchObject(invalidCdb(1, 2));
    expect(await initiator.send(cdb.encode({ VRPROTECT: 1 }))).toMatchObject(invalidCdb(1, 7));
  });

  test('with less data than blocks is not called equal', async () => {
    const { initiator, data } = await written();
    const short = initiator.send(cdb.encode(range(8, 4, 1)), { dataOut: data.subarray(0, 512) });
    expect(await short).toMatchObject(Expected.TOO_LITTLE_DATA);
  });

  test.each([0, 1, 3])('with BYTCHK %i of no blocks is not an error, out of range is', async (BYTCHK) => {
    const { initiator } = await written();
    expect(await initiator.send(cdb.encode(range(0, 0, BYTCHK)))).toMatchObject(Expected.GOOD);
    const beyond = initiator.send(cdb.encode(range(8193, 0, BYTCHK)));
    expect(await beyond).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    expect(await initiator.send(cdb.encode(range(8191, 2, BYTCHK)))).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  });
});

describe('VERIFY over a thin disk of 64 GiB', () => {
  const blockCount = 2 ** 27;
  const island = 2 ** 26 + 8;

  async function thin() {
    const reads: number[] = [];
    class Device extends FailingDevice {
      override read(into: readonly Uint8Array[], offset: number) {
        reads.push(offset);
        return super.read(into, offset);
      }
    }
    const device = new Device({ size: blockCount * 512 });
    await device.write([pattern(512)], island * 512);
    const { initiator } = new Harness(device);
    await initiator.settle();
    return { initiator, device, reads };
  }

  const whole = (BYTCHK: number) => VERIFY_16.encode(range(0, blockCount, BYTCHK));

  test('reads what is stored, and no holes', async () => {
    const { initiator, device, reads } = await thin();
    expect(await initiator.send(whole(0))).toMatchObject(Expected.GOOD);
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.every((offset) => Math.abs(offset - island * 512) <= 2 ** 20)).toBe(true);
    device.failure = 'BLOCK_IO';
    expect(await initiator.send(whole(0))).toMatchObject({
      status: Status.CHECK_CONDITION,
      sense: { senseKey: SenseKey.MEDIUM_ERROR },
    });
  });

  test('knows that a hole is no block of anything but zeroes', async () => {
    const { initiator, reads } = await thin();
    const send = (dataOut: Uint8Array) => initiator.send(whole(3), { dataOut });
    expect(await send(pattern(512))).toMatchObject(miscompareAt(0));
    expect(reads).toEqual([]);
    expect(await send(new Uint8Array(512))).toMatchObject(miscompareAt(island));
  });

  test('reads into one buffer, whatever the length', async () => {
    const { initiator, device } = await thin();
    await device.write([pattern(2 ** 23)], 0);
    const buffers = new Set<ArrayBufferLike>();
    const read = device.read.bind(device);
    device.read = (into, offset) => {
      buffers.add(into[0]!.buffer);
      return read(into, offset);
    };
    expect(await initiator.send(whole(0))).toMatchObject(Expected.GOOD);
    expect(buffers.size).toBe(1);
  });
});
