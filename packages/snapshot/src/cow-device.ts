import {
  BaseDevice,
  BlockError,
  isPromise,
  RangeLock,
  type BlockDevice,
  type Extent,
  type MaybePromise,
  type RangeGrant,
} from '@lunbox/block';
import { ChangeGate } from './change-gate.ts';
import { ImageArea } from './image-area.ts';
import type { LogArea } from './log-area.ts';
import { isSaved, type SaveArea } from './save-area.ts';
import { SaveQueue } from './save-queue.ts';

/** Requests that hold or wait for grains: more than the servers above let in. */
const LOCK_LIMIT = 65_536;
/** Grains that a long change saves at a time. */
const STEP_GRAINS = 256;
const FUA = { fua: true } as const;

/** Where the first write to a grain saves what it had: the areas since the newest snapshot, the last one growing. */
export interface SaveTarget {
  /** All areas of the newest snapshot, oldest first. */
  readonly areas: readonly SaveArea[];
  /** The last of them that is an image, where nothing is to be saved; else the last of them. */
  readonly to: LogArea | ImageArea;
}

/** Who knows how much may be saved. */
export interface Room {
  /** Throws `BLOCK_NO_SPACE` where so much more may not be saved. */
  claim(lengthBytes: number): void;
  /** Answers whether saving is worth another try. */
  makeRoom(): Promise<boolean>;
}

/**
 * A device whose old content is saved before it is overwritten, grain by grain, while there is somewhere to save it:
 * the *law* of snapshots is that what was there, and the record of it, are durable before the overwrite is issued.
 * Once a grain is saved, writes to it are those of the device below. The device owns the one below.
 */
export class CowDevice extends BaseDevice {
  readonly readOnly: boolean;
  readonly grainBytes: number;
  /** Held for a grain that is not saved yet: shared to read it for a snapshot, exclusive to save and change it. */
  readonly grainLock: RangeLock = new RangeLock({ limit: LOCK_LIMIT });
  /** Requests so far, but for those of readers of snapshots: while it grows, work in the background makes room. */
  requestCount = 0;
  readonly #inner: BlockDevice;
  readonly #unsubscribe: () => void;
  #target: SaveTarget | undefined;
  #queue: SaveQueue | undefined;
  /** Has everything already: what is changed is only noted. */
  #image: ImageArea | undefined;
  #room: Room | undefined;
  readonly #gate = new ChangeGate();
  #fault: BlockError | undefined;
  readonly #faultListeners = new Set<(fault: BlockError) => void>();

