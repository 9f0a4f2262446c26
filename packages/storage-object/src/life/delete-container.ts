import type { DiskFile } from '@lunbox/block';
import { dirname } from 'node:path';
import { examine, type Examination } from '../check/examination.ts';
import { ContainerError } from '../container-error.ts';
import { letGo, lockContainer, type ContainerLock } from '../container-lock.ts';
import { judgeContinuity } from '../file-stamp.ts';
import { ROLE_PART } from '../header.ts';
import { ioError } from '../io-error.ts';
import { completeSeams, type StorageObjectSeams } from '../seams.ts';
import { isCombined } from '../twin-headers.ts';

/** Options of {@link deleteContainer}. */
export interface DeleteOptions extends StorageObjectSeams {
  /** Also when the object is damaged, was not closed in order, or was written by another program since. */
  readonly force?: boolean;
}

/**
 * Deletes a container that nobody has open: its name, and its content with its last name. Throws
 * `CONTAINER_NOT_FOUND`, `CONTAINER_NOT_LUNBOX` (whatever is forced), `CONTAINER_LOCKED`, `CONTAINER_UNCLEAN` without
 * `force`, or `CONTAINER_IO`.
 */
export async function deleteContainer(path: string, options: DeleteOptions = {}): Promise<void> {
  const seams = completeSeams(options);
  const { disk } = seams;
  let file: DiskFile | undefined;
  let lock: ContainerLock | undefined;
  try {
    file = await disk.open(path, 'write');
    // Before the lock: nothing is put down beside a file that is none of ours.
    await examine(file);
    const nowMs = Math.floor(seams.clock.unixMs());
    lock = await lockContainer({ ...seams, path, file, access: 'write', nowMs });
    const examination = await examine(file);
    const objection = options.force === true ? undefined : objectionTo(examination);
    if (objection !== undefined) {
      throw new ContainerError('CONTAINER_UNCLEAN', `${path} ${objection}`, { path });
    }
    const named = await disk.status(path);
    if (named.inode !== examination.status.inode || named.deviceId !== examination.status.deviceId) {
      throw new ContainerError('CONTAINER_IO', `${path} has become another file meanwhile`, { path });
    }
    await disk.unlink(path);
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    throw ioError('delete', path, error);
  } finally {
    if (file) await letGo(file, lock);
  }
}

/** Why somebody might still want what is in it. A copy that was made of an object at rest is none of these. */
function objectionTo({ current, findings, status }: Examination): string | undefined {
  if (current === undefined || findings.length > 0) return 'is damaged';
  const { header } = current;
  if (header.role === ROLE_PART) return 'is a part of a disk';
  if (isCombined(header)) return 'is made of several parts, which would stay';
  const continuity = judgeContinuity(header, status);
  if (continuity === 'modified') return 'was written by another program since it was closed';
  return header.openState === 'clean' ? undefined : 'was not closed in order';
}
