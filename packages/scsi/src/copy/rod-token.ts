import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { encodeDesignator, type Designator } from '../inquiry/device-identification.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { buildCscdDescriptor } from './cscd-descriptor.ts';

/** ROD types that this copy manager knows (SPC-4 table 110, SBC-3 4.22.3). */
export const RodType = {
  /** What was there when the token was made; a token that cannot give that any more is not good any more. */
  POINT_IN_TIME_CHANGE_VULNERABLE: 0x0080_0001,
  /** A copy at a point in time of the best kind that there is; never in a token. */
  POINT_IN_TIME_ANY: 0x0080_ffff,
  /** Zeroes, without a token that somebody made. */
  BLOCK_ZERO: 0xffff_0001,
} as const;

/** Length of every ROD token. */
export const ROD_TOKEN_BYTES = 512;

/** ROD TOKEN LENGTH of every ROD token. */
export const ROD_TOKEN_LENGTH = 0x01f8;

/** What REPORT ALL ROD TOKENS tells of a token: its first bytes, without what makes it hard to guess. */
export const ROD_MANAGEMENT_TOKEN_BYTES = 96;

/** Length of the COPY MANAGER ROD TOKEN IDENTIFIER. */
export const TOKEN_IDENTIFIER_BYTES = 8;

interface TokenFields {
  ROD_TYPE: number;
  ROD_TOKEN_LENGTH: number;
  COPY_MANAGER_ROD_TOKEN_IDENTIFIER: Uint8Array;
  CREATOR_LOGICAL_UNIT_DESCRIPTOR: Uint8Array;
  NUMBER_OF_BYTES_REPRESENTED: number;
  LOGICAL_BLOCK_LENGTH_IN_BYTES: number;
  LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT: number;
  LBPME: number;
  LBPRZ: number;
  TARGET_DEVICE_DESCRIPTOR: Uint8Array;
  EXTENDED_ROD_TOKEN_DATA: Uint8Array;
}

/** Length of the target device descriptor: an iSCSI name of up to 223 bytes is cut. */
const TARGET_DESCRIPTOR_BYTES = 128;

/** More than the 256 bits that the token needs at least to be hard to guess. */
export const TOKEN_SECRET_BYTES = 256;

/** Generic ROD token (SPC-4 table 112) with the device type specific data of SBC-3 4.22. */
const rodToken: Structure<TokenFields> = structure(ROD_TOKEN_BYTES, [
  u32be('ROD_TYPE'),
  bytes(2),
  u16be('ROD_TOKEN_LENGTH'),
  bytes(TOKEN_IDENTIFIER_BYTES, 'COPY_MANAGER_ROD_TOKEN_IDENTIFIER'),
  bytes(32, 'CREATOR_LOGICAL_UNIT_DESCRIPTOR'),
  bytes(8),
  nu64be('NUMBER_OF_BYTES_REPRESENTED'),
  bytes(32),
  u32be('LOGICAL_BLOCK_LENGTH_IN_BYTES'),
  flags('RESERVED:4', 'P_TYPE:3', 'PROT_EN'),
  flags('P_I_EXPONENT:4', 'LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT:4'),
  flags('LBPME', 'LBPRZ', 'RESERVED:6'),
  u8(),
  bytes(24),
  bytes(TARGET_DESCRIPTOR_BYTES, 'TARGET_DEVICE_DESCRIPTOR'),
  bytes(TOKEN_SECRET_BYTES, 'EXTENDED_ROD_TOKEN_DATA'),
]);

/** What a ROD token says of itself. */
export interface RodTokenContents {
  /** One of `RodType`. */
  readonly rodType: number;
  /** 8 bytes, other ones in every token of a copy manager. */
  readonly identifier: Uint8Array;
  /** NAA designator of the unit that made it. */
  readonly naa: Uint8Array;
  /** Bytes that the token stands for. */
  readonly lengthBytes: number;
  readonly blockLengthBytes: number;
  readonly physicalBlockExponent: number;
  /** SCSI name string designator of the target. */
  readonly target: Designator;
  /** 256 bytes that nobody can guess. */
  readonly secret: Uint8Array;
}

