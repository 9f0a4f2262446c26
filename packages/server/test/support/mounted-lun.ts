import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOrThrow, startDaemon, toolEnvironment } from './processes.ts';
import { canMountImage } from './small-file-system.ts';
import { makeTempDirectory } from './temp-directory.ts';

/** A LUN with an ext4 of the kernel in use on it. */
export interface MountedLun {
  /** Its mount point. */
  readonly path: string;
  /** Takes all of it away again; whoever has files in it open must have closed them. */
  unmount(): Promise<void>;
}

/**
 * True where a LUN becomes a block device of this machine: that takes loop devices and FUSE, and root. The programs
 * (`qemu-storage-daemon`, `mkfs.ext4`) must be there: look with `requiresTools`.
 */
export async function canMountLun(): Promise<boolean> {
  if (!(await canMountImage('ext4'))) return false;
  const directory = makeTempDirectory('fuse');
  try {
    writeFileSync(directory.file('image'), Buffer.alloc(1 << 20));
    const blockdev = `driver=file,filename=${directory.file('image')},node-name=disk`;
    await (await exportByFuse(blockdev, directory.file('exported'))).end('SIGTERM');
    return true;
  } catch {
    return false;
  } finally {
    directory.remove();
  }
}

/** QEMU's block layer shows a disk as an ordinary file. */
function exportByFuse(blockdev: string, file: string): ReturnType<typeof startDaemon> {
  writeFileSync(file, '');
  const shown = `type=fuse,id=export,node-name=disk,mountpoint=${file},writable=on`;
  return startDaemon('qemu-storage-daemon', ['--blockdev', blockdev, '--export', shown], {
    probe: async () => (await run('stat', ['-f', '-c', '%T', file])).stdout.trim() === 'fuseblk',
  });
}

/**
 * Makes an ext4 on a LUN and mounts it. There is no iSCSI in this kernel: QEMU's initiator speaks it, shows the disk
 * as a file through FUSE, and a loop device makes a block device of that. Flushes go all the way down.
 * @param url `iscsi://…` of the LUN
 * @param directory gets the file and the mount point
 */
export async function mountLun(url: string, directory: string): Promise<MountedLun> {
  const exported = join(directory, 'exported');
  const daemon = await exportByFuse(`driver=iscsi,node-name=disk,${addressOf(url)}`, exported);
  await runOrThrow('mkfs.ext4', ['-q', '-F', '-m', '0', exported]);
  const mounted = await mountImage(exported, 0, join(directory, 'mounted'));
  return {
    path: mounted.path,
    unmount: async () => {
      await mounted.unmount();
      await daemon.end('SIGTERM');
    },
  };
}

function addressOf(url: string): string {
  const { host, pathname } = new URL(url);
  const [, target, lun] = pathname.split('/');
  return `transport=tcp,portal=${host},target=${target},lun=${lun}`;
}

/** Mounts the ext4 that begins at `offset` of a file. */
export async function mountImage(file: string, offset: number, path: string): Promise<MountedLun> {
  mkdirSync(path);
  await runOrThrow('mount', ['-t', 'ext4', '-o', `loop,offset=${offset}`, file, path]);
  // A test that ran out of time must not leave a mount behind.
  const leave = (): void => void spawnSync('umount', ['--lazy', path], { env: toolEnvironment() });
  process.once('exit', leave);
  return {
    path,
    unmount: async () => {
      process.off('exit', leave);
      await runOrThrow('umount', [path]);
    },
  };
}
