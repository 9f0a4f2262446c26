import { isSameNexus, type NexusName } from './nexus-name.ts';

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
  /** The state is to survive a loss of power: APTPL of the last registration. Only then it is saved. */
  readonly aptpl: boolean;
  /** In the order of registering. */
  readonly registrations: readonly Registration[];
  readonly reservation?: Reservation;
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
