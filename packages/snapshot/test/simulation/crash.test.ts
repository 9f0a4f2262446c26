import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect, it } from 'vitest';
import { play } from '../support/model.ts';

const SEEDS = Number(process.env['SNAP_SEEDS'] ?? 300);

it('every snapshot is exact, whenever the power goes', async () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    try {
      await play(seed, new SeededRandom(seed), new SimulatedDisk());
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  expect(SEEDS).toBeGreaterThan(0);
}, 600_000);
