/** A change that was answered, and may not be durable yet. */
export interface Change {
  readonly kind: 'write' | 'trim' | 'zero';
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
  /** What was written, behind room for a header. */
  readonly message: Uint8Array | undefined;
}

/** What a change without data counts for. */
const CHANGE_BYTES = 64;

/**
 * The changes since the last flush, in the order in which they were answered: a server that was started anew may have
 * lost them, and they are made again then.
 */
export class UnflushedChanges {
  #changes: Change[] = [];
  #bytes = 0;
  /** How many are durable, and forgotten. */
  #durable = 0;

  /** Memory that they take, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All of them, oldest first. */
  get all(): readonly Change[] {
    return this.#changes;
  }

  /** Remembers a change that was answered. */
  add(change: Change): void {
    this.#changes.push(change);
    this.#bytes += bytesOf(change);
  }

  /** How many there have ever been: what a flush that is sent now will cover. */
  get total(): number {
    return this.#durable + this.#changes.length;
  }

  /** A flush has ended well that was sent when there had been so many. Answers those that it has made durable. */
  flushed(total: number): readonly Change[] {
    const count = Math.max(0, total - this.#durable);
    const durable = this.#changes.slice(0, count);
    this.#changes = this.#changes.slice(count);
    this.#durable += durable.length;
    for (const change of durable) this.#bytes -= bytesOf(change);
    return durable;
  }
}

function bytesOf({ message }: Change): number {
  return CHANGE_BYTES + (message?.length ?? 0);
}
