import {
  BaseDevice,
  isPromise,
  mapMaybe,
  RangeLock,
  yieldTurn,
  zeroes,
  type BlockDevice,
  type Extent,
  type LockMode,
  type MaybePromise,
} from '@lunbox/block';
import { concatBytes } from '../bytes.ts';
import { readCovering } from '../media/covering-blocks.ts';
import { STEP_BYTES } from '../media/in-steps.ts';
import { whileHeld } from '../media/while-held.ts';
import { blockGuard } from './guard.ts';
import { checkedFields, NO_FIELDS } from './protect-fields.ts';
import { ProtectionArea, type ProtectionAreaOptions } from './protection-area.ts';
import {
  checkBlocks,
  generateTags,
  isUnchecked,
  PROTECTION_BYTES,
  type ProtectedBlocks,
  type ProtectionFields,
  type ProtectionType,
  type TagExpectation,
} from './protection-information.ts';

/** What the Control mode page says about protection information (SPC-4 7.5.8). */
export interface ProtectionSettings {
  /** ATO: the application tags belong to the initiator. */
  readonly applicationTagOwned: boolean;
  /** DPICZ: with 000b in RDPROTECT and the like, nothing is checked. */
  readonly plainChecksDisabled: boolean;
}

const ALL_FIELDS = checkedFields(0) ?? NO_FIELDS;

/**
 * A disk with protection information (SBC-3 4.22), which is kept on a second device, so that the disk itself stays a
 * plain raw image. A logical unit over such a device reads, writes and checks it. The device borrows both others:
 * closing it flushes them, and leaves them open.
 *
 * User data and protection information are two writes. After an unclean stop, in the regions that were being written
 * to, blocks whose guard does not fit are given protection information of FFh, which nobody checks: what was
 * acknowledged and not flushed must not be an error for ever. See {@link ProtectedDevice.unknownBlocks}.
 *
 * Reading and writing by the `BlockDevice` methods does what 000b in RDPROTECT and WRPROTECT does: a block that fails
 * the check rejects with a `CheckConditionError`.
 */
export class ProtectedDevice extends BaseDevice {
  readonly readOnly: boolean;
  /** The disk without protection information. */
  readonly data: BlockDevice;
  /** Blocks that were found not to fit their protection information after an unclean stop. */
  readonly unknownBlocks: number;
  /** Set by the logical unit. @internal */
  settings: ProtectionSettings = { applicationTagOwned: false, plainChecksDisabled: false };
  readonly #area: ProtectionArea;
  readonly #lock = new RangeLock({ limit: Number.MAX_SAFE_INTEGER });
  readonly #endings: readonly (() => void)[];

  private constructor(data: BlockDevice, area: ProtectionArea, unknownBlocks: number) {
    super(data.blockSize);
    this.data = data;
    this.readOnly = data.readOnly;
    this.unknownBlocks = unknownBlocks;
    this.#area = area;
    const announce = (): void => this.announceResize();
    this.#endings = [data.onResize(announce), area.onResize(announce)];
  }

  /** Makes a new area, whatever the device held before, and formats the disk with a type: 0 is no protection yet. */
  static async create(options: ProtectionAreaOptions, type: ProtectionType): Promise<ProtectedDevice> {
    return new ProtectedDevice(options.data, await ProtectionArea.create(options, type), 0);
  }

  /**
   * Opens an area that was made before, and looks through the regions that were written to when it was not closed in
   * order. Rejects with a `ProtectionAreaError` when it does not belong to the disk.
   */
  static async open(options: ProtectionAreaOptions): Promise<ProtectedDevice> {
    const area = await ProtectionArea.open(options);
    return new ProtectedDevice(options.data, area, await recover(options.data, area));
  }

  /** How a disk is formatted, without a look at more than that. Rejects as `open` does. */
  static async typeOf(options: ProtectionAreaOptions): Promise<ProtectionType> {
    return (await ProtectionArea.open(options)).type;
  }

