/**
 * Snapshots of a disk that stays a plain image: what a first write overwrites is saved before, in a log beside it.
 *
 * {@link SnapshotSet} takes, lists, opens, compares and deletes them; its device is the disk, for all who use it.
 *
 * @packageDocumentation
 */
export type { ConsistencyLevel } from './chain.ts';
export { CowDevice, type SaveTarget } from './cow-device.ts';
export { SnapshotError, type SnapshotErrorCode, type SnapshotErrorData } from './snapshot-error.ts';
export {
  SnapshotSet,
  type ChangedExtent,
  type NewSnapshot,
  type SnapshotInfo,
  type SnapshotSetOptions,
} from './snapshot-set.ts';
export { snapshotDirectory } from './snapshot-store.ts';
export { SnapshotView } from './snapshot-view.ts';
