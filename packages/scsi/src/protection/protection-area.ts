import { mapMaybe, type BlockDevice, type MaybePromise } from '@lunbox/block';
import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { readCovering } from '../media/covering-blocks.ts';
import { bytes, structure, text, type Structure } from '../structure.ts';
import { IDENTITY_BYTES } from '../unit/identity.ts';
import { DirtyRegions, regionBytesFor } from './dirty-regions.ts';
import { blockGuard } from './guard.ts';
import { PROTECTION_BYTES, type ProtectionType } from './protection-information.ts';

/** What an area says of itself. */
interface AreaHeader {
  MAGIC: string;
  VERSION: number;
  /** 0 to 3. */
  PROTECTION_TYPE: number;
  /** Logical block length of the disk. */
  BLOCK_BYTES: number;
  REGION_BYTES: number;
  /** Of the disk that the area belongs to. */
  IDENTITY: Uint8Array;
  /** Guard of the bytes before it. */
  CRC: number;
}

const areaHeader: Structure<AreaHeader> = structure(512, [
  text(8, 'MAGIC'),
  u16be('VERSION'),
  u8('PROTECTION_TYPE'),
  bytes(1),
  u32be('BLOCK_BYTES'),
  nu64be('REGION_BYTES'),
  bytes(IDENTITY_BYTES, 'IDENTITY'),
  bytes(470),
  u16be('CRC'),
]);

const MAGIC = 'LUNBOXPI';
const VERSION = 1;
const HEADER_BYTES = 4096;
const MAP_OFFSET = 4096;
const TAGS_OFFSET = 64 * 1024;

/** Why an area cannot be used: not written by us, damaged, or that of another disk. */
export class ProtectionAreaError extends Error {
  override readonly name = 'ProtectionAreaError';
  readonly code = 'SCSI_PROTECTION_AREA';
}

/** What an area is made for. */
export interface ProtectionAreaOptions {
  /** The disk whose blocks it protects. */
  readonly data: BlockDevice;
  /** The device that holds protection information: `protectionAreaBytes` long or longer, blocks of 4096 at most. */
  readonly area: BlockDevice;
  /** The 16 bytes that the disk was born with. */
  readonly identity: Uint8Array;
  /** The area reads as zeroes throughout, so that a new one need not be emptied. Default: it is. */
  readonly areaIsZero?: boolean;
}

/** Bytes that the protection information of a disk takes beside it, a multiple of 4096. */
export function protectionAreaBytes(capacityBytes: number, blockSize: number): number {
  const tagBytes = Math.ceil(capacityBytes / blockSize) * PROTECTION_BYTES;
  return Math.ceil((TAGS_OFFSET + tagBytes) / 4096) * 4096;
}

/**
 * Protection information on a device of its own: a header, a map of regions, then 8 bytes for each block, inverted,
 * so that what was never written or is unmapped reads as FFh and checks nothing.
 */
export class ProtectionArea {
  readonly regions: DirtyRegions;
  readonly #device: BlockDevice;
  readonly #header: AreaHeader;

  private constructor(device: BlockDevice, header: AreaHeader) {
    this.#device = device;
    this.#header = header;
    this.regions = new DirtyRegions(device, MAP_OFFSET, header.REGION_BYTES);
  }

  /** Writes an empty area. */
  static async create(options: ProtectionAreaOptions, type: ProtectionType): Promise<ProtectionArea> {
    const { data, area: device, identity, areaIsZero = false } = options;
    if (identity.length !== IDENTITY_BYTES) throw new RangeError(`an identity of ${identity.length} bytes`);
    const area = new ProtectionArea(device, {
      MAGIC,
      VERSION,
      PROTECTION_TYPE: type,
      BLOCK_BYTES: data.blockSize,
      REGION_BYTES: regionBytesFor(data.size),
      IDENTITY: identity,
      CRC: 0,
    });
    if (areaIsZero) {
      await area.#storeHeader();
    } else {
      await area.regions.clearAll();
      await area.format(type);
    }
    return area;
  }

