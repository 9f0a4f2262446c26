import {
  BlockError,
  realDisk,
  systemClock,
  systemRandom,
  yieldTurn,
  type BlockDevice,
  type Clock,
  type Disk,
  type Random,
} from '@lunbox/block';
import debug from 'debug';
import {
  SNAPSHOT_LIMIT,
  withoutSnapshot,
  withReclaimed,
  withSnapshot,
  type Chain,
  type ChainEntry,
  type ConsistencyLevel,
} from './chain.ts';
import { CowDevice } from './cow-device.ts';
import { DEFAULT_GRAIN_BYTES } from './grain.ts';
import { RECLAIM_START, reclaimStep, type ReclaimPoint } from './reclaim.ts';
import type { SaveArea } from './save-area.ts';
import { isGrainSize } from './save-log.ts';
import { SnapshotError, type SnapshotErrorCode } from './snapshot-error.ts';
import { SnapshotStore, uuidOf } from './snapshot-store.ts';
import { SnapshotView } from './snapshot-view.ts';

const log = debug('lunbox:snapshot:snapshot-set');

/** Options of {@link SnapshotSet.open}. */
export interface SnapshotSetOptions {
  /** The disk itself. The set owns it: closing the set closes it. */
  readonly production: BlockDevice;
  /** Identity that the object was born with: 16 bytes. */
  readonly object: Uint8Array;
  /** Directory for the snapshots, on the file system of the disk; made with the first one. */
  readonly directory: string;
  /** What is copied on a first write, a power of two from 4 KiB to 1 MiB, for a set that is new. Default 64 KiB. */
  readonly grainBytes?: number;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Options of {@link SnapshotSet.create}. */
export interface NewSnapshot {
  /** Default: the time. */
  readonly name?: string;
  /** What was done before the call. Default `crash`: nothing. */
  readonly level?: ConsistencyLevel;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A snapshot, as people are told of it. */
export type SnapshotInfo = Omit<ChainEntry, 'logs'>;

/** Bytes that may differ between two points in time. */
export interface ChangedExtent {
  readonly offset: number;
  readonly length: number;
}

const NAME_LIMIT = 255;
const ID_BYTES = 16;
const GRAINS_PER_TURN = 4096;

/**
 * The snapshots of one disk. Taking one copies nothing: what is overwritten after it is saved first. Every snapshot is
 * exact after any crash, the disk stays a plain image, and what changed between any two points can be told.
 */
export class SnapshotSet {
  /** The disk, for all who use it: whoever writes around it breaks the snapshots. */
  readonly device: CowDevice;
  readonly #options: SnapshotSetOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #store: SnapshotStore;
  /** Areas by the identities of their logs. */
  readonly #areas = new Map<string, SaveArea>();
  readonly #views = new Map<string, number>();
  /** One change of the list after the other. */
  #turn: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #tidying = false;
  /** By the identities of snapshots. */
  readonly #reclaimed = new Map<string, ReclaimPoint>();

  private constructor(options: SnapshotSetOptions, store: SnapshotStore) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#store = store;
    this.device = new CowDevice(options.production, store.chain.grainBytes);
  }

  /**
   * Opens the snapshots of a disk, which nobody may have written since they were closed, and mends what a crash left.
   *
   * @throws SnapshotError `SNAPSHOT_CORRUPT`, `SNAPSHOT_FOREIGN`; BlockError `BLOCK_INVALID` for a bad size of grains.
   */
  static async open(options: SnapshotSetOptions): Promise<SnapshotSet> {
    const { production, object, directory, disk = realDisk, random = systemRandom } = options;
    const grainBytes = options.grainBytes ?? DEFAULT_GRAIN_BYTES;
    if (!isGrainSize(grainBytes) || grainBytes % production.blockSize !== 0)
      throw new BlockError('BLOCK_INVALID', `a grain cannot have ${grainBytes} bytes`);
    const empty: Chain = { object: uuidOf(object), grainBytes, snapshots: [] };
    const store = await SnapshotStore.open(directory, disk, random, empty);
    const set = new SnapshotSet(options, store);
    try {
      await set.#recover();
      return set;
    } catch (error) {
      await set.#closeFiles();
      throw error;
    }
  }

  /** All snapshots, oldest first. */
  list(): SnapshotInfo[] {
    return this.#entries.map(infoOf);
  }

