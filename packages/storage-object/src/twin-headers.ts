import type { DiskFile, FileStatus } from '@lunbox/block';
import { ContainerError } from './container-error.ts';
import {
  BLOCK_SIZES,
  DATA_ALIGNMENT_BYTES,
  HEADER_SLOT_BYTES,
  HEADER_SLOTS,
  IDENTITY_BLOCK_BYTES,
  type HeaderSlot,
} from './format.ts';
import {
  decodeHeader,
  encodeHeader,
  IncompatibleFeature,
  type ContainerHeader,
  type HeaderReading,
} from './header.ts';
import { decodeIdentityBlock, hasContainerMagic, type IdentityBlock } from './identity-block.ts';
import { findLayoutFault, sizeOf, type LayoutNode } from './layout/layout.ts';
import { findProtectionFault } from './protection-region.ts';

/** The header that counts, and where it lies. */
export interface CurrentHeader {
  readonly slot: HeaderSlot;
  readonly header: ContainerHeader;
}

const otherSlot = (slot: HeaderSlot): HeaderSlot => (slot === 'A' ? 'B' : 'A');

/** What the two header slots hold. */
export type SlotReadings = Readonly<Record<HeaderSlot, HeaderReading>>;

/** What is read of the first block and the headers from now on is what the medium has, also after a failed sync. */
export async function dropHeaders(file: DiskFile): Promise<void> {
  await file.dropCache(0, HEADER_SLOTS.B.offset + HEADER_SLOT_BYTES);
}

/** The same of everything, where a server may have ended after a failed sync: the cache shows what was lost. */
export async function dropUnlessClosed(
  file: DiskFile,
  { header }: CurrentHeader,
  { sizeBytes }: FileStatus,
): Promise<void> {
  if (header.openState !== 'clean') await file.dropCache(0, sizeBytes);
}

/** Reads one header as it is. */
export async function readSlot(file: DiskFile, slot: HeaderSlot): Promise<HeaderReading> {
  // A slot that the file cuts short is zero-filled, and its checksum then tells.
  const bytes = Buffer.alloc(HEADER_SLOT_BYTES);
  await file.read([bytes], HEADER_SLOTS[slot].offset);
  return decodeHeader(bytes, slot);
}

/** Reads the first block. Throws `CONTAINER_NOT_LUNBOX` or `CONTAINER_CORRUPT`. */
export async function readIdentityBlock(file: DiskFile): Promise<IdentityBlock> {
  const { path } = file;
  const block = Buffer.alloc(IDENTITY_BLOCK_BYTES);
  const lengthBytes = await file.read([block], 0);
  if (!hasContainerMagic(block)) {
    throw new ContainerError('CONTAINER_NOT_LUNBOX', `${path} is not a Lunbox container`, { path });
  }
  const identity = decodeIdentityBlock(block.subarray(0, lengthBytes));
  if (!identity) throw corrupt(path, 'its first block is damaged');
  return identity;
}

/**
 * Reads both headers and picks the current one: of those that check out, the one with the higher sequence
 * number. Throws `CONTAINER_CORRUPT` or `CONTAINER_UNSUPPORTED_FEATURE`.
 */
export async function readCurrentHeader(file: DiskFile): Promise<CurrentHeader> {
  const current = pickCurrent({ A: await readSlot(file, 'A'), B: await readSlot(file, 'B') }, file.path);
  const fault = findGeometryFault(current.header);
  if (fault !== undefined) throw corrupt(file.path, fault);
  const missing = missingBytes(current.header, (await file.status()).sizeBytes);
  if (missing > 0) throw corrupt(file.path, `it is cut short by ${missing} bytes`);
  return current;
}

/** The header in force. Throws `CONTAINER_CORRUPT` or `CONTAINER_UNSUPPORTED_FEATURE`. */
export function pickCurrent({ A: a, B: b }: SlotReadings, path: string): CurrentHeader {
  if (a.kind === 'good' && b.kind === 'good' && areRivals(a.header, b.header)) {
    throw corrupt(path, 'its two headers have the same number but say different things');
  }
  const slot: HeaderSlot = b.kind === 'bad' || (a.kind !== 'bad' && a.sequence > b.sequence) ? 'A' : 'B';
  const reading = slot === 'A' ? a : b;
  if (reading.kind === 'good') return { slot, header: reading.header };
  if (reading.kind === 'bad') {
    throw corrupt(path, `header A is unusable (${describeBad(a)}) and so is header B (${describeBad(b)})`);
  }
  const message = `${path} was made by a newer version: ${reading.reason}; open it with that version`;
  const { unknownFeatures } = reading;
  throw new ContainerError('CONTAINER_UNSUPPORTED_FEATURE', message, { path, unknownFeatures });
}

