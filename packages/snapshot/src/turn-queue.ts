/** Runs changes one after the other, in the order in which they were asked for. */
export class TurnQueue {
  #last: Promise<void> = Promise.resolve();

  /** Runs a change after those before it, whether they failed or not. */
  async run<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return await result;
  }

  /** Completes when nothing runs or waits that was asked for by now. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
