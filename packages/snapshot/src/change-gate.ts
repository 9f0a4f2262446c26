/** Counts the changes of a device that are under way, and holds new ones back while it is closed. */
export class ChangeGate {
  /** Changes that have begun and have not ended. */
  #changing = 0;
  #drained: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  /** Whether changes are held back. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Counts a change that has begun. */
  async counted<T>(change: Promise<T>): Promise<T> {
    this.#changing++;
    try {
      return await change;
    } finally {
      this.#changing--;
      if (this.#changing === 0) this.#drained?.();
    }
  }

  /** Begins a change when it may begin. */
  async enter<T>(change: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    return await this.counted(change());
  }

  /**
   * Holds changes back, and completes when those that had begun have ended. Call the answer to let them go on.
   *
   * @param signal - ends the wait: changes go on, and its reason is thrown
   */
  async close(signal?: AbortSignal): Promise<() => void> {
    while (this.#closed !== undefined) await this.#closed;
    signal?.throwIfAborted();
    let open = (): void => undefined;
    this.#closed = new Promise((resolve) => (open = resolve));
    if (this.#changing > 0)
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        signal?.addEventListener('abort', () => {
          resolve();
        });
      });
    this.#drained = undefined;
    const reopen = (): void => {
      this.#closed = undefined;
      open();
    };
    if (signal?.aborted !== true) return reopen;
    reopen();
    throw signal.reason as Error;
  }
}
