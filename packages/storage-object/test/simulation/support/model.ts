/** Bytes of a block of the simulated disks. */
export const BLOCK = 512;

/** What is known of a block: the byte that it is full of, or nothing. */
type Content = number | 'any';

interface Block {
  /** What a crash leaves, as far as that is promised. */
  stable: Content;
  /** What it was filled with since the last flush; then a crash may make anything of it. */
  latest: number | undefined;
}

/** What an object may be like, by all that was answered so far. */
export class Model {
  /** Names that the attributes may have: that of the last change that was answered, and those after it. */
  names: (string | undefined)[] = [undefined];
  /** Capacities, in the same way. */
  sizes: number[];
  /** In hexadecimal; undefined until an object was opened whose new identity is durable. */
  identity: string | undefined;
  readonly #blocks: Block[] = [];

  constructor(sizeBytes: number) {
    this.sizes = [sizeBytes];
    this.extend(sizeBytes);
  }

  /** A model of a copy of the file, as it is now. */
  copy(): Model {
    const copy = new Model(Math.max(...this.sizes));
    copy.names = [...this.names];
    copy.sizes = [...this.sizes];
    for (const [index, { stable, latest }] of this.#blocks.entries()) {
      copy.#blocks[index] = { stable: latest ?? stable, latest: undefined };
    }
    return copy;
  }

  /** New blocks read as zeroes. */
  extend(sizeBytes: number): void {
    while (this.#blocks.length * BLOCK < sizeBytes) this.#blocks.push({ stable: 0, latest: undefined });
  }

  /** The disk turned out to be smaller: what was beyond its end was cut off. */
  cut(sizeBytes: number): void {
    this.#blocks.splice(sizeBytes / BLOCK);
  }

  write(index: number, value: number): void {
    this.#block(index).latest = value;
  }

  /** A write that failed may have happened, in parts. */
  spoil(index: number): void {
    Object.assign(this.#block(index), { stable: 'any', latest: undefined });
  }

  flush(): void {
    for (const block of this.#blocks) {
      block.stable = block.latest ?? block.stable;
      block.latest = undefined;
    }
  }

  /** After a failed sync, or a crash, nobody knows what became of that which was not flushed. */
  forget(): void {
    for (const [index, { latest }] of this.#blocks.entries()) if (latest !== undefined) this.spoil(index);
  }

  /** What was read of blocks of which nothing was known stays, from the next flush on. */
  learn(content: Buffer): void {
    for (const [index, block] of this.#blocks.entries()) {
      const found = content.subarray(index * BLOCK, (index + 1) * BLOCK);
      const value = found[0] ?? 0;
      if (block.stable === 'any' && block.latest === undefined && found.equals(Buffer.alloc(BLOCK, value)))
        block.latest = value;
    }
  }

  /** Says what is wrong with what a disk holds; undefined when nothing is. */
  findFault(content: Buffer): string | undefined {
    for (const [index, { stable, latest }] of this.#blocks.entries()) {
      const wanted = latest ?? stable;
      const block = content.subarray(index * BLOCK, (index + 1) * BLOCK);
      if (wanted !== 'any' && !block.equals(Buffer.alloc(BLOCK, wanted))) {
        return `block ${index} should be full of ${wanted} and begins with ${block.toString('hex', 0, 8)}`;
      }
    }
    return undefined;
  }

  #block(index: number): Block {
    const block = this.#blocks[index];
    if (block === undefined) throw new Error(`the model has no block ${index}`);
    return block;
  }
}
