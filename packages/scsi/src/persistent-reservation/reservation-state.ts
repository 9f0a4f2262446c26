import type { MaybePromise } from '@lunbox/block';
import { isSameNexus, type NexusName } from './nexus-name.ts';
import { RESERVATION_RULES, reservationRules } from './reservation-types.ts';

/** Most registrations of one unit; one more is refused with INSUFFICIENT REGISTRATION RESOURCES. */
export const MAX_REGISTRATIONS = 256;

/** The key that stands for none. */
export const NO_KEY: string = '0'.repeat(16);

/** One registered I_T nexus. */
export interface Registration extends NexusName {
  /** Reservation key: 16 hexadecimal digits in lower case, not all of them zero. */
  readonly key: string;
}

/** The persistent reservation of a unit. */
export interface Reservation {
  /** One of `ReservationType`. */
  readonly type: number;
  /**
   * The registered nexus that holds it; left out for the all registrants types, which every one of them
   * holds.
   */
  readonly holder?: NexusName;
}

/** Everything that a unit knows of persistent reservations, apart from PRgeneration. It is plain JSON. */
export interface ReservationState {
  /** The state is to survive a loss of power: APTPL of the last registration. */
  readonly aptpl: boolean;
  /** In the order of registering. */
  readonly registrations: readonly Registration[];
  readonly reservation?: Reservation;
}

/** Where a unit keeps its persistent reservations for the time without power. */
export interface ReservationStore {
  /** What was saved last; undefined when nothing was. Called once, when the unit is made. */
  load(): ReservationState | undefined;
  /**
   * Keeps `state` in place of what was kept before. It completes when that is on stable storage, as the
   * command that changed the state is answered then. Calls never overlap. A failure is that of the command,
   * which changes nothing.
   */
  save(state: ReservationState): MaybePromise<void>;
}

/** Nothing registered, nothing reserved. */
export const EMPTY_STATE: ReservationState = { aptpl: false, registrations: [] };

/** The registration of a nexus. */
export function findRegistration(state: ReservationState, nexus: NexusName): Registration | undefined {
  return state.registrations.find((registration) => isSameNexus(registration, nexus));
}

/** True when the nexus, which is registered, is a persistent reservation holder (SPC-4 5.13.10). */
export function isHolder(reservation: Reservation | undefined, nexus: NexusName): boolean {
  if (reservation === undefined) return false;
  return reservation.holder === undefined || isSameNexus(reservation.holder, nexus);
}

/**
 * The state, when it is one that a unit can have saved; otherwise a RangeError says what is wrong with it.
 */
export function checkedState(state: ReservationState): ReservationState {
  const { registrations, reservation } = state;
  if (registrations.length > MAX_REGISTRATIONS) {
    throw new RangeError(`${registrations.length} registrations are more than ${MAX_REGISTRATIONS}`);
  }
  for (const [index, { key, relativePort, initiatorPort }] of registrations.entries()) {
    if (!/^[0-9a-f]{16}$/.test(key) || key === NO_KEY) throw new RangeError(`reservation key ${key}`);
    if (initiatorPort !== initiatorPort.toLowerCase()) throw new RangeError(`port ${initiatorPort}`);
    const first = registrations.findIndex((other) => isSameNexus(other, { initiatorPort, relativePort }));
    if (first !== index) throw new RangeError(`${initiatorPort} is registered twice`);
  }
  if (reservation !== undefined) checkReservation(state, reservation);
  return state;
}

function checkReservation(state: ReservationState, { type, holder }: Reservation): void {
  if (!RESERVATION_RULES.has(type)) throw new RangeError(`reservation type ${type}`);
  const { allHold } = reservationRules(type);
  const held = allHold ? state.registrations.length > 0 : holder !== undefined;
  const registered = holder === undefined || findRegistration(state, holder) !== undefined;
  if (!held || !registered || allHold !== (holder === undefined)) {
    throw new RangeError('the reservation has no registered holder');
  }
}
