import { randomBelow, type Random } from '../random.ts';
import { SeededRandom } from '../simulated/seeded-random.ts';
import type { BlockDevice } from '../block-device.ts';
import { assertBytes, assertCover, readBack, type Rules } from './suite.ts';

const DEFAULT_OPERATIONS = 300;
/** The model only covers the start of a device; long enough for every kind of border. */
const MODEL_BYTES = 1 << 20;

/** One device beside an array of bytes that has to stay equal to it. */
class History {
  readonly #device: BlockDevice;
  readonly #random: Random;
  readonly #model: Uint8Array;

  constructor(device: BlockDevice, random: Random) {
    this.#device = device;
    this.#random = random;
    this.#model = new Uint8Array(Math.min(device.size, MODEL_BYTES));
  }

  async step(): Promise<void> {
    const { offset, length } = this.#range();
    const mayUnmap = randomBelow(this.#random, 2) === 1;
    const steps: readonly (() => Promise<void>)[] = [
      () => this.#write(offset, length),
      () => this.#write(offset, length),
      () => this.#read(offset, length),
      () => this.#zero(offset, length, () => this.#device.unmap(offset, length)),
      () => this.#zero(offset, length, () => this.#device.writeZeroes(offset, length, { mayUnmap })),
      () => this.#extents(offset, length),
      async () => this.#device.flush(),
    ];
    await steps[randomBelow(this.#random, steps.length)]?.();
  }

  async compare(): Promise<void> {
    assertBytes(await readBack(this.#device, 0, this.#model.length), this.#model, 'the whole device');
  }

  #range(): { offset: number; length: number } {
    const { blockSize } = this.#device;
    const blocks = this.#model.length / blockSize;
    const start = randomBelow(this.#random, blocks);
    // Mostly short, now and then anything up to the end.
    const most = randomBelow(this.#random, 8) === 0 ? blocks - start : Math.min(blocks - start, 24);
    const count = 1 + randomBelow(this.#random, most);
    return { offset: start * blockSize, length: count * blockSize };
  }

  async #write(offset: number, length: number): Promise<void> {
    const bytes = new Uint8Array(length).fill(1 + randomBelow(this.#random, 255));
    bytes.set(this.#random.bytes(Math.min(length, 64)));
    const cut = randomBelow(this.#random, length + 1);
    const fua = randomBelow(this.#random, 16) === 0;
    await this.#device.write([bytes.slice(0, cut), bytes.slice(cut)], offset, { fua });
    this.#model.set(bytes, offset);
  }

  async #read(offset: number, length: number): Promise<void> {
    const into = new Uint8Array(length).fill(0xa5);
    const cut = randomBelow(this.#random, length + 1);
    await this.#device.read([into.subarray(0, cut), into.subarray(cut)], offset);
    assertBytes(into, this.#model.subarray(offset, offset + length), `read at ${offset}`);
  }

  async #zero(offset: number, length: number, operation: () => unknown): Promise<void> {
    await operation();
    this.#model.fill(0, offset, offset + length);
  }

  async #extents(offset: number, length: number): Promise<void> {
    const extents = await this.#device.extents(offset, length);
    assertCover(this.#device, extents, offset, offset + length);
    for (const extent of extents) {
      if (extent.state !== 'hole') continue;
      const stored = this.#model.subarray(extent.offset, extent.offset + extent.length);
      assertBytes(stored, new Uint8Array(extent.length), `the hole at ${extent.offset}`);
    }
  }
}

/** Any history of operations leaves the device equal to an array of bytes. */
export const modelRules: Rules = {
  'a random history leaves it equal to an array of bytes': async ({ device }, suite) => {
    const seed = suite.seed ?? 1;
    const history = new History(device, new SeededRandom(seed));
    const operations = suite.operations ?? DEFAULT_OPERATIONS;
    for (let i = 0; i < operations; i++) {
      try {
        await history.step();
        if (i % 50 === 0) await history.compare();
      } catch (error) {
        throw new Error(`seed ${seed}, operation ${i}: ${String(error)}`, { cause: error });
      }
    }
    await history.compare();
  },
};
