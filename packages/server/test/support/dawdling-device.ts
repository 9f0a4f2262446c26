import { MemoryDevice, SeededRandom } from '@lunbox/block';

/** Memory that takes a while for each write, never the same, so that many are at work and overtake each other. */
export class DawdlingDevice extends MemoryDevice {
  readonly #mostMs: number;
  readonly #random = new SeededRandom(1);

  constructor(sizeBytes: number, mostMs: number) {
    super({ size: sizeBytes });
    this.#mostMs = mostMs;
  }

  override async write(from: readonly Uint8Array[], offset: number): Promise<void> {
    const delayMs = (this.#random.uint32() / 2 ** 32) * this.#mostMs;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await super.write(from, offset);
  }
}
