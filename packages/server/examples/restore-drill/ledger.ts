import type { BlockDevice } from '@lunbox/block';
import type { QuiesceDriver, Suspension } from '@lunbox/device-manager';

const RECORD_BYTES = 4096;
const LIMIT = 4096;

/**
 * The application of the drill: it writes one numbered record after the other to a disk, and lets the device manager
 * suspend it between two of them.
 */
export class Ledger implements QuiesceDriver {
  readonly name = 'ledger';
  readonly layer = 'application';
  /** The longest time from one record to the next. */
  longestPauseMs = 0;
  /** How many there were when it was last suspended. */
  recordsAtRest = 0;
  readonly #disk: BlockDevice;
  #records = 0;
  #stopped = false;
  #paused = false;
  /** The end of the record that is being written. */
  #writing: Promise<void> = Promise.resolve();

  constructor(disk: BlockDevice) {
    this.#disk = disk;
  }

  /** Writes records until it is stopped. */
  async run(): Promise<void> {
    let lastMs = performance.now();
    while (!this.#stopped && this.#records < LIMIT) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (this.#paused) continue;
      this.#writing = this.#append();
      await this.#writing;
      this.longestPauseMs = Math.max(this.longestPauseMs, performance.now() - lastMs);
      lastMs = performance.now();
    }
  }

  /** Writes no more. */
  stop(): void {
    this.#stopped = true;
  }

  /** All that was answered is on the disk, and nothing is under way. */
  async suspend(): Promise<Suspension> {
    this.#paused = true;
    await this.#writing;
    await this.#disk.flush();
    this.recordsAtRest = this.#records;
    return {
      resume: () => {
        this.#paused = false;
        return Promise.resolve(true);
      },
    };
  }

  /** Somebody else's mistake: nothing of it is left. The application waits, as one whose data is damaged does. */
  async destroy(): Promise<void> {
    this.#paused = true;
    await this.#writing;
    const rubbish = new Uint8Array(1 << 20).fill(0xee);
    for (let offset = 0; offset < LIMIT * RECORD_BYTES; offset += rubbish.length)
      await this.#disk.write([rubbish], offset);
  }

  /** Goes on behind the last record that is there. */
  async recover(): Promise<void> {
    this.#records = await this.count();
    this.#paused = false;
  }

  /** Records that can be read, from the first one on. */
  async count(): Promise<number> {
    const record = new Uint8Array(RECORD_BYTES);
    for (let index = 0; index < LIMIT; index++) {
      await this.#disk.read([record], index * RECORD_BYTES);
      if (new DataView(record.buffer).getUint32(0) !== index + 1) return index;
    }
    return LIMIT;
  }

  async #append(): Promise<void> {
    const record = new Uint8Array(RECORD_BYTES);
    new DataView(record.buffer).setUint32(0, this.#records + 1);
    await this.#disk.write([record], this.#records * RECORD_BYTES);
    this.#records++;
  }
}
