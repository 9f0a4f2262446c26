import { MemoryDevice, randomBelow, type Clock, type Random } from '@lunbox/block';

/**
 * Memory with a cache: what was not flushed is kept or lost, block by block, when the power goes. Requests take their
 * time, and end in any order.
 */
export class VolatileDevice extends MemoryDevice {
  readonly #durable: Uint8Array;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Counts what makes something durable, and from which of these each block is. */
  #moment = 0;
  readonly #keptAt: number[] = [];
  /** Requests of an earlier life do nothing any more. */
  #life = 0;

  constructor(sizeBytes: number, clock: Clock, random: Random) {
    super({ size: sizeBytes });
    this.#durable = new Uint8Array(sizeBytes);
    this.#clock = clock;
    this.#random = random;
  }

  override async read(into: readonly Uint8Array[], offset: number): Promise<void> {
    await this.#delay();
    void super.read(into, offset);
  }

  override async write(
    from: readonly Uint8Array[],
    offset: number,
    options: { fua?: boolean } = {},
  ): Promise<void> {
    const copy = Uint8Array.from(Buffer.concat(from));
    await this.#delay();
    void super.write([copy], offset);
    if (options.fua === true) this.#keep(copy, offset, ++this.#moment);
  }

  override async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#delay();
    void super.write([new Uint8Array(length)], offset);
  }

  override async unmap(offset: number, length: number): Promise<void> {
    await this.writeZeroes(offset, length);
  }

  override async flush(): Promise<void> {
    // What is written from now on need not be durable.
    const now = this.#content();
    const moment = ++this.#moment;
    await this.#delay();
    this.#keep(now, 0, moment);
  }

  /** The program that used it is gone: nothing that it had under way happens any more. */
  abandon(): void {
    this.#life++;
  }

  /** The power goes: each block is what it was, or what was flushed last; nothing that is under way happens. */
  crash(): void {
    this.abandon();
    const now = this.#content();
    for (let at = 0; at < now.length; at += this.blockSize)
      if (randomBelow(this.#random, 2) === 0) now.set(this.#durable.subarray(at, at + this.blockSize), at);
    this.#durable.set(now);
    void super.write([now], 0);
  }

  /** Makes content of a moment durable; what is durable of a later moment stays. */
  #keep(content: Uint8Array, offset: number, moment: number): void {
    for (let at = 0; at < content.length; at += this.blockSize) {
      const block = (offset + at) / this.blockSize;
      if ((this.#keptAt[block] ?? 0) > moment) continue;
      this.#keptAt[block] = moment;
      this.#durable.set(content.subarray(at, at + this.blockSize), offset + at);
    }
  }

  #content(): Uint8Array {
    const content = new Uint8Array(this.size);
    void super.read([content], 0);
    return content;
  }

  async #delay(): Promise<void> {
    const life = this.#life;
    await new Promise<void>((resolve) => {
      const isSlow = randomBelow(this.#random, 10) === 0;
      this.#clock.setTimer(randomBelow(this.#random, isSlow ? 500 : 30), () => {
        if (life === this.#life) resolve();
      });
    });
  }
}