  constructor(inner: BlockDevice, grainBytes: number) {
    super(inner.blockSize);
    this.#inner = inner;
    this.grainBytes = grainBytes;
    this.readOnly = inner.readOnly;
    this.#unsubscribe = inner.onResize(() => {
      this.announceResize();
    });
  }

  get size(): number {
    return this.#inner.size;
  }

  /** From now on old content is saved there; undefined: nowhere. Only while changes are paused. */
  saveTo(target: SaveTarget | undefined): void {
    this.#target = target;
    this.#image = target?.to instanceof ImageArea ? target.to : undefined;
    this.#queue =
      target === undefined || target.to instanceof ImageArea
        ? undefined
        : new SaveQueue(this.#inner, target.to, (bytes) => this.#room?.claim(bytes));
  }

  /** Asks this for room from now on. */
  askForRoom(room: Room): void {
    this.#room = room;
  }

  /** Refuses every change from now on: nobody knows which snapshots a crash would leave. */
  fault(cause: unknown): void {
    if (this.#fault !== undefined) return;
    const message = 'what the snapshots have could not be made durable; the disk must be opened again';
    this.#fault = new BlockError('BLOCK_FAULTED', message, {}, cause);
    for (const listener of this.#faultListeners) listener(this.#fault);
  }

  /** Why every change is refused; undefined while none is. */
  get faulted(): BlockError | undefined {
    return this.#fault;
  }

  /** Calls `listener` once, when changes begin to be refused. Returns a function that ends the subscription. */
  onFault(listener: (fault: BlockError) => void): () => void {
    this.#faultListeners.add(listener);
    return () => this.#faultListeners.delete(listener);
  }

  /** Reads for a snapshot, which is no client. */
  readForSnapshot(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    this.requestCount--;
    return this.read(into, offset);
  }

  /**
   * Holds changes back, and completes when those that had begun have ended. Call the answer to let them go on.
   *
   * @param signal - ends the wait: changes go on, and its reason is thrown
   */
  async pause(signal?: AbortSignal): Promise<() => void> {
    return await this.#gate.close(signal);
  }

  protected readRange(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    this.requestCount++;
    return this.#inner.read(into, offset);
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    this.requestCount++;
    if (this.#image !== undefined) return this.#writeShared(this.#image, from, offset, length, fua);
    if (this.#isFree(offset, length)) {
      const written = this.#inner.write(from, offset, fua ? FUA : undefined);
      return isPromise(written) ? this.#gate.counted(written) : undefined;
    }
    return this.#afterSaving(offset, length, () => this.#inner.write(from, offset, fua ? FUA : undefined));
  }

  protected flushAll(): MaybePromise<void> {
    if (!this.readOnly) return this.#inner.flush();
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    if (this.#isFree(offset, length))
      return this.#gate.counted(Promise.resolve(this.#inner.unmap(offset, length)));
    return this.#inSteps(offset, length, (at, bytes) => this.#inner.unmap(at, bytes));
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    const options = { mayUnmap };
    if (this.#isFree(offset, length))
      return this.#gate.counted(Promise.resolve(this.#inner.writeZeroes(offset, length, options)));
    return this.#inSteps(offset, length, (at, bytes) => this.#inner.writeZeroes(at, bytes, options));
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    return this.#inner.extents(offset, length, { limit });
  }

  protected release(): MaybePromise<void> {
    this.#unsubscribe();
    return this.#inner.close();
  }

  /** Nothing is to be saved, or waited for. */
  #isFree(offset: number, length: number): boolean {
    if (this.#gate.isClosed || this.#image !== undefined) return false;
    if (this.#target === undefined) {
      this.#checkSound();
      return true;
    }
    const first = Math.floor(offset / this.grainBytes);
    const end = Math.ceil((offset + length) / this.grainBytes);
    if (end - first > STEP_GRAINS) return false;
    for (let grain = first; grain < end; grain++) if (!isSaved(grain, this.#target.areas)) return false;
    this.#checkSound();
    return true;
  }

  /** Not one more change where the saved content of others may be lost. */
  #checkSound(): void {
    if (this.#fault !== undefined) throw this.#fault;
    this.#target?.to.checkSound();
  }

  /** Saves what grains have. When a sync fails, nobody knows what of it is durable. */
  async #save(grains: readonly number[]): Promise<void> {
    try {
      await this.#queue?.save(grains);
    } catch (error) {
      try {
        this.#target?.to.checkSound();
      } catch (fault) {
        this.fault(fault);
      }
      throw error;
    }
  }

  async #afterSaving(offset: number, length: number, change: () => MaybePromise<void>): Promise<void> {
    for (;;) {
      const full = await this.#gate.enter(() => this.#saveAndChange(offset, length, change));
      if (full === undefined) return;
      if (!(await this.#room?.makeRoom())) throw full;
    }
  }

  /** Answers why there was no room to save what it would have changed; then it has changed nothing. */
  async #saveAndChange(
    offset: number,
    length: number,
    change: () => MaybePromise<void>,
  ): Promise<BlockError | undefined> {
    const { grainBytes } = this;
    const first = Math.floor(offset / grainBytes);
    const end = Math.ceil((offset + length) / grainBytes);
    if (this.#image !== undefined) return await this.#noteAndChange(this.#image, first, end, change);
    const lockBytes = (end - first) * grainBytes;
    const grant: RangeGrant = await this.grainLock.acquire(first * grainBytes, lockBytes, 'exclusive');
    try {
      const areas = this.#target?.areas ?? [];
      this.#checkSound();
      const wanted: number[] = [];
      if (this.#target !== undefined)
        for (let grain = first; grain < end; grain++) if (!isSaved(grain, areas)) wanted.push(grain);
      const full = wanted.length === 0 ? undefined : await orFull(() => this.#save(wanted));
      if (full === undefined) await change();
      return full;
    } finally {
      grant.release();
    }
  }

  /**
   * Changes what an image has, once it is noted. What is overwritten needs room of its own, which the file system may
   * not have: then a part may be changed, and the same change is tried again.
   */
  async #noteAndChange(
    image: ImageArea,
    first: number,
    end: number,
    change: () => MaybePromise<void>,
  ): Promise<BlockError | undefined> {
    this.#checkSound();
    return await orFull(async () => {
      const fresh: number[] = [];
      for (let grain = first; grain < end; grain++) if (!image.isNoted(grain)) fresh.push(grain);
      if (fresh.length > 0) this.#room?.claim(fresh.length * this.grainBytes);
      for (const grain of fresh) image.change(grain);
      await change();
    });
  }

  /** Writes where all of the disk is in an image, at once if nothing is to be noted. */
  #writeShared(
    image: ImageArea,
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    const change = (): MaybePromise<void> => this.#inner.write(from, offset, fua ? FUA : undefined);
    const end = Math.ceil((offset + length) / this.grainBytes);
    let grain = Math.floor(offset / this.grainBytes);
    while (grain < end && image.isNoted(grain)) grain++;
    if (grain < end || this.#gate.isClosed) return this.#afterSaving(offset, length, change);
    this.#checkSound();
    const again = async (error: unknown): Promise<void> => {
      if (!isFull(error) || !(await this.#room?.makeRoom())) throw error as Error;
      await this.#afterSaving(offset, length, change);
    };
    try {
      const written = change();
      return isPromise(written) ? this.#gate.counted(written).catch(again) : undefined;
    } catch (error) {
      return again(error);
    }
  }

  /**
   * A change that may be as long as the device. What is a hole stays one: it needs neither saving nor changing, and
   * is passed over.
   */
  async #inSteps(
    offset: number,
    length: number,
    change: (offset: number, length: number) => MaybePromise<void>,
  ): Promise<void> {
    const end = offset + length;
    const stepBytes = STEP_GRAINS * this.grainBytes;
    for (let at = offset; at < end;) {
      const [extent] = await this.#inner.extents(at, end - at, { limit: 1 });
      const runEnd = at + (extent?.length ?? end - at);
      const from = at;
      const bytes = Math.min(runEnd, from - (from % stepBytes) + stepBytes) - from;
      if (extent?.state === 'hole') {
        at = runEnd;
        continue;
      }
      await this.#afterSaving(from, bytes, () => change(from, bytes));
      at += bytes;
    }
  }
}

function isFull(error: unknown): error is BlockError {
  return error instanceof BlockError && error.code === 'BLOCK_NO_SPACE';
}

/** Answers why there was no room to do something. */
async function orFull(work: () => Promise<void>): Promise<BlockError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (isFull(error)) return error;
    throw error;
  }
}
