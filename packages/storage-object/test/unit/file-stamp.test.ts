import type { FileStatus } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { judgeContinuity, stampOf } from '../../src/file-stamp.ts';

const status: FileStatus = {
  kind: 'file',
  sizeBytes: 1000,
  allocatedBytes: 0,
  mtimeNs: 5_000_000_000n,
  birthTimeNs: 1_000_000_000n,
  linkCount: 1,
  inode: 12n,
  deviceId: 1n,
};
const closed = { openState: 'clean', stamp: stampOf(status) } as const;
const open = { openState: 'open', stamp: stampOf(status) } as const;

describe('continuity', () => {
  it('is clean when the file is as the close left it, also when times are kept less exactly', () => {
    expect(judgeContinuity(closed, status)).toBe('clean');
    expect(judgeContinuity(closed, { ...status, mtimeNs: status.mtimeNs - 999n })).toBe('clean');
  });

  it('is clean after a move within the file system, whatever the device number is by now', () => {
    expect(judgeContinuity(closed, { ...status, deviceId: 99n })).toBe('clean');
  });

  it('is unclean when the last server did not close it', () => {
    expect(judgeContinuity(open, { ...status, mtimeNs: 9_000_000_000n })).toBe('unclean');
  });

  it('is modified when time or size changed while nobody had it open', () => {
    expect(judgeContinuity(closed, { ...status, mtimeNs: 6_000_000_000n })).toBe('modified');
    expect(judgeContinuity(closed, { ...status, sizeBytes: 2000 })).toBe('modified');
  });

  it('is foreign for another inode, of a closed and of a live container', () => {
    expect(judgeContinuity(closed, { ...status, inode: 13n })).toBe('foreign');
    expect(judgeContinuity(open, { ...status, inode: 13n })).toBe('foreign');
  });

  it('is foreign for another time of birth: inode numbers repeat between file systems', () => {
    expect(judgeContinuity(closed, { ...status, birthTimeNs: 2_000_000_000n })).toBe('foreign');
  });

  it('does without the time of birth where a file system has none', () => {
    expect(judgeContinuity(closed, { ...status, birthTimeNs: 0n })).toBe('clean');
  });
});