/** A ROD token, 512 bytes. */
export function buildRodToken(contents: RodTokenContents): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(TARGET_DESCRIPTOR_BYTES);
  const designator = encodeDesignator(contents.target);
  // A name that does not fit is left out whole: a part of it would name somebody else.
  if (designator.length <= TARGET_DESCRIPTOR_BYTES) target.set(designator);
  return rodToken.encode({
    ROD_TYPE: contents.rodType,
    ROD_TOKEN_LENGTH,
    COPY_MANAGER_ROD_TOKEN_IDENTIFIER: contents.identifier,
    CREATOR_LOGICAL_UNIT_DESCRIPTOR: buildCscdDescriptor({
      designator: contents.naa,
      blockLengthBytes: contents.blockLengthBytes,
    }),
    NUMBER_OF_BYTES_REPRESENTED: contents.lengthBytes,
    LOGICAL_BLOCK_LENGTH_IN_BYTES: contents.blockLengthBytes,
    LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT: contents.physicalBlockExponent,
    LBPME: 1,
    LBPRZ: 1,
    TARGET_DEVICE_DESCRIPTOR: target,
    EXTENDED_ROD_TOKEN_DATA: contents.secret,
  });
}

/** The block device zero ROD token (SBC-3 4.22.4): WRITE USING TOKEN writes zeroes with it. */
export function buildZeroRodToken(): Uint8Array<ArrayBuffer> {
  return rodToken.encode({ ROD_TYPE: RodType.BLOCK_ZERO, ROD_TOKEN_LENGTH });
}

/** What the first bytes of a ROD token say; a management token has no more. */
export interface RodTokenHeader {
  readonly rodType: number;
  /** ROD TOKEN LENGTH: bytes after itself, 504 in every token. */
  readonly lengthField: number;
  readonly identifier: Uint8Array;
  /** Bytes that the token stands for. */
  readonly lengthBytes: number;
}

/** Reads the first bytes of a ROD token, or a ROD management token. */
export function parseRodToken(token: Uint8Array): RodTokenHeader {
  const fields = rodToken.decode(token);
  return {
    rodType: fields.ROD_TYPE,
    lengthField: fields.ROD_TOKEN_LENGTH,
    identifier: fields.COPY_MANAGER_ROD_TOKEN_IDENTIFIER,
    lengthBytes: fields.NUMBER_OF_BYTES_REPRESENTED,
  };
}

interface AllTokensHeader {
  AVAILABLE_DATA: number;
}

/** REPORT ALL ROD TOKENS parameter data header (SPC-4 table 278). */
const allTokensHeader: Structure<AllTokensHeader> = structure(8, [u32be('AVAILABLE_DATA'), bytes(4)]);

/** REPORT ALL ROD TOKENS parameter data. */
export function buildAllRodTokens(tokens: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const list = concatBytes(tokens.map((token) => token.subarray(0, ROD_MANAGEMENT_TOKEN_BYTES)));
  const lengthBytes = allTokensHeader.spanBytes - 4 + list.length;
  return concatBytes([allTokensHeader.encode({ AVAILABLE_DATA: lengthBytes }), list]);
}

/** The ROD management tokens in REPORT ALL ROD TOKENS parameter data; one that was cut off is left out. */
export function parseAllRodTokens(data: Uint8Array): Uint8Array[] {
  const end = Math.min(data.length, allTokensHeader.decode(data).AVAILABLE_DATA + 4);
  const tokens: Uint8Array[] = [];
  const start = allTokensHeader.spanBytes;
  for (let at = start; at + ROD_MANAGEMENT_TOKEN_BYTES <= end; at += ROD_MANAGEMENT_TOKEN_BYTES) {
    tokens.push(data.slice(at, at + ROD_MANAGEMENT_TOKEN_BYTES));
  }
  return tokens;
}
