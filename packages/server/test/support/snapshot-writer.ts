import { SeededRandom } from '@lunbox/block';
import type { IscsiDisk } from '@lunbox/iscsi-initiator';

/** What is written at a time, each time with a number of its own in every word. */
export const STAMP_BYTES = 4096;

/** One write: when it was sent and when it was answered, in ticks of one clock. */
interface JournalEntry {
  readonly stamp: number;
  readonly sentAt: number;
  doneAt: number;
}

/** When a snapshot was asked for, and when it was there, by the same clock. */
export interface SnapshotMoment {
  readonly askedAt: number;
  readonly thereAt: number;
}

/**
 * Writes stamped blocks all over a part of a disk, several at a time, and keeps a journal: what a snapshot that was
 * taken meanwhile may have, and must have, follows from it.
 */
export class SnapshotWriter {
  readonly #disk: IscsiDisk;
  readonly #startBytes: number;
  readonly #blocks: JournalEntry[][];
  readonly #random: SeededRandom;
  #tick = 0;
  #stamp = 0;
  #stopped = false;

  constructor(disk: IscsiDisk, startBytes: number, lengthBytes: number, seed: number) {
    this.#disk = disk;
    this.#startBytes = startBytes;
    this.#blocks = Array.from({ length: lengthBytes / STAMP_BYTES }, () => []);
    this.#random = new SeededRandom(seed);
  }

  /** Writes that have been answered. */
  get writes(): number {
    return this.#blocks.flat().filter(({ doneAt }) => doneAt < Infinity).length;
  }

  /** The next moment of the clock. */
  now(): number {
    return ++this.#tick;
  }

  /** Goes on until it is stopped; each of the workers has blocks of its own. */
  async run(workers: number): Promise<void> {
    await Promise.all(Array.from({ length: workers }, (_, worker) => this.#work(worker, workers)));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Checks the content of a snapshot. Answers what is wrong with it. */
  faultsOf(content: Uint8Array, { askedAt, thereAt }: SnapshotMoment): string[] {
    const found = this.#blocks.map((journal, block) =>
      journal.find(({ stamp }) => stamp === stampOf(content, block)),
    );
    const latest = Math.max(0, ...found.map((entry) => entry?.sentAt ?? 0));
    return this.#blocks.flatMap((journal, block) => {
      const stamp = stampOf(content, block);
      const entry = found[block];
      if (entry === undefined && stamp !== 0)
        return [`block ${block} has ${stamp}, which was never written there`];
      if (entry !== undefined && entry.sentAt > thereAt) return [`block ${block} has what was written later`];
      // What was answered before, or before anything that is in the snapshot was sent, has to be in it.
      const due = journal.findLast(({ doneAt }) => doneAt < Math.max(askedAt, latest));
      if (due !== undefined && due.sentAt > (entry?.sentAt ?? 0))
        return [`block ${block} lacks ${due.stamp}`];
      return [];
    });
  }

  async #work(worker: number, workers: number): Promise<void> {
    const own = this.#blocks.length / workers;
    while (!this.#stopped) {
      const block = worker * own + (Buffer.from(this.#random.bytes(4)).readUInt32BE() % own);
      const stamp = ++this.#stamp;
      const words = new Uint32Array(STAMP_BYTES / 4).fill(stamp);
      const entry: JournalEntry = { stamp, sentAt: this.now(), doneAt: Infinity };
      this.#blocks[block]!.push(entry);
      await this.#disk.write([new Uint8Array(words.buffer)], this.#startBytes + block * STAMP_BYTES);
      entry.doneAt = this.now();
    }
  }
}

/** The stamp of a block; NaN where it has several. */
function stampOf(content: Uint8Array, block: number): number {
  const words = new Uint32Array(
    new Uint8Array(content.subarray(block * STAMP_BYTES, (block + 1) * STAMP_BYTES)).buffer,
  );
  return words.every((word) => word === words[0]) ? words[0]! : NaN;
}
