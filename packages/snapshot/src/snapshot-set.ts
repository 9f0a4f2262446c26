import { BlockError, realDisk, systemClock, systemRandom, type BlockDevice } from '@lunbox/block';
import { formatUuid } from '@lunbox/storage-object';
import debug from 'debug';
import {
  withEntry,
  withoutSnapshot,
  withSchedule,
  type Chain,
  type ChainEntry,
  type SpacePolicy,
} from './chain.ts';
import { changesBetween } from './changes.ts';
import type { ChangedExtent } from './diff.ts';
import { DEFAULT_GRAIN_BYTES } from './grain.ts';
import { recoverAreas } from './recover.ts';
import { beginRestore, Restore, type BegunRestore, type RestoreProgress } from './restore.ts';
import { RestoringDevice } from './restoring-device.ts';
import { isGrainSize } from './save-log.ts';
import type { SaveArea } from './save-area.ts';
import type { SnapshotSchedule } from './schedule.ts';
import type { SnapshotSetOptions } from './set-options.ts';
import { SetState } from './set-state.ts';
import { settleMembers, settleStore } from './settle-groups.ts';
import { infoOf, type SnapshotInfo } from './snapshot-info.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { SpaceKeeper, type SnapshotEvent } from './space-keeper.ts';
import { takeSnapshot, type NamedSnapshot, type NewSnapshot } from './take-snapshot.ts';
import { SnapshotView } from './snapshot-view.ts';
import { TurnQueue } from './turn-queue.ts';
import { Upkeep } from './upkeep.ts';
import { usageOf, type SnapshotUsage } from './usage.ts';

const log = debug('lunbox:snapshot:snapshot-set');

/**
 * The snapshots of one disk. Taking one copies nothing: what is overwritten after it is saved first. Every snapshot is
 * exact after any crash, the disk stays a plain image, and what changed between any two points can be told.
 */
export class SnapshotSet {
  /** The disk, for all who use it: whoever writes around it breaks the snapshots. */
  readonly device: BlockDevice;
  readonly #device: RestoringDevice;
  readonly #state: SetState;
  readonly #turns = new TurnQueue();
  readonly #upkeep: Upkeep;
  readonly #keeper: SpaceKeeper;
  readonly #listeners = new Set<(event: SnapshotEvent) => void>();
  #closing: Promise<void> | undefined;

