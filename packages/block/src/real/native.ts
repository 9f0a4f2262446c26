import { createRequire } from 'node:module';
import debug from 'debug';
import type { LockOutcome, LockRange } from '../disk.ts';
import { Gate } from './gate.ts';
import { createIovecTable, type IovecTable } from './iovec.ts';

const log = debug('lunbox:block:native');

/** Linux `errno` values that decide a path; the same on x64 and arm64. */
export const Errno = {
  ENXIO: 6,
  EAGAIN: 11,
  EACCES: 13,
  EXDEV: 18,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
} as const;

/** `fallocate` modes (linux/falloc.h): none, PUNCH_HOLE 0x02 and ZERO_RANGE 0x10, all with KEEP_SIZE 0x01. */
export const FallocateMode = { ALLOCATE: 0x01, PUNCH_HOLE: 0x03, ZERO_RANGE: 0x11 } as const;

/** `_IOW(0x94, 13, struct file_clone_range)` (linux/fs.h). */
const FICLONERANGE = 0x4020940d;
/** `_IOWR('f', 11, struct fiemap)` (linux/fiemap.h); the sizes of that structure and of what it has of an extent. */
const FS_IOC_FIEMAP = 0xc020660b;
const FIEMAP_BYTES = 32;
const FIEMAP_EXTENT_BYTES = 56;

/** `lseek` origins: the end, and those of sparse files. */
export const Whence = { SEEK_END: 2, SEEK_DATA: 3, SEEK_HOLE: 4 } as const;

/** posix_fadvise: what is cached, and was written back, is not needed. */
const POSIX_FADV_DONTNEED = 4;
/** preadv2 flag: answer EAGAIN instead of waiting for the medium. */
const RWF_NOWAIT = 8;
/** Locks that belong to the open file description, not to the process (fcntl(2)). */
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

/**
 * koffi allows a bounded number of calls in flight and they share the four threads of libuv with all other
 * file work, so hole punching and copying take two at most.
 */
const SLOW_CALLS = 2;

/** System calls that Node does not offer. Results below zero are a negated `errno`. */
export interface NativeCalls {
  /** Bytes read from the page cache, without ever waiting for the medium. */
  readNow(fd: number, into: readonly Uint8Array[], offset: number): number;
  seek(fd: number, offset: number, whence: number): number;
  /** On the thread pool. */
  fallocate(fd: number, mode: number, offset: number, length: number): Promise<number>;
  /** `copy_file_range`, on the thread pool. */
  copyRange(
    sourceFd: number,
    sourceOffset: number,
    fd: number,
    offset: number,
    length: number,
  ): Promise<number>;
  /** `ioctl` FICLONERANGE, on the thread pool. */
  cloneRange(
    sourceFd: number,
    sourceOffset: number,
    fd: number,
    offset: number,
    length: number,
  ): Promise<number>;
  /** `ioctl` FIEMAP, on the thread pool: how many extents there are, `limit` at most. */
  countExtents(fd: number, limit: number): Promise<number>;
  /** `posix_fadvise` with POSIX_FADV_DONTNEED, on the thread pool. */
  dropCache(fd: number, offset: number, length: number): Promise<number>;
  lock(fd: number, range: LockRange): LockOutcome;
  testLock(fd: number, range: LockRange): LockOutcome;
  unlock(fd: number, offset: number, length: number): void;
}

type Koffi = typeof import('koffi');
type CFunction<A extends unknown[]> = ((...args: A) => number) & {
  async(...args: [...A, (error: Error | null, result: number) => void]): void;
};

let loaded: { readonly calls: NativeCalls | undefined } | undefined;

/**
 * The native calls, or undefined where they cannot be had: another platform than Linux on x64 or arm64, koffi
 * not installed, a C library without these functions, or `LUNBOX_NATIVE=0` in the environment at the first use.
 */
