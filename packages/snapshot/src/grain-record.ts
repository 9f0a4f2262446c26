import { crc32 } from 'node:zlib';
import {
  blockCrc,
  GROUP_MAGIC,
  GROUP_RECORD_LIMIT,
  groupLayout,
  LOG_BLOCK_BYTES,
  RecordKind,
  type GroupFields,
  type RecordFields,
} from './log-layout.ts';

/** What a log has of one grain, or of a run of grains of zeroes. */
export type GrainRecord =
  | { readonly kind: 'data'; readonly grain: number; readonly contentCrc: number }
  | { readonly kind: 'zero' | 'bad'; readonly grain: number; readonly grainCount: number };

/** The records of a group, and where in the log it lies. */
export interface Group {
  readonly sequence: number;
  /** Bytes from the start of the log. */
  readonly offset: number;
  readonly records: readonly GrainRecord[];
}

const CRC_OFFSET = groupLayout.offsetOf('groupCrc') as number;
const NO_RECORD: RecordFields = {
  grain: 0,
  grainCount: 0,
  kind: 0,
  contentCrc: 0,
  reserved: Buffer.alloc(4),
};
const KINDS = { data: RecordKind.DATA, zero: RecordKind.ZERO, bad: RecordKind.BAD } as const;

/** Checksum that a record has of its content. */
export function contentCrcOf(content: Uint8Array): number {
  return crc32(content);
}

/** Bytes of a group in the log. */
export function groupBytes(records: readonly GrainRecord[], grainBytes: number): number {
  const dataCount = records.reduce((sum, { kind }) => sum + (kind === 'data' ? 1 : 0), 0);
  return LOG_BLOCK_BYTES + dataCount * grainBytes;
}

/** Writes the block that begins a group. */
export function encodeGroup(log: Uint8Array, sequence: number, records: readonly GrainRecord[]): Buffer {
  const fields: GroupFields = {
    magic: Buffer.from(GROUP_MAGIC, 'latin1'),
    groupCrc: 0,
    recordCount: records.length,
    sequence,
    log: Buffer.from(log),
    reserved1: Buffer.alloc(24),
    records: Array.from({ length: GROUP_RECORD_LIMIT }, (_, index) => fieldsOf(records[index])),
  };
  const block = Buffer.alloc(LOG_BLOCK_BYTES);
  groupLayout.encode(fields, block);
  block.writeUInt32BE(blockCrc(block, CRC_OFFSET), CRC_OFFSET);
  return block;
}

function fieldsOf(record: GrainRecord | undefined): RecordFields {
  if (record === undefined) return NO_RECORD;
  const { grain, kind } = record;
  const counts = record.kind === 'data' ? { grainCount: 1 } : { grainCount: record.grainCount };
  const contentCrc = record.kind === 'data' ? record.contentCrc : 0;
  return { ...NO_RECORD, grain, kind: KINDS[kind], ...counts, contentCrc };
}

/**
 * Reads the block that begins a group; undefined when there is no whole one, or it is not the one with this number of
 * this log.
 */
export function decodeGroup(block: Buffer, log: Uint8Array, sequence: number): GrainRecord[] | undefined {
  const fields = groupLayout.decode(block);
  const isOurs =
    fields.magic.toString('latin1') === GROUP_MAGIC &&
    fields.sequence === sequence &&
    Buffer.compare(fields.log, log) === 0 &&
    fields.groupCrc === blockCrc(block, CRC_OFFSET);
  if (!isOurs || fields.recordCount > GROUP_RECORD_LIMIT) return undefined;
  const records = fields.records.slice(0, fields.recordCount).map(recordOf);
  return records.every((record) => record !== undefined) ? records : undefined;
}

/** Whether a block begins a whole group of this log with a higher number than `sequence`. */
export function isLaterGroup(block: Buffer, log: Uint8Array, sequence: number): boolean {
  if (block.toString('latin1', 0, GROUP_MAGIC.length) !== GROUP_MAGIC) return false;
  const fields = groupLayout.decode(block);
  return (
    fields.sequence > sequence &&
    Buffer.compare(fields.log, log) === 0 &&
    fields.groupCrc === blockCrc(block, CRC_OFFSET)
  );
}

function recordOf({ kind, grain, grainCount, contentCrc }: RecordFields): GrainRecord | undefined {
  const isRun = grainCount >= 1 && Number.isSafeInteger(grain + grainCount);
  if (kind === RecordKind.DATA && grainCount === 1) return { kind: 'data', grain, contentCrc };
  if (kind === RecordKind.ZERO && isRun) return { kind: 'zero', grain, grainCount };
  if (kind === RecordKind.BAD && isRun) return { kind: 'bad', grain, grainCount };
  return undefined;
}
