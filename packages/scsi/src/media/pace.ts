import type { Clock, MaybePromise } from '@lunbox/block';

/** One step of a long work, {@link STEP_BYTES} at most, takes a second with it. */
const MIN_BYTES_PER_SECOND = 2 ** 20;

/** Holds work to so many bytes in a second. */
export class Pace {
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  /** When the bytes that were let through have had their time. */
  #freeMs = -Infinity;

  private constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#clock = clock;
  }

  /** Undefined where there is no limit. Throws a RangeError for less than 1 MiB in a second. */
  static of(bytesPerSecond: number | undefined, clock: Clock): Pace | undefined {
    if (bytesPerSecond === undefined) return undefined;
    if (bytesPerSecond >= MIN_BYTES_PER_SECOND) return new Pace(bytesPerSecond, clock);
    throw new RangeError(`a rate of ${bytesPerSecond} bytes per second, and not of 1 MiB or more`);
  }

  /** Completes when this many bytes may be moved. A time in which nothing was moved is not made up for. */
  admit(bytes: number): MaybePromise<void> {
    const nowMs = this.#clock.nowMs();
    const startMs = Math.max(nowMs, this.#freeMs);
    this.#freeMs = startMs + bytes / this.#bytesPerMs;
    if (startMs === nowMs) return undefined;
    return new Promise((resolve) => this.#clock.setTimer(startMs - nowMs, resolve));
  }
}
