import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import type { Finished } from '../execution.ts';
import type { ProtectedAccess } from '../media/protected-access.ts';

/** COMPARE AND WRITE of blocks that carry protection information, which is compared and written with them. */
export interface ProtectedSwap {
  readonly lba: number;
  readonly blockCount: number;
  readonly forceUnitAccess: boolean;
}

/**
 * What to compare with and what to write, one after the other, as they came. Nothing comes between reading and
 * writing (T-V1).
 */
export function compareAndWriteProtected(
  access: ProtectedAccess,
  swap: ProtectedSwap,
  wire: Uint8Array,
): MaybePromise<Finished> {
  const { unit } = access.itl;
  const { lba, blockCount } = swap;
  const half = blockCount * access.unitBytes;
  const expected = access.fromWire(wire.subarray(0, half));
  const written = access.received(lba, wire.subarray(half));
  const fua = swap.forceUnitAccess || !unit.modes.writeCacheEnabled;
  const lengthBytes = blockCount * unit.blockSize;
  return unit.betweenReservationChanges(() =>
    access.medium.uninterrupted(access.offsetOf(lba), lengthBytes, () => {
      const flushed = swap.forceUnitAccess ? access.itl.flush() : undefined;
      return mapMaybe(flushed, () =>
        mapMaybe(access.read(lba, blockCount, true), (found) => {
          const difference = access.compare(expected, found);
          if (difference !== undefined) {
            // SBC-3 5.2: INFORMATION is an offset in the data here, not an LBA.
            throw difference.error(difference.block * access.unitBytes + difference.byteInBlock);
          }
          return mapMaybe(access.write(lba, written, fua), () => GOOD);
        }),
      );
    }),
  );
}
