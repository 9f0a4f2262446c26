import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbByte, invalidParameter } from '../sense/check-condition-error.ts';
import { isSameNexus, type NexusName } from './nexus-name.ts';
import { OutListOffset } from './out-list.ts';
import {
  findRegistration,
  isHolder,
  MAX_REGISTRATIONS,
  NO_KEY,
  type ReservationState,
} from './reservation-state.ts';
import { reservationRules } from './reservation-types.ts';
import {
  attentionsFor,
  changed,
  verifiedRegistration,
  withoutRegistrations,
  type Outcome,
  type OutRequest,
} from './state-change.ts';

/** REGISTER (SPC-4 table 67): the sender names the key that it has, or none when it is not registered. */
export function register(state: ReservationState, request: OutRequest): Outcome {
  const own = findRegistration(state, request.nexus);
  const through = throughPorts(request, request.nexus.initiatorPort);
  const verified = through.every((nexus) => (findRegistration(state, nexus)?.key ?? NO_KEY) === request.key);
  if (!verified) return 'reservation-conflict';
  const { initiatorPorts } = request;
  if (initiatorPorts === undefined) return setKeys(state, request, through);
  if (own !== undefined) throw invalidParameter(OutListOffset.FLAGS, OutListOffset.SPEC_I_PT_BIT);
  const named = initiatorPorts.flatMap((port) => throughPorts(request, port));
  if (request.serviceActionKey === NO_KEY) return changed(state);
  if (named.some((nexus) => findRegistration(state, nexus) !== undefined)) {
    throw invalidParameter(OutListOffset.TRANSPORT_IDS);
  }
  return setKeys(state, request, [...through, ...named]);
}

/** REGISTER AND IGNORE EXISTING KEY (SPC-4 table 68). */
export function registerAndIgnoreExistingKey(state: ReservationState, request: OutRequest): Outcome {
  return setKeys(state, request, throughPorts(request, request.nexus.initiatorPort));
}

/** REGISTER AND MOVE (SPC-4 5.13.8): the holder registers another nexus and makes it the holder. */
export function registerAndMove(state: ReservationState, request: OutRequest): Outcome {
  const { reservation } = state;
  const { destination, nexus } = request;
  const own = verifiedRegistration(state, request);
  if (own === undefined) return 'reservation-conflict';
  if (reservation === undefined) throw invalidCdbByte(1, 4);
  if (reservation.holder === undefined || !isHolder(reservation, nexus)) return 'reservation-conflict';
  if (request.serviceActionKey === NO_KEY) throw invalidParameter(OutListOffset.SERVICE_ACTION_KEY);
  if (destination === undefined || destination.initiatorPort === nexus.initiatorPort) {
    throw invalidParameter(OutListOffset.MOVE_TRANSPORT_ID);
  }
  if (!request.targetPorts.has(destination.relativePort)) {
    throw invalidParameter(OutListOffset.RELATIVE_TARGET_PORT);
  }
  const registered = withKey(state, destination, request.serviceActionKey);
  const moved = {
    ...checkCount(registered),
    aptpl: request.aptpl,
    reservation: { type: reservation.type, holder: destination },
  };
  return changed(request.unregister ? withoutRegistrations(moved, [nexus]) : moved, { counted: true });
}

/** The initiator port through the target port of the command, or through all of them with ALL_TG_PT. */
function throughPorts(request: OutRequest, initiatorPort: string): NexusName[] {
  const ports = request.allTargetPorts ? [...request.targetPorts] : [request.nexus.relativePort];
  return ports.map((relativePort) => ({ initiatorPort, relativePort }));
}

/** Gives each nexus the key, or unregisters it when that is zero. */
function setKeys(state: ReservationState, request: OutRequest, nexuses: readonly NexusName[]): Outcome {
  const { aptpl, serviceActionKey } = request;
  if (serviceActionKey === NO_KEY) return unregister({ ...state, aptpl }, state, nexuses);
  let next: ReservationState = { ...state, aptpl };
  for (const nexus of nexuses) next = checkCount(withKey(next, nexus, serviceActionKey));
  return changed(next, { counted: true });
}

/** SPC-4 5.13.11.2.3; who is not registered hears GOOD, and nothing is done. */
function unregister(next: ReservationState, state: ReservationState, nexuses: readonly NexusName[]): Outcome {
  const registered = nexuses.some((nexus) => findRegistration(state, nexus) !== undefined);
  if (!registered) return changed(state);
  const left = withoutRegistrations(next, nexuses);
  const rules = state.reservation && reservationRules(state.reservation.type);
  const tells = left.reservation === undefined && rules?.allowed === 'registrants';
  const attentions = tells
    ? attentionsFor(left.registrations, AdditionalSenseCode.RESERVATIONS_RELEASED)
    : [];
  return changed(left, { counted: true, attentions });
}

function withKey(state: ReservationState, nexus: NexusName, key: string): ReservationState {
  const { initiatorPort, relativePort } = nexus;
  const registration = { initiatorPort, relativePort, key };
  const at = state.registrations.findIndex((other) => isSameNexus(other, nexus));
  const registrations =
    at < 0 ? [...state.registrations, registration] : state.registrations.with(at, registration);
  return { ...state, registrations };
}

function checkCount(state: ReservationState): ReservationState {
  if (state.registrations.length <= MAX_REGISTRATIONS) return state;
  throw illegalRequest(AdditionalSenseCode.INSUFFICIENT_REGISTRATION_RESOURCES);
}
