import { mapMaybe, type BlockDevice, type MaybePromise } from '@lunbox/block';

/** The map of regions: one bit each. */
export const REGION_MAP_BYTES = 4096;

const REGIONS = REGION_MAP_BYTES * 8;
const SMALLEST_REGION_BYTES = 1024 * 1024;

/** A region that nobody has written to during so many flushes is not marked any more. */
const IDLE_FLUSHES = 4;

/** Length of the regions of a new area: half of the map stays free for a disk that grows. */
export function regionBytesFor(capacityBytes: number): number {
  const wanted = (capacityBytes * 2) / REGIONS;
  return Math.max(SMALLEST_REGION_BYTES, 2 ** Math.ceil(Math.log2(Math.max(1, wanted))));
}

/**
 * Which regions of a disk have been written to lately: user data and protection information are two writes, so where
 * a power failure or a kill came between them they may not fit together. A region is marked on stable storage before
 * its first write, so that only marked ones need a look after an unclean stop.
 */
export class DirtyRegions {
  readonly #device: BlockDevice;
  readonly #offset: number;
  readonly #regionBytes: number;
  /** Ones are on stable storage; a zero may be a one there still. */
  readonly #marked = new Uint8Array(REGIONS);
  readonly #active = new Uint32Array(REGIONS);
  readonly #idleFlushes = new Uint8Array(REGIONS);
  #lastStored: Promise<void> = Promise.resolve();
  #clearing = false;

  /** @param offset where the map lies on `device` */
  constructor(device: BlockDevice, offset: number, regionBytes: number) {
    this.#device = device;
    this.#offset = offset;
    this.#regionBytes = regionBytes;
  }

  /** Reads the map; answers the ranges that are marked, in bytes of the disk. */
  async load(): Promise<{ readonly offset: number; readonly length: number }[]> {
    const map = new Uint8Array(REGION_MAP_BYTES);
    await this.#device.read([map], this.#offset);
    for (let region = 0; region < REGIONS; region++) {
      this.#marked[region] = (map[region >>> 3]! >>> (region & 7)) & 1;
    }
    const regions = [...this.#marked.keys()].filter((region) => this.#marked[region] === 1);
    return regions.map((region) => {
      const offset = region * this.#regionBytes;
      // The last one stands for whatever comes after it, too.
      return { offset, length: region === REGIONS - 1 ? Infinity : this.#regionBytes };
    });
  }

  /** Does `work`, which writes to these bytes; their regions are marked before it begins. */
  whileMarked<T>(offset: number, length: number, work: () => MaybePromise<T>): MaybePromise<T> {
    const first = this.#regionOf(offset);
    const last = this.#regionOf(offset + length - 1);
    let missing = false;
    for (let region = first; region <= last; region++) {
      this.#active[region]!++;
      this.#idleFlushes[region] = 0;
      if (this.#marked[region] === 0) missing = true;
    }
    const leave = (): void => {
      for (let region = first; region <= last; region++) this.#active[region]!--;
    };
    if (missing) return this.#mark(first, last).then(work).finally(leave);
    let result: MaybePromise<T>;
    try {
      result = work();
    } catch (error) {
      leave();
      throw error;
    }
    if (result instanceof Promise) return result.finally(leave);
    leave();
    return result;
  }

  /**
   * Flushes by `flush`, after which regions that have been idle for some time are not marked any more. That need not
   * be on stable storage.
   */
  flushed(flush: () => MaybePromise<void>): MaybePromise<void> {
    const idle: number[] = [];
    for (let region = 0; region < REGIONS; region++) {
      if (this.#marked[region] === 0 || this.#active[region]! > 0) continue;
      this.#idleFlushes[region]!++;
      if (this.#isIdle(region)) idle.push(region);
    }
    return mapMaybe(flush(), () => {
      return this.#clearing || !idle.some((region) => this.#isIdle(region)) ? undefined : this.#clear(idle);
    });
  }

  /** Nothing is marked any more: data and protection information are flushed, and nobody writes. */
  clearAll(): MaybePromise<void> {
    this.#marked.fill(0);
    return this.#store(this.#marked, false);
  }

  #mark(first: number, last: number): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#marked.subarray(first, last + 1).includes(0)) return;
      const next = this.#marked.slice().fill(1, first, last + 1);
      await this.#store(next, true);
      this.#marked.set(next);
    });
  }

  /** A write that comes once these are zero waits for this map before it stores its own. */
  async #clear(regions: readonly number[]): Promise<void> {
    this.#clearing = true;
    try {
      await this.#inTurn(async () => {
        for (const region of regions) if (this.#isIdle(region)) this.#marked[region] = 0;
        await this.#store(this.#marked, false);
      });
    } finally {
      this.#clearing = false;
    }
  }

  /** Maps are stored one after another, so that no earlier one overtakes a later one. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#lastStored.then(work);
    this.#lastStored = done.catch(() => undefined);
    return done;
  }

  #isIdle(region: number): boolean {
    return this.#idleFlushes[region]! >= IDLE_FLUSHES;
  }

  #store(marks: Uint8Array, fua: boolean): MaybePromise<void> {
    const map = new Uint8Array(REGION_MAP_BYTES);
    marks.forEach((marked, region) => (map[region >>> 3]! |= marked << (region & 7)));
    return this.#device.write([map], this.#offset, { fua });
  }

  #regionOf(offset: number): number {
    return Math.min(REGIONS - 1, Math.floor(offset / this.#regionBytes));
  }
}
