import type { MaybePromise } from './block-device.ts';
import { BlockError } from './errors.ts';

/** `shared` holders of overlapping bytes exclude only the `exclusive` ones. */
export type LockMode = 'shared' | 'exclusive';

/** A lock that was granted. */
export interface RangeGrant {
  /** Gives the range back; calling it again does nothing. */
  release(): void;
}

/** Options of {@link RangeLock}. */
export interface RangeLockOptions {
  /** Holders and waiters together; one more is refused with `BLOCK_BUSY`. Default 1024. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 1024;

/**
 * Locks over ranges of bytes, first come first served.
 *
 * A request waits for every earlier request that it conflicts with, held or waiting. So none is ever overtaken
 * by a later one that it conflicts with, none starves, and there are no deadlocks between single requests.
 * Without a conflict the answer comes at once, without a promise.
 */
export class RangeLock {
  readonly #limit: number;
  readonly #requests = new Set<Request>();

  constructor(options: RangeLockOptions = {}) {
    this.#limit = options.limit ?? DEFAULT_LIMIT;
  }

  /** Requests that are held or wait. */
  get size(): number {
    return this.#requests.size;
  }

  /**
   * Locks `offset … offset+length`.
   *
   * @throws BlockError `BLOCK_BUSY` when the limit is reached.
   */
  acquire(offset: number, length: number, mode: LockMode): MaybePromise<RangeGrant> {
    if (this.#requests.size >= this.#limit) {
      throw new BlockError('BLOCK_BUSY', `${this.#limit} range locks are held or waited for`, {
        offset,
        length,
      });
    }
    const request = new Request(this.#requests, offset, offset + length, mode);
    for (const earlier of this.#requests) if (request.conflictsWith(earlier)) earlier.block(request);
    this.#requests.add(request);
    return request.whenGranted();
  }
}

class Request implements RangeGrant {
  readonly #all: Set<Request>;
  readonly #start: number;
  readonly #end: number;
  readonly #mode: LockMode;
  /** Later requests that wait for this one, and the number of earlier ones that this one waits for. */
  readonly #blocked: Request[] = [];
  #blockers = 0;
  #grant: ((grant: RangeGrant) => void) | undefined;

  constructor(all: Set<Request>, start: number, end: number, mode: LockMode) {
    this.#all = all;
    this.#start = start;
    this.#end = end;
    this.#mode = mode;
  }

  conflictsWith(other: Request): boolean {
    if (this.#mode === 'shared' && other.#mode === 'shared') return false;
    return this.#start < other.#end && other.#start < this.#end;
  }

  block(later: Request): void {
    this.#blocked.push(later);
    later.#blockers++;
  }

  whenGranted(): MaybePromise<RangeGrant> {
    if (this.#blockers === 0) return this;
    return new Promise((resolve) => (this.#grant = resolve));
  }

  release(): void {
    if (!this.#all.delete(this)) return;
    for (const request of this.#blocked) {
      request.#blockers--;
      if (request.#blockers === 0) request.#grant?.(request);
    }
  }
}
