import { describe, expect, test } from 'vitest';
import {
  READ_10,
  READ_12,
  READ_16,
  READ_6,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_6,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { memoryHarness, pattern, sameBytes } from '../support/harness.ts';

const reads = [READ_10, READ_12, READ_16];
const writes = [WRITE_10, WRITE_12, WRITE_16];
const verifiedWrites = [WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12, WRITE_AND_VERIFY_16];
const lba = (address: number, blocks: number) => ({
  LOGICAL_BLOCK_ADDRESS: address,
  TRANSFER_LENGTH: blocks,
});

describe.each([512, 4096])('blocks of %i bytes', (blockSize) => {
  test.each([...writes, ...verifiedWrites])('$name stores what READ returns', async (write) => {
    const { initiator } = await memoryHarness({ blockSize });
    const data = pattern(3 * blockSize);
    expect(await initiator.send(write.encode(lba(5, 3)), { dataOut: data })).toMatchObject(Expected.GOOD);
    for (const read of reads) {
      const stored = (await initiator.send(read.encode(lba(5, 3)))).data;
      expect(sameBytes(stored, data), read.name).toBe(true);
    }
  });

  test('pieces that start and end inside blocks are put together', async () => {
    const { initiator } = await memoryHarness({ blockSize });
    const data = pattern(4 * blockSize);
    const options = { dataOut: data, pieceBytes: 333 };
    expect(await initiator.send(WRITE_10.encode(lba(2, 4)), options)).toMatchObject(Expected.GOOD);
    const stored = await initiator.send(READ_10.encode(lba(2, 4)), { pieceBytes: 1000 });
    expect(sameBytes(stored.data, data)).toBe(true);
  });
});

test('READ (6) and WRITE (6) with transfer length 0 move 256 blocks', async () => {
  const { initiator } = await memoryHarness();
  const data = pattern(256 * 512);
  expect(await initiator.send(WRITE_6.encode(lba(7, 0)), { dataOut: data })).toMatchObject(Expected.GOOD);
  expect(sameBytes((await initiator.send(READ_6.encode(lba(7, 0)))).data, data)).toBe(true);
});

test.each([...reads, ...writes, ...verifiedWrites])('$name of no blocks is not an error', async (cdb) => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  expect(await initiator.send(cdb.encode(lba(0, 0)))).toMatchObject(Expected.GOOD);
  expect(await initiator.send(cdb.encode(lba(1024, 0)))).toMatchObject(Expected.GOOD);
  expect(await initiator.send(cdb.encode(lba(1025, 0)))).toMatchObject(Expected.LBA_OUT_OF_RANGE);
});

test.each([...reads, ...writes, ...verifiedWrites, READ_6, WRITE_6])(
  '$name beyond the end is LBA OUT OF RANGE',
  async (cdb) => {
    const { initiator } = await memoryHarness({ blocks: 1024 });
    expect(await initiator.send(cdb.encode(lba(1023, 2)))).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    expect(await initiator.send(cdb.encode(lba(0x1f_ffff, 1)))).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  },
);

test('the highest LBA of READ (16) and of READ (10) is out of range', async () => {
  const { initiator } = await memoryHarness();
  const all = READ_16.encode(lba(0, 1)).fill(0xff, 2, 10);
  expect(await initiator.send(all)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  expect(await initiator.send(READ_10.encode(lba(0xffff_ffff, 1)))).toMatchObject(Expected.LBA_OUT_OF_RANGE);
});

test.each(reads)('$name refuses RDPROTECT at byte 1 bit 7', async (cdb) => {
  const { initiator } = await memoryHarness();
  const answer = await initiator.send(cdb.encode({ ...lba(0, 1), RDPROTECT: 1 }));
  expect(answer).toMatchObject(invalidCdb(1, 7));
});

test.each([...writes, ...verifiedWrites])('$name refuses WRPROTECT at byte 1 bit 7', async (cdb) => {
  const { initiator } = await memoryHarness();
  const answer = await initiator.send(cdb.encode({ ...lba(0, 1), WRPROTECT: 5 }));
  expect(answer).toMatchObject(invalidCdb(1, 7));
});

test('more blocks than MAXIMUM TRANSFER LENGTH are refused at the length field', async () => {
  const { initiator } = await memoryHarness({ blocks: 524_288 });
  expect(await initiator.send(READ_16.encode(lba(0, 262_144)), { dataInBytes: 512 })).toMatchObject(
    Expected.GOOD,
  );
  expect(await initiator.send(READ_16.encode(lba(0, 262_145)))).toMatchObject(invalidCdb(10));
  expect(await initiator.send(WRITE_12.encode(lba(0, 262_145)))).toMatchObject(invalidCdb(6));
});

test.each(verifiedWrites)('$name takes BYTCHK 0 and 1 and refuses 2 and 3', async (cdb) => {
  const { initiator } = await memoryHarness();
  for (const BYTCHK of [0, 1]) {
    const sent = initiator.send(cdb.encode({ ...lba(0, 1), BYTCHK }), { dataOut: pattern(512) });
    expect(await sent).toMatchObject(Expected.GOOD);
  }
  for (const BYTCHK of [2, 3]) {
    expect(await initiator.send(cdb.encode({ ...lba(0, 1), BYTCHK }))).toMatchObject(invalidCdb(1, 2));
  }
});

test('less data than the CDB says goes over what is there and leaves the rest alone', async () => {
  const { initiator } = await memoryHarness();
  await initiator.send(WRITE_10.encode(lba(0, 2)), { dataOut: new Uint8Array(1024).fill(0xee) });
  const answer = await initiator.send(WRITE_10.encode(lba(0, 2)), {
    dataOut: new Uint8Array(200).fill(0x11),
  });
  expect(answer).toMatchObject(Expected.GOOD);
  const { data } = await initiator.send(READ_10.encode(lba(0, 2)));
  expect(data.subarray(0, 200).every((byte) => byte === 0x11)).toBe(true);
  expect(data.subarray(200).every((byte) => byte === 0xee)).toBe(true);
});

test('a write-protected unit refuses writes with DATA PROTECT and reads on', async () => {
  const { initiator } = await memoryHarness({ readOnly: true });
  expect(await initiator.send(WRITE_10.encode(lba(0, 1)))).toMatchObject(Expected.WRITE_PROTECTED);
  expect(await initiator.send(READ_10.encode(lba(0, 1)))).toMatchObject(Expected.GOOD);
});

test('a hit completes without a promise', async () => {
  const { initiator } = await memoryHarness();
  const execution = initiator.nexus.execute(new Uint8Array(8), initiator.command(READ_10.encode(lba(0, 1))));
  if (execution instanceof Promise || execution.kind !== 'data-in') throw new Error('not at once');
  expect(execution.read([new Uint8Array(512)], 0)).toBeUndefined();
  execution.end?.();
});
