import { describe, expect, test } from 'vitest';
import { READ_10, WRITE_10, WRITE_SAME_10, WRITE_SAME_16, WRITE_SAME_32 } from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { memoryHarness, pattern, type Initiator } from '../support/harness.ts';

const block = pattern(512);
const zero = new Uint8Array(512);
const range = (address: number, blocks: number) => ({
  LOGICAL_BLOCK_ADDRESS: address,
  NUMBER_OF_LOGICAL_BLOCKS: blocks,
});

async function read(initiator: Initiator, address: number, blocks: number): Promise<Uint8Array> {
  const cdb = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: address, TRANSFER_LENGTH: blocks });
  return (await initiator.send(cdb)).data;
}

describe.each([WRITE_SAME_10, WRITE_SAME_16])('$name', (cdb) => {
  test('writes one block many times, also in several steps', async () => {
    const { initiator } = await memoryHarness({ blocks: 8192 });
    expect(await initiator.send(cdb.encode(range(3, 5000)), { dataOut: block })).toMatchObject(Expected.GOOD);
    expect(await read(initiator, 2, 1)).toEqual(zero);
    for (const address of [3, 2047, 2048, 5002]) expect(await read(initiator, address, 1)).toEqual(block);
    expect(await read(initiator, 5003, 1)).toEqual(zero);
  });

  test('with UNMAP and a block of zeroes gives the space back and reads as zeroes', async () => {
    const { initiator, device } = await memoryHarness({ blocks: 1024 });
    const fill = { LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1024 };
    await initiator.send(WRITE_10.encode(fill), { dataOut: pattern(1024 * 512) });
    const unmap = cdb.encode({ ...range(0, 1024), UNMAP: 1 });
    expect(await initiator.send(unmap, { dataOut: zero })).toMatchObject(Expected.GOOD);
    expect(await read(initiator, 700, 1)).toEqual(zero);
    expect(device.allocatedBytes).toBe(0);
  });

  test('with UNMAP and other data writes the data', async () => {
    const { initiator } = await memoryHarness();
    const unmap = cdb.encode({ ...range(1, 7), UNMAP: 1 });
    expect(await initiator.send(unmap, { dataOut: block })).toMatchObject(Expected.GOOD);
    expect(await read(initiator, 7, 1)).toEqual(block);
  });

  test('of no blocks is refused (WSNZ 1)', async () => {
    const { initiator } = await memoryHarness({ blocks: 64 });
    const sent = initiator.send(cdb.encode(range(60, 0)), { dataOut: block });
    expect(await sent).toMatchObject({ status: 2, sense: { senseKey: 5, asc: 0x24, ascq: 0 } });
  });

  test('beyond the end is LBA OUT OF RANGE, also of no blocks', async () => {
    const { initiator } = await memoryHarness({ blocks: 64 });
    for (const [address, blocks] of [
      [63, 2],
      [65, 0],
      [0x8000_0000, 0],
      [0xffff_ffff, 0],
    ] as const) {
      const sent = initiator.send(cdb.encode(range(address, blocks)), { dataOut: block });
      expect(await sent).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    }
  });

  test('refuses protection, anchors and addresses in the data at their bits', async () => {
    const { initiator } = await memoryHarness();
    for (const [field, bit] of [
      ['WRPROTECT', 7],
      ['ANCHOR', 4],
      ['PBDATA', 2],
      ['LBDATA', 1],
    ] as const) {
      expect(await initiator.send(cdb.encode({ ...range(0, 1), [field]: 1 }))).toMatchObject(
        invalidCdb(1, bit),
      );
    }
  });

  test('with more or less than one block of data is refused', async () => {
    const { initiator } = await memoryHarness();
    for (const bytes of [256, 1024]) {
      const options = { dataOut: new Uint8Array(bytes), announce: true };
      expect(await initiator.send(cdb.encode(range(0, 1)), options)).toMatchObject({ status: 2 });
    }
    const unannounced = initiator.send(cdb.encode(range(0, 1)), { dataOut: new Uint8Array(256) });
    expect(await unannounced).toMatchObject(Expected.TOO_LITTLE_DATA);
  });
});