  /**
   * Takes a snapshot: changes that have been answered are in it, those that come later are not, and it is durable.
   *
   * @throws SnapshotError `SNAPSHOT_EXISTS`, `SNAPSHOT_BAD_NAME`, `SNAPSHOT_LIMIT`, `SNAPSHOT_CLOSED`; and what
   *   flushing the disk throws.
   */
  async create(options: NewSnapshot = {}): Promise<SnapshotInfo> {
    return await this.#inTurn(async () => {
      const createdAtMs = Math.floor(this.#clock.unixMs());
      const name = options.name ?? new Date(createdAtMs).toISOString();
      this.#checkName(name);
      const { id: logId, area } = await this.#store.createArea(this.#options.object, createdAtMs);
      const resume = await this.device.pause();
      try {
        // Without it a crash could take from the snapshot what was answered before it.
        await this.device.flush();
        const entry: ChainEntry = {
          id: uuidOf(this.#random.bytes(ID_BYTES)),
          name,
          createdAtMs,
          sizeBytes: this.device.size,
          level: options.level ?? 'crash',
          labels: { ...options.labels },
          holds: [],
          logs: [logId],
        };
        // Readers of older snapshots look for it as soon as the list names it.
        this.#areas.set(logId, area);
        await this.#commitNew(entry);
        this.device.saveTo({ areas: [area], current: area });
        this.#tidyLater();
        return infoOf(entry);
      } catch (error) {
        this.#areas.delete(logId);
        await area.close();
        throw error;
      } finally {
        resume();
      }
    });
  }

  /**
   * Deletes a snapshot. Its space comes back, but for what older ones need.
   *
   * @param snapshot - its identity or its name
   * @throws SnapshotError `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_HELD`, `SNAPSHOT_BUSY` while it is open, `SNAPSHOT_CLOSED`.
   */
  async delete(snapshot: string): Promise<void> {
    await this.#inTurn(async () => {
      const entry = this.#find(snapshot);
      if (entry.holds.length > 0)
        throw this.#error('SNAPSHOT_HELD', `${entry.name} is held by ${entry.holds.join(', ')}`, snapshot);
      if (this.#views.has(entry.id)) throw this.#error('SNAPSHOT_BUSY', `${entry.name} is open`, snapshot);
      const isOldest = this.#entries[0] === entry;
      const isNewest = this.#entries.at(-1) === entry;
      const resume = isNewest ? await this.device.pause() : undefined;
      try {
        await this.#store.commit(withoutSnapshot(this.#store.chain, entry.id));
        if (isNewest) this.#saveToNewest();
      } finally {
        resume?.();
      }
      if (isOldest) await this.#drop(entry.logs);
      else this.#tidyLater();
    });
  }

  /** Opens a snapshot for reading; close it before it is deleted. Throws `SNAPSHOT_NOT_FOUND` or `SNAPSHOT_CLOSED`. */
  openView(snapshot: string): SnapshotView {
    this.#checkOpen();
    const { id, sizeBytes } = this.#find(snapshot);
    this.#views.set(id, (this.#views.get(id) ?? 0) + 1);
    return new SnapshotView({
      production: this.device,
      sizeBytes,
      areas: () => this.#areasSince(id),
      onClose: () => {
        const left = (this.#views.get(id) ?? 1) - 1;
        if (left === 0) this.#views.delete(id);
        else this.#views.set(id, left);
      },
    });
  }

  /**
   * What may have changed between a snapshot and a later one, or now: all of what did, in whole grains, ascending.
   *
   * @param to - undefined for now
   * @throws SnapshotError `SNAPSHOT_NOT_FOUND`, also when `to` is older than `from`.
   */
  async *diff(from: string, to?: string): AsyncGenerator<ChangedExtent> {
    const first = this.#entries.indexOf(this.#find(from));
    const last = to === undefined ? this.#entries.length : this.#entries.indexOf(this.#find(to));
    if (last < first) throw this.#error('SNAPSHOT_NOT_FOUND', `${String(to)} is older than ${from}`, from);
    const areas = this.#areasOf(this.#entries.slice(first, last));
    const { grainBytes } = this.device;
    const size = this.#entries[last]?.sizeBytes ?? this.device.size;
    const end = Math.ceil(size / grainBytes);
    let run: { from: number; to: number } | undefined;
    const extentOf = ({ from, to }: { from: number; to: number }): ChangedExtent => {
      const offset = from * grainBytes;
      return { offset, length: Math.min(size, to * grainBytes) - offset };
    };
    for (let grain = 0, looked = 1; ; looked++) {
      const next = nextOf(areas, grain, end);
      if (next !== undefined && run?.to === next) run.to = next + 1;
      else {
        if (run !== undefined) yield extentOf(run);
        run = next === undefined ? undefined : { from: next, to: next + 1 };
      }
      if (next === undefined) return;
      grain = next + 1;
      if (looked % GRAINS_PER_TURN === 0) await yieldTurn();
    }
  }

  /** Flushes and closes the disk and everything of the snapshots. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#turn.then(() => this.#closeAll());
    return this.#closing;
  }

  get #entries(): readonly ChainEntry[] {
    return this.#store.chain.snapshots;
  }

  async #recover(): Promise<void> {
    await this.#store.removeStray();
    const newest = this.#entries.at(-1)?.logs.at(-1);
    for (const { logs } of this.#entries)
      for (const id of logs) {
        const area =
          id === newest
            ? await this.#store.recoverArea(id, this.#options.production)
            : await this.#store.openArea(id);
        this.#areas.set(id, area);
      }
    this.#saveToNewest();
    this.#tidyLater();
  }

  /** When it fails, the list may be either, so what is changed from now on would be saved for neither. */
  async #commitNew(entry: ChainEntry): Promise<void> {
    try {
      await this.#store.commit(withSnapshot(this.#store.chain, entry));
    } catch (error) {
      if (!(error instanceof SnapshotError)) this.device.fault(error);
      throw error;
    }
  }

