import { isPromise, mapMaybe, totalLength, type MaybePromise, type WriteOptions } from '@lunbox/block';
import { concatBytes } from '../bytes.ts';
import type { DataOut, Finished } from '../execution.ts';
import { miscompare } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { GOOD, TASK_ABORTED } from '../answers.ts';
import { firstDifference, readCovering } from './covering-blocks.ts';
import { MediaTransfer } from './media-transfer.ts';
import type { BlockAccess } from './medium.ts';
import { PartialBlocks, type PartialBlock } from './partial-blocks.ts';

const FUA: WriteOptions = { fua: true };

/** The data of a WRITE command, stored piece by piece as it arrives. */
export class MediaWrite extends MediaTransfer implements DataOut {
  readonly kind = 'data-out';
  readonly #options: WriteOptions | undefined;
  #partial: PartialBlocks | undefined = undefined;

  /** @param forceUnitAccess every piece is on the medium before its `write` completes */
  constructor(itl: ItlNexus, startOffset: number, lengthBytes: number, forceUnitAccess: boolean) {
    super(itl, startOffset, lengthBytes);
    this.#options = forceUnitAccess ? FUA : undefined;
    const { blockSize, statistics, tasks } = itl.unit;
    statistics.writes.begin(lengthBytes / blockSize, tasks.startMs);
  }

  write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    if (this.itl.unit.aca.established) {
      return this.unlessBlocked(() => this.#write(from, offsetBytes), undefined);
    }
    return this.#write(from, offsetBytes);
  }

  finish(_receivedBytes: number): MaybePromise<Finished> {
    return this.itl.unit.aca.established
      ? this.unlessBlocked(() => this.#finish(), TASK_ABORTED)
      : this.#finish();
  }

  #write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    const { blockSize } = this.medium;
    const offset = this.startOffset + offsetBytes;
    if (offset % blockSize !== 0 || totalLength(from) % blockSize !== 0)
      return this.#writeUnaligned(from, offset);
    try {
      const result = this.storePiece(from, offset);
      if (isPromise(result)) return result.catch((error: unknown) => this.fail(error, 'write', offset));
    } catch (error) {
      this.fail(error, 'write', offset);
    }
  }

  #finish(): MaybePromise<Finished> {
    const incomplete = this.#partial?.takeIncomplete() ?? [];
    return incomplete.length === 0 ? GOOD : this.#merge(incomplete);
  }

  protected override ended(): number {
    this.itl.unit.thresholds.check(this.itl);
    return this.itl.unit.statistics.writes.end();
  }

  /** Stores whole blocks of the transfer. */
  protected storePiece(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.store(this.medium, from, offset);
  }

  /** Stores whole blocks by way of `device`. */
  protected store(device: BlockAccess, from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return device.write(from, offset, this.#options);
  }

  /** What is stored there: a failure is one of reading, although the command writes. */
  protected readBack(device: BlockAccess, offset: number, lengthBytes: number): MaybePromise<Uint8Array> {
    return this.itl.guarded('read', offset, () => readCovering(device, offset, lengthBytes));
  }

  #writeUnaligned(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    this.#partial ??= new PartialBlocks(this.medium.blockSize);
    const whole = this.#partial.add(concatBytes(from), offset);
    if (whole.length === 0) return;
    return this.itl.guarded('write', offset, async () => {
      for (const run of whole) await this.storePiece([run.bytes], run.offset);
    });
  }

  /** The initiator sent less than the CDB said: what it sent of the last block goes over what is there. */
  async #merge(blocks: readonly PartialBlock[]): Promise<Finished> {
    const { medium } = this;
    for (const block of blocks) {
      const { offset, bytes, runs } = block;
      await this.itl.guarded('write', offset, () =>
        medium.uninterrupted(offset, bytes.length, async (device) => {
          const merged = await this.readBack(device, offset, bytes.length);
          for (const { start, end } of runs) merged.set(bytes.subarray(start, end), start);
          await this.store(device, [merged], offset);
        }),
      );
    }
    return GOOD;
  }
}

/** Every piece is written and read as one uninterrupted action: what others write is not taken for its own. */
abstract class MediaReadAndWrite extends MediaWrite {
  protected override storePiece(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    const { medium } = this;
    return medium.uninterrupted(offset, totalLength(from), (device) => this.store(device, from, offset));
  }
}

/** The data of a WRITE AND VERIFY command: every piece goes to the medium, is read back and compared. */
export class MediaWriteAndVerify extends MediaReadAndWrite {
  constructor(itl: ItlNexus, startOffset: number, lengthBytes: number) {
    super(itl, startOffset, lengthBytes, true);
  }

  protected override async store(
    device: BlockAccess,
    from: readonly Uint8Array[],
    offset: number,
  ): Promise<void> {
    await super.store(device, from, offset);
    const written = concatBytes(from);
    const stored = await this.readBack(device, offset, written.length);
    const difference = firstDifference(written, stored);
    if (difference >= 0) throw miscompare(Math.floor((offset + difference) / this.medium.blockSize));
  }
}

/**
 * The data of an ORWRITE command: every piece is read, united with the data and written in one go. The order
 * of pieces does not matter, as bits are only ever set.
 */
export class MediaOrWrite extends MediaReadAndWrite {
  protected override store(
    device: BlockAccess,
    from: readonly Uint8Array[],
    offset: number,
  ): MaybePromise<void> {
    const united = concatBytes(from);
    return mapMaybe(this.readBack(device, offset, united.length), (found) => {
      for (let at = 0; at < united.length; at++) united[at]! |= found[at]!;
      return super.store(device, [united], offset);
    });
  }
}
