import { mapMaybe, totalLength, type MaybePromise } from '@lunbox/block';
import { GOOD, TASK_ABORTED } from '../answers.ts';
import { concatBytes } from '../bytes.ts';
import type { DataIn, DataOut, Finished } from '../execution.ts';
import type { BlockDifference } from '../protection/protect-fields.ts';
import { withGuards, type ProtectedBlocks } from '../protection/protection-information.ts';
import type { MediumAccess } from '../sense/block-failures.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest } from '../sense/check-condition-error.ts';
import { scatter } from './covering-blocks.ts';
import { MediaTransfer } from './media-transfer.ts';
import { PartialBlocks } from './partial-blocks.ts';
import type { ProtectedAccess } from './protected-access.ts';

/** The part of transfers that carry protection information, or check it in a way of their own. */
abstract class ProtectedTransfer extends MediaTransfer {
  protected readonly access: ProtectedAccess;
  protected readonly lba: number;
  protected readonly blockCount: number;

  constructor(access: ProtectedAccess, lba: number, blockCount: number) {
    super(access.itl, access.offsetOf(lba), blockCount * access.unitBytes);
    this.access = access;
    this.lba = lba;
    this.blockCount = blockCount;
  }
}

/** Where a piece of a read lies: the blocks that it touches, and its bytes in them. */
interface PlaceOfPiece {
  readonly lba: number;
  readonly blockCount: number;
  readonly start: number;
  readonly lengthBytes: number;
}

/** The data of a READ command. */
export class ProtectedRead extends ProtectedTransfer implements DataIn {
  readonly kind = 'data-in';
  #begun = false;

  /** The command is counted from now on. */
  begin(): this {
    const { statistics, tasks } = this.itl.unit;
    this.#begun = true;
    statistics.reads.begin(this.blockCount, tasks.startMs);
    return this;
  }

  /** A piece may start and end inside a block: the blocks that it touches are read and checked whole. */
  read(into: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    const { unitBytes } = this.access;
    const lengthBytes = totalLength(into);
    if (lengthBytes === 0) return;
    const first = Math.floor(offsetBytes / unitBytes);
    const blockCount = Math.ceil((offsetBytes + lengthBytes) / unitBytes) - first;
    const lba = this.lba + first;
    const start = offsetBytes - first * unitBytes;
    return this.unlessBlocked(() => this.#read(into, { lba, blockCount, start, lengthBytes }), undefined);
  }

  #read(into: readonly Uint8Array[], place: PlaceOfPiece): MaybePromise<void> {
    const { lba, blockCount, start, lengthBytes } = place;
    return this.itl.guarded('read', this.access.offsetOf(lba), () => {
      const found = this.access.inTurn(lba, blockCount, () => this.access.read(lba, blockCount));
      return mapMaybe(found, (blocks) => {
        scatter(this.access.toWire(blocks).subarray(start, start + lengthBytes), into);
      });
    });
  }

  protected override ended(): number | undefined {
    return this.#begun ? this.itl.unit.statistics.reads.end() : undefined;
  }
}

/** Data-Out that is taken block by block, in any order. */
abstract class ProtectedDataOut extends ProtectedTransfer {
  readonly kind = 'data-out';
  readonly #partial: PartialBlocks;

  constructor(access: ProtectedAccess, lba: number, blockCount: number) {
    super(access, lba, blockCount);
    this.#partial = new PartialBlocks(access.unitBytes);
  }

  write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    const { unitBytes } = this.access;
    const runs = this.#partial.add(concatBytes(from), offsetBytes);
    const take = (index: number): MaybePromise<void> => {
      const run = runs[index];
      if (run === undefined) return;
      const lba = this.lba + run.offset / unitBytes;
      const taken = this.itl.guarded('write', this.access.offsetOf(lba), () => this.take(lba, run.bytes));
      return mapMaybe(taken, () => take(index + 1));
    };
    return this.unlessBlocked(() => take(0), undefined);
  }

  /** A block of which a part came cannot be put together with what is stored: its guard would be wrong. */
  protected refuseIncomplete(): void {
    if (this.#partial.takeIncomplete().length > 0) throw tooLittleData();
  }

  /** GOOD unless `check` throws. */
  protected finishing(access: MediumAccess, check: () => void): MaybePromise<Finished> {
    const finish = (): Finished => {
      check();
      return GOOD;
    };
    return this.unlessBlocked(() => this.itl.guarded(access, this.startOffset, finish), TASK_ABORTED);
  }

  /** Whole blocks have come. */
  protected abstract take(lba: number, wire: Uint8Array): MaybePromise<void>;
}

