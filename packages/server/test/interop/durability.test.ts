import { AdditionalSenseCode, READ_10, SenseKey, Status, SYNCHRONIZE_CACHE_10, WRITE_10 } from '@lunbox/scsi';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mountLossy, type LossyFileSystem } from '../support/lossy-file-system.ts';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { ScsiClient, type ScsiReply } from '../support/scsi-client.ts';
import { canMount } from '../support/small-file-system.ts';
import { lunbox, lunboxInfo, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const KIB64 = 1 << 16;
const BLOCKS = KIB64 / 512;
const good = { status: Status.GOOD };
/** What was acknowledged is lost: the medium failed, and no space that somebody makes brings it back. */
const lost = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.MEDIUM_ERROR, ...AdditionalSenseCode.WRITE_ERROR },
};
/** Nothing of what is asked was tried: the unit is out of order until it is opened again. */
const outOfOrder = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.HARDWARE_ERROR, ...AdditionalSenseCode.INTERNAL_TARGET_FAILURE },
};

const mayRun = requiresTools('qemu-io', 'iscsi-inq', 'iscsi-ls', 'mkfs.ext4') && canMount();

describe.skipIf(!mayRun)('a disk whose file system loses what it wrote', () => {
  let directory: TempDirectory;
  let fileSystem: LossyFileSystem;
  let control: string;
  let path: string;
  let target: TargetUnderTest;
  let clients: ScsiClient[];

  const serve = async (removable = false): Promise<void> => {
    const serveFlags = ['--control', control];
    target = await startLunbox({ directory: fileSystem.path, sizeBytes: 32 << 20, removable, serveFlags });
  };
  const connect = async (initiator: number): Promise<ScsiClient> => {
    const client = await ScsiClient.ready({ ...target, initiator });
    clients.push(client);
    return client;
  };
  const leave = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
  };
  /** Writes the 64 KiB `at` of the disk. */
  const write = (client: ScsiClient, at: number, value: number, FUA = 0): Promise<ScsiReply> => {
    const fields = { LOGICAL_BLOCK_ADDRESS: at * BLOCKS, TRANSFER_LENGTH: BLOCKS, FUA };
    return client.send(WRITE_10.encode(fields), new Uint8Array(KIB64).fill(value));
  };
  const flush = (client: ScsiClient): Promise<ScsiReply> => client.send(SYNCHRONIZE_CACHE_10.encode());
  /** What all of the 64 KiB `at` hold. */
  const valueAt = async (client: ScsiClient, at: number): Promise<number | undefined> => {
    const { data } = await client.send(
      READ_10.encode({ LOGICAL_BLOCK_ADDRESS: at * BLOCKS, TRANSFER_LENGTH: BLOCKS }),
    );
    return data.length === KIB64 && data.every((byte) => byte === data[0]) ? data[0] : undefined;
  };
  const qemuIo = async (...commands: string[]): Promise<string> => {
    const args = commands.flatMap((command) => ['-c', command]);
    return (await run('qemu-io', ['-f', 'raw', ...args, target.url])).output;
  };
  const faultOf = async (): Promise<string | undefined> => {
    const { stdout } = await lunbox(['control', control, 'status']);
    const status = JSON.parse(stdout) as { targets: { luns: { fault?: string }[] }[] };
    return status.targets[0]?.luns[0]?.fault;
  };
  /** Flushes 64 KiB, and loses the next ones that are acknowledged. */
  const loseSome = async (client: ScsiClient): Promise<void> => {
    expect(await write(client, 0, 1)).toMatchObject(good);
    expect(await flush(client)).toMatchObject(good);
    fileSystem.lose();
    expect(await write(client, 64, 2)).toMatchObject(good);
  };

  beforeEach(async () => {
    clients = [];
    directory = makeTempDirectory('durability');
    control = directory.file('control.sock');
    fileSystem = await mountLossy(directory.path);
    path = join(fileSystem.path, 'disk.lun');
  });

  afterEach(async () => {
    await leave();
    fileSystem.mend();
    await target.stop();
    await fileSystem.unmount();
    directory.remove();
  });

  it('says what failed, acknowledges nothing more, and says so wherever somebody asks', async () => {
    await serve();
    const client = await connect(1);
    expect(await faultOf()).toBeUndefined();
    await loseSome(client);
    expect(await flush(client)).toMatchObject(lost);
    fileSystem.mend();
    // A second sync would succeed without what was lost.
    for (const reply of [
      await flush(client),
      await write(client, 0, 3),
      await write(client, 0, 3, 1),
      await flush(await connect(2)),
    ]) {
      expect(reply).toMatchObject(outOfOrder);
    }
    expect(await valueAt(client, 0)).toBe(1);

    expect(await faultOf()).toMatch(/an earlier sync failed \((ENOSPC|EIO)\).*open the device again/);
    expect(target.log()).toMatch(
      /^lunbox: error: LUN 0 \(.*disk\.lun\) takes no change any more: an earlier sync/m,
    );
    expect(target.log().match(/takes no change any more/g)).toHaveLength(1);
    const grown = await lunbox(['control', control, 'resize', '0', '64M']);
    expect([grown.status, grown.output]).toEqual([1, expect.stringContaining('an earlier sync failed')]);
    expect(await lunboxInfo(path)).toMatchObject({ capacityBytes: 32 << 20, attributes: {} });

    // Other programs get the same answers.
    expect((await run('iscsi-inq', [target.url])).status).toBe(0);
    expect((await run('iscsi-ls', ['-s', `iscsi://${target.portal}`])).output).toContain(target.iqn);
    expect(await qemuIo('write -P 5 8M 64k')).toMatch(/write failed: Input\/output error/);
    expect(await qemuIo('read -P 1 0 64k')).not.toMatch(/failed|error/i);
  });

  it('has every flushed write when it is served again, and none that the medium does not have', async () => {
    await serve();
    const client = await connect(1);
    await loseSome(client);
    expect(await flush(client)).toMatchObject(lost);
    // The page cache shows what was lost.
    expect(await valueAt(client, 64)).toBe(2);
    await leave();
    fileSystem.mend();
    expect(await target.stop()).toBe(1);
    expect(target.log()).toMatch(/an earlier sync failed/);

    const info = await lunboxInfo(path);
    expect(info).toMatchObject({ continuity: 'unclean' });
    await serve();
    const again = await connect(1);
    expect(target.log()).toContain('was not closed in order; every flushed write is there');
    expect([await valueAt(again, 0), await valueAt(again, 64)]).toEqual([1, 0]);
    expect(await write(again, 64, 4)).toMatchObject(good);
    expect(await flush(again)).toMatchObject(good);
    expect(await faultOf()).toBeUndefined();
    expect(await qemuIo('read -P 1 0 64k', 'read -P 4 4M 64k', 'write -P 6 8M 64k', 'flush')).not.toMatch(
      /failed|error/i,
    );
    await leave();
    expect(await target.stop()).toBe(0);
    const { status, output } = await lunbox(['check', path]);
    expect(status, output).toBe(0);
  });

  it('fails a write with FUA that is lost, and all that come after it', async () => {
    await serve();
    const client = await connect(1);
    expect(await write(client, 0, 1, 1)).toMatchObject(good);
    fileSystem.lose();
    expect(await write(client, 64, 2, 1)).toMatchObject(lost);
    expect(await write(client, 0, 2)).toMatchObject(outOfOrder);
  });

  it('is taken out by force where it is removable, and comes back sound without a restart', async () => {
    await serve(true);
    await loseSome(await connect(1));
    expect(await flush(clients[0]!)).toMatchObject(lost);
    fileSystem.mend();
    expect((await lunbox(['control', control, 'eject', '0'])).status).toBe(1);
    expect(await faultOf()).toMatch(/an earlier sync failed/);
    const forced = await lunbox(['control', control, 'eject', '0', '--force']);
    expect(forced.output).toContain('an earlier sync failed');
    const inserted = await lunbox(['control', control, 'insert', '0', path]);
    expect(inserted.status, inserted.output).toBe(0);
    const client = await connect(2);
    expect([await valueAt(client, 0), await valueAt(client, 64)]).toEqual([1, 0]);
    expect(await write(client, 64, 4)).toMatchObject(good);
    expect(await flush(client)).toMatchObject(good);
    expect(await faultOf()).toBeUndefined();
  });
});
