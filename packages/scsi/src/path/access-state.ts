import { BUSY } from '../answers.ts';
import type { Finished } from '../execution.ts';
import { AdditionalSenseCode, SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { SenseData } from '../sense/sense-data.ts';

/** How well a unit can be reached through the ports of a target port group (SPC-4 5.15.2.4). */
export type AccessState =
  'active/optimized' | 'active/non-optimized' | 'standby' | 'unavailable' | 'offline' | 'transitioning';

/** ASYMMETRIC ACCESS STATE of each state (SPC-4 table 285). */
export const ACCESS_STATE_CODES: Readonly<Record<AccessState, number>> = {
  'active/optimized': 0x0,
  'active/non-optimized': 0x1,
  standby: 0x2,
  unavailable: 0x3,
  offline: 0xe,
  transitioning: 0xf,
};

/** Every access state by its name. */
export const ACCESS_STATES: readonly AccessState[] = Object.keys(ACCESS_STATE_CODES) as AccessState[];

/** The state with this code; undefined for a code that is reserved or not supported. */
export function accessStateOf(code: number): AccessState | undefined {
  return ACCESS_STATES.find((state) => ACCESS_STATE_CODES[state] === code);
}

/**
 * How far a command gets: `any` runs whatever the state of its target port, `unavailable` in all but a transition,
 * `standby` in standby and the active states, `active` in the active ones only.
 */
export type PathNeed = 'any' | 'unavailable' | 'standby' | 'active';

/** What a state keeps from its ports. */
export interface PathRestriction {
  /** What still runs (SPC-4 5.15.2.4.4 to 5.15.2.4.7). */
  readonly runs: ReadonlySet<PathNeed>;
  /** NOT READY, as REQUEST SENSE tells it. */
  readonly sense: SenseData;
  /** Other commands end with BUSY, not with this sense. */
  readonly busy: boolean;
}

/** The restriction of each state that has one. */
export const PATH_RESTRICTIONS: Readonly<Record<AccessState, PathRestriction | undefined>> = {
  'active/optimized': undefined,
  'active/non-optimized': undefined,
  standby: restriction(['any', 'unavailable', 'standby'], AdditionalSenseCode.TARGET_PORT_IN_STANDBY_STATE),
  unavailable: restriction(['any', 'unavailable'], AdditionalSenseCode.TARGET_PORT_IN_UNAVAILABLE_STATE),
  offline: restriction(['any', 'unavailable'], AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_OFFLINE),
  // T-W3: Windows gives up after two answers that name the transition, and is patient with BUSY, which
  // SPC-4 5.15.2.5 allows as well.
  transitioning: {
    ...restriction(['any'], AdditionalSenseCode.ASYMMETRIC_ACCESS_STATE_TRANSITION),
    busy: true,
  },
};

/** Ends a command that the state of its target port does not let through: with BUSY, or by throwing. */
export function refuseByPath({ busy, sense }: PathRestriction): Finished {
  if (busy) return BUSY;
  throw new CheckConditionError(sense);
}

function restriction(runs: readonly PathNeed[], { asc, ascq }: AdditionalSense): PathRestriction {
  return { runs: new Set(runs), sense: { senseKey: SenseKey.NOT_READY, asc, ascq }, busy: false };
}
