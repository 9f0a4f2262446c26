import {
  DiskError,
  type Clock,
  type Disk,
  type DiskFile,
  type FileStatus,
  type OpenMode,
} from '@lunbox/block';

/** Calls on a file that reach its medium. */
const MEDIUM_CALLS: ReadonlySet<string | symbol> = new Set([
  'read',
  'write',
  'sync',
  'punchHole',
  'zeroRange',
]);

/** A disk some of whose files are on a medium that fails. */
export class MoodyDisk implements Disk {
  readonly #inner: Disk;
  /** Names of files whose medium answers EIO. */
  readonly failing = new Set<string>();
  /** Names of files whose medium says that it has written, and has not. */
  readonly deaf = new Set<string>();

  /** Names of files whose medium says that it has synced, and has not. */
  readonly lazy = new Set<string>();

  constructor(inner: Disk) {
    this.#inner = inner;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    if (this.failing.has(path)) throw new DiskError('EIO', 'open', path);
    const file = await this.#inner.open(path, mode);
    return new Proxy(file, {
      get: (target, name) => {
        if (MEDIUM_CALLS.has(name) && this.failing.has(path))
          return () => Promise.reject(new DiskError('EIO', String(name), path));
        if ((name === 'write' || name === 'sync') && this.deaf.has(path)) return () => Promise.resolve();
        if (name === 'sync' && this.lazy.has(path)) return () => Promise.resolve();
        // Extents are not shared with a file that may fail.
        if (name === 'copyFrom') return () => undefined;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member as () => unknown).bind(target) : member;
      },
    });
  }

  status(path: string): Promise<FileStatus> {
    return this.#inner.status(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#inner.rename(from, to);
  }

  link(existing: string, name: string): Promise<void> {
    return this.#inner.link(existing, name);
  }

  unlink(path: string): Promise<void> {
    return this.#inner.unlink(path);
  }

  mkdir(path: string): Promise<void> {
    return this.#inner.mkdir(path);
  }

  rmdir(path: string): Promise<void> {
    return this.#inner.rmdir(path);
  }

  readdir(path: string): Promise<string[]> {
    return this.#inner.readdir(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#inner.syncDirectory(path);
  }
}

/** A clock whose timers do not wait, until it is stopped: then none runs any more. */
export class HastyClock implements Clock {
  stopped = false;

  nowMs(): number {
    return 0;
  }

  unixMs(): number {
    return 1_700_000_000_000;
  }

  setTimer(_delayMs: number, callback: () => void): () => void {
    let cancelled = false;
    setImmediate(() => {
      if (!cancelled && !this.stopped) callback();
    });
    return () => {
      cancelled = true;
    };
  }
}
