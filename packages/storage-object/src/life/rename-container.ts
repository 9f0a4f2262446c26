import { errnoName, type Disk } from '@lunbox/block';
import { dirname, isAbsolute, resolve } from 'node:path';
import { ContainerError } from '../container-error.ts';
import { addName, statusIfThere, unlinkIfThere } from '../files.ts';
import { ioError } from '../io-error.ts';
import { partsOf, type LayoutNode } from '../layout/layout.ts';
import {
  releaseContainer,
  reserveContainer,
  type ReservedContainer,
  type SnapshotKeeper,
} from '../open-container.ts';
import type { StorageObjectSeams } from '../seams.ts';
import { isCombined, readIdentityBlock } from '../twin-headers.ts';
import { diskBeside, type BesideKeeper } from './beside.ts';

/** Options of {@link renameContainer}. */
export interface RenameOptions extends StorageObjectSeams {
  /** Moves what lies beside the container; without it a disk with snapshots is refused. */
  readonly beside?: BesideKeeper;
}

/** Nothing is written to a disk while it gets another name. */
const ONLY_MOVED: SnapshotKeeper = { beforeOpen: () => Promise.resolve() };

/**
 * Gives a container that nobody has open another name, within its file system; never that of another file. A crash
 * leaves it the old name, the new one, or both: it is one file then, and this can be done again to end it. Throws
 * what `StorageObject.open` throws, and `CONTAINER_EXISTS`.
 */
export async function renameContainer(
  path: string,
  newPath: string,
  { beside, ...seams }: RenameOptions = {},
): Promise<void> {
  const keeper = beside === undefined ? {} : { snapshotKeeper: ONLY_MOVED };
  const reserved = await reserveContainer(path, { ...seams, ...keeper });
  const { disk } = reserved.seams;
  try {
    checkParts(reserved, newPath);
    const { file, current, status } = reserved;
    const owner = diskBeside(path, await readIdentityBlock(file), current.header, status);
    if (owner) await beside?.check(owner);
    const added = await addNewName(reserved, newPath);
    if (added !== 'moved') await makeDurable(disk, newPath, added === 'added');
    // Between the two: a crash leaves the snapshots beside a name of the disk.
    if (owner) await beside?.act(owner);
    if (added !== 'moved') await disk.unlink(path);
    await disk.syncDirectory(dirname(newPath));
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    if (errnoName(error) !== 'EEXIST') throw ioError('rename', path, error);
    const message = `${newPath} exists already; choose another name`;
    throw new ContainerError('CONTAINER_EXISTS', message, { path: newPath });
  } finally {
    await releaseContainer(reserved);
  }
}

/** As {@link addName}; `there` when a rename that was cut short has added it. */
async function addNewName(
  { path, seams: { disk }, status }: ReservedContainer,
  newPath: string,
): Promise<'added' | 'moved' | 'there'> {
  const found = status.linkCount > 1 ? await statusIfThere(disk, newPath) : undefined;
  const isSame = found?.inode === status.inode && found.deviceId === status.deviceId;
  if (isSame && resolve(path) !== resolve(newPath)) return 'there';
  return await addName(disk, path, newPath);
}

/** Parts that are named from the directory of the container would not be found from another one. */
function checkParts({ path, current }: ReservedContainer, newPath: string): void {
  const { header } = current;
  if (!isCombined(header) || dirname(resolve(path)) === dirname(resolve(newPath))) return;
  if (partsOf(header.attributes.layout as LayoutNode).every((leaf) => isAbsolute(leaf.path))) return;
  const message = `${path} has parts beside it; move the directory, or keep the disk in it`;
  throw new ContainerError('CONTAINER_BAD_LAYOUT', message, { path });
}

/** Before the old name goes: a crash between the two must not find none. */
async function makeDurable(disk: Disk, newPath: string, isNew: boolean): Promise<void> {
  try {
    await disk.syncDirectory(dirname(newPath));
  } catch (error) {
    if (isNew) await unlinkIfThere(disk, newPath);
    throw error;
  }
}
