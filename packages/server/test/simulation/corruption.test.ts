import { expect, it } from 'vitest';
import { playAll, rangeOf } from './support/play-all.ts';

const LIMIT_MS = 3_600_000;

it(
  'corruption: what a digest covers never reaches a caller or the disk when it was changed on its way',
  async () => {
    const { seen } = await playAll('corruption', rangeOf(1000));
    expect(seen['done']).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
