import { isPromise, type MaybePromise } from '@lunbox/block';
import { concatBytes } from '../bytes.ts';
import { GOOD, TASK_ABORTED } from '../answers.ts';
import type { DataOut, Finished } from '../execution.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, miscompare } from '../sense/check-condition-error.ts';
import { firstDifference, readCovering } from './covering-blocks.ts';
import { MediaTransfer } from './media-transfer.ts';

/** The data of a VERIFY command with BYTCHK 01b: compared with the medium piece by piece. */
export class MediaCompare extends MediaTransfer implements DataOut {
  readonly kind = 'data-out';
  #firstDifference = Infinity;

  write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    const offset = this.startOffset + offsetBytes;
    const expected = concatBytes(from);
    const compare = (): MaybePromise<void> => this.#compareAt(offset, expected);
    return this.unlessBlocked(compare, undefined);
  }

  finish(receivedBytes: number): MaybePromise<Finished> {
    return this.unlessBlocked(() => this.#finish(receivedBytes), TASK_ABORTED);
  }

  #compareAt(offset: number, expected: Uint8Array): MaybePromise<void> {
    return this.itl.guarded('read', offset, () => {
      const found = readCovering(this.medium, offset, expected.length);
      if (!isPromise(found)) return this.#compare(expected, found, offset);
      return found.then((bytes) => this.#compare(expected, bytes, offset));
    });
  }

  #finish(receivedBytes: number): MaybePromise<Finished> {
    const { blockSize } = this.medium;
    return this.itl.guarded('read', this.startOffset, () => {
      if (this.#firstDifference !== Infinity) throw miscompare(Math.floor(this.#firstDifference / blockSize));
      // Blocks that were not compared must not be called equal.
      if (receivedBytes < this.lengthBytes) {
        throw illegalRequest(AdditionalSenseCode.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
      }
      return GOOD;
    });
  }

  #compare(expected: Uint8Array, found: Uint8Array, offset: number): void {
    const difference = firstDifference(expected, found);
    if (difference >= 0) this.#firstDifference = Math.min(this.#firstDifference, offset + difference);
  }
}
