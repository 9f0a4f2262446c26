import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { PR_OUT_RESERVE, type PersistentReserveOutCdb } from '../cdb/persistent-reserve-cdbs.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField } from '../sense/check-condition-error.ts';
import { isHolder, type Reservation, type ReservationState } from './reservation-state.ts';
import { RESERVATION_RULES, reservationRules } from './reservation-types.ts';
import {
  attentionsFor,
  changed,
  others,
  verifiedRegistration,
  type Outcome,
  type OutRequest,
} from './state-change.ts';

/** The one scope that there is: the whole logical unit (SPC-4 table 204). */
const LU_SCOPE = 0;

/** RESERVE (SPC-4 5.13.9). */
export function reserve(state: ReservationState, request: OutRequest): Outcome {
  if (verifiedRegistration(state, request) === undefined) return 'reservation-conflict';
  const wanted = requestedReservation(request, PR_OUT_RESERVE);
  const { reservation } = state;
  if (reservation === undefined) return changed({ ...state, reservation: wanted });
  // A holder may ask for what it has, and for nothing else.
  const same = isHolder(reservation, request.nexus) && reservation.type === wanted.type;
  return same ? changed(state) : 'reservation-conflict';
}

/** RELEASE (SPC-4 5.13.11.2.2). The nexus that releases is never told of it by a unit attention. */
export function release(state: ReservationState, request: OutRequest): Outcome {
  if (verifiedRegistration(state, request) === undefined) return 'reservation-conflict';
  const { aptpl, registrations, reservation } = state;
  if (reservation === undefined || !isHolder(reservation, request.nexus)) return changed(state);
  if (request.scope !== LU_SCOPE || request.type !== reservation.type) {
    throw illegalRequest(AdditionalSenseCode.INVALID_RELEASE_OF_PERSISTENT_RESERVATION);
  }
  const tells = reservationRules(reservation.type).allowed === 'registrants';
  const told = tells ? others(registrations, request.nexus) : [];
  const attentions = attentionsFor(told, AdditionalSenseCode.RESERVATIONS_RELEASED);
  return changed({ aptpl, registrations }, { attentions });
}

/** CLEAR (SPC-4 5.13.11.2.7): no reservation and no registration is left. */
export function clear(state: ReservationState, request: OutRequest): Outcome {
  if (verifiedRegistration(state, request) === undefined) return 'reservation-conflict';
  const told = others(state.registrations, request.nexus);
  const attentions = attentionsFor(told, AdditionalSenseCode.RESERVATIONS_PREEMPTED);
  return changed({ aptpl: state.aptpl, registrations: [] }, { counted: true, attentions });
}

/** What SCOPE and TYPE of the CDB ask for, when there is such a thing. */
export function requestedReservation(
  { nexus, scope, type }: OutRequest,
  cdb: CdbDefinition<PersistentReserveOutCdb>,
): Reservation {
  if (scope !== LU_SCOPE) throw invalidCdbField(cdb, 'SCOPE');
  const rules = RESERVATION_RULES.get(type);
  if (rules === undefined) throw invalidCdbField(cdb, 'TYPE');
  return rules.allHold ? { type } : { type, holder: nexus };
}
