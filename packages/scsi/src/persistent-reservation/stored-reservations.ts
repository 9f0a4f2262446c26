import { hasKeys, UnitStateError } from '../unit/unit-state.ts';
import { isSameNexus, type NexusName } from './nexus-name.ts';
import {
  EMPTY_STATE,
  findRegistration,
  MAX_REGISTRATIONS,
  NO_KEY,
  type Registration,
  type Reservation,
  type ReservationState,
} from './reservation-state.ts';
import { RESERVATION_RULES, reservationRules } from './reservation-types.ts';
import { buildTransportId } from './transport-id.ts';

/**
 * The reservations that a store held, when they are such as a unit can have saved; nothing at all is such, too.
 * Anything else, also what a later version may have added, throws a {@link UnitStateError}: a reservation that is
 * half understood would let somebody write who must not.
 */
export function restoredReservations(stored: unknown): ReservationState {
  if (stored === undefined) return EMPTY_STATE;
  if (!hasKeys(stored, ['aptpl', 'registrations'], ['reservation'])) throw unusable('its shape');
  const { aptpl, registrations: list, reservation } = stored;
  if (typeof aptpl !== 'boolean' || !Array.isArray(list)) throw unusable('its shape');
  if (list.length > MAX_REGISTRATIONS) throw unusable(`${list.length} registrations`);
  const registrations = list.map(restoredRegistration);
  for (const [index, nexus] of registrations.entries()) {
    if (registrations.findIndex((other) => isSameNexus(other, nexus)) !== index)
      throw unusable(`${nexus.initiatorPort} is registered twice`);
  }
  const state = { aptpl, registrations };
  if (reservation === undefined) return aptpl ? state : EMPTY_STATE;
  const restored = restoredReservation(reservation, state);
  return aptpl ? { ...state, reservation: restored } : EMPTY_STATE;
}

function restoredRegistration(stored: unknown): Registration {
  if (!hasKeys(stored, ['initiatorPort', 'relativePort', 'key'])) throw unusable('a registration');
  const { initiatorPort, relativePort, key } = stored;
  if (typeof key !== 'string' || !/^[0-9a-f]{16}$/.test(key) || key === NO_KEY)
    throw unusable(`key ${String(key)}`);
  return { ...restoredNexus(initiatorPort, relativePort), key };
}

function restoredNexus(initiatorPort: unknown, relativePort: unknown): NexusName {
  if (typeof initiatorPort !== 'string' || initiatorPort !== initiatorPort.toLowerCase())
    throw unusable(`port ${String(initiatorPort)}`);
  if (!Number.isInteger(relativePort) || Number(relativePort) < 1 || Number(relativePort) > 0xffff)
    throw unusable(`relative port ${String(relativePort)}`);
  try {
    // READ FULL STATUS has to show it.
    buildTransportId(initiatorPort);
  } catch {
    throw unusable(`a port name of ${initiatorPort.length} characters`);
  }
  return { initiatorPort, relativePort: Number(relativePort) };
}

function restoredReservation(stored: unknown, state: ReservationState): Reservation {
  if (!hasKeys(stored, ['type'], ['holder'])) throw unusable('its reservation');
  const { type, holder: storedHolder } = stored;
  if (typeof type !== 'number' || !RESERVATION_RULES.has(type)) throw unusable(`type ${String(type)}`);
  if (reservationRules(type).allHold) {
    if (storedHolder !== undefined || state.registrations.length === 0)
      throw unusable('the holder of its reservation');
    return { type };
  }
  if (!hasKeys(storedHolder, ['initiatorPort', 'relativePort']))
    throw unusable('the holder of its reservation');
  const holder = restoredNexus(storedHolder['initiatorPort'], storedHolder['relativePort']);
  if (findRegistration(state, holder) === undefined) throw unusable('its holder is not registered');
  return { type, holder };
}

function unusable(what: string): UnitStateError {
  return new UnitStateError('reservations', what);
}
