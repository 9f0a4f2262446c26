import type { MaybePromise, SpaceAllowance } from '@lunbox/block';
import type { ItlNexus } from './itl-nexus.ts';

/** What a user may do with a unit that they may see at all; reading is a matter of course. */
export interface UnitRights {
  /**
   * False: the unit is write-protected for the user, who may not change modes, stop or reserve it either, as with
   * `readOnly` of a nexus.
   */
  readonly writes: boolean;
  /** False: what changes the unit as a whole is refused: FORMAT UNIT, SANITIZE, access states, and its information. */
  readonly administers: boolean;
  /** How far the user may fill the unit; as far as there is space when left out. */
  readonly space?: SpaceAllowance;
}

/**
 * Tells what a user may do; undefined where the unit does not exist for them.
 *
 * @param user see `NexusOptions.user`
 */
export type RightsSource = (user: string | undefined) => UnitRights | undefined;

/** What everybody may do with a unit of which nobody says who may do what. */
export const EVERY_RIGHT: UnitRights = { writes: true, administers: true };

/** Does `work`, which writes these bytes, as far as the user may fill the unit. Rejects with BLOCK_NO_SPACE beyond. */
export function withinSpace<T>(
  { rights: { space } }: ItlNexus,
  offset: number,
  length: number,
  work: () => MaybePromise<T>,
): MaybePromise<T> {
  return space === undefined ? work() : workWithin(space, offset, length, work);
}

async function workWithin<T>(
  space: SpaceAllowance,
  offset: number,
  length: number,
  work: () => MaybePromise<T>,
): Promise<T> {
  const reserved = await space.reserve(offset, length);
  try {
    return await work();
  } finally {
    space.release(reserved);
  }
}