  /** How the disk is formatted. */
  get type(): ProtectionType {
    return this.#area.type;
  }

  /** As much of the disk as the area has room for: one that grows needs an area that does so first. */
  get size(): number {
    return protectedBytes(this.data, this.#area);
  }

  /** The largest disk, in bytes, that the area has room for. */
  get roomBytes(): number {
    return this.#area.blockCapacity * this.blockSize;
  }

  /** Formats the disk with a type: all protection information is FFh. User data stays as it is. */
  async format(type: ProtectionType): Promise<void> {
    await this.#area.format(type);
  }

  /** Reads blocks with their protection information, and checks it. */
  readProtected(
    lba: number,
    blockCount: number,
    fields: ProtectionFields,
    expected: TagExpectation,
  ): MaybePromise<ProtectedBlocks> {
    const { blockSize } = this;
    const data = new Uint8Array(blockCount * blockSize);
    return this.#locked('shared', lba * blockSize, data.length, () => {
      const read = this.data.read([data], lba * blockSize);
      return mapMaybe(read, () => this.#checked(data, lba, fields, expected));
    });
  }

  /** Stores blocks with the protection information that they came with. */
  writeProtected(lba: number, blocks: ProtectedBlocks, fua: boolean): MaybePromise<void> {
    return this.change('write', () => this.#store([blocks.data], lba * this.blockSize, blocks.tags, fua));
  }

  protected readRange(into: readonly Uint8Array[], offset: number, length: number): MaybePromise<void> {
    const fields = this.settings.plainChecksDisabled ? NO_FIELDS : ALL_FIELDS;
    if (this.type === 0 || fields === NO_FIELDS) return this.data.read(into, offset);
    const lba = offset / this.blockSize;
    return this.#locked('shared', offset, length, () =>
      mapMaybe(this.data.read(into, offset), () => {
        const data = into.length === 1 ? into[0]! : concatBytes(into);
        return mapMaybe(this.#checked(data, lba, fields, this.knownTags(lba)), () => undefined);
      }),
    );
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    _length: number,
    fua: boolean,
  ): MaybePromise<void> {
    if (this.type === 0) return this.data.write(from, offset, { fua });
    const data = from.length === 1 ? from[0]! : concatBytes(from);
    return this.#store(from, offset, this.#generate(data, offset), fua);
  }

  protected flushAll(): MaybePromise<void> {
    if (this.type === 0) return this.data.flush();
    return this.#area.regions.flushed(() => mapMaybe(this.data.flush(), () => this.#area.flush()));
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.#giveBack(offset, length, () => this.data.unmap(offset, length));
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    if (this.type === 0) return this.data.writeZeroes(offset, length, { mayUnmap });
    if (mayUnmap)
      return this.#giveBack(offset, length, () => this.data.writeZeroes(offset, length, { mayUnmap }));
    return this.#zeroInSteps(offset, length);
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    return this.data.extents(offset, length, { limit });
  }

  protected release(): MaybePromise<void> {
    for (const end of this.#endings) end();
    if (this.readOnly) return;
    return mapMaybe(this.#area.regions.clearAll(), () => this.#area.flush());
  }

  /** What is known of the tags of blocks when nobody tells: with type 1 the reference tag is the LBA. @internal */
  knownTags(lba: number): TagExpectation {
    return { referenceTag: this.type === 1 ? lba % 2 ** 32 : undefined, applicationTag: undefined };
  }

  #checked(
    data: Uint8Array,
    lba: number,
    fields: ProtectionFields,
    expected: TagExpectation,
  ): MaybePromise<ProtectedBlocks> {
    return mapMaybe(this.#area.read(lba, data.length / this.blockSize), (tags) => {
      checkBlocks({ data, tags }, this.type, lba, fields, expected);
      return { data, tags };
    });
  }

  /** SBC-3 table 119: an application tag that belongs to the initiator is FFFFh when we have to make one up. */
  #generate(data: Uint8Array, offset: number): Uint8Array {
    const applicationTag = this.settings.applicationTagOwned ? 0xffff : 0;
    return generateTags(data, this.blockSize, this.type, offset / this.blockSize, applicationTag);
  }