/** How a write goes on once its blocks are checked. */
export type StoreBlocks = (
  access: ProtectedAccess,
  lba: number,
  blocks: ProtectedBlocks,
  fua: boolean,
) => MaybePromise<void>;

/** The data of a WRITE command with protection information, checked and stored piece by piece. */
export class ProtectedWrite extends ProtectedDataOut implements DataOut {
  readonly #fua: boolean;
  readonly #store: StoreBlocks;

  constructor(access: ProtectedAccess, lba: number, blockCount: number, fua: boolean, store: StoreBlocks) {
    super(access, lba, blockCount);
    this.#fua = fua;
    this.#store = store;
    const { statistics, tasks } = this.itl.unit;
    statistics.writes.begin(blockCount, tasks.startMs);
  }

  finish(): MaybePromise<Finished> {
    return this.finishing('write', () => this.refuseIncomplete());
  }

  protected override ended(): number {
    this.itl.unit.thresholds.check(this.itl);
    return this.itl.unit.statistics.writes.end();
  }

  protected take(lba: number, wire: Uint8Array): MaybePromise<void> {
    return this.#store(this.access, lba, this.access.received(lba, wire), this.#fua);
  }
}

/** WRITE. */
export const storeBlocks: StoreBlocks = (access, lba, blocks, fua) =>
  access.inTurn(lba, blockCountOf(access, blocks), () => access.write(lba, blocks, fua));

/** WRITE AND VERIFY. */
export const storeAndVerify: StoreBlocks = (access, lba, blocks) =>
  mapMaybe(storeBlocks(access, lba, blocks, true), () =>
    mapMaybe(access.verifyWritten(lba, blocks), (difference) => {
      if (difference !== undefined) throw difference.error(lba + difference.block);
    }),
  );

/** ORWRITE: the guard is that of the union, the tags are those that came. */
export const storeUnion: StoreBlocks = (access, lba, blocks, fua) => {
  const blockCount = blockCountOf(access, blocks);
  return access.medium.uninterrupted(access.offsetOf(lba), blocks.data.length, () =>
    mapMaybe(access.read(lba, blockCount), (stored) => {
      const data = blocks.data.map((byte, at) => byte | stored.data[at]!);
      return access.write(lba, { data, tags: withGuards({ data, tags: blocks.tags }) }, fua);
    }),
  );
};

/** The data of a VERIFY command with BYTCHK 01b. */
export class ProtectedCompare extends ProtectedDataOut implements DataOut {
  #first: { readonly lba: number; readonly difference: BlockDifference } | undefined = undefined;

  finish(receivedBytes: number): MaybePromise<Finished> {
    return this.finishing('read', () => {
      if (this.#first !== undefined) throw this.#first.difference.error(this.#first.lba);
      if (receivedBytes < this.lengthBytes) throw tooLittleData();
    });
  }

  protected take(lba: number, wire: Uint8Array): MaybePromise<void> {
    const expected = this.access.received(lba, wire);
    const blockCount = blockCountOf(this.access, expected);
    const read = this.access.inTurn(lba, blockCount, () => this.access.read(lba, blockCount, true));
    return mapMaybe(read, (found) => {
      const difference = this.access.compare(expected, found);
      if (difference === undefined) return;
      const at = lba + difference.block;
      if (this.#first === undefined || at < this.#first.lba) this.#first = { lba: at, difference };
    });
  }
}

function blockCountOf(access: ProtectedAccess, { data }: ProtectedBlocks): number {
  return data.length / access.device.blockSize;
}

function tooLittleData(): Error {
  return illegalRequest(AdditionalSenseCode.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
}
