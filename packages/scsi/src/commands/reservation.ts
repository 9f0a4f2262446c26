import type { MaybePromise } from '@lunbox/block';
import { GOOD, RESERVATION_CONFLICT } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { RELEASE_10, RELEASE_6, RESERVE_10, RESERVE_6, type Reserve6Cdb } from '../cdb/primary-cdbs.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

/**
 * The two ways to reserve exclude each other: while anyone is registered, RESERVE and RELEASE conflict,
 * whoever sends them (SPC-2 5.5.1; CRH is 0). Otherwise reserving what one has is no error, and neither is
 * releasing what one does not have (SPC-2 7.17.1, 7.21.1).
 */
function setReservation(
  itl: ItlNexus,
  cdb: CdbDefinition<Reserve6Cdb>,
  command: ScsiCommand,
  change: (holder: ItlNexus | undefined) => ItlNexus | undefined | 'conflict',
): MaybePromise<Finished> {
  const { unit } = itl;
  refuseForeign(cdb, command);
  return unit.changeReservation(() => {
    if (unit.persistent.state.registrations.length > 0) return RESERVATION_CONFLICT;
    const holder = change(unit.reservedBy);
    if (holder === 'conflict') return RESERVATION_CONFLICT;
    unit.reservedBy = holder;
    return GOOD;
  });
}

function reserve(
  itl: ItlNexus,
  cdb: CdbDefinition<Reserve6Cdb>,
  command: ScsiCommand,
): MaybePromise<Finished> {
  return setReservation(itl, cdb, command, (holder) => {
    // While it waited, another nexus may have reserved, or its own may have gone.
    const free = holder === undefined || holder === itl;
    return free && itl.unit.nexuses.has(itl) ? itl : 'conflict';
  });
}

function release(
  itl: ItlNexus,
  cdb: CdbDefinition<Reserve6Cdb>,
  command: ScsiCommand,
): MaybePromise<Finished> {
  return setReservation(itl, cdb, command, (holder) => (holder === itl ? undefined : holder));
}

/** Third-party and extent reservations are optional and obsolete (SPC-2 7.20, 7.21). */
function refuseForeign(cdb: CdbDefinition<Reserve6Cdb>, command: ScsiCommand): void {
  refuseFields(cdb, cdb.decode(command.cdb), 'THIRD_PARTY', 'EXTENT');
}

const properties: Partial<CommandEntry> = { access: 'free', unsupportedFields: ['THIRD_PARTY', 'EXTENT'] };
const properties10: Partial<CommandEntry> = {
  access: 'free',
  unsupportedFields: ['THIRD_PARTY', 'EXTENT', 'LONGID', 'PARAMETER_LIST_LENGTH'],
};

/** RESERVE and RELEASE (6) and (10). */
export const RESERVATION_COMMANDS: readonly CommandEntry[] = [
  defineCommand(RESERVE_6, (itl, command) => reserve(itl, RESERVE_6, command), {
    ...properties,
    governs: true,
  }),
  defineCommand(RELEASE_6, (itl, command) => release(itl, RELEASE_6, command), {
    ...properties,
    reservation: 'allowed',
  }),
  defineCommand(RESERVE_10, (itl, command) => reserve(itl, RESERVE_10, command), {
    ...properties10,
    governs: true,
  }),
  defineCommand(RELEASE_10, (itl, command) => release(itl, RELEASE_10, command), {
    ...properties10,
    reservation: 'allowed',
  }),
];
