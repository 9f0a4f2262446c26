import type { ChainEntry, SnapshotMethod } from './chain.ts';

/** A snapshot, as people are told of it. */
export interface SnapshotInfo extends Omit<ChainEntry, 'logs' | 'images' | 'reclaim'> {
  /** How it was taken. */
  readonly method: Exclude<SnapshotMethod, 'auto'>;
}

/** What people are told of a snapshot. */
export function infoOf({ logs, images, reclaim: _reclaim, ...info }: ChainEntry): SnapshotInfo {
  return { ...info, method: images?.some(({ id }) => id === logs[0]) ? 'reflink' : 'log' };
}
