import { BlockError, errnoName, SliceDevice, type BlockDevice, type MaybePromise } from '@lunbox/block';
import { ContainerError } from '../container-error.ts';

/**
 * The disk that a combination makes: as much of its root as the capacity says. It takes no change any more once a part
 * that nothing stands in for has failed to sync, whichever part a change would go to.
 */
export class CombinedDisk extends SliceDevice {
  #fault: BlockError | undefined;
  readonly #faultListeners = new Set<(fault: BlockError) => void>();

  constructor(root: BlockDevice, capacityBytes: number) {
    super(root, { offset: 0, length: capacityBytes });
  }

  /** Why every change is refused: a `BLOCK_FAULTED`; undefined while none is. */
  get faulted(): BlockError | undefined {
    return this.#fault;
  }

  /** Calls `listener` once, when the disk is faulted. Returns a function that ends the subscription. */
  onFault(listener: (fault: BlockError) => void): () => void {
    this.#faultListeners.add(listener);
    return () => {
      this.#faultListeners.delete(listener);
    };
  }

  /** Refuses every change from now on, because of a part, or of the header that tells of the parts. */
  fault(cause: unknown, what = 'the header of the disk'): void {
    if (this.#fault !== undefined) return;
    const errno = errnoOf(cause);
    const why = errno === undefined ? '' : ` (${errno})`;
    const message = `${what} could not be made durable${why}, so what is on the medium is unknown; open the disk again`;
    this.#fault = new BlockError('BLOCK_FAULTED', message, errno === undefined ? {} : { errno }, cause);
    for (const listener of [...this.#faultListeners]) listener(this.#fault);
  }

  /** @throws BlockError `BLOCK_FAULTED` once the disk is faulted. */
  checkSound(): void {
    if (this.#fault === undefined) return;
    const { message, data, cause } = this.#fault;
    throw new BlockError('BLOCK_FAULTED', message, data, cause);
  }

  protected override writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    this.checkSound();
    return super.writeRange(from, offset, length, fua);
  }

  protected override flushAll(): MaybePromise<void> {
    this.checkSound();
    return super.flushAll();
  }

  protected override unmapRange(offset: number, length: number): MaybePromise<void> {
    this.checkSound();
    return super.unmapRange(offset, length);
  }

  protected override zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    this.checkSound();
    return super.zeroRange(offset, length, mayUnmap);
  }
}

/** What the system has called a failure that was told of in our words. */
function errnoOf(error: unknown): string | undefined {
  if (error instanceof ContainerError) return errnoName(error.data.cause);
  return error instanceof BlockError ? error.data.errno : errnoName(error);
}
