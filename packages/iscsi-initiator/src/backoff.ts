import { randomBelow, type Random } from '@lunbox/block';
import type { ReconnectOptions } from './session-options.ts';

/** Pauses between tries, each twice as long as the one before. */
export class Backoff {
  /** The longest pause without what is random about it, in milliseconds. */
  readonly maxDelayMs: number;
  readonly #minDelayMs: number;
  readonly #random: Random;
  #delayMs: number;

  constructor({ minDelayMs = 100, maxDelayMs = 5000 }: ReconnectOptions, random: Random) {
    this.#minDelayMs = minDelayMs;
    this.maxDelayMs = maxDelayMs;
    this.#random = random;
    this.#delayMs = minDelayMs;
  }

  /** The next pause. Up to a half more, so that the initiators of a target that went down do not come back as one. */
  next(): number {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(2 * delayMs, this.maxDelayMs);
    return delayMs + randomBelow(this.#random, Math.ceil(delayMs / 2) + 1);
  }

  /** The next pause is a short one again. */
  reset(): void {
    this.#delayMs = this.#minDelayMs;
  }
}
