/** Someone waiting for room to solicit data. */
export interface Solicitor {
  /** Called when room has become free; asks again with {@link SolicitationBudget.take}. */
  solicit(): void;
}

/**
 * Bytes that one session may have asked for by R2T and not yet consumed. It bounds the memory of writes,
 * however many commands the window admits and however large they are.
 */
export class SolicitationBudget {
  #freeBytes: number;
  readonly #waiting = new Set<Solicitor>();

  constructor(totalBytes: number) {
    this.#freeBytes = totalBytes;
  }

  /** Takes `lengthBytes`, or queues the solicitor and returns false. */
  take(lengthBytes: number, solicitor: Solicitor): boolean {
    if (lengthBytes > this.#freeBytes) {
      this.#waiting.add(solicitor);
      return false;
    }
    this.#freeBytes -= lengthBytes;
    return true;
  }

  /** Gives bytes back and lets those waiting ask again, first come first served. */
  give(lengthBytes: number): void {
    this.#freeBytes += lengthBytes;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const solicitor of waiting) solicitor.solicit();
  }

  /** The solicitor no longer wants anything. */
  forget(solicitor: Solicitor): void {
    this.#waiting.delete(solicitor);
  }
}
