import { BlockError, MemoryDevice, SpaceLedger, yieldTurn } from '@lunbox/block';
import { blockDeviceCompliance } from '@lunbox/block/compliance';
import { describe, expect, test } from 'vitest';
import {
  COMPARE_AND_WRITE,
  EVERY_RIGHT,
  LogicalUnit,
  RELEASE_6,
  RESERVE_6,
  ReservationType,
  START_STOP_UNIT,
  unitUse,
  UnitDoor,
  type Comparison,
  type UnitRights,
} from '../../src/index.ts';
import { Expected } from '../support/expected-sense.ts';
import { Harness, IDENTITY, memoryHarness, pattern } from '../support/harness.ts';
import { key, threeRegistrants } from '../support/registrant.ts';
import { SlowDevice } from '../support/slow-device.ts';

const BLOCK = 512;

blockDeviceCompliance({
  name: 'UnitDoor',
  create: () => {
    const memory = new MemoryDevice({ size: 1 << 20 });
    const unit = new LogicalUnit({ device: memory, identity: IDENTITY });
    return { device: new UnitDoor(unit, { name: 'test' }), dispose: () => undefined };
  },
  test,
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof BlockError) return error.code;
    throw error;
  }
  return 'done';
}

const readCode = (door: UnitDoor): string => codeOf(() => door.read([new Uint8Array(BLOCK)], 0));
const writeCode = (door: UnitDoor): string => codeOf(() => door.write([pattern(BLOCK)], 0));

test('who reserves with RESERVE keeps doors from the medium until it releases (SPC-2 5.5)', async () => {
  const { unit, initiator } = await memoryHarness();
  const door = new UnitDoor(unit, { name: 'test' });
  await initiator.send(RESERVE_6.encode());
  expect([readCode(door), writeCode(door)]).toEqual(['BLOCK_RESERVED', 'BLOCK_RESERVED']);
  await initiator.send(RELEASE_6.encode());
  expect([readCode(door), writeCode(door)]).toEqual(['done', 'done']);
});

describe('a persistent reservation treats doors as who has not registered (SPC-4 table 65)', () => {
  const reads: Readonly<Record<keyof typeof ReservationType, string>> = {
    WRITE_EXCLUSIVE: 'done',
    EXCLUSIVE_ACCESS: 'BLOCK_RESERVED',
    WRITE_EXCLUSIVE_REGISTRANTS_ONLY: 'done',
    EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: 'BLOCK_RESERVED',
    WRITE_EXCLUSIVE_ALL_REGISTRANTS: 'done',
    EXCLUSIVE_ACCESS_ALL_REGISTRANTS: 'BLOCK_RESERVED',
  };
  test.each(Object.entries(reads))('%s', async (type, read) => {
    const { harness, a } = await threeRegistrants();
    const door = new UnitDoor(harness.unit, { name: 'test' });
    await a.reserve(key(1), ReservationType[type as keyof typeof ReservationType]);
    expect([readCode(door), writeCode(door)]).toEqual([read, 'BLOCK_RESERVED']);
    for (const change of [
      () => door.unmap(0, BLOCK),
      () => door.writeZeroes(0, BLOCK),
      () => door.compareAndWrite(new Uint8Array(BLOCK), pattern(BLOCK), 0),
    ])
      expect(codeOf(change)).toBe('BLOCK_RESERVED');
  });
});

test('rights are asked each time: who may not write reads only, who may not see it finds the door closed', async () => {
  const { unit } = await memoryHarness();
  let rights: UnitRights | undefined = EVERY_RIGHT;
  const door = new UnitDoor(unit, { name: 'test', rights: () => rights });
  expect(writeCode(door)).toBe('done');
  rights = { ...EVERY_RIGHT, writes: false };
  expect([readCode(door), writeCode(door)]).toEqual(['done', 'BLOCK_READ_ONLY']);
  rights = undefined;
  expect(readCode(door)).toBe('BLOCK_CLOSED');
  expect(codeOf(() => new UnitDoor(unit, { name: 'test', rights: () => rights }))).toBe('BLOCK_CLOSED');
});

