import { errnoName, type Disk, realDisk } from '@lunbox/block';
import {
  deleteContainer,
  renameContainer,
  type DeletedContainer,
  type DeleteOptions,
  type DiskBeside,
  type StorageObjectSeams,
} from '@lunbox/storage-object';
import { dirname, join } from 'node:path';
import type { Chain } from './chain.ts';
import { ChainFile } from './chain-file.ts';
import { isAwaited } from './settle-groups.ts';
import { isOurFile, isThere } from './snapshot-files.ts';
import { SnapshotError } from './snapshot-error.ts';
import { CHAIN_NAME, isOwnChain, missingError, snapshotDirectory } from './snapshot-store.ts';

/**
 * Gives a disk that nobody has open another name, and its snapshots go along. After a crash the disk has the old name,
 * the new one, or both, with the snapshots beside one of them: doing this again ends it. On a file system without hard
 * links it may have the new one, and the snapshots lie beside the old one: move that directory. Throws what
 * `renameContainer` throws; `SNAPSHOT_EXISTS` when there are snapshots beside the new name already, `SNAPSHOT_MISSING`,
 * `SNAPSHOT_IN_DOUBT` while the outcome of a group is not known to all of its members.
 */
export async function renameDisk(
  path: string,
  newPath: string,
  seams: StorageObjectSeams = {},
): Promise<void> {
  const { disk = realDisk } = seams;
  const target = snapshotDirectory(newPath);
  const beside = {
    check: async (owner: DiskBeside): Promise<void> => {
      const source = snapshotDirectory(owner.path);
      const chain = await ownChain(disk, source, owner);
      if (chain === undefined) {
        const hasNone = owner.set === undefined || owner.pending;
        if (!hasNone && (await ownChain(disk, target, owner)) === undefined) throw missingError(source);
        return;
      }
      await checkGroups(chain, source, disk);
      if (await isThere(disk, target))
        throw new SnapshotError('SNAPSHOT_EXISTS', `${target} exists already; move it away`, {
          path: target,
        });
    },
    act: async (owner: DiskBeside): Promise<void> => {
      const source = snapshotDirectory(owner.path);
      if ((await ownChain(disk, source, owner)) !== undefined) await disk.rename(source, target);
      await disk.syncDirectory(dirname(target));
      await disk.syncDirectory(dirname(source));
    },
  };
  await renameContainer(path, newPath, { ...seams, beside });
}

/**
 * Deletes a disk that nobody has open: with `withSnapshots` its snapshots, too, and an empty list of them always.
 * After a crash in the middle nobody can open the disk any more, and this can be done again. Throws what
 * `deleteContainer` throws; without `force` also `SNAPSHOT_HELD` when somebody holds one of them,
 * `SNAPSHOT_IN_DOUBT` while the outcome of a group is not known to all of its members, and `SNAPSHOT_CORRUPT`.
 */
export async function deleteDisk(path: string, options: DeleteOptions = {}): Promise<DeletedContainer> {
  const { disk = realDisk, force = false } = options;
  const beside = {
    check: async (owner: DiskBeside): Promise<void> => {
      if (force) return;
      const directory = snapshotDirectory(owner.path);
      const chain = await ownChain(disk, directory, owner);
      if (chain === undefined) return;
      const held = chain.snapshots.find(({ holds }) => holds.length > 0);
      if (held !== undefined)
        throw new SnapshotError(
          'SNAPSHOT_HELD',
          `snapshot ${held.name} is held by ${held.holds.join(', ')}`,
          {
            path: directory,
            snapshot: held.name,
          },
        );
      await checkGroups(chain, directory, disk);
    },
    act: async (owner: DiskBeside): Promise<void> => {
      const directory = snapshotDirectory(owner.path);
      if (!(await isThere(disk, directory))) return;
      if (await isOwn(disk, directory, owner, force)) await removeFiles(disk, directory);
      await removeIfEmpty(disk, directory);
    },
  };
  return await deleteContainer(path, { ...options, beside });
}

/** The list in a directory, when it is that of the disk. What cannot be read is nobody's when the disk has none. */
async function ownChain(disk: Disk, directory: string, owner: DiskBeside): Promise<Chain | undefined> {
  try {
    const chain = await ChainFile.readDurable(disk, join(directory, CHAIN_NAME));
    return isOwnChain(chain, owner.birthIdentity, owner.set) ? chain : undefined;
  } catch (error) {
    const isNobodys = owner.set === undefined && error instanceof SnapshotError;
    if (isNobodys || errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A list that cannot be read is taken for that of the disk when it has one, and force is used. */
async function isOwn(disk: Disk, directory: string, owner: DiskBeside, force: boolean): Promise<boolean> {
  try {
    return (await ownChain(disk, directory, owner)) !== undefined;
  } catch (error) {
    if (force && owner.set !== undefined && error instanceof SnapshotError) return true;
    throw error;
  }
}

/** The list goes last: as long as it is there, it says whose the rest is. */
async function removeFiles(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.readdir(directory))
    if (isOurFile(name)) await disk.unlink(join(directory, name));
  await disk.syncDirectory(directory);
  await disk.unlink(join(directory, CHAIN_NAME));
  await disk.syncDirectory(directory);
}

/** What somebody else has put there stays. */
async function removeIfEmpty(disk: Disk, directory: string): Promise<void> {
  if ((await disk.readdir(directory)).length > 0) return;
  await disk.rmdir(directory);
  await disk.syncDirectory(dirname(directory));
}

async function checkGroups(chain: Chain, directory: string, disk: Disk): Promise<void> {
  const isInDoubt = chain.snapshots.some(({ prepared }) => prepared === true);
  if (!isInDoubt && !(await isAwaited(chain, directory, disk))) return;
  const message = `${directory} is one of a group that a crash has cut off; list the snapshots of all its disks first`;
  throw new SnapshotError('SNAPSHOT_IN_DOUBT', message, { path: directory });
}
