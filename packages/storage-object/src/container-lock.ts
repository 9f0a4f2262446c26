import { errnoName, type Disk, type DiskFile, type Random } from '@lunbox/block';
import debug from 'debug';
import { isReadByOthers, takeByteLocks } from './byte-locks.ts';
import { ContainerError } from './container-error.ts';
import { exists } from './files.ts';
import { ioError } from './io-error.ts';
import {
  breakLockFile,
  isStale,
  lockPathOf,
  ownerOf,
  placeLockFile,
  readLockFile,
  readLockOwner,
  removeLockFile,
  type LockOwner,
  type LockReading,
  type LockSeeker,
} from './lock-file.ts';
import type { ProcessTable } from './process-identity.ts';

const log = debug('lunbox:storage-object:lock');

/** How often a lock file may change hands under our eyes before we give up. */
const ATTEMPT_LIMIT = 5;

/** What {@link lockContainer} needs. */
export interface LockRequest {
  readonly disk: Disk;
  readonly path: string;
  /** The open container; its byte locks end when it is closed. */
  readonly file: DiskFile;
  readonly access: 'read' | 'write';
  readonly processes: ProcessTable;
  readonly random: Random;
  readonly nowMs: number;
}

/** A lock that is held. */
export interface ContainerLock {
  /** Takes the lock file away. The byte locks end when the container is closed. */
  release(): Promise<void>;
}

/**
 * Gives a lock and its file back: the file, and the byte locks with it, whatever becomes of the lock file. Throws
 * `CONTAINER_IO`.
 */
export async function letGo(file: DiskFile, lock: ContainerLock | undefined): Promise<void> {
  try {
    await lock?.release();
  } catch (error) {
    throw ioError('take the lock file away of', file.path, error);
  } finally {
    await file.close();
  }
}

/**
 * Makes sure that nobody else serves the container: by byte locks that QEMU respects, where the platform has
 * them, and by a lock file that names the holder, everywhere. Throws `CONTAINER_LOCKED` when somebody does.
 */
export async function lockContainer(request: LockRequest): Promise<ContainerLock> {
  const { disk, path, file, access } = request;
  const lockPath = lockPathOf(path);
  const byteLocks = takeByteLocks(file, access);
  if (byteLocks === 'held') throw lockedError(path, lockPath, await readLockOwner(disk, lockPath));
  const self = await request.processes.self();
  const status = await file.status();
  const [inode, device] = [String(status.inode), String(status.deviceId)];
  const hasByteLocks = byteLocks === 'granted';
  const { processes, nowMs: openedAtMs } = request;
  const bornAtNs = status.birthTimeNs;
  const seeker: LockSeeker = { self, inode, device, bornAtNs, access, hasByteLocks, processes };
  const owner: LockOwner = { ...self, inode, device, access, byteLocks: hasByteLocks, openedAtMs };
  try {
    await claimLockFile(request, lockPath, owner, seeker);
  } catch (error) {
    // Byte locks alone keep everybody out who has them; who has neither is refused here, too.
    const canDoWithout = hasByteLocks || access === 'read';
    if (canDoWithout && (isReadOnlyPlace(error) || isFull(error)))
      return { release: () => Promise.resolve() };
    throw error;
  }
  return { release: () => removeLockFile(disk, lockPath, owner) };
}

async function claimLockFile(
  request: LockRequest,
  lockPath: string,
  owner: LockOwner,
  seeker: LockSeeker,
): Promise<void> {
  const { disk, path } = request;
  const tag = Buffer.from(request.random.bytes(6)).toString('hex');
  for (let attempt = 0; attempt < ATTEMPT_LIMIT; attempt += 1) {
    if (await placeUnlessTaken(disk, lockPath, owner, tag)) return;
    const found = await readLockFile(disk, lockPath);
    if (found === 'damaged') throw damagedError(path, lockPath);
    if (!(await isVoid(found, request, seeker))) throw lockedError(path, lockPath, ownerOf(found));
    log('breaking the stale lock %s', lockPath);
    await breakLockFile(disk, lockPath, found, tag);
  }
  throw lockedError(path, lockPath, await readLockOwner(disk, lockPath));
}

/** Whether a lock file locks nothing. */
async function isVoid(
  reading: Exclude<LockReading, 'damaged'>,
  request: LockRequest,
  seeker: LockSeeker,
): Promise<boolean> {
  // It was taken away meanwhile.
  if (reading === undefined) return true;
  // One that the loss of power has left says nothing: it locks where nothing better tells.
  return reading === 'blank' ? isAlone(request, seeker) : await isStale(reading, seeker);
}

/** Whether byte locks tell that nobody else has the container open, for reading neither. */
function isAlone({ file }: LockRequest, { hasByteLocks }: LockSeeker): boolean {
  return hasByteLocks && !isReadByOthers(file);
}

/** As {@link placeLockFile}; where none can be made, a lock file that is there is judged all the same. */
async function placeUnlessTaken(
  disk: Disk,
  lockPath: string,
  owner: LockOwner,
  tag: string,
): Promise<boolean> {
  try {
    return await placeLockFile(disk, lockPath, owner, tag);
  } catch (error) {
    if ((isFull(error) || isReadOnlyPlace(error)) && (await exists(disk, lockPath))) return false;
    throw error;
  }
}

/** No room for another file: the disk in the container may need none. */
function isFull(error: unknown): boolean {
  const errno = errnoName(error);
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}

/** A directory in which no lock file can be made. */
function isReadOnlyPlace(error: unknown): boolean {
  const errno = errnoName(error);
  return errno === 'EROFS' || errno === 'EACCES' || errno === 'EPERM';
}

function damagedError(path: string, lockPath: string): ContainerError {
  const message =
    `the lock file of ${path} is damaged, and may be that of a server that runs;` +
    ` if there is certainly none, delete ${lockPath}`;
  return new ContainerError('CONTAINER_LOCKED', message, { path, lockPath });
}

function lockedError(path: string, lockPath: string, owner: LockOwner | undefined): ContainerError {
  if (!owner) {
    const message =
      `${path} is in use by another program (such as qemu); close it there first` +
      ` (if there is none, delete ${lockPath})`;
    return new ContainerError('CONTAINER_LOCKED', message, { path, lockPath });
  }
  const { host, pid, openedAtMs } = owner;
  const message =
    `${path} is served by process ${pid} on ${host}; stop it first` +
    ` (if it is certainly gone, delete ${lockPath})`;
  return new ContainerError('CONTAINER_LOCKED', message, {
    path,
    lockPath,
    holder: { host, pid, openedAtMs },
  });
}