test('a quota refuses what would pass it, and nothing is written', async () => {
  const device = new MemoryDevice({ size: 16 * 65_536 });
  const unit = new LogicalUnit({ device, identity: IDENTITY });
  const ledger = new SpaceLedger(device, () => device.allocatedBytes, 65_536);
  const space = ledger.allowance(65_536);
  const door = new UnitDoor(unit, { name: 'test', rights: () => ({ ...EVERY_RIGHT, space }) });
  await door.write([pattern(BLOCK)], 0);
  await expect(door.write([pattern(BLOCK)], 65_536)).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
  await expect(door.compareAndWrite(new Uint8Array(BLOCK), pattern(BLOCK), 65_536)).rejects.toMatchObject({
    code: 'BLOCK_NO_SPACE',
  });
  await door.unmap(65_536, 65_536);
  expect(device.allocatedBytes).toBe(65_536);
});

test('a write protected unit, a stopped one and one without its medium refuse', async () => {
  const protectedUnit = await memoryHarness({ readOnly: true });
  const door = new UnitDoor(protectedUnit.unit, { name: 'test' });
  expect([readCode(door), writeCode(door), door.readOnly]).toEqual(['done', 'BLOCK_READ_ONLY', true]);
  const { unit, initiator } = await memoryHarness({ kind: 'removable-disk' });
  const other = new UnitDoor(unit, { name: 'test' });
  await initiator.send(START_STOP_UNIT.encode({ START: 0 }));
  expect(readCode(other)).toBe('BLOCK_BUSY');
  await initiator.send(START_STOP_UNIT.encode({ START: 1 }));
  expect(readCode(other)).toBe('done');
  const device = await unit.eject({ force: true });
  expect(readCode(other)).toBe('BLOCK_CLOSED');
  unit.insert(device);
  expect(readCode(other)).toBe('BLOCK_CLOSED');
});

test('of many swaps by doors and COMPARE AND WRITE one wins (T-V1)', async () => {
  const device = new SlowDevice({ size: 64 * BLOCK });
  const { unit, initiator } = new Harness(device);
  await initiator.settle();
  const door = new UnitDoor(unit, { name: 'test' });
  const zero = new Uint8Array(8 * BLOCK);
  const byDoor = [1, 2, 3].map((seed) =>
    Promise.resolve(door.compareAndWrite(zero, pattern(8 * BLOCK, seed), 0)),
  );
  const bySwap = initiator.send(COMPARE_AND_WRITE.encode({ NUMBER_OF_LOGICAL_BLOCKS: 8 }), {
    dataOut: Buffer.concat([zero, pattern(8 * BLOCK, 9)]),
  });
  const won = (await Promise.all(byDoor)).filter(({ matched }) => matched).length;
  const swapped = (await bySwap).status === Expected.GOOD.status ? 1 : 0;
  expect(won + swapped).toBe(1);
});

test('compareAndWrite tells the first byte that differs', async () => {
  const { unit } = await memoryHarness();
  const door = new UnitDoor(unit, { name: 'test' });
  const expected = new Uint8Array(2 * BLOCK);
  expected[777] = 1;
  const answer = (await door.compareAndWrite(expected, pattern(2 * BLOCK), 0)) satisfies Comparison;
  expect(answer).toEqual({ matched: false, differsAt: 777 });
});

test('an access waits for an uninterrupted action on the same bytes', async () => {
  const device = new MemoryDevice({ size: 64 * BLOCK });
  const unit = new LogicalUnit({ device, identity: IDENTITY });
  const door = new UnitDoor(unit, { name: 'test' });
  let release = (): void => undefined;
  const held = unit.medium.uninterrupted(0, BLOCK, () => new Promise<void>((resolve) => (release = resolve)));
  let written = false;
  const write = Promise.resolve(door.write([pattern(BLOCK)], 0)).then(() => (written = true));
  await yieldTurn();
  expect(written).toBe(false);
  release();
  await Promise.all([held, write]);
});

test('a unit tells which doors are open', async () => {
  const { unit } = await memoryHarness();
  const door = new UnitDoor(unit, { name: 'nbd 127.0.0.1:40000' });
  expect(unitUse(unit).doors).toEqual(['nbd 127.0.0.1:40000']);
  await door.close();
  expect(unitUse(unit).doors).toEqual([]);
});