function describeBad(reading: HeaderReading): string {
  return reading.kind === 'good' ? 'it is sound' : reading.reason;
}

/** Headers are never written with equal numbers. Equal twins are harmless, unequal ones leave no way to choose. */
function areRivals(a: ContainerHeader, b: ContainerHeader): boolean {
  if (a.sequence !== b.sequence) return false;
  return !encodeHeader(a, 'A').equals(encodeHeader(b, 'A'));
}

/** Whether some of the parts of a disk may have been deleted already. */
export function isBeingDeleted({ attributes }: ContainerHeader): boolean {
  return attributes.deleting === true;
}

/** Says what is wrong with the measures of a disk; undefined when nothing is. */
export function findGeometryFault(header: ContainerHeader): string | undefined {
  const { blockSize, capacityBytes, dataOffset } = header;
  if (!BLOCK_SIZES.includes(blockSize)) return `its block size is ${blockSize}`;
  if (dataOffset < DATA_ALIGNMENT_BYTES || dataOffset % DATA_ALIGNMENT_BYTES !== 0) {
    return `its data offset is ${dataOffset}`;
  }
  if (capacityBytes <= 0 || capacityBytes % blockSize !== 0) return `its capacity is ${capacityBytes}`;
  const endBytes = dataOffset + capacityBytes;
  if (!Number.isSafeInteger(endBytes)) return `its capacity is ${capacityBytes}`;
  if (isCombined(header)) {
    const fault = findLayoutFault(header.attributes.layout, blockSize);
    if (fault !== undefined) return `its layout cannot be used: ${fault}`;
    if (sizeOf(header.attributes.layout as LayoutNode) < capacityBytes)
      return 'its parts are smaller than its disk';
  }
  if (hasSnapshots(header) && typeof header.attributes.snapshots?.set !== 'string')
    return 'it has snapshots, and does not say which';
  return findProtectionFault(header);
}

/** Whether the disk is in other files than this one. */
export function isCombined({ features }: ContainerHeader): boolean {
  return (features.incompatible & IncompatibleFeature.LAYOUT) !== 0;
}

/** Whether what is overwritten has to be saved first. */
export function hasSnapshots({ features }: Pick<ContainerHeader, 'features'>): boolean {
  return (features.incompatible & IncompatibleFeature.SNAPSHOTS) !== 0;
}

/** Where the file ends: behind the disk, if that is in it. */
export function endOfFile(header: ContainerHeader): number {
  return header.dataOffset + (isCombined(header) ? 0 : header.capacityBytes);
}

/** What the file lacks of the disk. A longer file is what a crash in the middle of growing leaves. */
export function missingBytes(header: ContainerHeader, fileSizeBytes: number): number {
  return Math.max(0, endOfFile(header) - fileSizeBytes);
}

/** The header as it is to be from now on; its number and its bytes come from the one before. */
export type HeaderChange = Partial<Omit<ContainerHeader, 'sequence' | 'raw'>>;

/**
 * Writes a changed header over the older of the two, with the next number, and waits until it is durable.
 * A crash at any byte leaves the current one whole.
 */
export async function writeNextHeader(
  file: DiskFile,
  current: CurrentHeader,
  change: HeaderChange,
  sync: () => Promise<void> = () => file.sync(),
): Promise<CurrentHeader> {
  const slot = otherSlot(current.slot);
  const header = { ...current.header, ...change, sequence: current.header.sequence + 1 };
  await file.write([encodeHeader(header, slot)], HEADER_SLOTS[slot].offset);
  await sync();
  return { slot, header };
}

function corrupt(path: string, what: string): ContainerError {
  return new ContainerError('CONTAINER_CORRUPT', `${path} is damaged: ${what}`, { path });
}
