/** Logical block length of the simulated disk. */
export const BLOCK_BYTES = 512;
const WORDS = BLOCK_BYTES / 4;

/** A write from its call to its outcome. */
export interface ModelWrite {
  /** Stamp in every block that it writes; 0 is what a block holds at first. */
  readonly stamp: number;
  readonly block: number;
  readonly count: number;
  /** For each block, stamps of writes that overlap with this one in time. */
  readonly rivals: Set<number>[];
  readonly owner: number;
}

/** A write in doubt: until its owner has had an answer to something later, it may still happen. */
interface Lingering {
  readonly write: ModelWrite;
  readonly since: number;
}

/** A read from its call to its outcome. */
export interface ModelRead {
  readonly block: number;
  readonly count: number;
  /** For each block, stamps that it may hold. */
  readonly allowed: Set<number>[];
}

/**
 * What each block may hold. A write that succeeds replaces all that was before it; one that fails may have
 * happened or not; writes that overlap in time have no order. A read may see whatever was possible at some time
 * between its call and its outcome.
 */
export class DiskModel {
  readonly #possible: Set<number>[];
  readonly #writes = new Set<ModelWrite>();
  readonly #reads = new Set<ModelRead>();
  #lingering: Lingering[] = [];
  #stamps = 0;
  #time = 0;

  constructor(blockCount: number) {
    this.#possible = Array.from({ length: blockCount }, () => new Set([0]));
  }

  /** The time of the model: it goes on with every request. */
  now(): number {
    return ++this.#time;
  }

  /** A request of `owner` that began at `since` has been answered: what was in doubt before that is over. */
  answered(owner: number, since: number): void {
    this.#lingering = this.#lingering.filter(
      (lingering) => lingering.write.owner !== owner || lingering.since >= since,
    );
  }

  beginWrite(owner: number, block: number, count: number): ModelWrite {
    const stamp = ++this.#stamps;
    const rivals = Array.from({ length: count }, () => new Set<number>());
    const write = { stamp, block, count, rivals, owner };
    // Its own doubtful writes cannot overtake what an initiator sends later; those of another one can.
    for (const { write: other } of this.#lingering) {
      if (other.owner !== owner) forShared(write, other, (ours) => rivals[ours]?.add(other.stamp));
    }
    for (const other of this.#writes) {
      forShared(write, other, (ours, theirs) => {
        rivals[ours]?.add(other.stamp);
        other.rivals[theirs]?.add(stamp);
      });
    }
    for (const read of this.#reads)
      forShared(write, read, (_ours, theirs) => read.allowed[theirs]?.add(stamp));
    for (let at = 0; at < count; at++) this.#possible[block + at]?.add(stamp);
    this.#writes.add(write);
    return write;
  }

  /** The write has ended: done, not even begun, or in doubt. */
  endWrite(write: ModelWrite, outcome: 'done' | 'nothing' | 'doubt'): void {
    this.#writes.delete(write);
    const { stamp, block, count, rivals } = write;
    if (outcome === 'doubt') this.#lingering.push({ write, since: this.now() });
    for (let at = 0; at < count; at++) {
      if (outcome === 'done') this.#possible[block + at] = new Set([stamp, ...(rivals[at] as Set<number>)]);
      else if (outcome === 'nothing') this.#possible[block + at]?.delete(stamp);
    }
  }

  beginRead(block: number, count: number): ModelRead {
    const allowed = Array.from({ length: count }, (_, at) => new Set(this.#possible[block + at]));
    const read = { block, count, allowed };
    this.#reads.add(read);
    return read;
  }

  /**
   * The read has ended; with `data` it must have seen what it may. Returns what is wrong. `inPieces`: a block may
   * have been read in parts, between which a write may have come.
   */
  endRead(read: ModelRead, data: Uint8Array | undefined, inPieces: boolean): string | undefined {
    this.#reads.delete(read);
    if (data === undefined) return undefined;
    for (let at = 0; at < read.count; at++) {
      const allowed = read.allowed[at] as Set<number>;
      const wrong = wrongBlock(data, at, read.block + at, allowed);
      const torn = wrong !== undefined && inPieces && isMixture(data, at, read.block + at, allowed);
      if (wrong !== undefined && !torn) return wrong;
    }
    return undefined;
  }

  /** Holds the whole disk against what it may be, when nothing is at work. */
  verdict(disk: Uint8Array): string | undefined {
    for (let block = 0; block < this.#possible.length; block++) {
      const wrong = wrongBlock(disk, block, block, this.#possible[block] as Set<number>);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
}

/** Fills blocks as a write with this stamp has them: no two words alike, on no two blocks. */
export function fillBlocks(into: Uint8Array, stamp: number, block: number): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length / 4);
  for (let at = 0; at < words.length; at++) {
    const inBlock = at % WORDS;
    words[at] = inBlock === 0 ? stamp : wordOf(stamp, block + Math.floor(at / WORDS), inBlock);
  }
}

/** The stamp of a block; it says nothing about the rest of the block. */
export function stampOf(disk: Uint8Array, block: number): number {
  return new Uint32Array(disk.buffer, disk.byteOffset + block * BLOCK_BYTES, 1)[0] as number;
}

function wordOf(stamp: number, block: number, word: number): number {
  return (Math.imul(stamp, 0x9e3779b1) ^ Math.imul(block + 1, 0x85ebca6b)) + Math.imul(word, 0x27d4eb2f);
}

function wrongBlock(data: Uint8Array, at: number, block: number, allowed: Set<number>): string | undefined {
  const words = new Uint32Array(data.buffer, data.byteOffset + at * BLOCK_BYTES, WORDS);
  const stamp = words[0] as number;
  if (!allowed.has(stamp)) {
    return `block ${block} has stamp ${stamp}, and may have ${[...allowed].join(', ')}`;
  }
  for (let word = 1; word < WORDS; word++) {
    const expected = stamp === 0 ? 0 : wordOf(stamp, block, word) >>> 0;
    if (words[word] !== expected) return `block ${block} with stamp ${stamp} is wrong at word ${word}`;
  }
  return undefined;
}

/** True when every word is as one of the allowed writes has it. */
function isMixture(data: Uint8Array, at: number, block: number, allowed: Set<number>): boolean {
  const words = new Uint32Array(data.buffer, data.byteOffset + at * BLOCK_BYTES, WORDS);
  const isOf = (stamp: number, word: number): boolean => {
    const expected = word === 0 ? stamp : stamp === 0 ? 0 : wordOf(stamp, block, word) >>> 0;
    return words[word] === expected;
  };
  return words.every((_, word) => [...allowed].some((stamp) => isOf(stamp, word)));
}

interface Range {
  readonly block: number;
  readonly count: number;
}

function forShared(a: Range, b: Range, visit: (inA: number, inB: number) => void): void {
  const from = Math.max(a.block, b.block);
  const to = Math.min(a.block + a.count, b.block + b.count);
  for (let block = from; block < to; block++) visit(block - a.block, block - b.block);
}
