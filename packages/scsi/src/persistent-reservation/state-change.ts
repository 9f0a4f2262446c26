import type { AdditionalSense } from '../sense/additional-sense.ts';
import { isSameNexus, type NexusName } from './nexus-name.ts';
import { findRegistration, type Registration, type ReservationState } from './reservation-state.ts';

/** What a PERSISTENT RESERVE OUT command asks for, whatever its service action. */
export interface OutRequest {
  /** The nexus that the command came through. */
  readonly nexus: NexusName;
  /** RESERVATION KEY and SERVICE ACTION RESERVATION KEY, 16 hexadecimal digits each. */
  readonly key: string;
  readonly serviceActionKey: string;
  readonly scope: number;
  readonly type: number;
  readonly aptpl: boolean;
  /** SPEC_I_PT: the initiator ports of the TransportIDs; undefined without that bit. */
  readonly initiatorPorts: readonly string[] | undefined;
  /** ALL_TG_PT: register through every target port. */
  readonly allTargetPorts: boolean;
  /** REGISTER AND MOVE: where to, and whether the nexus unregisters. */
  readonly destination: NexusName | undefined;
  readonly unregister: boolean;
  /** The relative target port identifiers that the unit knows. */
  readonly targetPorts: ReadonlySet<number>;
}

/** What a PERSISTENT RESERVE OUT command does, all at once or not at all. */
export interface StateChange {
  readonly state: ReservationState;
  /** PRgeneration counts it (SPC-4 6.15.2). */
  readonly counted: boolean;
  /** The unit attention conditions to establish. */
  readonly attentions: readonly { readonly nexus: NexusName; readonly condition: AdditionalSense }[];
  /** Whose commands PREEMPT AND ABORT aborts. */
  readonly preempted: readonly NexusName[];
}

/** A change, or the status RESERVATION CONFLICT. Other failures are thrown. */
export type Outcome = StateChange | 'reservation-conflict';

/** A service action: from a state and a request to what is to be done. */
export type ServiceAction = (state: ReservationState, request: OutRequest) => Outcome;

/** A change with the usual consequences: none but the new state. */
export function changed(
  state: ReservationState,
  rest: Partial<Omit<StateChange, 'state'>> = {},
): StateChange {
  return { state, counted: false, attentions: [], preempted: [], ...rest };
}

/** The same unit attention condition for each of these nexuses. */
export function attentionsFor(
  nexuses: readonly NexusName[],
  condition: AdditionalSense,
): StateChange['attentions'] {
  return nexuses.map((nexus) => ({ nexus, condition }));
}

/**
 * The sender's registration, when RESERVATION KEY is its key; otherwise the command conflicts (SPC-4 6.16.3).
 */
export function verifiedRegistration(state: ReservationState, request: OutRequest): Registration | undefined {
  const own = findRegistration(state, request.nexus);
  return own?.key === request.key ? own : undefined;
}

/** All but one nexus. */
export function others<T extends NexusName>(nexuses: readonly T[], nexus: NexusName): T[] {
  return nexuses.filter((other) => !isSameNexus(other, nexus));
}

/**
 * The state without these registrations. The reservation goes when its holder does, or, when all registrants
 * hold it, the last of them (SPC-4 table 71).
 */
export function withoutRegistrations(state: ReservationState, gone: readonly NexusName[]): ReservationState {
  const { aptpl, reservation } = state;
  const isGone = (nexus: NexusName): boolean => gone.some((other) => isSameNexus(other, nexus));
  const registrations = state.registrations.filter((registration) => !isGone(registration));
  if (reservation === undefined) return { aptpl, registrations };
  const { holder } = reservation;
  const released = holder === undefined ? registrations.length === 0 : isGone(holder);
  return released ? { aptpl, registrations } : { aptpl, registrations, reservation };
}
