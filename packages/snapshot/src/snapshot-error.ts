/**
 * What went wrong with a snapshot; stable, to be matched by callers.
 *
 * - `SNAPSHOT_NOT_FOUND`: there is none of this name or identity.
 * - `SNAPSHOT_EXISTS`: the name is taken.
 * - `SNAPSHOT_BAD_NAME`: the name is empty, too long, or has control characters.
 * - `SNAPSHOT_LIMIT`: there are too many.
 * - `SNAPSHOT_HELD`: somebody holds it.
 * - `SNAPSHOT_BUSY`: it is open, or a restore goes on.
 * - `SNAPSHOT_BOOKMARK`: it is a bookmark, and has no content.
 * - `SNAPSHOT_IN_DOUBT`: it is one of a group, and whether that was taken cannot be told now.
 * - `SNAPSHOT_BAD_GROUP`: a group has 2 to 64 disks, each once.
 * - `SNAPSHOT_TIMEOUT`: the disks of a group did not come to rest in time; none was taken.
 * - `SNAPSHOT_CORRUPT`: what is stored of the snapshots is damaged.
 * - `SNAPSHOT_FOREIGN`: the snapshots are those of another object.
 * - `SNAPSHOT_MISSING`: the disk has snapshots, and they are not where they should be.
 * - `SNAPSHOT_UNSUPPORTED`: of this disk there can be no snapshots.
 * - `SNAPSHOT_READ_ONLY`: the disk is open for reading only.
 * - `SNAPSHOT_CLOSED`: the set was closed.
 * - `SNAPSHOT_CANCELLED`: the caller gave the work up.
 * - `SNAPSHOT_BAD_MANIFEST`: a file is no manifest, or that of another snapshot.
 * - `SNAPSHOT_IO`: the file system failed.
 */
export type SnapshotErrorCode =
  | 'SNAPSHOT_NOT_FOUND'
  | 'SNAPSHOT_EXISTS'
  | 'SNAPSHOT_BAD_NAME'
  | 'SNAPSHOT_LIMIT'
  | 'SNAPSHOT_HELD'
  | 'SNAPSHOT_BUSY'
  | 'SNAPSHOT_BOOKMARK'
  | 'SNAPSHOT_IN_DOUBT'
  | 'SNAPSHOT_BAD_GROUP'
  | 'SNAPSHOT_TIMEOUT'
  | 'SNAPSHOT_CORRUPT'
  | 'SNAPSHOT_FOREIGN'
  | 'SNAPSHOT_MISSING'
  | 'SNAPSHOT_UNSUPPORTED'
  | 'SNAPSHOT_READ_ONLY'
  | 'SNAPSHOT_CLOSED'
  | 'SNAPSHOT_CANCELLED'
  | 'SNAPSHOT_BAD_MANIFEST'
  | 'SNAPSHOT_IO';

/** Facts that go with a {@link SnapshotError}; which are present depends on its code. */
export interface SnapshotErrorData {
  /** The file or directory that it is about. */
  readonly path?: string;
  /** The snapshot, as the caller named it. */
  readonly snapshot?: string;
  readonly cause?: unknown;
}

/** Every failure of this package that is neither a `BlockError` nor a programming mistake. */
export class SnapshotError extends Error {
  /** Always `SnapshotError`. */
  override readonly name = 'SnapshotError';
  /** Stable; see {@link SnapshotErrorCode}. */
  readonly code: SnapshotErrorCode;
  /** The facts behind the message. */
  readonly data: SnapshotErrorData;

  /** @param message - one line for people; programs look at `code` and `data`. */
  constructor(code: SnapshotErrorCode, message: string, data: SnapshotErrorData = {}) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause });
    this.code = code;
    this.data = data;
  }
}
