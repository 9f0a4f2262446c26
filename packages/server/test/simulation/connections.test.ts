import { expect, it } from 'vitest';
import { playAll, rangeOf } from './support/play-all.ts';

const LIMIT_MS = 3_600_000;

it(
  'calm: every request ends once, with the right data, and leaves nothing behind',
  async () => {
    const { seen } = await playAll('calm', rangeOf(500));
    expect(seen['done']).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

it(
  'cuts: what broken connections leave open ends with a definite error or is done again, and sessions recover',
  async () => {
    const { seen } = await playAll('cuts', rangeOf(1000));
    expect(seen['done']).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
