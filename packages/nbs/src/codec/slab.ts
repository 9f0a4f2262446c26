/** Memory is taken from the system in pieces of this size. */
const PIECE_BYTES = 128 << 10;
/** What is longer has memory of its own. */
const LONGEST_BYTES = PIECE_BYTES / 4;
/** What is kept to be used again, when nothing is said. */
const DEFAULT_SPARE_LIMIT_BYTES = 16 << 20;

/** Gives out memory for much that is short, one behind the other; the garbage collector takes it back. */
export class Slab {
  #bytes = new Uint8Array(0);
  #at = 0;

  /** So many bytes, of which each is 0. */
  take(lengthBytes: number): Uint8Array {
    if (lengthBytes > LONGEST_BYTES) return new Uint8Array(lengthBytes);
    if (this.#at + lengthBytes > this.#bytes.length) {
      this.#bytes = new Uint8Array(PIECE_BYTES);
      this.#at = 0;
    }
    const start = this.#at;
    this.#at += lengthBytes;
    return this.#bytes.subarray(start, this.#at);
  }
}

interface Piece {
  readonly bytes: Uint8Array;
  /** What was taken of it and not given back. */
  taken: number;
}

/**
 * As {@link Slab}, and what is given back is used again: whoever takes has to give back, or to tell that it is lost.
 */
export class BufferPool {
  #current: Piece = { bytes: new Uint8Array(0), taken: 0 };
  #at = 0;
  /** Those that something is taken of, by their memory. */
  readonly #pieces = new Map<ArrayBufferLike, Piece>();
  /** Those that nothing is taken of, by their length. */
  readonly #spares = new Map<number, Uint8Array[]>();
  #spareBytes = 0;
  readonly #spareLimitBytes: number;

  /** @param spareLimitBytes what is kept to be used again */
  constructor(spareLimitBytes: number = DEFAULT_SPARE_LIMIT_BYTES) {
    this.#spareLimitBytes = spareLimitBytes;
  }

  /** So many bytes; what is in them is undefined. */
  take(lengthBytes: number): Uint8Array {
    if (lengthBytes > LONGEST_BYTES) {
      const piece = this.#piece(Math.ceil(lengthBytes / LONGEST_BYTES) * LONGEST_BYTES);
      piece.taken = 1;
      return piece.bytes.subarray(0, lengthBytes);
    }
    if (this.#at + lengthBytes > this.#current.bytes.length) {
      this.#current = this.#piece(PIECE_BYTES);
      this.#at = 0;
    }
    const start = this.#at;
    this.#at += lengthBytes;
    this.#current.taken++;
    return this.#current.bytes.subarray(start, this.#at);
  }

  /** Takes back what {@link BufferPool.take} has given out, and nobody uses any more; other memory is left alone. */
  give(bytes: Uint8Array): void {
    const piece = this.#pieces.get(bytes.buffer);
    if (piece === undefined || --piece.taken > 0) return;
    if (piece === this.#current) this.#at = 0;
    else this.#spare(piece.bytes);
  }

  /** Hears that something is not given back, since others may use it for an unknown time. */
  lose(bytes: Uint8Array): void {
    this.#pieces.delete(bytes.buffer);
    // The rest of it may be used, and is left to the garbage collector like the whole.
    if (bytes.buffer === this.#current.bytes.buffer) this.#at = this.#current.bytes.length;
  }

  #piece(lengthBytes: number): Piece {
    const spare = this.#spares.get(lengthBytes)?.pop();
    if (spare !== undefined) this.#spareBytes -= lengthBytes;
    const bytes = spare ?? new Uint8Array(lengthBytes);
    const piece = { bytes, taken: 0 };
    this.#pieces.set(bytes.buffer, piece);
    return piece;
  }

  #spare(bytes: Uint8Array): void {
    this.#pieces.delete(bytes.buffer);
    while (this.#spareBytes + bytes.length > this.#spareLimitBytes)
      if (!this.#dropOther(bytes.length)) return;
    this.#spareBytes += bytes.length;
    const spares = this.#spares.get(bytes.length);
    if (spares === undefined) this.#spares.set(bytes.length, [bytes]);
    else spares.push(bytes);
  }

  /** What is used now has a better chance to be used again than what is of another length. */
  #dropOther(lengthBytes: number): boolean {
    for (const [other, spares] of this.#spares) {
      if (other === lengthBytes || spares.pop() === undefined) continue;
      this.#spareBytes -= other;
      return true;
    }
    return false;
  }
}
