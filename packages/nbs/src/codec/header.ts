import { struct, u16be, u32be, u8, type Structure } from 'buffer-layout';
import { tableCrc32 } from './crc32.ts';
import { NbsCodecError } from './nbs-error.ts';

/** Bytes of a header without its extension area. */
export const HEADER_BYTES = 64;

/** Version of the header that this package speaks. */
export const HEADER_VERSION = 1;

/** The first four bytes of a message: `NBSQ`, `NBSR`, `NBSE`. */
export const Magic = { REQUEST: 0x4e425351, REPLY: 0x4e425352, EVENT: 0x4e425345 } as const;

/** Bits of FLAGS. The high 16 must be understood: who does not know one of them refuses the message. */
export const Flag = {
  /** The payload digest is to be checked. */
  DIGEST: 0x1,
  /** More replies to the same request follow. */
  MORE: 0x2,
  /** WRITE and others: the data is durable when the reply comes. */
  FUA: 0x4,
  /** WRITE_ZEROES: space stays taken. */
  NO_HOLE: 0x8,
  /** The request was sent before, on another connection of the session. */
  REPLAY: 0x10,
} as const;

/** The flags that this version must understand and does. */
export const UNDERSTOOD_FLAGS = 0x0000_ffff;

/** The header that begins every message, in both directions. */
export interface Header {
  /** One of {@link Magic}. */
  magic: number;
  /** {@link HEADER_VERSION}. */
  version: number;
  /** Bytes of the header in units of 8, at least 8: what is beyond byte 63 is skipped. */
  headerUnits: number;
  opcode: number;
  flags: number;
  /** 0 in requests and events. */
  status: number;
  /** Chosen by the client, the same in the reply; of events their sequence number. Two halves of 64 bits. */
  cookieHigh: number;
  cookieLow: number;
  /** Which open object the message is about, 0 for the session. A safe integer. */
  handle: number;
  /** First byte that a request is about. A safe integer. */
  offset: number;
  /** Bytes that a request is about. A safe integer. */
  length: number;
  /** Bytes that follow the header. */
  payloadBytes: number;
  /** CRC-32 of the payload, with {@link Flag.DIGEST}. */
  payloadDigest: number;
  /** Lease epoch that the writer holds; 0 for none. */
  epoch: number;
}

/** A header as it lies on the wire: 64-bit fields in halves, and its own CRC. */
interface WireHeader extends Omit<Header, 'handle' | 'offset' | 'length'> {
  handleHigh: number;
  handleLow: number;
  offsetHigh: number;
  offsetLow: number;
  lengthHigh: number;
  lengthLow: number;
  headerDigest: number;
}

/** The layout; documentation and tests are made from it, and the hand-written codec below is tested against it. */
export const headerLayout: Structure<WireHeader> = struct<WireHeader>([
  u32be('magic'),
  u8('version'),
  u8('headerUnits'),
  u16be('opcode'),
  u32be('flags'),
  u32be('status'),
  u32be('cookieHigh'),
  u32be('cookieLow'),
  u32be('handleHigh'),
  u32be('handleLow'),
  u32be('offsetHigh'),
  u32be('offsetLow'),
  u32be('lengthHigh'),
  u32be('lengthLow'),
  u32be('payloadBytes'),
  u32be('payloadDigest'),
  u32be('epoch'),
  u32be('headerDigest'),
]);
if (headerLayout.span !== HEADER_BYTES) throw new Error(`a header of ${headerLayout.span} bytes`);

const DIGEST_AT = 60;
const HIGH = 2 ** 32;
/** The high half of a safe integer has 21 bits. */
const SAFE_HIGH = 2 ** 21;

/** Bytes of the header that begins at `offset`, its extension area included, at least 64. */
export function headerBytes(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 5]! * 8;
}

/** A header with nothing in it, to be filled. */
export function blankHeader(magic: number, opcode: number): Header {
  return {
    magic,
    version: HEADER_VERSION,
    headerUnits: HEADER_BYTES / 8,
    opcode,
    flags: 0,
    status: 0,
    cookieHigh: 0,
    cookieLow: 0,
    handle: 0,
    offset: 0,
    length: 0,
    payloadBytes: 0,
    payloadDigest: 0,
    epoch: 0,
  };
}

