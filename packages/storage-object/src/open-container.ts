import { errnoName, openFileDevice, type DiskFile, type FileDevice, type FileStatus } from '@lunbox/block';
import { adopt, provisionalIdentity, type ForeignPolicy } from './adoption.ts';
import { attributesOfCopy, type SnapshotsAttribute } from './attributes.ts';
import { ContainerError } from './container-error.ts';
import { letGo, lockContainer, type ContainerLock } from './container-lock.ts';
import { judgeContinuity, stampOf, type Continuity } from './file-stamp.ts';
import { KNOWN_AUTOCLEAR_FEATURES, ROLE_PART } from './header.ts';
import { ioError } from './io-error.ts';
import { Combination } from './layout/combination.ts';
import type { CombinedDisk } from './layout/combined-disk.ts';
import type { LayoutNode } from './layout/layout.ts';
import type { MirrorHooks } from './layout/mirror-event.ts';
import { membershipOf } from './layout/part.ts';
import { AREA_BLOCK_BYTES, protectionPlace } from './protection-region.ts';
import { completeSeams, type Seams, type StorageObjectSeams } from './seams.ts';
import {
  dropHeaders,
  dropUnlessClosed,
  hasSnapshots,
  isBeingDeleted,
  isCombined,
  readCurrentHeader,
  readIdentityBlock,
  writeNextHeader,
  type CurrentHeader,
  type HeaderChange,
} from './twin-headers.ts';
import { formatUuid, UUID_BYTES } from './uuid.ts';

/** Who saves what is overwritten while a disk has snapshots. */
export interface SnapshotKeeper {
  /**
   * Called before a disk with snapshots is marked as open for writing, with how it came back: the last moment at which
   * it can be told that another program has written to it. What it throws keeps the disk closed.
   */
  beforeOpen(path: string, snapshots: SnapshotsAttribute, continuity: Continuity): Promise<void>;
}

const NS_PER_MS = 1_000_000n;

/** Options of {@link StorageObject.open}. */
export interface OpenOptions extends StorageObjectSeams, MirrorHooks {
  /** Refuses every change and leaves the file as it is. */
  readonly readOnly?: boolean;
  /** What to do with a copy; by default it gets a new identity. */
  readonly foreign?: ForeignPolicy;
  /** Without one, a disk that has snapshots is opened for reading only. */
  readonly snapshotKeeper?: SnapshotKeeper;
}

/** A container that is locked and sound, and in which nothing has been changed yet. */
export interface ReservedContainer {
  readonly path: string;
  readonly seams: Seams;
  readonly access: 'read' | 'write';
  /** For the headers; carries the byte locks. */
  readonly file: DiskFile;
  readonly lock: ContainerLock;
  readonly birthIdentity: Uint8Array;
  readonly current: CurrentHeader;
  readonly status: FileStatus;
  readonly continuity: Continuity;
  readonly policy: ForeignPolicy;
  readonly snapshotKeeper: SnapshotKeeper | undefined;
  /** The parts of the disk; undefined when it is in this file. */
  readonly combination: Combination | undefined;
}

/** A container that is in use. */
export interface OpenContainer extends ReservedContainer {
  readonly device: FileDevice | CombinedDisk;
  /** The same, when it is in this file. */
  readonly ownDevice: FileDevice | undefined;
  /** Where protection information is kept, if it is. */
  readonly area: FileDevice | undefined;
  readonly identity: Uint8Array;
  /** What the headers of its parts are marked with, while it is open for writing. */
  readonly session?: HeaderChange;
}

