import { nu64be, u16be, u32be, u8, type Layout } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** DESCRIPTOR TYPE CODE of the segment descriptors that are taken (SPC-4 table 146). */
export const SegmentType = { BLOCK_TO_BLOCK: 0x02, VERIFY: 0x07, BLOCK_TO_BLOCK_WITH_OFFSET: 0x0a } as const;

/** What every segment descriptor starts with. */
interface SegmentHeader {
  DESCRIPTOR_TYPE_CODE: number;
  DC: number;
  CAT: number;
  DESCRIPTOR_LENGTH: number;
  SOURCE_CSCD_DESCRIPTOR_ID: number;
  DESTINATION_CSCD_DESCRIPTOR_ID: number;
}

const header: readonly Layout[] = [
  u8('DESCRIPTOR_TYPE_CODE'),
  flags('RESERVED:6', 'DC', 'CAT'),
  u16be('DESCRIPTOR_LENGTH'),
  u16be('SOURCE_CSCD_DESCRIPTOR_ID'),
  u16be('DESTINATION_CSCD_DESCRIPTOR_ID'),
];

/** Segment descriptor header (SPC-4 table 147). */
const segmentHeader: Structure<SegmentHeader> = structure(8, header);

/** Bytes up to and with DESCRIPTOR LENGTH, which counts what follows. */
export const SEGMENT_PREFIX_BYTES = 4;

interface BlockSegmentFields extends SegmentHeader {
  BLOCK_DEVICE_NUMBER_OF_BLOCKS: number;
  SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS: number;
  DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS: number;
}

/** Block device to block device segment descriptor (SPC-4 table 151). */
const blockSegment: Structure<BlockSegmentFields> = structure(28, [
  ...header,
  bytes(2),
  u16be('BLOCK_DEVICE_NUMBER_OF_BLOCKS'),
  nu64be('SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS'),
  nu64be('DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS'),
]);

interface VerifySegmentFields extends SegmentHeader {
  TUR: number;
}

/** Verify CSCD segment descriptor (SPC-4 table 156). */
const verifySegment: Structure<VerifySegmentFields> = structure(12, [
  ...header,
  flags('RESERVED:7', 'TUR'),
  bytes(3),
]);

interface OffsetSegmentFields extends SegmentHeader {
  NUMBER_OF_BYTES: number;
  SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS: number;
  DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS: number;
  SOURCE_BLOCK_DEVICE_BYTE_OFFSET: number;
  DESTINATION_BLOCK_DEVICE_BYTE_OFFSET: number;
}

/** Block device with offset to block device with offset segment descriptor (SPC-4 table 159). */
const offsetSegment: Structure<OffsetSegmentFields> = structure(32, [
  ...header,
  u32be('NUMBER_OF_BYTES'),
  nu64be('SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS'),
  nu64be('DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS'),
  u16be('SOURCE_BLOCK_DEVICE_BYTE_OFFSET'),
  u16be('DESTINATION_BLOCK_DEVICE_BYTE_OFFSET'),
]);

/** Copies blocks. */
export interface BlockSegment {
  readonly type: typeof SegmentType.BLOCK_TO_BLOCK;
  /** Index of a CSCD descriptor, or FFFFh. */
  readonly source: number;
  readonly destination: number;
  readonly blockCount: number;
  /** True when the blocks of the destination are counted. */
  readonly destinationCount: boolean;
  /** What is left of a block goes on into the next segment. */
  readonly cat: boolean;
  readonly sourceLba: number;
  readonly destinationLba: number;
}

/** Finds out whether a unit can be reached. */
export interface VerifySegment {
  readonly type: typeof SegmentType.VERIFY;
  readonly source: number;
  /** And whether it is ready. */
  readonly testUnitReady: boolean;
}

/** Copies bytes that need not start or end where blocks do. */
export interface OffsetSegment {
  readonly type: typeof SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET;
  readonly source: number;
  readonly destination: number;
  readonly lengthBytes: number;
  readonly sourceLba: number;
  readonly sourceByteOffset: number;
  readonly destinationLba: number;
  readonly destinationByteOffset: number;
}

/** A segment descriptor that is taken. */
export type Segment = BlockSegment | VerifySegment | OffsetSegment;

/** How long each kind is, DESCRIPTOR LENGTH and what is before it included. */
const SPANS: ReadonlyMap<number, number> = new Map<number, number>([
  [SegmentType.BLOCK_TO_BLOCK, blockSegment.spanBytes],
  [SegmentType.VERIFY, verifySegment.spanBytes],
  [SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET, offsetSegment.spanBytes],
]);

/** The type codes of the segment descriptors that are taken, ascending. */
export const SEGMENT_TYPES: readonly number[] = [...SPANS.keys()].sort((a, b) => a - b);

/** Length in bytes that a segment descriptor of a type must have; undefined when the type is not taken. */
export function segmentBytes(typeCode: number): number | undefined {
  return SPANS.get(typeCode);
}

