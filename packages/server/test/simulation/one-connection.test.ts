import { describe, expect, it } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playAll } from './support/play-all.ts';

const LIMIT_MS = 3_600_000;
const HISTORIES = rangeOf(1700);

/** Both engines, each other's only peer, at ErrorRecoveryLevel 0 and 1; see docs/testing.md. */
describe('our target and our initiator over one connection', () => {
  it(
    'on a sound network, every request ends once, with the right data, and leaves nothing behind',
    async () => {
      const { seen } = await playAll('calm', HISTORIES);
      expect(seen['done']).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  it(
    'when connections break, requests end with a definite error or are done again, and the session recovers',
    async () => {
      const { seen } = await playAll('cuts', HISTORIES);
      expect(seen['done']).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  it(
    'when bytes change that a digest covers, neither callers nor the disk ever see them',
    async () => {
      const { seen } = await playAll('corruption', HISTORIES);
      expect(seen['done']).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
