import type { Extent } from './block-device.ts';
import { BaseDevice } from './base-device.ts';
import { BlockError } from './errors.ts';
import { SparseBytes } from './sparse-bytes.ts';

/** Options of {@link MemoryDevice}. */
export interface MemoryDeviceOptions {
  /** Capacity in bytes, a multiple of the block size. Only what is written takes memory. */
  readonly size: number;
  /** Logical block length in bytes. Default 512. */
  readonly blockSize?: number;
  /** Refuse every change. Default false. */
  readonly readOnly?: boolean;
}

/** A block device in memory. It keeps 64 KiB chunks of what was written, so an empty terabyte costs nothing. */
export class MemoryDevice extends BaseDevice {
  readonly readOnly: boolean;
  #size: number;
  #bytes = new SparseBytes();

  /** @throws BlockError `BLOCK_INVALID` when the size is not a multiple of the block size. */
  constructor(options: MemoryDeviceOptions) {
    super(options.blockSize ?? 512);
    this.readOnly = options.readOnly ?? false;
    this.#size = this.#checkSize(options.size);
  }

  get size(): number {
    return this.#size;
  }

  /** Memory that the content takes, in bytes. */
  get allocatedBytes(): number {
    return this.#bytes.allocatedBytes;
  }

  /** Changes the capacity; what lies beyond a smaller one is forgotten. */
  resize(size: number): void {
    const next = this.#checkSize(size);
    if (next < this.#size) this.#bytes.clear(next, this.#size - next);
    this.#size = next;
    this.announceResize();
  }

  protected readRange(into: readonly Uint8Array[], offset: number): void {
    this.#bytes.read(into, offset);
  }

  protected writeRange(from: readonly Uint8Array[], offset: number): void {
    this.#bytes.write(from, offset);
  }

  protected flushAll(): void {
    // Memory is as stable as this device gets.
  }

  protected unmapRange(offset: number, length: number): void {
    this.#bytes.clear(offset, length);
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): void {
    if (mayUnmap) this.#bytes.clear(offset, length);
    else this.#bytes.fillZero(offset, length);
  }

  protected extentsOf(offset: number, length: number, limit: number): Extent[] {
    return this.#bytes.extents(offset, length, limit);
  }

  protected release(): void {
    this.#bytes = new SparseBytes();
  }

  #checkSize(size: number): number {
    if (Number.isSafeInteger(size) && size >= 0 && size % this.blockSize === 0) return size;
    throw new BlockError('BLOCK_INVALID', `a size of ${size} bytes is not in whole blocks`, {
      size,
      blockSize: this.blockSize,
    });
  }
}
