import { BlockError, cutBuffers, ExtentCollector, type Extent } from '@lunbox/block';
import {
  GET_LBA_STATUS,
  parseLbaStatus,
  ProvisioningStatus,
  READ_16,
  SYNCHRONIZE_CACHE_10,
  WRITE_16,
} from '@lunbox/scsi';
import { protocolError } from '../errors.ts';
import { diskFailure } from './disk-failure.ts';
import { inPieces } from './in-pieces.ts';
import type { LunClient } from './lun-client.ts';
import type { LunProperties } from './lun-properties.ts';
import { Zeroing, type LunFeatures } from './zeroing.ts';

/** Descriptors asked for in one GET LBA STATUS. */
const LBA_STATUS_BYTES = 8 + 16 * 64;

/**
 * Ranges of a logical unit as SCSI commands, cut to the unit's limits. All commands are idempotent here. Failures are
 * `BlockError`s.
 */
export class LunBlocks {
  readonly #unit: LunClient;
  readonly #properties: LunProperties;
  readonly #features: LunFeatures;
  readonly #zeroing: Zeroing;

  /** @param features - What the unit was found not to have; shared by all that talk to it. */
  constructor(unit: LunClient, properties: LunProperties, features: LunFeatures) {
    this.#unit = unit;
    this.#properties = properties;
    this.#features = features;
    this.#zeroing = new Zeroing(unit, properties, features, (lba, data) =>
      this.#writeBlocks(lba, data, false),
    );
  }

  /** The same unit, whose commands the signal aborts. */
  under(signal: AbortSignal): LunBlocks {
    return new LunBlocks(this.#unit.under(signal), this.#properties, this.#features);
  }

  read(into: readonly Uint8Array[], offset: number, length: number): Promise<void> {
    return this.#do('read', offset, length, () =>
      inPieces(0, length, this.#pieceBytes, async (at, size) => {
        const cdb = READ_16.encode({
          LOGICAL_BLOCK_ADDRESS: (offset + at) / this.#blockBytes,
          TRANSFER_LENGTH: size / this.#blockBytes,
        });
        const read = cutBuffers(into, at, size);
        const { receivedBytes } = await this.#unit.run({ cdb, read, idempotent: true });
        if (receivedBytes !== size) throw protocolError(`GOOD with ${receivedBytes} bytes of ${size}`);
      }),
    );
  }

  write(from: readonly Uint8Array[], offset: number, length: number, fua: boolean): Promise<void> {
    return this.#do('write', offset, length, () =>
      inPieces(0, length, this.#pieceBytes, (at, size) =>
        this.#writeBlocks((offset + at) / this.#blockBytes, cutBuffers(from, at, size), fua, size),
      ),
    );
  }

  flush(): Promise<void> {
    // LBA 0 and no blocks: all of the unit (SBC-3 5.26).
    return this.#do('flush', 0, 0, async () => {
      await this.#unit.run({ cdb: SYNCHRONIZE_CACHE_10.encode(), idempotent: true });
    });
  }

  unmap(offset: number, length: number): Promise<void> {
    const [lba, blockCount] = [offset / this.#blockBytes, length / this.#blockBytes];
    return this.#do('unmap', offset, length, async () => {
      if (!this.#zeroing.hasOnlyUnmap || !this.#features.lbaStatus) {
        await this.#zeroing.zero(lba, blockCount, true);
        return;
      }
      await this.#zeroing.unmap(lba, blockCount);
      await this.#zeroMapped(offset, length);
    });
  }

  zero(offset: number, length: number): Promise<void> {
    const [lba, blockCount] = [offset / this.#blockBytes, length / this.#blockBytes];
    return this.#do('writeZeroes', offset, length, () => this.#zeroing.zero(lba, blockCount, false));
  }

  extents(offset: number, length: number, limit: number): Promise<Extent[]> {
    return this.#do('extents', offset, length, () => this.#extents(offset, length, limit));
  }

  get #blockBytes(): number {
    return this.#properties.blockBytes;
  }

  /** Bytes of one READ or WRITE, in whole blocks. */
  get #pieceBytes(): number {
    const { maxTransferBytes } = this.#properties;
    return maxTransferBytes - (maxTransferBytes % this.#blockBytes);
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
      TRANSFER_LENGTH: lengthBytes / this.#blockBytes,
    });
    await this.#unit.run({ cdb, write, idempotent: true });
  }

  /** UNMAP is only a hint (SBC-3 4.7.3.4): what is still mapped gets zeroes. */
  async #zeroMapped(offset: number, length: number): Promise<void> {
    const end = offset + length;
    for (let at = offset; at < end;) {
      for (const extent of await this.#extents(at, end - at, 64)) {
        const [lba, blockCount] = [extent.offset / this.#blockBytes, extent.length / this.#blockBytes];
        if (extent.state === 'mapped') await this.#zeroing.zero(lba, blockCount, false);
        at = extent.offset + extent.length;
      }
    }
  }

  async #extents(offset: number, length: number, limit: number): Promise<Extent[]> {
    const collector = new ExtentCollector(offset, length, limit);
    while (!collector.done) {
      const runs = this.#features.lbaStatus
        ? await this.#lbaStatus(collector.offset / this.#blockBytes)
        : undefined;
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
      collector.addUntil((lba + blockCount) * this.#blockBytes, state);
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
    if (data === undefined) this.#features.lbaStatus = false;
    return data === undefined ? undefined : parseLbaStatus(data);
  }
}
