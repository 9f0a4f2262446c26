import type { MaybePromise } from '../block-device.ts';
import { isZero, totalLength } from '../buffers.ts';
import { DiskError } from '../disk-error.ts';
import type { DiskFile, FileStatus, LockOutcome, LockRange } from '../disk.ts';
import { mapMaybe } from '../maybe-promise.ts';
import type { DiskCall, FaultPlan } from './fault-plan.ts';
import type { SimulatedInode } from './simulated-inode.ts';
import type { SimulatedLocks } from './simulated-locks.ts';
import type { Entry } from './simulated-names.ts';

/** What {@link SimulatedFile} is made of. */
export interface SimulatedFileOptions {
  readonly path: string;
  readonly inode: SimulatedInode;
  readonly writable: boolean;
  readonly faults: FaultPlan;
  readonly locks: SimulatedLocks | undefined;
  readonly immediate: boolean;
  readonly sparse: boolean;
  readonly clones: boolean;
  nowNs(): bigint;
  availableBytes(): number;
  linkCount(): number;
  onClose(): void;
}

/** A copy may be cut short, and here it is. */
const COPY_STEP_BYTES = 1 << 16;

/** An open file of a {@link SimulatedDisk}. */
export class SimulatedFile implements DiskFile {
  readonly path: string;
  readonly #options: SimulatedFileOptions;
  readonly #inode: SimulatedInode;
  #closed = false;

  constructor(options: SimulatedFileOptions) {
    this.path = options.path;
    this.#options = options;
    this.#inode = options.inode;
  }

