import type { Layout } from 'buffer-layout';
import { structure, type Structure } from '../structure.ts';

/** How a command is named and told apart from others. */
export interface CdbIdentity {
  /** The standard's name, e.g. `READ (10)`. */
  readonly name: string;
  readonly operationCode: number;
  /** The service action, for operation codes that several commands share. */
  readonly serviceAction?: number;
  /** Length in bytes: 6, 10, 12, 16 or 32. */
  readonly lengthBytes: number;
  /** PERIPHERAL DEVICE TYPE, where the operation code means this to units of that type only. */
  readonly deviceType?: number;
}

/**
 * One command descriptor block of the standards. It is the one declaration from which CDBs are built, read,
 * described, and reported as supported.
 */
export interface CdbDefinition<T> extends CdbIdentity {
  readonly structure: Structure<T>;
  /** A CDB with these fields; fields that are left out are zero. */
  encode(fields?: Partial<T>): Uint8Array<ArrayBuffer>;
  /** The fields of a CDB; bytes that are missing read as zero. */
  decode(cdb: Uint8Array): T;
}

/** A CDB of any kind, for tables that hold many of them. */
export type AnyCdbDefinition = CdbDefinition<object>;

/** The operation code of CDBs of variable length, of which ADDITIONAL CDB LENGTH tells (SPC-4 4.2.3.1). */
export const VARIABLE_LENGTH = 0x7f;

/** Bytes of such a CDB that ADDITIONAL CDB LENGTH does not count, and where it lies. */
export const UNCOUNTED_CDB_BYTES = 8;
export const ADDITIONAL_CDB_LENGTH_BYTE = 7;
/** Where the service action of such a CDB starts, in two bytes; that of others is in byte 1. */
export const LONG_SERVICE_ACTION_BYTE = 8;

/** The service action of a CDB, if its operation code has such; bytes that are missing read as zero. */
export function serviceActionOf(cdb: Uint8Array): number {
  if (cdb[0] !== VARIABLE_LENGTH) return (cdb[1] ?? 0) & 0x1f;
  return ((cdb[LONG_SERVICE_ACTION_BYTE] ?? 0) << 8) | (cdb[LONG_SERVICE_ACTION_BYTE + 1] ?? 0);
}

/** Fields that every CDB has. They are set by {@link CdbDefinition.encode} itself. */
interface CommonFields {
  OPERATION_CODE: number;
  SERVICE_ACTION: number;
  ADDITIONAL_CDB_LENGTH: number;
}

/**
 * Declares a CDB. The fields start with the operation code (and service action) and end with CONTROL; CONTROL is the
 * second field of a CDB of variable length.
 */
export function defineCdb<T>(
  name: string,
  code: { operationCode: number; serviceAction?: number; deviceType?: number },
  lengthBytes: number,
  fields: readonly Layout[],
): CdbDefinition<T> {
  const layout = structure<T & CommonFields>(lengthBytes, fields);
  const identity: Partial<CommonFields> = { OPERATION_CODE: code.operationCode };
  if (code.serviceAction !== undefined) identity.SERVICE_ACTION = code.serviceAction;
  if (code.operationCode === VARIABLE_LENGTH) {
    identity.ADDITIONAL_CDB_LENGTH = lengthBytes - UNCOUNTED_CDB_BYTES;
  }
  return {
    name,
    ...code,
    lengthBytes,
    structure: layout,
    encode: (values = {}) => layout.encode({ ...values, ...identity } as Partial<T & CommonFields>),
    decode: (cdb) => layout.decode(cdb),
  };
}

/** Order of tables: by operation code and service action, and for one code by device type. */
export function compareCdbs(a: CdbIdentity, b: CdbIdentity): number {
  const byCode = a.operationCode - b.operationCode || (a.serviceAction ?? 0) - (b.serviceAction ?? 0);
  return byCode || (a.deviceType ?? 0) - (b.deviceType ?? 0);
}
