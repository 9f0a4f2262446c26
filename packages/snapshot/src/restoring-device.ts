import {
  BaseDevice,
  cutBuffers,
  ExtentCollector,
  isPromise,
  isZero,
  RangeLock,
  type BlockDevice,
  type Extent,
  type MaybePromise,
} from '@lunbox/block';
import { ChangeGate } from './change-gate.ts';
import type { RestoreOverlay } from './restore-overlay.ts';

/** Requests that hold or wait for grains: more than the servers above let in. */
const LOCK_LIMIT = 65_536;
/** Grains that a long change is cut into. */
const STEP_GRAINS = 256;
const FUA = { fua: true } as const;
const MAY_UNMAP = { mayUnmap: true } as const;

/** A change of a range of the disk. */
interface Change {
  readonly offset: number;
  readonly length: number;
  /** It says what every byte of the range is, so that nothing of what was there before can be seen after it. */
  readonly covers: boolean;
  readonly change: () => MaybePromise<void>;
}

/**
 * A disk that has at once what it is to be restored to: where that is not done yet, it is read from the snapshot, and a
 * change does it first. Without a restore it is the device below, which it owns.
 */
export class RestoringDevice extends BaseDevice {
  readonly readOnly: boolean;
  readonly #inner: BlockDevice;
  readonly #grainBytes: number;
  readonly #unsubscribe: () => void;
  readonly #gate = new ChangeGate();
  /** Held for a grain that is not restored yet: shared to read it, exclusive to change it. */
  readonly #lock = new RangeLock({ limit: LOCK_LIMIT });
  #overlay: RestoreOverlay | undefined;
  /** One flush after the other, while a restore goes on. */
  #flushed: Promise<void> = Promise.resolve();

