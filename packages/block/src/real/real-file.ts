import { close, fstat, readSync, readvSync, statfs, writeSync, writevSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { MaybePromise } from '../block-device.ts';
import { totalLength } from '../buffers.ts';
import type { Clock } from '../clock.ts';
import { DiskError } from '../disk-error.ts';
import { namelessErrno } from '../errors.ts';
import type { DiskFile, FileStatus, LockOutcome, LockRange } from '../disk.ts';
import { dirtyRoomBytes } from './dirty-pages.ts';
import { fileSystemKind, type FileSystemKind } from './file-system.ts';
import { Errno, FallocateMode, Whence, type NativeCalls } from './native.ts';
import {
  poolMakeReadOnly,
  poolRead,
  poolSetModifiedTime,
  poolSync,
  poolTruncate,
  poolWrite,
} from './pool-io.ts';
import { toFileStatus } from './file-status.ts';
import { WriteGovernor } from './write-governor.ts';

/** More than this is never copied on the event loop: 1 MiB from the page cache takes 0.1–0.3 ms. */
const LARGEST_TURN_BYTES = 1 << 20;
/** Buffers in one synchronous call (IOV_MAX is 1024). */
const LARGEST_TURN_BUFFERS = 1024;
/** A hole is punched in steps, because each one holds the kernel's lock on the whole file. */
const FALLOCATE_STEP_BYTES = 64 << 20;
/** Bytes in one call that copies: what a slow medium does in a moment, so that progress can be told. */
const COPY_STEP_BYTES = 16 << 20;
/** What the kernel says when it cannot copy between two files at all. */
const CANNOT_COPY: ReadonlySet<number> = new Set([Errno.EXDEV, Errno.EINVAL, Errno.ENOSYS, Errno.EOPNOTSUPP]);
/** What it says when two files cannot share space, one of them not being on a file system that can do it, too. */
const CANNOT_CLONE: ReadonlySet<number> = new Set([...CANNOT_COPY, Errno.ENOTTY]);

/** The name of a negated `errno`. */
const nameOf = (errno: number): string => namelessErrno(errno) ?? getSystemErrorName(errno);

/** What {@link RealFile} is made of. */
export interface RealFileOptions {
  readonly fd: number;
  readonly path: string;
  readonly native: NativeCalls | undefined;
  readonly clock: Clock;
}

/**
 * A file of the operating system.
 *
 * A read that the page cache can answer completes at once, in the same turn: on a memory file system by an
 * ordinary call, elsewhere by one that refuses to wait. The rest goes through the thread pool. Small writes
 * take the short way while the {@link WriteGovernor} allows it.
 */
export class RealFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;
  readonly #native: NativeCalls | undefined;
  readonly #kind: FileSystemKind;
  readonly #governor: WriteGovernor;
  #readsNow: boolean;
  #punches: boolean;
  #zeroes: boolean;
  #copies = true;
  /** Calls on the thread pool: the descriptor may only be closed, and its number reused, after them. */
  #pending = 0;
  /** Those of them that may keep the file or its journal locked for long: a write on the loop would wait. */
  #changing = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RealFileOptions) {
    this.path = options.path;
    this.#fd = options.fd;
    this.#native = options.native;
    this.#kind = fileSystemKind(options.fd);
    this.#governor = new WriteGovernor(options.clock, dirtyRoomBytes);
    this.#readsNow = options.native !== undefined && this.#kind !== 'memory';
    this.#punches = options.native !== undefined;
    this.#zeroes = options.native !== undefined;
  }

  read(into: readonly Uint8Array[], offset: number): MaybePromise<number> {
    const length = totalLength(into);
    this.#checkOpen('read');
    if (length > LARGEST_TURN_BYTES || into.length > LARGEST_TURN_BUFFERS) {
      return this.#readLater(into, offset, length, 0);
    }
    if (this.#kind === 'memory') return this.#readMemory(into, offset, length);
    if (!this.#readsNow || this.#native === undefined) return this.#readLater(into, offset, length, 0);
    const count = this.#native.readNow(this.#fd, into, offset);
    if (count === length) return count;
    if (count === -Errno.EOPNOTSUPP || count === -Errno.ENOSYS) this.#readsNow = false;
    // Short: the rest is not cached, or the file ends. Negative: EAGAIN, or a failure that the pool will see too.
    return this.#readLater(into, offset, length, Math.max(0, count));
  }

  write(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    const length = totalLength(from);
    this.#checkOpen('write');
    if (from.length > LARGEST_TURN_BUFFERS) return this.#writeLater(from, offset, length);
    if (this.#kind === 'memory' && length <= LARGEST_TURN_BYTES) {
      return this.#finishWrite(this.#writeNow(from, offset, length), from, offset, length);
    }
    if (this.#kind !== 'local' || this.#changing > 0 || !this.#governor.allows(offset, length)) {
      return this.#writeLater(from, offset, length);
    }
    const count = this.#writeNow(from, offset, length);
    this.#governor.finished();
    return this.#finishWrite(count, from, offset, length);
  }

  sync(): Promise<void> {
    this.#checkOpen('fdatasync');
    return this.#change(() => poolSync(this.#fd));
  }

  truncate(sizeBytes: number): Promise<void> {
    this.#checkOpen('ftruncate');
    return this.#change(() => poolTruncate(this.#fd, sizeBytes));
  }

  status(): Promise<FileStatus> {
    this.#checkOpen('fstat');
    return this.#track(
      new Promise((resolve, reject) => {
        fstat(this.#fd, { bigint: true }, (error, stats) => {
          if (error === null) resolve(this.#measured(toFileStatus(stats)));
          else reject(error);
        });
      }),
    );
  }

  availableBytes(): Promise<number> {
    this.#checkOpen('fstatfs');
    // The name may belong to another file by now; the descriptor does not.
    const path = process.platform === 'linux' ? `/proc/self/fd/${this.#fd}` : this.path;
    return this.#track(
      new Promise((resolve, reject) => {
        statfs(path, (error, stats) => {
          if (error === null) resolve(stats.bavail * stats.bsize);
          else reject(error);
        });
      }),
    );
  }

  setModifiedTime(unixMs: number): Promise<void> {
    this.#checkOpen('futimes');
    return this.#track(poolSetModifiedTime(this.#fd, unixMs));
  }

  async punchHole(offset: number, length: number): Promise<boolean> {
    this.#punches &&= await this.#fallocate(FallocateMode.PUNCH_HOLE, offset, length);
    return this.#punches;
  }

  async zeroRange(offset: number, length: number): Promise<boolean> {
    this.#zeroes &&= await this.#fallocate(FallocateMode.ZERO_RANGE, offset, length);
    return this.#zeroes;
  }

  async allocate(offset: number, length: number): Promise<boolean> {
    return await this.#fallocate(FallocateMode.ALLOCATE, offset, length);
  }

  async copyFrom(
    source: DiskFile,
    sourceOffset: number,
    offset: number,
    length: number,
  ): Promise<number | undefined> {
    this.#checkOpen('copy_file_range');
    const native = this.#native;
    if (native === undefined || !this.#copies || !(source instanceof RealFile)) return undefined;
    source.#checkOpen('copy_file_range');
    const copy = this.#change(() =>
      native.copyRange(source.#fd, sourceOffset, this.#fd, offset, Math.min(length, COPY_STEP_BYTES)),
    );
    const result = await source.#track(copy);
    if (result >= 0) return result;
    if (!CANNOT_COPY.has(-result)) {
      throw new DiskError(nameOf(result), 'copy_file_range', this.path);
    }
    this.#copies = false;
    return undefined;
  }

  async cloneFrom(source: DiskFile, sourceOffset: number, offset: number, length: number): Promise<boolean> {
    this.#checkOpen('ficlonerange');
    const native = this.#native;
    if (native === undefined || !(source instanceof RealFile)) return false;
    source.#checkOpen('ficlonerange');
    const clone = this.#change(() => native.cloneRange(source.#fd, sourceOffset, this.#fd, offset, length));
    const result = await source.#track(clone);
    if (result >= 0) return true;
    if (CANNOT_CLONE.has(-result)) return false;
    throw new DiskError(nameOf(result), 'ficlonerange', this.path);
  }

  async countExtents(limit: number): Promise<number | undefined> {
    this.#checkOpen('fiemap');
    if (this.#native === undefined) return undefined;
    const result = await this.#track(this.#native.countExtents(this.#fd, limit));
    return result < 0 ? undefined : result;
  }

  makeReadOnly(): Promise<void> {
    this.#checkOpen('fchmod');
    return this.#track(poolMakeReadOnly(this.#fd));
  }

  async dropCache(offset: number, length: number): Promise<void> {
    this.#checkOpen('posix_fadvise');
    // What it answers changes nothing: it is advice.
    if (this.#native !== undefined) await this.#track(this.#native.dropCache(this.#fd, offset, length));
  }

  seekData(offset: number): number | undefined {
    return this.#seek(offset, Whence.SEEK_DATA);
  }

  seekHole(offset: number): number | undefined {
    return this.#seek(offset, Whence.SEEK_HOLE);
  }

  lock(range: LockRange): LockOutcome {
    this.#checkOpen('fcntl');
    return this.#native?.lock(this.#fd, range) ?? 'unsupported';
  }

  testLock(range: LockRange): LockOutcome {
    this.#checkOpen('fcntl');
    return this.#native?.testLock(this.#fd, range) ?? 'unsupported';
  }

  unlock(offset: number, length: number): void {
    this.#checkOpen('fcntl');
    this.#native?.unlock(this.#fd, offset, length);
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeWhenIdle();
    return this.#closing;
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await new Promise<void>((resolve, reject) => {
      close(this.#fd, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** The size of a block device is not in its status. */
  #measured(status: FileStatus): FileStatus {
    if (status.kind !== 'block-device') return status;
    return { ...status, sizeBytes: Math.max(0, this.#native?.seek(this.#fd, 0, Whence.SEEK_END) ?? 0) };
  }

  #readLater(into: readonly Uint8Array[], offset: number, length: number, done: number): Promise<number> {
    return this.#track(poolRead(this.#fd, into, offset, length, done));
  }

  #readMemory(into: readonly Uint8Array[], offset: number, length: number): number {
    if (into.length > 1) return readvSync(this.#fd, into, offset);
    return readSync(this.#fd, into[0] as Uint8Array, 0, length, offset);
  }

  #writeLater(from: readonly Uint8Array[], offset: number, length: number): Promise<void> {
    return this.#track(poolWrite(this.#fd, from, offset, length));
  }

  #writeNow(from: readonly Uint8Array[], offset: number, length: number): number {
    if (from.length > 1) return writevSync(this.#fd, from, offset);
    return writeSync(this.#fd, from[0] as Uint8Array, 0, length, offset);
  }

  /** A short write stopped at a limit (space, quota); writing it again gives the error with its name. */
  #finishWrite(
    count: number,
    from: readonly Uint8Array[],
    offset: number,
    length: number,
  ): MaybePromise<void> {
    if (count < length) return this.#writeLater(from, offset, length);
  }

  async #fallocate(mode: number, offset: number, length: number): Promise<boolean> {
    this.#checkOpen('fallocate');
    const native = this.#native;
    if (native === undefined) return false;
    const end = offset + length;
    for (let at = offset; at < end; at += FALLOCATE_STEP_BYTES) {
      const step = Math.min(FALLOCATE_STEP_BYTES, end - at);
      const result = await this.#change(() => native.fallocate(this.#fd, mode, at, step));
      if (result === -Errno.EOPNOTSUPP || result === -Errno.ENOSYS) return false;
      if (result < 0) throw new DiskError(nameOf(result), 'fallocate', this.path);
    }
    return true;
  }

  #seek(offset: number, whence: number): number | undefined {
    this.#checkOpen('lseek');
    const result = this.#native?.seek(this.#fd, offset, whence) ?? -Errno.EINVAL;
    if (result >= 0) return result;
    // ENXIO: nothing of that kind follows. Anything else: this file system does not tell.
    return result === -Errno.ENXIO ? Infinity : undefined;
  }

  #change<T>(operation: () => Promise<T>): Promise<T> {
    this.#changing++;
    return this.#track(operation()).finally(() => {
      this.#changing--;
    });
  }

  #track<T>(operation: Promise<T>): Promise<T> {
    this.#pending++;
    return operation.finally(() => {
      this.#pending--;
      if (this.#pending === 0) this.#idle?.();
    });
  }

  #checkOpen(syscall: string): void {
    if (this.#closing !== undefined) throw new DiskError('EBADF', syscall, `${this.path} is closed`);
  }
}
