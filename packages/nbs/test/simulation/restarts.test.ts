import { expect, it, vi } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playSessionHistories } from '../support/session-history.ts';

vi.setConfig({ testTimeout: 1_200_000 });

it('however servers are started anew, nothing is done twice, and no write that was answered is lost', async () => {
  const { seen } = await playSessionHistories('nbs-restarts', rangeOf(4500));
  for (const what of [
    'operations',
    'quiesced snapshots',
    'groups taken',
    'cuts',
    'restarts',
    'crashes',
    'unknown',
  ])
    expect(seen[what], what).toBeGreaterThan(0);
});