  read(into: readonly Uint8Array[], offset: number): MaybePromise<number> {
    return mapMaybe(this.#turn(), () => {
      this.#enter('read');
      return this.#inode.read(into, offset, totalLength(into));
    });
  }

  write(from: readonly Uint8Array[], offset: number): MaybePromise<void> {
    return mapMaybe(this.#turn(), () => {
      this.#change('write');
      this.#inode.write(from, offset, totalLength(from));
    });
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    this.#checkOpen('sync');
    try {
      this.#options.faults.enter('sync');
    } catch (error) {
      this.#inode.failSync();
      throw error;
    }
    this.#inode.sync();
  }

  async truncate(sizeBytes: number): Promise<void> {
    await Promise.resolve();
    this.#change('truncate');
    this.#inode.truncate(sizeBytes);
  }

  async status(): Promise<FileStatus> {
    await Promise.resolve();
    this.#enter('status');
    return statusOf(this.#inode, this.#options.linkCount());
  }

  async availableBytes(): Promise<number> {
    await Promise.resolve();
    this.#enter('availableBytes');
    return this.#options.availableBytes();
  }

  async setModifiedTime(unixMs: number): Promise<void> {
    await Promise.resolve();
    this.#change('setModifiedTime');
    this.#inode.mtimeNs = BigInt(Math.floor(unixMs)) * 1_000_000n;
  }

  punchHole(offset: number, length: number): MaybePromise<boolean> {
    return this.#zero('punchHole', offset, length, true);
  }

  zeroRange(offset: number, length: number): MaybePromise<boolean> {
    return this.#zero('zeroRange', offset, length, false);
  }

  allocate(offset: number, length: number): MaybePromise<boolean> {
    if (!this.#options.sparse) return false;
    return mapMaybe(this.#turn(), () => {
      this.#change('allocate');
      this.#inode.allocate(offset, length);
      return true;
    });
  }

  copyFrom(
    source: DiskFile,
    sourceOffset: number,
    offset: number,
    length: number,
  ): MaybePromise<number | undefined> {
    if (!this.#options.sparse || !(source instanceof SimulatedFile)) return undefined;
    return mapMaybe(this.#turn(), () => {
      source.#checkOpen('copyRange');
      this.#change('copyRange');
      const bytes = new Uint8Array(Math.min(length, COPY_STEP_BYTES));
      const count = source.#inode.read([bytes], sourceOffset, bytes.length);
      if (count > 0) this.#inode.write([bytes.subarray(0, count)], offset, count);
      return count;
    });
  }

  cloneFrom(source: DiskFile, sourceOffset: number, offset: number, length: number): MaybePromise<boolean> {
    if (!this.#options.clones || !(source instanceof SimulatedFile)) return false;
    return mapMaybe(this.#turn(), () => {
      source.#checkOpen('cloneRange');
      this.#change('cloneRange');
      for (let done = 0; done < length; done += COPY_STEP_BYTES) {
        const bytes = new Uint8Array(Math.min(COPY_STEP_BYTES, length - done));
        source.#inode.read([bytes], sourceOffset + done, bytes.length);
        if (isZero(bytes)) this.#inode.zero(offset + done, bytes.length, true);
        else this.#inode.write([bytes], offset + done, bytes.length);
      }
      return true;
    });
  }

  /** All in one piece, where space can be shared at all. */
  countExtents(): MaybePromise<number | undefined> {
    return this.#options.clones ? 1 : undefined;
  }

  async makeReadOnly(): Promise<void> {
    await Promise.resolve();
    this.#change('makeReadOnly');
    this.#inode.readOnly = true;
  }

  async dropCache(offset: number, length: number): Promise<void> {
    await Promise.resolve();
    this.#checkOpen('fadvise');
    this.#inode.dropCache(offset, length);
  }

  seekData(offset: number): number | undefined {
    this.#checkOpen('lseek');
    return this.#options.sparse ? this.#inode.seekData(offset) : undefined;
  }

  seekHole(offset: number): number | undefined {
    this.#checkOpen('lseek');
    return this.#options.sparse ? this.#inode.seekHole(offset) : undefined;
  }

  lock(range: LockRange): LockOutcome {
    this.#checkOpen('fcntl');
    return this.#options.locks?.lock(this, this.#inode, range) ?? 'unsupported';
  }

  testLock(range: LockRange): LockOutcome {
    this.#checkOpen('fcntl');
    return this.#options.locks?.test(this, this.#inode, range) ?? 'unsupported';
  }

  unlock(offset: number, length: number): void {
    this.#checkOpen('fcntl');
    this.#options.locks?.unlock(this, offset, length);
  }

  async close(): Promise<void> {
    await Promise.resolve();
    if (this.#closed) return;
    this.kill();
    this.#options.locks?.unlock(this, 0, Number.MAX_SAFE_INTEGER);
    this.#options.onClose();
  }

  /** The machine went off, and this open file with it. */
  kill(): void {
    this.#closed = true;
  }

  #zero(
    call: 'punchHole' | 'zeroRange',
    offset: number,
    length: number,
    hole: boolean,
  ): MaybePromise<boolean> {
    if (!this.#options.sparse) return false;
    return mapMaybe(this.#turn(), () => {
      this.#change(call);
      this.#inode.zero(offset, length, hole);
      return true;
    });
  }

  #turn(): MaybePromise<void> {
    if (!this.#options.immediate) return Promise.resolve();
  }

  #change(call: DiskCall): void {
    this.#enter(call);
    if (!this.#options.writable) throw new DiskError('EBADF', call, `${this.path} is open for reading only`);
    this.#inode.mtimeNs = this.#options.nowNs();
  }

  #enter(call: DiskCall): void {
    this.#checkOpen(call);
    this.#options.faults.enter(call);
  }

  #checkOpen(call: string): void {
    if (this.#closed) throw new DiskError('EBADF', call, `${this.path} is closed`);
  }
}

/** What `status` answers for a name. */
export function statusOf(entry: Entry, linkCount: number): FileStatus {
  if (entry === 'directory') {
    const nothing = { sizeBytes: 0, allocatedBytes: 0, mtimeNs: 0n, birthTimeNs: 0n };
    return { kind: 'directory', ...nothing, inode: 1n, deviceId: 1n, linkCount };
  }
  const { size: sizeBytes, allocatedBytes, mtimeNs, birthTimeNs, number: inode } = entry;
  return { kind: 'file', sizeBytes, allocatedBytes, mtimeNs, birthTimeNs, inode, deviceId: 1n, linkCount };
}
