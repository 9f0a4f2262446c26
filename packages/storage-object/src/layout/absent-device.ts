import { BaseDevice, BlockError, type Extent } from '@lunbox/block';

/** Stands where a part is missing: it has the size of the part, and fails whatever it is asked to do. */
export class AbsentDevice extends BaseDevice {
  readonly size: number;
  readonly readOnly: boolean;
  readonly #reason: unknown;

  constructor(size: number, blockSize: number, readOnly: boolean, reason: unknown) {
    super(blockSize);
    this.size = size;
    this.readOnly = readOnly;
    this.#reason = reason;
  }

  protected readRange(): never {
    return this.#fail('read');
  }

  protected writeRange(): never {
    return this.#fail('write');
  }

  protected flushAll(): never {
    return this.#fail('flush');
  }

  protected unmapRange(): never {
    return this.#fail('unmap');
  }

  protected zeroRange(): never {
    return this.#fail('writeZeroes');
  }

  protected extentsOf(): Extent[] {
    return this.#fail('extents');
  }

  protected release(): void {
    return;
  }

  #fail(operation: string): never {
    throw new BlockError(
      'BLOCK_IO',
      `${operation}: a part of the disk is missing`,
      { operation },
      this.#reason,
    );
  }
}
