import { Status, SYNCHRONIZE_CACHE_10, WRITE_10 } from '@lunbox/scsi';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { noSpace, ScsiClient, type ScsiReply } from '../support/scsi-client.ts';
import { canMountImage, leftBytes, mountSmall, type SmallFileSystem } from '../support/small-file-system.ts';
import { startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 2 ** 20;
const BLOCKS = MIB / 512;
const DISK_MIB = 64;
const QUOTA_MIB = 24;
const good = { status: Status.GOOD };

const mayRun = requiresTools('mkfs.btrfs', 'btrfs', 'qemu-io') && (await canMountImage('btrfs'));

// Of the file systems with quotas, Btrfs alone holds root to them: EDQUOT comes from the kernel.
describe.skipIf(!mayRun)('a disk in a subvolume of Btrfs with a quota', () => {
  let directory: TempDirectory;
  let fileSystem: SmallFileSystem;
  let target: TargetUnderTest;
  let subvolume: string;

  beforeEach(async () => {
    directory = makeTempDirectory('quota');
    fileSystem = await mountSmall('btrfs', directory.path, 300);
    subvolume = join(fileSystem.path, 'disks');
    await runOrThrow('btrfs', ['quota', 'enable', fileSystem.path]);
    await runOrThrow('btrfs', ['subvolume', 'create', subvolume]);
    await limit(`${QUOTA_MIB}M`);
    target = await startLunbox({ directory: subvolume, sizeBytes: DISK_MIB * MIB });
  });

  afterEach(async () => {
    await target.stop();
    await fileSystem.unmount();
    directory.remove();
  });

  const limit = async (size: string): Promise<void> => {
    await runOrThrow('btrfs', ['qgroup', 'limit', size, subvolume]);
  };

  /** Writes the MiB `at` of the disk: the bytes of each are its number. */
  const write = (client: ScsiClient, at: number): Promise<ScsiReply> => {
    const fields = { LOGICAL_BLOCK_ADDRESS: at * BLOCKS, TRANSFER_LENGTH: BLOCKS };
    return client.send(WRITE_10.encode(fields), new Uint8Array(MIB).fill(at + 1));
  };

  const intact = async (countMib: number): Promise<void> => {
    const reads = Array.from({ length: countMib }, (_, at) => ['-c', `read -P ${at + 1} ${at}M 1M`]);
    const { output } = await run('qemu-io', ['-f', 'raw', ...reads.flat(), target.url]);
    expect(output).not.toMatch(/verification failed|error|failed/i);
    expect(output.match(/read 1048576\/1048576 bytes/g)).toHaveLength(countMib);
  };

  it('refuses what goes beyond it with 27h/07h, loses nothing, and goes on when it has more', async () => {
    const client = await ScsiClient.ready({ ...target, initiator: 1 });
    let taken = 0;
    let last = await write(client, taken);
    for (; last.status === Status.GOOD && taken < DISK_MIB - 1; last = await write(client, taken)) {
      taken++;
      // It is counted when it goes to the medium, too.
      expect(await client.send(SYNCHRONIZE_CACHE_10.encode())).toMatchObject(good);
    }
    expect(last).toMatchObject(noSpace);
    expect(taken).toBeGreaterThan(QUOTA_MIB / 2);
    expect(taken).toBeLessThanOrEqual(QUOTA_MIB);
    // It is the quota: the file system has space.
    expect(await leftBytes(fileSystem.path)).toBeGreaterThan(100 * MIB);
    await intact(taken);

    // What was acknowledged is there after kill -9, and the disk is served again within its quota.
    await client.close();
    await target.kill9();
    await limit('60M');
    target = await startLunbox({ directory: subvolume, sizeBytes: DISK_MIB * MIB });
    await intact(taken);
    const again = await ScsiClient.ready({ ...target, initiator: 1 });
    for (let at = taken; at < taken + 8; at++) expect(await write(again, at)).toMatchObject(good);
    expect(await again.send(SYNCHRONIZE_CACHE_10.encode())).toMatchObject(good);
    await again.close();
    await intact(taken + 8);
  });
});
