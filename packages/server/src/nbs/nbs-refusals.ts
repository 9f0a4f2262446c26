import { NbsRefusal, type StatusName } from '@lunbox/nbs';
import { SnapshotError, type SnapshotErrorCode } from '@lunbox/snapshot';
import { ContainerError, type ContainerErrorCode } from '@lunbox/storage-object';
import { ServerError } from '../server-error.ts';

type Refused = Exclude<StatusName, 'OK'>;

/** What each failure of snapshots is to a client. */
const OF_SNAPSHOTS: Readonly<Record<SnapshotErrorCode, Refused>> = {
  SNAPSHOT_NOT_FOUND: 'NOENT',
  SNAPSHOT_EXISTS: 'EXIST',
  SNAPSHOT_BAD_NAME: 'INVAL',
  SNAPSHOT_LIMIT: 'LIMIT',
  SNAPSHOT_HELD: 'HELD',
  SNAPSHOT_BUSY: 'BUSY',
  SNAPSHOT_BOOKMARK: 'SNAP_INVALID',
  SNAPSHOT_IN_DOUBT: 'BUSY',
  SNAPSHOT_BAD_GROUP: 'INVAL',
  SNAPSHOT_TIMEOUT: 'TIMEOUT',
  SNAPSHOT_CORRUPT: 'SNAP_INVALID',
  SNAPSHOT_FOREIGN: 'SNAP_INVALID',
  SNAPSHOT_MISSING: 'SNAP_INVALID',
  SNAPSHOT_UNSUPPORTED: 'NOTSUP',
  SNAPSHOT_READ_ONLY: 'READONLY',
  SNAPSHOT_CLOSED: 'SHUTDOWN',
  SNAPSHOT_CANCELLED: 'TIMEOUT',
  SNAPSHOT_BAD_MANIFEST: 'SNAP_INVALID',
  SNAPSHOT_IO: 'IO',
};

/** What failures of containers are to a client, those that are not the fault of the medium. */
const OF_CONTAINERS: Readonly<Partial<Record<ContainerErrorCode, Refused>>> = {
  CONTAINER_NOT_FOUND: 'NOENT',
  CONTAINER_EXISTS: 'EXIST',
  CONTAINER_LOCKED: 'BUSY',
  CONTAINER_READ_ONLY: 'READONLY',
  CONTAINER_CLOSED: 'SHUTDOWN',
  CONTAINER_BAD_SIZE: 'INVAL',
  CONTAINER_BAD_ATTRIBUTES: 'INVAL',
  CONTAINER_ATTRIBUTES_FULL: 'NOSPC',
  CONTAINER_HAS_SNAPSHOTS: 'BUSY',
  CONTAINER_IS_PART: 'BUSY',
};

/**
 * Does `work`; what the server refuses is refused to the client, too. What is a mistake of ours stays one.
 *
 * @param otherwise what a `ServerError` is
 */
export async function refusing<T>(work: () => T | Promise<T>, otherwise: Refused = 'BUSY'): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SnapshotError) throw new NbsRefusal(OF_SNAPSHOTS[error.code], error.message);
    if (error instanceof ServerError) throw new NbsRefusal(otherwise, error.message);
    if (error instanceof ContainerError)
      throw new NbsRefusal(OF_CONTAINERS[error.code] ?? 'IO', error.message);
    throw error;
  }
}
