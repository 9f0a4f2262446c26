import { BaseDevice, type Clock, type Extent, type ExtentsOptions, type MaybePromise } from '@lunbox/block';
import type { WriteOptions, WriteZeroesOptions } from '@lunbox/block';
import { AdditionalSenseCode, type SenseData } from '@lunbox/scsi';
import type { IscsiSession } from '../session.ts';
import type { OperationOptions } from '../session-options.ts';
import { LunBlocks } from './lun-blocks.ts';
import { isSense, LunClient } from './lun-client.ts';
import { readCapacity, readProperties, type LunProperties } from './lun-properties.ts';

/** Where {@link IscsiDisk} begins: an open session, and one of its target's logical units. */
export interface DiskOptions {
  /** Belongs to the disk from now on: closing the disk closes it. */
  readonly session: IscsiSession;
  readonly lun: number;
  readonly clock: Clock;
  /** Gives up the opening. */
  readonly signal?: AbortSignal;
}

/**
 * A LUN as a `BlockDevice`. Requests are cut to the limits that the unit tells (VPD page B0h), unit attentions are
 * heard and commands tried again, a new capacity is announced. All commands are idempotent here: a lost
 * connection is only a pause. Failures are `BlockError`s with the `InitiatorError` as their `cause`. Beyond what a
 * `BlockDevice` has, each request takes an `AbortSignal`: it ends when nothing of it is at work any more.
 */
export class IscsiDisk extends BaseDevice {
  /** The session below. */
  readonly session: IscsiSession;
  /** What the unit told of itself. */
  readonly properties: LunProperties;
  readonly #unit: LunClient;
  readonly #allBlocks: LunBlocks;
  /** What the request that is just begun goes to. */
  #blocks: LunBlocks;
  readonly #endEvents: () => void;
  #size: number;
  #resizing = false;

  private constructor(
    unit: LunClient,
    properties: LunProperties,
    attention: { hear: (sense: SenseData) => void },
  ) {
    super(properties.blockBytes);
    this.session = unit.session;
    this.properties = properties;
    this.#unit = unit;
    this.#size = properties.blockBytes * properties.blockCount;
    // Only a unit whose unmapped blocks read as zeroes has what a BlockDevice calls a hole.
    const lbaStatus = properties.thin && properties.unmappedIsZero;
    this.#allBlocks = new LunBlocks(unit, properties, { lbaStatus, writeSame: true });
    this.#blocks = this.#allBlocks;
    attention.hear = (sense) => this.#hear(sense);
    this.#endEvents = unit.session.onUnitEvent(({ sense }) => this.#hear(sense));
  }

  /** Asks the unit what it is and makes a disk of it. */
  static async open({ session, lun, clock, signal }: DiskOptions): Promise<IscsiDisk> {
    const attention = { hear: (_sense: SenseData): void => undefined };
    const unit = new LunClient(session, lun, clock, (sense) => attention.hear(sense));
    const asking = signal === undefined ? unit : unit.under(signal);
    return new IscsiDisk(unit, await readProperties(asking), attention);
  }

  /** Capacity in bytes; see {@link BaseDevice.onResize}. */
  override get size(): number {
    return this.#size;
  }

  /** True when the unit is write-protected. */
  override get readOnly(): boolean {
    return this.properties.readOnly;
  }

  /** Fills `into` from `offset`; see `BlockDevice.read`. */
  override read(into: readonly Uint8Array[], offset: number, options?: OperationOptions): MaybePromise<void> {
    return this.#under(options, () => super.read(into, offset));
  }

  /** Stores `from` at `offset`; see `BlockDevice.write`. */
  override write(
    from: readonly Uint8Array[],
    offset: number,
    options?: WriteOptions & OperationOptions,
  ): MaybePromise<void> {
    return this.#under(options, () => super.write(from, offset, options));
  }

  /** Makes every answered write durable (SYNCHRONIZE CACHE); see `BlockDevice.flush`. */
  override flush(options?: OperationOptions): MaybePromise<void> {
    return this.#under(options, () => super.flush());
  }

  /** Gives a range back, which reads as zeroes then; see `BlockDevice.unmap`. */
  override unmap(offset: number, length: number, options?: OperationOptions): MaybePromise<void> {
    return this.#under(options, () => super.unmap(offset, length));
  }

  /** Zeroes a range; see `BlockDevice.writeZeroes`. */
  override writeZeroes(
    offset: number,
    length: number,
    options?: WriteZeroesOptions & OperationOptions,
  ): MaybePromise<void> {
    return this.#under(options, () => super.writeZeroes(offset, length, options));
  }

  /** Which parts of a range are mapped; see `BlockDevice.extents`. */
  override extents(
    offset: number,
    length: number,
    options?: ExtentsOptions & OperationOptions,
  ): MaybePromise<Extent[]> {
    return this.#under(options, () => super.extents(offset, length, options));
  }

  protected override readRange(
    into: readonly Uint8Array[],
    offset: number,
    length: number,
  ): MaybePromise<void> {
    return this.#blocks.read(into, offset, length);
  }

  protected override writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    return this.#blocks.write(from, offset, length, fua);
  }

  protected override flushAll(): MaybePromise<void> {
    return this.#blocks.flush();
  }

  protected override unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.#blocks.unmap(offset, length);
  }

  protected override zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    return mayUnmap ? this.#blocks.unmap(offset, length) : this.#blocks.zero(offset, length);
  }

  protected override extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    return this.#blocks.extents(offset, length, limit);
  }

  protected override async release(): Promise<void> {
    this.#endEvents();
    await this.session.close();
  }

  /** A request begins within the call, so that its signal need not go through the hooks of every device. */
  #under<T>({ signal }: OperationOptions = {}, begin: () => MaybePromise<T>): MaybePromise<T> {
    if (signal === undefined) return begin();
    this.#blocks = this.#allBlocks.under(signal);
    try {
      return begin();
    } finally {
      this.#blocks = this.#allBlocks;
    }
  }

  /** T-N4: the unit says that its capacity has changed. */
  #hear(sense: SenseData): void {
    if (!isSense(sense, AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED) || this.#resizing || this.closed)
      return;
    this.#resizing = true;
    void readCapacity(this.#unit)
      .then(({ blockBytes, blockCount }) => {
        const size = blockBytes * blockCount;
        if (blockBytes !== this.blockSize || size === this.#size) return;
        this.#size = size;
        this.announceResize();
      })
      // A unit that does not answer now is heard of by the next request.
      .catch(() => undefined)
      .finally(() => (this.#resizing = false));
  }
}
