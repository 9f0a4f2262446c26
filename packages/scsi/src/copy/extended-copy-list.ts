import { u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** LIST ID USAGE (SPC-4 tables 128 and 129): whether the results of the copy are kept under its list identifier. */
export const ListIdUsage = { HOLD: 0b00, DISCARD: 0b10, NONE: 0b11 } as const;

interface Lid1Header {
  LIST_IDENTIFIER: number;
  STR: number;
  LIST_ID_USAGE: number;
  PRIORITY: number;
  CSCD_DESCRIPTOR_LIST_LENGTH: number;
  SEGMENT_DESCRIPTOR_LIST_LENGTH: number;
  INLINE_DATA_LENGTH: number;
}

const usage = flags('RESERVED:2', 'STR', 'LIST_ID_USAGE:2', 'PRIORITY:3');

/** EXTENDED COPY(LID1) parameter list header (SPC-4 6.5). */
const lid1Header: Structure<Lid1Header> = structure(16, [
  u8('LIST_IDENTIFIER'),
  usage,
  u16be('CSCD_DESCRIPTOR_LIST_LENGTH'),
  bytes(4),
  u32be('SEGMENT_DESCRIPTOR_LIST_LENGTH'),
  u32be('INLINE_DATA_LENGTH'),
]);

interface Lid4Header extends Lid1Header {
  PARAMETER_LIST_FORMAT: number;
  HEADER_CSCD_DESCRIPTOR_LIST_LENGTH: number;
  G_SENSE: number;
  IMMED: number;
  HEADER_CSCD_DESCRIPTOR_TYPE_CODE: number;
}

/** EXTENDED COPY(LID4) parameter list header (SPC-4 table 126). */
const lid4Header: Structure<Lid4Header> = structure(48, [
  u8('PARAMETER_LIST_FORMAT'),
  usage,
  u16be('HEADER_CSCD_DESCRIPTOR_LIST_LENGTH'),
  bytes(11),
  flags('RESERVED:6', 'G_SENSE', 'IMMED'),
  u8('HEADER_CSCD_DESCRIPTOR_TYPE_CODE'),
  bytes(3),
  u32be('LIST_IDENTIFIER'),
  bytes(18),
  u16be('CSCD_DESCRIPTOR_LIST_LENGTH'),
  u16be('SEGMENT_DESCRIPTOR_LIST_LENGTH'),
  u16be('INLINE_DATA_LENGTH'),
]);

/** Which of the two EXTENDED COPY commands a parameter list is for. */
export type ExtendedCopyKind = 'lid1' | 'lid4';

/** Values that a LID4 header has in fields that stand for a descriptor of SPC-3. */
const FORMAT = 0x01;
const HEADER_DESCRIPTOR_BYTES = 0x0020;
const HEADER_DESCRIPTOR_TYPE = 0xff;

/** What an EXTENDED COPY parameter list starts with. */
export interface ExtendedCopyHeader {
  /** 8 bits in a LID1 list, 32 bits in a LID4 list. */
  readonly listId: number;
  /** One of `ListIdUsage`. */
  readonly listIdUsage: number;
  readonly priority: number;
  /** True for segments that stripe block devices; makes no difference. */
  readonly striped: boolean;
  /** LID4: GOOD comes with sense data. */
  readonly goodWithSense: boolean;
  /** LID4: the copy goes on in the background. */
  readonly immediate: boolean;
  /** Length of the CSCD descriptor list in bytes. */
  readonly cscdListBytes: number;
  readonly segmentListBytes: number;
  readonly inlineBytes: number;
}

/** A parsed header. */
export interface ParsedExtendedCopyHeader extends ExtendedCopyHeader {
  /** Offset of the first field that a list of this kind must have otherwise. */
  readonly wrongField: number | undefined;
}

/** Length in bytes of the header. */
export function extendedCopyHeaderBytes(kind: ExtendedCopyKind): number {
  return kind === 'lid1' ? lid1Header.spanBytes : lid4Header.spanBytes;
}

/** Offset of a field of the header, and its bit. */
export function locateInExtendedCopyHeader(
  kind: ExtendedCopyKind,
  field: 'LIST_ID_USAGE' | 'LIST_IDENTIFIER',
): { readonly byteOffset: number; readonly bit?: number } {
  const { byteOffset, bit } = (kind === 'lid1' ? lid1Header : lid4Header).locate(field);
  return bit === undefined ? { byteOffset } : { byteOffset, bit };
}

/** An EXTENDED COPY parameter list without inline data, from descriptors as they are. */
export function buildExtendedCopyList(
  kind: ExtendedCopyKind,
  options: Partial<
    Pick<
      ExtendedCopyHeader,
      'listId' | 'listIdUsage' | 'priority' | 'striped' | 'goodWithSense' | 'immediate' | 'inlineBytes'
    >
  >,
  cscds: readonly Uint8Array[],
  segments: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const cscdList = concatBytes(cscds);
  const segmentList = concatBytes(segments);
  const common = {
    LIST_IDENTIFIER: options.listId ?? 0,
    STR: options.striped === true ? 1 : 0,
    LIST_ID_USAGE: options.listIdUsage ?? ListIdUsage.HOLD,
    PRIORITY: options.priority ?? 0,
    CSCD_DESCRIPTOR_LIST_LENGTH: cscdList.length,
    SEGMENT_DESCRIPTOR_LIST_LENGTH: segmentList.length,
    INLINE_DATA_LENGTH: options.inlineBytes ?? 0,
  };
  const header =
    kind === 'lid1'
      ? lid1Header.encode(common)
      : lid4Header.encode({
          ...common,
          PARAMETER_LIST_FORMAT: FORMAT,
          HEADER_CSCD_DESCRIPTOR_LIST_LENGTH: HEADER_DESCRIPTOR_BYTES,
          HEADER_CSCD_DESCRIPTOR_TYPE_CODE: HEADER_DESCRIPTOR_TYPE,
          G_SENSE: options.goodWithSense === true ? 1 : 0,
          IMMED: options.immediate === true ? 1 : 0,
        });
  return concatBytes([header, cscdList, segmentList]);
}

/** Reads the header of an EXTENDED COPY parameter list; bytes that are missing read as zero. */
export function parseExtendedCopyHeader(kind: ExtendedCopyKind, list: Uint8Array): ParsedExtendedCopyHeader {
  if (kind === 'lid1') {
    const fields = lid1Header.decode(list);
    return { ...common(fields), goodWithSense: false, immediate: false, wrongField: undefined };
  }
  const fields = lid4Header.decode(list);
  return {
    ...common(fields),
    goodWithSense: fields.G_SENSE === 1,
    immediate: fields.IMMED === 1,
    wrongField: wrongFieldOf(fields),
  };
}

function wrongFieldOf(fields: Lid4Header): number | undefined {
  const wrong = (
    [
      ['PARAMETER_LIST_FORMAT', FORMAT],
      ['HEADER_CSCD_DESCRIPTOR_LIST_LENGTH', HEADER_DESCRIPTOR_BYTES],
      ['HEADER_CSCD_DESCRIPTOR_TYPE_CODE', HEADER_DESCRIPTOR_TYPE],
    ] as const
  ).find(([field, value]) => fields[field] !== value);
  return wrong === undefined ? undefined : lid4Header.locate(wrong[0]).byteOffset;
}

function common(fields: Lid1Header): Omit<ExtendedCopyHeader, 'goodWithSense' | 'immediate'> {
  return {
    listId: fields.LIST_IDENTIFIER,
    listIdUsage: fields.LIST_ID_USAGE,
    priority: fields.PRIORITY,
    striped: fields.STR === 1,
    cscdListBytes: fields.CSCD_DESCRIPTOR_LIST_LENGTH,
    segmentListBytes: fields.SEGMENT_DESCRIPTOR_LIST_LENGTH,
    inlineBytes: fields.INLINE_DATA_LENGTH,
  };
}
