import type { Layout } from 'buffer-layout';
import { structure, type Structure } from '../structure.ts';

/** How a command is named and told apart from others. */
export interface CdbIdentity {
  /** The standard's name, e.g. `READ (10)`. */
  readonly name: string;
  readonly operationCode: number;
  /** The service action, for operation codes that several commands share. */
  readonly serviceAction?: number;
  /** Length in bytes: 6, 10, 12 or 16. */
  readonly lengthBytes: number;
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

/** Fields that every CDB has. They are set by {@link CdbDefinition.encode} itself. */
interface CommonFields {
  OPERATION_CODE: number;
  SERVICE_ACTION: number;
}

/** Declares a CDB. The fields start with the operation code (and service action) and end with CONTROL. */
export function defineCdb<T>(
  name: string,
  code: { operationCode: number; serviceAction?: number },
  lengthBytes: number,
  fields: readonly Layout[],
): CdbDefinition<T> {
  const layout = structure<T & CommonFields>(lengthBytes, fields);
  const identity: Partial<CommonFields> = { OPERATION_CODE: code.operationCode };
  if (code.serviceAction !== undefined) identity.SERVICE_ACTION = code.serviceAction;
  return {
    name,
    ...code,
    lengthBytes,
    structure: layout,
    encode: (values = {}) => layout.encode({ ...values, ...identity } as Partial<T & CommonFields>),
    decode: (cdb) => layout.decode(cdb),
  };
}
