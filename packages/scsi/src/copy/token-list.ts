import { nu64be, u16be, u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import type { BlockRange } from '../data/unmap-list.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { ROD_TOKEN_BYTES } from './rod-token.ts';

interface RangeDescriptor {
  LOGICAL_BLOCK_ADDRESS: number;
  NUMBER_OF_LOGICAL_BLOCKS: number;
}

/** Block device range descriptor (SBC-3 5.8.3). */
const rangeDescriptor: Structure<RangeDescriptor> = structure(16, [
  nu64be('LOGICAL_BLOCK_ADDRESS'),
  u32be('NUMBER_OF_LOGICAL_BLOCKS'),
  bytes(4),
]);

export const RANGE_DESCRIPTOR_BYTES = 16;

interface PopulateHeader {
  POPULATE_TOKEN_DATA_LENGTH: number;
  RTV: number;
  IMMED: number;
  INACTIVITY_TIMEOUT: number;
  ROD_TYPE: number;
  BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH: number;
}

/** POPULATE TOKEN parameter list up to the ranges (SBC-3 5.8.2). */
const populateHeader: Structure<PopulateHeader> = structure(16, [
  u16be('POPULATE_TOKEN_DATA_LENGTH'),
  flags('RESERVED:6', 'RTV', 'IMMED'),
  bytes(1),
  u32be('INACTIVITY_TIMEOUT'),
  u32be('ROD_TYPE'),
  bytes(2),
  u16be('BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH'),
]);

interface WriteHeader {
  WRITE_USING_TOKEN_DATA_LENGTH: number;
  DEL_TKN: number;
  IMMED: number;
  OFFSET_INTO_ROD: number;
  ROD_TOKEN: Uint8Array;
  BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH: number;
}

/** WRITE USING TOKEN parameter list up to the ranges (SBC-3 5.47.2). */
const writeHeader: Structure<WriteHeader> = structure(536, [
  u16be('WRITE_USING_TOKEN_DATA_LENGTH'),
  flags('RESERVED:6', 'DEL_TKN', 'IMMED'),
  bytes(5),
  nu64be('OFFSET_INTO_ROD'),
  bytes(ROD_TOKEN_BYTES, 'ROD_TOKEN'),
  bytes(6),
  u16be('BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH'),
]);

/** Lengths of the lists up to their ranges. */
export const POPULATE_HEADER_BYTES: number = populateHeader.spanBytes;
export const WRITE_HEADER_BYTES: number = writeHeader.spanBytes;

/** The lengths in a list, and the block ranges that are wholly there. */
export interface TokenRanges {
  /** DATA LENGTH field: bytes after itself. */
  readonly dataLengthBytes: number;
  /** BLOCK DEVICE RANGE DESCRIPTOR LENGTH field. */
  readonly rangesLengthBytes: number;
  /** Ranges that the list is too short for are left out, as a part of a range at its end is (SBC-3 5.8.2). */
  readonly ranges: readonly BlockRange[];
}

/** What POPULATE TOKEN wants a token for. */
export interface PopulateTokenList {
  readonly immediate: boolean;
  /** One of `RodType`; undefined: any that is a copy at a point in time. */
  readonly rodType: number | undefined;
  /** Seconds; 0: the default. */
  readonly inactivityTimeoutSeconds: number;
  readonly ranges: readonly BlockRange[];
}

/** What WRITE USING TOKEN writes where. */
export interface WriteUsingTokenList {
  readonly immediate: boolean;
  /** The token is not good any more afterwards. */
  readonly deleteToken: boolean;
  /** In blocks of the unit that is written to. */
  readonly offsetIntoRodBlocks: number;
  /** 512 bytes. */
  readonly token: Uint8Array;
  readonly ranges: readonly BlockRange[];
}

/** A POPULATE TOKEN parameter list. */
export function buildPopulateTokenList(list: Partial<PopulateTokenList>): Uint8Array<ArrayBuffer> {
  const ranges = encodeRanges(list.ranges ?? []);
  const header = populateHeader.encode({
    POPULATE_TOKEN_DATA_LENGTH: POPULATE_HEADER_BYTES - 2 + ranges.length,
    RTV: list.rodType === undefined ? 0 : 1,
    IMMED: list.immediate === true ? 1 : 0,
    INACTIVITY_TIMEOUT: list.inactivityTimeoutSeconds ?? 0,
    ROD_TYPE: list.rodType ?? 0,
    BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH: ranges.length,
  });
  return concatBytes([header, ranges]);
}

/** Reads a POPULATE TOKEN parameter list. */
export function parsePopulateTokenList(list: Uint8Array): PopulateTokenList & TokenRanges {
  const fields = populateHeader.decode(list);
  const rangesLengthBytes = fields.BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH;
  return {
    immediate: fields.IMMED === 1,
    rodType: fields.RTV === 1 ? fields.ROD_TYPE : undefined,
    inactivityTimeoutSeconds: fields.INACTIVITY_TIMEOUT,
    dataLengthBytes: fields.POPULATE_TOKEN_DATA_LENGTH,
    rangesLengthBytes,
    ranges: decodeRanges(list, POPULATE_HEADER_BYTES, rangesLengthBytes),
  };
}

/** A WRITE USING TOKEN parameter list. */
export function buildWriteUsingTokenList(list: Partial<WriteUsingTokenList>): Uint8Array<ArrayBuffer> {
  const ranges = encodeRanges(list.ranges ?? []);
  const header = writeHeader.encode({
    WRITE_USING_TOKEN_DATA_LENGTH: WRITE_HEADER_BYTES - 2 + ranges.length,
    DEL_TKN: list.deleteToken === true ? 1 : 0,
    IMMED: list.immediate === true ? 1 : 0,
    OFFSET_INTO_ROD: list.offsetIntoRodBlocks ?? 0,
    ROD_TOKEN: list.token ?? new Uint8Array(ROD_TOKEN_BYTES),
    BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH: ranges.length,
  });
  return concatBytes([header, ranges]);
}

/** Reads a WRITE USING TOKEN parameter list. */
export function parseWriteUsingTokenList(list: Uint8Array): WriteUsingTokenList & TokenRanges {
  const fields = writeHeader.decode(list);
  const rangesLengthBytes = fields.BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH;
  return {
    immediate: fields.IMMED === 1,
    deleteToken: fields.DEL_TKN === 1,
    offsetIntoRodBlocks: fields.OFFSET_INTO_ROD,
    token: fields.ROD_TOKEN,
    dataLengthBytes: fields.WRITE_USING_TOKEN_DATA_LENGTH,
    rangesLengthBytes,
    ranges: decodeRanges(list, WRITE_HEADER_BYTES, rangesLengthBytes),
  };
}

/** Offsets of the fields that can be wrong. */
export const PopulateTokenField: Readonly<
  Record<'DATA_LENGTH' | 'INACTIVITY_TIMEOUT' | 'ROD_TYPE' | 'RANGES_LENGTH' | 'RANGES', number>
> = {
  DATA_LENGTH: populateHeader.locate('POPULATE_TOKEN_DATA_LENGTH').byteOffset,
  INACTIVITY_TIMEOUT: populateHeader.locate('INACTIVITY_TIMEOUT').byteOffset,
  ROD_TYPE: populateHeader.locate('ROD_TYPE').byteOffset,
  RANGES_LENGTH: populateHeader.locate('BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH').byteOffset,
  RANGES: POPULATE_HEADER_BYTES,
};

/** Offsets of the fields that can be wrong. */
export const WriteUsingTokenField: Readonly<
  Record<'DATA_LENGTH' | 'OFFSET_INTO_ROD' | 'RANGES_LENGTH' | 'RANGES', number>
> = {
  DATA_LENGTH: writeHeader.locate('WRITE_USING_TOKEN_DATA_LENGTH').byteOffset,
  OFFSET_INTO_ROD: writeHeader.locate('OFFSET_INTO_ROD').byteOffset,
  RANGES_LENGTH: writeHeader.locate('BLOCK_DEVICE_RANGE_DESCRIPTOR_LENGTH').byteOffset,
  RANGES: WRITE_HEADER_BYTES,
};

function encodeRanges(ranges: readonly BlockRange[]): Uint8Array {
  return concatBytes(
    ranges.map(({ lba, blockCount }) =>
      rangeDescriptor.encode({ LOGICAL_BLOCK_ADDRESS: lba, NUMBER_OF_LOGICAL_BLOCKS: blockCount }),
    ),
  );
}

function decodeRanges(list: Uint8Array, offset: number, lengthBytes: number): BlockRange[] {
  const there = Math.max(0, Math.min(lengthBytes, list.length - offset));
  return Array.from({ length: Math.floor(there / RANGE_DESCRIPTOR_BYTES) }, (_, index) => {
    const fields = rangeDescriptor.decode(list, offset + index * RANGE_DESCRIPTOR_BYTES);
    return { lba: fields.LOGICAL_BLOCK_ADDRESS, blockCount: fields.NUMBER_OF_LOGICAL_BLOCKS };
  });
}
