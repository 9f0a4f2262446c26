import type { MaybePromise } from './block-device.ts';
import { BlockError, mediumError } from './errors.ts';

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
    this.#fault ??= new BlockError(
      'BLOCK_FAULTED',
      'an earlier sync failed, so what is on the medium is unknown; open the device again',
      {},
      cause,
    );
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
      throw mediumError('flush', error);
    } finally {
      this.#running = undefined;
    }
  };
}
