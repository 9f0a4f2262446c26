import { blob, Layout, nu64be, seq, struct, u32be, type Structure } from 'buffer-layout';
import assert from 'node:assert/strict';
import { HEADER_BYTES, REGION_LIMIT } from './format.ts';

/** One entry of the region table, as it lies on disk. */
export interface RegionFields {
  type: number;
  flags: number;
  offset: number;
  length: number;
  reserved: Buffer;
}

/** 64 bits, exactly: inode numbers and times in nanoseconds do not fit a double. */
class ExactUInt64 extends Layout<bigint> {
  constructor(property: string) {
    super(8, property);
  }

  override decode(source: Buffer, offset = 0): bigint {
    return source.readBigUInt64BE(offset);
  }

  override encode(value: bigint, target: Buffer, offset = 0): number {
    return target.writeBigUInt64BE(BigInt.asUintN(64, value), offset) - offset;
  }
}

const REGION_BYTES = 32;

/** Declares one entry of the region table; `docs/container-format.md` is made from it. */
export const regionLayout: Structure<RegionFields> = struct<RegionFields>([
  u32be('type'),
  u32be('flags'),
  nu64be('offset'),
  nu64be('length'),
  blob(8, 'reserved'),
]);
assert.equal(regionLayout.span, REGION_BYTES);

/** The 4 KiB binary header, field by field, as it lies on disk. All numbers are big-endian. */
export interface HeaderFields {
  magic: Buffer;
  formatVersion: number;
  headerLength: number;
  ownOffset: number;
  sequence: number;
  headerCrc: number;
  attributesLength: number;
  attributesCrc: number;
  reserved1: Buffer;
  incompatibleFeatures: number;
  compatibleFeatures: number;
  autoclearFeatures: number;
  role: number;
  identity: Buffer;
  origin: Buffer;
  generation: Buffer;
  writeSession: Buffer;
  capacity: number;
  dataOffset: number;
  blockSize: number;
  openState: number;
  stampSize: number;
  stampModifiedNs: bigint;
  stampInode: bigint;
  stampBornNs: bigint;
  updatedMs: number;
  openerPid: number;
  regionCount: number;
  openerBootId: Buffer;
  openerHost: Buffer;
  reserved2: Buffer;
  regions: RegionFields[];
  reserved3: Buffer;
}

/** Room for the name of the host that opened the object last, UTF-8, padded with zeroes. */
export const HOST_NAME_BYTES = 64;

/** Declares the header; `docs/container-format.md` is made from it. */
export const headerLayout: Structure<HeaderFields> = struct<HeaderFields>([
  blob(8, 'magic'),
  u32be('formatVersion'),
  u32be('headerLength'),
  nu64be('ownOffset'),
  nu64be('sequence'),
  u32be('headerCrc'),
  u32be('attributesLength'),
  u32be('attributesCrc'),
  blob(4, 'reserved1'),
  u32be('incompatibleFeatures'),
  u32be('compatibleFeatures'),
  u32be('autoclearFeatures'),
  u32be('role'),
  blob(16, 'identity'),
  blob(16, 'origin'),
  blob(16, 'generation'),
  blob(16, 'writeSession'),
  nu64be('capacity'),
  nu64be('dataOffset'),
  u32be('blockSize'),
  u32be('openState'),
  nu64be('stampSize'),
  new ExactUInt64('stampModifiedNs'),
  new ExactUInt64('stampInode'),
  new ExactUInt64('stampBornNs'),
  nu64be('updatedMs'),
  u32be('openerPid'),
  u32be('regionCount'),
  blob(16, 'openerBootId'),
  blob(HOST_NAME_BYTES, 'openerHost'),
  blob(744, 'reserved2'),
  seq(regionLayout, REGION_LIMIT, 'regions'),
  blob(2560, 'reserved3'),
]);
assert.equal(headerLayout.span, HEADER_BYTES);
assert.equal(headerLayout.offsetOf('regions'), 1024);
