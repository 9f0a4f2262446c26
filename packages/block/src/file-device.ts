import { isPromise, type Extent, type MaybePromise } from './block-device.ts';
import { BaseDevice } from './base-device.ts';
import { ZERO_BUFFER_LENGTH, zeroBuffer } from './buffers.ts';
import type { Disk, DiskFile } from './disk.ts';
import { BlockError, mediumError } from './errors.ts';
import { ExtentCollector } from './extents.ts';
import { yieldTurn } from './maybe-promise.ts';
import { SyncGroup } from './sync-group.ts';

/** Zeroes written between two turns where the platform cannot make them by itself. */
const ZEROES_PER_TURN = 4 * ZERO_BUFFER_LENGTH;
/** Extents looked up between two turns; each costs two system calls of about a microsecond. */
const SEEKS_PER_TURN = 128;

/** Which part of a file a {@link FileDevice} is. */
export interface FileDeviceOptions {
  /** First byte of the data within the file, a multiple of the block size. Default 0. */
  readonly dataOffset?: number;
  /** Capacity in bytes. */
  readonly size: number;
  /** Logical block length in bytes. Default 512. */
  readonly blockSize?: number;
  /** Refuse every change. Default false. */
  readonly readOnly?: boolean;
  /** Close the file with the device. Default false: whoever opened the file closes it. */
  readonly closeFile?: boolean;
}

/** Options of {@link openFileDevice}. */
export interface OpenFileDeviceOptions extends Omit<FileDeviceOptions, 'size' | 'closeFile'> {
  /** Where the file is. */
  readonly disk: Disk;
  /** Its name. */
  readonly path: string;
  /** Capacity in bytes. Default: what lies behind the data offset, in whole blocks. */
  readonly size?: number;
}

/**
 * A run of bytes of a file as a block device. The file must already reach to the end of it; never-written parts
 * are holes.
 */
export class FileDevice extends BaseDevice {
  readonly readOnly: boolean;
  readonly #file: DiskFile;
  readonly #dataOffset: number;
  readonly #closeFile: boolean;
  readonly #syncs: SyncGroup;
  #size: number;

  /** @throws BlockError `BLOCK_INVALID` when offset or size are not in whole blocks. */
  constructor(file: DiskFile, options: FileDeviceOptions) {
    super(options.blockSize ?? 512);
    this.#file = file;
    this.readOnly = options.readOnly ?? false;
    this.#closeFile = options.closeFile ?? false;
    this.#dataOffset = this.#wholeBlocks('data offset', options.dataOffset ?? 0);
    this.#size = this.#wholeBlocks('size', options.size);
    this.#syncs = new SyncGroup(() => file.sync());
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Raises the capacity: the file grows first, durably, then the listeners hear of it.
   *
   * @throws BlockError `BLOCK_INVALID` when `size` is not in whole blocks or below the present one,
   *   `BLOCK_READ_ONLY`, `BLOCK_CLOSED`, and as `flush`.
   */
  async grow(size: number): Promise<void> {
    this.#checkGrowth(size);
    await this.change('grow', () => {
      this.#syncs.checkSound();
      return this.#finishChange(this.#growFile(size), 'grow', this.#size, size - this.#size, true);
    });
    this.adoptSize(size);
  }

  /**
   * Raises the capacity over what the file has gained already, durably: nothing is left that could fail. The listeners
   * hear of it.
   *
   * @throws BlockError `BLOCK_INVALID` as `grow`.
   */
  adoptSize(size: number): void {
    this.#checkGrowth(size);
    this.#size = size;
    this.announceResize();
  }

  /** Why every change is refused since a sync has failed: a `BLOCK_FAULTED`. Undefined while none has. */
  get faulted(): BlockError | undefined {
    return this.#syncs.faulted;
  }

  /** Calls `listener` once, when a sync fails. Returns a function that ends the subscription. */
  onFault(listener: (fault: BlockError) => void): () => void {
    return this.#syncs.onFault(listener);
  }

  /**
   * Faults the device as a failed flush does. For whoever syncs other parts of the same file: the kernel tells a
   * lost write to only one of those who ask.
   */
  fault(cause: unknown): void {
    this.#syncs.fault(cause);
  }

  /** @throws BlockError `BLOCK_FAULTED` after a failed sync. */
  checkSound(): void {
    this.#syncs.checkSound();
  }

  protected readRange(into: readonly Uint8Array[], offset: number, length: number): MaybePromise<void> {
    try {
      const count = this.#file.read(into, this.#dataOffset + offset);
      if (count === length) return;
      return this.#finishRead(count, offset, length);
    } catch (error) {
      throw mediumError('read', error, { offset, length });
    }
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    this.#syncs.checkSound();
    let result: MaybePromise<void>;
    try {
      result = this.#file.write(from, this.#dataOffset + offset);
    } catch (error) {
      throw mediumError('write', error, { offset, length });
    }
    if (isPromise(result)) return this.#finishChange(result, 'write', offset, length, fua);
    this.#syncs.changed();
    if (fua) return this.#syncs.request();
  }

  protected flushAll(): MaybePromise<void> {
    if (!this.readOnly) return this.#syncs.request();
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    this.#syncs.checkSound();
    return this.#finishChange(this.#punch(offset, length), 'unmap', offset, length, false);
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    this.#syncs.checkSound();
    const zeroed = mayUnmap ? this.#punch(offset, length) : this.#zero(offset, length);
    return this.#finishChange(zeroed, 'writeZeroes', offset, length, false);
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    const collector = new ExtentCollector(offset, length, limit);
    this.#lookUp(collector);
    if (collector.done) return collector.finish();
    return this.#lookUpRest(collector);
  }

  protected release(): MaybePromise<void> {
    if (this.#closeFile) return this.#file.close();
  }

  async #finishRead(count: MaybePromise<number>, offset: number, length: number): Promise<void> {
    let done: number;
    try {
      done = await count;
    } catch (error) {
      throw mediumError('read', error, { offset, length });
    }
    if (done === length) return;
    const data = { operation: 'read', offset: offset + done, length: length - done, size: this.#size };
    throw new BlockError('BLOCK_IO', `read: the file ends at byte ${data.offset} of the device`, data);
  }

  async #finishChange(
    change: Promise<void>,
    operation: string,
    offset: number,
    length: number,
    fua: boolean,
  ): Promise<void> {
    try {
      await change;
    } catch (error) {
      throw mediumError(operation, error, { offset, length });
    }
    // A sync that failed meanwhile may have lost this very write.
    this.#syncs.checkSound();
    this.#syncs.changed();
    if (fua) await this.#syncs.request();
  }

  async #growFile(size: number): Promise<void> {
    const end = this.#dataOffset + size;
    const { sizeBytes } = await this.#file.status();
    if (sizeBytes < end) await this.#file.truncate(end);
  }

