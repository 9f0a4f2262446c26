import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { runOrThrow, toolEnvironment } from './processes.ts';

/** A real file system whose medium can be made to lose what is written to it. */
export interface LossyFileSystem {
  /** Its mount point. */
  readonly path: string;
  /** From now on what finds no place on the medium is lost when it is written back, and the next sync fails. */
  lose(): void;
  /** The medium is sound again. */
  mend(): void;
  /** Unmounts it; whoever has files in it open must have closed them. */
  unmount(): Promise<void>;
}

const MIB = 2 ** 20;
const MEDIUM_MIB = 48;
const IMAGE_MIB = 96;

/**
 * An ext4 in a sparse file, on a file system in memory that is too small for it: with a ballast beside the file the
 * kernel finds no page for a block that is written for the first time, so write-back fails as on a thin volume that is
 * full, or on a broken disk, and `fdatasync` says so once to each open file.
 */
export async function mountLossy(directory: string): Promise<LossyFileSystem> {
  const [memory, path] = [join(directory, 'medium'), join(directory, 'mount')];
  const [image, ballast] = [join(memory, 'image'), join(memory, 'ballast')];
  for (const each of [memory, path]) mkdirSync(each);
  await runOrThrow('mount', ['-t', 'tmpfs', '-o', `size=${MEDIUM_MIB}M`, 'none', memory]);
  writeFileSync(image, '');
  truncateSync(image, IMAGE_MIB * MIB);
  // Its own records are written at once, so that they have their places.
  const now = 'lazy_itable_init=0,lazy_journal_init=0,nodiscard';
  await runOrThrow('mkfs.ext4', ['-q', '-F', '-m', '0', '-E', now, image]);
  await runOrThrow('mount', ['-o', 'loop', image, path]);
  const leave = (): void => {
    for (const each of [path, memory]) spawnSync('umount', ['--lazy', each], { env: toolEnvironment() });
  };
  // A test that ran out of time must not leave a mount behind.
  process.once('exit', leave);
  return {
    path,
    lose: () => fill(ballast),
    mend: () => rmSync(ballast, { force: true }),
    unmount: async () => {
      process.off('exit', leave);
      await runOrThrow('umount', [path]);
      await runOrThrow('umount', [memory]);
    },
  };
}

/** Takes all the space there is, to the last page. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  const piece = Buffer.alloc(1 << 16, 0xff);
  try {
    for (;;) writeSync(file, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}
