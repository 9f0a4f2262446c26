import { errnoName, type Disk, type DiskFile, type FileStatus } from '@lunbox/block';

/** Reads a small file whole; a longer one is cut at the limit. Undefined when there is none. */
export async function readSmallFile(
  disk: Disk,
  path: string,
  limitBytes: number,
): Promise<Buffer | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, 'read');
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(limitBytes);
    const lengthBytes = await file.read([bytes], 0);
    return bytes.subarray(0, lengthBytes);
  } finally {
    await file.close();
  }
}

/** Removes a name; that it was not there is fine. */
export async function unlinkIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch (error) {
    if (errnoName(error) !== 'ENOENT') throw error;
  }
}

const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Gives a finished draft its final name, as {@link addName} does, and takes the other one away. */
export async function publish(disk: Disk, draftPath: string, path: string): Promise<void> {
  if ((await addName(disk, draftPath, path)) === 'added') await disk.unlink(draftPath);
}

/**
 * Gives a file a name, never that of another file: fails with `EEXIST` when the name is taken. Where the file system
 * has no hard links the file is `moved` there; then the name is looked at first, and a rival within the same instant is
 * not noticed.
 */
export async function addName(disk: Disk, path: string, name: string): Promise<'added' | 'moved'> {
  try {
    await disk.link(path, name);
    return 'added';
  } catch (error) {
    if (!NO_HARD_LINKS.has(errnoName(error) ?? '')) throw error;
    if (await exists(disk, name)) throw Object.assign(new Error(`${name} exists`), { code: 'EEXIST' });
    await disk.rename(path, name);
    return 'moved';
  }
}

/** True when there is something of that name. */
export async function exists(disk: Disk, path: string): Promise<boolean> {
  return (await statusIfThere(disk, path)) !== undefined;
}

/** What is at a name; undefined when nothing is. */
export async function statusIfThere(disk: Disk, path: string): Promise<FileStatus | undefined> {
  try {
    return await disk.status(path);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
}
