import { u16be, u24be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';

/** FORMAT of READ DISC STRUCTURE (MMC-6 table 385). */
export const DiscStructureFormat = {
  PHYSICAL: 0x00,
  COPYRIGHT: 0x01,
  MANUFACTURING: 0x04,
  LIST: 0xff,
} as const;

/** Physical format information of a DVD (MMC-6 table 392). */
export interface PhysicalFormat {
  /** 0: DVD-ROM. */
  DISC_CATEGORY: number;
  PART_VERSION: number;
  /** 0: 120 mm. */
  DISC_SIZE: number;
  /** Fh: not said. */
  MAXIMUM_RATE: number;
  /** 1: the layer has an embossed data area. */
  LAYER_TYPE: number;
  STARTING_PHYSICAL_SECTOR: number;
  END_PHYSICAL_SECTOR: number;
}

const physicalFormat: Structure<PhysicalFormat> = structure(2048, [
  flags('DISC_CATEGORY:4', 'PART_VERSION:4'),
  flags('DISC_SIZE:4', 'MAXIMUM_RATE:4'),
  flags('RESERVED', 'NUMBER_OF_LAYERS:2', 'TRACK', 'LAYER_TYPE:4'),
  flags('LINEAR_DENSITY:4', 'TRACK_DENSITY:4'),
  bytes(1),
  u24be('STARTING_PHYSICAL_SECTOR'),
  bytes(1),
  u24be('END_PHYSICAL_SECTOR'),
  bytes(1),
  u24be('END_PHYSICAL_SECTOR_OF_LAYER_0'),
  flags('BCA', 'RESERVED:7'),
  bytes(2031),
]);

/** Where the data area of every DVD begins; 24 bits of sectors are there behind it. */
const FIRST_SECTOR = 0x03_0000;
const MAX_SECTOR = 0xff_ffff;

const structureHeader = structure<{ DISC_STRUCTURE_LENGTH: number }>(4, [
  u16be('DISC_STRUCTURE_LENGTH'),
  bytes(2),
]);

/** An entry of the list of formats: what can be read (MMC-6 table 388). */
export interface DiscStructureEntry {
  FORMAT: number;
  /** 1: can be read. */
  RDS: number;
  FORMAT_LENGTH: number;
}

const listEntry: Structure<DiscStructureEntry> = structure(4, [
  u8('FORMAT'),
  flags('SDS', 'RDS', 'RESERVED:6'),
  u16be('FORMAT_LENGTH'),
]);

/** No protection, all regions. */
const COPYRIGHT_BYTES = 4;
const MANUFACTURING_BYTES = 2048;

const BODIES: ReadonlyMap<number, (blockCount: number) => Uint8Array> = new Map<
  number,
  (blockCount: number) => Uint8Array
>([
  [DiscStructureFormat.PHYSICAL, physical],
  [DiscStructureFormat.COPYRIGHT, (): Uint8Array => new Uint8Array(COPYRIGHT_BYTES)],
  [DiscStructureFormat.MANUFACTURING, (): Uint8Array => new Uint8Array(MANUFACTURING_BYTES)],
  [DiscStructureFormat.LIST, list],
]);

/** READ DISC STRUCTURE of a DVD of one layer; undefined for a format that it does not have. */
export function buildDiscStructure(format: number, blockCount: number): Uint8Array<ArrayBuffer> | undefined {
  const body = BODIES.get(format)?.(blockCount);
  if (body === undefined) return undefined;
  const header = structureHeader.encode({ DISC_STRUCTURE_LENGTH: body.length + 2 });
  return concatBytes([header, body]);
}

/** Reads the physical format information of a DVD (format 00h, with its header). */
export function parsePhysicalFormat(data: Uint8Array): PhysicalFormat {
  return physicalFormat.decode(data, structureHeader.spanBytes);
}

/** Reads the answer of READ DISC STRUCTURE with this format; what has no fields here is left as it is. */
export function parseDiscStructure(
  format: number,
  data: Uint8Array,
): PhysicalFormat | { formats: DiscStructureEntry[] } | { bytes: Uint8Array } {
  if (format === DiscStructureFormat.PHYSICAL) return parsePhysicalFormat(data);
  const start = structureHeader.spanBytes;
  if (format !== DiscStructureFormat.LIST) return { bytes: data.subarray(start) };
  const end = 2 + structureHeader.decode(data).DISC_STRUCTURE_LENGTH;
  return { formats: decodeList(listEntry, data, start, end) };
}

/** A disc that is larger than every DVD ends with the last sector that can be told. */
function physical(blockCount: number): Uint8Array {
  return physicalFormat.encode({
    PART_VERSION: 1,
    MAXIMUM_RATE: 0xf,
    LAYER_TYPE: 1,
    STARTING_PHYSICAL_SECTOR: FIRST_SECTOR,
    END_PHYSICAL_SECTOR: Math.min(MAX_SECTOR, FIRST_SECTOR + blockCount - 1),
  });
}

function list(): Uint8Array {
  const lengths = [
    [DiscStructureFormat.PHYSICAL, physicalFormat.spanBytes],
    [DiscStructureFormat.COPYRIGHT, COPYRIGHT_BYTES],
    [DiscStructureFormat.MANUFACTURING, MANUFACTURING_BYTES],
    [DiscStructureFormat.LIST, 4 * listEntry.spanBytes],
  ] as const;
  const encode = ([FORMAT, length]: readonly [number, number]): Uint8Array =>
    listEntry.encode({ FORMAT, RDS: 1, FORMAT_LENGTH: length + structureHeader.spanBytes });
  return concatBytes(lengths.map(encode));
}