export function nativeCalls(): NativeCalls | undefined {
  loaded ??= { calls: load() };
  return loaded.calls;
}

function load(): NativeCalls | undefined {
  if (process.env['LUNBOX_NATIVE'] === '0' || process.platform !== 'linux') return undefined;
  if (process.arch !== 'x64' && process.arch !== 'arm64') return undefined;
  try {
    return bind(createRequire(import.meta.url)('koffi') as Koffi);
  } catch (error) {
    log('no native calls: %o', error);
    return undefined;
  }
}

function libraryCalls(koffi: Koffi) {
  // The process itself: its C library is already there, whichever it is (glibc, musl).
  const libc = koffi.load(null);
  const preadv2 = libc.func('int64_t preadv2(int, void *, int, int64_t, int)') as CFunction<
    [number, Uint32Array, number, number, number]
  >;
  const lseek = libc.func('int64_t lseek(int, int64_t, int)') as CFunction<[number, number, number]>;
  const fallocate = libc.func('int fallocate(int, int, int64_t, int64_t)') as CFunction<
    [number, number, number, number]
  >;
  const fadvise = libc.func('int posix_fadvise(int, int64_t, int64_t, int)') as CFunction<
    [number, number, number, number]
  >;
  const fcntl = libc.func('int fcntl(int, int, ...)') as CFunction<[number, number, 'void *', Buffer]>;
  const copyFileRange = libc.func(
    'int64_t copy_file_range(int, void *, int, void *, size_t, unsigned int)',
  ) as CFunction<[number, Buffer, number, Buffer, number, number]>;
  // On x64 and arm64 an argument behind the dots goes where a named one does, and only named ones go to the pool.
  const ioctl = libc.func('int ioctl(int, unsigned long, void *)') as CFunction<[number, number, Buffer]>;
  return { preadv2, lseek, fallocate, fadvise, fcntl, copyFileRange, ioctl };
}

/** Those that look at, and share, what a file lies in. */
function extentCalls(
  ioctl: CFunction<[number, number, Buffer]>,
  gate: Gate,
  orErrno: (result: number) => number,
): Pick<NativeCalls, 'cloneRange' | 'countExtents'> {
  return {
    cloneRange: (sourceFd, sourceOffset, fd, offset, length) =>
      gate.run(
        () =>
          new Promise((resolve, reject) => {
            const range = cloneRecord(sourceFd, sourceOffset, offset, length);
            ioctl.async(fd, FICLONERANGE, range, (error, result) => {
              if (error !== null) reject(error);
              else resolve(range.length > 0 ? orErrno(result) : -Errno.EINVAL);
            });
          }),
      ),
    countExtents: (fd, limit) =>
      gate.run(
        () =>
          new Promise((resolve, reject) => {
            const map = extentMap(limit);
            ioctl.async(fd, FS_IOC_FIEMAP, map, (error, result) => {
              if (error !== null) reject(error);
              else resolve(result < 0 ? orErrno(result) : map.readUInt32LE(MAPPED_EXTENTS_OFFSET));
            });
          }),
      ),
  };
}

