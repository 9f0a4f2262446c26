import {
  AdditionalSenseCode,
  buildModeParameters,
  buildProvisioningPage,
  LOG_SENSE,
  LogPageCode,
  MODE_SELECT_10,
  parseLogPage,
  parseLogParameters,
  resourceCountParameter,
  SenseKey,
  Status,
  SYNCHRONIZE_CACHE_10,
  TEST_UNIT_READY,
  WRITE_10,
} from '@lunbox/scsi';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { allocatedBytes } from '../support/compare-files.ts';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { noSpace, ScsiClient, type ScsiReply } from '../support/scsi-client.ts';
import { canMount, leftBytes, mountSmall, type SmallFileSystem } from '../support/small-file-system.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 2 ** 20;
const BLOCKS = MIB / 512;
const FILE_SYSTEM_MIB = 40;
const BALLAST_MIB = 8;
const good = { status: Status.GOOD };
const reached = {
  status: Status.CHECK_CONDITION,
  sense: {
    senseKey: SenseKey.UNIT_ATTENTION,
    ...AdditionalSenseCode.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED,
  },
};

const mayRun = requiresTools('qemu-io', 'mkfs.ext4') && canMount();
const ready = (client: ScsiClient): Promise<ScsiReply> => client.send(TEST_UNIT_READY.encode());

