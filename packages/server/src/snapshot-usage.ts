import { SnapshotError, type SnapshotSet, type SnapshotUsage } from '@lunbox/snapshot';

/** What a snapshot takes; undefined when it was deleted while others were looked at. */
export async function usageIfThere(set: SnapshotSet, id: string): Promise<SnapshotUsage | undefined> {
  try {
    return await set.usage(id);
  } catch (error) {
    if (error instanceof SnapshotError && error.code === 'SNAPSHOT_NOT_FOUND') return undefined;
    throw error;
  }
}
