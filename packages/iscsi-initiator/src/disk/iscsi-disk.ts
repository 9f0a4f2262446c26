import {
  BaseDevice,
  BlockError,
  cutBuffers,
  ExtentCollector,
  type Clock,
  type Extent,
  type MaybePromise,
} from '@lunbox/block';
import {
  AdditionalSenseCode,
  GET_LBA_STATUS,
  parseLbaStatus,
  ProvisioningStatus,
  READ_16,
  SYNCHRONIZE_CACHE_10,
  WRITE_16,
  type SenseData,
} from '@lunbox/scsi';
import { protocolError } from '../errors.ts';
import type { IscsiSession } from '../session.ts';
import { diskFailure } from './disk-failure.ts';
import { inPieces } from './in-pieces.ts';
import { isSense, LunClient } from './lun-client.ts';
import { readCapacity, readProperties, type LunProperties } from './lun-properties.ts';
import { Zeroing } from './zeroing.ts';

/** Descriptors asked for in one GET LBA STATUS. */
const LBA_STATUS_BYTES = 8 + 16 * 64;

/** Where {@link IscsiDisk} begins: an open session, and one of its target's logical units. */
export interface DiskOptions {
  /** Belongs to the disk from now on: closing the disk closes it. */
  readonly session: IscsiSession;
  readonly lun: number;
  readonly clock: Clock;
}

/**
 * A LUN as a `BlockDevice`. Requests are cut to the limits that the unit tells (VPD page B0h), unit attentions are
 * heard and commands tried again, a new capacity is announced. All commands are idempotent here: a lost
 * connection is only a pause. Failures are `BlockError`s with the `InitiatorError` as their `cause`.
 */
