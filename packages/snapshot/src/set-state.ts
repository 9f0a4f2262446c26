import type { BlockDevice, Clock, Disk, Random } from '@lunbox/block';
import { SNAPSHOT_LIMIT, withoutSnapshot, type Chain, type ChainEntry } from './chain.ts';
import { CowDevice } from './cow-device.ts';
import { ImageArea, type ImageSource } from './image-area.ts';
import type { LogArea } from './log-area.ts';
import type { SaveArea } from './save-area.ts';
import { SnapshotError, type SnapshotErrorCode } from './snapshot-error.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** What a set is made of; see `SnapshotSetOptions`. */
export interface SetParts {
  readonly production: BlockDevice;
  readonly object: Uint8Array;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly image: ImageSource | undefined;
}

const NAME_LIMIT = 255;

/** The chain of a set with the areas that belong to it, and the device that saves to the newest. */
export class SetState {
  readonly parts: SetParts;
  readonly store: SnapshotStore;
  readonly device: CowDevice;
  /** Areas by the identities of their logs. */
  readonly areas: Map<string, LogArea | ImageArea> = new Map();
  /** How often each snapshot is open, by identity. */
  readonly views: Map<string, number> = new Map();

  constructor(parts: SetParts, store: SnapshotStore) {
    this.parts = parts;
    this.store = store;
    this.device = new CowDevice(parts.production, store.chain.grainBytes);
  }

  get chain(): Chain {
    return this.store.chain;
  }

  get entries(): readonly ChainEntry[] {
    return this.store.chain.snapshots;
  }

  get nowMs(): number {
    return Math.floor(this.parts.clock.unixMs());
  }

  /** The areas of some snapshots, oldest first. */
  areasOf(entries: readonly ChainEntry[]): (LogArea | ImageArea)[] {
    return entries.flatMap(({ logs }) => logs.map((id) => this.areas.get(id) as LogArea | ImageArea));
  }

  /** Everything that a snapshot is read from; undefined once it is gone. */
  areasSince(id: string): SaveArea[] | undefined {
    const index = this.entries.findIndex((entry) => entry.id === id);
    return index < 0 ? undefined : this.areasOf(this.entries.slice(index));
  }

  /**
   * What the next older snapshot that has content is read from before it comes to the areas of a snapshot; undefined
   * when there is no such one.
   */
  areasReadBefore(entry: ChainEntry): SaveArea[] | undefined {
    const index = this.entries.indexOf(entry);
    const reader = this.entries.findLastIndex(({ bookmark }, at) => at < index && bookmark === undefined);
    return reader < 0 ? undefined : this.areasOf(this.entries.slice(reader, index));
  }

  /** Where a restore goes on, what it is still to change counts as changed for whoever asks since a later point. */
  pendingAreas(first: number): SaveArea[] {
    const from = this.entries.findIndex(({ id }) => id === this.chain.restore?.from);
    return from < 0 || from >= first ? [] : this.areasOf(this.entries.slice(from, first));
  }

  /** Space that all areas take. */
  async usedBytes(): Promise<number> {
    let total = 0;
    for (const area of this.areas.values()) total += await area.usedBytes();
    return total;
  }

  /** Old content goes to the newest snapshot from now on. Only while changes are paused. */
  saveToNewest(): void {
    const newest = this.device.readOnly ? undefined : this.entries.at(-1);
    const areas = newest === undefined ? [] : this.areasOf([newest]);
    const to = imagesOf(areas).at(-1) ?? areas.at(-1);
    this.device.saveTo(to && { areas, to });
  }

  /**
   * Replaces the chain. When that fails the chain may be either one, so what is changed from now on could be saved for
   * neither: every later change is refused.
   */
  async commit(chain: Chain): Promise<void> {
    try {
      await this.store.commit(chain);
    } catch (error) {
      if (!(error instanceof SnapshotError)) this.device.fault(error);
      throw error;
    }
  }

  /** Removes logs that are nobody's any more. What cannot be removed now is removed at the next start. */
  async drop(logs: readonly string[]): Promise<void> {
    for (const id of logs) {
      await this.areas.get(id)?.close();
      this.areas.delete(id);
    }
    await this.store.removeStray();
  }

  /** Takes a snapshot from the chain, whether older ones need its logs or not. */
  async remove(entry: ChainEntry): Promise<void> {
    const isNewest = this.entries.at(-1) === entry;
    const resume = isNewest ? await this.device.pause() : undefined;
    try {
      // What is changed from now on, is changed in the time of the one before.
      const next = isNewest ? this.entries.slice(-2, -1) : [];
      for (const image of imagesOf(this.areasOf(next))) await image.startChanging();
      await this.commit(withoutSnapshot(this.chain, entry.id));
      if (isNewest) this.saveToNewest();
    } finally {
      resume?.();
    }
    await this.dropUnnamed(entry);
  }