  #saveToNewest(): void {
    const newest = this.#entries.at(-1);
    const areas = newest === undefined ? [] : this.#areasOf([newest]);
    const current = areas.at(-1);
    this.device.saveTo(current && { areas, current });
  }

  #areasOf(entries: readonly ChainEntry[]): SaveArea[] {
    return entries.flatMap(({ logs }) => logs.map((id) => this.#areas.get(id) as SaveArea));
  }

  /** Everything that a snapshot is read from; undefined once it is gone. */
  #areasSince(id: string): SaveArea[] | undefined {
    const index = this.#entries.findIndex((entry) => entry.id === id);
    return index < 0 ? undefined : this.#areasOf(this.#entries.slice(index));
  }

  /** Removes logs that are nobody's any more. What cannot be removed now is removed at the next start. */
  async #drop(logs: readonly string[]): Promise<void> {
    for (const id of logs) {
      await this.#areas.get(id)?.close();
      this.#areas.delete(id);
    }
    await this.#store.removeStray();
  }

  /** Gives space back in the background, in steps: nothing else waits for long. The next start goes on with it. */
  #tidyLater(): void {
    if (this.#tidying) return;
    this.#tidying = true;
    void this.#tidy()
      .catch((error: unknown) => {
        log('space could not be given back: %o', error);
      })
      .finally(() => (this.#tidying = false));
  }

  async #tidy(): Promise<void> {
    let more = true;
    while (more && this.#closing === undefined) {
      more = await this.#inTurn(() => this.#tidyStep());
      await yieldTurn();
    }
  }

  /** Answers whether there is more to do. The newest snapshot is left alone: its last log still grows. */
  async #tidyStep(): Promise<boolean> {
    const entry = this.#entries.slice(0, -1).find(({ reclaim }) => reclaim);
    if (entry === undefined) return false;
    const point = await reclaimStep(this.#areasOf([entry]), this.#reclaimed.get(entry.id) ?? RECLAIM_START);
    if (point !== undefined) this.#reclaimed.set(entry.id, point);
    else {
      this.#reclaimed.delete(entry.id);
      await this.#store.commit(withReclaimed(this.#store.chain, entry.id));
    }
    return true;
  }

  async #closeAll(): Promise<void> {
    try {
      await this.device.close();
    } finally {
      await this.#closeFiles();
    }
  }

  async #closeFiles(): Promise<void> {
    for (const area of this.#areas.values()) await area.close();
    await this.#store.close();
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const result = this.#turn.then(change);
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return await result;
  }

  #find(snapshot: string): ChainEntry {
    const entry = this.#entries.find(({ id, name }) => id === snapshot || name === snapshot);
    if (entry !== undefined) return entry;
    throw this.#error('SNAPSHOT_NOT_FOUND', `there is no snapshot ${snapshot}`, snapshot);
  }

  #checkName(name: string): void {
    if (name.length === 0 || name.length > NAME_LIMIT || /\p{Cc}/u.test(name))
      throw this.#error(
        'SNAPSHOT_BAD_NAME',
        'a name has 1 to 255 characters and no control characters',
        name,
      );
    if (this.#entries.some((entry) => entry.name === name || entry.id === name))
      throw this.#error('SNAPSHOT_EXISTS', `there is a snapshot ${name} already`, name);
    if (this.#entries.length >= SNAPSHOT_LIMIT)
      throw this.#error('SNAPSHOT_LIMIT', `there are ${SNAPSHOT_LIMIT} snapshots already; delete some`, name);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw this.#error('SNAPSHOT_CLOSED', 'the snapshots are closed');
  }

  #error(code: SnapshotErrorCode, message: string, snapshot?: string): SnapshotError {
    const path = this.#store.path;
    return new SnapshotError(code, message, snapshot === undefined ? { path } : { path, snapshot });
  }
}

function infoOf({ id, name, createdAtMs, sizeBytes, level, labels, holds }: ChainEntry): SnapshotInfo {
  return { id, name, createdAtMs, sizeBytes, level, labels, holds };
}

/** The first grain at or after `grain` that one of the areas has. */
function nextOf(areas: readonly SaveArea[], grain: number, end: number): number | undefined {
  let first = end;
  for (const area of areas) first = area.next(grain, first) ?? first;
  return first < end ? first : undefined;
}
