import { isPromise, type MaybePromise, type WriteOptions } from '@lunbox/block';
import { concatBytes } from '../bytes.ts';
import type { DataOut, Finished } from '../execution.ts';
import { miscompare } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { GOOD } from '../answers.ts';
import { firstDifference, readCovering } from './covering-blocks.ts';
import { MediaTransfer, totalBytes } from './media-transfer.ts';
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
  }

  write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    const { blockSize } = this.itl.unit;
    const offset = this.startOffset + offsetBytes;
    if (offset % blockSize !== 0 || totalBytes(from) % blockSize !== 0)
      return this.#writeUnaligned(from, offset);
    try {
      const result = this.store(from, offset);
      if (isPromise(result)) return result.catch((error: unknown) => this.fail(error, 'write', offset));
    } catch (error) {
      this.fail(error, 'write', offset);
    }
  }

  finish(_receivedBytes: number): MaybePromise<Finished> {
    const incomplete = this.#partial?.takeIncomplete() ?? [];
    return incomplete.length === 0 ? GOOD : this.#merge(incomplete);
  }

  /** Stores whole blocks. */
  protected store(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return this.itl.unit.device.write(from, offset, this.#options);
  }

  #writeUnaligned(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    this.#partial ??= new PartialBlocks(this.itl.unit.blockSize);
    const whole = this.#partial.add(concatBytes(from), offset);
    if (whole.length === 0) return;
    return this.itl.guarded('write', offset, async () => {
      for (const run of whole) await this.store([run.bytes], run.offset);
    });
  }

  /** The initiator sent less than the CDB said: what it sent of the last block goes over what is there. */
  async #merge(blocks: readonly PartialBlock[]): Promise<Finished> {
    for (const block of blocks) {
      await this.itl.guarded('write', block.offset, async () => {
        const merged = await readCovering(this.itl.unit.device, block.offset, block.bytes.length);
        for (const { start, end } of block.runs) merged.set(block.bytes.subarray(start, end), start);
        await this.store([merged], block.offset);
      });
    }
    return GOOD;
  }
}

/** The data of a WRITE AND VERIFY command: every piece goes to the medium, is read back and compared. */
export class MediaWriteAndVerify extends MediaWrite {
  constructor(itl: ItlNexus, startOffset: number, lengthBytes: number) {
    super(itl, startOffset, lengthBytes, true);
  }

  protected override async store(from: readonly Uint8Array[], offset: number): Promise<void> {
    await super.store(from, offset);
    const written = concatBytes(from);
    const stored = await readCovering(this.itl.unit.device, offset, written.length);
    const difference = firstDifference(written, stored);
    if (difference >= 0) throw miscompare(Math.floor((offset + difference) / this.itl.unit.blockSize));
  }
}
