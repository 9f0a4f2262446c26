import { readU16, readU32 } from '../bytes.ts';
import { firstDifference } from '../media/covering-blocks.ts';
import { SenseKey } from '../sense/additional-sense.ts';
import { CheckConditionError, miscompare } from '../sense/check-condition-error.ts';
import {
  FIELD_SENSE,
  PROTECTION_BYTES,
  type ProtectedBlocks,
  type ProtectionFields,
  type ProtectionType,
} from './protection-information.ts';

const ALL: ProtectionFields = { guard: true, application: true, reference: true };
const TAGS: ProtectionFields = { guard: false, application: true, reference: true };
const GUARD: ProtectionFields = { guard: true, application: false, reference: false };

/** No field. */
export const NO_FIELDS: ProtectionFields = { guard: false, application: false, reference: false };

/**
 * What each value of RDPROTECT, WRPROTECT, VRPROTECT and ORPROTECT checks; the others are reserved (SBC-3 tables 57,
 * 99 to 102 and 119). With 000b protection information does not travel, and what is stored is checked unless DPICZ.
 */
const CHECKED: readonly (ProtectionFields | undefined)[] = [ALL, ALL, TAGS, NO_FIELDS, GUARD, ALL];

/** The fields that a value checks; undefined when it is reserved. */
export function checkedFields(protect: number): ProtectionFields | undefined {
  return CHECKED[protect];
}

/**
 * What of the protection information is compared with what is stored when data is compared with the medium (BYTCHK
 * 01b and 11b, SBC-3 table 102): tags that the device server may change are not.
 */
export function comparedFields(protect: number, type: ProtectionType, ato: boolean): ProtectionFields {
  if (protect === 0) return NO_FIELDS;
  const ownReference = type !== 3 || !ato || protect === 0b101;
  return { guard: protect !== 0b010, application: ato, reference: ownReference };
}

/** The first difference between blocks that should be the same: its block, and the check condition for it. */
export interface BlockDifference {
  readonly block: number;
  /** Where in that block; protection information comes after the user data. */
  readonly byteInBlock: number;
  readonly error: (information: number) => CheckConditionError;
}

/** Compares user data, and these fields of the protection information. */
export function compareBlocks(
  expected: ProtectedBlocks,
  found: ProtectedBlocks,
  fields: ProtectionFields,
): BlockDifference | undefined {
  const blockSize = (found.data.length / found.tags.length) * PROTECTION_BYTES;
  const offset = firstDifference(expected.data, found.data);
  const dataBlock = offset < 0 ? Infinity : Math.floor(offset / blockSize);
  for (
    let at = 0, block = 0;
    at < expected.tags.length && block < dataBlock;
    at += PROTECTION_BYTES, block++
  ) {
    const field = differentField(expected.tags, found.tags, at, fields);
    if (field === undefined) continue;
    // SBC-3 table 102: the sense key is MISCOMPARE, the code that of the field.
    const sense = { senseKey: SenseKey.MISCOMPARE, ...FIELD_SENSE[field] };
    const error = (information: number) => new CheckConditionError({ ...sense, information });
    return { block, byteInBlock: blockSize, error };
  }
  return offset < 0 ? undefined : { block: dataBlock, byteInBlock: offset % blockSize, error: miscompare };
}

function differentField(
  a: Uint8Array,
  b: Uint8Array,
  at: number,
  fields: ProtectionFields,
): keyof ProtectionFields | undefined {
  if (fields.guard && readU16(a, at) !== readU16(b, at)) return 'guard';
  if (fields.application && readU16(a, at + 2) !== readU16(b, at + 2)) return 'application';
  return fields.reference && readU32(a, at + 4) !== readU32(b, at + 4) ? 'reference' : undefined;
}
