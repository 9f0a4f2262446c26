import { expect, it } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playHistories } from '../support/history.ts';

const HISTORIES = 8000;

it('every snapshot is exact, whatever call of the disk has failed', async () => {
  const { seen } = await playHistories('snapshot-failures', rangeOf(HISTORIES));
  expect(seen['failures']).toBeGreaterThan(0);
}, 1_200_000);
