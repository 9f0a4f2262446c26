import type { MaybePromise } from './block-device.ts';
import { BlockError, errnoName } from './errors.ts';

/**
 * Group commit: however many requests wait for durability, one sync serves them all.
 *
 * A sync covers the writes that were answered before it *started*. So a request that arrives while one is
 * running cannot share it and waits for the next. When nothing was written since the last one started, there is
 * nothing to do.
 *
 * After a failed sync the kernel has forgotten which pages never reached the medium, and a second one would
 * succeed without them. So the first failure is final: everything that comes later is refused.
 */
export class SyncGroup {
  readonly #sync: () => Promise<void>;
  /** Changes answered so far, and how many of them the last complete sync covered. */
  #answered = 0;
  /** Starts behind: what an earlier process wrote and did not sync is not known to be durable either. */
  #durable = -1;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #fault: BlockError | undefined;
  readonly #listeners = new Set<(fault: BlockError) => void>();

  /** @param sync - Makes everything durable that was written before the call. */
  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** A write or another change has completed and is about to be answered. */
  changed(): void {
    this.#answered++;
  }

  /** Completes when everything answered so far is durable. */
  request(): MaybePromise<void> {
    this.checkSound();
    if (this.#running !== undefined) {
      this.#next ??= this.#running.then(this.#start, this.#start);
      return this.#next;
    }
    if (this.#durable === this.#answered) return;
    return this.#start();
  }

  /** Refuses everything from now on, because of a failed sync here or of the same file elsewhere. */
  fault(cause: unknown): void {
    if (this.#fault !== undefined) return;
    const errno = errnoName(cause);
    const why = errno === undefined ? '' : ` (${errno})`;
    this.#fault = new BlockError(
      'BLOCK_FAULTED',
      `an earlier sync failed${why}, so what is on the medium is unknown; open the device again`,
      errno === undefined ? {} : { errno },
      cause,
    );
    for (const listener of this.#listeners) listener(this.#fault);
  }

  /** Why everything is refused; undefined while nothing is. */
  get faulted(): BlockError | undefined {
    return this.#fault;
  }

  /** Calls `listener` once, when everything begins to be refused. Returns a function that ends the subscription. */
  onFault(listener: (fault: BlockError) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** @throws BlockError `BLOCK_FAULTED` after a failed sync. */
  checkSound(): void {
    if (this.#fault === undefined) return;
    const { message, data, cause } = this.#fault;
    throw new BlockError('BLOCK_FAULTED', message, data, cause);
  }

  readonly #start = async (): Promise<void> => {
    this.#next = undefined;
    this.checkSound();
    const covered = this.#answered;
    try {
      this.#running = this.#sync();
      await this.#running;
      this.#durable = covered;
    } catch (error) {
      this.fault(error);
      throw syncError(error);
    } finally {
      this.#running = undefined;
    }
  };
}

/**
 * What a failed sync is answered with: always `BLOCK_IO`. Where it failed for want of space, too (NFS, thin media),
 * writes that were answered are lost; that is no refusal which more space would mend.
 */
function syncError(error: unknown): BlockError {
  const errno = errnoName(error);
  const data = { operation: 'flush', ...(errno === undefined ? {} : { errno }) };
  return new BlockError('BLOCK_IO', `flush: the medium failed (${errno ?? String(error)})`, data, error);
}
