import { isPromise, type BlockDevice, type Extent, type MaybePromise } from './block-device.ts';
import { BaseDevice } from './base-device.ts';
import { asLegs, commonBlockSize, type Legs } from './legs.ts';
import { allSettled, mapMaybe } from './maybe-promise.ts';
import { RangeLock } from './range-lock.ts';

/** Options of {@link mirror}. */
export interface MirrorOptions {
  /**
   * A change failed on one leg and was done on another: the leg is stale from now on. Note it durably where the
   * mirror is put together, so that it does not come back as a good one after a restart: no change is
   * acknowledged before the promise resolves, and all are refused when it rejects.
   */
  readonly onLegFailed?: (index: number, error: unknown) => MaybePromise<void>;
}

/**
 * Several devices with the same content as one (RAID 1). It owns them: closing it closes them.
 *
 * @throws BlockError `BLOCK_INVALID` for an empty list.
 */
export function mirror(devices: readonly BlockDevice[], options: MirrorOptions = {}): MirrorDevice {
  return new MirrorDevice(asLegs(devices), options);
}

/**
 * A mirror. Every change goes to all legs, overlapping ones in the same order on each. A read is answered by the
 * first leg in use, and by the next one when that fails. A leg that missed a change is not used any more; a
 * change that fails on every leg fails, and the legs stay.
 */
export class MirrorDevice extends BaseDevice {
  readonly readOnly: boolean;
  readonly #legs: Legs;
  readonly #failed = new Set<number>();
  readonly #onLegFailed: (index: number, error: unknown) => MaybePromise<void>;
  readonly #lock = new RangeLock();
  readonly #unsubscribe: readonly (() => void)[];
  /** The notes about failed legs, one after the other. */
  #noted: MaybePromise<void> = undefined;

  /** Use {@link mirror}. */
  constructor(legs: readonly [BlockDevice, ...BlockDevice[]], options: MirrorOptions) {
    super(commonBlockSize(legs));
    this.readOnly = legs.some((leg) => leg.readOnly);
    this.#legs = legs;
    this.#onLegFailed = options.onLegFailed ?? (() => undefined);
    let size = this.size;
    this.#unsubscribe = legs.map((leg) =>
      leg.onResize(() => {
        if (this.size === size) return;
        size = this.size;
        this.announceResize();
      }),
    );
  }

  /** That of the smallest leg, in whole blocks. */
  get size(): number {
    const smallest = Math.min(...this.#legs.map((leg) => leg.size));
    return Math.floor(smallest / this.blockSize) * this.blockSize;
  }

  /** Indexes of the legs that are not used any more. */
  get failedLegs(): readonly number[] {
    return [...this.#failed];
  }

  protected readRange(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.#firstThatCan((leg) => leg.read(into, offset));
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    return this.#locked(offset, length, (leg) => leg.write(from, offset, { fua }));
  }

  protected flushAll(): MaybePromise<void> {
    return this.#onAll((leg) => leg.flush());
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.#locked(offset, length, (leg) => leg.unmap(offset, length));
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    return this.#locked(offset, length, (leg) => leg.writeZeroes(offset, length, { mayUnmap }));
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    return this.#firstThatCan((leg) => leg.extents(offset, length, { limit }));
  }

  protected release(): MaybePromise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    return allSettled(this.#legs.map((leg) => () => leg.close()));
  }

  #inUse(): number[] {
    return [...this.#legs.keys()].filter((index) => !this.#failed.has(index));
  }

  #leg(index: number): BlockDevice {
    return this.#legs[index] ?? this.#legs[0];
  }

  #firstThatCan<T>(operation: (leg: BlockDevice) => MaybePromise<T>): MaybePromise<T> {
    const attempt = ([index = 0, ...others]: readonly number[]): MaybePromise<T> => {
      const next = (error: unknown): MaybePromise<T> => {
        if (others.length === 0) throw error;
        return attempt(others);
      };
      try {
        const result = operation(this.#leg(index));
        return isPromise(result) ? result.catch(next) : result;
      } catch (error) {
        return next(error);
      }
    };
    return attempt(this.#inUse());
  }

  #locked(
    offset: number,
    length: number,
    operation: (leg: BlockDevice) => MaybePromise<void>,
  ): MaybePromise<void> {
    return mapMaybe(this.#lock.acquire(offset, length, 'exclusive'), (grant) => {
      const release = (): void => {
        grant.release();
      };
      try {
        const result = this.#onAll(operation);
        if (isPromise(result)) return result.finally(release);
      } catch (error) {
        release();
        throw error;
      }
      return release();
    });
  }

  #onAll(operation: (leg: BlockDevice) => MaybePromise<void>): MaybePromise<void> {
    const legs = this.#inUse();
    const failures = new Map<number, unknown>();
    const attempt = (index: number): MaybePromise<void> => {
      const failed = (error: unknown): void => void failures.set(index, error);
      try {
        const result = operation(this.#leg(index));
        return isPromise(result) ? result.catch(failed) : result;
      } catch (error) {
        return failed(error);
      }
    };
    return mapMaybe(allSettled(legs.map((index) => () => attempt(index))), () => this.#judge(failures));
  }

  #judge(failures: ReadonlyMap<number, unknown>): MaybePromise<void> {
    // Another change may meanwhile have put a leg out of use on which this one was done.
    const done = this.#inUse().some((index) => !failures.has(index));
    if (!done) throw failures.values().next().value;
    for (const [index, error] of failures) {
      if (this.#failed.has(index)) continue;
      this.#failed.add(index);
      this.#noted = mapMaybe(this.#noted, () => this.#note(index, error));
    }
    return this.#noted;
  }

  async #note(index: number, error: unknown): Promise<void> {
    await this.#onLegFailed(index, error);
  }
}