  async #punch(offset: number, length: number): Promise<void> {
    const done = await this.#file.punchHole(this.#dataOffset + offset, length);
    if (!done) await this.#writeZeroes(offset, length);
  }

  async #zero(offset: number, length: number): Promise<void> {
    const done = await this.#file.zeroRange(this.#dataOffset + offset, length);
    if (!done) await this.#writeZeroes(offset, length);
  }

  async #writeZeroes(offset: number, length: number): Promise<void> {
    for (let done = 0; done < length; done += ZERO_BUFFER_LENGTH) {
      const piece = Math.min(ZERO_BUFFER_LENGTH, length - done);
      const from = [zeroBuffer.subarray(0, piece)];
      await this.#file.write(from, this.#dataOffset + offset + done);
      // Writes that complete at once would otherwise keep the loop for the whole range.
      if ((done + piece) % ZEROES_PER_TURN === 0) await yieldTurn();
    }
  }

  async #lookUpRest(collector: ExtentCollector): Promise<Extent[]> {
    while (!collector.done) {
      await yieldTurn();
      this.#lookUp(collector);
    }
    return collector.finish();
  }

  /** File systems tell holes in their own blocks; a device block that is partly stored counts as mapped. */
  #lookUp(collector: ExtentCollector): void {
    const { blockSize } = this;
    for (let seeks = 0; seeks < SEEKS_PER_TURN && !collector.done; seeks++) {
      const from = this.#dataOffset + collector.offset;
      const data = this.#file.seekData(from);
      const hole = data === undefined || data === Infinity ? data : this.#file.seekHole(data);
      if (data === undefined || hole === undefined) {
        collector.addUntil(this.#size, 'mapped');
        return;
      }
      collector.addUntil(Math.floor((data - this.#dataOffset) / blockSize) * blockSize, 'hole');
      collector.addUntil(Math.ceil((hole - this.#dataOffset) / blockSize) * blockSize, 'mapped');
    }
  }

  #checkGrowth(size: number): void {
    this.#wholeBlocks('size', size);
    if (size < this.#size) throw new BlockError('BLOCK_INVALID', `${size} is less than ${this.#size} bytes`);
  }

  #wholeBlocks(what: string, value: number): number {
    const { blockSize } = this;
    if (Number.isSafeInteger(value) && value >= 0 && value % blockSize === 0) return value;
    const message = `a ${what} of ${value} bytes is not in whole blocks of ${blockSize}`;
    throw new BlockError('BLOCK_INVALID', message, { blockSize });
  }
}

/**
 * Opens a file as a block device that closes it in the end.
 *
 * @throws BlockError `BLOCK_INVALID` when the file is shorter than the device would be; otherwise the errors of
 *   the file system (`ENOENT`, `EACCES`, …) as they are.
 */
export async function openFileDevice(options: OpenFileDeviceOptions): Promise<FileDevice> {
  const { disk, path, blockSize = 512, dataOffset = 0 } = options;
  const file = await disk.open(path, options.readOnly === true ? 'read' : 'write');
  try {
    const { sizeBytes } = await file.status();
    const room = Math.max(0, Math.floor((sizeBytes - dataOffset) / blockSize) * blockSize);
    const size = options.size ?? room;
    if (size > room) {
      throw new BlockError('BLOCK_INVALID', `${path} has ${sizeBytes} bytes, too few for the device`, {
        size,
      });
    }
    const readOnly = options.readOnly ?? false;
    return new FileDevice(file, { dataOffset, size, blockSize, readOnly, closeFile: true });
  } catch (error) {
    await file.close();
    throw error;
  }
}
