import { isPromise, type BlockDevice, type Extent, type MaybePromise } from './block-device.ts';
import { BaseDevice } from './base-device.ts';
import { BlockError } from './errors.ts';
import { asLegs, commonBlockSize } from './legs.ts';
import { allSettled, mapMaybe, yieldTurn } from './maybe-promise.ts';
import { alignRange, RESYNC_STEP_BYTES, ResyncBuffers } from './mirror-resync.ts';
import { RangeLock } from './range-lock.ts';

/**
 * What a leg of a mirror holds.
 *
 * - `in-sync`: everything that was acknowledged.
 * - `unsynced`: everything that was flushed; what was in flight at an unclean stop may be another way. It gets every
 *   change, and is read when no leg that is in sync can be.
 * - `stale`: not everything. It is not used until it has been written anew.
 */
export type MirrorLegState = 'in-sync' | 'unsynced' | 'stale';

/** Options of {@link mirror}. */
export interface MirrorOptions {
  /** What each leg holds; at least one is `in-sync`. Default: all are. */
  readonly legStates?: readonly MirrorLegState[];
  /**
   * A change failed on one leg and was done on another: the leg is stale from now on. Note
   * {@link MirrorDevice.legStates} durably where the mirror is put together, so that it does not come back as a good
   * one after a restart: no change is acknowledged before the promise resolves, and all are refused when it rejects.
   */
  readonly onLegFailed?: (index: number, error: unknown) => MaybePromise<void>;
  /** A leg is in sync again, durably: note {@link MirrorDevice.legStates}. When that fails, the leg is stale again. */
  readonly onLegSynced?: (index: number) => MaybePromise<void>;
}

/** Options of {@link MirrorDevice.resync}. */
export interface ResyncOptions {
  /** Waits between two steps of 1 MiB, so that others get their turn. Default: one turn of the event loop. */
  readonly pace?: () => Promise<void>;
  /** Hears how many bytes have been gone through; holes count. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Several devices with the same content as one (RAID 1). It owns them: closing it closes them.
 *
 * @throws BlockError `BLOCK_INVALID` for an empty list, or when no leg is in sync.
 */
export function mirror(devices: readonly BlockDevice[], options: MirrorOptions = {}): MirrorDevice {
  return new MirrorDevice(asLegs(devices), options);
}

/**
 * A mirror. Every change goes to all legs, overlapping ones in the same order on each. A read is answered by the
 * first leg in use, and by the next one when that fails. A leg that missed a change is not used any more until
 * {@link MirrorDevice.resync} has written it anew; a change that fails on every leg fails, and the legs stay.
 */
export class MirrorDevice extends BaseDevice {
  readonly readOnly: boolean;
  readonly #legs: BlockDevice[];
  readonly #states: MirrorLegState[];
  /** Legs that are being written anew, each with the run that does it. */
  readonly #resyncs = new Map<number, symbol>();
  /** Legs in the order in which a read tries them, and those that every change goes to. */
  #readable: readonly number[] = [];
  #written: readonly number[] = [];
  readonly #onLegFailed: (index: number, error: unknown) => MaybePromise<void>;
  readonly #onLegSynced: (index: number) => MaybePromise<void>;
  readonly #lock = new RangeLock();
  readonly #unsubscribe: (() => void)[];
  #knownSize: number;
  /** The notes about failed legs, one after the other. */
  #noted: MaybePromise<void> = undefined;

