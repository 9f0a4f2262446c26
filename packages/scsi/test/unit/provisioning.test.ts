import { expect, test } from 'vitest';
import {
  buildUnmapList,
  GET_LBA_STATUS,
  parseLbaStatus,
  ProvisioningStatus,
  READ_10,
  UNMAP,
  WRITE_10,
  type BlockRange,
} from '../../src/index.ts';
import { Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { hex, memoryHarness, pattern, type Initiator } from '../support/harness.ts';

function unmap(initiator: Initiator, ranges: readonly BlockRange[]) {
  const dataOut = buildUnmapList(ranges);
  return initiator.send(UNMAP.encode({ PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
}

async function lbaStatus(initiator: Initiator, lba: number, descriptors = 8) {
  const ALLOCATION_LENGTH = 8 + 16 * descriptors;
  const cdb = GET_LBA_STATUS.encode({ STARTING_LOGICAL_BLOCK_ADDRESS: lba, ALLOCATION_LENGTH });
  return parseLbaStatus((await initiator.send(cdb)).data);
}

test('UNMAP gives the space of every range back, which then reads as zeroes', async () => {
  const { initiator, device } = await memoryHarness({ blocks: 2048 });
  const fill = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 2048 });
  await initiator.send(fill, { dataOut: pattern(2048 * 512) });
  const ranges = [
    { lba: 0, blockCount: 1024 },
    { lba: 1024, blockCount: 1024 },
  ];
  expect(await unmap(initiator, ranges)).toMatchObject(Expected.GOOD);
  const { data } = await initiator.send(READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 1000, TRANSFER_LENGTH: 48 }));
  expect(data.every((byte) => byte === 0)).toBe(true);
  expect(device.allocatedBytes).toBe(0);
});

test('UNMAP of no blocks, of no ranges and without a list is not an error', async () => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  const empty = Array.from({ length: 256 }, (_, index) => ({ lba: index >> 1, blockCount: 0 }));
  expect(await unmap(initiator, empty)).toMatchObject(Expected.GOOD);
  expect(await unmap(initiator, [{ lba: 1024, blockCount: 0 }])).toMatchObject(Expected.GOOD);
  expect(await unmap(initiator, [])).toMatchObject(Expected.GOOD);
  expect(await initiator.send(UNMAP.encode())).toMatchObject(Expected.GOOD);
});

test('UNMAP beyond the end is LBA OUT OF RANGE and does nothing at all', async () => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  const write = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
  await initiator.send(write, { dataOut: pattern(512) });
  const ranges = [
    { lba: 0, blockCount: 1 },
    { lba: 1023, blockCount: 2 },
  ];
  expect(await unmap(initiator, ranges)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  const { data } = await initiator.send(READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 }));
  expect(data).toEqual(pattern(512));
});

test('UNMAP with more descriptors or blocks than the limits is an invalid parameter list', async () => {
  const { initiator } = await memoryHarness({ blocks: 4_194_304 });
  const many = Array.from({ length: 257 }, (_, lba) => ({ lba, blockCount: 1 }));
  expect(await unmap(initiator, many)).toMatchObject(invalidList(2));
  expect(await unmap(initiator, [{ lba: 0, blockCount: 1_048_577 }])).toMatchObject(invalidList(16));
});

test('UNMAP refuses ANCHOR, a part of a header, and a list shorter than it says', async () => {
  const { initiator } = await memoryHarness();
  expect(await initiator.send(UNMAP.encode({ ANCHOR: 1 }))).toMatchObject(invalidCdb(1, 0));
  const tooShort = initiator.send(UNMAP.encode({ PARAMETER_LIST_LENGTH: 7 }), { dataOut: new Uint8Array(7) });
  expect(await tooShort).toMatchObject(Expected.LIST_LENGTH_ERROR);
  const truncated = hex('0016 0020 00000000 0000000000000000 00000001 00000000');
  const cdb = UNMAP.encode({ PARAMETER_LIST_LENGTH: truncated.length });
  expect(await initiator.send(cdb, { dataOut: truncated })).toMatchObject(Expected.LIST_LENGTH_ERROR);
});

test('GET LBA STATUS tells mapped from deallocated runs, from the LBA that was asked for on', async () => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  const write = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 256, TRANSFER_LENGTH: 128 });
  await initiator.send(write, { dataOut: pattern(128 * 512) });
  const { MAPPED, DEALLOCATED } = ProvisioningStatus;
  expect(await lbaStatus(initiator, 3)).toEqual([
    { lba: 3, blockCount: 253, status: DEALLOCATED },
    { lba: 256, blockCount: 128, status: MAPPED },
    { lba: 384, blockCount: 640, status: DEALLOCATED },
  ]);
  expect(await lbaStatus(initiator, 300, 1)).toEqual([{ lba: 300, blockCount: 84, status: MAPPED }]);
});

test('GET LBA STATUS splits a run of more blocks than a descriptor can count', async () => {
  const { initiator } = await memoryHarness({ blocks: 2 ** 33 });
  const runs = await lbaStatus(initiator, 5);
  expect(runs).toHaveLength(4);
  expect(runs[1]).toEqual({ lba: 5 + 2 ** 31, blockCount: 2 ** 31, status: ProvisioningStatus.DEALLOCATED });
});

test('GET LBA STATUS beyond the end is LBA OUT OF RANGE', async () => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  for (const lba of [1024, 2 ** 40]) {
    const cdb = GET_LBA_STATUS.encode({ STARTING_LOGICAL_BLOCK_ADDRESS: lba, ALLOCATION_LENGTH: 24 });
    expect(await initiator.send(cdb)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  }
});
