import type { PreparedGroup } from '@lunbox/nbs';
import { createGroup, SnapshotError, type GroupOptions, type SnapshotSet } from '@lunbox/snapshot';
import { refusing } from './nbs-refusals.ts';
import { snapshotFields } from './nbs-snapshots.ts';

/**
 * Gets snapshots of some disks ready, and holds changes of them back until it is said what becomes of the group. Throws
 * what `createGroup` throws.
 */
export async function prepareGroup(
  sets: readonly SnapshotSet[],
  options: Omit<GroupOptions, 'hold'>,
): Promise<PreparedGroup> {
  let decide = (_error?: Error): void => undefined;
  const decision = new Promise<void>((resolve, reject) => {
    decide = (error) => (error === undefined ? resolve() : reject(error));
  });
  let isReady = (_id: string): void => undefined;
  const ready = new Promise<string>((resolve) => (isReady = resolve));
  const taken = createGroup(sets, {
    ...options,
    hold: (id) => {
      isReady(id);
      return decision;
    },
  });
  // It cannot be taken before it is decided: this is how it fails before that.
  const uuid = await Promise.race([ready, taken.then(({ id }) => id)]);
  return {
    uuid,
    commit: () => {
      decide();
      return refusing(async () => (await taken).snapshots.map(snapshotFields));
    },
    abort: async () => {
      decide(new SnapshotError('SNAPSHOT_CANCELLED', 'the group was given up'));
      await taken.catch(() => undefined);
    },
  };
}