describe.skipIf(!mayRun).each([
  ['tmpfs', []],
  ['ext4', []],
  ['ext4', ['--protection', '1']],
] as const)('a thin disk on a small %s, made with %j', (kind, createFlags) => {
  let directory: TempDirectory;
  let fileSystem: SmallFileSystem;
  let target: TargetUnderTest;
  let clients: ScsiClient[];
  let ballast: string;

  const serve = async (): Promise<void> => {
    target = await startLunbox({ directory: fileSystem.path, sizeBytes: 256 * MIB });
  };
  const connect = async (initiator: number): Promise<ScsiClient> => {
    const client = await ScsiClient.ready({ ...target, initiator });
    clients.push(client);
    return client;
  };

  beforeEach(async () => {
    clients = [];
    directory = makeTempDirectory('thin');
    fileSystem = await mountSmall(kind, directory.path, FILE_SYSTEM_MIB);
    ballast = join(fileSystem.path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(BALLAST_MIB * MIB, 0xbb));
    const disk = join(fileSystem.path, 'disk.lun');
    const created = await lunbox(['create', disk, '--size', '256M', '--quiet', ...createFlags]);
    expect(created.status, created.output).toBe(0);
    await serve();
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await target.stop();
    await fileSystem.unmount();
    directory.remove();
  });

  /** Writes the MiB `at` of the disk: the bytes of each are its number. */
  const write = (client: ScsiClient, at: number): Promise<ScsiReply> => {
    const fields = { LOGICAL_BLOCK_ADDRESS: at * BLOCKS, TRANSFER_LENGTH: BLOCKS };
    return client.send(WRITE_10.encode(fields), new Uint8Array(MIB).fill(at + 1));
  };

  /** Writes one MiB after another until one is refused; answers how many there are. */
  const fill = async (client: ScsiClient): Promise<number> => {
    for (let at = 0; at < FILE_SYSTEM_MIB; at++) {
      const reply = await write(client, at);
      if (reply.status === Status.GOOD) continue;
      expect(reply).toMatchObject(noSpace);
      return at;
    }
    throw new Error('everything was taken');
  };

  /** What qemu-io, which logs in for it, says to these commands. */
  const qemuIo = async (...commands: string[]): Promise<string> => {
    const args = commands.flatMap((command) => ['-c', command]);
    return (await run('qemu-io', ['-f', 'raw', ...args, target.url])).output;
  };

  /** Everything that was acknowledged is there for QEMU. */
  const intact = async (countMib: number): Promise<void> => {
    const reads = Array.from({ length: countMib }, (_, at) => `read -P ${at + 1} ${at}M 1M`);
    const output = await qemuIo(...reads);
    expect(output).not.toMatch(/verification failed|error|failed/i);
    expect(output.match(/read 1048576\/1048576 bytes/g)).toHaveLength(countMib);
  };

  it('refuses what finds no space with 27h/07h, keeps all it took, and goes on when there is some', async () => {
    const client = await connect(1);
    const taken = await fill(client);
    expect(taken).toBeGreaterThan(15);
    // What has its space already can be written over and flushed, on a full file system too.
    expect(await write(client, 0)).toMatchObject(good);
    expect(await client.send(SYNCHRONIZE_CACHE_10.encode())).toMatchObject(good);
    expect(await write(client, 200)).toMatchObject(noSpace);
    expect(await qemuIo('write -P 1 220M 1M')).toMatch(/write failed: No space left on device/);
    await intact(taken);
    rmSync(ballast);
    for (let at = taken; at < taken + BALLAST_MIB - 2; at++)
      expect(await write(client, at)).toMatchObject(good);
    await intact(taken + BALLAST_MIB - 2);
  });

  it('has lost nothing after kill -9 on a full file system, is served again, and takes what UNMAP frees', async () => {
    const client = await connect(1);
    const taken = await fill(client);
    expect(await client.send(SYNCHRONIZE_CACHE_10.encode())).toMatchObject(good);
    await client.close();
    clients = [];
    await target.kill9();
    // Not a byte is left, for a lock file either.
    const filler = join(fileSystem.path, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(FILE_SYSTEM_MIB * MIB, 0xff))).toThrow(/ENOSPC/);
    expect(await leftBytes(fileSystem.path)).toBe(0);
    await serve();
    await intact(taken);
    expect(await qemuIo('write -P 1 220M 1M')).toMatch(/write failed: No space left on device/);
    expect(await qemuIo(`discard ${taken - 3}M 3M`, 'flush')).not.toMatch(/failed|error/i);
    expect(await qemuIo('write -P 9 100M 1M', 'flush', 'read -P 9 100M 1M')).not.toMatch(/failed|error/i);
    await intact(taken - 3);
  });

  it('tells when a threshold is reached, and its log page says what the file system says', async () => {
    const [client, other] = [await connect(1), await connect(2)];
    const arm = async (thresholds: Parameters<typeof buildProvisioningPage>[0]): Promise<void> => {
      const pages = [buildProvisioningPage(thresholds)];
      const list = buildModeParameters(10, { deviceSpecific: 0, longLba: false, pages });
      const select = MODE_SELECT_10.encode({ PF: 1, PARAMETER_LIST_LENGTH: list.length });
      expect(await client.send(select, list)).toMatchObject(good);
      // MODE PARAMETERS CHANGED is for the other one.
      while ((await ready(other)).status !== Status.GOOD);
    };
    const counts = async (): Promise<(number | undefined)[]> => {
      const PAGE_CODE = LogPageCode.LOGICAL_BLOCK_PROVISIONING;
      const { data } = await client.send(LOG_SENSE.encode({ PC: 1, PAGE_CODE, ALLOCATION_LENGTH: 512 }));
      const parameters = parseLogParameters(parseLogPage(data).body);
      return [1, 2].map((code) => {
        const found = parameters.find((parameter) => parameter.code === code);
        return found && resourceCountParameter.decode(found.value).RESOURCE_COUNT;
      });
    };
    /** Writes until both have heard of a threshold; space is looked at once a second. */
    const untilReached = async (first: number): Promise<number> => {
      for (let at = first; at < FILE_SYSTEM_MIB; at++) {
        expect(await write(client, at)).toMatchObject(good);
        await sleep(1100);
        // One more write makes the unit look, and does not take space. It looks while it goes on.
        expect(await write(client, at)).toMatchObject(good);
        await sleep(100);
        const heard = await ready(client);
        if (heard.status === Status.GOOD) continue;
        expect([heard, await ready(other)]).toMatchObject([reached, reached]);
        return at + 1;
      }
      throw new Error('no threshold was told of');
    };

    await arm({ usedCount: 4 });
    let next = await untilReached(0);
    expect(next).toBeGreaterThan(1);
    expect(next).toBeLessThanOrEqual(4);
    const [, used] = await counts();
    expect(used).toBe(Math.ceil(allocatedBytes(target.filePath) / MIB));
    expect(used).toBeGreaterThanOrEqual(4);

    const left = Math.floor((await leftBytes(fileSystem.path)) / MIB);
    await arm({ availableCount: left - 2 });
    next = await untilReached(next);
    const [available] = await counts();
    expect(available).toBe(Math.floor((await leftBytes(fileSystem.path)) / MIB));
    expect(available).toBeLessThanOrEqual(left - 2);
    await intact(next);
  });
});
