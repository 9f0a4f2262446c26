import { errnoName, type DiskFile } from '@lunbox/block';
import { dirname, resolve } from 'node:path';
import { ContainerError } from '../container-error.ts';
import { exists, unlinkIfThere } from '../files.ts';
import { DATA_ALIGNMENT_BYTES, HEADER_SLOT_BYTES, HEADER_SLOTS } from '../format.ts';
import { ROLE_PART } from '../header.ts';
import { ioError } from '../io-error.ts';
import { takeSpace } from '../life/take-space.ts';
import { writeNewContainer } from '../new-container-file.ts';
import type { Seams } from '../seams.ts';
import { formatUuid, NIL_UUID, parseUuid } from '../uuid.ts';
import { makeWhole } from '../whole-file.ts';
import { partsOf, type LayoutNode, type LayoutPart } from './layout.ts';
import type { NewLayout, VolumeRooms } from './layout-plan.ts';
import { busyError, partPath } from './part.ts';

/** What the parts of a new disk are made from. */
export interface NewParts {
  /** The container that is to name them. */
  readonly path: string;
  readonly layout: LayoutNode;
  readonly birthIdentity: Uint8Array;
  readonly blockSize: number;
  /** The session in which the disk is filled; none when it stays empty. */
  readonly writeSession: Uint8Array;
  /** Take volumes that hold something already. */
  readonly overwriteVolumes: boolean;
  /** Take the space of the files at once. */
  readonly preallocate: boolean;
}

/** Bytes of a volume that hold the headers: it may only be taken when there is nothing in them. */
const FIXED_PART_BYTES = HEADER_SLOTS.B.offset + HEADER_SLOT_BYTES;

/** How much each volume can store: what its first MiB, with the headers, leaves. Throws a `ContainerError`. */
export async function volumeRooms(
  ownerPath: string,
  layout: NewLayout,
  { disk }: Seams,
): Promise<VolumeRooms> {
  const rooms = new Map<string, number>();
  for (const path of volumesOf(layout)) {
    const where = resolve(dirname(ownerPath), path);
    try {
      const file = await disk.open(where, 'read');
      const { sizeBytes, kind } = await file.status().finally(() => file.close());
      const isVolume = kind === 'block-device' && sizeBytes > DATA_ALIGNMENT_BYTES;
      if (!isVolume) throw badVolume(where);
      rooms.set(path, Math.floor((sizeBytes - DATA_ALIGNMENT_BYTES) / 4096) * 4096);
    } catch (error) {
      throw ioError('open', where, error);
    }
  }
  return rooms;
}

function volumesOf(layout: NewLayout): string[] {
  if ('path' in layout) return layout.kind === 'volume' ? [layout.path] : [];
  return (layout.kind === 'slice' ? [layout.part] : layout.parts).flatMap(volumesOf);
}

function badVolume(path: string): ContainerError {
  const message = `${path} is no block device of a known size, or too small`;
  return new ContainerError('CONTAINER_BAD_LAYOUT', message, { path });
}

/** The parts of a disk that have been made so far. */
export class MadeParts {
  #undo: (() => Promise<void>)[] = [];

  /** Notes a part, and how to take it back. */
  add(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  /** Takes all of them back, as far as that can be done, durably. Throws why one could not be. */
  async takeBack(): Promise<void> {
    const undo = this.#undo.reverse();
    this.#undo = [];
    const results: PromiseSettledResult<void>[] = [];
    for (const each of undo) results.push(...(await Promise.allSettled([each()])));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** Makes the parts of a disk, each durable under its name, and notes them. Throws an error that names the part. */
export async function createParts(wanted: NewParts, made: MadeParts, seams: Seams): Promise<void> {
  for (const leaf of partsOf(wanted.layout)) {
    const path = partPath(wanted.path, leaf);
    try {
      await (leaf.kind === 'file' ? createFile : formatVolume)(path, leaf, wanted, made, seams);
    } catch (error) {
      throw errnoName(error) === 'EBUSY' ? busyError(path) : ioError('create', path, error);
    }
  }
}

async function createFile(
  path: string,
  leaf: LayoutPart,
  wanted: NewParts,
  made: MadeParts,
  seams: Seams,
): Promise<void> {
  const { disk } = seams;
  if (await exists(disk, path)) throw existsError(path);
  await makeWhole(seams, path, (draft) => writePart(draft, leaf, wanted, seams)).catch((error: unknown) => {
    throw errnoName(error) === 'EEXIST' ? existsError(path) : (error as Error);
  });
  made.add(async () => {
    await unlinkIfThere(disk, path);
    await disk.syncDirectory(dirname(path));
  });
}

function existsError(path: string): ContainerError {
  return new ContainerError('CONTAINER_EXISTS', `${path} exists already; choose another name`, { path });
}

async function formatVolume(
  path: string,
  leaf: LayoutPart,
  wanted: NewParts,
  made: MadeParts,
  seams: Seams,
): Promise<void> {
  const volume = await seams.disk.open(path, 'claim');
  const before = Buffer.alloc(FIXED_PART_BYTES);
  try {
    await volume.read([before], 0);
    if (!wanted.overwriteVolumes && before.some((byte) => byte !== 0)) throw notEmpty(path);
    // Writing it may fail in the middle.
    made.add(() => restore(path, before, seams));
    await writePart(volume, leaf, wanted, seams);
  } finally {
    await volume.close();
  }
}

async function restore(path: string, before: Buffer, { disk }: Seams): Promise<void> {
  const volume = await disk.open(path, 'claim');
  try {
    await volume.write([before], 0);
    await volume.sync();
  } finally {
    await volume.close();
  }
}

function notEmpty(path: string): ContainerError {
  const message = `${path} holds something already; say --overwrite-volumes if that may go`;
  return new ContainerError('CONTAINER_EXISTS', message, { path });
}

async function writePart(file: DiskFile, leaf: LayoutPart, wanted: NewParts, seams: Seams): Promise<void> {
  const membership = { of: formatUuid(wanted.birthIdentity), previousSession: formatUuid(NIL_UUID) };
  await writeNewContainer(
    file,
    {
      role: ROLE_PART,
      incompatible: 0,
      identity: parseUuid(leaf.identity),
      writeSession: wanted.writeSession,
      capacityBytes: leaf.sizeBytes,
      dataOffset: DATA_ALIGNMENT_BYTES,
      endBytes: leaf.kind === 'volume' ? undefined : DATA_ALIGNMENT_BYTES + leaf.sizeBytes,
      blockSize: wanted.blockSize,
      regions: [],
      attributes: { part: membership },
    },
    seams,
    async () => {
      if (wanted.preallocate && leaf.kind === 'file')
        await takeSpace(file, DATA_ALIGNMENT_BYTES, leaf.sizeBytes);
    },
  );
}
