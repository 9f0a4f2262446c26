import { isPromise, totalLength, type MaybePromise } from '@lunbox/block';
import type { DataIn } from '../execution.ts';
import { scatter } from './covering-blocks.ts';
import { MediaTransfer } from './media-transfer.ts';
import { SplitBlocks } from './split-blocks.ts';

/** The data of a READ command. */
export class MediaRead extends MediaTransfer implements DataIn {
  readonly kind = 'data-in';

  #begun = false;
  #split: SplitBlocks | undefined = undefined;

  /** The command is counted from now on. Nothing may fail between this and the transfer. */
  begin(): this {
    const { blockSize, statistics, tasks } = this.itl.unit;
    this.#begun = true;
    statistics.reads.begin(this.lengthBytes / blockSize, tasks.startMs);
    return this;
  }

  read(into: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    const { blocked } = this;
    if (blocked !== undefined) return blocked.then(() => this.#read(into, offsetBytes));
    return this.#read(into, offsetBytes);
  }

  protected override ended(): number | undefined {
    return this.#begun ? this.itl.unit.statistics.reads.end() : undefined;
  }

  #read(into: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    const { medium } = this;
    const { blockSize } = medium;
    const offset = this.startOffset + offsetBytes;
    const lengthBytes = totalLength(into);
    // An initiator may take data segments of any length: pieces then start and end inside blocks.
    if (offset % blockSize !== 0 || lengthBytes % blockSize !== 0)
      return this.#readUnaligned(into, offset, lengthBytes);
    try {
      const result = medium.read(into, offset);
      if (isPromise(result)) return result.catch((error: unknown) => this.fail(error, 'read', offset));
    } catch (error) {
      this.fail(error, 'read', offset);
    }
  }

  #readUnaligned(into: readonly Uint8Array[], offset: number, lengthBytes: number): MaybePromise<void> {
    this.#split ??= new SplitBlocks(this.medium);
    const split = this.#split;
    return this.itl.guarded('read', offset, async () => {
      scatter(await split.read(offset, lengthBytes), into);
    });
  }
}
