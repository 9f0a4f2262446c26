const NOTHING = new Uint8Array(0);

/** What leaves a connection in one write: what was taken from a slab in order leaves as one piece. */
export class Outbox {
  #pieces: Uint8Array[] = [];
  /** The piece that grows while the next one lies behind it. */
  #open: Uint8Array = NOTHING;
  #openEnd = 0;
  #messageCount = 0;
  #lengthBytes = 0;

  /** Messages in it. */
  get messageCount(): number {
    return this.#messageCount;
  }

  /** Bytes in it. */
  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Adds a message, in pieces; they stay unchanged until they are sent. */
  push(...pieces: readonly Uint8Array[]): void {
    this.#messageCount++;
    for (const piece of pieces) this.#append(piece);
  }

  /** Takes out the pieces to send; neighbours are one. */
  take(): readonly Uint8Array[] {
    this.#close();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#messageCount = this.#lengthBytes = 0;
    return pieces;
  }

  #append(piece: Uint8Array): void {
    this.#lengthBytes += piece.length;
    if (piece.buffer === this.#open.buffer && piece.byteOffset === this.#openEnd) {
      this.#openEnd += piece.length;
      return;
    }
    this.#close();
    this.#open = piece;
    this.#openEnd = piece.byteOffset + piece.length;
  }

  #close(): void {
    const { buffer, byteOffset } = this.#open;
    if (this.#open.length > 0)
      this.#pieces.push(new Uint8Array(buffer, byteOffset, this.#openEnd - byteOffset));
    this.#open = NOTHING;
    this.#openEnd = 0;
  }
}
