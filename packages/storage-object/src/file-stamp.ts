import type { FileStatus } from '@lunbox/block';

/**
 * What a file looked like when its header was written. Comparing it with the file at hand tells whether the
 * object came back as it was left, or as something else.
 */
export interface FileStamp {
  readonly sizeBytes: number;
  /** Time of the last change of the content, nanoseconds since 1970. */
  readonly modifiedAtNs: bigint;
  readonly inode: bigint;
  /** Time of birth, nanoseconds since 1970; 0 where the file system does not tell. */
  readonly bornAtNs: bigint;
}

/**
 * How an object came back:
 *
 * - `clean`: as it was left by an orderly close;
 * - `unclean`: the same file, whose last server ended without closing it;
 * - `modified`: the same file, closed in order, but written by something else since;
 * - `foreign`: another file: a copy of the one that the header was written into.
 */
export type Continuity = 'clean' | 'unclean' | 'modified' | 'foreign';

/** Programs set times through a double of seconds, which keeps microseconds at best. */
const TIME_TOLERANCE_NS = 1_000_000n;

/** Takes the stamp of a file. */
export function stampOf(status: FileStatus): FileStamp {
  return {
    sizeBytes: status.sizeBytes,
    modifiedAtNs: status.mtimeNs,
    inode: status.inode,
    bornAtNs: status.birthTimeNs,
  };
}

/** Judges a file by the stamp and the open state in its header. */
export function judgeContinuity(
  header: { readonly openState: 'clean' | 'open'; readonly stamp: FileStamp },
  status: FileStatus,
): Continuity {
  if (!isSameFile(header.stamp, status)) return 'foreign';
  if (header.openState === 'open') return 'unclean';
  if (header.stamp.sizeBytes !== status.sizeBytes) return 'modified';
  const apartNs = header.stamp.modifiedAtNs - status.mtimeNs;
  return apartNs < TIME_TOLERANCE_NS && apartNs > -TIME_TOLERANCE_NS ? 'clean' : 'modified';
}

/**
 * A copy has another inode. Inode numbers repeat from one file system to the next, and the first file of two
 * new disks has the same one, so the time of birth counts too where both sides know it.
 */
function isSameFile(stamp: FileStamp, status: FileStatus): boolean {
  if (stamp.inode !== status.inode) return false;
  if (stamp.bornAtNs === 0n || status.birthTimeNs === 0n) return true;
  return stamp.bornAtNs === status.birthTimeNs;
}