/** Locks a container and checks it. Changes nothing in it, so giving it back leaves it as it was. */
export async function reserveContainer(path: string, options: OpenOptions): Promise<ReservedContainer> {
  const seams = completeSeams(options);
  const access = options.readOnly === true ? 'read' : 'write';
  const policy = options.foreign ?? 'new-identity';
  let file: DiskFile | undefined;
  let lock: ContainerLock | undefined;
  try {
    file = await seams.disk.open(path, access);
    await dropHeaders(file);
    // Before the lock: nothing is put down beside a file that is none of ours.
    const { birthIdentity } = await readIdentityBlock(file);
    const nowMs = Math.floor(seams.clock.unixMs());
    lock = await lockContainer({ ...seams, path, file, access, nowMs });
    const current = await readCurrentHeader(file);
    const status = await file.status();
    await dropUnlessClosed(file, current, status);
    const continuity = judgeContinuity(current.header, status);
    if (continuity === 'foreign' && policy === 'refuse') throw foreignError(path);
    if (current.header.role === ROLE_PART) throw isPartError(path, current);
    const { snapshotKeeper } = options;
    const losesThem = continuity === 'foreign' && policy === 'new-identity';
    if (access === 'write' && hasSnapshots(current.header) && !losesThem && !snapshotKeeper)
      throw hasSnapshotsError(path);
    if (isBeingDeleted(current.header)) throw deletingError(path);
    const alone: Omit<ReservedContainer, 'combination'> = {
      path,
      seams,
      access,
      file,
      lock,
      birthIdentity,
      current,
      status,
      continuity,
      policy,
      snapshotKeeper,
    };
    if (!isCombined(current.header)) return { ...alone, combination: undefined };
    return await reserveCombination(alone, options);
  } catch (error) {
    // Why it was not opened matters more than what is left behind, which is void anyway.
    if (file) await letGo(file, lock).catch(() => undefined);
    throw ioError('open', path, error);
  }
}

/** Locks and checks the parts of a disk, too. */
async function reserveCombination(
  alone: Omit<ReservedContainer, 'combination'>,
  { onMirrorEvent }: MirrorHooks,
): Promise<ReservedContainer> {
  const { path, seams, access, birthIdentity, current, continuity, policy } = alone;
  const { header } = current;
  const combination = await Combination.reserve({
    owner: {
      path,
      birthIdentity: formatUuid(birthIdentity),
      session: header.writeSession,
      blockSize: header.blockSize,
    },
    layout: header.attributes.layout as LayoutNode,
    capacityBytes: header.capacityBytes,
    access,
    unclean: header.openState === 'open',
    seams,
    ...(onMirrorEvent ? { onMirrorEvent } : {}),
  });
  if (continuity === 'foreign' && policy !== 'keep-identity' && combination.hasOriginalParts) {
    await combination.release();
    throw partsOfOriginalError(path);
  }
  const modified = continuity === 'clean' && combination.modified;
  return { ...alone, combination, continuity: modified ? 'modified' : continuity };
}

/** Gives a reservation back. */
export async function releaseContainer(reserved: ReservedContainer): Promise<void> {
  await reserved.combination?.release();
  await letGo(reserved.file, reserved.lock);
}

/** Takes a reserved container into use. When that fails, the reservation is still there. */
export async function beginContainer(reserved: ReservedContainer): Promise<OpenContainer> {
  const { path, seams, access, file, current, status, continuity, policy, combination } = reserved;
  let ownDevice: FileDevice | undefined;
  let area: FileDevice | undefined;
  try {
    const session = await openedBy(seams);
    ownDevice = combination === undefined ? await openDataArea(reserved) : undefined;
    const device = ownDevice ?? (await (combination as Combination).begin(session));
    area = await openProtection(reserved);
    const parts = { device, ownDevice, area };
    if (access === 'read') {
      const isCopy = continuity === 'foreign' && policy === 'new-identity';
      if (!isCopy) return { ...reserved, ...parts, identity: current.header.identity };
      const header = { ...current.header, attributes: attributesOfCopy(current.header.attributes) };
      const identity = provisionalIdentity(current.header, status);
      return { ...reserved, current: { ...current, header }, ...parts, identity };
    }
    const adopted = adopt(current.header, continuity, policy, seams.random);
    const features = adopted.features ?? current.header.features;
    const { snapshots } = current.header.attributes;
    if (hasSnapshots({ features }) && snapshots !== undefined)
      await reserved.snapshotKeeper?.beforeOpen(path, snapshots, continuity);
    const attributes = adopted.attributes ?? current.header.attributes;
    const opened = await writeNextHeader(file, current, {
      ...session,
      ...adopted,
      // Legs of mirrors that are not in sync are noted before anything is written without them.
      attributes: combination === undefined ? attributes : { ...attributes, layout: combination.layout },
      stamp: stampOf(status),
      // What newer software derived from the content is out of date once we write.
      features: { ...features, autoclear: features.autoclear & KNOWN_AUTOCLEAR_FEATURES },
    });
    return { ...reserved, ...parts, current: opened, identity: opened.header.identity, session };
  } catch (error) {
    await area?.close();
    await ownDevice?.close();
    await restoreModifiedTime(reserved);
    const isFull = access === 'write' && (errnoName(error) === 'ENOSPC' || errnoName(error) === 'EDQUOT');
    throw isFull ? noRoomError(path, error) : ioError('open', path, error);
  }
}

