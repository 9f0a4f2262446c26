import { u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** The parameter list of FORMAT UNIT (SBC-3 5.3.2), without a list of defects. */
export interface FormatList {
  /** Which type of protection, together with FMTPINFO of the CDB. */
  readonly protectionFieldUsage: number;
  /** P_I_INFORMATION and PROTECTION INTERVAL EXPONENT of a long list, in one byte. */
  readonly protectionInterval: number;
  /** True when the four options below are to be looked at. */
  readonly formatOptionsValid: boolean;
  readonly disablePrimary: boolean;
  /** True when the medium need not be certified. */
  readonly disableCertification: boolean;
  readonly stopFormat: boolean;
  /** Answer as soon as the list is checked. */
  readonly immediate: boolean;
  readonly defectListBytes: number;
  /** The initialization pattern descriptor, when IP says that there is one. */
  readonly initialization?: {
    /** True with SI: also overwrite blocks that are not in use any more. */
    readonly secure: boolean;
    /** 00h: the default pattern, 01h: repeat the pattern. */
    readonly type: number;
    readonly pattern: Uint8Array;
  };
}

interface FormatHeader {
  PROTECTION_FIELD_USAGE: number;
  /** Of the long header only. */
  P_I_INFORMATION?: number;
  PROTECTION_INTERVAL_EXPONENT?: number;
  FOV: number;
  DPRY: number;
  DCRT: number;
  STPF: number;
  IP: number;
  IMMED: number;
  DEFECT_LIST_LENGTH: number;
}

const usage = flags('RESERVED:5', 'PROTECTION_FIELD_USAGE:3');
const options = flags('FOV', 'DPRY', 'DCRT', 'STPF', 'IP', 'RESERVED', 'IMMED', 'RESERVED');

/** Short parameter list header (SBC-3 table 37). */
const shortHeader: Structure<FormatHeader> = structure(4, [usage, options, u16be('DEFECT_LIST_LENGTH')]);

/** Long parameter list header (SBC-3 table 38). */
const longHeader: Structure<FormatHeader> = structure(8, [
  usage,
  options,
  bytes(1),
  flags('P_I_INFORMATION:4', 'PROTECTION_INTERVAL_EXPONENT:4'),
  u32be('DEFECT_LIST_LENGTH'),
]);

interface InitializationHeader {
  SI: number;
  INITIALIZATION_PATTERN_TYPE: number;
  INITIALIZATION_PATTERN_LENGTH: number;
}

/** Initialization pattern descriptor (SBC-3 table 41). */
const initializationHeader: Structure<InitializationHeader> = structure(4, [
  flags('OBSOLETE:2', 'SI', 'RESERVED:5'),
  u8('INITIALIZATION_PATTERN_TYPE'),
  u16be('INITIALIZATION_PATTERN_LENGTH'),
]);

/** Length of the header: of the short one, or with LONGLIST. */
export function formatHeaderBytes(long: boolean): number {
  return (long ? longHeader : shortHeader).spanBytes;
}

/** The parameter list of FORMAT UNIT. */
export function buildFormatList(list: Partial<FormatList>, long = false): Uint8Array<ArrayBuffer> {
  const { initialization } = list;
  const bit = (value: boolean | undefined): number => (value === true ? 1 : 0);
  const header = (long ? longHeader : shortHeader).encode({
    PROTECTION_FIELD_USAGE: list.protectionFieldUsage ?? 0,
    P_I_INFORMATION: (list.protectionInterval ?? 0) >>> 4,
    PROTECTION_INTERVAL_EXPONENT: (list.protectionInterval ?? 0) & 0xf,
    FOV: bit(list.formatOptionsValid),
    DPRY: bit(list.disablePrimary),
    DCRT: bit(list.disableCertification),
    STPF: bit(list.stopFormat),
    IP: initialization === undefined ? 0 : 1,
    IMMED: bit(list.immediate),
    DEFECT_LIST_LENGTH: list.defectListBytes ?? 0,
  });
  if (initialization === undefined) return header;
  const descriptor = initializationHeader.encode({
    SI: bit(initialization.secure),
    INITIALIZATION_PATTERN_TYPE: initialization.type,
    INITIALIZATION_PATTERN_LENGTH: initialization.pattern.length,
  });
  return concatBytes([header, descriptor, initialization.pattern]);
}

/** Reads the parameter list of FORMAT UNIT; `truncated` when it ends before its descriptor does. */
export function parseFormatList(
  list: Uint8Array,
  long: boolean,
): FormatList & { readonly truncated: boolean } {
  const layout = long ? longHeader : shortHeader;
  const header = layout.decode(list);
  const start = layout.spanBytes;
  const descriptor = initializationHeader.decode(list, start);
  const patternStart = start + initializationHeader.spanBytes;
  const end = header.IP === 1 ? patternStart + descriptor.INITIALIZATION_PATTERN_LENGTH : start;
  const initialization = {
    secure: descriptor.SI === 1,
    type: descriptor.INITIALIZATION_PATTERN_TYPE,
    pattern: list.subarray(patternStart, end),
  };
  return {
    protectionFieldUsage: header.PROTECTION_FIELD_USAGE,
    protectionInterval: ((header.P_I_INFORMATION ?? 0) << 4) | (header.PROTECTION_INTERVAL_EXPONENT ?? 0),
    formatOptionsValid: header.FOV === 1,
    disablePrimary: header.DPRY === 1,
    disableCertification: header.DCRT === 1,
    stopFormat: header.STPF === 1,
    immediate: header.IMMED === 1,
    defectListBytes: header.DEFECT_LIST_LENGTH,
    ...(header.IP === 1 ? { initialization } : {}),
    truncated: end > list.length,
  };
}