  /** Reads the header. Throws a {@link ProtectionAreaError} when it does not belong to the disk. */
  static async open({ data, area, identity }: ProtectionAreaOptions): Promise<ProtectionArea> {
    const found = await readCovering(area, 0, areaHeader.spanBytes);
    const header = areaHeader.decode(found);
    const refuse = (reason: string): never => {
      throw new ProtectionAreaError(`the protection information cannot be used: ${reason}`);
    };
    if (header.MAGIC !== MAGIC || header.CRC !== blockGuard(found.subarray(0, areaHeader.spanBytes - 2))) {
      refuse('its header is damaged');
    }
    if (header.VERSION !== VERSION || header.PROTECTION_TYPE > 3)
      refuse(`version ${header.VERSION} is unknown`);
    if (Buffer.compare(header.IDENTITY, identity) !== 0) refuse('it belongs to another disk');
    if (header.BLOCK_BYTES !== data.blockSize) refuse(`it is for blocks of ${header.BLOCK_BYTES} bytes`);
    return new ProtectionArea(area, header);
  }

  /** 0 when the disk is not formatted with protection information. */
  get type(): ProtectionType {
    return this.#header.PROTECTION_TYPE as ProtectionType;
  }

  /** Blocks that there is room for. */
  get blockCapacity(): number {
    return Math.max(0, Math.floor((this.#device.size - TAGS_OFFSET) / PROTECTION_BYTES));
  }

  /** Blocks of the disk whose protection information shares a block of the area. */
  get blocksTogether(): number {
    return this.#device.blockSize / PROTECTION_BYTES;
  }

  /** Calls `listener` when the area has another size; returns what ends that. */
  onResize(listener: () => void): () => void {
    return this.#device.onResize(listener);
  }

  /** All protection information is FFh, and the disk has this type; both on stable storage when it completes. */
  async format(type: ProtectionType): Promise<void> {
    await this.#device.unmap(TAGS_OFFSET, this.#device.size - TAGS_OFFSET);
    await this.#device.flush();
    this.#header.PROTECTION_TYPE = type;
    await this.#storeHeader();
  }

  /** On stable storage when it completes. */
  #storeHeader(): MaybePromise<void> {
    const header = areaHeader.encode(this.#header);
    new DataView(header.buffer).setUint16(
      header.length - 2,
      blockGuard(header.subarray(0, header.length - 2)),
    );
    const block = new Uint8Array(HEADER_BYTES);
    block.set(header);
    return this.#device.write([block], 0, { fua: true });
  }

  /** Protection information of consecutive blocks. */
  read(lba: number, blockCount: number): MaybePromise<Uint8Array> {
    const lengthBytes = blockCount * PROTECTION_BYTES;
    return mapMaybe(readCovering(this.#device, tagOffset(lba), lengthBytes), (found) => found.map(invert));
  }

  /** Stores protection information of consecutive blocks. Nobody may do so for blocks that are stored together. */
  write(lba: number, tags: Uint8Array, fua: boolean): MaybePromise<void> {
    return this.#merge(tagOffset(lba), tags.map(invert), fua);
  }

  /** Protection information of consecutive blocks is FFh. The same condition. */
  clear(lba: number, blockCount: number): MaybePromise<void> {
    const { blockSize } = this.#device;
    const start = tagOffset(lba);
    const end = tagOffset(lba + blockCount);
    const innerStart = Math.ceil(start / blockSize) * blockSize;
    const innerEnd = Math.floor(end / blockSize) * blockSize;
    if (innerStart >= innerEnd) return this.#merge(start, new Uint8Array(end - start), false);
    return mapMaybe(this.#merge(start, new Uint8Array(innerStart - start), false), () =>
      mapMaybe(this.#device.unmap(innerStart, innerEnd - innerStart), () =>
        this.#merge(innerEnd, new Uint8Array(end - innerEnd), false),
      ),
    );
  }

  flush(): MaybePromise<void> {
    return this.#device.flush();
  }

  /** Writes bytes that need not start or end at a block of the device. */
  #merge(start: number, stored: Uint8Array, fua: boolean): MaybePromise<void> {
    if (stored.length === 0) return;
    const { blockSize } = this.#device;
    const aligned = start % blockSize === 0 && stored.length % blockSize === 0;
    if (aligned) return this.#device.write([stored], start, { fua });
    const first = Math.floor(start / blockSize) * blockSize;
    const whole = new Uint8Array(Math.ceil((start + stored.length) / blockSize) * blockSize - first);
    return mapMaybe(this.#device.read([whole], first), () => {
      whole.set(stored, start - first);
      return this.#device.write([whole], first, { fua });
    });
  }
}

function tagOffset(lba: number): number {
  return TAGS_OFFSET + lba * PROTECTION_BYTES;
}

function invert(byte: number): number {
  return byte ^ 0xff;
}
