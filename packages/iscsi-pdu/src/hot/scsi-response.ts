import { readU16, readU24, readU32, writeU16, writeU24, writeU32 } from '../bytes.ts';
import { Opcode } from '../opcodes.ts';

/** SCSI Response header (RFC 7143 §11.4, RFC 7144 §5.2). */
export interface ScsiResponseHeader {
  /** Service response ({@link ScsiResponseCode}). */
  response: number;
  /** SCSI status; meaningful when `response` is COMMAND_COMPLETED. */
  status: number;
  /** More about the status (SAM-5 5.3.2); 0 unless iSCSIProtocolLevel is 2 (RFC 7144 §5.2.1). */
  statusQualifier: number;
  /**
   * Bits of {@link ResidualFlag}; the writer adds the 0x80 that byte 1 always has, the reader takes it
   * away.
   */
  flags: number;
  /** DataSegmentLength: 2 bytes of SenseLength, the sense data, and response data. */
  dataLength: number;
  initiatorTaskTag: number;
  snackTag: number;
  statSn: number;
  expCmdSn: number;
  maxCmdSn: number;
  /** How many Data-In and R2T PDUs the target has sent for the command. */
  expDataSn: number;
  bidirectionalResidualCount: number;
  residualCount: number;
}

const RESIDUAL_BITS = 0x1e;

/**
 * Reads the SCSI Response header at `offset` into `into`. The caller has checked the opcode and that 48
 * bytes are there.
 */
export function readScsiResponse(bytes: Uint8Array, offset: number, into: ScsiResponseHeader): void {
  into.flags = bytes[offset + 1]! & RESIDUAL_BITS;
  into.response = bytes[offset + 2]!;
  into.status = bytes[offset + 3]!;
  into.dataLength = readU24(bytes, offset + 5);
  into.statusQualifier = readU16(bytes, offset + 8);
  into.initiatorTaskTag = readU32(bytes, offset + 16);
  into.snackTag = readU32(bytes, offset + 20);
  into.statSn = readU32(bytes, offset + 24);
  into.expCmdSn = readU32(bytes, offset + 28);
  into.maxCmdSn = readU32(bytes, offset + 32);
  into.expDataSn = readU32(bytes, offset + 36);
  into.bidirectionalResidualCount = readU32(bytes, offset + 40);
  into.residualCount = readU32(bytes, offset + 44);
}

/** Writes all 48 bytes of a SCSI Response header at `offset`. */
export function writeScsiResponse(bytes: Uint8Array, offset: number, fields: ScsiResponseHeader): void {
  bytes[offset] = Opcode.SCSI_RESPONSE;
  bytes[offset + 1] = 0x80 | (fields.flags & RESIDUAL_BITS);
  bytes[offset + 2] = fields.response;
  bytes[offset + 3] = fields.status;
  bytes[offset + 4] = 0;
  writeU24(bytes, offset + 5, fields.dataLength);
  writeU16(bytes, offset + 8, fields.statusQualifier);
  writeU16(bytes, offset + 10, 0);
  writeU32(bytes, offset + 12, 0);
  writeU32(bytes, offset + 16, fields.initiatorTaskTag);
  writeU32(bytes, offset + 20, fields.snackTag);
  writeU32(bytes, offset + 24, fields.statSn);
  writeU32(bytes, offset + 28, fields.expCmdSn);
  writeU32(bytes, offset + 32, fields.maxCmdSn);
  writeU32(bytes, offset + 36, fields.expDataSn);
  writeU32(bytes, offset + 40, fields.bidirectionalResidualCount);
  writeU32(bytes, offset + 44, fields.residualCount);
}