/** Type code and length of the segment descriptor at `offset`. */
export function parseSegmentHeader(
  list: Uint8Array,
  offset: number,
): { readonly typeCode: number; readonly lengthBytes: number } {
  const fields = segmentHeader.decode(list, offset);
  return {
    typeCode: fields.DESCRIPTOR_TYPE_CODE,
    lengthBytes: SEGMENT_PREFIX_BYTES + fields.DESCRIPTOR_LENGTH,
  };
}

/** Reads the segment descriptor at `offset`; undefined when its type is not taken. */
export function parseSegment(list: Uint8Array, offset = 0): Segment | undefined {
  const { DESCRIPTOR_TYPE_CODE: type } = segmentHeader.decode(list, offset);
  if (type === SegmentType.BLOCK_TO_BLOCK) return parseBlockSegment(list, offset);
  if (type === SegmentType.VERIFY) {
    const fields = verifySegment.decode(list, offset);
    return { type, source: fields.SOURCE_CSCD_DESCRIPTOR_ID, testUnitReady: fields.TUR === 1 };
  }
  if (type !== SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET) return undefined;
  const fields = offsetSegment.decode(list, offset);
  return {
    type,
    source: fields.SOURCE_CSCD_DESCRIPTOR_ID,
    destination: fields.DESTINATION_CSCD_DESCRIPTOR_ID,
    lengthBytes: fields.NUMBER_OF_BYTES,
    sourceLba: fields.SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS,
    sourceByteOffset: fields.SOURCE_BLOCK_DEVICE_BYTE_OFFSET,
    destinationLba: fields.DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS,
    destinationByteOffset: fields.DESTINATION_BLOCK_DEVICE_BYTE_OFFSET,
  };
}

function parseBlockSegment(list: Uint8Array, offset: number): BlockSegment {
  const fields = blockSegment.decode(list, offset);
  return {
    type: SegmentType.BLOCK_TO_BLOCK,
    source: fields.SOURCE_CSCD_DESCRIPTOR_ID,
    destination: fields.DESTINATION_CSCD_DESCRIPTOR_ID,
    blockCount: fields.BLOCK_DEVICE_NUMBER_OF_BLOCKS,
    destinationCount: fields.DC === 1,
    cat: fields.CAT === 1,
    sourceLba: fields.SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS,
    destinationLba: fields.DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS,
  };
}

/** A segment descriptor. */
export function buildSegment(segment: Segment): Uint8Array<ArrayBuffer> {
  const span = SPANS.get(segment.type) as number;
  const common = {
    DESCRIPTOR_TYPE_CODE: segment.type,
    DESCRIPTOR_LENGTH: span - SEGMENT_PREFIX_BYTES,
    SOURCE_CSCD_DESCRIPTOR_ID: segment.source,
  };
  if (segment.type === SegmentType.VERIFY) {
    return verifySegment.encode({ ...common, TUR: segment.testUnitReady ? 1 : 0 });
  }
  const addresses = {
    ...common,
    DESTINATION_CSCD_DESCRIPTOR_ID: segment.destination,
    SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS: segment.sourceLba,
    DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS: segment.destinationLba,
  };
  if (segment.type === SegmentType.BLOCK_TO_BLOCK) {
    return blockSegment.encode({
      ...addresses,
      DC: segment.destinationCount ? 1 : 0,
      CAT: segment.cat ? 1 : 0,
      BLOCK_DEVICE_NUMBER_OF_BLOCKS: segment.blockCount,
    });
  }
  return offsetSegment.encode({
    ...addresses,
    NUMBER_OF_BYTES: segment.lengthBytes,
    SOURCE_BLOCK_DEVICE_BYTE_OFFSET: segment.sourceByteOffset,
    DESTINATION_BLOCK_DEVICE_BYTE_OFFSET: segment.destinationByteOffset,
  });
}

/** Offset of the fields of a segment descriptor that can be wrong. */
export const SegmentField: Readonly<
  Record<
    | 'DESCRIPTOR_LENGTH'
    | 'SOURCE'
    | 'DESTINATION'
    | 'SOURCE_LBA'
    | 'DESTINATION_LBA'
    | 'SOURCE_BYTE_OFFSET'
    | 'DESTINATION_BYTE_OFFSET',
    number
  >
> = {
  DESCRIPTOR_LENGTH: segmentHeader.locate('DESCRIPTOR_LENGTH').byteOffset,
  SOURCE: segmentHeader.locate('SOURCE_CSCD_DESCRIPTOR_ID').byteOffset,
  DESTINATION: segmentHeader.locate('DESTINATION_CSCD_DESCRIPTOR_ID').byteOffset,
  SOURCE_LBA: blockSegment.locate('SOURCE_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS').byteOffset,
  DESTINATION_LBA: blockSegment.locate('DESTINATION_BLOCK_DEVICE_LOGICAL_BLOCK_ADDRESS').byteOffset,
  SOURCE_BYTE_OFFSET: offsetSegment.locate('SOURCE_BLOCK_DEVICE_BYTE_OFFSET').byteOffset,
  DESTINATION_BYTE_OFFSET: offsetSegment.locate('DESTINATION_BLOCK_DEVICE_BYTE_OFFSET').byteOffset,
};
