import type { MaybePromise } from '@lunbox/block';
import {
  ADDITIONAL_CDB_LENGTH_BYTE,
  LONG_SERVICE_ACTION_BYTE,
  UNCOUNTED_CDB_BYTES,
  VARIABLE_LENGTH,
  type AnyCdbDefinition,
} from '../cdb/cdb-definition.ts';
import { NACA } from '../cdb/control-byte.ts';
import type { CommandTimeouts } from '../data/supported-opcodes.ts';
import type { Execution, ScsiCommand } from '../execution.ts';
import type { PathNeed } from '../path/access-state.ts';
import type { ReservationAccess } from '../persistent-reservation/conflict-rules.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { DISKS, type UnitKind } from '../unit/unit-kind.ts';

/** Starts a command. Throws whatever ends it otherwise than well. */
export type CommandStart = (itl: ItlNexus, command: ScsiCommand) => MaybePromise<Execution>;

/**
 * One row of the opcode table: everything that the device server has to know of a command before it runs it.
 */
export interface CommandEntry {
  readonly cdb: AnyCdbDefinition;
  /** Where CONTROL is in the CDB. */
  readonly controlByte: number;
  /** The kinds of unit that have the command; to others its operation code may mean another one, or nothing. */
  readonly units: readonly UnitKind[];
  /** Fields of the CDB that are not looked at, or for which only zero is taken. */
  readonly unsupportedFields: readonly string[];
  /**
   * Runs although a unit attention condition is pending (SAM-5 5.14: INQUIRY, REPORT LUNS, REQUEST SENSE).
   */
  readonly duringAttention: boolean;
  /** What happens when another nexus has the unit by RESERVE (SPC-2 table 10). */
  readonly reservation: 'allowed' | 'conflict';
  /** What it is to a persistent reservation (SPC-4 table 65, SBC-4 table 13). */
  readonly access: ReservationAccess;
  /** In which states of its target port it runs (SPC-4 5.15.2.4). */
  readonly path: PathNeed;
  /** Refused with NOT READY while there is no medium, or it is stopped, formatted or sanitized. */
  readonly needsMedium: boolean;
  /** Runs although formatting or sanitizing has failed. */
  readonly repairsMedium: boolean;
  /** Refused with DATA PROTECT while the unit is write-protected. */
  readonly writes: boolean;
  /** There only while the unit is formatted with type 2 protection. */
  readonly needsType2: boolean;
  /** Changes what other initiators find, or keeps them out: refused like a write to an initiator that may only read. */
  readonly governs: boolean;
  /** Changes the unit as a whole: refused to users who do not administer it. */
  readonly administers: boolean;
  readonly timeouts: CommandTimeouts;
  readonly start: CommandStart;
}

/** Seconds after which an initiator may think that something is wrong. */
const QUICK: CommandTimeouts = { nominalSeconds: 0, recommendedSeconds: 30 };

/** The same for commands that may work through the whole medium. */
export const SLOW: CommandTimeouts = { nominalSeconds: 0, recommendedSeconds: 300 };

/** A row with the usual values: of disks, quick, in conflict with reservations, without the medium. */
export function defineCommand(
  cdb: AnyCdbDefinition,
  start: CommandStart,
  properties: Partial<Omit<CommandEntry, 'cdb' | 'start' | 'controlByte'>> = {},
): CommandEntry {
  return {
    cdb,
    controlByte: cdb.structure.locate('CONTROL').byteOffset,
    start,
    units: DISKS,
    unsupportedFields: [],
    duringAttention: false,
    reservation: 'conflict',
    access: 'changes',
    path: 'active',
    needsMedium: false,
    repairsMedium: false,
    writes: false,
    needsType2: false,
    governs: false,
    administers: false,
    timeouts: QUICK,
    ...properties,
  };
}

/**
 * One bits where the device server looks at the CDB (SPC-4 6.35.3): the fields of the layout without those
 * that it does not support; byte 0 is the operation code, and the service action stands for itself.
 *
 * @param formatted the unit is formatted with protection information, so that it looks at the fields for that
 */
export function cdbUsageMask(entry: CommandEntry, formatted: boolean = entry.needsType2): Uint8Array {
  const { cdb } = entry;
  const mask = new Uint8Array(cdb.lengthBytes);
  const unsupported = entry.unsupportedFields.filter((field) => !formatted || !PROTECTION_FIELDS.has(field));
  const left = new Set(['CONTROL', ...unsupported]);
  for (const field of cdb.structure.fieldNames) {
    if (left.has(field)) continue;
    const location = cdb.structure.locate(field);
    location.mask.forEach((bits, index) => (mask[location.byteOffset + index]! |= bits));
  }
  mask[0] = cdb.operationCode;
  if (cdb.serviceAction !== undefined) markServiceAction(mask, cdb.serviceAction);
  // Of CONTROL the NACA bit is looked at.
  mask[entry.controlByte] = NACA;
  return mask;
}

/** The service action stands for itself, as the operation code and the length of a longer CDB do. */
function markServiceAction(mask: Uint8Array, serviceAction: number): void {
  if (mask[0] !== VARIABLE_LENGTH) {
    mask[1] = (mask[1]! & 0xe0) | serviceAction;
    return;
  }
  mask[ADDITIONAL_CDB_LENGTH_BYTE] = mask.length - UNCOUNTED_CDB_BYTES;
  mask[LONG_SERVICE_ACTION_BYTE] = serviceAction >>> 8;
  mask[LONG_SERVICE_ACTION_BYTE + 1] = serviceAction & 0xff;
}

/** Fields of CDBs that mean something with protection information only. */
const PROTECTION_FIELDS: ReadonlySet<string> = new Set([
  'RDPROTECT',
  'WRPROTECT',
  'VRPROTECT',
  'ORPROTECT',
  'FMTPINFO',
  'EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG',
  'EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG',
  'LOGICAL_BLOCK_APPLICATION_TAG_MASK',
]);
