/**
 * Cuts a byte stream into pieces whose lengths are known one after the other. A piece belongs to who takes it. No more
 * memory is taken than for the piece that is awaited.
 */
export class PieceReader {
  #length: number;
  #take: (piece: Uint8Array) => void;
  #partial: Uint8Array | undefined;
  #have = 0;
  #stopped = false;

  constructor(length: number, take: (piece: Uint8Array) => void) {
    this.#length = length;
    this.#take = take;
  }

  /** What comes next, and who takes it. To be called by who has taken a piece. */
  expect(length: number, take: (piece: Uint8Array) => void): void {
    this.#length = length;
    this.#take = take;
  }

  /** Ignores the rest of the input and all later input. */
  stop(): void {
    this.#stopped = true;
  }

  /** Takes the next bytes, which may be used again after the call. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (!this.#stopped && (at < chunk.length || this.#length === 0)) {
      const length = this.#length;
      if (this.#have === 0 && chunk.length - at >= length) {
        // A copy: slice() of a Node.js Buffer is none.
        const piece = new Uint8Array(chunk.subarray(at, at + length));
        at += length;
        this.#take(piece);
        continue;
      }
      this.#partial ??= new Uint8Array(length);
      const taken = Math.min(length - this.#have, chunk.length - at);
      this.#partial.set(chunk.subarray(at, at + taken), this.#have);
      this.#have += taken;
      at += taken;
      if (this.#have < length) break;
      const piece = this.#partial;
      this.#partial = undefined;
      this.#have = 0;
      this.#take(piece);
    }
  }
}
