import type { NexusName } from './nexus-name.ts';
import { findRegistration, isHolder, type ReservationState } from './reservation-state.ts';
import { reservationRules, type ReservationRules } from './reservation-types.ts';

/**
 * What a command means to a persistent reservation (SPC-4 table 65, SBC-4 table 13):
 * - `free`: allowed for everyone; PERSISTENT RESERVE OUT, RESERVE and RELEASE are, as they judge for
 *   themselves;
 * - `reads`: kept out by the exclusive access types;
 * - `changes`: kept out by every type;
 * - `starts`: START STOP UNIT, free when it starts the unit and a change otherwise;
 * - `prevents`: PREVENT ALLOW MEDIUM REMOVAL, free when it allows the removal and a change otherwise.
 */
export type ReservationAccess = 'free' | 'reads' | 'changes' | 'starts' | 'prevents';

/** Which commands are kept from a nexus that the reservation does not allow. */
const CONFLICTS: Readonly<Record<ReservationRules['exclusive'], ReadonlySet<ReservationAccess>>> = {
  write: new Set(['changes', 'starts', 'prevents']),
  access: new Set(['reads', 'changes', 'starts', 'prevents']),
};

/** POWER CONDITION and START of START STOP UNIT, in byte 4 of its CDB. */
const POWER_CONDITION_AND_START = 0xf1;
const START_ONLY = 0x01;
/** PREVENT of PREVENT ALLOW MEDIUM REMOVAL, in byte 4 of its CDB. */
const PREVENT = 0x03;

/** True when a command of this nexus ends with RESERVATION CONFLICT. */
export function conflictsWithReservation(
  state: ReservationState,
  nexus: NexusName,
  access: ReservationAccess,
  cdb: Uint8Array,
): boolean {
  const { reservation } = state;
  if (reservation === undefined || access === 'free') return false;
  const rules = reservationRules(reservation.type);
  if (!CONFLICTS[rules.exclusive].has(access)) return false;
  if (takesNothingAway(access, cdb)) return false;
  if (rules.allowed === 'holder') return !isHolder(reservation, nexus);
  return findRegistration(state, nexus) === undefined;
}

/** True for the form of START STOP UNIT and of PREVENT ALLOW MEDIUM REMOVAL that everybody may send. */
function takesNothingAway(access: ReservationAccess, cdb: Uint8Array): boolean {
  if (access === 'starts') return (cdb[4]! & POWER_CONDITION_AND_START) === START_ONLY;
  return access === 'prevents' && (cdb[4]! & PREVENT) === 0;
}
