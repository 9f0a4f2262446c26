import { nu64be, u16be, u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, structure, type Structure } from '../structure.ts';

/** A run of blocks. */
export interface BlockRange {
  readonly lba: number;
  readonly blockCount: number;
}

interface UnmapListHeader {
  UNMAP_DATA_LENGTH: number;
  UNMAP_BLOCK_DESCRIPTOR_DATA_LENGTH: number;
}

/** UNMAP parameter list header (SBC-3 table 97). */
const unmapListHeader: Structure<UnmapListHeader> = structure(8, [
  u16be('UNMAP_DATA_LENGTH'),
  u16be('UNMAP_BLOCK_DESCRIPTOR_DATA_LENGTH'),
  bytes(4),
]);

interface UnmapBlockDescriptor {
  UNMAP_LOGICAL_BLOCK_ADDRESS: number;
  NUMBER_OF_LOGICAL_BLOCKS: number;
}

/** UNMAP block descriptor (SBC-3 table 98). */
const unmapBlockDescriptor: Structure<UnmapBlockDescriptor> = structure(16, [
  nu64be('UNMAP_LOGICAL_BLOCK_ADDRESS'),
  u32be('NUMBER_OF_LOGICAL_BLOCKS'),
  bytes(4),
]);

/** Length of the header that every UNMAP parameter list starts with. */
export const UNMAP_HEADER_BYTES = 8;

/** Length of one block descriptor. */
export const UNMAP_DESCRIPTOR_BYTES = 16;

/** The parameter list of an UNMAP command, at most 4094 ranges (its length field has 16 bits). */
export function buildUnmapList(ranges: readonly BlockRange[]): Uint8Array<ArrayBuffer> {
  const descriptorBytes = ranges.length * UNMAP_DESCRIPTOR_BYTES;
  const header = unmapListHeader.encode({
    UNMAP_DATA_LENGTH: descriptorBytes + UNMAP_HEADER_BYTES - 2,
    UNMAP_BLOCK_DESCRIPTOR_DATA_LENGTH: descriptorBytes,
  });
  const descriptors = ranges.map((range) =>
    unmapBlockDescriptor.encode({
      UNMAP_LOGICAL_BLOCK_ADDRESS: range.lba,
      NUMBER_OF_LOGICAL_BLOCKS: range.blockCount,
    }),
  );
  return concatBytes([header, ...descriptors]);
}

/** A parsed UNMAP parameter list. */
export interface UnmapList {
  /** The ranges of the descriptors that are wholly there. */
  readonly ranges: BlockRange[];
  /** True when the list is shorter than its own lengths say. */
  readonly truncated: boolean;
}

/**
 * Reads an UNMAP parameter list. Bytes after the last whole descriptor that the descriptor data length covers
 * are not looked at (SBC-3 5.28.2).
 */
export function parseUnmapList(list: Uint8Array): UnmapList {
  const declaredBytes = unmapListHeader.decode(list).UNMAP_BLOCK_DESCRIPTOR_DATA_LENGTH;
  const presentBytes = Math.max(0, list.length - UNMAP_HEADER_BYTES);
  const count = Math.floor(Math.min(declaredBytes, presentBytes) / UNMAP_DESCRIPTOR_BYTES);
  const ranges = Array.from({ length: count }, (_, index) => {
    const fields = unmapBlockDescriptor.decode(list, UNMAP_HEADER_BYTES + index * UNMAP_DESCRIPTOR_BYTES);
    return { lba: fields.UNMAP_LOGICAL_BLOCK_ADDRESS, blockCount: fields.NUMBER_OF_LOGICAL_BLOCKS };
  });
  return { ranges, truncated: list.length < UNMAP_HEADER_BYTES || declaredBytes > presentBytes };
}
