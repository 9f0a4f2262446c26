import type { ReservationAccess } from '../persistent-reservation/conflict-rules.ts';
import { cdbUsageMask } from './command-entry.ts';
import { COMMAND_TABLE } from './command-table.ts';

/** One command of the device server, for people and tools. */
export interface SupportedCommand {
  readonly name: string;
  readonly operationCode: number;
  readonly serviceAction?: number;
  /** As REPORT SUPPORTED OPERATION CODES gives it; its length is that of the CDB. */
  readonly cdbUsageMask: Uint8Array;
  /** What happens when another nexus has the unit by RESERVE. */
  readonly reservation: 'allowed' | 'conflict';
  /** What the command is to a persistent reservation. */
  readonly access: ReservationAccess;
  /** True when it runs although a unit attention condition is pending. */
  readonly duringAttention: boolean;
  /** True when it is refused while the unit is stopped, formatted or sanitized. */
  readonly needsMedium: boolean;
  /** True when it is refused while the unit is write-protected. */
  readonly writes: boolean;
}

/** Every command of the device server, by operation code: the table that it runs by. */
export function supportedCommands(): SupportedCommand[] {
  return COMMAND_TABLE.map((entry) => {
    const { cdb, reservation, access, duringAttention, needsMedium, writes } = entry;
    const { name, operationCode, serviceAction } = cdb;
    return {
      name,
      operationCode,
      ...(serviceAction === undefined ? {} : { serviceAction }),
      cdbUsageMask: cdbUsageMask(entry),
      reservation,
      access,
      duringAttention,
      needsMedium,
      writes,
    };
  });
}
