import { randomBelow, type Random } from '../random.ts';
import { CHUNK_LENGTH, SparseBytes } from '../sparse-bytes.ts';
import { UnsyncedRanges } from './unsynced-ranges.ts';

/** What a disk writes whole or not at all, when it is a good one. */
export const SECTOR_LENGTH = 512;

/** What becomes of one unsynced sector. */
export type SectorFate = 'kept' | 'lost' | 'torn';

const FATES: readonly SectorFate[] = ['kept', 'lost', 'torn'];

/** The content of a file twice: as programs see it, and as the medium has it. */
export class SimulatedInode {
  readonly number: bigint;
  readonly birthTimeNs: bigint;
  mtimeNs: bigint;
  /** Nobody may open it for writing. */
  readOnly = false;
  readonly #live = new SparseBytes();
  readonly #medium = new SparseBytes();
  #size = 0;
  #mediumSize = 0;
  readonly #unsynced = new UnsyncedRanges(SECTOR_LENGTH);
  /** Changes that a failed sync gave up: no later sync writes them unless they are made again; they may be there. */
  readonly #forgotten = new UnsyncedRanges(SECTOR_LENGTH);

  constructor(number: bigint, timeNs: bigint) {
    this.number = number;
    this.birthTimeNs = timeNs;
    this.mtimeNs = timeNs;
  }

  get size(): number {
    return this.#size;
  }

  get allocatedBytes(): number {
    return this.#live.allocatedBytes;
  }

  /** Fills the buffers; answers how many bytes there were before the end of the file. */
  read(into: readonly Uint8Array[], offset: number, length: number): number {
    this.#live.read(into, offset);
    return Math.max(0, Math.min(length, this.#size - offset));
  }

  write(from: readonly Uint8Array[], offset: number, length: number): void {
    this.#live.write(from, offset);
    this.#unsynced.add(offset, length);
    this.#size = Math.max(this.#size, offset + length);
  }

  /** Zeroes a range inside the file, as a hole or in place. */
  zero(offset: number, length: number, hole: boolean): void {
    const inside = Math.max(0, Math.min(length, this.#size - offset));
    if (hole) this.#live.clear(offset, inside);
    else this.#live.fillZero(offset, inside);
    this.#unsynced.add(offset, inside);
  }

  /** Takes the space of a range inside the file. */
  allocate(offset: number, length: number): void {
    const inside = Math.max(0, Math.min(length, this.#size - offset));
    this.#live.reserve(offset, inside);
    this.#unsynced.add(offset, inside);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.#size) {
      this.#live.clear(sizeBytes, this.#size - sizeBytes);
      this.#unsynced.add(sizeBytes, this.#size - sizeBytes);
    }
    this.#size = sizeBytes;
  }

  /** First stored byte at or after `offset`, or Infinity. */
  seekData(offset: number): number {
    const data = Math.max(offset, this.#live.nextChunk(offset));
    return data < this.#size ? data : Infinity;
  }

  /** First byte of a hole at or after `offset`; the end of the file is one. */
  seekHole(offset: number): number {
    if (offset >= this.#size) return Infinity;
    let at = offset;
    while (at < this.#size && this.#live.nextChunk(at) <= at) {
      at = (Math.floor(at / CHUNK_LENGTH) + 1) * CHUNK_LENGTH;
    }
    return Math.min(at, this.#size);
  }

  sync(): void {
    for (const run of this.#unsynced.runs()) {
      this.#medium.copyFrom(this.#live, run.start, run.end - run.start);
      this.#forgotten.remove(run);
    }
    this.#unsynced.clear();
    this.#mediumSize = this.#size;
  }

  /** A sync that failed: as Linux does, the changes count as clean from now on, written or not. */
  failSync(): void {
    this.#forgotten.addAll(this.#unsynced);
    this.#unsynced.clear();
  }

  /** Changes that a failed sync gave up are no longer shown: what is read is what the medium has. */
  dropCache(offset: number, length: number): void {
    const dropped = new UnsyncedRanges(SECTOR_LENGTH);
    for (const run of this.#forgotten.runs()) {
      const [start, end] = [Math.max(run.start, offset), Math.min(run.end, offset + length)];
      if (start < end) dropped.add(start, end - start);
    }
    // What was written again since is to be written back, and stays.
    for (const run of this.#unsynced.runs()) dropped.remove(run);
    for (const run of dropped.runs()) {
      this.#live.copyFrom(this.#medium, run.start, run.end - run.start);
      this.#forgotten.remove(run);
    }
  }

  /** The kernel writes some of the changes back by itself; each sector arrives or does not. */
  writeBack(random: Random): void {
    this.#settle(this.#unsynced, () => (randomBelow(random, 2) === 0 ? 'kept' : 'lost'), random);
  }

  /** The power goes: each unsynced sector is kept, lost or torn, the size is the new or the old one. */
  crash(random: Random): void {
    const fate = (): SectorFate => FATES[randomBelow(random, FATES.length)] ?? 'lost';
    this.#unsynced.addAll(this.#forgotten);
    this.#settle(this.#unsynced, fate, random);
    if (randomBelow(random, 2) === 0) this.#mediumSize = this.#size;
    this.#unsynced.clear();
    this.#forgotten.clear();
    this.#size = this.#mediumSize;
    this.#medium.clear(this.#size, Infinity);
    this.#live.clear(0, Infinity);
    this.#live.copyFrom(this.#medium, 0, Infinity);
  }

  #settle(ranges: UnsyncedRanges, fate: () => SectorFate, random: Random): void {
    for (const { start, end } of ranges.runs()) {
      // Only where one of the two has a chunk can a sector differ, however large the range is.
      let at = start;
      while (at < end) {
        const next = Math.min(this.#live.nextChunk(at), this.#medium.nextChunk(at));
        at = Math.max(at, next);
        const until = Math.min(end, (Math.floor(at / CHUNK_LENGTH) + 1) * CHUNK_LENGTH);
        for (; at < until; at += SECTOR_LENGTH) this.#settleSector(at, fate(), random);
      }
    }
  }

  #settleSector(offset: number, fate: SectorFate, random: Random): void {
    if (fate === 'kept') this.#medium.copyFrom(this.#live, offset, SECTOR_LENGTH);
    if (fate === 'torn') this.#medium.write([this.#torn(offset, random)], offset);
  }

  /** Its first part new and the rest old, or nothing that anybody wrote. */
  #torn(offset: number, random: Random): Uint8Array {
    if (randomBelow(random, 2) === 0) return random.bytes(SECTOR_LENGTH);
    const sector = new Uint8Array(SECTOR_LENGTH);
    this.#medium.read([sector], offset);
    this.#live.read([sector.subarray(0, randomBelow(random, SECTOR_LENGTH))], offset);
    return sector;
  }
}
