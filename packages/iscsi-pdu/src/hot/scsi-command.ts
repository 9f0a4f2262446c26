import { readU24, readU32, writeU24, writeU32 } from '../bytes.ts';
import { encodeAhs } from '../ahs.ts';
import { BHS_LENGTH, Opcode } from '../opcodes.ts';

/** Bytes of a CDB that the header has room for. */
const SHORT_CDB_LENGTH = 16;

/** SCSI Command header without its CDB (bytes 32 to 47, left where they are). RFC 7143 §11.3, RFC 7144 §5.1. */
export interface ScsiCommandHeader {
  immediate: boolean;
  final: boolean;
  read: boolean;
  write: boolean;
  /** Task attribute, 0 to 7 ({@link TaskAttributeCode}). */
  attribute: number;
  /** Command priority, 0 to 15 (RFC 7144 §5.1.1). */
  priority: number;
  /** Bytes of Additional Header Segments, a multiple of 4. */
  ahsLength: number;
  /** DataSegmentLength: bytes of immediate data. */
  dataLength: number;
  lunHigh: number;
  lunLow: number;
  initiatorTaskTag: number;
  expectedDataTransferLength: number;
  cmdSn: number;
  expStatSn: number;
}

/**
 * Reads the SCSI Command header at `offset` into `into`. The caller has checked the opcode and that 48
 * bytes are there.
 */
export function readScsiCommand(bytes: Uint8Array, offset: number, into: ScsiCommandHeader): void {
  const flags = bytes[offset + 1]!;
  into.immediate = (bytes[offset]! & 0x40) !== 0;
  into.final = (flags & 0x80) !== 0;
  into.read = (flags & 0x40) !== 0;
  into.write = (flags & 0x20) !== 0;
  into.attribute = flags & 0x07;
  into.priority = bytes[offset + 2]! >>> 4;
  into.ahsLength = bytes[offset + 4]! * 4;
  into.dataLength = readU24(bytes, offset + 5);
  into.lunHigh = readU32(bytes, offset + 8);
  into.lunLow = readU32(bytes, offset + 12);
  into.initiatorTaskTag = readU32(bytes, offset + 16);
  into.expectedDataTransferLength = readU32(bytes, offset + 20);
  into.cmdSn = readU32(bytes, offset + 24);
  into.expStatSn = readU32(bytes, offset + 28);
}

/**
 * Writes bytes 0 to 31 of a SCSI Command header, and copies the CDB into bytes 32 to 47: `cdb` is cut to or
 * padded with zeroes to 16 bytes. A longer CDB goes on in an Extended CDB AHS: {@link writeExtendedCdb}.
 */
export function writeScsiCommand(
  bytes: Uint8Array,
  offset: number,
  fields: ScsiCommandHeader,
  cdb: Uint8Array,
): void {
  bytes[offset] = Opcode.SCSI_COMMAND | (fields.immediate ? 0x40 : 0);
  bytes[offset + 1] =
    (fields.final ? 0x80 : 0) |
    (fields.read ? 0x40 : 0) |
    (fields.write ? 0x20 : 0) |
    (fields.attribute & 0x07);
  bytes[offset + 2] = (fields.priority & 0x0f) << 4;
  bytes[offset + 3] = 0;
  bytes[offset + 4] = fields.ahsLength >>> 2;
  writeU24(bytes, offset + 5, fields.dataLength);
  writeU32(bytes, offset + 8, fields.lunHigh);
  writeU32(bytes, offset + 12, fields.lunLow);
  writeU32(bytes, offset + 16, fields.initiatorTaskTag);
  writeU32(bytes, offset + 20, fields.expectedDataTransferLength);
  writeU32(bytes, offset + 24, fields.cmdSn);
  writeU32(bytes, offset + 28, fields.expStatSn);
  for (let i = 0; i < 16; i++) bytes[offset + 32 + i] = i < cdb.length ? cdb[i]! : 0;
}

/** Longest CDB of a SCSI Command, in bytes (RFC 7143 §11.2.2.3). */
export const MAX_CDB_LENGTH = 260;
/** Bytes of the Additional Header Segments that it takes. */
export const MAX_CDB_AHS_LENGTH = 248;

/** Bytes of the Extended CDB AHS for what of a CDB does not fit the header; 0 for 16 bytes and less. */
export function extendedCdbAhsLength(cdbLength: number): number {
  return cdbLength <= SHORT_CDB_LENGTH ? 0 : (4 + cdbLength - SHORT_CDB_LENGTH + 3) & ~3;
}

/** Writes the Extended CDB AHS of `cdb`, which has 17 to {@link MAX_CDB_LENGTH} bytes, after the header at `offset`. */
export function writeExtendedCdb(bytes: Uint8Array, offset: number, cdb: Uint8Array): void {
  bytes.set(encodeAhs({ extendedCdb: cdb.subarray(SHORT_CDB_LENGTH) }), offset + BHS_LENGTH);
}
