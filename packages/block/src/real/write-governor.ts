import type { Clock } from '../clock.ts';

/** A write is only worth doing on the event loop up to this size. */
const LARGEST_WRITE_BYTES = 64 * 1024;
const PAGE_BYTES = 4096;
/** A write to the page cache takes microseconds. One that took this long waited for something. */
const SLOW_MS = 2;
/** How long the thread pool keeps the writes after a slow one. */
const REST_MS = 1000;
/** Bytes in one window; far below the dirty limits (10–20 % of memory) where the kernel makes writers wait. */
const WINDOW_BYTES = 32 * 1024 * 1024;
const WINDOW_MS = 1000;

/**
 * Decides which writes may be done at once on the event loop, and which go to the thread pool.
 *
 * A write into the page cache costs 5 µs on the loop and 10–30 µs through the pool, but no Linux file system
 * that we know answers `RWF_NOWAIT` for buffered writes, so a write on the loop is a promise that nobody gives:
 * it may wait for a page to be read (partial pages), for dirty pages to drain (throttling), for the journal or
 * for another writer of the same file. The governor allows it only where those are unlikely, and stops for a
 * while as soon as it was wrong.
 */
export class WriteGovernor {
  readonly #clock: Clock;
  #restUntilMs = -Infinity;
  #windowStartMs = -Infinity;
  #windowBytes = 0;
  #startedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Asks to write `length` bytes at the file offset `offset` on the event loop. When the answer is true, the
   * write must follow at once and {@link WriteGovernor.finished} after it.
   */
  allows(offset: number, length: number): boolean {
    // A partial page that is not cached would have to be read first, from the medium.
    if (length > LARGEST_WRITE_BYTES || offset % PAGE_BYTES !== 0 || length % PAGE_BYTES !== 0) return false;
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#restUntilMs) return false;
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#windowBytes = 0;
    }
    if (this.#windowBytes + length > WINDOW_BYTES) return false;
    this.#windowBytes += length;
    this.#startedMs = nowMs;
    return true;
  }

  /** The allowed write has returned. */
  finished(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#startedMs > SLOW_MS) this.#restUntilMs = nowMs + REST_MS;
  }

  /** The dirty pages are gone to the medium: a new window begins. */
  drained(): void {
    this.#windowBytes = 0;
  }
}
