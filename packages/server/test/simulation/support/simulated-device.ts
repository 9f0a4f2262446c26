import { BaseDevice, BlockError, type Extent, type MaybePromise } from '@lunbox/block';
import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import { BLOCK_BYTES } from './disk-model.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** How a {@link SimulatedDevice} behaves. */
export interface DeviceTemper {
  /** Share of operations that take time; the others complete at once, as in a page cache. */
  readonly slow: number;
  readonly maxDelayMs: number;
  /** Share of operations that fail. */
  failing: number;
}

/**
 * A disk whose operations end at once or later, in any order, or fail half done. It looks at buffers when an
 * operation ends, and not before: until then they must stay as they are.
 */
export class SimulatedDevice extends BaseDevice {
  readonly bytes: Uint8Array;
  readonly readOnly = false;
  /** Operations that have not ended. */
  pending = 0;
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  readonly temper: DeviceTemper;
  /** Sees every block as it is stored. */
  onStored: (block: number) => void = () => undefined;

  constructor(time: SimulatedTime, dice: Dice, temper: DeviceTemper, blockCount: number) {
    super(BLOCK_BYTES);
    this.bytes = new Uint8Array(blockCount * BLOCK_BYTES);
    this.#time = time;
    this.#dice = dice;
    this.temper = temper;
  }

  get size(): number {
    return this.bytes.length;
  }

  protected readRange(into: readonly Uint8Array[], offset: number, length: number): MaybePromise<void> {
    return this.#later('read', length, (wholeBytes) => {
      let at = offset;
      for (const piece of into) {
        const end = Math.min(at + piece.length, offset + wholeBytes);
        if (end > at) piece.set(this.bytes.subarray(at, end));
        at += piece.length;
      }
    });
  }

  protected writeRange(from: readonly Uint8Array[], offset: number, length: number): MaybePromise<void> {
    return this.#later('write', length, (wholeBytes) => {
      let at = offset;
      for (const piece of from) {
        const take = Math.min(piece.length, offset + wholeBytes - at);
        if (take > 0) this.bytes.set(piece.subarray(0, take), at);
        at += piece.length;
      }
      const end = (offset + wholeBytes) / BLOCK_BYTES;
      for (let block = offset / BLOCK_BYTES; block < end; block++) this.onStored(block);
    });
  }

  protected flushAll(): MaybePromise<void> {
    return this.#later('flush', 0, () => undefined);
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.zeroRange(offset, length);
  }

  protected zeroRange(offset: number, length: number): MaybePromise<void> {
    return this.#later('zero', length, (wholeBytes) => {
      this.bytes.fill(0, offset, offset + wholeBytes);
    });
  }

  protected extentsOf(offset: number, length: number): Extent[] {
    return [{ offset, length, state: 'mapped' }];
  }

  protected release(): void {
    // There is nothing to release.
  }

  /** Does something to `lengthBytes`, or to the first blocks of them and fails. */
  #later(operation: string, lengthBytes: number, action: (wholeBytes: number) => void): MaybePromise<void> {
    const { slow, maxDelayMs, failing } = this.temper;
    const fails = this.#dice.chance(failing);
    const blocks = lengthBytes / BLOCK_BYTES;
    const doneBytes = fails ? this.#dice.below(blocks + 1) * BLOCK_BYTES : lengthBytes;
    const failure = (): BlockError =>
      new BlockError('BLOCK_IO', `${operation}: the simulated medium failed`, { operation });
    if (!this.#dice.chance(slow)) {
      action(doneBytes);
      if (fails) throw failure();
      return;
    }
    this.pending++;
    return new Promise((resolve, reject) => {
      this.#time.after(this.#dice.below(maxDelayMs + 1), () => {
        this.pending--;
        action(doneBytes);
        if (fails) reject(failure());
        else resolve();
      });
    });
  }
}
