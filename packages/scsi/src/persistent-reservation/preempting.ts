import { PR_OUT_PREEMPT } from '../cdb/persistent-reserve-cdbs.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { invalidParameter } from '../sense/check-condition-error.ts';
import { isSameNexus } from './nexus-name.ts';
import { OutListOffset } from './out-list.ts';
import {
  findRegistration,
  NO_KEY,
  type Registration,
  type Reservation,
  type ReservationState,
} from './reservation-state.ts';
import { requestedReservation } from './reserving.ts';
import {
  attentionsFor,
  changed,
  others,
  verifiedRegistration,
  withoutRegistrations,
  type Outcome,
  type OutRequest,
  type StateChange,
} from './state-change.ts';

/** PREEMPT, and PREEMPT AND ABORT apart from the aborting (SPC-4 table 72, figure 9). */
export function preempt(state: ReservationState, request: OutRequest): Outcome {
  if (verifiedRegistration(state, request) === undefined) return 'reservation-conflict';
  const { registrations, reservation } = state;
  const key = request.serviceActionKey;
  const allHold = reservation !== undefined && reservation.holder === undefined;
  if (key === NO_KEY && !allHold) throw invalidParameter(OutListOffset.SERVICE_ACTION_KEY);
  const named = key === NO_KEY ? registrations : registrations.filter((other) => other.key === key);
  if (named.length === 0) return 'reservation-conflict';
  if (reservation !== undefined && key === holderKey(state, reservation)) {
    return takeReservation(state, request, reservation, named);
  }
  return removeRegistrations(state, request, named);
}

/**
 * The key that READ RESERVATION shows: that of the holder, or zero when all registrants hold the reservation.
 */
export function holderKey(state: ReservationState, { holder }: Reservation): string {
  return (holder && findRegistration(state, holder)?.key) ?? NO_KEY;
}

/**
 * SPC-4 5.13.11.2.4.3: the sender keeps its registration, also when the key is its own, and holds the new
 * one.
 */
function takeReservation(
  state: ReservationState,
  request: OutRequest,
  preempted: Reservation,
  named: readonly Registration[],
): StateChange {
  const reservation = requestedReservation(request, PR_OUT_PREEMPT);
  const gone = others(named, request.nexus);
  const registrations = state.registrations.filter(
    (registration) => !gone.some((other) => isSameNexus(other, registration)),
  );
  // Who stays is told only when the rules have changed.
  const told = reservation.type === preempted.type ? [] : others(registrations, request.nexus);
  const attentions = [
    ...attentionsFor(gone, AdditionalSenseCode.REGISTRATIONS_PREEMPTED),
    ...attentionsFor(told, AdditionalSenseCode.RESERVATIONS_RELEASED),
  ];
  const next = { aptpl: state.aptpl, registrations, reservation };
  return changed(next, { counted: true, attentions, preempted: gone });
}

/** SPC-4 5.13.11.2.5: SCOPE and TYPE are not looked at; the sender may be among those that it removes. */
function removeRegistrations(
  state: ReservationState,
  request: OutRequest,
  named: readonly Registration[],
): StateChange {
  const told = others(named, request.nexus);
  const attentions = attentionsFor(told, AdditionalSenseCode.REGISTRATIONS_PREEMPTED);
  return changed(withoutRegistrations(state, named), { counted: true, attentions, preempted: named });
}
