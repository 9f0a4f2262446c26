import { errnoName, type Disk, type DiskFile } from '@lunbox/block';
import debug from 'debug';
import { dirname } from 'node:path';
import { draftPathOf, openDraft } from './draft.ts';
import { addName, unlinkIfThere } from './files.ts';
import type { StorageObjectSeams } from './seams.ts';

const log = debug('lunbox:storage-object:draft');

/**
 * Makes a file, whole or not at all: it is written under a name of its own, and only then gets the final one, durably.
 * That must be free, or it fails with `EEXIST`, unless the file is to `replace` the one that has it, in one step.
 *
 * @param write - Writes the file and makes its content durable.
 * @param undo - Takes back what `write` has made besides, when it or what follows fails; while that fails, the draft
 *   stays, to tell of it.
 */
export async function makeWhole(
  { disk, random }: Required<Pick<StorageObjectSeams, 'disk' | 'random'>>,
  path: string,
  write: (draft: DiskFile) => Promise<void>,
  place: 'free' | 'replace' = 'free',
  undo: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const draftPath = draftPathOf(path, random);
  const draft = await openDraft(disk, draftPath);
  let inode: bigint | undefined;
  try {
    await write(draft);
    ({ inode } = await draft.status());
    // It is open, and so locked, until it has its name: nobody takes it for one that was left.
    await (place === 'free' ? giveName(disk, draftPath, path) : disk.rename(draftPath, path));
    if (place === 'replace') await disk.syncDirectory(dirname(path));
    await draft.close();
  } catch (error) {
    // What has taken the place of another file stays: without it there would be neither.
    const taken = place === 'free' ? inode : undefined;
    // Why it was not made matters more than what could not be taken away.
    const isUndone = await takeBack(disk, path, taken, undo).catch(() => false);
    await draft.close().catch(() => undefined);
    if (isUndone) await unlinkIfThere(disk, draftPath).catch(() => undefined);
    throw error;
  }
}

/** Where there are hard links the file is never without a name, also when the power goes. */
async function giveName(disk: Disk, draftPath: string, path: string): Promise<void> {
  const how = await addName(disk, draftPath, path);
  await disk.syncDirectory(dirname(path));
  if (how === 'moved') return;
  try {
    await disk.unlink(draftPath);
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    // It is what it was to be, and has a second name.
    log('the draft %s could not be taken away: %o', draftPath, error);
  }
}

/** First the name, durably: nobody is to find a file under it that lacks what is taken back after that. */
async function takeBack(
  disk: Disk,
  path: string,
  inode: bigint | undefined,
  undo: () => Promise<void>,
): Promise<true> {
  if (inode !== undefined && (await inodeOf(disk, path)) === inode) {
    await disk.unlink(path);
    await disk.syncDirectory(dirname(path));
  }
  await undo();
  return true;
}

/** The final name may have been given already; one that somebody else has taken is left alone. */
async function inodeOf(disk: Disk, path: string): Promise<bigint | undefined> {
  try {
    return (await disk.status(path)).inode;
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
}
