import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import {
  buildUnmapList,
  READ_10,
  READ_16,
  READ_6,
  UNMAP,
  VERIFY_10,
  VERIFY_16,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_6,
  WRITE_AND_VERIFY_12,
  WRITE_SAME_10,
  WRITE_SAME_16,
} from '../../src/index.ts';
import { memoryHarness, pattern, sameBytes, type Initiator } from '../support/harness.ts';

const BLOCKS = 64;
const BLOCK = 512;

interface Step {
  readonly lba: number;
  readonly blocks: number;
  readonly seed: number;
  readonly pieceBytes: number;
}

/** Does a step on the unit and on the model. */
type Action = (initiator: Initiator, model: Uint8Array, step: Step) => Promise<void>;

const bytesOf = (step: Step) => [step.lba * BLOCK, (step.lba + step.blocks) * BLOCK] as const;
const address = (step: Step) => ({ LOGICAL_BLOCK_ADDRESS: step.lba, TRANSFER_LENGTH: step.blocks });
const region = (step: Step) => ({ LOGICAL_BLOCK_ADDRESS: step.lba, NUMBER_OF_LOGICAL_BLOCKS: step.blocks });

const writes = [WRITE_6, WRITE_10, WRITE_12, WRITE_16, WRITE_AND_VERIFY_12].map((cdb): Action => {
  return async (initiator, model, step) => {
    const dataOut = pattern(step.blocks * BLOCK, step.seed);
    const answer = await initiator.send(cdb.encode(address(step)), { dataOut, pieceBytes: step.pieceBytes });
    expect(answer.status).toBe(0);
    model.set(dataOut, step.lba * BLOCK);
  };
});

const reads = [READ_6, READ_10, READ_16].map((cdb): Action => {
  return async (initiator, model, step) => {
    const answer = await initiator.send(cdb.encode(address(step)), { pieceBytes: step.pieceBytes });
    expect(sameBytes(answer.data, model.slice(...bytesOf(step)))).toBe(true);
  };
});

const writeSames = [WRITE_SAME_10, WRITE_SAME_16].map((cdb): Action => {
  return async (initiator, model, step) => {
    const dataOut = step.seed % 2 === 0 ? new Uint8Array(BLOCK) : pattern(BLOCK, step.seed);
    const answer = await initiator.send(cdb.encode({ ...region(step), UNMAP: step.seed & 1 }), { dataOut });
    expect(answer.status).toBe(0);
    for (let at = step.lba; at < step.lba + step.blocks; at++) model.set(dataOut, at * BLOCK);
  };
});

const verifies = [VERIFY_10, VERIFY_16].map((cdb): Action => {
  return async (initiator, model, step) => {
    const dataOut = model.slice(...bytesOf(step));
    const differs = step.seed % 2 === 1;
    if (differs) dataOut[step.seed % dataOut.length]! ^= 1;
    const fields = { LOGICAL_BLOCK_ADDRESS: step.lba, VERIFICATION_LENGTH: step.blocks, BYTCHK: 1 };
    const answer = await initiator.send(cdb.encode(fields), { dataOut, pieceBytes: step.pieceBytes });
    expect(answer.status).toBe(differs ? 2 : 0);
    if (!differs) return;
    const lba = step.lba + Math.floor((step.seed % dataOut.length) / BLOCK);
    expect(answer.sense).toMatchObject({ senseKey: 0xe, information: lba });
  };
});

const unmap: Action = async (initiator, model, step) => {
  const dataOut = buildUnmapList([{ lba: step.lba, blockCount: step.blocks }]);
  const answer = await initiator.send(UNMAP.encode({ PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
  expect(answer.status).toBe(0);
  model.fill(0, ...bytesOf(step));
};

const step = fc.record({
  action: fc.constantFrom<Action>(...writes, ...writes, ...reads, ...writeSames, ...verifies, unmap),
  lba: fc.nat(BLOCKS - 1),
  blocks: fc.integer({ min: 1, max: 16 }),
  seed: fc.nat(1000),
  pieceBytes: fc.constantFrom(512, 1024, 4096, 100, 777),
});

test.prop([fc.array(step, { minLength: 1, maxLength: 25 })], { numRuns: 100 })(
  'a unit holds what a plain array would hold after the same commands',
  async (steps) => {
    const { initiator } = await memoryHarness({ blocks: BLOCKS });
    const model = new Uint8Array(BLOCKS * BLOCK);
    for (const { action, ...one } of steps) {
      const blocks = Math.min(one.blocks, BLOCKS - one.lba);
      await action(initiator, model, { ...one, blocks });
    }
    const whole = READ_16.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: BLOCKS });
    expect(sameBytes((await initiator.send(whole)).data, model)).toBe(true);
  },
);
