import { systemClock, yieldTurn, type Clock } from '@lunbox/block';
import { SnapshotError } from '../snapshot-error.ts';

/** How far long work has come. Holes count as done. */
export interface WorkProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** How work goes on behind the clients of a disk. */
export interface BackgroundOptions {
  /** Bytes in a second, at most; without this as many as the clients leave. */
  readonly bytesPerSecond?: number;
  /** Hears after each step how far the work has come. */
  readonly onProgress?: (progress: WorkProgress) => void;
  /** Gives the work up, which then fails with `SNAPSHOT_CANCELLED` and leaves nothing behind. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** The longest time that work waits for clients at once. */
const WAIT_LIMIT_MS = 50;
/** How often work that waits looks whether it is still wanted. */
const LOOK_MS = 100;

/**
 * Paces work in the background: not more than its rate, and while clients use the disk, at most half of the time. It
 * never stops for them altogether, since a disk may be in use for ever.
 */
export class Pace {
  readonly #disk: { readonly requestCount: number };
  readonly #options: BackgroundOptions;
  readonly #clock: Clock;
  readonly #startMs: number;
  #doneBytes = 0;
  #stepMs: number;
  #requests: number;

  /** @param disk - whose clients go first. */
  constructor(disk: { readonly requestCount: number }, options: BackgroundOptions) {
    this.#disk = disk;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#startMs = this.#stepMs = this.#clock.nowMs();
    this.#requests = disk.requestCount;
  }

  /** Ends a step in which so many bytes were moved. Throws `SNAPSHOT_CANCELLED`. */
  async step(lengthBytes: number): Promise<void> {
    this.#doneBytes += lengthBytes;
    const nowMs = this.#clock.nowMs();
    const { bytesPerSecond } = this.#options;
    const dueMs = bytesPerSecond ? this.#startMs + (this.#doneBytes / bytesPerSecond) * 1000 : nowMs;
    const inUse = this.#disk.requestCount !== this.#requests;
    const restMs = inUse ? Math.min(WAIT_LIMIT_MS, Math.max(1, nowMs - this.#stepMs)) : 0;
    await this.#wait(Math.max(dueMs - nowMs, restMs));
    this.#stepMs = this.#clock.nowMs();
    this.#requests = this.#disk.requestCount;
  }

  async #wait(delayMs: number): Promise<void> {
    if (delayMs <= 0) await yieldTurn();
    for (let leftMs = delayMs; leftMs > 0; leftMs -= LOOK_MS) {
      this.#checkWanted();
      await new Promise<void>((resolve) => this.#clock.setTimer(Math.min(LOOK_MS, leftMs), resolve));
    }
    this.#checkWanted();
  }

  #checkWanted(): void {
    if (this.#options.signal?.aborted !== true) return;
    throw new SnapshotError('SNAPSHOT_CANCELLED', 'the work was given up', {
      cause: this.#options.signal.reason,
    });
  }
}
