import { expect, it, vi } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playSessionHistories } from '../support/session-history.ts';

vi.setConfig({ testTimeout: 1_200_000 });

it('however connections break, all is done once, and every event comes once', async () => {
  const { seen } = await playSessionHistories('nbs-cuts', rangeOf(4500));
  const expected = ['operations', 'snapshots', 'quiesced snapshots', 'groups taken', 'cuts'];
  for (const what of expected) expect(seen[what], what).toBeGreaterThan(0);
});
