/**
 * Snapshots of a disk that stays a plain image: what a first write overwrites is saved before, in a log beside it.
 *
 * {@link SnapshotSet} takes, lists, opens, compares and deletes them; its device is the disk, for all who use it.
 * {@link SnapshotObject} is a container of `@lunbox/storage-object` with its snapshots.
 *
 * @packageDocumentation
 */
export type { SnapshotAttachment } from './attachment.ts';
export type { ChangedExtent } from './diff.ts';
export type { ConsistencyLevel } from './consistency-level.ts';
export type {
  ChainEntry,
  ImageRef,
  GroupMember,
  SnapshotGroup,
  SnapshotMethod,
  SpacePolicy,
} from './chain.ts';
export type { ImageSource } from './image-area.ts';
export type { BadExtent } from './copy/bad-extents.ts';
export { cloneSnapshot, type Clone, type CloneOptions, type ImagePlace } from './copy/clone.ts';
export type { SnapshotManifest } from './copy/manifest.ts';
export type { BackgroundOptions, WorkProgress } from './copy/pace.ts';
export { publishSnapshot, type PublishOptions } from './copy/publish.ts';
export { verifySnapshot, type VerifyOptions, type VerifyReport } from './copy/verify.ts';
export { deleteDisk, renameDisk } from './disk-life.ts';
export { createGroup, type GroupOptions, type TakenGroup } from './create-group.ts';
export {
  isRetentionGrid,
  isSchedule,
  lastRunMs,
  nextRunMs,
  SCHEDULED_PREFIX,
  scheduledName,
  type SnapshotSchedule,
} from './schedule.ts';
export { SnapshotError, type SnapshotErrorCode, type SnapshotErrorData } from './snapshot-error.ts';
export { SnapshotObject } from './snapshot-object.ts';
export type { SnapshotInfo } from './snapshot-info.ts';
export { SnapshotSet } from './snapshot-set.ts';
export {
  keepsAny,
  retain,
  RETENTION_RULES,
  type Retained,
  type RetentionGrid,
  type RetentionRule,
  type Verdict,
} from './retain.ts';
export { inspectSnapshots, type InspectOptions, type SnapshotInspection } from './inspect-snapshots.ts';
export type { BegunRestore, RestoreProgress } from './restore.ts';
export type { SnapshotSetOptions } from './set-options.ts';
export { snapshotDirectory } from './snapshot-store.ts';
export type { SnapshotUsage } from './usage.ts';
export type { SnapshotEvent } from './space-keeper.ts';
export type { NewSnapshot } from './take-snapshot.ts';
export { SnapshotView } from './snapshot-view.ts';
