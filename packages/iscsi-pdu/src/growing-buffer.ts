const FIRST_CAPACITY = 4096;

/**
 * Capacity kept from one use to the next; a larger buffer is given back, so that an idle connection stays
 * small.
 */
const RETAINED_CAPACITY = 65536;

/**
 * Collects pieces into one run of bytes. Grows by doubling, never past what the pieces need or the
 * announced total.
 */
export class GrowingBuffer {
  #bytes = new Uint8Array(0);
  #length = 0;

  /** Bytes collected so far. */
  get length(): number {
    return this.#length;
  }

  /** Adds a piece of a run that will be `total` bytes long. The total alone allocates nothing. */
  append(piece: Uint8Array, total: number): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const doubled = Math.max(needed, FIRST_CAPACITY, this.#bytes.length * 2);
      const grown = new Uint8Array(Math.max(needed, Math.min(doubled, total)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** A view of what was collected, valid until the next `append`; the buffer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    if (this.#bytes.length > RETAINED_CAPACITY) this.#bytes = new Uint8Array(0);
    return taken;
  }
}