export class IscsiDisk extends BaseDevice {
  /** The session below. */
  readonly session: IscsiSession;
  /** What the unit told of itself. */
  readonly properties: LunProperties;
  readonly #unit: LunClient;
  readonly #zeroing: Zeroing;
  readonly #endEvents: () => void;
  #size: number;
  #hasLbaStatus: boolean;
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
    this.#hasLbaStatus = properties.thin && properties.unmappedIsZero;
    this.#zeroing = new Zeroing(unit, properties, (lba, data) => this.#writeBlocks(lba, data, false));
    attention.hear = (sense) => this.#hear(sense);
    this.#endEvents = unit.session.onUnitEvent(({ sense }) => this.#hear(sense));
  }

  /** Asks the unit what it is and makes a disk of it. */
  static async open({ session, lun, clock }: DiskOptions): Promise<IscsiDisk> {
    const attention = { hear: (_sense: SenseData): void => undefined };
    const unit = new LunClient(session, lun, clock, (sense) => attention.hear(sense));
    return new IscsiDisk(unit, await readProperties(unit), attention);
  }

  /** Capacity in bytes; see {@link BaseDevice.onResize}. */
  override get size(): number {
    return this.#size;
  }

  /** True when the unit is write-protected. */
  override get readOnly(): boolean {
    return this.properties.readOnly;
  }

  protected override readRange(
    into: readonly Uint8Array[],
    offset: number,
    length: number,
  ): MaybePromise<void> {
    return this.#do('read', offset, length, () =>
      inPieces(0, length, this.#pieceBytes, async (at, size) => {
        const cdb = READ_16.encode({
          LOGICAL_BLOCK_ADDRESS: (offset + at) / this.blockSize,
          TRANSFER_LENGTH: size / this.blockSize,
        });
        const read = cutBuffers(into, at, size);
        const { receivedBytes } = await this.#unit.run({ cdb, read, idempotent: true });
        if (receivedBytes !== size) throw protocolError(`GOOD with ${receivedBytes} bytes of ${size}`);
      }),
    );
  }

  protected override writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    return this.#do('write', offset, length, () =>
      inPieces(0, length, this.#pieceBytes, (at, size) =>
        this.#writeBlocks((offset + at) / this.blockSize, cutBuffers(from, at, size), fua, size),
      ),
    );
  }

  protected override flushAll(): MaybePromise<void> {
    // LBA 0 and no blocks: all of the unit (SBC-3 5.26).
    return this.#do('flush', 0, 0, async () => {
      await this.#unit.run({ cdb: SYNCHRONIZE_CACHE_10.encode(), idempotent: true });
    });
  }

  protected override unmapRange(offset: number, length: number): MaybePromise<void> {
    const lba = offset / this.blockSize;
    const blockCount = length / this.blockSize;
    return this.#do('unmap', offset, length, async () => {
      if (!this.#zeroing.hasOnlyUnmap || !this.#hasLbaStatus) {
        await this.#zeroing.zero(lba, blockCount, true);
        return;
      }
      await this.#zeroing.unmap(lba, blockCount);
      await this.#zeroMapped(offset, length);
    });
  }

  protected override zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    if (mayUnmap) return this.unmapRange(offset, length);
    const [lba, blockCount] = [offset / this.blockSize, length / this.blockSize];
    return this.#do('writeZeroes', offset, length, () => this.#zeroing.zero(lba, blockCount, false));
  }

  protected override extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    return this.#do('extents', offset, length, () => this.#extents(offset, length, limit));
  }

  protected override async release(): Promise<void> {
    this.#endEvents();
    await this.session.close();
  }

  /** Bytes of one READ or WRITE, in whole blocks. */
  get #pieceBytes(): number {
    const { maxTransferBytes } = this.properties;
    return maxTransferBytes - (maxTransferBytes % this.blockSize);
  }

  async #do<T>(operation: string, offset: number, length: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BlockError) throw error;
      throw diskFailure(operation, error, { offset, length });
    }
  }

  async #writeBlocks(
    lba: number,
    write: readonly Uint8Array[],
    fua: boolean,
    lengthBytes: number = write.reduce((sum, part) => sum + part.length, 0),
  ): Promise<void> {
    const cdb = WRITE_16.encode({
      FUA: fua ? 1 : 0,
      LOGICAL_BLOCK_ADDRESS: lba,
      TRANSFER_LENGTH: lengthBytes / this.blockSize,
    });
    await this.#unit.run({ cdb, write, idempotent: true });
  }

  /** UNMAP is only a hint (SBC-3 4.7.3.4): what is still mapped gets zeroes. */
  async #zeroMapped(offset: number, length: number): Promise<void> {
    const end = offset + length;
    for (let at = offset; at < end;) {
      for (const extent of await this.#extents(at, end - at, 64)) {
        const [lba, blockCount] = [extent.offset / this.blockSize, extent.length / this.blockSize];
        if (extent.state === 'mapped') await this.#zeroing.zero(lba, blockCount, false);
        at = extent.offset + extent.length;
      }
    }
  }

  async #extents(offset: number, length: number, limit: number): Promise<Extent[]> {
    const collector = new ExtentCollector(offset, length, limit);
    while (!collector.done) {
      const runs = this.#hasLbaStatus ? await this.#lbaStatus(collector.offset / this.blockSize) : undefined;
      if (runs === undefined) collector.addUntil(offset + length, 'mapped');
      else this.#addRuns(collector, runs);
    }
    return collector.finish();
  }

  #addRuns(collector: ExtentCollector, runs: ReturnType<typeof parseLbaStatus>): void {
    const before = collector.offset;
    for (const { lba, blockCount, status } of runs) {
      // A hole takes no space; anchored blocks do.
      const state = status === ProvisioningStatus.DEALLOCATED ? 'hole' : 'mapped';
      collector.addUntil((lba + blockCount) * this.blockSize, state);
    }
    if (collector.offset === before && !collector.done) {
      throw protocolError('GET LBA STATUS does not answer for the block that was asked for');
    }
  }

  async #lbaStatus(lba: number): Promise<ReturnType<typeof parseLbaStatus> | undefined> {
    const cdb = GET_LBA_STATUS.encode({
      STARTING_LOGICAL_BLOCK_ADDRESS: lba,
      ALLOCATION_LENGTH: LBA_STATUS_BYTES,
    });
    const data = await this.#unit.inquireOptional(cdb, LBA_STATUS_BYTES);
    if (data === undefined) this.#hasLbaStatus = false;
    return data === undefined ? undefined : parseLbaStatus(data);
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
