import type { Disk, DiskFile } from '@lunbox/block';
import { dirname } from 'node:path';
import { draftPathOf, openDraft } from './draft.ts';
import { publish, unlinkIfThere } from './files.ts';
import type { Seams } from './seams.ts';

/**
 * Makes a file, whole or not at all: it is written under a name of its own, and only then gets the final one, durably.
 * That must be free, or it fails with `EEXIST`, unless the file is to `replace` the one that has it, in one step.
 *
 * @param write - Writes the file and makes its content durable.
 */
export async function makeWhole(
  { disk, random }: Pick<Seams, 'disk' | 'random'>,
  path: string,
  write: (draft: DiskFile) => Promise<void>,
  place: 'free' | 'replace' = 'free',
): Promise<void> {
  const draftPath = draftPathOf(path, random);
  const draft = await openDraft(disk, draftPath);
  let inode: bigint | undefined;
  try {
    await write(draft);
    ({ inode } = await draft.status());
    await draft.close();
    await (place === 'free' ? publish(disk, draftPath, path) : disk.rename(draftPath, path));
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    // Why it was not made matters more than what could not be taken away.
    await draft.close().catch(() => undefined);
    await unlinkIfThere(disk, draftPath).catch(() => undefined);
    // What has taken the place of another file stays: without it there would be neither.
    if (inode !== undefined && place === 'free') await unlinkOwn(disk, path, inode).catch(() => undefined);
    throw error;
  }
}

/** The final name may have been given already; one that somebody else has taken is left alone. */
async function unlinkOwn(disk: Disk, path: string, inode: bigint): Promise<void> {
  if ((await disk.status(path)).inode === inode) await disk.unlink(path);
}
