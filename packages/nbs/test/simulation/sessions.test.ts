import { expect, it, vi } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playSessionHistories } from '../support/session-history.ts';

vi.setConfig({ testTimeout: 1_200_000 });

it('without trouble all is done once', async () => {
  const { seen } = await playSessionHistories('nbs-calm', rangeOf(1000));
  const expected = ['operations', 'snapshots', 'quiesced snapshots', 'groups taken', 'groups too late'];
  for (const what of expected) expect(seen[what], what).toBeGreaterThan(0);
});
