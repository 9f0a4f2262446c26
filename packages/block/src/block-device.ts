/**
 * A value now, or a promise of it. A hit in the page cache completes at once: no promise, no turn of the
 * event loop. Callers test with {@link isPromise} and only await when they must.
 */
export type MaybePromise<T> = T | Promise<T>;

/** True when `value` is a promise, so that synchronous completions never pay for an `await`. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** A run of bytes that is either stored (`mapped`) or takes no space and reads as zeroes (`hole`). */
export interface Extent {
  /** First byte of the run, from the start of the device. */
  readonly offset: number;
  /** Length of the run in bytes, greater than zero. */
  readonly length: number;
  /** `hole` only when it takes no space and reads as zeroes. */
  readonly state: 'mapped' | 'hole';
}

/** Options of {@link BlockDevice.write}. */
export interface WriteOptions {
  /** Forced unit access: the data is on stable storage before the write completes. */
  readonly fua?: boolean;
}

/** Options of {@link BlockDevice.writeZeroes}. */
export interface WriteZeroesOptions {
  /** The range may become a hole; without it the device writes real zeroes and keeps the space. */
  readonly mayUnmap?: boolean;
}

/** Options of {@link BlockDevice.extents}. */
export interface ExtentsOptions {
  /** Stop after this many extents; the answer then covers less than was asked. Default 1024. */
  readonly limit?: number;
}

/**
 * A linear array of bytes: the one interface that everything that stores implements and everything that
 * speaks consumes.
 *
 * Offsets and lengths are bytes, multiples of {@link BlockDevice.blockSize}, and safe integers. Every method
 * throws (or rejects with) a `BlockError`; its `code` tells a caller's mistake (`BLOCK_OUT_OF_RANGE`,
 * `BLOCK_UNALIGNED`, `BLOCK_CLOSED`) from a medium's failure (`BLOCK_IO`, `BLOCK_NO_SPACE`, `BLOCK_FAULTED`,
 * `BLOCK_READ_ONLY`). Overlapping requests in flight at the same time have no defined order.
 */
export interface BlockDevice {
  /** Logical block length in bytes: a power of two from 512 to 65536. */
  readonly blockSize: number;
  /** Capacity in bytes. Changes are announced to {@link BlockDevice.onResize} listeners. */
  readonly size: number;
  /** True when writes, unmaps and zeroing are refused with `BLOCK_READ_ONLY`. */
  readonly readOnly: boolean;
  /** Fills the buffers, in order, from consecutive bytes starting at `offset`. */
  read(into: readonly Uint8Array[], offset: number): MaybePromise<void>;
  /** Stores the buffers, in order, from `offset` on. The caller keeps them unchanged until completion. */
  write(from: readonly Uint8Array[], offset: number, options?: WriteOptions): MaybePromise<void>;
  /** When it completes, every write answered before the call is on stable storage. */
  flush(): MaybePromise<void>;
  /** Gives the space back. The range reads as zeroes afterwards, also where the platform cannot punch holes. */
  unmap(offset: number, length: number): MaybePromise<void>;
  /** The range reads as zeroes afterwards. */
  writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): MaybePromise<void>;
  /** Consecutive extents from `offset` on, adjoining runs merged; see {@link ExtentsOptions.limit}. */
  extents(offset: number, length: number, options?: ExtentsOptions): MaybePromise<Extent[]>;
  /** Calls `listener` with the new size after each change. Returns a function that ends the subscription. */
  onResize(listener: (size: number) => void): () => void;
  /** Flushes and releases the device. Idempotent. */
  close(): MaybePromise<void>;
}
