/** A run of bytes, `start` up to and not including `end`. */
export interface ByteRun {
  readonly start: number;
  readonly end: number;
}

/** Runs are merged whenever this many more have gathered, so that the list stays short. */
const MERGE_EVERY = 256;

/** The parts of a file that changed since its last sync, in whole sectors. */
export class UnsyncedRanges {
  readonly #sector: number;
  #runs: ByteRun[] = [];
  #mergeAt = MERGE_EVERY;

  constructor(sector: number) {
    this.#sector = sector;
  }

  /** Adds the sectors that the range touches. */
  add(offset: number, length: number): void {
    if (length === 0) return;
    const start = Math.floor(offset / this.#sector) * this.#sector;
    const end = Math.ceil((offset + length) / this.#sector) * this.#sector;
    this.#runs.push({ start, end });
    if (this.#runs.length >= this.#mergeAt) {
      this.#runs = merge(this.#runs);
      this.#mergeAt = this.#runs.length + MERGE_EVERY;
    }
  }

  /** Takes over those of another list. */
  addAll(other: UnsyncedRanges): void {
    for (const run of other.#runs) this.add(run.start, run.end - run.start);
  }

  /** Takes the sectors of a run out, which are whole ones. */
  remove({ start, end }: ByteRun): void {
    this.#runs = this.#runs.flatMap((run) => {
      if (run.end <= start || run.start >= end) return [run];
      const parts = [
        { start: run.start, end: start },
        { start: end, end: run.end },
      ];
      return parts.filter((part) => part.start < part.end);
    });
  }

  /** The runs in order, none touching another. */
  runs(): readonly ByteRun[] {
    this.#runs = merge(this.#runs);
    return this.#runs;
  }

  clear(): void {
    this.#runs = [];
  }
}

function merge(runs: readonly ByteRun[]): ByteRun[] {
  const merged: ByteRun[] = [];
  for (const run of [...runs].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last === undefined || run.start > last.end) merged.push(run);
    else if (run.end > last.end) merged[merged.length - 1] = { start: last.start, end: run.end };
  }
  return merged;
}
