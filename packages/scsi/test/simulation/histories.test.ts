import { expect, it } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import { playHistories } from './support/play.ts';

const LIMIT_MS = 3_600_000;

it(
  'what several nexuses are answered, one command after the other, is what the standards say',
  async () => {
    const { seen } = await playHistories('scsi-turns', rangeOf(4500));
    const wanted = ['power cycles', 'operations in the background', 'device failures'];
    // ACA ACTIVE, and BUSY to the others.
    for (const what of [...wanted, 'CLEAR ACA', 'status 48', 'status 8']) {
      expect(seen[what], what).toBeGreaterThan(0);
    }
  },
  LIMIT_MS,
);

it(
  'reservations let in, keep out and tell whom SPC-4 5.13 says, whatever is registered, preempted, moved or lost',
  async () => {
    const { seen } = await playHistories('scsi-reservations', rangeOf(3000));
    for (const what of ['status 24', 'power cycles', 'PERSISTENT RESERVE OUT, REGISTER AND MOVE']) {
      expect(seen[what], what).toBeGreaterThan(0);
    }
  },
  LIMIT_MS,
);

it(
  'commands that overlap do what some order of them would do, whatever is aborted or fails',
  async () => {
    const { seen } = await playHistories('scsi-overlapping', rangeOf(3500));
    for (const what of ['rounds', 'LOGICAL UNIT RESET', 'PREEMPT AND ABORT', 'failure', 'status aborted']) {
      expect(seen[what], what).toBeGreaterThan(0);
    }
  },
  LIMIT_MS,
);
