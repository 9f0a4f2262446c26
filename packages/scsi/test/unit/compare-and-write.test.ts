import { describe, expect, test } from 'vitest';
import {
  COMPARE_AND_WRITE,
  encodeLun,
  INQUIRY,
  parseBlockLimits,
  parseVpdPage,
  READ_10,
  RESERVE_6,
  SenseKey,
  VpdPage,
  WRITE_10,
  WRITE_SAME_10,
  type CheckConditionError,
  type CompareAndWriteCdb,
} from '../../src/index.ts';
import { Expected, invalidCdb, miscompareAt } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness, hex, memoryHarness, pattern, type Initiator } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const BLOCK = 512;
const fill = (value: number, blocks: number) => new Uint8Array(blocks * BLOCK).fill(value);

function compareAndWrite(
  initiator: Initiator,
  lba: number,
  expected: Uint8Array,
  wanted: Uint8Array,
  more: Partial<CompareAndWriteCdb> = {},
) {
  const blocks = expected.length / BLOCK;
  const fields = { LOGICAL_BLOCK_ADDRESS: lba, NUMBER_OF_LOGICAL_BLOCKS: blocks, ...more };
  const dataOut = Buffer.concat([expected, wanted]);
  return initiator.send(COMPARE_AND_WRITE.encode(fields), { dataOut, announce: true });
}

async function read(initiator: Initiator, lba: number, blocks: number): Promise<Uint8Array> {
  const cdb = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: blocks });
  return (await initiator.send(cdb)).data;
}

async function slowHarness(): Promise<{ harness: Harness; device: SlowDevice }> {
  const device = new SlowDevice({ size: 64 * BLOCK });
  const harness = new Harness(device);
  await harness.initiator.settle();
  return { harness, device };
}

test('writes when the blocks are as expected', async () => {
  const { initiator } = await memoryHarness();
  const wanted = pattern(3 * BLOCK);
  expect(await compareAndWrite(initiator, 5, fill(0, 3), wanted)).toMatchObject(Expected.GOOD);
  expect(await read(initiator, 4, 5)).toEqual(Uint8Array.from([...fill(0, 1), ...wanted, ...fill(0, 1)]));
});

test('does not write when they are not, and tells the first byte that differs (T-V1)', async () => {
  const { initiator } = await memoryHarness();
  for (const at of [0, 1, 511, 512, 1535]) {
    const expected = fill(0, 3);
    expected[at] = 1;
    expect(await compareAndWrite(initiator, 5, expected, fill(7, 3))).toMatchObject(miscompareAt(at));
  }
  expect(await read(initiator, 5, 3)).toEqual(fill(0, 3));
});

test('the sense data of a miscompare has VALID and the offset, byte for byte', async () => {
  const { initiator } = await memoryHarness();
  const cdb = COMPARE_AND_WRITE.encode({ NUMBER_OF_LOGICAL_BLOCKS: 1 });
  const execution = await initiator.nexus.execute(encodeLun(0), initiator.command(cdb));
  if (execution.kind !== 'data-out') throw new Error('no data wanted');
  const data = fill(0, 2);
  data[0x1ab] = 1;
  await execution.write([data], 0);
  let sense = new Uint8Array(0);
  try {
    await execution.finish(data.length);
  } catch (error) {
    sense = Uint8Array.from((error as CheckConditionError).toFinished().sense ?? []);
  }
  execution.end?.();
  expect(sense.subarray(0, 8)).toEqual(hex('f0 00 0e 000001ab 0a'));
  expect(sense.subarray(12, 14)).toEqual(hex('1d 00'));
});

