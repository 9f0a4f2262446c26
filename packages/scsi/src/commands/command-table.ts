import { PERSISTENT_RESERVE_IN_COMMANDS } from '../persistent-reservation/reserve-in.ts';
import { PERSISTENT_RESERVE_OUT_COMMANDS } from '../persistent-reservation/reserve-out.ts';
import {
  ADDITIONAL_CDB_LENGTH_BYTE,
  compareCdbs,
  serviceActionOf,
  UNCOUNTED_CDB_BYTES,
  VARIABLE_LENGTH,
} from '../cdb/cdb-definition.ts';
import type { UnitKind } from '../unit/unit-kind.ts';
import { ATOMIC_WRITE_COMMAND } from './atomic-write.ts';
import { BUFFER_COMMANDS } from './buffer.ts';
import { CACHE_COMMANDS } from './cache.ts';
import { CAPACITY_COMMANDS } from './capacity.ts';
import type { CommandEntry } from './command-entry.ts';
import { COMPARE_AND_WRITE_COMMAND } from './compare-and-write.ts';
import { DEFECT_COMMANDS } from './defects.ts';
import { DIAGNOSTIC_COMMANDS } from './diagnostic.ts';
import { DISC_COMMANDS } from './disc.ts';
import { EXTENDED_COPY_COMMANDS } from './extended-copy.ts';
import { FORMAT_UNIT_COMMAND } from './format-unit.ts';
import { IDENTIFYING_INFORMATION_COMMANDS } from './identifying-information.ts';
import { INQUIRY_COMMAND } from './inquiry.ts';
import { LOG_COMMANDS } from './log.ts';
import { MAINTENANCE_COMMANDS } from './maintenance.ts';
import { MODE_COMMANDS } from './mode.ts';
import { PORT_GROUP_COMMANDS } from './port-groups.ts';
import { PREFETCH_COMMANDS } from './prefetch.ts';
import { PRIMARY_COMMANDS } from './primary.ts';
import { PROVISIONING_COMMANDS } from './provisioning.ts';
import { READ_COMMANDS } from './read.ts';
import { RECEIVE_COPY_COMMANDS } from './receive-copy.ts';
import { REMOVABLE_MEDIUM_COMMAND } from './removable-medium.ts';
import { reportSupportedOpcodes } from './report-supported-opcodes.ts';
import { RESERVATION_COMMANDS } from './reservation.ts';
import { ROD_TOKEN_COMMANDS } from './rod-token.ts';
import { SANITIZE_COMMANDS } from './sanitize.ts';
import { SEEK_COMMANDS } from './seek.ts';
import { TYPE_2_COMMANDS } from './type-2-commands.ts';
import { VERIFY_COMMANDS } from './verify.ts';
import { WRITE_COMMANDS } from './write.ts';
import { WRITE_SAME_COMMANDS } from './write-same.ts';

/**
 * Every command of every kind of unit, by operation code and service action. It is the dispatch table, the
 * answer of REPORT SUPPORTED OPERATION CODES, the reservation conflict matrix, and `docs/scsi-commands.md`.
 */
export const COMMAND_TABLE: readonly CommandEntry[] = [
  INQUIRY_COMMAND,
  ...PRIMARY_COMMANDS,
  ...CAPACITY_COMMANDS,
  ...READ_COMMANDS,
  ...WRITE_COMMANDS,
  COMPARE_AND_WRITE_COMMAND,
  ATOMIC_WRITE_COMMAND,
  ...DEFECT_COMMANDS,
  FORMAT_UNIT_COMMAND,
  ...SANITIZE_COMMANDS,
  ...VERIFY_COMMANDS,
  ...TYPE_2_COMMANDS,
  ...WRITE_SAME_COMMANDS,
  ...PROVISIONING_COMMANDS,
  ...CACHE_COMMANDS,
  REMOVABLE_MEDIUM_COMMAND,
  ...DISC_COMMANDS,
  ...PREFETCH_COMMANDS,
  ...MODE_COMMANDS,
  ...LOG_COMMANDS,
  ...DIAGNOSTIC_COMMANDS,
  ...BUFFER_COMMANDS,
  ...MAINTENANCE_COMMANDS,
  ...IDENTIFYING_INFORMATION_COMMANDS,
  ...PORT_GROUP_COMMANDS,
  ...SEEK_COMMANDS,
  ...EXTENDED_COPY_COMMANDS,
  ...ROD_TOKEN_COMMANDS,
  ...RECEIVE_COPY_COMMANDS,
  ...RESERVATION_COMMANDS,
  ...PERSISTENT_RESERVE_IN_COMMANDS,
  ...PERSISTENT_RESERVE_OUT_COMMANDS,
  reportSupportedOpcodes((kind) => UNIT_COMMANDS[kind].rows),
].sort((a, b) => compareCdbs(a.cdb, b.cdb));

/** The rows of one kind of unit, to be found by operation code and service action. */
class UnitCommands {
  readonly rows: readonly CommandEntry[];
  /** The rows whose operation code stands for one command, by operation code. */
  readonly #byOpcode: readonly (CommandEntry | undefined)[];
  /** The other rows, by operation code and service action. */
  readonly #byServiceAction: ReadonlyMap<number, CommandEntry>;
  readonly #withServiceActions: ReadonlySet<number>;

  constructor(kind: UnitKind) {
    this.rows = COMMAND_TABLE.filter(({ units }) => units.includes(kind));
    const alone = this.rows.filter(({ cdb }) => cdb.serviceAction === undefined);
    const together = this.rows.filter(({ cdb }) => cdb.serviceAction !== undefined);
    this.#byOpcode = Array.from({ length: 256 }, (_, operationCode) =>
      alone.find(({ cdb }) => cdb.operationCode === operationCode),
    );
    this.#byServiceAction = new Map(
      together.map((entry) => [key(entry.cdb.operationCode, serviceAction(entry)), entry]),
    );
    this.#withServiceActions = new Set(together.map(({ cdb }) => cdb.operationCode));
  }

  /** The row of the command in `cdb`; undefined when the unit does not support it. */
  find(cdb: Uint8Array): CommandEntry | undefined {
    const operationCode = cdb[0]!;
    const entry = this.#byOpcode[operationCode];
    if (entry !== undefined) return entry;
    if (operationCode === VARIABLE_LENGTH && !isWholeCdb(cdb)) return undefined;
    return this.#byServiceAction.get(key(operationCode, serviceActionOf(cdb)));
  }

  /** True when the operation code is known, so that an unsupported command is one of its service actions. */
  hasServiceActions(operationCode: number): boolean {
    return this.#withServiceActions.has(operationCode);
  }
}

/** Every CDB of variable length in the table has this length. */
const LONG_CDB_BYTES = 32;

/** True for a CDB of variable length that is as long as those of the table say, and is all there. */
export function isWholeCdb(cdb: Uint8Array): boolean {
  return (
    cdb.length >= LONG_CDB_BYTES && cdb[ADDITIONAL_CDB_LENGTH_BYTE] === LONG_CDB_BYTES - UNCOUNTED_CDB_BYTES
  );
}

/** What each kind of unit does. */
export const UNIT_COMMANDS: Readonly<Record<UnitKind, UnitCommands>> = {
  disk: new UnitCommands('disk'),
  'removable-disk': new UnitCommands('removable-disk'),
  'cd-rom': new UnitCommands('cd-rom'),
};

function serviceAction({ cdb }: CommandEntry): number {
  return cdb.serviceAction ?? 0;
}

function key(operationCode: number, action: number): number {
  return (operationCode << 16) | action;
}
