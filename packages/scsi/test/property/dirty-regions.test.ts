import { fc, test } from '@fast-check/vitest';
import { MemoryDevice, yieldTurn } from '@lunbox/block';
import { expect } from 'vitest';
import { DirtyRegions, REGION_MAP_BYTES } from '../../src/protection/dirty-regions.ts';

const REGION_BYTES = 1024 * 1024;

/** Writes that wait for turns of the event loop, so that of two that overlap either may be the last. */
class ReorderingDevice extends MemoryDevice {
  readonly #turns: readonly number[];
  #writes = 0;

  constructor(turns: readonly number[]) {
    super({ size: REGION_MAP_BYTES });
    this.#turns = turns;
  }

  override async write(from: readonly Uint8Array[], offset: number): Promise<void> {
    const bytes = Buffer.concat(from);
    await waitFor(this.#turns[this.#writes++ % this.#turns.length]!);
    await super.write([bytes], offset);
  }

  async marks(region: number): Promise<boolean> {
    const map = new Uint8Array(REGION_MAP_BYTES);
    await super.read([map], 0);
    return ((map[region >>> 3]! >>> (region & 7)) & 1) === 1;
  }
}

async function waitFor(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await yieldTurn();
}

const step = fc.record({
  /** Write to the region; without one, flush. */
  region: fc.option(fc.nat(3), { nil: undefined, freq: 2 }),
  /** How long the write takes. */
  turns: fc.nat(8),
  /** How long the next step waits after it. */
  pause: fc.nat(3),
});

test.prop([fc.array(step, { minLength: 40, maxLength: 80 }), fc.array(fc.nat(8), { minLength: 1 })], {
  numRuns: 200,
})('a region is marked on stable storage for as long as somebody writes to it', async (steps, turns) => {
  const device = new ReorderingDevice(turns);
  const regions = new DirtyRegions(device, 0, REGION_BYTES);
  const going = steps.map(async ({ region, turns: duration }, index) => {
    await waitFor(steps.slice(0, index).reduce((sum, { pause }) => sum + pause, 0));
    if (region === undefined) return regions.flushed(() => undefined);
    return regions.whileMarked(region * REGION_BYTES, 512, async () => {
      expect(await device.marks(region)).toBe(true);
      await waitFor(duration);
      expect(await device.marks(region)).toBe(true);
    });
  });
  await Promise.all(going);
});
