/**
 * The fixed places of container format version 1; `docs/container-format.md` draws them.
 *
 * @module
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** The only format version that this package writes and reads. */
export const FORMAT_VERSION = 1;

/** The identity block fills the first 4 KiB of the file. */
export const IDENTITY_BLOCK_BYTES: number = 4 * KIB;

/** Each header slot: 4 KiB of fields, then JSON attributes up to the end of the slot. */
export const HEADER_BYTES: number = 4 * KIB;
export const HEADER_SLOT_BYTES: number = 128 * KIB;
export const ATTRIBUTES_LIMIT_BYTES: number = HEADER_SLOT_BYTES - HEADER_BYTES;

/** Where the twin headers lie. Which of them is current is told by their sequence numbers. */
export const HEADER_SLOTS = {
  A: { offset: 65_536, magic: 'LUNBOX-A' },
  B: { offset: 196_608, magic: 'LUNBOX-B' },
} as const;

/** Name of one of the twin headers. */
export type HeaderSlot = keyof typeof HEADER_SLOTS;

/** Room that version 1 keeps free (all zeroes) for the activity log of snapshots. */
export const ACTIVITY_LOG: { readonly offset: number; readonly lengthBytes: number } = {
  offset: 320 * KIB,
  lengthBytes: 64 * KIB,
};

/** Room that version 1 keeps free (all zeroes) for grain maps starts here and ends at the data area. */
export const MAPS_OFFSET: number = MIB;

/** The data area starts at a multiple of this, and never before it. */
export const DATA_ALIGNMENT_BYTES: number = MIB;

/** Entries of the region table, fixed. */
export const REGION_LIMIT = 16;

/** What a region of the file is for. A reader skips types that it does not know. */
export const RegionType = { ACTIVITY_LOG: 1, MAPS: 2, PROTECTION: 3 } as const;

/** Logical block lengths that a container may have. */
export const BLOCK_SIZES: readonly number[] = [512, 4096];

/**
 * The largest disk, 8 PiB less the room before the data area: every byte of the file must have an offset that
 * a double holds exactly.
 */
export const CAPACITY_LIMIT_BYTES: number = 2 ** 53 - 2 ** 46;

/** A map has one bit for each grain of 64 KiB; two maps (valid, changed) in two copies each. */
const GRAIN_BYTES = 64 * KIB;
const MAP_COPIES = 4;
const MAPPED_AT_LEAST_BYTES = 2 ** 40;
const GROWTH_FACTOR = 4;

/**
 * Where the data area of a new container starts. The maps before it are holes until snapshots use them, so
 * they are sized generously: for a disk of 1 TiB, or four times the disk when it is larger.
 */
export function chooseDataOffset(capacityBytes: number): number {
  const mappedBytes = Math.max(MAPPED_AT_LEAST_BYTES, capacityBytes * GROWTH_FACTOR);
  const mapBytes = Math.ceil(mappedBytes / GRAIN_BYTES / 8);
  return MAPS_OFFSET + Math.ceil((mapBytes * MAP_COPIES) / DATA_ALIGNMENT_BYTES) * DATA_ALIGNMENT_BYTES;
}