describe.each([WRITE_SAME_10, WRITE_SAME_16, WRITE_SAME_32])(
  '$name of no blocks, where it means the rest',
  (cdb) => {
    const rest = { writeSameZero: 'rest' } as const;

    test('fills from its address to the end, in several steps', async () => {
      const { initiator } = await memoryHarness({ blocks: 8192, ...rest });
      expect(await initiator.send(cdb.encode(range(100, 0)), { dataOut: block })).toMatchObject(
        Expected.GOOD,
      );
      expect(await read(initiator, 99, 1)).toEqual(zero);
      for (const address of [100, 2047, 2048, 8191]) expect(await read(initiator, address, 1)).toEqual(block);
      expect(await initiator.send(cdb.encode(range(8191, 0)), { dataOut: zero })).toMatchObject(
        Expected.GOOD,
      );
      expect(await read(initiator, 8190, 2)).toEqual(Uint8Array.from([...block, ...zero]));
    });

    test('gives the rest back with UNMAP', async () => {
      const { initiator, device } = await memoryHarness({ blocks: 4096, ...rest });
      const dataOut = pattern(4096 * 512);
      await initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 4096 }), { dataOut });
      const unmap = cdb.encode({ ...range(2048, 0), UNMAP: 1 });
      expect(await initiator.send(unmap, { dataOut: zero })).toMatchObject(Expected.GOOD);
      expect(device.allocatedBytes).toBe(2048 * 512);
      expect(await read(initiator, 2047, 2)).toEqual(
        Uint8Array.from([...dataOut.slice(2047 * 512, 2 ** 20), ...zero]),
      );
    });

    test('is LBA OUT OF RANGE from the end on', async () => {
      const { initiator } = await memoryHarness({ blocks: 64, ...rest });
      for (const address of [64, 65, 0x8000_0000, 0xffff_ffff]) {
        const sent = initiator.send(cdb.encode(range(address, 0)), { dataOut: block });
        expect(await sent).toMatchObject(Expected.LBA_OUT_OF_RANGE);
      }
    });

    test('keeps to MAXIMUM WRITE SAME LENGTH', async () => {
      const { initiator } = await memoryHarness({ blocks: 8_388_610, ...rest });
      const { byteOffset } = cdb.structure.locate('NUMBER_OF_LOGICAL_BLOCKS');
      expect(await initiator.send(cdb.encode(range(1, 0)))).toMatchObject(invalidCdb(byteOffset));
      const unmap = cdb.encode({ ...range(2, 0), UNMAP: 1 });
      expect(await initiator.send(unmap, { dataOut: zero })).toMatchObject(Expected.GOOD);
    });
  },
);

test('WRITE SAME (16) with NDOB and no blocks makes the rest zeroes, or gives it back', async () => {
  const { initiator, device } = await memoryHarness({ blocks: 4096, writeSameZero: 'rest' });
  await initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 4096 }), { dataOut: pattern(4096 * 512) });
  for (const [UNMAP, address] of [
    [0, 3000],
    [1, 2048],
  ] as const) {
    const cdb = WRITE_SAME_16.encode({ ...range(address, 0), NDOB: 1, UNMAP });
    expect(await initiator.send(cdb)).toMatchObject(Expected.GOOD);
    expect((await read(initiator, address, 4096 - address)).every((byte) => byte === 0)).toBe(true);
    expect((await read(initiator, address - 1, 1)).every((byte) => byte === 0)).toBe(false);
  }
  expect(device.allocatedBytes).toBe(2048 * 512);
});

test('WRITE SAME (16) with NDOB takes no data and writes zeroes', async () => {
  const { initiator } = await memoryHarness();
  const fill = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 8 });
  await initiator.send(fill, { dataOut: pattern(8 * 512) });
  for (const UNMAP of [0, 1]) {
    const cdb = WRITE_SAME_16.encode({ ...range(UNMAP * 4, 4), NDOB: 1, UNMAP });
    expect(await initiator.send(cdb)).toMatchObject(Expected.GOOD);
  }
  expect((await read(initiator, 0, 8)).every((byte) => byte === 0)).toBe(true);
});

test('more blocks than MAXIMUM WRITE SAME LENGTH are refused', async () => {
  const { initiator } = await memoryHarness({ blocks: 16_777_216 });
  expect(await initiator.send(WRITE_SAME_16.encode(range(0, 8_388_609)))).toMatchObject(invalidCdb(10));
  expect(await initiator.send(WRITE_SAME_16.encode(range(0, 0)))).toMatchObject(invalidCdb(10));
});

test('a long WRITE SAME ends soon after it is aborted and lets other commands through', async () => {
  const { initiator } = await memoryHarness({ blocks: 4_194_304 });
  const command = initiator.command(WRITE_SAME_16.encode(range(0, 4_194_304)));
  const execution = await initiator.nexus.execute(new Uint8Array(8), command);
  if (execution.kind !== 'data-out') throw new Error('no data wanted');
  await execution.write([block], 0);
  const ended = execution.finish(512);
  expect(await read(initiator, 0, 1)).toEqual(block);
  command.aborted = true;
  expect(await ended).toMatchObject({ status: 0x40 });
  execution.end?.();
  expect(await read(initiator, 4_194_303, 1)).toEqual(zero);
});
