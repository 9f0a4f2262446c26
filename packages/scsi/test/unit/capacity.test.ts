import { expect, test } from 'vitest';
import { parseReadCapacity16, READ_CAPACITY_10, READ_CAPACITY_16 } from '../../src/index.ts';
import { hex, memoryHarness } from '../support/harness.ts';

const capacity16 = (ALLOCATION_LENGTH: number) => READ_CAPACITY_16.encode({ ALLOCATION_LENGTH });

test('READ CAPACITY (10) names the last LBA and the block length', async () => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  expect((await initiator.send(READ_CAPACITY_10.encode())).data).toEqual(hex('000003ff 00000200'));
});

test('READ CAPACITY (10) says FFFFFFFFh where (16) is needed', async () => {
  const { initiator } = await memoryHarness({ blocks: 2 ** 32 + 8 });
  expect((await initiator.send(READ_CAPACITY_10.encode())).data).toEqual(hex('ffffffff 00000200'));
  const { data } = await initiator.send(capacity16(32));
  expect(parseReadCapacity16(data).RETURNED_LOGICAL_BLOCK_ADDRESS).toBe(2 ** 32 + 7);
});

test('READ CAPACITY (16) tells thin provisioning and 4 KiB physical blocks, byte for byte (T-N2)', async () => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  const expected = hex(`00000000000003ff 00000200 00 03 c000 ${'00'.repeat(16)}`);
  expect((await initiator.send(capacity16(32))).data).toEqual(expected);
  expect((await initiator.send(capacity16(15))).data).toEqual(expected.subarray(0, 15));
});

test('a unit of 4096-byte blocks, or with another physical block, has another exponent', async () => {
  const big = await memoryHarness({ blockSize: 4096 });
  const same = await memoryHarness({ physicalBlockBytes: 512 });
  for (const { initiator } of [big, same]) {
    const { data } = await initiator.send(capacity16(32));
    expect(parseReadCapacity16(data).LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT).toBe(0);
  }
});