/**
 * Writes a header of 64 bytes with its digest.
 *
 * @throws NbsCodecError `NBS_FIELD` for a handle, offset or length that is no safe integer.
 */
export function encodeHeader(header: Header, bytes: Uint8Array, at = 0): void {
  putU32(bytes, at, header.magic);
  bytes[at + 4] = HEADER_VERSION;
  bytes[at + 5] = HEADER_BYTES / 8;
  bytes[at + 6] = header.opcode >>> 8;
  bytes[at + 7] = header.opcode;
  putU32(bytes, at + 8, header.flags);
  putU32(bytes, at + 12, header.status);
  putU32(bytes, at + 16, header.cookieHigh);
  putU32(bytes, at + 20, header.cookieLow);
  putU64(bytes, at + 24, header.handle);
  putU64(bytes, at + 32, header.offset);
  putU64(bytes, at + 40, header.length);
  putU32(bytes, at + 48, header.payloadBytes);
  putU32(bytes, at + 52, header.payloadDigest);
  putU32(bytes, at + 56, header.epoch);
  putU32(bytes, at + DIGEST_AT, tableCrc32(bytes, at, at + DIGEST_AT));
}

/**
 * Reads the header at `at`, of which all 64 bytes are there, into `header`. False when the handle, offset or length is
 * beyond 2⁵³−1, which no object has: the fields are 0 then, and the request is to be refused (`OVERFLOW`).
 *
 * @throws NbsCodecError `NBS_MAGIC` when the magic is none of `magics`, `NBS_HEADER_DIGEST`, `NBS_VERSION`,
 *   `NBS_HEADER_LENGTH`.
 */
export function decodeHeader(
  bytes: Uint8Array,
  at: number,
  header: Header,
  magics: readonly number[],
): boolean {
  header.magic = getU32(bytes, at);
  if (!magics.includes(header.magic))
    throw new NbsCodecError('NBS_MAGIC', `a message begins with ${header.magic.toString(16)}h`);
  if (getU32(bytes, at + DIGEST_AT) !== tableCrc32(bytes, at, at + DIGEST_AT))
    throw new NbsCodecError('NBS_HEADER_DIGEST', 'the digest of a header does not fit');
  header.version = bytes[at + 4]!;
  if (header.version !== HEADER_VERSION)
    throw new NbsCodecError('NBS_VERSION', `a header of version ${header.version}`);
  header.headerUnits = bytes[at + 5]!;
  if (header.headerUnits * 8 < HEADER_BYTES)
    throw new NbsCodecError('NBS_HEADER_LENGTH', `a header of ${header.headerUnits * 8} bytes`);
  header.opcode = (bytes[at + 6]! << 8) | bytes[at + 7]!;
  header.flags = getU32(bytes, at + 8);
  header.status = getU32(bytes, at + 12);
  header.cookieHigh = getU32(bytes, at + 16);
  header.cookieLow = getU32(bytes, at + 20);
  header.handle = getU64(bytes, at + 24);
  header.offset = getU64(bytes, at + 32);
  header.length = getU64(bytes, at + 40);
  header.payloadBytes = getU32(bytes, at + 48);
  header.payloadDigest = getU32(bytes, at + 52);
  header.epoch = getU32(bytes, at + 56);
  if (header.handle >= 0 && header.offset >= 0 && header.length >= 0) return true;
  header.handle = header.offset = header.length = 0;
  return false;
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function putU64(bytes: Uint8Array, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new NbsCodecError('NBS_FIELD', `${value} is no safe integer`);
  putU32(bytes, at, Math.floor(value / HIGH));
  putU32(bytes, at + 4, value % HIGH);
}

function getU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** -1 for what is no safe integer. */
function getU64(bytes: Uint8Array, at: number): number {
  const high = getU32(bytes, at);
  return high < SAFE_HIGH ? high * HIGH + getU32(bytes, at + 4) : -1;
}
