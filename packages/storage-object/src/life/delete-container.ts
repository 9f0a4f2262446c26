import type { DiskFile } from '@lunbox/block';
import { dirname } from 'node:path';
import { examine, type Examination } from '../check/examination.ts';
import { ContainerError } from '../container-error.ts';
import { letGo, lockContainer, type ContainerLock } from '../container-lock.ts';
import { judgeContinuity } from '../file-stamp.ts';
import { ROLE_PART, type ContainerHeader } from '../header.ts';
import { ioError } from '../io-error.ts';
import type { LayoutNode } from '../layout/layout.ts';
import type { Part } from '../layout/part.ts';
import {
  NO_PARTS,
  releaseDoomed,
  removeDoomed,
  reserveDoomed,
  type DoomedParts,
} from '../layout/remove-parts.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from '../seams.ts';
import { findGeometryFault, isBeingDeleted, isCombined, writeNextHeader } from '../twin-headers.ts';
import { formatUuid } from '../uuid.ts';
import { diskBeside, type BesideKeeper, type DiskBeside } from './beside.ts';

/** Options of {@link deleteContainer}. */
export interface DeleteOptions extends StorageObjectSeams {
  /** Also when the object is damaged, was not closed in order, or was written by another program since. */
  readonly force?: boolean;
  /** Leaves all parts of the disk, where it is made of several. */
  readonly keepParts?: boolean;
  /** Also when the disk has snapshots, which `beside` removes. */
  readonly withSnapshots?: boolean;
  /** Removes what lies beside the container; without it a disk with snapshots is refused. */
  readonly beside?: BesideKeeper;
}

