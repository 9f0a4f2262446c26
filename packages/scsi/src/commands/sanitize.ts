import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import {
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  type SanitizeCdb,
} from '../cdb/medium-cdbs.ts';
import { OVERWRITE_HEADER_BYTES, parseOverwriteList } from '../data/overwrite-list.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { invalidCdbByte, invalidCdbField, invalidParameter } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { MediumPass } from '../unit/medium-operations.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { patternBlock, runOperation } from './medium-operation.ts';
import { refuseFields } from './validate.ts';

/** The reserved bytes of the CDB: data is lost for ever, so they must be zero (SPC-4 4.2.3 allows to look). */
const RESERVED_BYTES = [2, 3, 4, 5, 6];

function checkedFields(
  itl: ItlNexus,
  cdb: CdbDefinition<SanitizeCdb>,
  { cdb: bytes }: ScsiCommand,
): SanitizeCdb {
  const fields = cdb.decode(bytes);
  refuseFields(cdb, fields, 'ZNR');
  const reserved = RESERVED_BYTES.find((at) => bytes[at] !== 0);
  if (reserved !== undefined) throw invalidCdbByte(reserved);
  refuseLaxer(itl, cdb, fields);
  return fields;
}

/** SBC-3 4.11.3: after a failure in restricted completion mode only the like may follow. */
function refuseLaxer(itl: ItlNexus, cdb: CdbDefinition<SanitizeCdb>, { AUSE }: SanitizeCdb): void {
  const failed = itl.unit.operations.failureOf('sanitize');
  if (failed?.restricted === true && AUSE === 1) throw invalidCdbField(cdb, 'AUSE');
}

function sanitize(
  itl: ItlNexus,
  command: ScsiCommand,
  fields: SanitizeCdb,
  passes: readonly MediumPass[],
): MaybePromise<Finished> {
  const restricted = fields.AUSE === 0;
  return runOperation(itl, command, { kind: 'sanitize', passes, restricted }, fields.IMMED === 1);
}

function startOverwrite(itl: ItlNexus, command: ScsiCommand): Execution {
  const { blockSize } = itl.unit;
  const fields = checkedFields(itl, SANITIZE_OVERWRITE, command);
  const lengthBytes = fields.PARAMETER_LIST_LENGTH;
  if (lengthBytes <= OVERWRITE_HEADER_BYTES || lengthBytes > OVERWRITE_HEADER_BYTES + blockSize) {
    throw invalidCdbField(SANITIZE_OVERWRITE, 'PARAMETER_LIST_LENGTH');
  }
  return new ParameterList(itl, 0, lengthBytes, (list) => {
    // Another one may have failed while the list was on its way.
    refuseLaxer(itl, SANITIZE_OVERWRITE, fields);
    const { invert, test, count, pattern, truncated } = parseOverwriteList(list);
    if (test !== 0) throw invalidParameter(0, 6);
    if (count === 0) throw invalidParameter(0, 4);
    if (pattern.length === 0 || truncated) throw invalidParameter(2);
    const block = patternBlock(pattern, blockSize);
    const inverted = block.map((byte) => ~byte);
    const passes = Array.from({ length: count }, (_, pass): MediumPass => {
      return { kind: 'pattern', block: invert && pass % 2 === 1 ? inverted : block };
    });
    return sanitize(itl, command, fields, passes);
  });
}

function startBlockErase(itl: ItlNexus, command: ScsiCommand): MaybePromise<Finished> {
  const fields = checkedFields(itl, SANITIZE_BLOCK_ERASE, command);
  refuseFields(SANITIZE_BLOCK_ERASE, fields, 'PARAMETER_LIST_LENGTH');
  return sanitize(itl, command, fields, [{ kind: 'overwrite-stored' }, { kind: 'unmap' }]);
}

/**
 * Leaves the failure of a SANITIZE behind, which the AUSE bit of that SANITIZE must have allowed. That of a FORMAT UNIT
 * stays.
 */
function exitFailureMode(itl: ItlNexus, { cdb }: ScsiCommand): MaybePromise<Finished> {
  const fields = SANITIZE_EXIT_FAILURE_MODE.decode(cdb);
  refuseFields(SANITIZE_EXIT_FAILURE_MODE, fields, 'ZNR', 'PARAMETER_LIST_LENGTH');
  const { operations } = itl.unit;
  if (operations.failureOf('sanitize')?.restricted === true) throw invalidCdbByte(1, 4);
  return mapMaybe(operations.forgetSanitizeFailure(), () => {
    operations.refuse(false);
    return GOOD;
  });
}

const properties: Partial<CommandEntry> = {
  needsMedium: true,
  repairsMedium: true,
  writes: true,
  administers: true,
  timeouts: SLOW,
};

/** SANITIZE with each of its service actions, CRYPTOGRAPHIC ERASE apart: nothing is encrypted. */
export const SANITIZE_COMMANDS: readonly CommandEntry[] = [
  defineCommand(SANITIZE_OVERWRITE, startOverwrite, { ...properties, unsupportedFields: ['ZNR'] }),
  defineCommand(SANITIZE_BLOCK_ERASE, startBlockErase, {
    ...properties,
    unsupportedFields: ['ZNR', 'PARAMETER_LIST_LENGTH'],
  }),
  defineCommand(SANITIZE_EXIT_FAILURE_MODE, exitFailureMode, {
    ...properties,
    unsupportedFields: ['IMMED', 'ZNR', 'AUSE', 'PARAMETER_LIST_LENGTH'],
  }),
];
