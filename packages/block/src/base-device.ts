import {
  isPromise,
  type BlockDevice,
  type Extent,
  type ExtentsOptions,
  type MaybePromise,
  type WriteOptions,
  type WriteZeroesOptions,
} from './block-device.ts';
import { totalLength } from './buffers.ts';
import { BlockError } from './errors.ts';
import { DEFAULT_EXTENT_LIMIT } from './extents.ts';

/**
 * What every block device has in common: each request is validated here, once, and the hooks below only see
 * open devices, aligned ranges inside the device, and lengths above zero. It also knows what is in flight, so
 * that `close` ends after the last request, and who listens for a new size.
 */
export abstract class BaseDevice implements BlockDevice {
  abstract readonly size: number;
  abstract readonly readOnly: boolean;
  readonly blockSize: number;
  readonly #listeners = new Set<(size: number) => void>();
  #inFlight = 0;
  #drained: (() => void) | undefined;
  #closed = false;
  #closing: MaybePromise<void> = undefined;

  /** @throws BlockError `BLOCK_INVALID` unless `blockSize` is a power of two from 512 to 65536. */
  protected constructor(blockSize: number) {
    const legal = Number.isInteger(blockSize) && blockSize >= 512 && blockSize <= 65536;
    if (!legal || (blockSize & (blockSize - 1)) !== 0) {
      throw new BlockError('BLOCK_INVALID', `block size ${blockSize} is not 512, 1024, … 65536`, {
        blockSize,
      });
    }
    this.blockSize = blockSize;
  }

  /** Fills `into` (`length` bytes in all) from `offset`. */
  protected abstract readRange(
    into: readonly Uint8Array[],
    offset: number,
    length: number,
  ): MaybePromise<void>;
  /** Stores `from` (`length` bytes in all) at `offset`. */
  protected abstract writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void>;
  /** Makes every answered write durable. */
  protected abstract flushAll(): MaybePromise<void>;
  /** Gives a range back. */
  protected abstract unmapRange(offset: number, length: number): MaybePromise<void>;
  /** Zeroes a range. */
  protected abstract zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void>;
  /** Answers {@link BlockDevice.extents}. */
  protected abstract extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]>;
  /** Releases what the device holds; called once, with nothing in flight, after the last flush. */
  protected abstract release(): MaybePromise<void>;

  /** True once {@link BlockDevice.close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  read(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    const length = totalLength(into);
    this.#check('read', offset, length);
    if (length === 0) return;
    return this.#track(this.readRange(into, offset, length));
  }

  write(from: readonly Uint8Array[], offset: number, options?: WriteOptions): MaybePromise<void> {
    const length = totalLength(from);
    this.#checkChange('write', offset, length);
    if (length === 0) return;
    return this.#track(this.writeRange(from, offset, length, options?.fua === true));
  }

  flush(): MaybePromise<void> {
    this.#checkOpen('flush');
    return this.#track(this.flushAll());
  }

  unmap(offset: number, length: number): MaybePromise<void> {
    this.#checkChange('unmap', offset, length);
    if (length === 0) return;
    return this.#track(this.unmapRange(offset, length));
  }

  writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): MaybePromise<void> {
    this.#checkChange('writeZeroes', offset, length);
    if (length === 0) return;
    return this.#track(this.zeroRange(offset, length, options?.mayUnmap === true));
  }

  extents(offset: number, length: number, options?: ExtentsOptions): MaybePromise<Extent[]> {
    this.#check('extents', offset, length);
    if (length === 0) return [];
    const limit = Math.max(1, options?.limit ?? DEFAULT_EXTENT_LIMIT);
    return this.#track(this.extentsOf(offset, length, limit));
  }

  onResize(listener: (size: number) => void): () => void {
    // Wrapped, so that the same function subscribed twice is two subscriptions.
    const entry = (size: number): void => {
      listener(size);
    };
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  close(): MaybePromise<void> {
    if (this.#closed) return this.#closing;
    this.#closed = true;
    if (this.#inFlight === 0) {
      this.#closing = this.#flushAndRelease();
    } else {
      const drained = new Promise<void>((resolve) => (this.#drained = resolve));
      this.#closing = drained.then(() => this.#flushAndRelease());
    }
    return this.#closing;
  }

  /** Tells the listeners about a new {@link BlockDevice.size}. */
  protected announceResize(): void {
    for (const listener of [...this.#listeners]) listener(this.size);
  }

  /** Runs a change of another kind than the interface's own: refused as they are, and waited for by `close`. */
  protected change<T>(operation: string, fn: () => MaybePromise<T>): MaybePromise<T> {
    this.#checkWritable(operation);
    return this.#track(fn());
  }

  /** Releases the device also when the flush fails; the failure of the flush is what the caller hears. */
  #flushAndRelease(): MaybePromise<void> {
    this.#listeners.clear();
    try {
      const flushed = this.readOnly ? undefined : this.flushAll();
      if (isPromise(flushed)) return flushed.finally(() => this.release());
    } catch (error) {
      const released = this.release();
      if (isPromise(released)) return released.then(() => Promise.reject(error as Error));
      throw error;
    }
    return this.release();
  }

  #track<T>(result: MaybePromise<T>): MaybePromise<T> {
    if (!isPromise(result)) return result;
    this.#inFlight++;
    // Two functions in place of finally(), which costs three promises more.
    return result.then(
      (value) => {
        this.#untrack();
        return value;
      },
      (error: unknown) => {
        this.#untrack();
        throw error;
      },
    );
  }

  #untrack(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#drained?.();
  }

  #checkOpen(operation: string): void {
    if (this.#closed)
      throw new BlockError('BLOCK_CLOSED', `${operation}: the device is closed`, { operation });
  }

  #checkChange(operation: string, offset: number, length: number): void {
    this.#checkWritable(operation);
    this.#check(operation, offset, length);
  }

  #checkWritable(operation: string): void {
    this.#checkOpen(operation);
    if (this.readOnly) {
      throw new BlockError('BLOCK_READ_ONLY', `${operation}: the device is read-only`, { operation });
    }
  }

  #check(operation: string, offset: number, length: number): void {
    this.#checkOpen(operation);
    const { blockSize, size } = this;
    const data = { operation, offset, length, size, blockSize };
    // Written so that NaN and infinities, whose remainders are NaN, fail it too.
    if (!(offset % blockSize === 0 && length % blockSize === 0)) {
      throw new BlockError(
        'BLOCK_UNALIGNED',
        `${operation}: ${offset}+${length} is not in whole blocks`,
        data,
      );
    }
    if (!(offset >= 0 && length >= 0 && length <= size - offset)) {
      throw new BlockError(
        'BLOCK_OUT_OF_RANGE',
        `${operation}: ${offset}+${length} leaves ${size} bytes`,
        data,
      );
    }
  }
}
