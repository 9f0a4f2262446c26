import type { BlockDevice } from '@lunbox/block';
import { CD_BLOCK_BYTES } from '../data/disc-address.ts';

/** READ CAPACITY(10) is the only one of a drive, and counts blocks with 32 bits. */
const MAX_DISC_BLOCKS = 2 ** 32 - 1;

/** Throws a RangeError for a device that cannot be a disc in a CD-ROM drive. */
export function checkDisc({ blockSize, size }: BlockDevice): void {
  if (blockSize === CD_BLOCK_BYTES && size >= blockSize && size <= MAX_DISC_BLOCKS * blockSize) return;
  throw new RangeError(`a disc of ${size} bytes in blocks of ${blockSize}, not ${CD_BLOCK_BYTES}`);
}
