import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { invalidCdbField, lbaOutOfRange } from '../sense/check-condition-error.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';

/** INVALID FIELD IN CDB when one of these fields is not zero, because what it asks for is not supported. */
export function refuseFields<T>(
  cdb: CdbDefinition<T>,
  fields: T,
  ...names: readonly (keyof T & string)[]
): void {
  for (const name of names) {
    if (fields[name] !== 0) throw invalidCdbField(cdb, name);
  }
}

/**
 * LOGICAL BLOCK ADDRESS OUT OF RANGE when the range leaves the unit. No blocks at the address after the last
 * block are not an error (SBC-3 4.5.1), further away they are.
 */
export function checkRange(unit: LogicalUnit, lba: number, blockCount: number): void {
  if (lba + blockCount > unit.blockCount) throw lbaOutOfRange(Math.max(lba, unit.blockCount));
}

/**
 * {@link checkRange}, and INVALID FIELD IN CDB for more blocks than MAXIMUM TRANSFER LENGTH (SBC-3 6.6.4).
 */
export function checkTransfer<T>(
  unit: LogicalUnit,
  lba: number,
  blockCount: number,
  cdb: CdbDefinition<T>,
  lengthField: keyof T & string,
): void {
  checkRange(unit, lba, blockCount);
  if (blockCount > unit.limits.maxTransferBlocks) throw invalidCdbField(cdb, lengthField);
}
