import { describe, expect, it } from 'vitest';
import { rangeOf } from '../../../block/test/support/histories.ts';
import {
  withBothHeadersAtOnce,
  withoutDirectorySync,
  withoutDropCache,
  withoutSync,
  withoutSyncOfLength,
} from '../support/wrapped-disk.ts';
import type { Flaw } from './support/object-history.ts';
import { playHistories, playHistory } from './support/play.ts';

const LIMIT_MS = 600_000;
/** What must have happened in histories of both kinds, or they prove little. */
const EVERYWHERE = [
  'created',
  'opened clean',
  'opened unclean',
  'opened foreign',
  'written',
  'flushed',
  'attributes changed',
  'grown',
  'adopted',
  'closed',
  'power gone',
  'processes ended',
  'created, preallocated',
  'created, with protection',
  'renamed',
  'deleted',
  'shrunk',
  'exported',
  'imported',
  'repaired',
];

/** The same of histories of disks of several parts. */
const EVERYWHERE_COMBINED = [
  'created, a stripe',
  'created, a mirror',
  'created, a concatenation',
  'created, RAID 10',
  'created, RAID 01',
  'created, a concatenation with a mirror',
  'opened unclean',
  'power gone',
  'legs failed',
  'legs came back',
  'not grown for a failed leg',
  'grown',
  'renamed',
  'deleted',
  'shrunk',
  'exported',
  'repaired',
];

describe('containers in a directory whose power goes again and again', () => {
  it('keep every promise', { timeout: LIMIT_MS }, async () => {
    const { seen } = await playHistories('storage-crashes', rangeOf(5000));
    for (const what of EVERYWHERE) expect(seen[what], what).toBeGreaterThan(0);
  });

  it(
    'keep every promise when they are made of several parts, legs of which fail',
    { timeout: LIMIT_MS },
    async () => {
      const { seen } = await playHistories('storage-combined', rangeOf(1500));
      for (const what of EVERYWHERE_COMBINED) expect(seen[what], what).toBeGreaterThan(0);
    },
  );

  it('keep every promise while calls of the disk fail, too', { timeout: LIMIT_MS }, async () => {
    const { seen } = await playHistories('storage-failures', rangeOf(3500));
    for (const what of [
      ...EVERYWHERE,
      'failed BLOCK_FAULTED',
      'failed CONTAINER_IO',
      'failed BLOCK_NO_SPACE',
    ]) {
      expect(seen[what], what).toBeGreaterThan(0);
    }
  });
});

describe('the histories notice software that', () => {
  it.each<[string, Flaw]>([
    ['does not sync', withoutSync],
    ['does not sync directories', withoutDirectorySync],
    ['writes both headers at once', withBothHeadersAtOnce],
    ['does not wait for the length of a file before its header tells of it', withoutSyncOfLength],
  ])('%s', { timeout: LIMIT_MS }, async (_name, flaw) => {
    let wrong: string | undefined;
    for (let seed = 1; seed <= 2000 && wrong === undefined; seed++) {
      ({ wrong } = await playHistory(seed, 'storage-crashes', flaw));
    }
    expect(wrong).toBeDefined();
  });

  it('believes the page cache after a failed sync', { timeout: LIMIT_MS }, async () => {
    let wrong: string | undefined;
    for (let seed = 1; seed <= 4000 && wrong === undefined; seed++) {
      ({ wrong } = await playHistory(seed, 'storage-failures', withoutDropCache));
    }
    expect(wrong).toBeDefined();
  });
});
