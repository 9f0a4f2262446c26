import { errnoName, type Disk, type DiskFile } from '@lunbox/block';
import { dirname } from 'node:path';
import { findAttributesFault, type Attributes } from './attributes.ts';
import { ContainerError } from './container-error.ts';
import { ioError } from './io-error.ts';
import { stampOf } from './file-stamp.ts';
import { exists, publish, unlinkIfThere } from './files.ts';
import {
  ACTIVITY_LOG,
  BLOCK_SIZES,
  CAPACITY_LIMIT_BYTES,
  chooseDataOffset,
  HEADER_BYTES,
  HEADER_SLOTS,
  MAPS_OFFSET,
  RegionType,
} from './format.ts';
import { encodeHeader, IncompatibleFeature, ROLE_PRODUCTION, type ContainerHeader } from './header.ts';
import { encodeIdentityBlock } from './identity-block.ts';
import { formatProtection, placeProtection, type NewProtection } from './protection-region.ts';
import type { Seams } from './seams.ts';
import { takeSpace } from './life/take-space.ts';
import { NIL_UUID, UUID_BYTES } from './uuid.ts';

/** What a new object is to be like. */
export interface NewContainer {
  /** Capacity of the disk inside, a multiple of the block size. */
  readonly sizeBytes: number;
  /** Logical block length, 512 (the default) or 4096. */
  readonly blockSize?: number;
  readonly attributes?: Attributes;
  /** Takes the space of the whole disk at once, so that no write fails for want of it; UNMAP gives it back. */
  readonly preallocate?: boolean;
  /** Writes what the disk is to hold from the start; without this it is all zeroes. */
  readonly content?: NewContent;
  /** Room for protection information, and who prepares it; without this there is none, now and later. */
  readonly protection?: NewProtection;
}

/**
 * Fills the disk of a container that nobody else knows of yet. The area is all zeroes, and is made durable afterwards.
 *
 * @param draft - the file, open for writing; it has a name of its own, `draft.path`.
 * @param dataOffset - where the disk starts within it.
 */
export type NewContent = (draft: DiskFile, dataOffset: number) => Promise<void>;

const DEFAULT_BLOCK_SIZE = 512;

/**
 * Creates a container file, whole or not at all: it is written and synced under a name of its own, and only
 * then gets the final one. That must be free, unless the container is to `replace` the file that has it, in one step.
 */
export async function createContainer(
  path: string,
  wanted: NewContainer,
  seams: Seams,
  place: 'free' | 'replace' = 'free',
): Promise<void> {
  const blockSize = wanted.blockSize ?? DEFAULT_BLOCK_SIZE;
  checkWanted(path, wanted.sizeBytes, blockSize, wanted.attributes ?? {});
  const { disk, random } = seams;
  const draftPath = `${path}.${Buffer.from(random.bytes(6)).toString('hex')}.new`;
  let draft: DiskFile | undefined;
  let inode: bigint | undefined;
  try {
    if (place === 'free' && (await exists(disk, path))) throw existsError(path);
    draft = await disk.open(draftPath, 'create');
    await writeContainer(draft, { ...wanted, blockSize }, seams);
    ({ inode } = await draft.status());
    await draft.close();
    await (place === 'free' ? publish(disk, draftPath, path) : disk.rename(draftPath, path));
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    // Why it was not made matters more than what could not be taken away.
    await draft?.close().catch(() => undefined);
    if (draft) await unlinkIfThere(disk, draftPath).catch(() => undefined);
    // What has taken the place of another file stays: without it there would be neither.
    if (inode !== undefined && place === 'free') await unlinkOwn(disk, path, inode).catch(() => undefined);
    throw errnoName(error) === 'EEXIST' ? existsError(path) : ioError('create', path, error);
  }
}

/** The final name may have been given already; one that somebody else has taken is left alone. */
async function unlinkOwn(disk: Disk, path: string, inode: bigint): Promise<void> {
  if ((await disk.status(path)).inode === inode) await disk.unlink(path);
}

