import type { BlockDevice } from './block-device.ts';
import { BlockError } from './errors.ts';

/** The devices that a combinator is built from. */
export type Legs = readonly [BlockDevice, ...BlockDevice[]];

/**
 * The devices as a list that is not empty.
 *
 * @throws BlockError `BLOCK_INVALID` for an empty list.
 */
export function asLegs(devices: readonly BlockDevice[]): Legs {
  const [first, ...rest] = devices;
  if (first === undefined) throw new BlockError('BLOCK_INVALID', 'a combination needs at least one device');
  return [first, ...rest];
}

/** The largest block size: the only one that suits all, since each is a power of two. */
export function commonBlockSize(legs: Legs): number {
  return Math.max(...legs.map((leg) => leg.blockSize));
}
