import { mapMaybe, type MaybePromise, type SpaceAllowance } from '@lunbox/block';

/** How much of the space behind a unit is taken. */
export interface SpaceUsage {
  /** Bytes that the unit takes. */
  readonly usedBytes: number;
  /** Bytes that it can still get; other units may get them first. */
  readonly availableBytes: number;
}

/** Tells the space usage of a unit at the moment. */
export type SpaceSource = () => MaybePromise<SpaceUsage>;

/** The space usage of a unit as a user finds it who may not take all of what is available. */
export function spaceWithin(
  space: MaybePromise<SpaceUsage | undefined>,
  allowance: SpaceAllowance | undefined,
): MaybePromise<SpaceUsage | undefined> {
  if (allowance === undefined) return space;
  return mapMaybe(space, async (known) => {
    if (known === undefined) return undefined;
    const { usedBytes, availableBytes } = known;
    return { usedBytes, availableBytes: Math.min(availableBytes, await allowance.availableBytes()) };
  });
}
