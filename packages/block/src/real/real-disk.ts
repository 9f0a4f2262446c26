import { constants, open as openFile } from 'node:fs';
import { link, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { systemClock, type Clock } from '../clock.ts';
import { errnoName } from '../errors.ts';
import type { Disk, DiskFile, FileStatus, OpenMode } from '../disk.ts';
import { toFileStatus } from './file-status.ts';
import { nativeCalls, type NativeCalls } from './native.ts';
import { RealFile } from './real-file.ts';

/** Options of {@link createRealDisk}. */
export interface RealDiskOptions {
  /** False keeps to `node:fs`, as on a platform without koffi. Default true. */
  readonly native?: boolean;
  /** Paces the writes on the event loop. Default {@link systemClock}. */
  readonly clock?: Clock;
}

/** O_EXCL without O_CREAT claims a block device (open(2)). */
const FLAGS: Record<OpenMode, string | number> = {
  read: 'r',
  write: 'r+',
  claim: constants.O_RDWR | constants.O_EXCL,
  create: 'wx+',
};
const PERMISSIONS = 0o666;

/** The operating system's files. */
export function createRealDisk(options: RealDiskOptions = {}): Disk {
  return new RealDisk(options.native ?? true, options.clock ?? systemClock);
}

class RealDisk implements Disk {
  readonly #native: boolean;
  readonly #clock: Clock;

  constructor(native: boolean, clock: Clock) {
    this.#native = native;
    this.#clock = clock;
  }

  /** Looked up at the first open, so that importing this package loads no native code. */
  get #calls(): NativeCalls | undefined {
    return this.#native ? nativeCalls() : undefined;
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return new Promise((resolve, reject) => {
      openFile(path, FLAGS[mode], PERMISSIONS, (error, fd) => {
        if (error === null) resolve(new RealFile({ fd, path, native: this.#calls, clock: this.#clock }));
        else reject(error);
      });
    });
  }

  async status(path: string): Promise<FileStatus> {
    return toFileStatus(await stat(path, { bigint: true }));
  }

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  }

  link(existing: string, name: string): Promise<void> {
    return link(existing, name);
  }

  unlink(path: string): Promise<void> {
    return unlink(path);
  }

  mkdir(path: string): Promise<void> {
    return mkdir(path);
  }

  rmdir(path: string): Promise<void> {
    return rmdir(path);
  }

  async readdir(path: string): Promise<string[]> {
    return (await readdir(path)).sort();
  }

  async syncDirectory(path: string): Promise<void> {
    try {
      const handle = await open(path, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      // Windows cannot open a directory as a file, and NTFS journals names by itself.
      if (process.platform !== 'win32' || !WINDOWS_REFUSALS.has(errnoName(error) ?? '')) throw error;
    }
  }
}

const WINDOWS_REFUSALS: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EISDIR']);

/** The operating system's files, with the fast paths that this platform has. */
export const realDisk: Disk = createRealDisk();
