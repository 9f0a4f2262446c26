import { BaseDevice, BlockError, ExtentCollector, type BlockErrorCode, type Extent } from '@lunbox/block';
import type { Dice } from './dice.ts';

export const BLOCK = 512;

/** What a device can be asked to do, and fail to. */
export type DeviceCall = 'read' | 'write' | 'flush' | 'unmap' | 'zero';

/** How requests complete: at once, in a later turn, or when the history lets them. */
export type Pace = 'at once' | 'later' | 'held';

/**
 * Blocks that a history looks into: each is stored or not by itself, requests complete when the history says so, block
 * by block and in any order, and what was not flushed may be lost with the power.
 */
export class HistoryDevice extends BaseDevice {
  readonly readOnly = false;
  pace: Pace = 'at once';
  /** Requests of this kind fail until it is taken away. */
  fault: { readonly call: DeviceCall; readonly code: BlockErrorCode; once: boolean } | undefined;
  /** The blocks of a held request are done one by one instead of together. */
  torn = false;
  readonly #dice: Dice;
  readonly #blocks = new Map<number, Uint8Array>();
  /** What was on stable storage before the first write that was not flushed. */
  readonly #before = new Map<number, Uint8Array | undefined>();
  readonly #held: (() => void)[] = [];
  #size: number;

  constructor(blockCount: number, dice: Dice) {
    super(BLOCK);
    this.#size = blockCount * BLOCK;
    this.#dice = dice;
  }

  get size(): number {
    return this.#size;
  }

  /** Steps that wait to be done. */
  get heldCount(): number {
    return this.#held.length;
  }

  /** Does one of the steps that wait. */
  doOne(): void {
    this.#dice.take(this.#held)();
  }

  /** Everything from now on completes at once, and so does what waits. */
  goOn(): void {
    this.pace = 'at once';
    while (this.#held.length > 0) this.doOne();
  }

  resize(blockCount: number): void {
    this.#size = blockCount * BLOCK;
    for (const lba of [...this.#blocks.keys()]) if (lba >= blockCount) this.#blocks.delete(lba);
    for (const lba of [...this.#before.keys()]) if (lba >= blockCount) this.#before.delete(lba);
    this.announceResize();
  }

  /** The power goes: each block that was not flushed is as before, or not. */
  losePower(): void {
    for (const [lba, before] of this.#before) {
      if (this.#dice.chance(0.5)) continue;
      if (before === undefined) this.#blocks.delete(lba);
      else this.#blocks.set(lba, before);
    }
    this.#before.clear();
  }

  /** What a block holds; undefined when it takes no space. */
  block(lba: number): Uint8Array | undefined {
    return this.#blocks.get(lba);
  }

  protected readRange(
    into: readonly Uint8Array[],
    offset: number,
    length: number,
  ): Promise<void> | undefined {
    const bytes = new Uint8Array(length);
    const steps = eachBlock(offset, length, (lba, at) => () => {
      bytes.set(this.#blocks.get(lba) ?? new Uint8Array(BLOCK), at);
    });
    return this.#perform('read', steps, () => {
      let at = 0;
      for (const buffer of into) buffer.set(bytes.subarray(at, (at += buffer.length)));
    });
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): Promise<void> | undefined {
    const bytes = Buffer.concat(from);
    const steps = eachBlock(offset, length, (lba, at) => () => {
      this.#store(lba, Uint8Array.from(bytes.subarray(at, at + BLOCK)), fua);
    });
    return this.#perform('write', steps);
  }

  protected flushAll(): Promise<void> | undefined {
    const covered = new Set(this.#before.keys());
    return this.#perform('flush', [], () => {
      for (const lba of covered) this.#before.delete(lba);
    });
  }

  protected unmapRange(offset: number, length: number): Promise<void> | undefined {
    const steps = eachBlock(offset, length, (lba) => () => this.#store(lba, undefined, false));
    return this.#perform('unmap', steps);
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): Promise<void> | undefined {
    const steps = eachBlock(offset, length, (lba) => () => {
      this.#store(lba, mayUnmap ? undefined : new Uint8Array(BLOCK), false);
    });
    return this.#perform('zero', steps);
  }

  protected extentsOf(offset: number, length: number, limit: number): Extent[] {
    const extents = new ExtentCollector(offset, length, limit);
    while (!extents.done) extents.add(BLOCK, this.#blocks.has(extents.offset / BLOCK) ? 'mapped' : 'hole');
    return extents.finish();
  }

  protected release(): void {
    this.#held.length = 0;
  }

  #store(lba: number, block: Uint8Array | undefined, durable: boolean): void {
    if (durable) this.#before.delete(lba);
    else if (!this.#before.has(lba)) this.#before.set(lba, this.#blocks.get(lba));
    if (block === undefined) this.#blocks.delete(lba);
    else this.#blocks.set(lba, block);
  }

  #perform(
    call: DeviceCall,
    steps: (() => void)[],
    done: () => void = () => undefined,
  ): Promise<void> | undefined {
    const { fault } = this;
    const error = fault?.call === call ? new BlockError(fault.code, `${call} fails`) : undefined;
    if (fault?.once === true && error !== undefined) this.fault = undefined;
    // What fails is done all the same now and then, as a whole: what the device writes at once it does not tear.
    const wanted = error === undefined || (this.torn && this.#dice.chance(0.3)) ? steps : [];
    if (this.pace !== 'held') {
      for (const step of wanted) step();
      if (error === undefined) done();
      if (this.pace === 'at once') {
        if (error !== undefined) throw error;
        return undefined;
      }
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        if (error !== undefined) return reject(error);
        done();
        resolve();
      };
      this.#hold(wanted, finish);
    });
  }

  /** Each block is a step of its own where requests are torn; the last one completes the request. */
  #hold(steps: readonly (() => void)[], finish: () => void): void {
    if (!this.torn || steps.length === 0) {
      this.#held.push(() => {
        for (const step of steps) step();
        finish();
      });
      return;
    }
    let left = steps.length;
    for (const step of steps) {
      this.#held.push(() => {
        step();
        if (--left === 0) finish();
      });
    }
  }
}

function eachBlock(
  offset: number,
  length: number,
  step: (lba: number, at: number) => () => void,
): (() => void)[] {
  return Array.from({ length: length / BLOCK }, (_, index) => step(offset / BLOCK + index, index * BLOCK));
}
