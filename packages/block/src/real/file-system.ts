import { fstatSync, statfsSync } from 'node:fs';

/** `f_type` of statfs(2), linux/magic.h. */
const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;
const EXT4_MAGIC = 0xef53;
const XFS_MAGIC = 0x58465342;
const BTRFS_MAGIC = 0x9123683e;
const F2FS_MAGIC = 0xf2f52010;

/**
 * What a synchronous call on a file can wait for: `memory` never waits for a medium, `local` only where its
 * page cache cannot help, and `unknown` (network file systems, FUSE, other platforms) may wait for anything.
 */
export type FileSystemKind = 'memory' | 'local' | 'unknown';

/** The kind of file system that an open file lies on. */
export function fileSystemKind(fd: number): FileSystemKind {
  if (process.platform !== 'linux') return 'unknown';
  try {
    // The node of a block device lies on a file system in memory; what is on the device does not.
    if (fstatSync(fd).isBlockDevice()) return 'unknown';
    // By descriptor: the name may meanwhile be another file's.
    return kindOf(statfsSync(`/proc/self/fd/${fd}`).type >>> 0);
  } catch {
    return 'unknown';
  }
}

function kindOf(magic: number): FileSystemKind {
  if (magic === TMPFS_MAGIC || magic === RAMFS_MAGIC) return 'memory';
  const local = [EXT4_MAGIC, XFS_MAGIC, BTRFS_MAGIC, F2FS_MAGIC];
  return local.includes(magic) ? 'local' : 'unknown';
}
