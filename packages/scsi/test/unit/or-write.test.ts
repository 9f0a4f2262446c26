import { expect, test } from 'vitest';
import { ORWRITE_16, READ_10, WRITE_10 } from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { Harness, memoryHarness, pattern, type Initiator } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const BLOCK = 512;
const region = { LOGICAL_BLOCK_ADDRESS: 3, TRANSFER_LENGTH: 4 };

async function read(initiator: Initiator): Promise<Uint8Array> {
  return (await initiator.send(READ_10.encode(region))).data;
}

const united = (a: Uint8Array, b: Uint8Array) => a.map((byte, index) => byte | (b[index] ?? 0));

test.each([512, 100, 4096])('sets bits and clears none, in pieces of %i bytes', async (pieceBytes) => {
  const { initiator } = await memoryHarness();
  const before = pattern(4 * BLOCK, 1);
  const dataOut = pattern(4 * BLOCK, 90);
  await initiator.send(WRITE_10.encode(region), { dataOut: before });
  expect(await initiator.send(ORWRITE_16.encode(region), { dataOut, pieceBytes })).toMatchObject(
    Expected.GOOD,
  );
  expect(await read(initiator)).toEqual(united(before, dataOut));
});

test('of less data than the CDB says sets the bits of that data', async () => {
  const { initiator } = await memoryHarness();
  const before = pattern(4 * BLOCK, 1);
  await initiator.send(WRITE_10.encode(region), { dataOut: before });
  const dataOut = new Uint8Array(700).fill(0x81);
  const answer = await initiator.send(ORWRITE_16.encode(region), { dataOut, pieceBytes: 300 });
  expect(answer).toMatchObject(Expected.GOOD);
  expect(await read(initiator)).toEqual(united(before, dataOut));
});

test('many at the same time lose no bit', async () => {
  const { initiator } = new Harness(new SlowDevice({ size: 64 * BLOCK }));
  await initiator.settle();
  const bits = [1, 2, 4, 8, 16, 32, 64, 128];
  await Promise.all(
    bits.map((bit) =>
      initiator.send(ORWRITE_16.encode(region), { dataOut: new Uint8Array(4 * BLOCK).fill(bit) }),
    ),
  );
  expect(await read(initiator)).toEqual(new Uint8Array(4 * BLOCK).fill(0xff));
});

test('of no blocks is GOOD; out of range, too long and with protection information it is refused', async () => {
  const { initiator, unit } = await memoryHarness({ blocks: 64 });
  expect(await initiator.send(ORWRITE_16.encode({ LOGICAL_BLOCK_ADDRESS: 64 }))).toMatchObject(Expected.GOOD);
  for (const [lba, blocks] of [
    [64, 1],
    [65, 0],
    [2 ** 63, 0],
  ] as const) {
    const cdb = ORWRITE_16.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: blocks });
    expect(await initiator.send(cdb)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  }
  const protect = ORWRITE_16.encode({ ...region, ORPROTECT: 1 });
  expect(await initiator.send(protect)).toMatchObject(invalidCdb(1, 7));
  const large = await memoryHarness({ blocks: 2 ** 20 });
  const tooLong = ORWRITE_16.encode({ TRANSFER_LENGTH: unit.limits.maxTransferBlocks + 1 });
  expect(await large.initiator.send(tooLong)).toMatchObject(invalidCdb(10));
});
