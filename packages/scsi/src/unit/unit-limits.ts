/** Most descriptors of one UNMAP command. */
export const MAX_UNMAP_DESCRIPTORS = 256;

/** The physical block that Lunbox tells initiators to align to, unless a unit is created with another. */
const DEFAULT_PHYSICAL_BLOCK_BYTES = 4096;

/** Data streams through the unit, so a long transfer costs no memory; the bound is the time that it takes. */
const MAX_TRANSFER_BLOCKS = 262_144;
const OPTIMAL_TRANSFER_BYTES = 1024 * 1024;
const MAX_COMPARE_AND_WRITE_BYTES = 128 * 1024;

/** An atomic write is held whole before it is written. */
const MAX_ATOMIC_WRITE_BYTES = 256 * 1024;

const MAX_WRITE_SAME_BYTES = 4 * 1024 * 1024 * 1024;
const MAX_UNMAP_LBAS = 1_048_576;
const UNMAP_GRANULARITY_BYTES = 4096;

/** Space is counted in sets of this size; 32 bits of them are 4 PiB. */
const THRESHOLD_SET_BYTES = 1024 * 1024;

/** What one command may ask of a unit, in logical blocks; the Block Limits VPD page says the same. */
export interface UnitLimits {
  readonly maxTransferBlocks: number;
  readonly optimalTransferBlocks: number;
  /** Most blocks of COMPARE AND WRITE, whose data is held whole; its CDB has 8 bits for them. */
  readonly maxCompareAndWriteBlocks: number;
  /** Most blocks of WRITE ATOMIC(16): what the device writes whole or not at all. */
  readonly maxAtomicWriteBlocks: number;
  /** Most blocks of all descriptors of one UNMAP command together. */
  readonly maxUnmapBlocks: number;
  readonly unmapGranularityBlocks: number;
  /**
   * A WRITE SAME of this many blocks ends within the time that initiators wait for it, also on a slow disk.
   */
  readonly maxWriteSameBlocks: number;
  /** Space usage is told in sets of this many blocks, a power of two. */
  readonly thresholdSetBlocks: number;
  /** A physical block holds 2 to the power of this many logical blocks. */
  readonly physicalBlockExponent: number;
}

/** The limits for a block size. Throws a RangeError for a physical block or an atomic write that does not fit it. */
export function unitLimits(
  blockSize: number,
  options: { readonly physicalBlockBytes?: number; readonly atomicWriteBytes?: number },
): UnitLimits {
  const physicalBlockBytes = physicalBlock(options.physicalBlockBytes, blockSize);
  const atomicWriteBytes = atomicWrite(options.atomicWriteBytes ?? blockSize, blockSize);
  return {
    maxTransferBlocks: MAX_TRANSFER_BLOCKS,
    optimalTransferBlocks: OPTIMAL_TRANSFER_BYTES / blockSize,
    maxCompareAndWriteBlocks: Math.min(255, MAX_COMPARE_AND_WRITE_BYTES / blockSize),
    maxAtomicWriteBlocks: atomicWriteBytes / blockSize,
    maxUnmapBlocks: MAX_UNMAP_LBAS,
    unmapGranularityBlocks: Math.max(1, UNMAP_GRANULARITY_BYTES / blockSize),
    maxWriteSameBlocks: MAX_WRITE_SAME_BYTES / blockSize,
    thresholdSetBlocks: THRESHOLD_SET_BYTES / blockSize,
    physicalBlockExponent: Math.max(0, Math.log2(physicalBlockBytes / blockSize)),
  };
}

function physicalBlock(bytes: number | undefined, blockSize: number): number {
  const physical = bytes ?? Math.max(blockSize, DEFAULT_PHYSICAL_BLOCK_BYTES);
  const exponent = Math.log2(physical / blockSize);
  if (Number.isInteger(exponent) && exponent >= 0 && exponent <= 15) return physical;
  throw new RangeError(`physical block of ${physical} bytes over logical blocks of ${blockSize}`);
}

function atomicWrite(bytes: number, blockSize: number): number {
  if (bytes % blockSize === 0 && bytes >= blockSize && bytes <= MAX_ATOMIC_WRITE_BYTES) return bytes;
  throw new RangeError(`atomic writes of ${bytes} bytes over logical blocks of ${blockSize}`);
}
