import type { BlockDevice, Extent, MaybePromise } from './block-device.ts';
import { BaseDevice } from './base-device.ts';
import { BlockError } from './errors.ts';
import { ExtentCollector } from './extents.ts';
import { asLegs, commonBlockSize, type Legs } from './legs.ts';
import { allSettled, yieldTurn } from './maybe-promise.ts';

/** Options of {@link stripe}. */
export interface StripeOptions {
  /** Consecutive bytes that lie on one device, a multiple of every block size. Default 64 KiB. */
  readonly unitBytes?: number;
}

const DEFAULT_UNIT_BYTES = 64 * 1024;
/** Steps of a look-up of extents between two turns of the event loop. */
const STEPS_PER_TURN = 256;

/**
 * Deals a device's bytes out over several, one unit to each in turn (RAID 0). Each gives as much as the smallest
 * has, in whole units. It owns them: closing it closes them.
 *
 * @throws BlockError `BLOCK_INVALID` for an empty list or a unit that is not a multiple of the largest block size.
 */
export function stripe(devices: readonly BlockDevice[], options: StripeOptions = {}): BlockDevice {
  return new Stripe(asLegs(devices), options.unitBytes ?? DEFAULT_UNIT_BYTES);
}

/** What a request asks of one leg: always one consecutive run, because neighbouring units of a leg adjoin. */
interface Share {
  readonly leg: BlockDevice;
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

class Stripe extends BaseDevice {
  readonly readOnly: boolean;
  readonly #legs: Legs;
  readonly #unit: number;
  /** One unit of every leg. */
  readonly #row: number;
  readonly #unsubscribe: readonly (() => void)[];

  constructor(legs: Legs, unitBytes: number) {
    super(commonBlockSize(legs));
    if (!(unitBytes > 0 && unitBytes % this.blockSize === 0)) {
      const { blockSize } = this;
      throw new BlockError('BLOCK_INVALID', `a unit of ${unitBytes} bytes is not in whole blocks`, {
        blockSize,
      });
    }
    this.readOnly = legs.some((leg) => leg.readOnly);
    this.#legs = legs;
    this.#unit = unitBytes;
    this.#row = unitBytes * legs.length;
    let size = this.size;
    this.#unsubscribe = legs.map((leg) =>
      leg.onResize(() => {
        if (this.size === size) return;
        size = this.size;
        this.announceResize();
      }),
    );
  }

  get size(): number {
    const smallest = Math.min(...this.#legs.map((leg) => leg.size));
    return Math.floor(smallest / this.#unit) * this.#row;
  }

  protected readRange(into: readonly Uint8Array[], offset: number, length: number): MaybePromise<void> {
    const dealt = this.#deal(into, offset);
    return this.#each(offset, length, (share) => share.leg.read(dealt[share.index] ?? [], share.offset));
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    const dealt = this.#deal(from, offset);
    return this.#each(offset, length, (share) =>
      share.leg.write(dealt[share.index] ?? [], share.offset, { fua }),
    );
  }

  protected flushAll(): MaybePromise<void> {
    return allSettled(this.#legs.map((leg) => () => leg.flush()));
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.#each(offset, length, (share) => share.leg.unmap(share.offset, share.length));
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    return this.#each(offset, length, (share) =>
      share.leg.writeZeroes(share.offset, share.length, { mayUnmap }),
    );
  }

  protected async extentsOf(offset: number, length: number, limit: number): Promise<Extent[]> {
    const collector = new ExtentCollector(offset, length, limit);
    const runs: (Extent | undefined)[] = [];
    for (let step = 1; !collector.done; step++) {
      const shares = await this.#runsAt(runs, collector.offset);
      const [first] = shares;
      const rows = Math.min(...shares.map(({ left }) => Math.floor(left / this.#unit)));
      // In a terabyte of holes, or of data, the rows that lie wholly in one run of each leg count at once.
      const alike = collector.offset % this.#row === 0 && shares.every(({ state }) => state === first?.state);
      if (first === undefined) break;
      if (alike && rows > 0) collector.add(rows * this.#row, first.state);
      else collector.add(Math.min(first.left, this.#unit - (collector.offset % this.#unit)), first.state);
      if (step % STEPS_PER_TURN === 0) await yieldTurn();
    }
    return collector.finish();
  }

  protected release(): MaybePromise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    return allSettled(this.#legs.map((leg) => () => leg.close()));
  }

  /** Bytes of leg `index` that come before `offset` in the stripe: where the leg goes on from there. */
  #legOffset(offset: number, index: number): number {
    const row = Math.floor(offset / this.#row);
    const within = offset - row * this.#row - index * this.#unit;
    return row * this.#unit + Math.min(Math.max(within, 0), this.#unit);
  }

  #each(offset: number, length: number, operation: (share: Share) => MaybePromise<void>): MaybePromise<void> {
    const shares: Share[] = [];
    this.#legs.forEach((leg, index) => {
      const start = this.#legOffset(offset, index);
      const end = this.#legOffset(offset + length, index);
      if (end > start) shares.push({ leg, index, offset: start, length: end - start });
    });
    const [only] = shares;
    if (only !== undefined && shares.length === 1) return operation(only);
    return allSettled(shares.map((share) => () => operation(share)));
  }

  /** Cuts a scatter list at the borders of the units into one list for each leg. */
  #deal(buffers: readonly Uint8Array[], offset: number): Uint8Array[][] {
    const dealt: Uint8Array[][] = this.#legs.map(() => []);
    let at = offset;
    for (const buffer of buffers) {
      for (let done = 0; done < buffer.length;) {
        const take = Math.min(buffer.length - done, this.#unit - (at % this.#unit));
        dealt[Math.floor(at / this.#unit) % this.#legs.length]?.push(buffer.subarray(done, done + take));
        done += take;
        at += take;
      }
    }
    return dealt;
  }

  /** The run that each leg is in at `offset` and what is left of it; first the leg that has `offset` itself. */
  async #runsAt(
    runs: (Extent | undefined)[],
    offset: number,
  ): Promise<{ left: number; state: Extent['state'] }[]> {
    const owner = Math.floor(offset / this.#unit) % this.#legs.length;
    const found: { left: number; state: Extent['state'] }[] = [];
    for (let i = 0; i < this.#legs.length; i++) {
      const index = (owner + i) % this.#legs.length;
      const at = this.#legOffset(offset, index);
      const run = runs[index];
      if (run === undefined || at >= run.offset + run.length) {
        const end = this.size / this.#legs.length;
        const leg = this.#legs[index] ?? this.#legs[0];
        runs[index] = (await leg.extents(at, end - at, { limit: 1 }))[0];
      }
      const known = runs[index];
      if (known !== undefined) found.push({ left: known.offset + known.length - at, state: known.state });
    }
    return found;
  }
}
