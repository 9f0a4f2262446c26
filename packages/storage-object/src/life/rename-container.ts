import { errnoName, type Disk } from '@lunbox/block';
import { dirname, isAbsolute, resolve } from 'node:path';
import { ContainerError } from '../container-error.ts';
import { addName, unlinkIfThere } from '../files.ts';
import { ioError } from '../io-error.ts';
import { partsOf, type LayoutNode } from '../layout/layout.ts';
import { releaseContainer, reserveContainer, type ReservedContainer } from '../open-container.ts';
import type { StorageObjectSeams } from '../seams.ts';
import { isCombined } from '../twin-headers.ts';

/**
 * Gives a container that nobody has open another name, within its file system; never that of another file. A crash
 * leaves it the old name, the new one, or both: it is one file then, and `deleteContainer` takes one name away. Throws
 * what `StorageObject.open` throws, and `CONTAINER_EXISTS`.
 */
export async function renameContainer(
  path: string,
  newPath: string,
  seams: StorageObjectSeams = {},
): Promise<void> {
  const reserved = await reserveContainer(path, seams);
  const { disk } = reserved.seams;
  try {
    checkParts(reserved, newPath);
    if ((await addName(disk, path, newPath)) === 'added') {
      await makeDurable(disk, newPath);
      await disk.unlink(path);
    }
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

/** Parts that are named from the directory of the container would not be found from another one. */
function checkParts({ path, current }: ReservedContainer, newPath: string): void {
  const { header } = current;
  if (!isCombined(header) || dirname(resolve(path)) === dirname(resolve(newPath))) return;
  if (partsOf(header.attributes.layout as LayoutNode).every((leaf) => isAbsolute(leaf.path))) return;
  const message = `${path} has parts beside it; move the directory, or keep the disk in it`;
  throw new ContainerError('CONTAINER_BAD_LAYOUT', message, { path });
}

/** Before the old name goes: a crash between the two must not find none. */
async function makeDurable(disk: Disk, newPath: string): Promise<void> {
  try {
    await disk.syncDirectory(dirname(newPath));
  } catch (error) {
    await unlinkIfThere(disk, newPath);
    throw error;
  }
}
