import { expect, it } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playHistories } from '../support/history.ts';

const HISTORIES = 10_000;

it('every snapshot is exact, whenever the power goes', async () => {
  const { seen } = await playHistories('snapshot-crashes', rangeOf(HISTORIES));
  for (const what of [
    'taken',
    'by log',
    'by reflink',
    'deleted',
    'refreshed',
    'renamed',
    'bookmarked',
    'restored',
    'restores cut off',
    'grown',
    'cloned',
    'published',
  ])
    expect(seen[what], what).toBeGreaterThan(0);
}, 1_200_000);
