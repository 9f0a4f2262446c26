import { errnoName, openFileDevice, type DiskFile, type FileDevice, type FileStatus } from '@lunbox/block';
import { dirname, resolve } from 'node:path';
import { takeByteLocks } from '../byte-locks.ts';
import { ContainerError, type ContainerErrorCode } from '../container-error.ts';
import { letGo, lockContainer, type ContainerLock } from '../container-lock.ts';
import { judgeContinuity, stampOf, type Continuity } from '../file-stamp.ts';
import { ROLE_PART } from '../header.ts';
import type { Seams } from '../seams.ts';
import {
  dropHeaders,
  dropUnlessClosed,
  readCurrentHeader,
  readIdentityBlock,
  writeNextHeader,
  type CurrentHeader,
  type HeaderChange,
} from '../twin-headers.ts';
import { formatUuid, parseUuid, sameUuid } from '../uuid.ts';
import type { LayoutPart } from './layout.ts';

/** What a part must say of itself to be one of a disk. */
export interface PartOwner {
  /** The container whose layout names the part. */
  readonly path: string;
  /** Identity that the disk was born with, in UUID form. */
  readonly birthIdentity: string;
  /** The last write session of the disk. */
  readonly session: Uint8Array;
  readonly blockSize: number;
}

/**
 * How the content of a part compares with the rest of the disk: `current`; `ahead`, because it was taken into use for a
 * session that the disk does not know of; `modified` by another program since; or `old`, because the disk was written
 * without it.
 */
export type PartTrust = 'current' | 'ahead' | 'modified' | 'old';

/** A part that was read and recognised. */
export interface KnownPart {
  readonly current: CurrentHeader;
  readonly status: FileStatus;
  readonly continuity: Continuity;
  readonly trust: PartTrust;
}

/** A part that is locked. */
export interface Part extends KnownPart {
  readonly leaf: LayoutPart;
  readonly path: string;
  readonly file: DiskFile;
  readonly lock: ContainerLock | undefined;
  readonly access: 'read' | 'write';
}

/** A part that is in use. */
export interface OpenPart extends Part {
  readonly device: FileDevice;
}

/** Where a part lies. */
export function partPath(ownerPath: string, leaf: LayoutPart): string {
  return resolve(dirname(ownerPath), leaf.path);
}

/** Failures that a mirror can do without the part for; every other one is somebody's to look at. */
const BEARABLE: ReadonlySet<string> = new Set<ContainerErrorCode>([
  'CONTAINER_PART_MISSING',
  'CONTAINER_PART_DAMAGED',
]);

/** Whether a mirror goes on without a part for this. */
export function isBearable(error: unknown): error is ContainerError {
  return error instanceof ContainerError && BEARABLE.has(error.code);
}

/** Locks a part and checks it; changes nothing. Throws a {@link ContainerError} that names it. */
export async function reservePart(
  leaf: LayoutPart,
  owner: PartOwner,
  access: 'read' | 'write',
  seams: Seams,
): Promise<Part> {
  const path = partPath(owner.path, leaf);
  let file: DiskFile | undefined;
  let lock: ContainerLock | undefined;
  try {
    file = await openPartFile(leaf, path, access, seams);
    lock = await lockPart(leaf, path, file, access, seams);
    const known = await recognise(file, leaf, owner);
    await dropUnlessClosed(file, known.current, known.status);
    return { leaf, path, file, lock, access, ...known };
  } catch (error) {
    if (file) await letGo(file, lock).catch(() => undefined);
    throw partError(path, error);
  }
}

/** Looks at a part without a lock, as `lunbox info` does. Throws as {@link reservePart}. */
export async function lookAtPart(leaf: LayoutPart, owner: PartOwner, seams: Seams): Promise<KnownPart> {
  const path = partPath(owner.path, leaf);
  let file: DiskFile | undefined;
  try {
    file = await seams.disk.open(path, 'read');
    return await recognise(file, leaf, owner);
  } catch (error) {
    throw partError(path, error);
  } finally {
    await file?.close();
  }
}

async function openPartFile(
  leaf: LayoutPart,
  path: string,
  access: 'read' | 'write',
  { disk }: Seams,
): Promise<DiskFile> {
  if (access === 'read') return await disk.open(path, 'read');
  return await disk.open(path, leaf.kind === 'volume' ? 'claim' : 'write');
}

/** A volume has no directory for a lock file; who claims it for writing keeps others out by that. */
async function lockPart(
  leaf: LayoutPart,
  path: string,
  file: DiskFile,
  access: 'read' | 'write',
  seams: Seams,
): Promise<ContainerLock | undefined> {
  const nowMs = Math.floor(seams.clock.unixMs());
  if (leaf.kind === 'file') return await lockContainer({ ...seams, path, file, access, nowMs });
  if (takeByteLocks(file, access) === 'held') throw busyError(path);
  return undefined;
}