/** What {@link deleteContainer} has done. */
export interface DeletedContainer {
  readonly path: string;
  /** Paths of the parts that went with it. */
  readonly parts: readonly string[];
  /** Parts that are still there, and why, in words that go on from the path. */
  readonly kept: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Deletes a container that nobody has open: its name, and its content with its last name. The files of a disk of
 * several parts that say of themselves that they belong to it, and to nothing else, go before it; raw volumes and
 * whatever else is in the place of a part stay. With `withSnapshots` its snapshots go, too. After a crash in the middle
 * nobody can open the disk any more, and this can be done again. Throws `CONTAINER_NOT_FOUND`, `CONTAINER_NOT_LUNBOX`
 * (whatever is forced), `CONTAINER_LOCKED`, `CONTAINER_HAS_SNAPSHOTS`, `CONTAINER_UNCLEAN` without `force`,
 * `CONTAINER_PART_MISSING` when a part cannot be looked at, or `CONTAINER_IO`.
 */
export async function deleteContainer(path: string, options: DeleteOptions = {}): Promise<DeletedContainer> {
  const seams = completeSeams(options);
  const { disk } = seams;
  let file: DiskFile | undefined;
  let lock: ContainerLock | undefined;
  let doomed = NO_PARTS;
  try {
    file = await disk.open(path, 'write');
    // Before the lock: nothing is put down beside a file that is none of ours.
    await examine(file);
    const nowMs = Math.floor(seams.clock.unixMs());
    lock = await lockContainer({ ...seams, path, file, access: 'write', nowMs });
    const examination = await examine(file);
    const owner = ownerOf(path, examination);
    checkSnapshots(owner, examination, options);
    // Whoever began with it has been asked already.
    const isGoing = examination.current !== undefined && isBeingDeleted(examination.current.header);
    if (owner && !isGoing) await options.beside?.check(owner);
    if (options.keepParts !== true) doomed = await partsToDelete(path, examination, seams);
    const objection = options.force === true ? undefined : objectionTo(examination, doomed);
    if (objection !== undefined) {
      throw new ContainerError('CONTAINER_UNCLEAN', `${path} ${objection}`, { path });
    }
    const named = await disk.status(path);
    if (named.inode !== examination.status.inode || named.deviceId !== examination.status.deviceId) {
      throw new ContainerError('CONTAINER_IO', `${path} has become another file meanwhile`, { path });
    }
    if (doomed.parts.length > 0 || owner?.set !== undefined) await markDeleting(file, examination);
    await removeDoomed(doomed, seams);
    if (owner && examination.status.linkCount === 1) await options.beside?.act(owner);
    await disk.unlink(path);
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    throw ioError('delete', path, error);
  } finally {
    await releaseDoomed(doomed).catch(() => undefined);
    if (file) await letGo(file, lock);
  }
  const kept = doomed.kept.map(({ path: partPath, reason }) => ({ path: partPath, reason }));
  return { path, parts: doomed.parts.map((part) => part.path), kept };
}

/** Locks the parts that are to go with a disk. */
async function partsToDelete(path: string, examination: Examination, seams: Seams): Promise<DoomedParts> {
  const { current, identityBlock, status } = examination;
  const header = current?.header;
  if (header === undefined || identityBlock === undefined) return NO_PARTS;
  if (!isCombined(header) || findGeometryFault(header) !== undefined) return NO_PARTS;
  const isCopy = judgeContinuity(header, status) === 'foreign';
  const owner = {
    path,
    birthIdentity: formatUuid(identityBlock.birthIdentity),
    session: header.writeSession,
    blockSize: header.blockSize,
  };
  return await reserveDoomed(header.attributes.layout as LayoutNode, owner, seams, (part) => {
    if (status.linkCount > 1) return 'stays: the disk has another name, under which it needs it';
    if (isCopy && part.continuity !== 'foreign')
      return `stays: it is that of the disk that ${path} is a copy of`;
    return undefined;
  });
}

/** First the disk says, durably, that it is going: what is left of it is then no disk that lost its parts. */
async function markDeleting(file: DiskFile, { current }: Examination): Promise<void> {
  if (current === undefined || isBeingDeleted(current.header)) return;
  const { layout, snapshots } = current.header.attributes;
  // Nothing but this is needed any more, and it is shorter than what there was.
  const attributes = {
    deleting: true,
    ...(layout === undefined ? {} : { layout }),
    ...(snapshots === undefined ? {} : { snapshots }),
  };
  const marked = await writeNextHeader(file, current, { attributes });
  // Its twin, too: it stands in when this one is damaged.
  await writeNextHeader(file, marked, {});
}

function ownerOf(path: string, { current, identityBlock, status }: Examination): DiskBeside | undefined {
  if (current === undefined || identityBlock === undefined) return undefined;
  return diskBeside(path, identityBlock, current.header, status);
}

/** Throws when snapshots of this very disk would be lost that nobody has given up. */
function checkSnapshots(
  owner: DiskBeside | undefined,
  { current, status }: Examination,
  { withSnapshots, beside }: DeleteOptions,
): void {
  if (owner?.set === undefined) return;
  const { path } = owner;
  const isAgreed = withSnapshots === true || (current !== undefined && isBeingDeleted(current.header));
  if (isAgreed && beside !== undefined && status.linkCount === 1) return;
  const message =
    isAgreed && status.linkCount > 1
      ? `${path} is one of several names of a disk with snapshots; lunbox rename it to the other one first`
      : `${path} has snapshots, which would be lost; say so (lunbox delete --with-snapshots), or delete them first`;
  throw new ContainerError('CONTAINER_HAS_SNAPSHOTS', message, { path });
}

/** Why somebody might still want what is in it. A copy that was made of an object at rest is none of these. */
function objectionTo({ current, findings, status }: Examination, doomed: DoomedParts): string | undefined {
  // It was asked for already.
  if (current !== undefined && isBeingDeleted(current.header)) return undefined;
  if (current === undefined || findings.length > 0) return 'is damaged';
  const { header } = current;
  if (header.role === ROLE_PART) return 'is a part of a disk';
  const continuity = judgeContinuity(header, status);
  if (continuity === 'modified') return 'was written by another program since it was closed';
  if (header.openState !== 'clean') return 'was not closed in order';
  return objectionToParts(header, doomed);
}

function objectionToParts(
  header: ContainerHeader,
  { parts, kept, missing }: DoomedParts,
): string | undefined {
  if (!isCombined(header)) return undefined;
  const fault = kept.map((part) => part.fault).find((each) => each !== undefined);
  if (fault !== undefined) return `has a part that is not as it should be: ${fault}`;
  if (missing[0] !== undefined) return `has a part that is missing: ${missing[0]}`;
  const modified = parts.find(({ trust }: Part) => trust === 'modified');
  if (modified) return `has a part that another program has written to: ${modified.path}`;
  const old = parts.find(({ trust }: Part) => trust === 'old');
  return old && `has a part that the disk was written without: ${old.path}`;
}
