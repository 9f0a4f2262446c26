import { readU24, readU32, writeU24, writeU32 } from '../bytes.ts';
import { Opcode } from '../opcodes.ts';

/** SCSI Data-Out header (RFC 7143 §11.7). */
export interface DataOutHeader {
  final: boolean;
  /** DataSegmentLength: bytes of data in this PDU. */
  dataLength: number;
  lunHigh: number;
  lunLow: number;
  initiatorTaskTag: number;
  /** Copied from the R2T that this data answers; `NO_TTT` for unsolicited data. */
  targetTransferTag: number;
  expStatSn: number;
  dataSn: number;
  /** Offset in bytes of this data within the whole transfer. */
  bufferOffset: number;
}

/**
 * Reads the Data-Out header at `offset` into `into`. The caller has checked the opcode and that 48 bytes
 * are there.
 */
export function readDataOut(bytes: Uint8Array, offset: number, into: DataOutHeader): void {
  into.final = (bytes[offset + 1]! & 0x80) !== 0;
  into.dataLength = readU24(bytes, offset + 5);
  into.lunHigh = readU32(bytes, offset + 8);
  into.lunLow = readU32(bytes, offset + 12);
  into.initiatorTaskTag = readU32(bytes, offset + 16);
  into.targetTransferTag = readU32(bytes, offset + 20);
  into.expStatSn = readU32(bytes, offset + 28);
  into.dataSn = readU32(bytes, offset + 36);
  into.bufferOffset = readU32(bytes, offset + 40);
}

/** Writes all 48 bytes of a Data-Out header at `offset`. */
export function writeDataOut(bytes: Uint8Array, offset: number, fields: DataOutHeader): void {
  bytes[offset] = Opcode.DATA_OUT;
  bytes[offset + 1] = fields.final ? 0x80 : 0;
  bytes[offset + 2] = 0;
  bytes[offset + 3] = 0;
  bytes[offset + 4] = 0;
  writeU24(bytes, offset + 5, fields.dataLength);
  writeU32(bytes, offset + 8, fields.lunHigh);
  writeU32(bytes, offset + 12, fields.lunLow);
  writeU32(bytes, offset + 16, fields.initiatorTaskTag);
  writeU32(bytes, offset + 20, fields.targetTransferTag);
  writeU32(bytes, offset + 24, 0);
  writeU32(bytes, offset + 28, fields.expStatSn);
  writeU32(bytes, offset + 32, 0);
  writeU32(bytes, offset + 36, fields.dataSn);
  writeU32(bytes, offset + 40, fields.bufferOffset);
  writeU32(bytes, offset + 44, 0);
}
