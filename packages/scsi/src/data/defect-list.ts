import { u16be, u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** DEFECT LIST FORMAT (SBC-3 table 36), apart from what is vendor specific or reserved. */
export const DefectListFormat = {
  SHORT_BLOCK: 0b000,
  EXTENDED_BYTES_FROM_INDEX: 0b001,
  EXTENDED_PHYSICAL_SECTOR: 0b010,
  LONG_BLOCK: 0b011,
  BYTES_FROM_INDEX: 0b100,
  PHYSICAL_SECTOR: 0b101,
} as const;

/** Which of the two commands the data belongs to: READ DEFECT DATA(10) or (12). */
export type DefectListSize = 10 | 12;

/** A list of defects. */
export interface DefectList {
  /** The list has the defects that the disk was made with. */
  readonly primary: boolean;
  /** The list has the defects that it got later. */
  readonly growing: boolean;
  /** One of `DefectListFormat`. */
  readonly format: number;
  /** The descriptors, one after another, in that format. */
  readonly descriptors: Uint8Array;
}

interface DefectListHeader {
  PLISTV: number;
  GLISTV: number;
  DEFECT_LIST_FORMAT: number;
  DEFECT_LIST_LENGTH: number;
}

const listFlags = flags('RESERVED:3', 'PLISTV', 'GLISTV', 'DEFECT_LIST_FORMAT:3');

/** READ DEFECT DATA(10) parameter data header (SBC-3 table 70). */
const header10: Structure<DefectListHeader> = structure(4, [
  bytes(1),
  listFlags,
  u16be('DEFECT_LIST_LENGTH'),
]);

/** READ DEFECT DATA(12) parameter data header (SBC-3 table 72). */
const header12: Structure<DefectListHeader> = structure(8, [
  bytes(1),
  listFlags,
  u16be('GENERATION_CODE'),
  u32be('DEFECT_LIST_LENGTH'),
]);

/** READ DEFECT DATA parameter data. */
export function buildDefectList(size: DefectListSize, list: DefectList): Uint8Array<ArrayBuffer> {
  const header = (size === 10 ? header10 : header12).encode({
    PLISTV: list.primary ? 1 : 0,
    GLISTV: list.growing ? 1 : 0,
    DEFECT_LIST_FORMAT: list.format,
    DEFECT_LIST_LENGTH: list.descriptors.length,
  });
  return concatBytes([header, list.descriptors]);
}

/** Reads READ DEFECT DATA parameter data; descriptors that were cut off are left out. */
export function parseDefectList(size: DefectListSize, data: Uint8Array): DefectList {
  const layout = size === 10 ? header10 : header12;
  const header = layout.decode(data);
  return {
    primary: header.PLISTV === 1,
    growing: header.GLISTV === 1,
    format: header.DEFECT_LIST_FORMAT,
    descriptors: data.subarray(layout.spanBytes, layout.spanBytes + header.DEFECT_LIST_LENGTH),
  };
}
