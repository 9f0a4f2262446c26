import { settle, synchronizeCache } from '../bench/disk.ts';
import { Initiator, type InitiatorOptions } from '../bench/initiator.ts';
import { CommandError, Task } from '../bench/task.ts';

/** Bytes that are written and checked as one: eight sectors of 512 bytes. */
export const grainBytes = 4096;
const sectorBytes = 512;
const magic = 0x6c756e62;

/** What the writer knows about one grain of the disk. */
interface Grain {
  /** Newest stamp that was on stable storage by the target's own word (answered before a flush that was answered). */
  flushed: number;
  /** Newest stamp whose write was answered. */
  answered: number;
  /** Newest stamp that was ever sent. */
  sent: number;
  busy: boolean;
}

/** What reading the disk back showed. */
export interface CheckResult {
  readonly grains: number;
  /** Grains with a promise to keep: something in them was flushed. */
  readonly promised: number;
  /** Each sector that broke the promise. */
  readonly violations: readonly string[];
  /** Grains whose newest answered write is gone; allowed without a flush, and worth knowing. */
  readonly unflushedLost: number;
}

/** What each sector of a grain has: its stamp, or else bytes that no write has put there. */
export type SectorStamps = readonly { readonly stamp?: number; readonly foreign?: string }[];

/** What is wrong in what was found, when nothing older than `least` and nothing newer than `most` may be there. */
export function violationsOf(
  found: readonly SectorStamps[],
  least: readonly number[],
  most: readonly number[],
): string[] {
  return found.flatMap((sectors, grain) =>
    sectors.flatMap(({ stamp, foreign }, sector) => {
      if (stamp !== undefined && stamp >= least[grain]! && stamp <= most[grain]!) return [];
      const what = stamp === undefined ? `foreign bytes ${foreign}` : `stamp ${stamp}`;
      return [`grain ${grain} sector ${sector}: ${what}, flushed ${least[grain]}, sent ${most[grain]}`];
    }),
  );
}

function oldestOf(sectors: SectorStamps): number {
  return Math.min(...sectors.map(({ stamp = 0 }) => stamp));
}

function stampsOf(data: Buffer, grain: number, at: number): SectorStamps {
  return Array.from({ length: 8 }, (_, sector) => {
    const start = at + sector * sectorBytes;
    const stamp = readStamp(data, start, grain, sector);
    return stamp === undefined ? { foreign: data.toString('hex', start, start + 16) } : { stamp };
  });
}

/**
 * Writes stamped sectors at random places, flushes now and then, and remembers what the target has promised, across
 * any number of crashes of the target. One write at a time is in flight per grain, so that order is defined.
 */
export class StampedWriter {
  readonly #grains: Grain[];
  #random: number;
  #stamp = 0;
  #flushes = 0;

