import { errnoName, type BlockDevice, type DiskFile } from '@lunbox/block';
import { dirname, resolve } from 'node:path';
import { findAttributesFault, type Attributes } from './attributes.ts';
import { ContainerError } from './container-error.ts';
import { ioError } from './io-error.ts';
import { exists } from './files.ts';
import {
  ACTIVITY_LOG,
  BLOCK_SIZES,
  CAPACITY_LIMIT_BYTES,
  chooseDataOffset,
  MAPS_OFFSET,
  RegionType,
} from './format.ts';
import { IncompatibleFeature, ROLE_PRODUCTION } from './header.ts';
import { createParts, MadeParts, volumeRooms } from './layout/create-parts.ts';
import { fillParts } from './layout/fill-parts.ts';
import { planLayout, type NewLayout } from './layout/layout-plan.ts';
import { partsOf, type LayoutNode } from './layout/layout.ts';
import { partPath } from './layout/part.ts';
import { writeNewContainer } from './new-container-file.ts';
import { formatProtection, placeProtection, type NewProtection } from './protection-region.ts';
import type { Seams } from './seams.ts';
import { takeSpace } from './life/take-space.ts';
import { NIL_UUID, UUID_BYTES } from './uuid.ts';
import { makeWhole } from './whole-file.ts';

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
  /** The same for a disk of several parts, which has no area in the file: writes onto the disk, which is all zeroes. */
  readonly fill?: (device: BlockDevice) => Promise<void>;
  /** Room for protection information, and who prepares it; without this there is none, now and later. */
  readonly protection?: NewProtection;
  /** The parts that the disk is made of, which are created with it; without this it is in the container itself. */
  readonly layout?: NewLayout;
  /** Identity of the object that it is a copy of; nobody's copy without this. */
  readonly origin?: Uint8Array;
  /** Take volumes that hold something already; what is on them is lost. Default false. */
  readonly overwriteVolumes?: boolean;
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
  const parts = await planParts(path, wanted, seams);
  const identity = seams.random.bytes(UUID_BYTES);
  const made = new MadeParts();
  try {
    if (place === 'free' && (await exists(seams.disk, path))) throw existsError(path);
    const overwriteVolumes = wanted.overwriteVolumes ?? false;
    // Whoever fills a disk has used it, and its parts, in one session.
    const writeSession = wanted.fill ? seams.random.bytes(UUID_BYTES) : NIL_UUID;
    const plan = { ...wanted, blockSize, identity, parts, writeSession };
    const preallocate = wanted.preallocate === true;
    const owner = { path, birthIdentity: identity, writeSession, blockSize, overwriteVolumes, preallocate };
    const write = async (draft: DiskFile): Promise<void> => {
      await writeContainer(draft, plan, seams);
      if (parts === undefined) return;
      // The draft, which names the parts, is there before they are: whoever finds it knows what to take away with it.
      await seams.disk.syncDirectory(dirname(path));
      await createParts({ ...owner, layout: parts }, made, seams);
      if (wanted.fill) await fillParts({ ...owner, layout: parts }, wanted.sizeBytes, wanted.fill, seams);
    };
    await makeWhole(seams, path, write, place, () => made.takeBack());
  } catch (error) {
    throw errnoName(error) === 'EEXIST' ? existsError(path) : ioError('create', path, error);
  }
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

/** Where things go in a new container. */
interface Plan extends NewContainer {
  readonly blockSize: number;
  readonly identity: Uint8Array;
  readonly writeSession: Uint8Array;
  /** The parts of the disk; undefined when it is in this file. */
  readonly parts: LayoutNode | undefined;
}

async function writeContainer(draft: DiskFile, plan: Plan, seams: Seams): Promise<void> {
  const { sizeBytes, blockSize, identity, protection, parts } = plan;
  const mapsEnd = chooseDataOffset(sizeBytes);
  const place = protection && placeProtection(mapsEnd, protection);
  const dataOffset = mapsEnd + (place?.lengthBytes ?? 0);
  if (!Number.isSafeInteger(dataOffset + sizeBytes)) throw tooLargeError(draft.path, sizeBytes);
  await writeNewContainer(
    draft,
    {
      role: ROLE_PRODUCTION,
      incompatible: (place ? IncompatibleFeature.PROTECTION : 0) | (parts ? IncompatibleFeature.LAYOUT : 0),
      identity,
      origin: plan.origin,
      writeSession: plan.writeSession,
      capacityBytes: sizeBytes,
      dataOffset,
      endBytes: dataOffset + (parts ? 0 : sizeBytes),
      blockSize,
      regions: [
        { type: RegionType.ACTIVITY_LOG, flags: 0, ...ACTIVITY_LOG },
        { type: RegionType.MAPS, flags: 0, offset: MAPS_OFFSET, lengthBytes: mapsEnd - MAPS_OFFSET },
        ...(place ? [place] : []),
      ],
      attributes: { ...plan.attributes, ...(parts ? { layout: parts } : {}) },
    },
    seams,
    async (header) => {
      if (plan.preallocate === true && !parts) await takeSpace(draft, dataOffset, sizeBytes);
      await plan.content?.(draft, dataOffset);
      if (protection) await formatProtection(draft, header, identity, protection);
    },
  );
}

/** Works out the parts of a disk that is to have several. Throws `CONTAINER_BAD_LAYOUT`. */
async function planParts(path: string, wanted: NewContainer, seams: Seams): Promise<LayoutNode | undefined> {
  const { layout, sizeBytes, blockSize = DEFAULT_BLOCK_SIZE, protection } = wanted;
  if (layout === undefined) return undefined;
  const rooms = await volumeRooms(path, layout, seams);
  const planned = planLayout({ layout, sizeBytes, blockSize, rooms, random: seams.random });
  const fault = typeof planned === 'string' ? planned : partsFault(path, planned);
  if (protection !== undefined)
    throw badLayout(path, 'protection information is kept for disks in one file only');
  if (wanted.content !== undefined)
    throw badLayout(path, 'there is no area in the file that could be filled');
  if (fault !== undefined) throw badLayout(path, fault);
  return planned as LayoutNode;
}

/** Two names of one place would be written over one another. */
function partsFault(path: string, layout: LayoutNode): string | undefined {
  const paths = [resolve(path), ...partsOf(layout).map((leaf) => partPath(path, leaf))];
  return new Set(paths).size < paths.length ? 'two of its files have the same name' : undefined;
}

function badLayout(path: string, reason: string): ContainerError {
  const message = `the layout of ${path} cannot be made: ${reason}`;
  return new ContainerError('CONTAINER_BAD_LAYOUT', message, { path });
}

function tooLargeError(path: string, sizeBytes: number): ContainerError {
  const message = `a disk of ${sizeBytes} bytes and its protection information do not fit into one file`;
  return new ContainerError('CONTAINER_BAD_SIZE', message, { path });
}

function existsError(path: string): ContainerError {
  return new ContainerError('CONTAINER_EXISTS', `${path} exists already; choose another name`, { path });
}
