import type { PathNeed } from '../path/access-state.ts';
import type { ReservationAccess } from '../persistent-reservation/conflict-rules.ts';
import type { UnitKind } from '../unit/unit-kind.ts';
import { cdbUsageMask } from './command-entry.ts';
import { COMMAND_TABLE, UNIT_COMMANDS } from './command-table.ts';

/** One command of the device server, for people and tools. */
export interface SupportedCommand {
  readonly name: string;
  readonly operationCode: number;
  readonly serviceAction?: number;
  /** The kinds of unit that have the command. */
  readonly units: readonly UnitKind[];
  /** As REPORT SUPPORTED OPERATION CODES gives it; its length is that of the CDB. */
  readonly cdbUsageMask: Uint8Array;
  /** What happens when another nexus has the unit by RESERVE. */
  readonly reservation: 'allowed' | 'conflict';
  /** What the command is to a persistent reservation. */
  readonly access: ReservationAccess;
  /** In which states of its target port it runs. */
  readonly path: PathNeed;
  /** True when it runs although a unit attention condition is pending. */
  readonly duringAttention: boolean;
  /** True when it is refused while there is no medium, or it is stopped, formatted or sanitized. */
  readonly needsMedium: boolean;
  /** True when it is refused while the unit is write-protected. */
  readonly writes: boolean;
  /** True when it is there only while the unit is formatted with type 2 protection. */
  readonly needsType2: boolean;
}

/** Every command of the device server, or of a kind of unit, by operation code: the table that it runs by. */
export function supportedCommands(kind?: UnitKind): SupportedCommand[] {
  const rows = kind === undefined ? COMMAND_TABLE : UNIT_COMMANDS[kind].rows;
  return rows.map((entry) => {
    const { cdb, units, reservation, access, path, duringAttention, needsMedium, writes, needsType2 } = entry;
    const { name, operationCode, serviceAction } = cdb;
    return {
      name,
      operationCode,
      ...(serviceAction === undefined ? {} : { serviceAction }),
      units,
      cdbUsageMask: cdbUsageMask(entry),
      reservation,
      access,
      path,
      duringAttention,
      needsMedium,
      writes,
      needsType2,
    };
  });
}
