import { Status, type Finished } from '../execution.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { additionalSenseName } from './additional-sense-names.ts';
import { AdditionalSenseCode, SenseKey, senseKeyName } from './additional-sense.ts';
import { encodeSense, type FieldPointer, type SenseData } from './sense-data.ts';

/**
 * A command ends with CHECK CONDITION. Anything that executes a command may throw it; the `code` is always
 * `SCSI_CHECK_CONDITION`, what happened is in {@link CheckConditionError.sense}.
 */
export class CheckConditionError extends Error {
  override readonly name = 'CheckConditionError';
  readonly code = 'SCSI_CHECK_CONDITION';
  readonly sense: SenseData;
  /** Sense format of the logical unit that threw it: true with D_SENSE. */
  descriptorFormat = false;

  constructor(sense: SenseData, cause?: unknown) {
    super(`${senseKeyName(sense.senseKey)}: ${additionalSenseName(sense.asc, sense.ascq)}`, { cause });
    this.sense = sense;
  }

  /** The status with its autosense, in the logical unit's sense format. */
  toFinished(): Finished {
    return {
      kind: 'finished',
      status: Status.CHECK_CONDITION,
      sense: encodeSense(this.sense, this.descriptorFormat),
    };
  }
}

/** ILLEGAL REQUEST, without a pointer to a field. */
export function illegalRequest(code: { asc: number; ascq: number }): CheckConditionError {
  return new CheckConditionError({ senseKey: SenseKey.ILLEGAL_REQUEST, asc: code.asc, ascq: code.ascq });
}

/** INVALID FIELD IN CDB, pointing at the named field of the CDB. */
export function invalidCdbField<T>(cdb: CdbDefinition<T>, field: keyof T & string): CheckConditionError {
  const { byteOffset, bit } = cdb.structure.locate(field);
  return invalidCdbByte(byteOffset, bit);
}

/** INVALID FIELD IN CDB, pointing at a byte and perhaps a bit of the CDB. */
export function invalidCdbByte(byteOffset: number, bit?: number): CheckConditionError {
  return invalid(AdditionalSenseCode.INVALID_FIELD_IN_CDB, pointer(true, byteOffset, bit));
}

/** INVALID FIELD IN PARAMETER LIST, pointing at a byte and perhaps a bit of the parameter list. */
export function invalidParameter(byteOffset: number, bit?: number): CheckConditionError {
  return invalid(AdditionalSenseCode.INVALID_FIELD_IN_PARAMETER_LIST, pointer(false, byteOffset, bit));
}

/** LOGICAL BLOCK ADDRESS OUT OF RANGE with the first LBA that is. */
export function lbaOutOfRange(lba: number): CheckConditionError {
  return new CheckConditionError({
    senseKey: SenseKey.ILLEGAL_REQUEST,
    ...AdditionalSenseCode.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE,
    ...(Number.isSafeInteger(lba) ? { information: lba } : {}),
  });
}

/** MISCOMPARE DURING VERIFY OPERATION with the first LBA that differs. */
export function miscompare(lba: number): CheckConditionError {
  return new CheckConditionError({
    senseKey: SenseKey.MISCOMPARE,
    ...AdditionalSenseCode.MISCOMPARE_DURING_VERIFY_OPERATION,
    information: lba,
  });
}

function pointer(inCdb: boolean, byteOffset: number, bit: number | undefined): FieldPointer {
  return bit === undefined ? { inCdb, byteOffset } : { inCdb, byteOffset, bit };
}

function invalid(code: { asc: number; ascq: number }, fieldPointer: FieldPointer): CheckConditionError {
  return new CheckConditionError({
    senseKey: SenseKey.ILLEGAL_REQUEST,
    asc: code.asc,
    ascq: code.ascq,
    fieldPointer,
  });
}
