/** A block of which some bytes have arrived. */
export interface PartialBlock {
  /** Byte offset of the block on the device. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Which bytes have arrived. */
  readonly runs: { readonly start: number; readonly end: number }[];
  missingBytes: number;
}

/** What of a piece can be stored now. */
export interface WholeBlocks {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * Puts blocks together from pieces that start or end inside them. Every byte arrives once, so the memory held
 * is less than what has arrived, and at most two blocks for each piece on its way.
 */
export class PartialBlocks {
  readonly #blockSize: number;
  readonly #blocks = new Map<number, PartialBlock>();

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  /** Takes a piece and returns the runs of whole blocks that it completes. */
  add(piece: Uint8Array, offset: number): WholeBlocks[] {
    const whole: WholeBlocks[] = [];
    const end = offset + piece.length;
    const alignedStart = Math.ceil(offset / this.#blockSize) * this.#blockSize;
    const alignedEnd = Math.max(alignedStart, Math.floor(end / this.#blockSize) * this.#blockSize);
    const headEnd = Math.min(alignedStart, end);
    if (offset < headEnd) this.#fill(piece.subarray(0, headEnd - offset), offset, whole);
    if (alignedStart < alignedEnd) {
      const bytes = piece.subarray(alignedStart - offset, alignedEnd - offset);
      whole.push({ offset: alignedStart, bytes });
    }
    if (alignedEnd < end) this.#fill(piece.subarray(alignedEnd - offset), alignedEnd, whole);
    return whole;
  }

  /** The blocks that are not complete, which are then forgotten. */
  takeIncomplete(): PartialBlock[] {
    const incomplete = [...this.#blocks.values()];
    this.#blocks.clear();
    return incomplete;
  }

  #fill(fragment: Uint8Array, offset: number, whole: WholeBlocks[]): void {
    const blockOffset = Math.floor(offset / this.#blockSize) * this.#blockSize;
    const block = this.#blocks.get(blockOffset) ?? this.#open(blockOffset);
    const start = offset - blockOffset;
    block.bytes.set(fragment, start);
    block.runs.push({ start, end: start + fragment.length });
    block.missingBytes -= fragment.length;
    if (block.missingBytes > 0) return;
    this.#blocks.delete(blockOffset);
    whole.push({ offset: blockOffset, bytes: block.bytes });
  }

  #open(offset: number): PartialBlock {
    const bytes = new Uint8Array(this.#blockSize);
    const block = { offset, bytes, runs: [], missingBytes: this.#blockSize };
    this.#blocks.set(offset, block);
    return block;
  }
}