function bind(koffi: Koffi): NativeCalls {
  const { preadv2, lseek, fallocate, fadvise, fcntl, copyFileRange, ioctl } = libraryCalls(koffi);
  const iovecs: IovecTable = createIovecTable((buffer) => Number(koffi.address(buffer)));
  const gate = new Gate(SLOW_CALLS);
  const orErrno = (result: number): number => (result < 0 ? -koffi.errno() : result);

  return {
    readNow(fd, into, offset) {
      const count = iovecs.fill(into);
      if (count === 0) return -Errno.EAGAIN;
      return orErrno(preadv2(fd, iovecs.table, count, offset, RWF_NOWAIT));
    },
    seek: (fd, offset, whence) => orErrno(lseek(fd, offset, whence)),
    fallocate: (fd, mode, offset, length) =>
      gate.run(
        () =>
          new Promise((resolve, reject) => {
            fallocate.async(fd, mode, offset, length, (error, result) => {
              if (error === null) resolve(orErrno(result));
              else reject(error);
            });
          }),
      ),
    copyRange: (sourceFd, sourceOffset, fd, offset, length) =>
      gate.run(
        () =>
          new Promise((resolve, reject) => {
            const [from, to] = [offsetRecord(sourceOffset), offsetRecord(offset)];
            copyFileRange.async(sourceFd, from, fd, to, length, 0, (error, result) => {
              if (error !== null) reject(error);
              // Looking at the records keeps them from being collected while the call is in flight.
              else resolve(from.length === to.length ? orErrno(Number(result)) : -Errno.EINVAL);
            });
          }),
      ),
    ...extentCalls(ioctl, gate, orErrno),
    dropCache: (fd, offset, length) =>
      gate.run(
        () =>
          new Promise((resolve, reject) => {
            fadvise.async(fd, offset, length, POSIX_FADV_DONTNEED, (error, result) => {
              if (error === null) resolve(-result);
              else reject(error);
            });
          }),
      ),
    lock: (fd, range) => lockOutcome(orErrno(fcntl(fd, F_OFD_SETLK, 'void *', flock(range)))),
    testLock(fd, range) {
      const record = flock(range);
      const outcome = lockOutcome(orErrno(fcntl(fd, F_OFD_GETLK, 'void *', record)));
      // F_OFD_GETLK writes the lock that is in the way into the record, or F_UNLCK when none is.
      return outcome === 'granted' && record.readInt16LE(0) !== F_UNLCK ? 'held' : outcome;
    },
    unlock(fd, offset, length) {
      const record = flock({ offset, length, exclusive: false });
      record.writeInt16LE(F_UNLCK, 0);
      fcntl(fd, F_OFD_SETLK, 'void *', record);
    },
  };
}

/** `loff_t`, for the kernel to read and to advance. */
function offsetRecord(offset: number): Buffer {
  const record = Buffer.alloc(8);
  record.writeBigInt64LE(BigInt(offset));
  return record;
}

/** `struct file_clone_range`: src_fd, src_offset, src_length, dest_offset. */
function cloneRecord(sourceFd: number, sourceOffset: number, offset: number, length: number): Buffer {
  const record = Buffer.alloc(32);
  for (const [index, field] of [sourceFd, sourceOffset, length, offset].entries())
    record.writeBigInt64LE(BigInt(field), index * 8);
  return record;
}

/** Where `struct fiemap` says how many extents there are, and how many it has room for. */
const MAPPED_EXTENTS_OFFSET = 20;
const EXTENT_COUNT_OFFSET = 24;

/** `struct fiemap`: fm_start, fm_length, fm_flags, fm_mapped_extents, fm_extent_count; the extents follow. */
function extentMap(limit: number): Buffer {
  const map = Buffer.alloc(FIEMAP_BYTES + limit * FIEMAP_EXTENT_BYTES);
  map.writeBigUInt64LE(2n ** 64n - 1n, 8);
  map.writeUInt32LE(limit, EXTENT_COUNT_OFFSET);
  return map;
}

/** `struct flock` of the 64-bit ABI: l_type, l_whence (SEEK_SET), padding, l_start, l_len, l_pid. */
function flock(range: LockRange): Buffer {
  const record = Buffer.alloc(32);
  record.writeInt16LE(range.exclusive ? F_WRLCK : F_RDLCK, 0);
  record.writeBigInt64LE(BigInt(range.offset), 8);
  record.writeBigInt64LE(BigInt(range.length), 16);
  return record;
}

/** Old kernels and some network file systems refuse the command itself; that is not a lock held by someone. */
function lockOutcome(result: number): LockOutcome {
  if (result >= 0) return 'granted';
  return result === -Errno.EAGAIN || result === -Errno.EACCES ? 'held' : 'unsupported';
}
