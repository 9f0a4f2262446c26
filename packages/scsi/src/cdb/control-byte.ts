import { VARIABLE_LENGTH } from './cdb-definition.ts';

/** CDB lengths by group code, the upper three bits of the operation code (SPC-5 4.2.5.1); 0: not told by it. */
export const GROUP_LENGTHS: readonly number[] = [6, 10, 10, 0, 16, 12, 0, 0];

/** Normal ACA bit of the CONTROL byte (SAM-5 5.2). */
export const NACA = 0x04;

/** Where CONTROL is in a CDB, known or not; undefined where nobody can tell. */
export function controlByteOf(cdb: Uint8Array): number | undefined {
  const operationCode = cdb[0] ?? 0;
  if (operationCode === VARIABLE_LENGTH) return 1;
  const lengthBytes = GROUP_LENGTHS[operationCode >> 5]!;
  return lengthBytes === 0 ? undefined : lengthBytes - 1;
}

/** True for a command that asks for an ACA condition if it ends with CHECK CONDITION (SAM-5 5.9). */
export function hasNaca(cdb: Uint8Array): boolean {
  const at = controlByteOf(cdb);
  return at !== undefined && ((cdb[at] ?? 0) & NACA) !== 0;
}
