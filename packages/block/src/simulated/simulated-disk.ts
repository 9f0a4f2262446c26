import { dirname, resolve } from 'node:path/posix';
import type { Clock } from '../clock.ts';
import { DiskError } from '../disk-error.ts';
import type { Disk, DiskFile, FileStatus, OpenMode } from '../disk.ts';
import { FaultPlan, type DiskCall } from './fault-plan.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { SimulatedFile, statusOf } from './simulated-file.ts';
import { SimulatedInode } from './simulated-inode.ts';
import { SimulatedLocks } from './simulated-locks.ts';
import { SimulatedNames, type Entry } from './simulated-names.ts';

/** Options of {@link SimulatedDisk}. */
export interface SimulatedDiskOptions {
  /** Stamps the files. Default: a {@link SimulatedClock} that stands still. */
  readonly clock?: Clock;
  /** Reads and writes complete at once, as hits in the page cache do. Default: in a later turn. */
  readonly immediate?: boolean;
  /** Holes can be punched and told, ranges zeroed and copied, space taken ahead. Default true. */
  readonly sparse?: boolean;
  /** Ranges of files can share their space. Default false. */
  readonly clones?: boolean;
  /** Open files can hold locks. Default true. */
  readonly locks?: boolean;
}

/**
 * A disk in memory that can lose its power.
 *
 * What was synced survives {@link SimulatedDisk.crash}. Each 512-byte sector that was not is kept, lost or torn
 * by itself; so is each change of a size and of names whose directory was not synced. {@link SimulatedDisk.faults}
 * makes chosen calls fail. Without either it is simply a disk in memory. Paths are those of POSIX; relative ones
 * start at `/`, the only directory that exists at first.
 */
export class SimulatedDisk implements Disk {
  /** Failures to come. */
  readonly faults: FaultPlan = new FaultPlan();
  /** What the files tell as the space that is left; nothing is refused for it. */
  availableBytes: number = Number.MAX_SAFE_INTEGER;
  readonly #clock: Clock;
  readonly #options: SimulatedDiskOptions;
  readonly #names = new SimulatedNames();
  #locks = new SimulatedLocks();
  readonly #open = new Set<SimulatedFile>();
  #inodes = 1n;

  constructor(options: SimulatedDiskOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? new SimulatedClock();
  }