  #store(from: readonly Uint8Array[], offset: number, tags: Uint8Array, fua: boolean): MaybePromise<void> {
    const length = (tags.length / PROTECTION_BYTES) * this.blockSize;
    return this.#locked('exclusive', offset, length, () =>
      this.#area.regions.whileMarked(offset, length, () =>
        mapMaybe(this.data.write(from, offset, { fua }), () =>
          this.#area.write(offset / this.blockSize, tags, fua),
        ),
      ),
    );
  }

  async #zeroInSteps(start: number, length: number): Promise<void> {
    const end = start + length;
    for (let offset = start; offset < end; offset += STEP_BYTES) {
      const stepBytes = Math.min(STEP_BYTES, end - offset);
      const from = zeroes(stepBytes);
      await this.#store(from, offset, this.#generate(concatBytes(from), offset), false);
      if (end - offset > STEP_BYTES) await yieldTurn();
    }
  }

  /** Blocks that are given back have protection information of FFh, which is so before their data is gone. */
  #giveBack(offset: number, length: number, work: () => MaybePromise<void>): MaybePromise<void> {
    if (this.type === 0) return work();
    const { blockSize } = this;
    return this.#locked('exclusive', offset, length, () =>
      this.#area.regions.whileMarked(offset, length, () =>
        mapMaybe(this.#area.clear(offset / blockSize, length / blockSize), work),
      ),
    );
  }

  /** Writing keeps others from all blocks whose protection information is stored together. */
  #locked<T>(mode: LockMode, offset: number, length: number, work: () => MaybePromise<T>): MaybePromise<T> {
    if (mode === 'shared') return whileHeld(this.#lock.acquire(offset, length, mode), work);
    const unit = this.#area.blocksTogether * this.blockSize;
    const start = Math.floor(offset / unit) * unit;
    const end = Math.ceil((offset + length) / unit) * unit;
    return whileHeld(this.#lock.acquire(start, end - start, mode), work);
  }
}

/** The whole blocks of the disk that the area has room for. */
function protectedBytes({ size, blockSize }: BlockDevice, { blockCapacity }: ProtectionArea): number {
  return Math.min(size - (size % blockSize), blockCapacity * blockSize);
}

/** Looks through the regions that are marked; answers how many blocks have lost their protection information. */
async function recover(data: BlockDevice, area: ProtectionArea): Promise<number> {
  let unknownBlocks = 0;
  const size = protectedBytes(data, area);
  const marked = await area.regions.load();
  if (marked.length === 0 || data.readOnly) return 0;
  for (const region of area.type === 0 ? [] : marked) {
    const end = Math.min(size, region.offset + region.length);
    for (let offset = region.offset; offset < end; offset += STEP_BYTES) {
      unknownBlocks += await recoverStep(data, area, offset, Math.min(STEP_BYTES, end - offset));
      await yieldTurn();
    }
  }
  await area.flush();
  await area.regions.clearAll();
  return unknownBlocks;
}

async function recoverStep(
  data: BlockDevice,
  area: ProtectionArea,
  offset: number,
  length: number,
): Promise<number> {
  const { blockSize } = data;
  const lba = offset / blockSize;
  const found = readCovering(data, offset, length);
  const user = isPromise(found) ? await found : found;
  const tags = await area.read(lba, length / blockSize);
  let unknown = 0;
  for (let block = 0; block * blockSize < length; block++) {
    const at = block * PROTECTION_BYTES;
    const guard = (tags[at]! << 8) | tags[at + 1]!;
    if (isUnchecked(area.type, tags, at)) continue;
    if (guard === blockGuard(user.subarray(block * blockSize, (block + 1) * blockSize))) continue;
    tags.fill(0xff, at, at + PROTECTION_BYTES);
    unknown++;
  }
  if (unknown > 0) await area.write(lba, tags, false);
  return unknown;
}