  /** After a snapshot was taken from the chain: its logs go, unless an older one has them now. */
  async dropUnnamed({ logs }: ChainEntry): Promise<void> {
    const named = new Set(this.entries.flatMap((entry) => entry.logs));
    await this.drop(logs.filter((id) => !named.has(id)));
  }

  /** The snapshot of this identity or name. Throws `SNAPSHOT_NOT_FOUND`. */
  find(snapshot: string): ChainEntry {
    const entry = this.entries.find(({ id, name }) => id === snapshot || name === snapshot);
    if (entry !== undefined) return entry;
    throw this.error('SNAPSHOT_NOT_FOUND', `there is no snapshot ${snapshot}`, snapshot);
  }

  /** Throws `SNAPSHOT_BAD_NAME` or `SNAPSHOT_EXISTS`. */
  checkName(name: string): void {
    if (name.length === 0 || name.length > NAME_LIMIT || /\p{Cc}/u.test(name))
      throw this.error('SNAPSHOT_BAD_NAME', 'a name has 1 to 255 characters and no control characters', name);
    if (this.entries.some((entry) => entry.name === name || entry.id === name))
      throw this.error('SNAPSHOT_EXISTS', `there is a snapshot ${name} already`, name);
  }

  /** Counts a snapshot as open. Call the answer when it is not any more. */
  useView(id: string): () => void {
    const { views } = this;
    views.set(id, (views.get(id) ?? 0) + 1);
    return () => {
      const left = (views.get(id) ?? 1) - 1;
      if (left === 0) views.delete(id);
      else views.set(id, left);
    };
  }

  /** Throws `SNAPSHOT_IN_DOUBT` for one of a group of which it is not known whether it was taken. */
  checkDecided({ name, prepared }: ChainEntry): void {
    if (prepared === undefined) return;
    const message = `whether the group of ${name} was taken cannot be told until its other disks are there`;
    throw this.error('SNAPSHOT_IN_DOUBT', message, name);
  }

  /** Throws `SNAPSHOT_BOOKMARK` for one that has no content, and `SNAPSHOT_IN_DOUBT`. */
  checkReadable(entry: ChainEntry): void {
    const { name, bookmark } = entry;
    this.checkDecided(entry);
    if (bookmark !== undefined)
      throw this.error('SNAPSHOT_BOOKMARK', `${name} is a bookmark; what the disk had is not kept`, name);
  }

  /** Throws `SNAPSHOT_LIMIT`. */
  checkCount(): void {
    if (this.entries.length >= SNAPSHOT_LIMIT)
      throw this.error('SNAPSHOT_LIMIT', `there are ${SNAPSHOT_LIMIT} snapshots already; delete some`);
  }

  /** Whether nobody holds a snapshot, has it open, or needs it for a restore, and it is not in doubt. */
  isRemovable(entry: ChainEntry): boolean {
    return entry.prepared === undefined && this.#needOf(entry) === undefined;
  }

  /** Throws `SNAPSHOT_HELD`, or `SNAPSHOT_BUSY` while it is open or a restore needs it. */
  checkRemovable(entry: ChainEntry): void {
    const need = this.#needOf(entry);
    if (need !== undefined) throw this.error(need.code, `${entry.name} ${need.reason}`, entry.name);
  }

  #needOf(entry: ChainEntry): { readonly code: SnapshotErrorCode; readonly reason: string } | undefined {
    const { id, holds } = entry;
    if (holds.length > 0) return { code: 'SNAPSHOT_HELD', reason: `is held by ${holds.join(', ')}` };
    if (this.views.has(id)) return { code: 'SNAPSHOT_BUSY', reason: 'is open' };
    const { restore } = this.chain;
    if (restore === undefined) return undefined;
    const first = this.entries.findIndex((each) => each.id === restore.from);
    if (this.entries.indexOf(entry) < first) return undefined;
    return { code: 'SNAPSHOT_BUSY', reason: 'is needed by a restore that goes on' };
  }

  /** Throws `SNAPSHOT_BUSY` while a restore goes on. */
  checkNoRestore(): void {
    if (this.chain.restore !== undefined)
      throw this.error('SNAPSHOT_BUSY', 'a restore goes on; try again when it is done');
  }

  error(code: SnapshotErrorCode, message: string, snapshot?: string): SnapshotError {
    const { path } = this.store;
    return new SnapshotError(code, message, snapshot === undefined ? { path } : { path, snapshot });
  }

  /** Keeps all maps beside their logs, so that the next start is fast. Only when nothing is saved any more. */
  async writeIndexes(): Promise<void> {
    if (this.device.readOnly) return;
    for (const area of this.areasOf(this.entries)) if (area.needsIndex) await area.writeIndex();
  }

  async closeFiles(): Promise<void> {
    for (const area of this.areas.values()) await area.close();
    await this.store.close();
  }
}

/** Those areas that are images. */
export function imagesOf(areas: readonly SaveArea[]): ImageArea[] {
  return areas.filter((area) => area instanceof ImageArea);
}
