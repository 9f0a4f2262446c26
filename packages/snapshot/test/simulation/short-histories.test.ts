import { expect, it } from 'vitest';
import { countUpTo, playShortHistories, SHORT_HISTORIES } from '../support/short-history.ts';

/** Of those of three operations, one in so many is played here; `npm run simulate` plays all. */
const ONE_IN = 32;
const LIMIT_MS = 600_000;

it(
  'every history of two operations is exact, whichever change the power goes at',
  { timeout: LIMIT_MS },
  async () => {
    const { histories, seen } = await playShortHistories('snapshot-short', {
      firstSeed: 1,
      count: countUpTo(2),
    });
    expect(histories).toBe(13 + 13 ** 2);
    for (const what of [
      'taken',
      'deleted',
      'refreshed',
      'bookmarked',
      'restored',
      'grown',
      'cloned',
      'reopened',
    ])
      expect(seen[what], what).toBeGreaterThan(0);
    expect(seen['crashes']).toBeGreaterThan(1500);
  },
);

it(`one in ${ONE_IN} histories of three operations is exact`, { timeout: LIMIT_MS }, async () => {
  for (let firstSeed = countUpTo(2) + 1; firstSeed <= SHORT_HISTORIES.length; firstSeed += ONE_IN)
    await playShortHistories('snapshot-short', { firstSeed, count: 1 });
});

it(
  'every history of two operations is exact, whichever call of the disk fails',
  { timeout: LIMIT_MS },
  async () => {
    const { seen } = await playShortHistories('snapshot-short-failures', {
      firstSeed: 1,
      count: countUpTo(2),
    });
    for (const call of ['open', 'read', 'write', 'sync', 'cloneRange', 'unlink', 'syncDirectory'])
      expect(seen[`failures of ${call}`], call).toBeGreaterThan(0);
  },
);