  private constructor(state: SetState) {
    this.#state = state;
    this.#device = new RestoringDevice(state.device, state.chain.grainBytes);
    this.device = this.#device;
    this.#upkeep = new Upkeep(state, this.#turns);
    this.#keeper = new SpaceKeeper(state, this.#turns, (event) => this.tell(event));
    state.device.askForRoom(this.#keeper);
    state.device.onFault(({ message }) => this.tell({ kind: 'faulted', message }));
  }

  /**
   * Opens the snapshots of a disk, which nobody may have written since they were closed, and mends what a crash left.
   * A restore that was cut off goes on. Of a disk that is open for reading only nothing is changed; all can be read.
   *
   * @throws SnapshotError `SNAPSHOT_CORRUPT`, `SNAPSHOT_FOREIGN`; BlockError `BLOCK_INVALID` for a bad size of grains.
   */
  static async open(options: SnapshotSetOptions): Promise<SnapshotSet> {
    const { production, object, directory, attachment, image } = options;
    const { disk = realDisk, clock = systemClock, random = systemRandom } = options;
    const grainBytes = options.grainBytes ?? DEFAULT_GRAIN_BYTES;
    if (!isGrainSize(grainBytes) || grainBytes % production.blockSize !== 0)
      throw new BlockError('BLOCK_INVALID', `a grain cannot have ${grainBytes} bytes`);
    const empty = {
      object: formatUuid(object),
      set: formatUuid(random.bytes(16)),
      grainBytes,
      snapshots: [],
    };
    const mode = production.readOnly ? 'read' : 'write';
    const store = await SnapshotStore.open({ path: directory, disk, random, mode, attachment }, empty);
    const set = new SnapshotSet(new SetState({ production, object, disk, clock, random, image }, store));
    try {
      await settleStore(store, disk);
      await set.#recover();
      return set;
    } catch (error) {
      await set.#state.closeFiles();
      throw error;
    }
  }

  /** All snapshots, oldest first. */
  list(): SnapshotInfo[] {
    return this.#state.entries.map(infoOf);
  }

  /** Identity that the object was born with, in UUID form. */
  get object(): string {
    return this.#state.chain.object;
  }

  /** Directory with the snapshots. */
  get directory(): string {
    return this.#state.store.path;
  }

  /** What is saved at a time. */
  get grainBytes(): number {
    return this.#state.chain.grainBytes;
  }

  /** Requests that clients have made so far: while it grows, work in the background makes room for them. */
  get requestCount(): number {
    return this.#state.device.requestCount;
  }

  /**
   * Has the disk at rest on the medium while something is done with it: changes wait meanwhile. What is still to be
   * restored is not on the medium.
   */
  async atRest<T>(work: () => Promise<T>): Promise<T> {
    const { device } = this.#state;
    // What is not written back yet is now, and not while the changes wait.
    await device.flush();
    const resume = await device.pause();
    try {
      return await work();
    } finally {
      resume();
    }
  }

  /** One snapshot, by its identity or its name. Throws `SNAPSHOT_NOT_FOUND`. */
  find(snapshot: string): SnapshotInfo {
    return infoOf(this.#state.find(snapshot));
  }

  /**
   * Takes a snapshot: changes that have been answered are in it, those that come later are not, and it is durable.
   *
   * @throws SnapshotError `SNAPSHOT_EXISTS`, `SNAPSHOT_BAD_NAME`, `SNAPSHOT_LIMIT`, `SNAPSHOT_CLOSED`, `SNAPSHOT_BUSY`
   *   while a restore goes on; and what flushing the disk throws.
   */
  async create(options: NewSnapshot = {}): Promise<SnapshotInfo> {
    return await this.#inTurn(async () => {
      const name = options.name ?? new Date(this.#state.nowMs).toISOString();
      this.#state.checkName(name);
      this.#state.checkCount();
      return await this.#take({ ...options, name }, this.#state.chain);
    });
  }

  /**
   * Takes a snapshot anew under its old name: deletes it and takes one in its place, at one instant. What is not given
   * stays as it was.
   *
   * @param snapshot - its identity or its name
   * @throws SnapshotError as {@link SnapshotSet.create} and {@link SnapshotSet.delete} do.
   */
  async refresh(snapshot: string, options: Omit<NewSnapshot, 'name'> = {}): Promise<SnapshotInfo> {
    return await this.#inTurn(async () => {
      const old = this.#state.find(snapshot);
      this.#state.checkDecided(old);
      this.#state.checkRemovable(old);
      const { name, labels } = old;
      const taken = await this.#take(
        { labels, ...options, name },
        withoutSnapshot(this.#state.chain, old.id),
      );
      await this.#state.dropUnnamed(old);
      return taken;
    });
  }

  /**
   * Deletes a snapshot. Its space comes back, but for what older ones need.
   *
   * @param snapshot - its identity or its name
   * @throws SnapshotError `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_HELD`, `SNAPSHOT_CLOSED`, `SNAPSHOT_BUSY` while it is open or
   *   a restore needs it.
   */
  async delete(snapshot: string): Promise<void> {
    await this.#inTurn(async () => {
      const entry = this.#state.find(snapshot);
      this.#state.checkRemovable(entry);
      await this.#state.remove(entry);
      this.#upkeep.tidyLater();
    });
  }

  /** Gives a snapshot another name. Throws `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_EXISTS`, `SNAPSHOT_BAD_NAME`. */
  async rename(snapshot: string, name: string): Promise<SnapshotInfo> {
    return await this.#edit(snapshot, () => {
      this.#state.checkName(name);
      return { name };
    });
  }

  /** Keeps a snapshot from being deleted until all who hold it have released it. Holding twice is holding once. */
  async hold(snapshot: string, holder: string): Promise<SnapshotInfo> {
    return await this.#edit(snapshot, ({ holds }) => ({ holds: [...new Set([...holds, holder])] }));
  }

  /** Ends a hold, if there is one. */
  async release(snapshot: string, holder: string): Promise<SnapshotInfo> {
    return await this.#edit(snapshot, ({ holds }) => ({ holds: holds.filter((each) => each !== holder) }));
  }

  /**
   * Makes a snapshot a bookmark: what changed since then can still be told, what the disk had cannot, and only what
   * older snapshots need of it takes space. There is no way back.
   *
   * @throws SnapshotError as {@link SnapshotSet.delete} does.
   */
  async bookmark(snapshot: string): Promise<SnapshotInfo> {
    return await this.#edit(snapshot, (entry) => {
      this.#state.checkDecided(entry);
      this.#state.checkRemovable(entry);
      return { bookmark: true, reclaim: true };
    });
  }

  /**
   * Brings the disk back to what a snapshot has: at once for whoever reads it, and copied back in the background. A
   * snapshot of what the disk has now is taken first.
   *
   * @param name - of the snapshot taken first; by default it tells what it is
   * @throws SnapshotError as {@link SnapshotSet.create} does, `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_CORRUPT` when some of
   *   it is lost.
   */
  async restore(snapshot: string, name?: string): Promise<BegunRestore> {
    return await this.#inTurn(async () => {
      const { restore, safety } = await beginRestore(this.#state, this.#device, snapshot, name);
      return { safety: infoOf(safety), done: this.#upkeep.run(restore) };
    });
  }

  /** The restore that goes on; undefined when none does. */
  get restoring(): RestoreProgress | undefined {
    return this.#upkeep.restoring;
  }

  /** Completes when the restore that goes on is done; at once when none does. Throws what kept it from being done. */
  async restored(): Promise<void> {
    await this.#upkeep.restored();
  }

  /** Opens a snapshot for reading; close it before it is deleted. Throws `SNAPSHOT_NOT_FOUND` or `SNAPSHOT_CLOSED`. */
  openView(snapshot: string): SnapshotView {
    this.#checkOpen();
    const state = this.#state;
    const entry = state.find(snapshot);
    state.checkReadable(entry);
    const { id, sizeBytes } = entry;
    const areas = (): SaveArea[] | undefined => state.areasSince(id);
    return new SnapshotView({ production: state.device, sizeBytes, areas, onClose: state.useView(id) });
  }

  /**
   * What may have changed between a snapshot or bookmark and a later one, or now: all of what did, in whole grains,
   * ascending; everything, where the disk was changed around its snapshots since.
   *
   * @param to - undefined for now
   * @throws SnapshotError `SNAPSHOT_NOT_FOUND`, also when `to` is older than `from`.
   */
  async *diff(from: string, to?: string): AsyncGenerator<ChangedExtent> {
    yield* changesBetween(this.#state, from, to);
  }

  /** What is done when there is no room for what the disk had. */
  get policy(): SpacePolicy {
    return this.#keeper.policy;
  }

  /** Says what is done when there is no room for what the disk had; durably. By default the oldest snapshots go. */
  async setPolicy(policy: SpacePolicy): Promise<void> {
    await this.#inTurn(() => this.#state.commit({ ...this.#state.chain, policy }));
  }

  /** When snapshots are to be taken by themselves; whoever serves the disk does so. */
  get schedule(): SnapshotSchedule | undefined {
    return this.#state.chain.schedule;
  }

  /** Says when snapshots are to be taken by themselves, durably; undefined: never. */
  async setSchedule(schedule: SnapshotSchedule | undefined): Promise<void> {
    await this.#inTurn(() => this.#state.commit(withSchedule(this.#state.chain, schedule)));
  }

  /** Why the disk takes no change: what its snapshots have could not be made durable. Undefined while it does. */
  get faulted(): BlockError | undefined {
    return this.#state.device.faulted;
  }

  /** Calls `listener` with what people should hear of. Returns a function that ends the subscription. */
  onEvent(listener: (event: SnapshotEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @internal */
  tell(event: SnapshotEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** What a snapshot takes. Throws `SNAPSHOT_NOT_FOUND`. */
  async usage(snapshot: string): Promise<SnapshotUsage> {
    return await this.#inTurn(() => usageOf(this.#state, this.#state.find(snapshot)));
  }

  /** Space that all of them take. */
  async usedBytes(): Promise<number> {
    return await this.#state.usedBytes();
  }

  /** A restore was begun and is not done, so the file of the disk is not the disk yet. */
  get restorePending(): boolean {
    return this.#state.chain.restore !== undefined;
  }

  /** There is a directory of snapshots that are not those of the disk; it is left alone. */
  get detached(): boolean {
    return this.#state.store.detached;
  }

  /** Flushes and closes the disk and everything of the snapshots. Idempotent. A restore goes on at the next start. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  /** @internal Runs a step of a group of which this disk is one, while nothing else is done with its snapshots. */
  async inGroup<T>(work: (state: SetState) => Promise<T>): Promise<T> {
    return await this.#inTurn(() => work(this.#state)).finally(() => {
      this.#upkeep.tidyLater();
    });
  }

  /** Finds out of snapshots that are in doubt whether their groups were taken, where that can be told now. */
  async settle(): Promise<void> {
    await this.#inTurn(() => settleMembers(this.#state));
  }

  /** Takes a snapshot on top of a chain. */
  async #take(options: NamedSnapshot, chain: Chain): Promise<SnapshotInfo> {
    const entry = await takeSnapshot(this.#state, options, chain);
    this.#upkeep.tidyLater();
    const snapshot = infoOf(entry);
    this.tell({ kind: 'taken', snapshot });
    return snapshot;
  }

  async #edit(snapshot: string, change: (entry: ChainEntry) => Partial<ChainEntry>): Promise<SnapshotInfo> {
    return await this.#inTurn(async () => {
      const { id } = this.#state.find(snapshot);
      await this.#state.commit(withEntry(this.#state.chain, id, change(this.#state.find(id))));
      this.#upkeep.tidyLater();
      return infoOf(this.#state.find(id));
    });
  }

  async #recover(): Promise<void> {
    const { store, chain, areas, parts } = this.#state;
    await store.removeStray();
    await recoverAreas(this.#state);
    if (chain.restore !== undefined) {
      const done = await store.recoverArea(chain.restore.log, parts.production);
      areas.set(chain.restore.log, done);
      const restore = new Restore(this.#state, this.#device, done);
      if (!this.device.readOnly) void this.#upkeep.run(restore).catch(() => undefined);
    }
    if (!this.device.readOnly) this.#upkeep.tidyLater();
  }

  async #closeAll(): Promise<void> {
    await this.#upkeep.stop();
    await this.#turns.idle();
    try {
      await this.device.close();
      await this.#state.writeIndexes().catch((error: unknown) => {
        log('the next start will take longer: %o', error);
      });
    } finally {
      await this.#state.closeFiles();
    }
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    return await this.#turns.run(change);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw this.#state.error('SNAPSHOT_CLOSED', 'the snapshots are closed');
  }
}
