/**
 * A part of a command that is done at one moment: all of an atomic command, one block of any other. Blocks hold
 * numbers here, of which every one is written once.
 */
export interface Part {
  readonly blocks: readonly number[];
  /** Moments between which it is done. */
  readonly begin: number;
  readonly end: number;
  /** It may not be done at all: its command was aborted, or failed. */
  readonly optional: boolean;
  /** Parts that must be done before, by their index. */
  readonly after: readonly number[];
  /** Takes what the blocks hold and gives what they hold then; undefined: that cannot have been. */
  readonly act: (found: readonly number[]) => readonly number[] | undefined;
  /** Changes nothing, so that it can be done as soon as it fits. */
  readonly reads: boolean;
}

/**
 * Whether there is an order of the parts that explains what was found, beginning with `blocks`: each part at one moment
 * between its begin and its end (Herlihy and Wing). Parts that share no block have nothing to do with each other.
 */
export function isLinearizable(parts: readonly Part[], blocks: readonly number[]): boolean {
  return groups(parts, blocks.length).every((group) => new Search(group, parts, blocks).succeeds());
}

/** The indices of parts that share blocks, directly or by way of others. */
function groups(parts: readonly Part[], blockCount: number): number[][] {
  const root = Array.from({ length: blockCount }, (_, block) => block);
  const find = (block: number): number => {
    let at = block;
    while (root[at] !== at) at = root[at]!;
    return at;
  };
  for (const { blocks } of parts) for (const block of blocks) root[find(block)] = find(blocks[0]!);
  const byRoot = new Map<number, number[]>();
  parts.forEach(({ blocks }, index) => {
    const at = find(blocks[0]!);
    const group = byRoot.get(at);
    if (group === undefined) byRoot.set(at, [index]);
    else group.push(index);
  });
  return [...byRoot.values()];
}

class Search {
  readonly #parts: readonly Part[];
  /** For each part those that come before it, as bits. */
  readonly #before: readonly bigint[];
  readonly #tried = new Set<string>();
  readonly #initial: readonly number[];

  constructor(group: readonly number[], all: readonly Part[], blocks: readonly number[]) {
    this.#parts = group.map((index) => all[index]!);
    this.#initial = blocks;
    const position = new Map(group.map((index, at) => [index, at]));
    this.#before = this.#parts.map((part) => {
      let bits = 0n;
      this.#parts.forEach((other, at) => {
        if (other.end < part.begin) bits |= 1n << BigInt(at);
      });
      for (const index of part.after) {
        const at = position.get(index);
        if (at !== undefined) bits |= 1n << BigInt(at);
      }
      return bits;
    });
  }

  succeeds(): boolean {
    return this.#from(0n, [...this.#initial]);
  }

  #from(doneBefore: bigint, blocks: readonly number[]): boolean {
    const done = this.#doReads(doneBefore, blocks);
    if (this.#parts.every((_, at) => (done & (1n << BigInt(at))) !== 0n)) return true;
    const state = `${done}:${blocks.join()}`;
    if (this.#tried.has(state)) return false;
    this.#tried.add(state);
    for (let at = 0; at < this.#parts.length; at++) {
      const part = this.#parts[at]!;
      const bit = 1n << BigInt(at);
      if ((done & bit) !== 0n) continue;
      // What is never done keeps nothing waiting.
      if (part.optional && this.#from(done | bit, blocks)) return true;
      if ((this.#before[at]! & ~done) !== 0n) continue;
      const next = part.act(part.blocks.map((block) => blocks[block]!));
      if (next !== undefined) {
        const changed = [...blocks];
        part.blocks.forEach((block, index) => (changed[block] = next[index]!));
        if (this.#from(done | bit, changed)) return true;
      }
    }
    return false;
  }

  /** What changes nothing and fits is done at once: later it could only fit less. */
  #doReads(doneBefore: bigint, blocks: readonly number[]): bigint {
    let done = doneBefore;
    for (let again = true; again;) {
      again = false;
      for (let at = 0; at < this.#parts.length; at++) {
        const part = this.#parts[at]!;
        const bit = 1n << BigInt(at);
        if (!part.reads || (done & bit) !== 0n || (this.#before[at]! & ~done) !== 0n) continue;
        if (part.act(part.blocks.map((block) => blocks[block]!)) === undefined) continue;
        done |= bit;
        again = true;
      }
    }
    return done;
  }
}
