import { describe, expect, test } from 'vitest';
import { VERIFY_10, VERIFY_12, VERIFY_16, WRITE_10, type VerifyCdb } from '../../src/index.ts';
import { Expected, invalidCdb, miscompareAt } from '../support/expected-sense.ts';
import { memoryHarness, pattern } from '../support/harness.ts';

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