  constructor(grainCount: number, seed: number) {
    this.#grains = Array.from({ length: grainCount }, () => ({
      flushed: 0,
      answered: 0,
      sent: 0,
      busy: false,
    }));
    this.#random = seed | 1;
  }

  /** Writes answered and flushes answered so far. */
  get progress(): { readonly stamps: number; readonly flushes: number } {
    return { stamps: this.#stamp, flushes: this.#flushes };
  }

  /** Keeps `depth` writes and one flusher busy until the connection breaks; `onBegun` is called when they are. */
  async writeUntilCut(
    target: InitiatorOptions,
    depth: number,
    onBegun: () => void = () => undefined,
  ): Promise<void> {
    const initiator = await Initiator.connect(target);
    await settle(initiator);
    for (const grain of this.#grains) grain.busy = false;
    for (let slot = 0; slot < depth; slot++) this.#writeNext(initiator, new Task());
    void this.#flushForever(initiator);
    onBegun();
    await initiator.closed;
  }

  /** The newest stamp of each grain whose write was answered. */
  answered(): readonly number[] {
    return this.#grains.map((grain) => grain.answered);
  }

  /** The newest stamp of each grain that was sent. */
  sent(): readonly number[] {
    return this.#grains.map((grain) => grain.sent);
  }

  /** Reads everything back and holds it against what was promised. */
  async check(target: InitiatorOptions): Promise<CheckResult> {
    const found = await this.read(target);
    const flushed = this.#grains.map((grain) => grain.flushed);
    const violations = violationsOf(found, flushed, this.sent());
    let unflushedLost = 0;
    this.#grains.forEach((grain, index) => {
      const oldest = oldestOf(found[index]!);
      if (oldest < grain.answered) unflushedLost++;
      // What a crash left is the truth from now on, and reading it made no promise.
      grain.answered = Math.min(grain.answered, oldest);
    });
    const promised = flushed.filter((stamp) => stamp > 0).length;
    return { grains: found.length, promised, violations, unflushedLost };
  }

  /** Takes what is there for what was written, and for flushed: the disk was set back, durably. */
  adopt(found: readonly SectorStamps[]): void {
    this.#grains.forEach((grain, index) => {
      grain.flushed = oldestOf(found[index]!);
      grain.answered = grain.flushed;
      grain.sent = Math.max(...found[index]!.map(({ stamp = 0 }) => stamp));
    });
  }

  /** Reads all grains of a LUN. */
  async read(target: InitiatorOptions): Promise<SectorStamps[]> {
    const initiator = await Initiator.connect(target);
    await settle(initiator);
    const found: SectorStamps[] = [];
    const task = new Task();
    const perRead = 32;
    task.data = Buffer.alloc(perRead * grainBytes);
    for (let first = 0; first < this.#grains.length; first += perRead) {
      const count = Math.min(perRead, this.#grains.length - first);
      task.setTransfer('read', first * 8, count * 8, count * grainBytes);
      await initiator.execute(task);
      if (task.status !== 0) throw new CommandError(task);
      for (let index = first; index < first + count; index++)
        found.push(stampsOf(task.data, index, (index - first) * grainBytes));
    }
    await initiator.logout();
    return found;
  }

  #writeNext(initiator: Initiator, task: Task): void {
    const index = this.#pick();
    const grain = this.#grains[index]!;
    const stamp = ++this.#stamp;
    grain.busy = true;
    grain.sent = stamp;
    task.data ??= Buffer.alloc(grainBytes);
    for (let sector = 0; sector < 8; sector++)
      writeStamp(task.data, sector * sectorBytes, index, sector, stamp);
    task.setTransfer('write', index * 8, 8, grainBytes);
    task.onDone = () => {
      // A refused write promises nothing; the place is tried again later.
      if (task.status === 0 && task.response === 0) grain.answered = stamp;
      grain.busy = false;
      this.#writeNext(initiator, task);
    };
    initiator.submit(task);
  }

  async #flushForever(initiator: Initiator): Promise<void> {
    try {
      for (;;) {
        const promised = this.#grains.map((grain) => grain.answered);
        await synchronizeCache(initiator);
        promised.forEach((stamp, index) => {
          const grain = this.#grains[index]!;
          grain.flushed = Math.max(grain.flushed, stamp);
        });
        this.#flushes++;
      }
    } catch (error) {
      if (error instanceof CommandError) throw error;
      // The connection is gone: that is how this loop ends.
    }
  }

  #pick(): number {
    for (;;) {
      let x = this.#random;
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      this.#random = x;
      const index = (x >>> 0) % this.#grains.length;
      if (!this.#grains[index]!.busy) return index;
    }
  }
}

/** Fills a sector so that every 16 bytes of it name the grain, the sector and the stamp. */
function writeStamp(into: Buffer, at: number, grain: number, sector: number, stamp: number): void {
  for (let offset = at; offset < at + sectorBytes; offset += 16) {
    into.writeUInt32BE(magic, offset);
    into.writeUInt32BE(grain, offset + 4);
    into.writeUInt32BE(sector, offset + 8);
    into.writeUInt32BE(stamp, offset + 12);
  }
}

/** The stamp of a sector; 0 for a sector never written; `undefined` when its bytes are no whole stamp of that place. */
function readStamp(from: Buffer, at: number, grain: number, sector: number): number | undefined {
  const stamp = from.readUInt32BE(at + 12);
  const expected = Buffer.alloc(sectorBytes);
  if (stamp !== 0) writeStamp(expected, 0, grain, sector, stamp);
  return from.compare(expected, 0, sectorBytes, at, at + sectorBytes) === 0 ? stamp : undefined;
}
