import { yieldTurn, type BlockDevice, type Disk, type MaybePromise } from '@lunbox/block';
import { GrainMap, type Slot } from './grain-map.ts';
import { contentCrcOf, groupBytes, type GrainRecord, type Group } from './grain-record.ts';
import { readGrain } from './grain.ts';
import { LOG_BLOCK_BYTES } from './log-layout.ts';
import { readIndex, writeIndex } from './map-index.ts';
import type { SavedChecksum, SavedGrain, SaveArea } from './save-area.ts';
import { SaveLog, type LogIdentity } from './save-log.ts';
import { indexPathOf } from './snapshot-files.ts';

/** Slots that stand for no place in the log. */
const ZERO_SLOT = 2 ** 32 - 2;
const BAD_SLOT = 2 ** 32 - 3;
/** Groups, or grains of a run, that are gone through between two turns. */
const GROUPS_PER_TURN = 64;
const GRAINS_PER_TURN = 65_536;

/**
 * The old contents of the grains that were changed during one stretch of time: a log, and in memory the map of what
 * is where in it.
 */
export class LogArea implements SaveArea {
  /** It has some grains only. */
  readonly device = undefined;
  readonly #disk: Disk;
  readonly #log: SaveLog;
  #map = new GrainMap();

  /** Grains that the index has, or what it would have for a log that needs none. */
  #indexedCount = 0;
  #storedBytes = LOG_BLOCK_BYTES;

  private constructor(disk: Disk, log: SaveLog) {
    this.#disk = disk;
    this.#log = log;
  }

  /** A new area; its name is not durable yet. */
  static async create(disk: Disk, path: string, identity: LogIdentity): Promise<LogArea> {
    return new LogArea(disk, await SaveLog.create(disk, path, identity));
  }

