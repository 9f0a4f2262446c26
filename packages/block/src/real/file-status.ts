import type { BigIntStats } from 'node:fs';
import type { FileStatus } from '../disk.ts';

/** `st_blocks` counts 512-byte units whatever the file system's own block is (stat(2)). */
const STAT_BLOCK_BYTES = 512;

function kindOf(stats: BigIntStats): FileStatus['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isBlockDevice() ? 'block-device' : 'other';
}

/** The part of `fs.Stats` that Lunbox uses. */
export function toFileStatus(stats: BigIntStats): FileStatus {
  return {
    kind: kindOf(stats),
    sizeBytes: Number(stats.size),
    allocatedBytes: Number(stats.blocks) * STAT_BLOCK_BYTES,
    mtimeNs: stats.mtimeNs,
    birthTimeNs: stats.birthtimeNs,
    inode: stats.ino,
    deviceId: stats.dev,
    linkCount: Number(stats.nlink),
  };
}
