import { BlockError, MemoryDevice, type BlockErrorCode, type MaybePromise } from '@lunbox/block';

/** Memory that fails on demand, and on demand only later. */
export class FailingDevice extends MemoryDevice {
  /** What the next operations fail with; undefined: they do not. */
  failure: BlockErrorCode | Error | undefined = undefined;
  /** Fail by a rejected promise instead of a throw. */
  later = false;
  /** Flushes so far. */
  flushes = 0;

  override read(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.#failing() ?? super.read(into, offset);
  }

  override write(
    from: readonly Uint8Array[],
    offset: number,
    options?: { fua?: boolean },
  ): MaybePromise<void> {
    return this.#failing() ?? super.write(from, offset, options);
  }

  override flush(): MaybePromise<void> {
    this.flushes++;
    return this.#failing() ?? super.flush();
  }

  override writeZeroes(offset: number, length: number, options?: { mayUnmap?: boolean }): MaybePromise<void> {
    return this.#failing() ?? super.writeZeroes(offset, length, options);
  }

  override unmap(offset: number, length: number): MaybePromise<void> {
    return this.#failing() ?? super.unmap(offset, length);
  }

  #failing(): Promise<void> | undefined {
    if (this.failure === undefined) return undefined;
    const { failure } = this;
    const error = failure instanceof Error ? failure : new BlockError(failure, `injected ${failure}`);
    if (this.later) return Promise.reject(error);
    throw error;
  }
}
