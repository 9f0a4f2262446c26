import type { BlockDevice, MaybePromise } from './block-device.ts';
import { BlockError } from './errors.ts';

/** The block of most file systems. */
const GRAIN_BYTES = 4096;

/** How far one user may fill a device. */
export interface SpaceAllowance {
  /** New space is refused beyond this many bytes in use, whoever took them. */
  readonly limitBytes: number;
  /**
   * Sets aside what writing these bytes would newly take, and completes with how much that is; 0 where all of them are
   * stored already. Give it to {@link SpaceAllowance.release} when the write is over, however it ended.
   *
   * Rejects with a `BlockError`: `BLOCK_NO_SPACE` when the limit would be passed, and nothing is set aside then; or
   * what looking at the device throws.
   */
  reserve(offset: number, length: number): Promise<number>;
  /** The write that was reserved for is over. */
  release(bytes: number): void;
  /** What is left below the limit, 0 at least. Rejects as looking at the device does. */
  availableBytes(): Promise<number>;
}

/**
 * Keeps the users of one device within their limits of space. One ledger belongs to the device, whatever ways lead to
 * it, so that writes under way count for all of them.
 *
 * How much is in use is asked each time that somebody wants more; writes that were admitted count on top of it until an
 * answer has seen them. So what is under way may count twice, and a limit may be felt that much too early, never too
 * late. Only the space of data is foreseen: what a file system adds for itself is felt by the next write. A range that
 * is given back (unmapped) while an overwrite of it is under way takes its space again uncounted, once.
 */
export class SpaceLedger {
  readonly #device: Pick<BlockDevice, 'blockSize' | 'size' | 'extents'>;
  readonly #usedBytes: () => MaybePromise<number>;
  readonly #grainBytes: number;
  /** Admitted, and not over. */
  #reservedBytes = 0;
  /** Over, but perhaps not in the last answer. */
  #unseenBytes = 0;
  /** The end of the requests so far: they follow one another. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param usedBytes how much the device takes at the moment, everything included; fails with a `BlockError` only
   * @param grainBytes what a write is taken to allocate: whole pieces of this length, a multiple of the block size
   */
  constructor(
    device: Pick<BlockDevice, 'blockSize' | 'size' | 'extents'>,
    usedBytes: () => MaybePromise<number>,
    grainBytes: number = Math.max(GRAIN_BYTES, device.blockSize),
  ) {
    this.#device = device;
    this.#usedBytes = usedBytes;
    this.#grainBytes = grainBytes;
  }

  /** Lets somebody fill the device until `limitBytes` are in use. */
  allowance(limitBytes: number): SpaceAllowance {
    return {
      limitBytes,
      reserve: (offset, length) => this.#inTurn(() => this.#reserve(offset, length, limitBytes)),
      release: (bytes) => {
        this.#reservedBytes -= bytes;
        this.#unseenBytes += bytes;
      },
      availableBytes: () => this.#inTurn(async () => Math.max(0, limitBytes - (await this.#inUse()))),
    };
  }

  async #reserve(offset: number, length: number, limitBytes: number): Promise<number> {
    const wanted = await this.#newBytes(offset, length);
    if (wanted === 0) return 0;
    const inUse = await this.#inUse();
    if (inUse + wanted > limitBytes) {
      const message = `write: ${wanted} more bytes would pass the quota of ${limitBytes}; ${inUse} are in use`;
      throw new BlockError('BLOCK_NO_SPACE', message, { operation: 'write', offset, length });
    }
    this.#reservedBytes += wanted;
    return wanted;
  }

  /** What is in use, and what writes under way may add to it. */
  async #inUse(): Promise<number> {
    const seenBytes = this.#unseenBytes;
    const usedBytes = await this.#usedBytes();
    this.#unseenBytes -= seenBytes;
    return usedBytes + this.#reservedBytes + this.#unseenBytes;
  }

  /** Bytes of the holes that the range touches, in whole grains. */
  async #newBytes(offset: number, length: number): Promise<number> {
    const { size } = this.#device;
    const grain = this.#grainBytes;
    const end = Math.min(size, Math.ceil((offset + length) / grain) * grain);
    let total = 0;
    for (let at = Math.floor(offset / grain) * grain; at < end;) {
      const extents = await this.#device.extents(at, end - at);
      for (const extent of extents) {
        if (extent.state === 'hole') total += extent.length;
        at = extent.offset + extent.length;
      }
      if (extents.length === 0) break;
    }
    return total;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return await done;
  }
}
