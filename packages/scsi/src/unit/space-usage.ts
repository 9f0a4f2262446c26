import type { MaybePromise } from '@lunbox/block';

/** How much of the space behind a unit is taken. */
export interface SpaceUsage {
  /** Bytes that the unit takes. */
  readonly usedBytes: number;
  /** Bytes that it can still get; other units may get them first. */
  readonly availableBytes: number;
}

/** Tells the space usage of a unit at the moment. */
export type SpaceSource = () => MaybePromise<SpaceUsage>;
