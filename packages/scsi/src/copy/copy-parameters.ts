import { u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import {
  MAX_CONCURRENT_COPIES,
  MAX_CSCD_DESCRIPTORS,
  MAX_DESCRIPTOR_LIST_BYTES,
  MAX_IDENTIFIED_COPIES,
  MAX_SEGMENT_DESCRIPTORS,
} from './copy-limits.ts';
import { IDENTIFICATION_CSCD } from './cscd-descriptor.ts';
import { SEGMENT_TYPES } from './segment-descriptor.ts';

/** The type codes of all descriptors that are taken, ascending. */
export const DESCRIPTOR_TYPES: Uint8Array = Uint8Array.of(...SEGMENT_TYPES, IDENTIFICATION_CSCD);

/** RECEIVE COPY OPERATING PARAMETERS parameter data up to the descriptor types (SPC-4 table 244). */
export interface CopyParameters {
  /** 1: LIST ID USAGE 11b is taken. */
  SNLID: number;
  MAXIMUM_CSCD_DESCRIPTOR_COUNT: number;
  MAXIMUM_SEGMENT_DESCRIPTOR_COUNT: number;
  /** Bytes of CSCD and segment descriptors together. */
  MAXIMUM_DESCRIPTOR_LIST_LENGTH: number;
  /** Bytes that one segment may write; 0: any. */
  MAXIMUM_SEGMENT_LENGTH: number;
  MAXIMUM_INLINE_DATA_LENGTH: number;
  TOTAL_CONCURRENT_COPIES: number;
  MAXIMUM_CONCURRENT_COPIES: number;
  /** Logarithm of the smallest number of bytes that a segment may copy. */
  DATA_SEGMENT_GRANULARITY: number;
}

interface CopyParametersData extends CopyParameters {
  AVAILABLE_DATA: number;
  IMPLEMENTED_DESCRIPTOR_LIST_LENGTH: number;
}

const parameters: Structure<CopyParametersData> = structure(44, [
  u32be('AVAILABLE_DATA'),
  flags('RESERVED:7', 'SNLID'),
  bytes(3),
  u16be('MAXIMUM_CSCD_DESCRIPTOR_COUNT'),
  u16be('MAXIMUM_SEGMENT_DESCRIPTOR_COUNT'),
  u32be('MAXIMUM_DESCRIPTOR_LIST_LENGTH'),
  u32be('MAXIMUM_SEGMENT_LENGTH'),
  u32be('MAXIMUM_INLINE_DATA_LENGTH'),
  u32be('HELD_DATA_LIMIT'),
  u32be('MAXIMUM_STREAM_DEVICE_TRANSFER_SIZE'),
  bytes(2),
  u16be('TOTAL_CONCURRENT_COPIES'),
  u8('MAXIMUM_CONCURRENT_COPIES'),
  u8('DATA_SEGMENT_GRANULARITY'),
  u8('INLINE_DATA_GRANULARITY'),
  u8('HELD_DATA_GRANULARITY'),
  bytes(3),
  u8('IMPLEMENTED_DESCRIPTOR_LIST_LENGTH'),
]);

/** What this copy manager takes. */
export const COPY_PARAMETERS: Partial<CopyParameters> = {
  SNLID: 1,
  MAXIMUM_CSCD_DESCRIPTOR_COUNT: MAX_CSCD_DESCRIPTORS,
  MAXIMUM_SEGMENT_DESCRIPTOR_COUNT: MAX_SEGMENT_DESCRIPTORS,
  MAXIMUM_DESCRIPTOR_LIST_LENGTH: MAX_DESCRIPTOR_LIST_BYTES,
  TOTAL_CONCURRENT_COPIES: MAX_CONCURRENT_COPIES,
  MAXIMUM_CONCURRENT_COPIES: MAX_IDENTIFIED_COPIES,
};

/** RECEIVE COPY OPERATING PARAMETERS parameter data; the descriptor types ascend. */
export function buildCopyParameters(
  fields: Partial<CopyParameters>,
  descriptorTypes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = parameters.encode({
    ...fields,
    AVAILABLE_DATA: parameters.spanBytes - 4 + descriptorTypes.length,
    IMPLEMENTED_DESCRIPTOR_LIST_LENGTH: descriptorTypes.length,
  });
  return concatBytes([header, descriptorTypes]);
}

/** Reads RECEIVE COPY OPERATING PARAMETERS parameter data. */
export function parseCopyParameters(data: Uint8Array): {
  readonly parameters: CopyParameters;
  readonly descriptorTypes: Uint8Array;
} {
  const {
    AVAILABLE_DATA: _available,
    IMPLEMENTED_DESCRIPTOR_LIST_LENGTH: count,
    ...rest
  } = parameters.decode(data);
  const start = parameters.spanBytes;
  return { parameters: rest, descriptorTypes: data.slice(start, start + count) };
}
