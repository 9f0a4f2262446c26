import { isZero, mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { WRITE_SAME_10, WRITE_SAME_16, type WriteSame16Cdb, type WriteSameCdb } from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { WRITE_SAME_32, type ExpectedTags } from '../cdb/variable-length-cdbs.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { inSteps, STEP_BYTES, UNMAP_STEP_BYTES } from '../media/in-steps.ts';
import { ParameterList, unlessAborted } from '../media/parameter-list.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { withinSpace } from '../unit/unit-rights.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { fillWithUnprotectedZeroes, startProtectedWriteSame } from './protected-write-same.ts';
import { checkRange, refuseFields } from './validate.ts';

interface Fill {
  readonly lba: number;
  readonly blockCount: number;
  readonly protect: number;
  readonly expected?: ExpectedTags;
  readonly offset: number;
  readonly length: number;
  readonly mayUnmap: boolean;
}

function startWriteSame10(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
  const fill = checkFill(itl.unit, WRITE_SAME_10, WRITE_SAME_10.decode(command.cdb));
  return takeBlock(itl, command, WRITE_SAME_10, fill);
}

/** WRITE SAME(16) and (32), which can do without Data-Out. */
function startWriteSame<T extends WriteSame16Cdb>(
  itl: ItlNexus,
  command: ScsiCommand,
  cdb: CdbDefinition<T>,
  expected?: (cdb: Uint8Array) => ExpectedTags,
): MaybePromise<Execution> {
  const fields = cdb.decode(command.cdb);
  const fill = checkFill(itl.unit, cdb, fields, expected?.(command.cdb));
  if (fields.NDOB === 0) return takeBlock(itl, command, cdb, fill);
  // No block, so no protection information either.
  if (fill.protect !== 0) throw invalidCdbField(cdb, 'WRPROTECT');
  const { protection } = itl.unit;
  if (protection !== undefined && protection.type !== 0 && !fill.mayUnmap) {
    return fillWithUnprotectedZeroes(itl, command, protection, fill);
  }
  return unlessAborted(() => fillWithZeroes(itl, command, fill));
}

function checkFill<T extends WriteSameCdb>(
  unit: LogicalUnit,
  cdb: CdbDefinition<T>,
  fields: T,
  expected?: ExpectedTags,
): Fill {
  // ANC_SUP is 0, so ANCHOR is refused (SBC-3 5.42); PBDATA and LBDATA would ask for addresses in the data.
  refuseFields(cdb, fields, 'ANCHOR', 'PBDATA', 'LBDATA');
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  const blockCount = blocksToFill(unit, lba, fields.NUMBER_OF_LOGICAL_BLOCKS);
  checkRange(unit, lba, blockCount);
  if (blockCount === 0 || blockCount > unit.limits.maxWriteSameBlocks) {
    throw invalidCdbField(cdb, 'NUMBER_OF_LOGICAL_BLOCKS');
  }
  return {
    lba,
    blockCount,
    protect: fields.WRPROTECT,
    ...(expected === undefined ? {} : { expected }),
    offset: lba * unit.blockSize,
    length: blockCount * unit.blockSize,
    mayUnmap: fields.UNMAP === 1,
  };
}

/** How many blocks a WRITE SAME means; none where 0 does not stand for those up to the end (SBC-3 6.6.4). */
export function blocksToFill(unit: LogicalUnit, lba: number, said: number): number {
  if (said !== 0 || unit.writeSameZero === 'refuse') return said;
  // From the end on there is none to begin with, and the first of them is out of range.
  return Math.max(1, unit.blockCount - lba);
}

/** The Data-Out is exactly one block (SBC-3 5.42); an initiator that announces anything else is mistaken. */
function takeBlock<T extends WriteSameCdb>(
  itl: ItlNexus,
  command: ScsiCommand,
  cdb: CdbDefinition<T>,
  fill: Fill,
): Execution {
  const { unit } = itl;
  if (fill.protect !== 0) {
    return startProtectedWriteSame(itl, command, cdb, fill, () => fillWithZeroes(itl, command, fill));
  }
  const announced = command.dataOutLengthBytes ?? unit.blockSize;
  if (announced !== unit.blockSize) throw invalidCdbField(cdb, 'NUMBER_OF_LOGICAL_BLOCKS');
  return new ParameterList(itl, fill.offset, unit.blockSize, (block) =>
    isZero(block)
      ? fillWithZeroes(itl, command, fill)
      : withinQuota(itl, fill, () => fillWithPattern(itl, command, fill, block)),
  );
}

/** What a WRITE SAME with UNMAP has to write all the same takes space; without UNMAP its CDB has told so. */
function withinQuota(
  itl: ItlNexus,
  { offset, length, mayUnmap }: Fill,
  work: () => MaybePromise<Finished>,
): MaybePromise<Finished> {
  return mayUnmap ? withinSpace(itl, offset, length, work) : work();
}

function fillWithZeroes(itl: ItlNexus, command: ScsiCommand, fill: Fill): MaybePromise<Finished> {
  const { medium } = itl.unit;
  const options = { mayUnmap: fill.mayUnmap };
  const stepBytes = fill.mayUnmap ? UNMAP_STEP_BYTES : STEP_BYTES;
  const done = inSteps(command, fill, stepBytes, (offset, length) =>
    itl.guarded('write', offset, () => medium.writeZeroes(offset, length, options)),
  );
  return mapMaybe(done, () => writtenThrough(itl));
}

/** SBC-3 5.42: blocks that would not read back as the data are written and not unmapped. */
function fillWithPattern(
  itl: ItlNexus,
  command: ScsiCommand,
  fill: Fill,
  block: Uint8Array,
): MaybePromise<Finished> {
  const { medium } = itl.unit;
  const pattern = new Uint8Array(Math.min(STEP_BYTES, fill.length));
  for (let at = 0; at < pattern.length; at += block.length) pattern.set(block, at);
  const done = inSteps(command, fill, STEP_BYTES, (offset, length) =>
    itl.guarded('write', offset, () => medium.write([pattern.subarray(0, length)], offset)),
  );
  return mapMaybe(done, () => writtenThrough(itl));
}

/** Without a write cache GOOD means that the data is on the medium. */
function writtenThrough(itl: ItlNexus): MaybePromise<Finished> {
  itl.unit.thresholds.check(itl);
  if (itl.unit.modes.writeCacheEnabled) return GOOD;
  return mapMaybe(itl.flush(), () => GOOD);
}

/** They have a meaning with protection information only. */
const EXPECTED_TAG_FIELDS = [
  'EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG',
  'EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG',
  'LOGICAL_BLOCK_APPLICATION_TAG_MASK',
];

const properties = {
  needsMedium: true,
  writes: true,
  timeouts: SLOW,
  unsupportedFields: ['WRPROTECT', 'ANCHOR', 'PBDATA', 'LBDATA', 'GROUP_NUMBER'],
};

/** WRITE SAME(10), (16) and (32). */
export const WRITE_SAME_COMMANDS: readonly CommandEntry[] = [
  defineCommand(WRITE_SAME_10, startWriteSame10, properties),
  defineCommand(WRITE_SAME_16, (itl, command) => startWriteSame(itl, command, WRITE_SAME_16), properties),
  defineCommand(
    WRITE_SAME_32,
    (itl, command) => startWriteSame(itl, command, WRITE_SAME_32, (cdb) => WRITE_SAME_32.decode(cdb)),
    {
      ...properties,
      unsupportedFields: [...properties.unsupportedFields, ...EXPECTED_TAG_FIELDS],
    },
  ),
];
