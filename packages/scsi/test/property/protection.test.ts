import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import {
  blockGuard,
  buildUnmapList,
  COMPARE_AND_WRITE,
  READ_10,
  READ_16,
  UNMAP,
  WRITE_10,
  WRITE_16,
  WRITE_SAME_16,
} from '../../src/index.ts';
import { pattern, sameBytes, type Initiator } from '../support/harness.ts';
import { protectedHarness, withTags } from '../support/protected.ts';

const BLOCKS = 200;
const BLOCK = 512;
const UNIT = BLOCK + 8;

/** Every block as it travels: user data, then protection information. */
type Model = Uint8Array;

interface Step {
  readonly lba: number;
  readonly blocks: number;
  readonly seed: number;
  readonly pieceBytes: number;
  readonly type: 1 | 3;
}

type Action = (initiator: Initiator, model: Model, step: Step) => Promise<void>;

const address = ({ lba, blocks }: Step) => ({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: blocks });
const region = ({ lba, blocks }: Step) => ({ LOGICAL_BLOCK_ADDRESS: lba, NUMBER_OF_LOGICAL_BLOCKS: blocks });
const put = (model: Model, lba: number, wire: Uint8Array): void => model.set(wire, lba * UNIT);
const tagsOf =
  ({ type, lba, seed }: Step) =>
  (index: number) => ({
    application: seed,
    reference: type === 1 ? lba + index : seed * 7 + index,
  });

const plainWrite: Action = async (initiator, model, step) => {
  const dataOut = pattern(step.blocks * BLOCK, step.seed);
  const { pieceBytes } = step;
  expect(await initiator.send(WRITE_10.encode(address(step)), { dataOut, pieceBytes })).toMatchObject({
    status: 0,
  });
  const reference = (index: number) => (step.type === 1 ? step.lba + index : 0xffff_ffff);
  put(
    model,
    step.lba,
    withTags(dataOut, BLOCK, (index) => ({ application: 0, reference: reference(index) })),
  );
};

const protectedWrite: Action = async (initiator, model, step) => {
  const dataOut = withTags(pattern(step.blocks * BLOCK, step.seed), BLOCK, tagsOf(step));
  const cdb = WRITE_16.encode({ WRPROTECT: 1, ...address(step) });
  expect(await initiator.send(cdb, { dataOut, pieceBytes: step.pieceBytes })).toMatchObject({ status: 0 });
  put(model, step.lba, dataOut);
};

const writeSame: Action = async (initiator, model, step) => {
  const one = withTags(pattern(BLOCK, step.seed), BLOCK, tagsOf(step));
  const cdb = WRITE_SAME_16.encode({ WRPROTECT: 5, ...region(step) });
  expect(await initiator.send(cdb, { dataOut: one })).toMatchObject({ status: 0 });
  const data = Buffer.concat(Array.from({ length: step.blocks }, () => one.subarray(0, BLOCK)));
  const tags = (index: number) => tagsOf(step)(step.type === 1 ? index : 0);
  put(model, step.lba, withTags(data, BLOCK, tags));
};

const unmap: Action = async (initiator, model, step) => {
  const dataOut = buildUnmapList([{ lba: step.lba, blockCount: step.blocks }]);
  await initiator.send(UNMAP.encode({ PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
  for (let lba = step.lba; lba < step.lba + step.blocks; lba++) {
    put(model, lba, Buffer.concat([Buffer.alloc(BLOCK), Buffer.alloc(8, 0xff)]));
  }
};

const swap: Action = async (initiator, model, step) => {
  const old = model.slice(step.lba * UNIT, (step.lba + step.blocks) * UNIT);
  const next = withTags(pattern(step.blocks * BLOCK, step.seed + 1), BLOCK, tagsOf(step));
  const cdb = COMPARE_AND_WRITE.encode({ WRPROTECT: 1, ...region(step) });
  expect(await initiator.send(cdb, { dataOut: Buffer.concat([old, next]) })).toMatchObject({ status: 0 });
  put(model, step.lba, next);
};

const read: Action = async (initiator, model, step) => {
  const found = await initiator.send(READ_16.encode({ RDPROTECT: 1, ...address(step) }), step);
  expect(sameBytes(found.data, model.slice(step.lba * UNIT, (step.lba + step.blocks) * UNIT))).toBe(true);
};

const plainRead: Action = async (initiator, model, step) => {
  const { status, data } = await initiator.send(READ_10.encode(address(step)), step);
  expect(status).toBe(0);
  for (let index = 0; index < step.blocks; index++) {
    const at = (step.lba + index) * UNIT;
    expect(sameBytes(data.subarray(index * BLOCK, (index + 1) * BLOCK), model.subarray(at, at + BLOCK))).toBe(
      true,
    );
  }
};

const step = fc.record({
  action: fc.constantFrom<Action>(plainWrite, protectedWrite, writeSame, unmap, swap, read, plainRead),
  lba: fc.nat(BLOCKS - 1),
  blocks: fc.integer({ min: 1, max: 90 }),
  seed: fc.nat(1000),
  pieceBytes: fc.constantFrom(512, 520, 4096, 100, 7777),
});

test.prop([fc.constantFrom(1, 3), fc.array(step, { minLength: 1, maxLength: 20 })], { numRuns: 60 })(
  'a protected unit holds what a plain array of blocks and tags would hold',
  async (type, steps) => {
    const { initiator } = await protectedHarness(type, { blocks: BLOCKS });
    const never = Buffer.concat([Buffer.alloc(BLOCK), Buffer.alloc(8, 0xff)]);
    const model = Buffer.concat(Array.from({ length: BLOCKS }, () => never));
    for (const { action, ...one } of steps) {
      const blocks = Math.min(one.blocks, BLOCKS - one.lba);
      await action(initiator, model, { ...one, blocks, type });
    }
    const whole = READ_16.encode({ RDPROTECT: 1, TRANSFER_LENGTH: BLOCKS });
    expect(sameBytes((await initiator.send(whole)).data, model)).toBe(true);
  },
);

/** The polynomial taken bit by bit. */
function slowGuard(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ 0x8bb7) & 0xffff;
  }
  return crc;
}

test.prop([fc.uint8Array({ maxLength: 600 })])('a guard is the remainder of the polynomial', (bytes) => {
  expect(blockGuard(bytes)).toBe(slowGuard(bytes));
});
