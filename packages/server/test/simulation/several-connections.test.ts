import { describe, expect, it } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playAll } from './support/play-all.ts';

const LIMIT_MS = 3_600_000;
const HISTORIES = rangeOf(1700);

/** Sessions of one to four connections at ErrorRecoveryLevel 0 to 2; see docs/testing.md. */
describe('our target and our initiator over several connections', () => {
  it(
    'connections come and go while commands run in their order over all of them',
    async () => {
      const { seen } = await playAll('shared-calm', HISTORIES);
      expect(seen['done']).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  it(
    'when some of them break, commands go on by the others, once and no more',
    async () => {
      const { seen } = await playAll('shared-cuts', HISTORIES);
      expect(seen['done']).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  it(
    'when bytes change that a digest covers, neither callers nor the disk ever see them',
    async () => {
      const { seen } = await playAll('shared-corruption', HISTORIES);
      expect(seen['done']).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