test('of no blocks does nothing, unless data comes with it', async () => {
  const { initiator } = await memoryHarness({ blocks: 64 });
  const none = new Uint8Array(0);
  expect(await compareAndWrite(initiator, 64, none, none)).toMatchObject(Expected.GOOD);
  expect(await compareAndWrite(initiator, 65, none, none)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  expect(await compareAndWrite(initiator, 0, none, fill(1, 512))).toMatchObject(invalidCdb(13));
});

test('wants exactly two instances of the blocks', async () => {
  const { initiator } = await memoryHarness();
  for (const blocks of [1, 3]) {
    const more = { NUMBER_OF_LOGICAL_BLOCKS: blocks };
    expect(await compareAndWrite(initiator, 0, fill(0, 2), fill(1, 2), more)).toMatchObject(invalidCdb(13));
  }
  const cdb = COMPARE_AND_WRITE.encode({ NUMBER_OF_LOGICAL_BLOCKS: 2 });
  expect(await initiator.send(cdb, { dataOut: fill(0, 3) })).toMatchObject(Expected.TOO_LITTLE_DATA);
  expect(await read(initiator, 0, 3)).toEqual(fill(0, 3));
});

test('protection information, and blocks that the unit does not have, are refused', async () => {
  const { initiator } = await memoryHarness({ blocks: 64 });
  const protect = { WRPROTECT: 1 };
  expect(await compareAndWrite(initiator, 0, fill(0, 1), fill(1, 1), protect)).toMatchObject(
    invalidCdb(1, 7),
  );
  for (const lba of [63, 64, 2 ** 63]) {
    expect(await compareAndWrite(initiator, lba, fill(0, 2), fill(1, 2))).toMatchObject(
      Expected.LBA_OUT_OF_RANGE,
    );
  }
});

test.each([
  [512, 255],
  [4096, 32],
])(
  'blocks of %i bytes: the Block Limits page promises %i of them, and more are refused',
  async (blockSize, most) => {
    const { initiator } = await memoryHarness({ blockSize });
    const { data } = await initiator.send(
      INQUIRY.encode({ EVPD: 1, PAGE_CODE: VpdPage.BLOCK_LIMITS, ALLOCATION_LENGTH: 64 }),
    );
    expect(parseBlockLimits(parseVpdPage(data).body).MAXIMUM_COMPARE_AND_WRITE_LENGTH).toBe(most);
    const send = (blocks: number) =>
      initiator.send(COMPARE_AND_WRITE.encode({ NUMBER_OF_LOGICAL_BLOCKS: blocks }), {
        dataOut: new Uint8Array(2 * blocks * blockSize),
      });
    expect(await send(most)).toMatchObject(Expected.GOOD);
    if (most < 255) expect(await send(most + 1)).toMatchObject(invalidCdb(13));
  },
);

test('with FUA the cache is flushed before the comparison', async () => {
  const device = new FailingDevice({ size: 64 * BLOCK });
  const { initiator } = new Harness(device);
  await initiator.settle();
  await compareAndWrite(initiator, 0, fill(0, 1), fill(1, 1));
  expect(device.flushes).toBe(0);
  expect(await compareAndWrite(initiator, 0, fill(1, 1), fill(2, 1), { FUA: 1 })).toMatchObject(
    Expected.GOOD,
  );
  expect(device.flushes).toBe(1);
});

test('a medium that fails is a medium error at the LBA', async () => {
  const device = new FailingDevice({ size: 64 * BLOCK });
  const { initiator, internalErrors } = new Harness(device);
  await initiator.settle();
  for (const later of [false, true]) {
    Object.assign(device, { failure: 'BLOCK_IO', later });
    const { sense } = await compareAndWrite(initiator, 9, fill(0, 1), fill(1, 1));
    expect(sense).toMatchObject({ senseKey: SenseKey.MEDIUM_ERROR, asc: 0x11, information: 9 });
  }
  expect(internalErrors).toEqual([]);
});

describe('nothing comes between the comparison and the writing (T-V1)', () => {
  const contend = async (initiator: Initiator, winners: number[], id: number) => {
    const { status } = await compareAndWrite(initiator, 8, fill(0, 8), fill(id, 8));
    if (status === 0) winners.push(id);
  };

  test('of many that want the same lock, exactly one wins', async () => {
    const { harness } = await slowHarness();
    const winners: number[] = [];
    const ids = Array.from({ length: 20 }, (_, index) => index + 1);
    await Promise.all(ids.map((id) => contend(harness.initiator, winners, id)));
    expect(winners).toHaveLength(1);
    expect(await read(harness.initiator, 8, 8)).toEqual(fill(winners[0] ?? 0, 8));
  });

  test('a write, a write same and a read wait for it, and it for them', async () => {
    const { harness } = await slowHarness();
    const { initiator } = harness;
    const region = { LOGICAL_BLOCK_ADDRESS: 8, TRANSFER_LENGTH: 8 };
    const same = { LOGICAL_BLOCK_ADDRESS: 8, NUMBER_OF_LOGICAL_BLOCKS: 8 };
    for (let round = 0; round < 5; round++) {
      await initiator.send(WRITE_10.encode(region), { dataOut: fill(0, 8) });
      const [swap, , , seen] = await Promise.all([
        compareAndWrite(initiator, 8, fill(0, 8), fill(1, 8)),
        initiator.send(WRITE_10.encode(region), { dataOut: fill(2, 8) }),
        initiator.send(WRITE_SAME_10.encode(same), { dataOut: fill(3, 1) }),
        read(initiator, 8, 8),
      ]);
      // What a reader sees was there as a whole; writes themselves have no order among each other.
      if (swap.status === 0) expect([0, 1, 2, 3]).toContain(seen[0]);
      const { [0]: first } = await read(initiator, 8, 8);
      expect(first).not.toBe(1);
    }
  });

  test('commands to other blocks do not wait', async () => {
    const { harness, device } = await slowHarness();
    const { initiator } = harness;
    let open = (): void => undefined;
    device.gate = new Promise((resolve) => {
      open = resolve;
    });
    const swap = compareAndWrite(initiator, 8, fill(0, 8), fill(1, 8));
    await new Promise(setImmediate);
    device.gate = undefined;
    expect(await read(initiator, 16, 8)).toEqual(fill(0, 8));
    open();
    expect(await swap).toMatchObject(Expected.GOOD);
  });

  test('a reservation begins before it or after it', async () => {
    const { harness, device } = await slowHarness();
    const other = await harness.connectReady('other');
    let open = (): void => undefined;
    device.gate = new Promise((resolve) => {
      open = resolve;
    });
    const swap = compareAndWrite(harness.initiator, 8, fill(0, 8), fill(1, 8));
    await new Promise(setImmediate);
    let reserved = false;
    const reserve = other.send(RESERVE_6.encode()).then((answer) => {
      reserved = true;
      return answer;
    });
    await new Promise(setImmediate);
    expect(reserved).toBe(false);
    open();
    expect(await reserve).toMatchObject(Expected.GOOD);
    expect(await read(other, 8, 8)).toEqual(fill(1, 8));
    expect(await swap).toMatchObject(Expected.GOOD);
  });

  test('a RESERVE whose nexus goes while it waits leaves nothing reserved', async () => {
    const { harness, device } = await slowHarness();
    const other = await harness.connectReady('other');
    let open = (): void => undefined;
    device.gate = new Promise((resolve) => {
      open = resolve;
    });
    const swap = compareAndWrite(harness.initiator, 8, fill(0, 8), fill(1, 8));
    await new Promise(setImmediate);
    const reserve = other.send(RESERVE_6.encode());
    other.nexus.close();
    open();
    await Promise.all([swap, reserve]);
    expect(harness.unit.reservedBy).toBeUndefined();
  });
});
