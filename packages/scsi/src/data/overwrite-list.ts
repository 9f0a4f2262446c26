import { u16be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** The parameter list of SANITIZE, OVERWRITE (SBC-3 table 103). */
export interface OverwriteList {
  /** True when every pass writes the complement of the one before. */
  readonly invert: boolean;
  /** Other than 0: a test that the vendor defines. */
  readonly test: number;
  /** Passes over the medium. */
  readonly count: number;
  /** Written again and again from the start of each block on. */
  readonly pattern: Uint8Array;
}

interface OverwriteHeader {
  INVERT: number;
  TEST: number;
  OVERWRITE_COUNT: number;
  INITIALIZATION_PATTERN_LENGTH: number;
}

const overwriteHeader: Structure<OverwriteHeader> = structure(4, [
  flags('INVERT', 'TEST:2', 'OVERWRITE_COUNT:5'),
  bytes(1),
  u16be('INITIALIZATION_PATTERN_LENGTH'),
]);

/** Length of the list before its pattern. */
export const OVERWRITE_HEADER_BYTES = 4;

/** The parameter list of SANITIZE, OVERWRITE. */
export function buildOverwriteList(list: OverwriteList): Uint8Array<ArrayBuffer> {
  const header = overwriteHeader.encode({
    INVERT: list.invert ? 1 : 0,
    TEST: list.test,
    OVERWRITE_COUNT: list.count,
    INITIALIZATION_PATTERN_LENGTH: list.pattern.length,
  });
  return concatBytes([header, list.pattern]);
}

/** Reads the parameter list of SANITIZE, OVERWRITE; `truncated` when it ends before its pattern does. */
export function parseOverwriteList(list: Uint8Array): OverwriteList & { readonly truncated: boolean } {
  const header = overwriteHeader.decode(list);
  const end = OVERWRITE_HEADER_BYTES + header.INITIALIZATION_PATTERN_LENGTH;
  return {
    invert: header.INVERT === 1,
    test: header.TEST,
    count: header.OVERWRITE_COUNT,
    pattern: list.subarray(OVERWRITE_HEADER_BYTES, end),
    truncated: end > list.length,
  };
}
