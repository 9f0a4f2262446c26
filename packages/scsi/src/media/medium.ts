import {
  isPromise,
  mapMaybe,
  RangeLock,
  totalLength,
  type BlockDevice,
  type Extent,
  type ExtentsOptions,
  type MaybePromise,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@lunbox/block';
import { afterwards, whileHeld } from './while-held.ts';

/** What moving blocks takes: the medium offers it, and within an uninterrupted action the device itself. */
export type BlockAccess = Pick<BlockDevice, 'blockSize' | 'read' | 'write'>;

/** Is told of bytes that change, just before they do. */
export type ChangeListener = (offset: number, lengthBytes: number) => void;

/**
 * The device of a logical unit, as its commands reach it: reading, comparing and writing can be done as one
 * uninterrupted action, which no other access of the unit to the same bytes overlaps (SBC-4 4.25, T-V1).
 *
 * An access that completes at once cannot be overlapped and costs a test; one that takes longer is entered in
 * the lock when it turns out so. The lock has no limit of its own, as the command window of the transport is
 * one.
 */
export class Medium implements BlockAccess {
  readonly device: BlockDevice;
  readonly #lock = new RangeLock({ limit: Number.MAX_SAFE_INTEGER });
  /** Uninterrupted actions that go on or wait, a seal included. */
  #actions = 0;
  /** Who is told of changes: nobody, most of the time. */
  #watchers: readonly ChangeListener[] = [];
  /** What accesses are refused with while the medium is sealed. */
  #sealedBy: (() => Error) | undefined = undefined;
  /** What accesses are refused with once the medium has gone. */
  #goneBy: (() => Error) | undefined = undefined;

  constructor(device: BlockDevice) {
    this.device = device;
  }

  get blockSize(): number {
    return this.device.blockSize;
  }

  read(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    if (this.#actions > 0)
      return this.inTurn(offset, totalLength(into), () => this.device.read(into, offset));
    const result = this.device.read(into, offset);
    return isPromise(result) ? this.#enter(offset, totalLength(into), result) : result;
  }

  write(from: readonly Uint8Array[], offset: number, options?: WriteOptions): MaybePromise<void> {
    if (this.#actions > 0) {
      return this.#change(offset, totalLength(from), () => this.device.write(from, offset, options));
    }
    if (this.#watchers.length > 0) this.changed(offset, totalLength(from));
    const result = this.device.write(from, offset, options);
    return isPromise(result) ? this.#enter(offset, totalLength(from), result) : result;
  }

  unmap(offset: number, length: number): MaybePromise<void> {
    return this.#change(offset, length, () => this.device.unmap(offset, length));
  }

  writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): MaybePromise<void> {
    return this.#change(offset, length, () => this.device.writeZeroes(offset, length, options));
  }

  flush(): MaybePromise<void> {
    this.refuseGone();
    return this.device.flush();
  }

  extents(offset: number, length: number, options?: ExtentsOptions): MaybePromise<Extent[]> {
    if (this.#actions > 0) {
      return this.inTurn(offset, length, () => this.device.extents(offset, length, options));
    }
    const result = this.device.extents(offset, length, options);
    return isPromise(result) ? this.#enter(offset, length, result) : result;
  }

  /** Tells `listener` of every change of the medium that the unit makes. Returns a function that ends that. */
  watch(listener: ChangeListener): () => void {
    this.#watchers = [...this.#watchers, listener];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== listener);
    };
  }

  /** These bytes change: what was known of them is over. */
  changed(offset: number, lengthBytes: number): void {
    for (const tell of this.#watchers) tell(offset, lengthBytes);
  }

  /** Does `work` on the device itself, while nothing else of the unit accesses these bytes. It may change them. */
  uninterrupted<T>(
    offset: number,
    length: number,
    work: (device: BlockDevice) => MaybePromise<T>,
  ): MaybePromise<T> {
    return this.quiesced(offset, length, () => {
      this.changed(offset, length);
      return work(this.device);
    });
  }

  /** Does `work`, which changes nothing, at a moment when no access of the unit to these bytes goes on. */
  quiesced<T>(offset: number, length: number, work: () => MaybePromise<T>): MaybePromise<T> {
    if (this.#sealedBy !== undefined) throw this.#sealedBy();
    this.#actions++;
    const grant = this.#lock.acquire(offset, length, 'exclusive');
    return afterwards(
      () => whileHeld(grant, work),
      () => {
        this.#actions--;
      },
    );
  }

  /**
   * Does `work` on the device itself while the whole medium is closed to everybody else: accesses that came before are
   * waited for, later ones fail with what `refusal` makes.
   */
  sealed<T>(refusal: () => Error, work: (device: BlockDevice) => MaybePromise<T>): MaybePromise<T> {
    const whole = this.uninterrupted(0, Number.MAX_SAFE_INTEGER, work);
    this.#sealedBy = refusal;
    return afterwards(
      () => whole,
      () => {
        this.#sealedBy = this.#goneBy;
      },
    );
  }

  /**
   * Takes the medium away for good: accesses that came before are waited for, later ones fail with what `refusal`
   * makes. With `flush` everything is durable then; when that fails, the medium is as it was.
   */
  withdraw(refusal: () => Error, flush: boolean): MaybePromise<void> {
    return this.sealed(refusal, (device) =>
      mapMaybe(flush ? device.flush() : undefined, () => {
        this.#goneBy = refusal;
        // Accesses look at the seal only while there are actions.
        this.#actions++;
      }),
    );
  }

  /** Throws what accesses to a medium that has gone are refused with. */
  refuseGone(): void {
    if (this.#goneBy !== undefined) throw this.#goneBy();
  }

  /** Does `access` when no uninterrupted action concerns these bytes, and keeps those off until it is over. */
  inTurn<T>(offset: number, length: number, access: () => MaybePromise<T>): MaybePromise<T> {
    if (this.#sealedBy !== undefined) throw this.#sealedBy();
    return whileHeld(this.#lock.acquire(offset, length, 'shared'), access);
  }

  /** There is no action at the moment, so that the lock is granted at once. */
  #enter<T>(offset: number, length: number, access: Promise<T>): MaybePromise<T> {
    return whileHeld(this.#lock.acquire(offset, length, 'shared'), () => access);
  }

  #change(offset: number, length: number, access: () => MaybePromise<void>): MaybePromise<void> {
    return this.inTurn(offset, length, () => {
      this.changed(offset, length);
      return access();
    });
  }
}