async function recognise(file: DiskFile, leaf: LayoutPart, owner: PartOwner): Promise<KnownPart> {
  const { path } = file;
  await dropHeaders(file);
  await readIdentityBlock(file);
  const current = await readCurrentHeader(file);
  const { header } = current;
  const membership = membershipOf(current);
  if (header.role !== ROLE_PART || membership.of !== owner.birthIdentity)
    throw wrong(path, `it is no part of ${owner.path}`);
  if (formatUuid(header.identity) !== leaf.identity)
    throw wrong(path, `it is another part of ${owner.path}; parts have changed places`);
  if (header.capacityBytes < leaf.sizeBytes || header.blockSize !== owner.blockSize)
    throw new ContainerError('CONTAINER_PART_DAMAGED', `${path} is too small for its part`, { path });
  const status = await file.status();
  const continuity = leaf.kind === 'file' ? judgeContinuity(header, status) : continuityOfVolume(current);
  const trust = trustOf(current, continuity, owner.session);
  // It was closed together with the disk, in a session that this container has not seen.
  if (trust === 'ahead' && header.openState === 'clean') throw outdated(path, owner);
  return { current, status, continuity, trust };
}

/** The number of a device node, and its times, say nothing of what is on the volume. */
function continuityOfVolume({ header }: CurrentHeader): Continuity {
  return header.openState === 'clean' ? 'clean' : 'unclean';
}

/** A part that was begun with belongs to the session before, too: the disk may not have been begun with any more. */
function trustOf(current: CurrentHeader, continuity: Continuity, session: Uint8Array): PartTrust {
  const { header } = current;
  const previous = parseUuid(membershipOf(current).previousSession);
  const isKnown = sameUuid(header.writeSession, session);
  const isAhead = !isKnown && sameUuid(previous, session);
  // Nobody knows when a copy of something that was in use was made.
  if ((!isKnown && !isAhead) || (continuity === 'foreign' && header.openState === 'open')) return 'old';
  if (isAhead) return 'ahead';
  return continuity === 'modified' ? 'modified' : 'current';
}

/** The attribute `part`, as a part has it. */
export interface Membership {
  /** Identity that the disk was born with, in UUID form. */
  readonly of: string;
  /** The session of the disk when the part was taken into use, in UUID form. */
  readonly previousSession: string;
}

/** What a header says of the disk that the part belongs to. */
export function membershipOf({ header }: CurrentHeader): Membership {
  const { of, previousSession } = (header.attributes.part ?? {}) as Partial<Membership>;
  return { of: String(of), previousSession: String(previousSession) };
}

/** Takes a part into use, for this write session of the disk. When that fails, it is still reserved. */
export async function beginPart(
  part: Part,
  owner: PartOwner,
  opened: HeaderChange,
  { disk }: Seams,
): Promise<OpenPart> {
  const { path, leaf, file, access, current, status } = part;
  let device: FileDevice | undefined;
  try {
    const { header } = current;
    device = await openFileDevice({
      disk,
      path,
      dataOffset: header.dataOffset,
      size: leaf.sizeBytes,
      blockSize: header.blockSize,
      readOnly: access === 'read',
    });
    if (access === 'read') return { ...part, device };
    const membership = { of: owner.birthIdentity, previousSession: formatUuid(owner.session) };
    const attributes = { ...header.attributes, part: membership };
    const begun = await writeNextHeader(file, current, { ...opened, attributes, stamp: stampOf(status) });
    return { ...part, device, current: begun };
  } catch (error) {
    await Promise.resolve(device?.close()).catch(() => undefined);
    throw partError(path, error);
  }
}

const NS_PER_MS = 1_000_000n;

/** Marks a part, whose device has been closed, as closed in order. */
export async function stampPart({ file, leaf, current, access }: OpenPart, nowMs: number): Promise<void> {
  if (access === 'read') return;
  const stamp = { ...stampOf(await file.status()), modifiedAtNs: BigInt(nowMs) * NS_PER_MS };
  await writeNextHeader(file, current, { openState: 'clean', stamp, updatedAtMs: nowMs });
  if (leaf.kind === 'volume') return;
  await file.setModifiedTime(nowMs);
  await file.sync();
}

const KEPT: ReadonlySet<string> = new Set<ContainerErrorCode>([
  'CONTAINER_LOCKED',
  'CONTAINER_UNSUPPORTED_FEATURE',
  'CONTAINER_PART_WRONG',
  'CONTAINER_PART_DAMAGED',
]);

/** What a failure means for the disk that the part belongs to. */
function partError(path: string, error: unknown): Error {
  if (error instanceof ContainerError) {
    if (KEPT.has(error.code)) return error;
    if (error.code === 'CONTAINER_NOT_LUNBOX') return wrong(path, 'it holds something else');
    const message = `the part ${path} cannot be used: ${error.message}`;
    return new ContainerError('CONTAINER_PART_DAMAGED', message, { path, cause: error });
  }
  const errno = errnoName(error);
  if (errno === 'EBUSY') return busyError(path);
  // The power of a simulated machine, or a mistake of ours.
  if (errno === undefined) return error instanceof Error ? error : new Error(String(error));
  const reason = errno === 'ENOENT' ? 'is missing' : `cannot be used (${errno})`;
  return new ContainerError('CONTAINER_PART_MISSING', `the part ${path} ${reason}`, { path, cause: error });
}

function wrong(path: string, reason: string): ContainerError {
  const message = `${path} is not the part that belongs there: ${reason}; put the right one back`;
  return new ContainerError('CONTAINER_PART_WRONG', message, { path });
}

function outdated(path: string, owner: PartOwner): ContainerError {
  const message = `${owner.path} is older than its part ${path}; put back the container that was used last`;
  return new ContainerError('CONTAINER_PART_WRONG', message, { path });
}

/** A volume, or a file, that somebody else uses. */
export function busyError(path: string): ContainerError {
  const message = `${path} is in use by another program, or mounted; stop that first`;
  return new ContainerError('CONTAINER_LOCKED', message, { path });
}