  /** Opens an area to which nothing will be added. Throws `SNAPSHOT_CORRUPT`. */
  static async open(disk: Disk, path: string, mode: 'read' | 'write'): Promise<LogArea> {
    const log = await SaveLog.open(disk, path, mode);
    const area = new LogArea(disk, log);
    try {
      await area.#load();
      return area;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /**
   * Opens the area that was in use last. What a crash left of a group that never became durable is taken away: its
   * grains were not overwritten. Where only the log has a grain of it, and not whole, that grain is lost, and said to
   * be. For reading, only the map is made so; the log stays as it is.
   */
  static async recover(
    disk: Disk,
    path: string,
    production: BlockDevice,
    mode: 'read' | 'write',
  ): Promise<LogArea> {
    const log = await SaveLog.open(disk, path, mode);
    const area = new LogArea(disk, log);
    try {
      await log.dropCache();
      const last = await area.#load();
      if (mode === 'write') await log.cutTail();
      if (last !== undefined) await area.#examine(last, production, mode);
      return area;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** What it is an area of. */
  get identity(): LogIdentity {
    return this.#log.identity;
  }

  /** Whether some of what it has was lost to the medium. */
  async hasBad(): Promise<boolean> {
    let looked = 0;
    const end = Number.MAX_SAFE_INTEGER;
    for (let grain = this.next(0, end); grain !== undefined; grain = this.next(grain + 1, end)) {
      if (this.find(grain) === 'bad') return true;
      if (++looked % GRAINS_PER_TURN === 0) await yieldTurn();
    }
    return false;
  }

  /** What it has of a grain. */
  find(grain: number): SavedGrain {
    const slot = this.#map.get(grain);
    if (slot === undefined) return 'none';
    if (slot === ZERO_SLOT) return 'zero';
    return slot === BAD_SLOT ? 'bad' : 'data';
  }

  /** The first grain from `grain` up to, not including, `endGrain` that it has something of. */
  next(grain: number, endGrain: number): number | undefined {
    return this.#map.next(grain, endGrain);
  }

  /** Each grain that it has was changed. */
  isChanged(grain: number): boolean {
    return this.#map.get(grain) !== undefined;
  }

  /** The same as {@link LogArea.next}. */
  nextChanged(grain: number, endGrain: number): number | undefined {
    return this.#map.next(grain, endGrain);
  }

  /** @throws BlockError `BLOCK_FAULTED` after a failed sync. */
  checkSound(): void {
    this.#log.checkSound();
  }

  /** Keeps a group durably, and only then knows of it. Throws as {@link SaveLog.append}. */
  async save(records: readonly GrainRecord[], contents: readonly Uint8Array[]): Promise<void> {
    const offset = await this.#log.append(records, contents);
    this.#storedBytes += groupBytes(records, this.identity.grainBytes);
    await this.#note(records, offset);
  }

  /** Reads a part of a grain of which it has the data. Throws `BLOCK_IO`. */
  async read(into: readonly Uint8Array[], grain: number, within: number, lengthBytes: number): Promise<void> {
    const slot = this.#map.get(grain);
    if (slot === undefined || slot >= BAD_SLOT) throw new Error('a grain that the area does not have');
    await this.#log.read(into, slot * LOG_BLOCK_BYTES + within, lengthBytes);
  }

  /**
   * The checksums of what it has the data of, and the grains that are lost, in the order of the log. What is added
   * meanwhile may be left out. Throws `SNAPSHOT_CORRUPT`, `BLOCK_IO`.
   */
  async *checksums(): AsyncGenerator<SavedChecksum> {
    for await (const { offset, records } of this.#log.groups()) {
      let slot = offset / LOG_BLOCK_BYTES + 1;
      for (const record of records) {
        if (record.kind === 'data') {
          const { grain, contentCrc } = record;
          if (this.#map.get(grain) === slot) yield { grain, contentCrc };
          slot += this.identity.grainBytes / LOG_BLOCK_BYTES;
        } else if (record.kind === 'bad') {
          for (let index = 0; index < record.grainCount; index++)
            if (this.#map.get(record.grain + index) === BAD_SLOT)
              yield { grain: record.grain + index, contentCrc: undefined };
        }
      }
    }
  }

  /** Gives the space of a grain back that is not needed any more; nothing asks for it after that. */
  async forget(grain: number): Promise<void> {
    const slot = this.#map.get(grain);
    if (slot !== undefined && slot < BAD_SLOT) await this.#log.forget(slot * LOG_BLOCK_BYTES);
  }

  /** Space that it took when it was last measured, and what was added since. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** Finds out anew what it takes. */
  async measure(): Promise<void> {
    this.#storedBytes = await this.usedBytes();
  }

  /** Space that it takes. */
  async usedBytes(): Promise<number> {
    return await this.#log.usedBytes();
  }

  /** Closes the log. Idempotent. */
  async close(): Promise<void> {
    await this.#log.close();
  }

  /** Whether {@link LogArea.writeIndex} has something to do. */
  get needsIndex(): boolean {
    return this.#map.size !== this.#indexedCount;
  }

  /** Keeps the map in a file beside the log, so that the area opens fast. Nothing is lost when it fails. */
  async writeIndex(): Promise<void> {
    const { size } = this.#map;
    await writeIndex(
      this.#disk,
      indexPathOf(this.#log.path),
      this.#map,
      this.identity.log,
      this.#log.end,
      this.#stepOf,
    );
    this.#indexedCount = size;
  }

  /** Places of grains that follow one another in a group do so, too; those that stand for no place are all the same. */
  readonly #stepOf = (slot: Slot): number =>
    slot >= BAD_SLOT ? 0 : this.identity.grainBytes / LOG_BLOCK_BYTES;

  /** Builds the map of the groups before one. Answers the last, unless the index has it: it is durable then. */
  async #load(endSequence = Infinity): Promise<Group | undefined> {
    let last: Group | undefined;
    this.#map = new GrainMap();
    const from = await readIndex(
      this.#disk,
      indexPathOf(this.#log.path),
      this.#map,
      this.identity.log,
      this.#stepOf,
    );
    this.#indexedCount = this.#map.size;
    await this.#log.scan((group): MaybePromise<void> => {
      if (group.sequence >= endSequence) return;
      last = group;
      const noted = this.#note(group.records, group.offset + LOG_BLOCK_BYTES);
      return group.sequence % GROUPS_PER_TURN === 0 ? noted.then(yieldTurn) : noted;
    }, from);
    await this.measure();
    return last;
  }

  /** @param torn - which of the records have content that is lost */
  async #note(
    records: readonly GrainRecord[],
    contentsOffset: number,
    torn: readonly number[] = [],
  ): Promise<void> {
    let offset = contentsOffset;
    for (const [index, record] of records.entries()) {
      if (record.kind === 'data') {
        this.#map.add(record.grain, torn.includes(index) ? BAD_SLOT : offset / LOG_BLOCK_BYTES);
        offset += this.identity.grainBytes;
        continue;
      }
      const slot = record.kind === 'zero' ? ZERO_SLOT : BAD_SLOT;
      for (let index = 0; index < record.grainCount; index++) {
        this.#map.add(record.grain + index, slot);
        if ((index + 1) % GRAINS_PER_TURN === 0) await yieldTurn();
      }
    }
  }

  /** Checks the contents of the last group, which a crash may have torn. */
  async #examine(group: Group, production: BlockDevice, mode: 'read' | 'write'): Promise<void> {
    const { grainBytes } = this.identity;
    const contents = new Map<number, Uint8Array>();
    const torn: number[] = [];
    let lost = false;
    for (const [index, content] of await this.#contentsOf(group)) {
      const record = group.records[index];
      if (record?.kind !== 'data') continue;
      contents.set(index, content);
      if (contentCrcOf(content) === record.contentCrc) continue;
      torn.push(index);
      const now = await readGrain(production, record.grain, grainBytes);
      lost ||= contentCrcOf(now) !== record.contentCrc;
    }
    if (torn.length === 0) return;
    if (mode === 'write') await this.#log.cutFrom(group);
    await this.#load(group.sequence);
    // The sync of the group never came back, so none of its grains was overwritten.
    if (!lost) return;
    if (mode === 'read') return await this.#note(group.records, group.offset + LOG_BLOCK_BYTES, torn);
    const records = group.records.map((record, index): GrainRecord =>
      torn.includes(index) ? { kind: 'bad', grain: record.grain, grainCount: 1 } : record,
    );
    const kept = [...contents].filter(([index]) => !torn.includes(index)).map(([, content]) => content);
    await this.save(records, kept);
  }

  async #contentsOf(group: Group): Promise<[number, Uint8Array][]> {
    const { grainBytes } = this.identity;
    const contents: [number, Uint8Array][] = [];
    let offset = group.offset + LOG_BLOCK_BYTES;
    for (const [index, { kind }] of group.records.entries()) {
      if (kind !== 'data') continue;
      const content = new Uint8Array(grainBytes);
      await this.#log.read([content], offset, grainBytes);
      contents.push([index, content]);
      offset += grainBytes;
    }
    return contents;
  }
}