  /**
   * The power goes and comes back: what happens to everything unsynced follows from the seed. All open files are
   * dead afterwards (`EBADF`), all locks are gone, and the fault plan is cleared.
   */
  crash(seed: number): void {
    const random = new SeededRandom(seed);
    this.endProcesses();
    for (const inode of this.#names.files()) inode.crash(random);
    this.#names.crash(random);
  }

  /**
   * All processes end, and the machine goes on: open files are dead, locks are gone, the fault plan is cleared, and
   * what was not synced is still there to be read.
   */
  endProcesses(): void {
    for (const file of this.#open) file.kill();
    this.#open.clear();
    this.#locks = new SimulatedLocks();
    this.faults.clear();
  }

  /** As the kernel does when it likes: some unsynced sectors reach the medium, without anybody having asked. */
  writeBack(seed: number): void {
    const random = new SeededRandom(seed);
    for (const inode of this.#names.files()) inode.writeBack(random);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    await this.#enter('open');
    const full = absolute(path);
    const entry = this.#names.get(full);
    if (mode === 'create') {
      if (entry !== undefined) throw new DiskError('EEXIST', 'open', full);
      this.#requireDirectory(dirname(full), 'open');
      this.#inodes++;
      const inode = new SimulatedInode(this.#inodes, this.#nowNs());
      this.#names.change([full, inode]);
      return this.#opened(full, inode, true);
    }
    const inode = this.#requireFile(entry, 'open', full);
    if (inode.readOnly && mode !== 'read') throw new DiskError('EACCES', 'open', full);
    return this.#opened(full, inode, mode !== 'read');
  }

  async status(path: string): Promise<FileStatus> {
    await this.#enter('status');
    const full = absolute(path);
    const entry = this.#require(this.#names.get(full), 'stat', full);
    return statusOf(entry, this.#names.countOf(entry));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter('rename');
    const [source, target] = [absolute(from), absolute(to)];
    const entry = this.#require(this.#names.get(source), 'rename', source);
    this.#requireDirectory(dirname(target), 'rename');
    if (entry === 'directory') {
      if (this.#names.get(target) !== undefined) throw new DiskError('ENOTEMPTY', 'rename', target);
      this.#names.moveDirectory(source, target);
      return;
    }
    const inode = entry;
    if (this.#names.get(target) === 'directory') throw new DiskError('EISDIR', 'rename', target);
    // Two names of one file: rename(2) does nothing.
    if (this.#names.get(target) !== inode) this.#names.change([source, undefined], [target, inode]);
  }

  async link(existing: string, name: string): Promise<void> {
    await this.#enter('link');
    const [source, target] = [absolute(existing), absolute(name)];
    const inode = this.#requireFile(this.#names.get(source), 'link', source);
    this.#requireDirectory(dirname(target), 'link');
    if (this.#names.get(target) !== undefined) throw new DiskError('EEXIST', 'link', target);
    this.#names.change([target, inode]);
  }

  async unlink(path: string): Promise<void> {
    await this.#enter('unlink');
    const full = absolute(path);
    this.#requireFile(this.#names.get(full), 'unlink', full);
    this.#names.change([full, undefined]);
  }

  async mkdir(path: string): Promise<void> {
    await this.#enter('mkdir');
    const full = absolute(path);
    if (this.#names.get(full) !== undefined) throw new DiskError('EEXIST', 'mkdir', full);
    this.#requireDirectory(dirname(full), 'mkdir');
    this.#names.change([full, 'directory']);
  }

  async rmdir(path: string): Promise<void> {
    await this.#enter('rmdir');
    const full = absolute(path);
    this.#requireDirectory(full, 'rmdir');
    if (this.#names.list(full).length > 0) throw new DiskError('ENOTEMPTY', 'rmdir', full);
    this.#names.change([full, undefined]);
  }

  async readdir(path: string): Promise<string[]> {
    await this.#enter('readdir');
    const full = absolute(path);
    this.#requireDirectory(full, 'scandir');
    return this.#names.list(full);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#enter('syncDirectory');
    const full = absolute(path);
    this.#requireDirectory(full, 'fsync');
    this.#names.sync(full);
  }

  #opened(path: string, inode: SimulatedInode, writable: boolean): SimulatedFile {
    const file: SimulatedFile = new SimulatedFile({
      path,
      inode,
      writable,
      faults: this.faults,
      locks: this.#options.locks === false ? undefined : this.#locks,
      immediate: this.#options.immediate ?? false,
      sparse: this.#options.sparse ?? true,
      clones: this.#options.clones ?? false,
      nowNs: () => this.#nowNs(),
      availableBytes: () => this.availableBytes,
      linkCount: () => this.#names.countOf(inode),
      onClose: () => this.#open.delete(file),
    });
    this.#open.add(file);
    return file;
  }

  /** Names change in a later turn, as with the real disk, so that callers that race are seen to. */
  async #enter(call: DiskCall): Promise<void> {
    await Promise.resolve();
    this.faults.enter(call);
  }

  #nowNs(): bigint {
    return BigInt(this.#clock.unixMs()) * 1_000_000n;
  }

  #require(entry: Entry | undefined, syscall: string, path: string): Entry {
    if (entry === undefined) throw new DiskError('ENOENT', syscall, path);
    return entry;
  }

  #requireFile(entry: Entry | undefined, syscall: string, path: string): SimulatedInode {
    const found = this.#require(entry, syscall, path);
    if (found === 'directory') throw new DiskError('EISDIR', syscall, path);
    return found;
  }

  #requireDirectory(path: string, syscall: string): void {
    const found = this.#require(this.#names.get(path), syscall, path);
    if (found !== 'directory') throw new DiskError('ENOTDIR', syscall, path);
  }
}

function absolute(path: string): string {
  return resolve('/', path);
}
