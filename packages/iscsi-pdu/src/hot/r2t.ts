import { readU32, writeU32 } from '../bytes.ts';
import { Opcode } from '../opcodes.ts';

/** Ready To Transfer header (RFC 7143 §11.8). */
export interface R2tHeader {
  lunHigh: number;
  lunLow: number;
  initiatorTaskTag: number;
  targetTransferTag: number;
  /** The next StatSN; an R2T does not advance it. */
  statSn: number;
  expCmdSn: number;
  maxCmdSn: number;
  r2tSn: number;
  /** Offset in bytes, within the whole transfer, of the data wanted. */
  bufferOffset: number;
  /** Bytes wanted. */
  desiredDataTransferLength: number;
}

/**
 * Reads the R2T header at `offset` into `into`. The caller has checked the opcode and that 48 bytes are
 * there.
 */
export function readR2t(bytes: Uint8Array, offset: number, into: R2tHeader): void {
  into.lunHigh = readU32(bytes, offset + 8);
  into.lunLow = readU32(bytes, offset + 12);
  into.initiatorTaskTag = readU32(bytes, offset + 16);
  into.targetTransferTag = readU32(bytes, offset + 20);
  into.statSn = readU32(bytes, offset + 24);
  into.expCmdSn = readU32(bytes, offset + 28);
  into.maxCmdSn = readU32(bytes, offset + 32);
  into.r2tSn = readU32(bytes, offset + 36);
  into.bufferOffset = readU32(bytes, offset + 40);
  into.desiredDataTransferLength = readU32(bytes, offset + 44);
}

/** Writes all 48 bytes of an R2T header at `offset`. */
export function writeR2t(bytes: Uint8Array, offset: number, fields: R2tHeader): void {
  bytes[offset] = Opcode.R2T;
  bytes[offset + 1] = 0x80;
  bytes[offset + 2] = 0;
  bytes[offset + 3] = 0;
  writeU32(bytes, offset + 4, 0);
  writeU32(bytes, offset + 8, fields.lunHigh);
  writeU32(bytes, offset + 12, fields.lunLow);
  writeU32(bytes, offset + 16, fields.initiatorTaskTag);
  writeU32(bytes, offset + 20, fields.targetTransferTag);
  writeU32(bytes, offset + 24, fields.statSn);
  writeU32(bytes, offset + 28, fields.expCmdSn);
  writeU32(bytes, offset + 32, fields.maxCmdSn);
  writeU32(bytes, offset + 36, fields.r2tSn);
  writeU32(bytes, offset + 40, fields.bufferOffset);
  writeU32(bytes, offset + 44, fields.desiredDataTransferLength);
}