  constructor(inner: BlockDevice, grainBytes: number) {
    super(inner.blockSize);
    this.#inner = inner;
    this.#grainBytes = grainBytes;
    this.readOnly = inner.readOnly;
    this.#unsubscribe = inner.onResize(() => {
      this.announceResize();
    });
  }

  get size(): number {
    return this.#inner.size;
  }

  /** Holds changes back, and completes when those that had begun have ended. Call the answer to let them go on. */
  async pause(): Promise<() => void> {
    return await this.#gate.close();
  }

  /** From now on this is still to be done. Only while changes are paused. */
  restoreBy(overlay: RestoreOverlay): void {
    this.#overlay = overlay;
  }

  /** Ends the restore: all is done. Completes when nobody notes any more what is. */
  async endRestore(): Promise<void> {
    this.#overlay = undefined;
    await this.#flushed;
  }

  /** Restores what is still to be restored in some grains. */
  async settle(firstGrain: number, endGrain: number): Promise<void> {
    const offset = firstGrain * this.#grainBytes;
    const length = this.#endOf(endGrain - 1) - offset;
    await this.#gate.enter(() =>
      this.#settleAndChange({ offset, length, covers: false, change: () => undefined }),
    );
  }

  protected readRange(into: readonly Uint8Array[], offset: number, length: number): MaybePromise<void> {
    if (this.#overlay === undefined) return this.#inner.read(into, offset);
    return this.#readThrough(this.#overlay, into, offset, length);
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    if (this.#isFree) return this.#counted(this.#inner.write(from, offset, fua ? FUA : undefined));
    return this.#writeThrough(from, offset, length, fua);
  }

  protected flushAll(): MaybePromise<void> {
    const overlay = this.#overlay;
    if (overlay === undefined) return this.readOnly ? undefined : this.#inner.flush();
    const flushed = this.#flushed.then(() => {
      // The restore may have ended while this one waited: then there is nothing to note, and nowhere.
      if (this.#overlay !== overlay) return this.#inner.flush();
      return overlay.flush(() => this.#inner.flush());
    });
    this.#flushed = flushed.catch(() => undefined);
    return flushed;
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    if (this.#isFree) return this.#counted(this.#inner.unmap(offset, length));
    return this.#inSteps(offset, length, false, (at, bytes) => this.#inner.unmap(at, bytes));
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    const options = { mayUnmap };
    if (this.#isFree) return this.#counted(this.#inner.writeZeroes(offset, length, options));
    return this.#inSteps(offset, length, true, (at, bytes) => this.#inner.writeZeroes(at, bytes, options));
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    if (this.#overlay === undefined) return this.#inner.extents(offset, length, { limit });
    return this.#extentsThrough(this.#overlay, offset, length, limit);
  }

  protected release(): MaybePromise<void> {
    this.#unsubscribe();
    return this.#inner.close();
  }

  /** Nothing is to be restored or waited for. */
  get #isFree(): boolean {
    return this.#overlay === undefined && !this.#gate.isClosed;
  }

  #counted(change: MaybePromise<void>): MaybePromise<void> {
    return isPromise(change) ? this.#gate.counted(change) : undefined;
  }

  /** Where a grain, or the disk within it, ends. */
  #endOf(grain: number): number {
    return Math.min((grain + 1) * this.#grainBytes, this.size);
  }

  async #settleAndChange({ offset, length, covers, change }: Change): Promise<void> {
    const overlay = this.#overlay;
    if (overlay === undefined) return await change();
    const grainBytes = this.#grainBytes;
    const first = Math.floor(offset / grainBytes);
    const end = Math.ceil((offset + length) / grainBytes);
    const grant = await this.#lock.acquire(first * grainBytes, (end - first) * grainBytes, 'exclusive');
    try {
      const open: number[] = [];
      for (let grain = first; grain < end; grain++) if (overlay.isOpen(grain)) open.push(grain);
      for (const grain of open) {
        if (!overlay.isPending(grain)) continue;
        const isCovered = covers && grain * grainBytes >= offset && this.#endOf(grain) <= offset + length;
        if (!isCovered) await this.#restore(overlay, grain);
      }
      await change();
      for (const grain of open) overlay.markDone(grain);
    } finally {
      grant.release();
    }
  }

  /** Gives the disk what it is to have in a grain. */
  async #restore(overlay: RestoreOverlay, grain: number): Promise<void> {
    const offset = grain * this.#grainBytes;
    const length = this.#endOf(grain) - offset;
    if (length <= 0) return;
    const { saved, area } = overlay.find(grain);
    if (saved === 'zero') return await this.#inner.writeZeroes(offset, length, MAY_UNMAP);
    const content = new Uint8Array(length);
    await overlay.read([content], grain, 0, length);
    // An image may not know which of its grains were changed.
    if (area?.device !== undefined && (await this.#has(content, offset))) return;
    if (isZero(content)) await this.#inner.writeZeroes(offset, length, MAY_UNMAP);
    else await this.#inner.write([content], offset);
  }

  async #has(content: Uint8Array, offset: number): Promise<boolean> {
    const present = new Uint8Array(content.length);
    await this.#inner.read([present], offset);
    return Buffer.compare(present, content) === 0;
  }

  /** What is to be durable is so only with the note that it is not to be restored again. */
  async #writeThrough(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): Promise<void> {
    const change = (): MaybePromise<void> => this.#inner.write(from, offset, fua ? FUA : undefined);
    await this.#gate.enter(() => this.#settleAndChange({ offset, length, covers: true, change }));
    if (fua && this.#overlay !== undefined) await this.flushAll();
  }

  async #readThrough(
    overlay: RestoreOverlay,
    into: readonly Uint8Array[],
    offset: number,
    length: number,
  ): Promise<void> {
    const end = offset + length;
    const endGrain = Math.ceil(end / this.#grainBytes);
    for (let at = offset; at < end;) {
      const grain = Math.floor(at / this.#grainBytes);
      const next = overlay.next(grain, endGrain);
      const pieceEnd = Math.min(
        end,
        next === grain ? this.#endOf(grain) : (next ?? endGrain) * this.#grainBytes,
      );
      const piece = cutBuffers(into, at - offset, pieceEnd - at);
      if (next === grain) await this.#readPending(overlay, piece, at, pieceEnd - at);
      else await this.#inner.read(piece, at);
      at = pieceEnd;
    }
  }

  /** A piece of a grain that was pending a moment ago. */
  async #readPending(
    overlay: RestoreOverlay,
    into: readonly Uint8Array[],
    offset: number,
    length: number,
  ): Promise<void> {
    const grain = Math.floor(offset / this.#grainBytes);
    const grant = await this.#lock.acquire(grain * this.#grainBytes, this.#grainBytes, 'shared');
    try {
      if (overlay.isPending(grain)) await overlay.read(into, grain, offset % this.#grainBytes, length);
      else await this.#inner.read(into, offset);
    } finally {
      grant.release();
    }
  }

  /** What is still to be restored counts as stored, since the disk below may have something there. */
  async #extentsThrough(
    overlay: RestoreOverlay,
    offset: number,
    length: number,
    limit: number,
  ): Promise<Extent[]> {
    const collector = new ExtentCollector(offset, length, limit);
    const endGrain = Math.ceil((offset + length) / this.#grainBytes);
    while (!collector.done) {
      const grain = Math.floor(collector.offset / this.#grainBytes);
      const next = overlay.next(grain, endGrain);
      if (next === grain) {
        collector.addUntil((grain + 1) * this.#grainBytes, 'mapped');
        continue;
      }
      const runEnd = Math.min(offset + length, (next ?? endGrain) * this.#grainBytes);
      const below = await this.#inner.extents(collector.offset, runEnd - collector.offset);
      for (const extent of below) collector.add(extent.length, extent.state);
    }
    return collector.finish();
  }

  /** A change that may be as long as the device. */
  async #inSteps(
    offset: number,
    length: number,
    covers: boolean,
    change: (offset: number, length: number) => MaybePromise<void>,
  ): Promise<void> {
    const end = offset + length;
    const stepBytes = STEP_GRAINS * this.#grainBytes;
    for (let at = offset; at < end;) {
      const from = at;
      const bytes = Math.min(end, from - (from % stepBytes) + stepBytes) - from;
      const step = { offset: from, length: bytes, covers, change: () => change(from, bytes) };
      await this.#gate.enter(() => this.#settleAndChange(step));
      at += bytes;
    }
  }
}
