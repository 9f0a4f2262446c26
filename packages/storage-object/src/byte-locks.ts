import type { DiskFile } from '@lunbox/block';

/**
 * QEMU's image locks (block/file-posix.c): a shared lock on byte 100+p says "I use permission p", one on byte
 * 200+p says "I do not share permission p". Nobody locks exclusively; a conflict is found by testing whether
 * an exclusive lock on the opposite byte would be granted. So everyone who is let in can be seen by all.
 */
const USED_BASE = 100;
const UNSHARED_BASE = 200;

const Permission = { CONSISTENT_READ: 0, WRITE: 1, WRITE_UNCHANGED: 2, RESIZE: 3 } as const;

interface Claim {
  readonly used: readonly number[];
  readonly unshared: readonly number[];
}

const WRITER: Claim = {
  used: [Permission.CONSISTENT_READ, Permission.WRITE, Permission.RESIZE],
  unshared: [Permission.WRITE, Permission.WRITE_UNCHANGED, Permission.RESIZE],
};

/** A reader sees one state of the disk as long as nobody writes. */
const READER: Claim = {
  used: [Permission.CONSISTENT_READ],
  unshared: [Permission.WRITE, Permission.RESIZE],
};

/** `held`: another program has the file open in a way that excludes us. */
export type ByteLockOutcome = 'granted' | 'held' | 'unsupported';

/**
 * Claims an open container at QEMU's lock bytes, so that `qemu-img`, `qemu-io` and a second Lunbox stay out.
 * First the own claim is set down, then the others' are looked for: of two that come at the same moment
 * both may step back, but never both go on. The locks end when `file` is closed, also by the end of the
 * process.
 */
export function takeByteLocks(file: DiskFile, access: 'read' | 'write'): ByteLockOutcome {
  const claim = access === 'write' ? WRITER : READER;
  const own = [...claim.used.map((p) => USED_BASE + p), ...claim.unshared.map((p) => UNSHARED_BASE + p)];
  for (const byte of own) {
    const outcome = file.lock({ offset: byte, length: 1, exclusive: false });
    if (outcome !== 'granted') {
      dropByteLocks(file);
      return outcome;
    }
  }
  const opposite = [...claim.used.map((p) => UNSHARED_BASE + p), ...claim.unshared.map((p) => USED_BASE + p)];
  const conflict = opposite.some(
    (byte) => file.testLock({ offset: byte, length: 1, exclusive: true }) === 'held',
  );
  if (!conflict) return 'granted';
  dropByteLocks(file);
  return 'held';
}

/** Whether another program has the container open, also one that goes well with us: both only read. */
export function isReadByOthers(file: DiskFile): boolean {
  const everybody = { offset: USED_BASE + Permission.CONSISTENT_READ, length: 1, exclusive: true };
  return file.testLock(everybody) === 'held';
}

function dropByteLocks(file: DiskFile): void {
  file.unlock(USED_BASE, 64);
  file.unlock(UNSHARED_BASE, 64);
}
