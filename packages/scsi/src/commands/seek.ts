import { GOOD } from '../answers.ts';
import { REZERO_UNIT, SEEK_10, SEEK_6, type SeekCdb } from '../cdb/medium-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { lbaOutOfRange } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

/** There is no arm to move, which legacy guests need not know (T-N8); where it would go to must be on the disk. */
function seek({ unit }: ItlNexus, cdb: CdbDefinition<SeekCdb>, command: ScsiCommand): Finished {
  const lba = cdb.decode(command.cdb).LOGICAL_BLOCK_ADDRESS;
  if (lba >= unit.blockCount) throw lbaOutOfRange(lba);
  return GOOD;
}

const properties: Partial<CommandEntry> = { needsMedium: true, access: 'reads' };

/** REZERO UNIT, SEEK(6) and (10). */
export const SEEK_COMMANDS: readonly CommandEntry[] = [
  defineCommand(REZERO_UNIT, () => GOOD, properties),
  defineCommand(SEEK_6, (itl, command) => seek(itl, SEEK_6, command), properties),
  defineCommand(SEEK_10, (itl, command) => seek(itl, SEEK_10, command), { ...properties, units: ALL_UNITS }),
];
