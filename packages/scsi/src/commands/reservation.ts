import { GOOD } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { RELEASE_10, RELEASE_6, RESERVE_10, RESERVE_6, type Reserve6Cdb } from '../cdb/primary-cdbs.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

/** A reservation of another nexus was found before; reserving once more is no error (SPC-2 7.21.1). */
function reserve(itl: ItlNexus, cdb: CdbDefinition<Reserve6Cdb>, command: ScsiCommand): Finished {
  refuseForeign(cdb, command);
  itl.unit.reservedBy = itl;
  return GOOD;
}

/** Releasing what one does not have is no error and does nothing (SPC-2 7.17.1). */
function release(itl: ItlNexus, cdb: CdbDefinition<Reserve6Cdb>, command: ScsiCommand): Finished {
  refuseForeign(cdb, command);
  if (itl.unit.reservedBy === itl) itl.unit.reservedBy = undefined;
  return GOOD;
}

/** Third-party and extent reservations are optional and obsolete (SPC-2 7.20, 7.21). */
function refuseForeign(cdb: CdbDefinition<Reserve6Cdb>, command: ScsiCommand): void {
  refuseFields(cdb, cdb.decode(command.cdb), 'THIRD_PARTY', 'EXTENT');
}

const unsupportedFields = ['THIRD_PARTY', 'EXTENT'];
const unsupportedFields10 = [...unsupportedFields, 'LONGID', 'PARAMETER_LIST_LENGTH'];

/** RESERVE and RELEASE (6) and (10). */
export const RESERVATION_COMMANDS: readonly CommandEntry[] = [
  defineCommand(RESERVE_6, (itl, command) => reserve(itl, RESERVE_6, command), { unsupportedFields }),
  defineCommand(RELEASE_6, (itl, command) => release(itl, RELEASE_6, command), {
    unsupportedFields,
    reservation: 'allowed',
  }),
  defineCommand(RESERVE_10, (itl, command) => reserve(itl, RESERVE_10, command), {
    unsupportedFields: unsupportedFields10,
  }),
  defineCommand(RELEASE_10, (itl, command) => release(itl, RELEASE_10, command), {
    unsupportedFields: unsupportedFields10,
    reservation: 'allowed',
  }),
];
