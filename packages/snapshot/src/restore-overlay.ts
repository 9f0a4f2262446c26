import type { GrainRecord } from './grain-record.ts';
import type { LogArea } from './log-area.ts';
import { isChanged, isSaved, lostGrainError, type SaveArea, type SavedGrain } from './save-area.ts';
import { nextChanged } from './diff.ts';

/** Runs of grains that go into one group of the log of what is done. */
const GROUP_RUNS = 128;

/**
 * What a restore has still to do: the grains that were changed since the snapshot, but for those that are done. Until
 * then their content is that of the snapshot, wherever it is read. A grain is done when the disk has that content, or
 * what was written over it; it counts as done after a crash once the disk was flushed and then the log says so.
 */
export class RestoreOverlay {
  readonly #saved: readonly SaveArea[];
  readonly #endGrain: number;
  readonly #done: LogArea;
  /** Done since the last flush. */
  #fresh = new Set<number>();
  /** Those that a flush is making durable. */
  #flushing: ReadonlySet<number> = new Set();

  /**
   * @param saved - the areas between the snapshot and the safety snapshot, oldest first; none of them grows
   * @param endGrain - where the disk ended when the snapshot was taken: what has come behind it since had nothing then
   * @param done - what the log says is done
   */
  constructor(saved: readonly SaveArea[], endGrain: number, done: LogArea) {
    this.#saved = saved;
    this.#endGrain = endGrain;
    this.#done = done;
  }

  /** Whether the disk does not have the content yet that it is to have. */
  isPending(grain: number): boolean {
    return !this.#isDone(grain) && isChanged(grain, this.#saved);
  }

  /**
   * Whether a grain that is changed must be noted as done. Also one that is not pending may count as such at the next
   * start: an image may not know any more then what was changed.
   */
  isOpen(grain: number): boolean {
    if (this.#isDone(grain)) return false;
    return grain >= this.#endGrain || isSaved(grain, this.#saved) || isChanged(grain, this.#saved);
  }

  #isDone(grain: number): boolean {
    return this.#fresh.has(grain) || this.#flushing.has(grain) || this.#done.find(grain) !== 'none';
  }

  /** The first pending grain from `grain` up to, not including, `endGrain`. */
  next(grain: number, endGrain: number): number | undefined {
    for (let at = grain; ;) {
      const next = nextChanged(this.#saved, at, endGrain);
      if (next === undefined || this.isPending(next)) return next;
      at = next + 1;
    }
  }

  /** Grains that are done and not yet known to be after a crash. */
  get freshCount(): number {
    return this.#fresh.size;
  }

  /** Reads what a pending grain is to have. Throws `BLOCK_IO` for one that was lost. */
  async read(into: readonly Uint8Array[], grain: number, within: number, lengthBytes: number): Promise<void> {
    const { saved, area } = this.find(grain);
    if (saved === 'data' && area !== undefined) return await area.read(into, grain, within, lengthBytes);
    if (saved === 'bad') throw lostGrainError(grain);
    for (const buffer of into) buffer.fill(0);
  }

  /** What a pending grain is to have, and which area has it. */
  find(grain: number): { saved: SavedGrain; area?: SaveArea } {
    // An area of a later time may have saved what was written there meanwhile.
    if (grain >= this.#endGrain) return { saved: 'zero' };
    for (const area of this.#saved) {
      const saved = area.find(grain);
      if (saved !== 'none') return { saved, area };
    }
    return { saved: 'none' };
  }

  /** The disk has it now. */
  markDone(grain: number): void {
    this.#fresh.add(grain);
  }

  /**
   * Flushes, and says durably what is done then. One call after the other.
   *
   * @param flush - makes what was written to the disk durable
   */
  async flush(flush: () => unknown): Promise<void> {
    const flushing = this.#fresh;
    this.#flushing = flushing;
    this.#fresh = new Set();
    try {
      await flush();
      await this.#note(flushing);
    } catch (error) {
      for (const grain of flushing) this.#fresh.add(grain);
      throw error;
    } finally {
      this.#flushing = new Set();
    }
  }

  async #note(grains: ReadonlySet<number>): Promise<void> {
    const records: { kind: 'zero'; grain: number; grainCount: number }[] = [];
    for (const grain of [...grains].sort((a, b) => a - b)) {
      const last = records.at(-1);
      if (last !== undefined && last.grain + last.grainCount === grain) last.grainCount++;
      else records.push({ kind: 'zero', grain, grainCount: 1 });
    }
    for (let from = 0; from < records.length; from += GROUP_RUNS)
      await this.#done.save(records.slice(from, from + GROUP_RUNS) satisfies GrainRecord[], []);
  }
}