/** The changes that mark a header as open by this process, from now on. */
export async function openedBy(seams: Seams): Promise<HeaderChange> {
  const { host, bootId, pid } = await seams.processes.self();
  return {
    openState: 'open',
    opener: { host, bootId, pid },
    writeSession: seams.random.bytes(UUID_BYTES),
    updatedAtMs: Math.floor(seams.clock.unixMs()),
  };
}

/**
 * The data area has an open file of its own. The kernel reports a failed write-back once to each open file:
 * were the headers synced through the device's, they could swallow the error that a flush must answer with.
 */
async function openDataArea(reserved: ReservedContainer): Promise<FileDevice> {
  const { path, seams, access, current } = reserved;
  const { header } = current;
  return await openFileDevice({
    disk: seams.disk,
    path,
    dataOffset: header.dataOffset,
    size: header.capacityBytes,
    blockSize: header.blockSize,
    readOnly: access === 'read',
  });
}

/** Of its own for the same reason. */
async function openProtection(reserved: ReservedContainer): Promise<FileDevice | undefined> {
  const { path, seams, access, current } = reserved;
  const place = protectionPlace(current.header);
  if (place === undefined) return undefined;
  return await openFileDevice({
    disk: seams.disk,
    path,
    dataOffset: place.offset,
    size: place.lengthBytes,
    blockSize: AREA_BLOCK_BYTES,
    readOnly: access === 'read',
  });
}

/** A header that could not be written may have changed the time by which the next opening judges the disk. */
async function restoreModifiedTime({ access, continuity, file, status }: ReservedContainer): Promise<void> {
  if (access === 'read' || continuity !== 'clean') return;
  // Why the disk was not opened matters more; at worst it counts as modified next time.
  await file.setModifiedTime(Number(status.mtimeNs / NS_PER_MS)).catch(() => undefined);
}

/** Where what is written over is written elsewhere (Btrfs, ZFS), a header takes space that the file has already. */
function noRoomError(path: string, cause: unknown): ContainerError {
  const message =
    `cannot open ${path} for writing: its file system has no space for a header, which notes that it is open;` +
    ` free some space, or open it for reading only (lunbox serve --read-only)`;
  return new ContainerError('CONTAINER_IO', message, { path, cause });
}

function partsOfOriginalError(path: string): ContainerError {
  const message =
    `${path} is a copy, and the parts that it names are those of the original;` +
    ` copy them too, or serve it with --keep-identity if the original is gone`;
  return new ContainerError('CONTAINER_FOREIGN', message, { path });
}

function isPartError(path: string, current: CurrentHeader): ContainerError {
  const message = `${path} is a part of the disk ${membershipOf(current).of}; serve that disk`;
  return new ContainerError('CONTAINER_IS_PART', message, { path });
}

function deletingError(path: string): ContainerError {
  const message = `the deletion of ${path} was cut short; say lunbox delete once more, and the rest goes`;
  return new ContainerError('CONTAINER_DELETING', message, { path });
}

function hasSnapshotsError(path: string): ContainerError {
  const message = `${path} has snapshots, which writing to it so would spoil; delete them first (lunbox snap rm)`;
  return new ContainerError('CONTAINER_HAS_SNAPSHOTS', message, { path });
}

function foreignError(path: string): ContainerError {
  const message = `${path} is a copy of another container; say whether it gets a new identity`;
  return new ContainerError('CONTAINER_FOREIGN', message, { path });
}
