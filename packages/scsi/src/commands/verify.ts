import { isZero, mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { VERIFY_10, VERIFY_12, VERIFY_16, type VerifyCdb } from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { firstDifference } from '../media/covering-blocks.ts';
import { STEP_BYTES } from '../media/in-steps.ts';
import { MediaCompare } from '../media/media-compare.ts';
import { ParameterList, unlessAborted } from '../media/parameter-list.ts';
import { inStoredSteps } from '../media/stored-steps.ts';
import { invalidCdbField, miscompare } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { startProtectedVerify } from './protected-transfer.ts';
import { checkRange, checkTransfer } from './validate.ts';

/** BYTCHK (SBC-3 5.29): what the medium is compared with. */
const ByteCheck = { MEDIUM_ONLY: 0b00, DATA: 0b01, ONE_BLOCK: 0b11 } as const;

interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

function startVerify(
  itl: ItlNexus,
  cdb: CdbDefinition<VerifyCdb>,
  command: ScsiCommand,
): MaybePromise<Execution> {
  const { unit } = itl;
  const fields = cdb.decode(command.cdb);
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  const blockCount = fields.VERIFICATION_LENGTH;
  if (fields.VRPROTECT !== 0) {
    const byteCheck = checkedByteCheck(cdb, fields);
    const request = { protect: fields.VRPROTECT, lba, blockCount, byteCheck };
    return startProtectedVerify(itl, cdb, command, request);
  }
  checkRange(unit, lba, blockCount);
  const range = { offset: lba * unit.blockSize, length: blockCount * unit.blockSize };
  if (fields.BYTCHK === ByteCheck.MEDIUM_ONLY) return readThrough(itl, command, range);
  if (fields.BYTCHK === ByteCheck.DATA) {
    checkTransfer(unit, lba, blockCount, cdb, 'VERIFICATION_LENGTH');
    return blockCount === 0 ? GOOD : new MediaCompare(itl, range.offset, range.length);
  }
  if (fields.BYTCHK !== ByteCheck.ONE_BLOCK) throw invalidCdbField(cdb, 'BYTCHK');
  if (blockCount === 0) return GOOD;
  return new ParameterList(itl, range.offset, unit.blockSize, (block) =>
    compareAll(itl, command, range, block),
  );
}

/** 10b is reserved (SBC-3 5.29). */
export function checkedByteCheck<T extends VerifyCdb>(cdb: CdbDefinition<T>, { BYTCHK }: T): number {
  if (Object.values<number>(ByteCheck).includes(BYTCHK)) return BYTCHK;
  throw invalidCdbField(cdb, 'BYTCHK');
}

/** Reads every stored block, which is all that can be verified without data to compare with. */
function readThrough(itl: ItlNexus, command: ScsiCommand, range: ByteRange): MaybePromise<Finished> {
  const { medium } = itl.unit;
  return unlessAborted(() => {
    const done = inStoredSteps(itl, command, range, {
      stored: (offset, into) => itl.guarded('read', offset, () => medium.read([into], offset)),
      hole: () => undefined,
    });
    return mapMaybe(done, () => GOOD);
  });
}

async function compareAll(
  itl: ItlNexus,
  command: ScsiCommand,
  range: ByteRange,
  block: Uint8Array,
): Promise<Finished> {
  const { medium, blockSize } = itl.unit;
  const expected = new Uint8Array(Math.min(STEP_BYTES, range.length));
  for (let at = 0; at < expected.length; at += blockSize) expected.set(block, at);
  const zeroIsExpected = isZero(block);
  await inStoredSteps(itl, command, range, {
    stored: async (offset, into) => {
      await itl.guarded('read', offset, () => medium.read([into], offset));
      const difference = firstDifference(expected.subarray(0, into.length), into);
      if (difference >= 0) throw miscompare(Math.floor((offset + difference) / blockSize));
    },
    hole: (offset) => {
      if (!zeroIsExpected) throw miscompare(offset / blockSize);
    },
  });
  return GOOD;
}

/** VERIFY(10), (12) and (16). */
export const VERIFY_COMMANDS: readonly CommandEntry[] = [VERIFY_10, VERIFY_12, VERIFY_16].map((definition) =>
  defineCommand(definition, (itl, command) => startVerify(itl, definition, command), {
    needsMedium: true,
    access: 'reads',
    timeouts: SLOW,
    unsupportedFields: ['VRPROTECT', 'GROUP_NUMBER'],
  }),
);
