import type { BlockDevice, Extent, MaybePromise } from './block-device.ts';
import { BaseDevice } from './base-device.ts';
import { BlockError } from './errors.ts';
import { mapMaybe } from './maybe-promise.ts';

/** Options of {@link slice}. */
export interface SliceOptions {
  /** First byte of the slice, a multiple of the device's block size. */
  readonly offset: number;
  /** Length in bytes. Default: up to the end of the device, also when that moves. */
  readonly length?: number;
  /** Refuse every change. Default: as the device. */
  readonly readOnly?: boolean;
}

/**
 * A part of a device as a device of its own. It borrows the device: closing the slice flushes the device and
 * leaves it open.
 *
 * @throws BlockError `BLOCK_UNALIGNED` or `BLOCK_OUT_OF_RANGE` when the part is not one of the device.
 */
export function slice(device: BlockDevice, options: SliceOptions): SliceDevice {
  return new SliceDevice(device, options);
}

/** A part of a device. */
export class SliceDevice extends BaseDevice {
  readonly readOnly: boolean;
  readonly #device: BlockDevice;
  readonly #offset: number;
  #length: number | undefined;
  readonly #unsubscribe: () => void;

  /** Use {@link slice}. */
  constructor(device: BlockDevice, options: SliceOptions) {
    super(device.blockSize);
    const { blockSize, size } = device;
    const { offset, length } = options;
    const data = { offset, length: length ?? 0, size, blockSize };
    if (!(offset % blockSize === 0 && (length ?? 0) % blockSize === 0)) {
      throw new BlockError('BLOCK_UNALIGNED', 'a slice must lie in whole blocks', data);
    }
    if (!(offset >= 0 && (length ?? 0) >= 0 && (length ?? 0) <= size - offset)) {
      throw new BlockError('BLOCK_OUT_OF_RANGE', 'a slice must lie inside the device', data);
    }
    this.readOnly = device.readOnly || (options.readOnly ?? false);
    this.#device = device;
    this.#offset = offset;
    this.#length = length;
    this.#unsubscribe = device.onResize(() => {
      if (length === undefined) this.announceResize();
    });
  }

  /** Bytes of the device that it shows. */
  get size(): number {
    return this.#length ?? Math.max(0, this.#device.size - this.#offset);
  }

  /**
   * Makes a slice that has a length of its own longer; the listeners hear of it.
   *
   * @throws BlockError `BLOCK_INVALID` when `length` is not in whole blocks or below the present one,
   *   `BLOCK_OUT_OF_RANGE` when the device does not reach as far.
   */
  grow(length: number): void {
    const { blockSize, size } = this;
    if (!(length % blockSize === 0 && length >= size))
      throw new BlockError('BLOCK_INVALID', `a slice of ${size} bytes cannot grow to ${length}`, {
        blockSize,
      });
    if (length > this.#device.size - this.#offset) {
      const data = { offset: this.#offset, length, size: this.#device.size };
      throw new BlockError('BLOCK_OUT_OF_RANGE', 'a slice must lie inside the device', data);
    }
    this.#length = length;
    this.announceResize();
  }

  protected readRange(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.#device.read(into, this.#offset + offset);
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    _length: number,
    fua: boolean,
  ): MaybePromise<void> {
    return this.#device.write(from, this.#offset + offset, { fua });
  }

  protected flushAll(): MaybePromise<void> {
    return this.#device.flush();
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.#device.unmap(this.#offset + offset, length);
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    return this.#device.writeZeroes(this.#offset + offset, length, { mayUnmap });
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    return mapMaybe(this.#device.extents(this.#offset + offset, length, { limit }), (extents) =>
      extents.map((extent) => ({ ...extent, offset: extent.offset - this.#offset })),
    );
  }

  protected release(): void {
    this.#unsubscribe();
  }
}