function checkWanted(path: string, sizeBytes: number, blockSize: number, attributes: Attributes): void {
  if (!BLOCK_SIZES.includes(blockSize)) {
    const message = `a block size of ${blockSize} is not supported; use 512 or 4096`;
    throw new ContainerError('CONTAINER_BAD_SIZE', message, { path });
  }
  checkCapacity(path, sizeBytes, blockSize);
  const fault = findAttributesFault(attributes, blockSize);
  if (fault !== undefined) throw new ContainerError(fault.code, fault.reason, { path });
}

/** Throws `CONTAINER_BAD_SIZE` when a disk cannot have this capacity. */
export function checkCapacity(path: string, sizeBytes: number, blockSize: number): void {
  if (Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes % blockSize === 0) {
    if (sizeBytes <= CAPACITY_LIMIT_BYTES) return;
  }
  const message =
    `a disk of ${sizeBytes} bytes cannot be made:` +
    ` use a multiple of ${blockSize} up to ${String(CAPACITY_LIMIT_BYTES)}`;
  throw new ContainerError('CONTAINER_BAD_SIZE', message, { path });
}

async function writeContainer(
  draft: DiskFile,
  wanted: NewContainer & { blockSize: number },
  seams: Seams,
): Promise<void> {
  const { clock, random } = seams;
  const identity = random.bytes(UUID_BYTES);
  const nowMs = Math.floor(clock.unixMs());
  const { protection } = wanted;
  const mapsEnd = chooseDataOffset(wanted.sizeBytes);
  const place = protection && placeProtection(mapsEnd, protection);
  const dataOffset = mapsEnd + (place?.lengthBytes ?? 0);
  if (!Number.isSafeInteger(dataOffset + wanted.sizeBytes)) throw tooLargeError(draft.path, wanted.sizeBytes);
  await draft.truncate(dataOffset + wanted.sizeBytes);
  if (wanted.preallocate === true) await takeSpace(draft, dataOffset, wanted.sizeBytes);
  await wanted.content?.(draft, dataOffset);
  await draft.write([encodeIdentityBlock({ birthIdentity: identity, birthMs: nowMs })], 0);
  const self = await seams.processes.self();
  const header: ContainerHeader = {
    sequence: 1,
    features: { incompatible: place ? IncompatibleFeature.PROTECTION : 0, compatible: 0, autoclear: 0 },
    role: ROLE_PRODUCTION,
    identity,
    origin: NIL_UUID,
    generation: random.bytes(UUID_BYTES),
    writeSession: NIL_UUID,
    capacityBytes: wanted.sizeBytes,
    dataOffset,
    blockSize: wanted.blockSize,
    openState: 'clean',
    stamp: { ...stampOf(await draft.status()), modifiedAtNs: BigInt(nowMs) * 1_000_000n },
    updatedAtMs: nowMs,
    opener: { host: self.host, bootId: self.bootId, pid: self.pid },
    regions: [
      { type: RegionType.ACTIVITY_LOG, flags: 0, ...ACTIVITY_LOG },
      { type: RegionType.MAPS, flags: 0, offset: MAPS_OFFSET, lengthBytes: mapsEnd - MAPS_OFFSET },
      ...(place ? [place] : []),
    ],
    attributes: { ...wanted.attributes, createdAt: new Date(nowMs).toISOString() },
    raw: new Uint8Array(HEADER_BYTES),
  };
  await draft.write([encodeHeader(header, 'A')], HEADER_SLOTS.A.offset);
  await draft.write([encodeHeader({ ...header, sequence: 2 }, 'B')], HEADER_SLOTS.B.offset);
  if (protection) await formatProtection(draft, header, identity, protection);
  await draft.sync();
  await draft.setModifiedTime(nowMs);
  await draft.sync();
}

function tooLargeError(path: string, sizeBytes: number): ContainerError {
  const message = `a disk of ${sizeBytes} bytes and its protection information do not fit into one file`;
  return new ContainerError('CONTAINER_BAD_SIZE', message, { path });
}

function existsError(path: string): ContainerError {
  return new ContainerError('CONTAINER_EXISTS', `${path} exists already; choose another name`, { path });
}
