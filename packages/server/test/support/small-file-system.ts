import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOrThrow, toolEnvironment } from './processes.ts';
import { makeTempDirectory } from './temp-directory.ts';

/** A file system that runs full soon, mounted for one test file. */
export interface SmallFileSystem {
  /** Its mount point. */
  readonly path: string;
  /** Unmounts it; whoever has files in it open must have closed them. */
  unmount(): Promise<void>;
}

/** Which file system: in memory, or a real one in a file. XFS takes 300 MiB and Btrfs 110 MiB at least. */
export type SmallFileSystemKind = 'tmpfs' | ImageKind;

/** File systems in a file, and what makes one. */
type ImageKind = 'ext4' | 'xfs' | 'btrfs';

const MAKERS: Readonly<Record<ImageKind, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-m', '0'],
  xfs: ['mkfs.xfs', '-q'],
  btrfs: ['mkfs.btrfs', '-q'],
};

/**
 * True where this user may mount file systems of this kind in files, which takes loop devices and a kernel that knows
 * it. The programs that make them must be there: look with `requiresTools`.
 */
export async function canMountImage(kind: ImageKind): Promise<boolean> {
  if (!canMount()) return false;
  const directory = makeTempDirectory('mount');
  try {
    const [image, path] = [directory.file('image'), directory.file('mounted')];
    await makeImage(kind, image, 300);
    mkdirSync(path);
    if ((await run('mount', ['-o', 'loop', image, path])).status !== 0) return false;
    await runOrThrow('umount', [path]);
    return true;
  } finally {
    directory.remove();
  }
}

async function makeImage(kind: ImageKind, image: string, sizeMib: number): Promise<void> {
  writeFileSync(image, '');
  truncateSync(image, sizeMib * 2 ** 20);
  const [program = '', ...flags] = MAKERS[kind];
  await runOrThrow(program, [...flags, image]);
}

/** True where this user may mount file systems. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const directory = makeTempDirectory('mount');
  try {
    const options = { env: toolEnvironment() };
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1M', 'none', directory.path], options);
    return mounted.status === 0 && spawnSync('umount', [directory.path], options).status === 0;
  } finally {
    directory.remove();
  }
}

/** Makes a file system of so many MiB below `directory`, and mounts it there. */
export async function mountSmall(
  kind: SmallFileSystemKind,
  directory: string,
  sizeMib: number,
): Promise<SmallFileSystem> {
  const path = join(directory, `${kind}-mount`);
  mkdirSync(path);
  if (kind === 'tmpfs') {
    await runOrThrow('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}M`, 'none', path]);
  } else {
    const image = join(directory, `${kind}.img`);
    await makeImage(kind, image, sizeMib);
    await runOrThrow('mount', ['-o', 'loop', image, path]);
  }
  const unmount = async (): Promise<void> => {
    process.off('exit', leave);
    await runOrThrow('umount', [path]);
  };
  // A test that ran out of time must not leave a mount behind.
  const leave = (): void => void spawnSync('umount', ['--lazy', path], { env: toolEnvironment() });
  process.once('exit', leave);
  return { path, unmount };
}

/** The space that a file system has left, as `df` tells. */
export async function leftBytes(path: string): Promise<number> {
  const { stdout } = await run('df', ['--output=avail', '-B1', path]);
  return Number(stdout.trim().split('\n').at(-1));
}
