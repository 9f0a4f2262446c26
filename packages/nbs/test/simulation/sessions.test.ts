import { expect, it, vi } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playSessionHistories } from '../support/session-history.ts';

vi.setConfig({ testTimeout: 1_200_000 });

it('without trouble all is done once', async () => {
  const { seen } = await playSessionHistories('nbs-calm', rangeOf(1000));
  for (const what of ['operations', 'snapshots']) expect(seen[what], what).toBeGreaterThan(0);
});
