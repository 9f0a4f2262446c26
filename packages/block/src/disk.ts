import type { MaybePromise } from './block-device.ts';

/**
 * How a file is opened: `read` an existing one, `write` an existing one (and read it), `claim` a block device to write
 * it, failing with `EBUSY` when it is mounted or claimed already, or `create` a new file for both, failing with
 * `EEXIST` when the name is taken.
 */
export type OpenMode = 'read' | 'write' | 'claim' | 'create';

/** What the file system says about a file. */
export interface FileStatus {
  /** Symbolic links are followed; `other` is a character device, a pipe, a socket. */
  readonly kind: 'file' | 'directory' | 'block-device' | 'other';
  /** Length of the content, holes included; of a block device, as far as the platform tells, only once it is open. */
  readonly sizeBytes: number;
  /** Space that the file takes; less than the size when it has holes. */
  readonly allocatedBytes: number;
  /** Time of the last change of the content, in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** Time of birth in nanoseconds since 1970; 0 where the file system does not tell. A copy has its own. */
  readonly birthTimeNs: bigint;
  /** Number of the file within its file system. */
  readonly inode: bigint;
  /** Number of the file system. */
  readonly deviceId: bigint;
  /** Names that the file has; 1 where the file system does not tell. */
  readonly linkCount: number;
}

/** A run of bytes of a file that is locked, or tested for a lock. The bytes need not exist. */
export interface LockRange {
  /** First byte. */
  readonly offset: number;
  /** Number of bytes, above zero. */
  readonly length: number;
  /** An exclusive lock excludes every other one, a shared lock only the exclusive ones. */
  readonly exclusive: boolean;
}

/** `unsupported`: this platform has no locks that belong to an open file, so nothing was locked. */
export type LockOutcome = 'granted' | 'held' | 'unsupported';

/**
 * One open file. Offsets and lengths are bytes. Failures are the operating system's own errors with a `code`
 * such as `EIO`; {@link mediumError} turns them into a `BlockError`.
 */
export interface DiskFile {
  /** The name that it was opened by. */
  readonly path: string;
  /** Fills the buffers from `offset`; the number of bytes read is short only at the end of the file. */
  read(into: readonly Uint8Array[], offset: number): MaybePromise<number>;
  /** Stores all of the buffers from `offset`. */
  write(from: readonly Uint8Array[], offset: number): MaybePromise<void>;
  /** `fdatasync`: every write that was answered before the call, and the size, are on stable storage. */
  sync(): Promise<void>;
  /** Sets the size; new bytes are a hole. */
  truncate(sizeBytes: number): Promise<void>;
  /** What the file system says about it now. */
  status(): Promise<FileStatus>;
  /** Space that the file system would still give to this user, whoever asks first; quotas are not told. */
  availableBytes(): Promise<number>;
  /** Sets the time of the last change of the content; kept to the millisecond, not synced. */
  setModifiedTime(unixMs: number): Promise<void>;
  /** Gives the space of a range back; it then reads as zeroes. Answers false when the platform cannot. */
  punchHole(offset: number, length: number): MaybePromise<boolean>;
  /** Makes a range read as zeroes and keeps its space. Answers false when the platform cannot. */
  zeroRange(offset: number, length: number): MaybePromise<boolean>;
  /** Takes the space of a range inside the file now; what it holds stays. Answers false when the platform cannot. */
  allocate(offset: number, length: number): MaybePromise<boolean>;
  /**
   * Copies bytes of another file without moving them through this process, sharing their space where the file system
   * can. Answers how many it has copied, perhaps fewer; undefined when the platform cannot, between these files.
   */
  copyFrom(
    source: DiskFile,
    sourceOffset: number,
    offset: number,
    length: number,
  ): MaybePromise<number | undefined>;
  /**
   * Gives a range the same space as one of another file has, at once and whatever its length: nothing is copied until
   * one of them is written. Both ranges and offsets go by the blocks of the file system. Answers false when the
   * platform cannot, between these files; then nothing was changed.
   */
  cloneFrom(source: DiskFile, sourceOffset: number, offset: number, length: number): MaybePromise<boolean>;
  /**
   * Runs of blocks that the file lies in, which sharing its space takes time for: as many as there are, or `limit` (at
   * most 65,536) when there are more. Undefined where the platform does not tell.
   */
  countExtents(limit: number): MaybePromise<number | undefined>;
  /** Takes from everybody the permission to write the file. Who has it open for writing goes on. Not synced. */
  makeReadOnly(): Promise<void>;
  /**
   * Lets go of what the page cache holds of a range and nobody has changed since: what is read next is what the medium
   * has. After a failed sync the cache shows writes that are lost. Does nothing where the platform cannot.
   */
  dropCache(offset: number, length: number): Promise<void>;
  /** First stored byte at or after `offset`, Infinity when only a hole follows, undefined when unknown. */
  seekData(offset: number): number | undefined;
  /** First byte of a hole at or after `offset` (the end of the file counts as one), undefined when unknown. */
  seekHole(offset: number): number | undefined;
  /** Takes a lock that belongs to this open file, without waiting. It ends with `unlock` or `close`. */
  lock(range: LockRange): LockOutcome;
  /** Whether `lock` would be granted now. */
  testLock(range: LockRange): LockOutcome;
  /** Gives back whatever this open file has locked within the range. */
  unlock(offset: number, length: number): void;
  /** Waits for what is in flight and closes. Idempotent. */
  close(): Promise<void>;
}

/** The only way in which Lunbox touches files, so that a simulator can stand in for the real one. */
export interface Disk {
  /** Opens a file; see {@link OpenMode}. */
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** What the file system says about what has this name. */
  status(path: string): Promise<FileStatus>;
  /** Replaces `to` when it exists and is a file; a directory goes with all that is in it, to a name that is free. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for the same file; fails with `EEXIST` when the name is taken. */
  link(existing: string, name: string): Promise<void>;
  /** Removes the name of a file; open files stay usable. */
  unlink(path: string): Promise<void>;
  /** Creates one directory; its parent must exist. */
  mkdir(path: string): Promise<void>;
  /** Removes an empty directory; fails with `ENOTEMPTY` when it is not. */
  rmdir(path: string): Promise<void>;
  /** Names within a directory, sorted. */
  readdir(path: string): Promise<string[]>;
  /** Names created, renamed and removed in this directory before the call are on stable storage. */
  syncDirectory(path: string): Promise<void>;
}
