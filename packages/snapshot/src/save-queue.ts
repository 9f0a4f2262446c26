import { isZero, type BlockDevice } from '@lunbox/block';
import { contentCrcOf, groupBytes, type GrainRecord } from './grain-record.ts';
import { readGrainInto } from './grain.ts';
import type { LogArea } from './log-area.ts';

/** Grains of one group: so much memory does saving take, whatever waits. */
const GROUP_GRAINS = 64;

interface Waiting {
  readonly grains: readonly number[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Saves the content of grains before they are overwritten. What comes while a group is made durable waits for the
 * next one, so that one sync serves all of it.
 */
export class SaveQueue {
  readonly #production: BlockDevice;
  readonly #area: LogArea;
  readonly #claim: (lengthBytes: number) => void;
  readonly #buffer: Uint8Array;
  readonly #waiting: Waiting[] = [];
  #running = false;

  /** @param claim - throws when so many bytes more may not be saved */
  constructor(production: BlockDevice, area: LogArea, claim: (lengthBytes: number) => void) {
    this.#claim = claim;
    this.#production = production;
    this.#area = area;
    this.#buffer = new Uint8Array(GROUP_GRAINS * area.identity.grainBytes);
  }

  /**
   * Completes when all of these grains are saved durably. The caller has locked them, and none is saved yet. Throws as
   * {@link LogArea.save}; some of them may then be saved.
   */
  async save(grains: readonly number[]): Promise<void> {
    for (let from = 0; from < grains.length; from += GROUP_GRAINS)
      await this.#enqueue(grains.slice(from, from + GROUP_GRAINS));
  }

  #enqueue(grains: readonly number[]): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ grains, done, failed });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const taken = this.#take();
      try {
        await this.#saveGroup(taken.flatMap(({ grains }) => grains));
        for (const { done } of taken) done();
      } catch (error) {
        for (const { failed } of taken) failed(error);
      }
    }
    this.#running = false;
  }

  /** As many as fit into one group, in their order. */
  #take(): Waiting[] {
    let count = 0;
    const fits = this.#waiting.findIndex(({ grains }) => (count += grains.length) > GROUP_GRAINS);
    return this.#waiting.splice(0, fits < 0 ? this.#waiting.length : fits);
  }

  async #saveGroup(grains: readonly number[]): Promise<void> {
    const { grainBytes } = this.#area.identity;
    const records: GrainRecord[] = [];
    const contents: Uint8Array[] = [];
    for (const grain of grains) {
      const at = contents.length * grainBytes;
      const content = this.#buffer.subarray(at, at + grainBytes);
      const isHole = await this.#isHole(grain);
      if (!isHole) await readGrainInto(content, this.#production, grain);
      if (isHole || isZero(content)) {
        records.push({ kind: 'zero', grain, grainCount: 1 });
      } else {
        records.push({ kind: 'data', grain, contentCrc: contentCrcOf(content) });
        contents.push(content);
      }
    }
    this.#claim(groupBytes(records, grainBytes));
    await this.#area.save(records, contents);
  }

  /** Never written, as the file system says. */
  async #isHole(grain: number): Promise<boolean> {
    const { grainBytes } = this.#area.identity;
    const { blockSize, size } = this.#production;
    const offset = grain * grainBytes;
    const length = Math.min(grainBytes, size - offset);
    if (length < blockSize) return true;
    const [extent] = await this.#production.extents(offset, length, { limit: 1 });
    return extent?.state === 'hole' && extent.length === length;
  }
}
