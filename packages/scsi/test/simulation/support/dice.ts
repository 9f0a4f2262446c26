import { SeededRandom } from '@lunbox/block';

/** Random choices from a seed: the same seed makes the same history on every machine. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** An integer from 0 to `limit` − 1. */
  below(limit: number): number {
    return Math.floor((this.#random.uint32() / 2 ** 32) * limit);
  }

  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#random.uint32() < probability * 2 ** 32;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Takes one of the items out. */
  take<T>(items: T[]): T {
    return items.splice(this.below(items.length), 1)[0] as T;
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    return this.#random.bytes(length);
  }
}
