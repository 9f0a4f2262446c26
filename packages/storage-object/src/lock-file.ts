import { errnoName, type Disk } from '@lunbox/block';
import { crc32 } from 'node:zlib';
import { publish, readSmallFile, unlinkIfThere } from './files.ts';
import type { ProcessIdentity, ProcessTable } from './process-identity.ts';

/** What a lock file says; JSON, so that a person can read it too. */
export interface LockOwner extends ProcessIdentity {
  /** Inode of the container: a lock file that was copied with its directory locks nothing. */
  readonly inode: string;
  /** Number of the file system that it lies in, as the owner's kernel counts them; older lock files lack it. */
  readonly device?: string;
  readonly access: 'read' | 'write';
  /** The owner also holds byte locks, which end with it. */
  readonly byteLocks: boolean;
  readonly openedAtMs: number;
}

const LOCK_FILE_LIMIT_BYTES = 4096;
const NS_PER_MS = 1_000_000n;

/** Name of the lock file of a container. */
export function lockPathOf(containerPath: string): string {
  return `${containerPath}.lock`;
}

/**
 * What a lock file is: its owner; `blank` when it is empty or all zeroes, as a loss of power leaves one on a medium
 * that does not keep what was synced; `damaged` when it holds anything else; undefined when there is none.
 */
export type LockReading = LockOwner | 'blank' | 'damaged' | undefined;

/** Reads the lock file of a container. */
export async function readLockFile(disk: Disk, lockPath: string): Promise<LockReading> {
  const bytes = await readSmallFile(disk, lockPath, LOCK_FILE_LIMIT_BYTES);
  if (bytes === undefined) return undefined;
  if (bytes.every((byte) => byte === 0)) return 'blank';
  return parseOwner(bytes.toString('utf8')) ?? 'damaged';
}

/** Reads the owner of a container from its lock file; undefined when there is none, or it cannot be believed. */
export async function readLockOwner(disk: Disk, lockPath: string): Promise<LockOwner | undefined> {
  return ownerOf(await readLockFile(disk, lockPath));
}

/** The owner that a lock file names, if it does. */
export function ownerOf(reading: LockReading): LockOwner | undefined {
  return typeof reading === 'object' ? reading : undefined;
}

/** The text of a lock file: JSON with a checksum of what it is without that. */
export function lockFileText(owner: LockOwner): string {
  return `${JSON.stringify({ ...owner, crc: checksumOf(owner) })}\n`;
}

/** A name that has one letter changed could be that of a process that has ended. */
function checksumOf(owner: object): string {
  return crc32(Buffer.from(JSON.stringify(owner)))
    .toString(16)
    .padStart(8, '0');
}

function parseOwner(text: string): LockOwner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { crc, ...owner } = value as Partial<LockOwner> & { crc?: unknown };
  if (crc !== checksumOf(owner)) return undefined;
  const texts = [owner.host, owner.bootId, owner.startTime, owner.inode];
  const access = owner.access === 'read' || owner.access === 'write';
  const numbers = [owner.pid, owner.pidNamespace, owner.openedAtMs];
  const complete =
    access &&
    texts.every((field) => typeof field === 'string') &&
    numbers.every((field) => Number.isSafeInteger(field)) &&
    typeof owner.byteLocks === 'boolean';
  return complete ? (owner as LockOwner) : undefined;
}

/**
 * Puts down the lock file, complete or not at all: it is written and synced under a name of its own and then linked,
 * which fails when the lock file exists. Answers whether it is ours now.
 */
export async function placeLockFile(
  disk: Disk,
  lockPath: string,
  owner: LockOwner,
  tag: string,
): Promise<boolean> {
  const draftPath = `${lockPath}.${tag}`;
  const draft = await disk.open(draftPath, 'create');
  try {
    await draft.write([Buffer.from(lockFileText(owner))], 0);
    // What the loss of power leaves of it could not be told from damage.
    await draft.sync();
    await draft.close();
    await publish(disk, draftPath, lockPath);
    return true;
  } catch (error) {
    if (errnoName(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await draft.close();
    await unlinkIfThere(disk, draftPath);
  }
}

/**
 * Takes a stale lock file away. It is moved aside first and looked at again: when another process replaced it
 * in the meantime, what was moved is that one's, and goes back.
 */
export async function breakLockFile(
  disk: Disk,
  lockPath: string,
  stale: LockReading,
  tag: string,
): Promise<void> {
  const asidePath = `${lockPath}.${tag}`;
  try {
    await disk.rename(lockPath, asidePath);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readLockFile(disk, asidePath);
  if (!isSame(moved, stale)) await putBack(disk, asidePath, lockPath);
  await unlinkIfThere(disk, asidePath);
}

async function putBack(disk: Disk, asidePath: string, lockPath: string): Promise<void> {
  try {
    await publish(disk, asidePath, lockPath);
  } catch (error) {
    if (errnoName(error) !== 'EEXIST') throw error;
  }
}

/** Takes the lock file away, unless it has become somebody else's. */
export async function removeLockFile(disk: Disk, lockPath: string, owner: LockOwner): Promise<void> {
  if (isSame(await readLockFile(disk, lockPath), owner)) await unlinkIfThere(disk, lockPath);
}

function isSame(left: LockReading, right: LockReading): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** What the judge of a lock file knows about the one who asks. */
export interface LockSeeker {
  readonly self: ProcessIdentity;
  readonly inode: string;
  readonly device: string;
  /** When the container was born, nanoseconds since 1970; 0 where the file system does not tell. */
  readonly bornAtNs: bigint;
  readonly access: 'read' | 'write';
  /** The seeker has got the byte locks of the container. */
  readonly hasByteLocks: boolean;
  readonly processes: ProcessTable;
}

/**
 * Whether the owner of a lock file is certainly gone. In doubt it is not: then a person decides, by deleting
 * the file.
 */
export async function isStale(owner: LockOwner, seeker: LockSeeker): Promise<boolean> {
  const { self } = seeker;
  if (owner.inode !== seeker.inode && isCopiedAlong(owner, seeker)) return true;
  if (owner.bootId === self.bootId) {
    // Under one kernel byte locks of one file system are seen by all, from other containers and namespaces too; only
    // two readers do not exclude each other by them. Through another mount (FUSE, NFS) they may not be seen.
    const exclusive = owner.access === 'write' || seeker.access === 'write';
    if (exclusive && isSameDevice(owner, seeker) && owner.byteLocks && seeker.hasByteLocks) return true;
    if (owner.host !== self.host || owner.pidNamespace !== self.pidNamespace) return false;
    return !(await seeker.processes.isRunning(owner));
  }
  return owner.host === self.host;
}

/**
 * A lock file of another inode came here with a copy of its container, or the same container is seen over a mount that
 * makes up inode numbers (sshfs, CIFS with `noserverino`): then it may be served where it lies. So the number counts
 * only within one file system of one machine. Elsewhere a container was copied when it was born after the lock was
 * taken; both times are of one clock where the file system is a shared one.
 */
function isCopiedAlong(owner: LockOwner, seeker: LockSeeker): boolean {
  if (owner.bootId === seeker.self.bootId && isSameDevice(owner, seeker)) return true;
  return seeker.bornAtNs > BigInt(owner.openedAtMs + 1) * NS_PER_MS;
}

function isSameDevice(owner: LockOwner, seeker: LockSeeker): boolean {
  return (owner.device ?? seeker.device) === seeker.device;
}
