import { expect, it } from 'vitest';
import { playHistories, rangeOf } from './support/play.ts';

const LIMIT_MS = 3_600_000;

it(
  'what several nexuses are answered, one command after the other, is what the standards say',
  async () => {
    const { seen } = await playHistories('turns', rangeOf(6000));
    expect(seen['power cycles']).toBeGreaterThan(0);
    expect(seen['operations in the background']).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
