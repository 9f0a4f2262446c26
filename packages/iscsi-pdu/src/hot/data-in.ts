import { readU24, readU32, writeU24, writeU32 } from '../bytes.ts';
import { Opcode } from '../opcodes.ts';

/** SCSI Data-In header (RFC 7143 §11.7). */
export interface DataInHeader {
  final: boolean;
  /** The A bit: the target asks for a positive acknowledgement. */
  acknowledge: boolean;
  overflow: boolean;
  underflow: boolean;
  /** The S bit: `status`, `statSn` and `residualCount` are meaningful. Requires `final`. */
  hasStatus: boolean;
  status: number;
  /** DataSegmentLength: bytes of data in this PDU. */
  dataLength: number;
  lunHigh: number;
  lunLow: number;
  initiatorTaskTag: number;
  /** `NO_TTT` unless `acknowledge`. */
  targetTransferTag: number;
  statSn: number;
  expCmdSn: number;
  maxCmdSn: number;
  dataSn: number;
  /** Offset in bytes of this data within the whole transfer. */
  bufferOffset: number;
  residualCount: number;
}

/**
 * Reads the Data-In header at `offset` into `into`. The caller has checked the opcode and that 48 bytes are
 * there.
 */
export function readDataIn(bytes: Uint8Array, offset: number, into: DataInHeader): void {
  const flags = bytes[offset + 1]!;
  into.final = (flags & 0x80) !== 0;
  into.acknowledge = (flags & 0x40) !== 0;
  into.overflow = (flags & 0x04) !== 0;
  into.underflow = (flags & 0x02) !== 0;
  into.hasStatus = (flags & 0x01) !== 0;
  into.status = bytes[offset + 3]!;
  into.dataLength = readU24(bytes, offset + 5);
  into.lunHigh = readU32(bytes, offset + 8);
  into.lunLow = readU32(bytes, offset + 12);
  into.initiatorTaskTag = readU32(bytes, offset + 16);
  into.targetTransferTag = readU32(bytes, offset + 20);
  into.statSn = readU32(bytes, offset + 24);
  into.expCmdSn = readU32(bytes, offset + 28);
  into.maxCmdSn = readU32(bytes, offset + 32);
  into.dataSn = readU32(bytes, offset + 36);
  into.bufferOffset = readU32(bytes, offset + 40);
  into.residualCount = readU32(bytes, offset + 44);
}

/** Writes all 48 bytes of a Data-In header at `offset`. */
export function writeDataIn(bytes: Uint8Array, offset: number, fields: DataInHeader): void {
  bytes[offset] = Opcode.DATA_IN;
  bytes[offset + 1] =
    (fields.final ? 0x80 : 0) |
    (fields.acknowledge ? 0x40 : 0) |
    (fields.overflow ? 0x04 : 0) |
    (fields.underflow ? 0x02 : 0) |
    (fields.hasStatus ? 0x01 : 0);
  bytes[offset + 2] = 0;
  bytes[offset + 3] = fields.status;
  bytes[offset + 4] = 0;
  writeU24(bytes, offset + 5, fields.dataLength);
  writeU32(bytes, offset + 8, fields.lunHigh);
  writeU32(bytes, offset + 12, fields.lunLow);
  writeU32(bytes, offset + 16, fields.initiatorTaskTag);
  writeU32(bytes, offset + 20, fields.targetTransferTag);
  writeU32(bytes, offset + 24, fields.statSn);
  writeU32(bytes, offset + 28, fields.expCmdSn);
  writeU32(bytes, offset + 32, fields.maxCmdSn);
  writeU32(bytes, offset + 36, fields.dataSn);
  writeU32(bytes, offset + 40, fields.bufferOffset);
  writeU32(bytes, offset + 44, fields.residualCount);
}
