import type { Clock } from '../clock.ts';

/** A write is only worth doing on the event loop up to this size. */
const LARGEST_WRITE_BYTES = 64 * 1024;
const PAGE_BYTES = 4096;
/**
 * A write to the page cache takes microseconds; one that took this long waited for something. A busy machine may
 * take the processor away for some milliseconds, which is not the file's fault.
 */
const SLOW_MS = 10;
/** How long the thread pool has all writes after a slow one; doubled each time until a whole window went well. */
const SHORTEST_REST_MS = 125;
const LONGEST_REST_MS = 8000;
/** What may be written on the loop before the room is looked up again, and how much of the room that may take. */
const WINDOW_MS = 250;
const WINDOW_BYTES = 64 << 20;
const ROOM_SHARE = 4;

/**
 * Decides which writes may be done at once on the event loop, and which go to the thread pool.
 *
 * A write into the page cache costs 5 µs on the loop and 10–30 µs through the pool, but no Linux file system
 * that we know answers `RWF_NOWAIT` for buffered writes. So a write on the loop is a promise that nobody gives:
 * it may wait for a page to be read (partial pages), for dirty pages to drain (throttling), for the journal or
 * for another writer of the same file. The governor allows it only where those are unlikely, and stops for a
 * while as soon as it was wrong.
 */
export class WriteGovernor {
  readonly #clock: Clock;
  readonly #roomBytes: () => number;
  #windowEndMs = -Infinity;
  #windowBytes = 0;
  #restUntilMs = -Infinity;
  #restMs = SHORTEST_REST_MS;
  #startedMs = 0;

  /** @param roomBytes - How much may become dirty before the kernel makes writers wait; asked once a window. */
  constructor(clock: Clock, roomBytes: () => number) {
    this.#clock = clock;
    this.#roomBytes = roomBytes;
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
    if (nowMs >= this.#windowEndMs) {
      // The window before this one was used and nothing in it was slow.
      if (this.#windowEndMs > this.#restUntilMs) this.#restMs = SHORTEST_REST_MS;
      this.#windowEndMs = nowMs + WINDOW_MS;
      this.#windowBytes = Math.min(WINDOW_BYTES, this.#roomBytes() / ROOM_SHARE);
    }
    if (length > this.#windowBytes) return false;
    this.#windowBytes -= length;
    this.#startedMs = nowMs;
    return true;
  }

  /** The allowed write has returned. */
  finished(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#startedMs <= SLOW_MS) return;
    this.#restUntilMs = nowMs + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS);
    this.#windowEndMs = -Infinity;
  }
}
