import { answer, RESERVATION_CONFLICT } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import {
  PR_IN_READ_FULL_STATUS,
  PR_IN_READ_KEYS,
  PR_IN_READ_RESERVATION,
  PR_IN_REPORT_CAPABILITIES,
  type PersistentReserveInCdb,
} from '../cdb/persistent-reserve-cdbs.ts';
import { defineCommand, type CommandEntry } from '../commands/command-entry.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import {
  buildFullReservationStatus,
  buildReservationCapabilities,
  buildReservationKeys,
  buildReservationReport,
} from './in-data.ts';
import type { PersistentReservations } from './persistent-reservations.ts';
import { holderKey } from './preempting.ts';
import { isHolder } from './reservation-state.ts';
import { RESERVATION_RULES } from './reservation-types.ts';

/**
 * TEST UNIT READY passes every type of reservation, and MODE SENSE and REPORT SUPPORTED OPERATION CODES pass
 * the write exclusive ones (SPC-4 table 208).
 */
const ALLOW_COMMANDS = 0b011;

const TYPE_MASK = [...RESERVATION_RULES.values()].reduce((mask, { typeMask }) => mask | typeMask, 0);

function readKeys({ generation, state }: PersistentReservations): Uint8Array {
  return buildReservationKeys({ generation, keys: state.registrations.map(({ key }) => key) });
}

function readReservation({ generation, state }: PersistentReservations): Uint8Array {
  const { reservation } = state;
  if (reservation === undefined) return buildReservationReport({ generation });
  const key = holderKey(state, reservation);
  return buildReservationReport({ generation, reservation: { key, type: reservation.type } });
}

/** CRH is 0: RESERVE and RELEASE conflict with registrations, as SPC-2 has it. */
function reportCapabilities({ canPersist, state }: PersistentReservations): Uint8Array {
  return buildReservationCapabilities({
    SIP_C: 1,
    ATP_C: 1,
    PTPL_C: canPersist ? 1 : 0,
    TMV: 1,
    ALLOW_COMMANDS,
    PTPL_A: state.aptpl ? 1 : 0,
    PERSISTENT_RESERVATION_TYPE_MASK: TYPE_MASK,
  });
}

function readFullStatus({ generation, state }: PersistentReservations): Uint8Array {
  const { reservation } = state;
  const registrations = state.registrations.map((registration) => ({
    ...registration,
    ...(reservation !== undefined && isHolder(reservation, registration) ? { holds: reservation.type } : {}),
  }));
  return buildFullReservationStatus({ generation, registrations });
}

const SERVICE_ACTIONS: readonly (readonly [
  CdbDefinition<PersistentReserveInCdb>,
  (reservations: PersistentReservations) => Uint8Array,
])[] = [
  [PR_IN_READ_KEYS, readKeys],
  [PR_IN_READ_RESERVATION, readReservation],
  [PR_IN_REPORT_CAPABILITIES, reportCapabilities],
  [PR_IN_READ_FULL_STATUS, readFullStatus],
];

/**
 * PERSISTENT RESERVE IN with each of its service actions. It conflicts with RESERVE, whoever reserved (SPC-2
 * 5.5.1).
 */
export const PERSISTENT_RESERVE_IN_COMMANDS: readonly CommandEntry[] = SERVICE_ACTIONS.map(([cdb, build]) => {
  const start = ({ unit }: ItlNexus, command: ScsiCommand): Finished => {
    if (unit.reservedBy !== undefined) return RESERVATION_CONFLICT;
    return answer(build(unit.persistent), cdb.decode(command.cdb).ALLOCATION_LENGTH);
  };
  return defineCommand(cdb, start, { access: 'free', path: 'standby' });
});
