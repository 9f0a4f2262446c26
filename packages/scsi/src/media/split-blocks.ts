import type { MaybePromise } from '@lunbox/block';
import { readCovering } from './covering-blocks.ts';
import type { BlockAccess } from './medium.ts';

interface SplitBlock {
  readonly bytes: MaybePromise<Uint8Array>;
  /** Bytes that nobody has taken yet. */
  leftBytes: number;
}

/**
 * Reads pieces that start or end inside blocks. What two pieces have of a block comes from one reading of it, so that
 * no block is partly from before and partly from after somebody's write. It holds the blocks of which a part is left.
 */
export class SplitBlocks {
  readonly #medium: BlockAccess;
  readonly #blocks = new Map<number, SplitBlock>();

  constructor(medium: BlockAccess) {
    this.#medium = medium;
  }

  /** The bytes of a piece. */
  async read(offset: number, lengthBytes: number): Promise<Uint8Array> {
    const { blockSize } = this.#medium;
    const piece = new Uint8Array(lengthBytes);
    const end = offset + lengthBytes;
    const alignedStart = Math.ceil(offset / blockSize) * blockSize;
    const alignedEnd = Math.max(alignedStart, Math.floor(end / blockSize) * blockSize);
    // All are asked for before the first is waited for: pieces may be read side by side.
    const runs = [
      this.#part(offset, Math.min(alignedStart, end)),
      this.#whole(alignedStart, alignedEnd),
      this.#part(alignedEnd, end),
    ];
    let at = 0;
    for (const bytes of await Promise.all(runs)) {
      if (bytes === undefined) continue;
      piece.set(bytes, at);
      at += bytes.length;
    }
    return piece;
  }

  /** A part of one block; nothing when it is empty. */
  async #part(start: number, end: number): Promise<Uint8Array | undefined> {
    if (start >= end) return undefined;
    const { blockSize } = this.#medium;
    const blockOffset = Math.floor(start / blockSize) * blockSize;
    const block = this.#blocks.get(blockOffset) ?? this.#open(blockOffset);
    block.leftBytes -= end - start;
    if (block.leftBytes <= 0) this.#blocks.delete(blockOffset);
    return Promise.resolve(block.bytes).then((bytes) =>
      bytes.subarray(start - blockOffset, end - blockOffset),
    );
  }

  async #whole(start: number, end: number): Promise<Uint8Array | undefined> {
    return start < end ? await readCovering(this.#medium, start, end - start) : undefined;
  }

  #open(blockOffset: number): SplitBlock {
    const { blockSize } = this.#medium;
    const block = { bytes: readCovering(this.#medium, blockOffset, blockSize), leftBytes: blockSize };
    this.#blocks.set(blockOffset, block);
    return block;
  }
}
