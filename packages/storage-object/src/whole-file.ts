import type { Disk, DiskFile } from '@lunbox/block';
import { dirname } from 'node:path';
import { draftPathOf, openDraft } from './draft.ts';
import { addName, unlinkIfThere } from './files.ts';
import type { Seams } from './seams.ts';

/**
 * Makes a file, whole or not at all: it is written under a name of its own, and only then gets the final one, durably.
 * That must be free, or it fails with `EEXIST`, unless the file is to `replace` the one that has it, in one step.
 *
 * @param write - Writes the file and makes its content durable.
 * @param undo - Takes back what `write` has made besides, when it or what follows fails; while that fails, the draft
 *   stays, to tell of it.
 */
export async function makeWhole(
  { disk, random }: Pick<Seams, 'disk' | 'random'>,
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
    await disk.syncDirectory(dirname(path));
    await draft.close();
  } catch (error) {
    // Why it was not made matters more than what could not be taken away.
    const isUndone = await undo().then(
      () => true,
      () => false,
    );
    await draft.close().catch(() => undefined);
    if (isUndone) await unlinkIfThere(disk, draftPath).catch(() => undefined);
    // What has taken the place of another file stays: without it there would be neither.
    if (inode !== undefined && place === 'free') await unlinkOwn(disk, path, inode).catch(() => undefined);
    throw error;
  }
}

/** The file is never without a name, also when the power goes: what is told of by it would be told of by nobody. */
async function giveName(disk: Disk, draftPath: string, path: string): Promise<void> {
  if ((await addName(disk, draftPath, path)) === 'moved') return;
  await disk.syncDirectory(dirname(path));
  await disk.unlink(draftPath);
}

/** The final name may have been given already; one that somebody else has taken is left alone. */
async function unlinkOwn(disk: Disk, path: string, inode: bigint): Promise<void> {
  if ((await disk.status(path)).inode === inode) await disk.unlink(path);
}
