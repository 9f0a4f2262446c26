import { nu64be, u16be, u32be } from 'buffer-layout';
import { bitFields, bytes, flags, structure, type Structure } from '../structure.ts';

/** READ CAPACITY(10) parameter data (SBC-3 5.15.2). */
export interface ReadCapacity10 {
  /** LBA of the last block; FFFFFFFFh when it does not fit: ask READ CAPACITY(16). */
  RETURNED_LOGICAL_BLOCK_ADDRESS: number;
  LOGICAL_BLOCK_LENGTH_IN_BYTES: number;
}

const readCapacity10: Structure<ReadCapacity10> = structure(8, [
  u32be('RETURNED_LOGICAL_BLOCK_ADDRESS'),
  u32be('LOGICAL_BLOCK_LENGTH_IN_BYTES'),
]);

/** READ CAPACITY(16) parameter data (SBC-3 5.16.2). */
export interface ReadCapacity16 {
  /** LBA of the last block. */
  RETURNED_LOGICAL_BLOCK_ADDRESS: number;
  LOGICAL_BLOCK_LENGTH_IN_BYTES: number;
  P_TYPE: number;
  PROT_EN: number;
  P_I_EXPONENT: number;
  /** A physical block holds 2 to the power of this many logical blocks. */
  LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT: number;
  /** 1: thin provisioning is there. */
  LBPME: number;
  /** 1: unmapped blocks read as zeroes. */
  LBPRZ: number;
  LOWEST_ALIGNED_LOGICAL_BLOCK_ADDRESS: number;
}

const readCapacity16: Structure<ReadCapacity16> = structure(32, [
  nu64be('RETURNED_LOGICAL_BLOCK_ADDRESS'),
  u32be('LOGICAL_BLOCK_LENGTH_IN_BYTES'),
  flags('RESERVED:4', 'P_TYPE:3', 'PROT_EN'),
  flags('P_I_EXPONENT:4', 'LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT:4'),
  bitFields(u16be(), 'LBPME', 'LBPRZ', 'LOWEST_ALIGNED_LOGICAL_BLOCK_ADDRESS:14'),
  bytes(16),
]);

/** The 8 bytes of READ CAPACITY(10) for a unit of `blockCount` blocks. */
export function buildReadCapacity10(blockCount: number, blockLengthBytes: number): Uint8Array<ArrayBuffer> {
  return readCapacity10.encode({
    RETURNED_LOGICAL_BLOCK_ADDRESS: Math.min(blockCount - 1, 0xffff_ffff),
    LOGICAL_BLOCK_LENGTH_IN_BYTES: blockLengthBytes,
  });
}

/** Reads READ CAPACITY(10) parameter data. */
export function parseReadCapacity10(data: Uint8Array): ReadCapacity10 {
  return readCapacity10.decode(data);
}

/** The 32 bytes of READ CAPACITY(16). */
export function buildReadCapacity16(fields: Partial<ReadCapacity16>): Uint8Array<ArrayBuffer> {
  return readCapacity16.encode(fields);
}

/** Reads READ CAPACITY(16) parameter data. */
export function parseReadCapacity16(data: Uint8Array): ReadCapacity16 {
  return readCapacity16.decode(data);
}
