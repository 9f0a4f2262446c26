import { blob, nu64be, seq, struct, u32be, type Structure } from 'buffer-layout';
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';

/** The only version of the save log that this package writes and reads. */
export const LOG_VERSION = 1;

/** The first block of a log, and the block that begins each group. */
export const LOG_BLOCK_BYTES = 4096;

/** Records that fit into one group. */
export const GROUP_RECORD_LIMIT = 168;

export const LOG_MAGIC = 'LUNBOX-S';
export const GROUP_MAGIC = 'LUNBOX-G';

/** What a log says of a grain; the numbers are those on disk. */
export const RecordKind = {
  /** The content is in the group. */
  DATA: 1,
  /** The grains were all zeroes, or had never been written. */
  ZERO: 2,
  /** The content was lost to a failure of the medium; reading it is refused. */
  BAD: 3,
} as const;

/** The first block of a log, field by field, as it lies on disk. All numbers are big-endian. */
export interface LogHeaderFields {
  magic: Buffer;
  formatVersion: number;
  headerLength: number;
  headerCrc: number;
  grainBytes: number;
  log: Buffer;
  object: Buffer;
  createdMs: number;
  reserved: Buffer;
}

/** Declares the first block of a log. */
export const logHeaderLayout: Structure<LogHeaderFields> = struct<LogHeaderFields>([
  blob(8, 'magic'),
  u32be('formatVersion'),
  u32be('headerLength'),
  u32be('headerCrc'),
  u32be('grainBytes'),
  blob(16, 'log'),
  blob(16, 'object'),
  nu64be('createdMs'),
  blob(4032, 'reserved'),
]);
assert.equal(logHeaderLayout.span, LOG_BLOCK_BYTES);

/** What a group says of one grain, or of a run of grains of zeroes. */
export interface RecordFields {
  grain: number;
  grainCount: number;
  kind: number;
  contentCrc: number;
  reserved: Buffer;
}

const recordLayout = struct<RecordFields>([
  nu64be('grain'),
  u32be('grainCount'),
  u32be('kind'),
  u32be('contentCrc'),
  blob(4, 'reserved'),
]);
assert.equal(recordLayout.span, 24);

/** The block that begins a group, as it lies on disk. The contents of its `DATA` records follow, in their order. */
export interface GroupFields {
  magic: Buffer;
  groupCrc: number;
  recordCount: number;
  sequence: number;
  log: Buffer;
  reserved1: Buffer;
  records: RecordFields[];
}

/** Declares the block that begins a group. */
export const groupLayout: Structure<GroupFields> = struct<GroupFields>([
  blob(8, 'magic'),
  u32be('groupCrc'),
  u32be('recordCount'),
  nu64be('sequence'),
  blob(16, 'log'),
  blob(24, 'reserved1'),
  seq(recordLayout, GROUP_RECORD_LIMIT, 'records'),
]);
assert.equal(groupLayout.span, LOG_BLOCK_BYTES);

/** CRC-32 of a block with the checksum within it, at `crcOffset`, taken as zero. */
export function blockCrc(block: Uint8Array, crcOffset: number): number {
  const zero = new Uint8Array(4);
  return crc32(block.subarray(crcOffset + zero.length), crc32(zero, crc32(block.subarray(0, crcOffset))));
}
