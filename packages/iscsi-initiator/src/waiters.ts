/** Those who wait for the same thing. */
export class Waiters {
  readonly #resolves: (() => void)[] = [];

  /** Resolves when they are told next. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#resolves.push(resolve));
  }

  /** It has happened. */
  tell(): void {
    if (this.#resolves.length > 0) for (const resolve of this.#resolves.splice(0)) resolve();
  }
}