  /** Use {@link mirror}. */
  constructor(legs: readonly [BlockDevice, ...BlockDevice[]], options: MirrorOptions) {
    super(commonBlockSize(legs));
    this.readOnly = legs.some((leg) => leg.readOnly);
    this.#legs = [...legs];
    this.#states = legs.map((_, index) => options.legStates?.[index] ?? 'in-sync');
    if (!this.#states.includes('in-sync'))
      throw new BlockError('BLOCK_INVALID', 'no leg of a mirror is in sync');
    this.#onLegFailed = options.onLegFailed ?? (() => undefined);
    this.#onLegSynced = options.onLegSynced ?? (() => undefined);
    this.#knownSize = this.size;
    this.#unsubscribe = legs.map((leg) => this.#subscribe(leg));
    this.#choose();
  }

  /** That of the smallest leg, in whole blocks. */
  get size(): number {
    const smallest = Math.min(...this.#legs.map((leg) => leg.size));
    return Math.floor(smallest / this.blockSize) * this.blockSize;
  }

  /** What each leg holds. */
  get legStates(): readonly MirrorLegState[] {
    return [...this.#states];
  }

  /** Indexes of the legs that are not used any more. */
  get failedLegs(): readonly number[] {
    return [...this.#states.keys()].filter((index) => !this.#written.includes(index));
  }

  /**
   * Makes a leg equal to those that are in sync, while the mirror is used: from now on it gets every change, and what
   * it lacks is copied in steps; holes stay holes. Then it is flushed, noted and in use. Does nothing to a leg that is
   * in sync.
   *
   * @throws BlockError `BLOCK_BUSY` while it is being done already, `BLOCK_CLOSED`, and what reading or writing throws;
   *   the leg is then as it was, or stale.
   */
  async resync(index: number, options: ResyncOptions = {}): Promise<void> {
    await this.change('resync', () => this.#resync(index, options));
  }

  /**
   * Puts another device in the place of a stale leg, such as the same file opened anew, and answers the one that was
   * there, which the caller closes. It is stale until it has been resynced.
   *
   * @throws BlockError `BLOCK_BUSY` for a leg that is in use, `BLOCK_INVALID` for a device that does not fit.
   */
  replaceLeg(index: number, device: BlockDevice): BlockDevice {
    const before = this.#leg(index);
    if (this.#written.includes(index)) throw new BlockError('BLOCK_BUSY', `leg ${index} is in use`);
    if (
      device.size < this.size ||
      this.blockSize % device.blockSize !== 0 ||
      device.readOnly !== this.readOnly
    )
      throw new BlockError('BLOCK_INVALID', `the device does not fit in the place of leg ${index}`);
    this.#unsubscribe[index]?.();
    this.#legs[index] = device;
    this.#unsubscribe[index] = this.#subscribe(device);
    return before;
  }

  protected readRange(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.#firstThatCan(this.#readable, (leg) => leg.read(into, offset));
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
    return this.#firstThatCan(this.#readable, (leg) => leg.extents(offset, length, { limit }));
  }

  protected release(): MaybePromise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    return allSettled(this.#legs.map((leg, index) => () => this.#closeLeg(leg, index)));
  }

  /** What becomes of a leg that is not used any more is nobody's loss. */
  #closeLeg(leg: BlockDevice, index: number): MaybePromise<void> {
    if (this.#states[index] !== 'stale') return leg.close();
    return (async () => leg.close())().catch(() => undefined);
  }

  #subscribe(leg: BlockDevice): () => void {
    return leg.onResize(() => {
      if (this.size === this.#knownSize) return;
      this.#knownSize = this.size;
      this.announceResize();
    });
  }

  #choose(): void {
    const all = [...this.#states.keys()];
    const having = (state: MirrorLegState): number[] => all.filter((index) => this.#states[index] === state);
    this.#readable = [...having('in-sync'), ...having('unsynced')];
    this.#written = all.filter((index) => this.#states[index] !== 'stale' || this.#resyncs.has(index));
  }

  #leg(index: number): BlockDevice {
    const leg = this.#legs[index];
    if (leg === undefined) throw new BlockError('BLOCK_INVALID', `there is no leg ${index}`);
    return leg;
  }

  #firstThatCan<T>(
    legs: readonly number[],
    operation: (leg: BlockDevice) => MaybePromise<T>,
  ): MaybePromise<T> {
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
    return attempt(legs);
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
    const legs = this.#written;
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
    return mapMaybe(allSettled(legs.map((index) => () => attempt(index))), () => this.#judge(legs, failures));
  }

  #judge(legs: readonly number[], failures: ReadonlyMap<number, unknown>): MaybePromise<void> {
    if (failures.size === 0) return this.#noted;
    // Another change may meanwhile have put a leg out of use on which this one was done.
    const done = legs.filter((index) => this.#states[index] !== 'stale' && !failures.has(index));
    if (done.length === 0) {
      // Nobody knows what it left behind on the legs that were being written anew: they begin again.
      this.#resyncs.clear();
      this.#choose();
      throw failures.values().next().value;
    }
    for (const [index, error] of failures) this.#drop(index, error);
    return this.#noted;
  }

  /** A leg is stale from now on, which is noted before anything else is acknowledged. */
  #drop(index: number, error: unknown): void {
    this.#resyncs.delete(index);
    if (this.#states[index] !== 'stale') {
      this.#states[index] = 'stale';
      this.#promote();
      this.#noted = mapMaybe(this.#noted, () => this.#note(index, error));
    }
    this.#choose();
  }

  /** Without a leg in sync, the first of those that have everything that was flushed says what is right. */
  #promote(): void {
    const next = this.#states.indexOf('unsynced');
    if (this.#states.includes('in-sync') || next < 0) return;
    this.#states[next] = 'in-sync';
    this.#resyncs.clear();
  }

  async #note(index: number, error: unknown): Promise<void> {
    await this.#onLegFailed(index, error);
  }

  async #resync(index: number, options: ResyncOptions): Promise<void> {
    if (this.#states[index] === 'in-sync') return;
    if (this.#resyncs.has(index)) throw new BlockError('BLOCK_BUSY', `leg ${index} is being resynced`);
    const leg = this.#leg(index);
    const run = Symbol('resync');
    this.#resyncs.set(index, run);
    this.#choose();
    try {
      // From here on every change goes to the leg, too; those that were under way before must have ended.
      (await this.#lock.acquire(0, this.size, 'exclusive')).release();
      const check = (): void => this.#checkResync(index, run);
      await this.#copyTo(leg, options, check, (change) => this.#onResynced(index, change));
      await this.#onResynced(index, async () => leg.flush());
      this.#checkResync(index, run);
      await this.#useAgain(index);
    } finally {
      if (this.#resyncs.get(index) === run) this.#resyncs.delete(index);
      this.#choose();
    }
  }

  async #useAgain(index: number): Promise<void> {
    const before = this.#states[index] as MirrorLegState;
    this.#states[index] = 'in-sync';
    this.#resyncs.delete(index);
    this.#choose();
    try {
      await this.#onLegSynced(index);
    } catch (error) {
      const others = this.#states.some((state, other) => state === 'in-sync' && other !== index);
      if (others && this.#states[index] === 'in-sync') this.#states[index] = before;
      throw error;
    }
  }

  #checkResync(index: number, run: symbol): void {
    if (this.closed) throw new BlockError('BLOCK_CLOSED', 'resync: the device is closed');
    if (this.#resyncs.get(index) === run) return;
    throw new BlockError('BLOCK_IO', `resync: leg ${index} failed, or what it was made equal to`);
  }

  /** A leg that cannot be written has neither what it had nor what it should have. */
  async #onResynced(index: number, change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      this.#drop(index, error);
      await this.#noted;
      throw error;
    }
  }

  async #copyTo(
    leg: BlockDevice,
    options: ResyncOptions,
    check: () => void,
    guarded: (change: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const { pace = yieldTurn, onProgress = () => undefined } = options;
    const buffers = new ResyncBuffers();
    for (let offset = 0; offset < this.size;) {
      const holeBytes = await this.#commonHole(leg, offset);
      check();
      const length = alignRange(offset, this.size, RESYNC_STEP_BYTES);
      if (holeBytes === 0) {
        const grant = await this.#lock.acquire(offset, length, 'exclusive');
        try {
          check();
          const wanted = buffers.wanted(length);
          await this.#readSource([wanted], offset);
          await guarded(() => buffers.copyTo(leg, offset, wanted));
        } finally {
          grant.release();
        }
      }
      offset += holeBytes === 0 ? length : holeBytes;
      onProgress(offset, this.size);
      await pace();
      check();
    }
  }

  async #readSource(into: readonly Uint8Array[], offset: number): Promise<void> {
    await this.#firstThatCan(this.#inSync(), (leg) => leg.read(into, offset));
  }

  #inSync(): readonly number[] {
    return this.#readable.filter((index) => this.#states[index] === 'in-sync');
  }

  /** Bytes from `offset` on that are a hole of the source and of the leg: nothing is to be done for them. */
  async #commonHole(leg: BlockDevice, offset: number): Promise<number> {
    const length = this.size - offset;
    const source = await this.#firstThatCan(this.#inSync(), (each) =>
      each.extents(offset, length, { limit: 1 }),
    );
    if (source[0]?.state !== 'hole') return 0;
    const own = await leg.extents(offset, source[0].length, { limit: 1 });
    const common = own[0]?.state === 'hole' ? Math.min(source[0].length, own[0].length) : 0;
    return Math.floor(common / this.blockSize) * this.blockSize;
  }
}
