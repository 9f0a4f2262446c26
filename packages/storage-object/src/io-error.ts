import { BlockError, errnoName } from '@lunbox/block';
import { ContainerError } from './container-error.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the file system',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file system does not allow files of this size',
  EXDEV: 'that is another file system; copy it there instead',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
};

/** What is done to a container that has to be there. */
const FINDS: ReadonlySet<string> = new Set(['open', 'check', 'repair', 'delete']);

/** Turns a failure of the file system into a {@link ContainerError}; the package's own errors stay themselves. */
export function ioError(action: string, path: string, error: unknown): Error {
  if (error instanceof ContainerError || error instanceof BlockError) return error;
  const errno = errnoName(error);
  // The errors of other packages have codes, too; those of the system have no underscore.
  if (errno === undefined || errno.includes('_'))
    return error instanceof Error ? error : new Error(String(error));
  const reason = WORDS[errno] ?? `the file system answered ${errno}`;
  const code = errno === 'ENOENT' && FINDS.has(action) ? 'CONTAINER_NOT_FOUND' : 'CONTAINER_IO';
  return new ContainerError(code, `cannot ${action} ${path}: ${reason}`, { path, cause: error });
}
