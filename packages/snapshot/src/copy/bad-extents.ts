/** Bytes of a snapshot that are not what they were. */
export interface BadExtent {
  readonly offset: number;
  readonly length: number;
  /**
   * `damaged`: its checksum is wrong; `lost`: the medium lost it in a crash, and reading it is refused; `unreadable`:
   * the medium does not give it.
   */
  readonly reason: 'damaged' | 'lost' | 'unreadable';
}

const LIST_LIMIT = 1024;

/** Collects bad grains: each once, whatever else is found of it. Knows no more of them than it has to. */
export class BadExtents {
  readonly #grainBytes: number;
  readonly #size: number;
  readonly #reasons = new Map<number, BadExtent['reason']>();
  #bytes = 0;

  constructor(grainBytes: number, size: number) {
    this.#grainBytes = grainBytes;
    this.#size = size;
  }

  /** All that is bad; where there is more than can be listed, some of it may be counted twice. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes a grain. */
  add(grain: number, reason: BadExtent['reason']): void {
    if (this.#reasons.has(grain)) return;
    const length = Math.min(this.#grainBytes, this.#size - grain * this.#grainBytes);
    if (length <= 0) return;
    this.#bytes += length;
    if (this.#reasons.size < LIST_LIMIT * 64) this.#reasons.set(grain, reason);
  }

  /** Ascending, adjoining ones of one reason as one, the first 1024. */
  list(): BadExtent[] {
    const extents: BadExtent[] = [];
    for (const [grain, reason] of [...this.#reasons].sort(([a], [b]) => a - b)) {
      const offset = grain * this.#grainBytes;
      const length = Math.min(this.#grainBytes, this.#size - offset);
      const last = extents.at(-1);
      if (last?.reason === reason && last.offset + last.length === offset)
        extents[extents.length - 1] = { ...last, length: last.length + length };
      else extents.push({ offset, length, reason });
    }
    return extents.slice(0, LIST_LIMIT);
  }
}
