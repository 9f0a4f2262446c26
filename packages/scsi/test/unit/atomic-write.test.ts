import { MemoryDevice } from '@lunbox/block';
import { expect, test } from 'vitest';
import {
  INQUIRY,
  LogicalUnit,
  parseBlockLimits,
  parseVpdPage,
  READ_10,
  VpdPage,
  WRITE_ATOMIC_16,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { Harness, IDENTITY, memoryHarness, pattern, sameBytes } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const EIGHT = { atomicWriteBytes: 8 * 512 };
const write = (fields: object) => WRITE_ATOMIC_16.encode({ TRANSFER_LENGTH: 8, ...fields });

test('WRITE ATOMIC writes all blocks, which an overlapping one neither tears nor mixes with', async () => {
  const { initiator, device } = new Harness(new SlowDevice({ size: 64 * 512 }), EIGHT);
  await initiator.settle();
  const [a, b] = [pattern(8 * 512, 1), pattern(8 * 512, 2)];
  await Promise.all([
    initiator.send(write({}), { dataOut: a, pieceBytes: 700 }),
    initiator.send(write({}), { dataOut: b, pieceBytes: 512 }),
  ]);
  const found = new Uint8Array(8 * 512);
  await device.read([found], 0);
  expect([a, b].some((data) => sameBytes(data, found))).toBe(true);
});

test('a READ sees all of a WRITE ATOMIC or nothing of it', async () => {
  const { initiator } = new Harness(new SlowDevice({ size: 64 * 512 }), EIGHT);
  await initiator.settle();
  const data = pattern(8 * 512);
  const read = READ_10.encode({ TRANSFER_LENGTH: 8 });
  const [, ...reads] = await Promise.all([
    initiator.send(write({}), { dataOut: data }),
    ...Array.from({ length: 8 }, () => initiator.send(read)),
  ]);
  for (const { data: found } of reads) {
    expect([data, new Uint8Array(8 * 512)].some((whole) => sameBytes(whole, found))).toBe(true);
  }
});

test('WRITE ATOMIC of too little data writes nothing', async () => {
  const { initiator, device } = await memoryHarness(EIGHT);
  const short = await initiator.send(write({}), { dataOut: pattern(7 * 512) });
  expect(short).toMatchObject(Expected.TOO_LITTLE_DATA);
  expect(device.allocatedBytes).toBe(0);
});

test('WRITE ATOMIC is limited as the Block Limits page says', async () => {
  const limit = async (options: object) => {
    const { initiator } = await memoryHarness(options);
    const cdb = INQUIRY.encode({ EVPD: 1, PAGE_CODE: VpdPage.BLOCK_LIMITS, ALLOCATION_LENGTH: 64 });
    const limits = parseBlockLimits(parseVpdPage((await initiator.send(cdb)).data).body);
    expect(limits.MAXIMUM_ATOMIC_BOUNDARY_SIZE).toBe(0);
    const most = limits.MAXIMUM_ATOMIC_TRANSFER_LENGTH;
    const dataOut = pattern((most + 1) * 512);
    expect(await initiator.send(write({ TRANSFER_LENGTH: most }), { dataOut })).toMatchObject(Expected.GOOD);
    const more = await initiator.send(write({ TRANSFER_LENGTH: most + 1 }), { dataOut });
    expect(more).toMatchObject(invalidCdb(12));
    return most;
  };
  expect(await limit({})).toBe(1);
  expect(await limit(EIGHT)).toBe(8);
  const device = new MemoryDevice({ size: 512 });
  for (const atomicWriteBytes of [0, 100, 512 * 1024]) {
    expect(() => new LogicalUnit({ device, identity: IDENTITY, atomicWriteBytes })).toThrow(RangeError);
  }
});

test('WRITE ATOMIC of no blocks is not an error; boundaries, protection and the end of the unit are', async () => {
  const { initiator } = await memoryHarness({ ...EIGHT, blocks: 64 });
  expect(await initiator.send(write({ TRANSFER_LENGTH: 0 }))).toMatchObject(Expected.GOOD);
  expect(await initiator.send(write({ ATOMIC_BOUNDARY: 1 }))).toMatchObject(invalidCdb(10));
  expect(await initiator.send(write({ WRPROTECT: 1 }))).toMatchObject(invalidCdb(1, 7));
  const beyond = await initiator.send(write({ LOGICAL_BLOCK_ADDRESS: 57 }));
  expect(beyond).toMatchObject(Expected.LBA_OUT_OF_RANGE);
});
