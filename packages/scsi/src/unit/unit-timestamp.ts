import type { Clock } from '@lunbox/block';
import { TimestampOrigin, type Timestamp } from '../data/timestamp.ts';

/** The time of a unit: that of the clock, until SET TIMESTAMP sets another (SPC-4 5.15). */
export class UnitTimestamp {
  readonly #clock: Clock;
  #offsetMs = 0;
  #origin: number = TimestampOrigin.OTHER;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What it is now. */
  get now(): Timestamp {
    return { unixMs: this.#clock.unixMs() + this.#offsetMs, origin: this.#origin };
  }

  /** It is `unixMs` now, and goes on from there. */
  set(unixMs: number): void {
    this.#offsetMs = unixMs - this.#clock.unixMs();
    this.#origin = TimestampOrigin.SET_TIMESTAMP;
  }
}
