import {
  AdditionalSenseCode,
  blockGuard,
  buildProtectionInformation,
  FORMAT_UNIT,
  parseReadCapacity16,
  READ_16,
  READ_32,
  READ_CAPACITY_16,
  SenseKey,
  Status,
  SYNCHRONIZE_CACHE_10,
  WRITE_16,
  WRITE_32,
} from '@lunbox/scsi';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runKillCycles } from '../../soak/kill-cycles.ts';
import { firstDifference } from '../support/compare-files.ts';
import { makeExt4Image } from '../support/ext4-image.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { ScsiClient, type ScsiReply } from '../support/scsi-client.ts';
import { lunbox, lunboxInfo, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const MIB = 2 ** 20;
const SIZE = 32 * MIB;
const LBA = 77;
const COUNT = 16;
const APPLICATION_TAG = 0x5a17;
const good = { status: Status.GOOD };

let directory: TempDirectory;
let targets: TargetUnderTest[];
let clients: ScsiClient[];

beforeEach(() => {
  directory = makeTempDirectory('protected');
  [targets, clients] = [[], []];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  for (const target of targets) if (target.running()) await target.stop();
  directory.remove();
});

async function create(
  type: number,
  blockSize: number,
  name = 'disk.lun',
  size = String(SIZE),
): Promise<void> {
  const flags = ['--size', size, '--block-size', String(blockSize), '--protection', String(type)];
  const created = await lunbox(['create', directory.file(name), ...flags, '--json']);
  expect(created.status, created.output).toBe(0);
  expect(JSON.parse(created.stdout)).toMatchObject({ event: 'created', blockSize, protectionType: type });
}

async function serve(...serveFlags: string[]): Promise<TargetUnderTest> {
  const target = await startLunbox({ directory: directory.path, sizeBytes: SIZE, serveFlags });
  targets.push(target);
  return target;
}

async function connect(target: TargetUnderTest): Promise<ScsiClient> {
  const client = await ScsiClient.ready({ ...target, initiator: 1 });
  clients.push(client);
  return client;
}

/** The server ends, and is there again; so is the client. */
async function again(how: 'SIGTERM' | 'SIGKILL'): Promise<ScsiClient> {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const target of targets.splice(0)) await (how === 'SIGKILL' ? target.kill9() : target.stop());
  return connect(await serve());
}

/** User data of the blocks, and each with its protection information after it. */
function blocks(type: number, blockSize: number, seed: number): { data: Buffer; wire: Buffer } {
  const each = Array.from({ length: COUNT }, (_, index) => {
    const user = Uint8Array.from({ length: blockSize }, (_byte, at) => at * seed + index);
    const tags = buildProtectionInformation({
      LOGICAL_BLOCK_GUARD: blockGuard(user),
      LOGICAL_BLOCK_APPLICATION_TAG: APPLICATION_TAG,
      LOGICAL_BLOCK_REFERENCE_TAG: type === 1 ? LBA + index : 1000 + index,
    });
    return { user, wire: Buffer.concat([user, tags]) };
  });
  return {
    data: Buffer.concat(each.map(({ user }) => user)),
    wire: Buffer.concat(each.map(({ wire }) => wire)),
  };
}

const address = { LOGICAL_BLOCK_ADDRESS: LBA, TRANSFER_LENGTH: COUNT };
const long = { ...address, EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG: 1000 };

/** With type 2 the reference tag comes in a CDB of 32 bytes. */
function writeTagged(client: ScsiClient, type: number, wire: Uint8Array): Promise<ScsiReply> {
  const cdb =
    type === 2 ? WRITE_32.encode({ WRPROTECT: 1, ...long }) : WRITE_16.encode({ WRPROTECT: 1, ...address });
  return client.send(cdb, wire);
}

async function readTagged(client: ScsiClient, type: number, lengthBytes: number): Promise<Uint8Array> {
  const cdb =
    type === 2 ? READ_32.encode({ RDPROTECT: 1, ...long }) : READ_16.encode({ RDPROTECT: 1, ...address });
  const read = new Uint8Array(lengthBytes);
  expect(await client.session.command({ lun: 0, cdb, read: [read] })).toMatchObject(good);
  return read;
}

async function capacityOf(client: ScsiClient) {
  const { data } = await client.send(READ_CAPACITY_16.encode({ ALLOCATION_LENGTH: 32 }));
  return parseReadCapacity16(data);
}

describe.each([512, 4096])('a container with protection information, blocks of %i bytes', (blockSize) => {
  it.each([1, 2, 3])('type %i: keeps the tags of an initiator over SIGTERM and kill -9', async (type) => {
    await create(type, blockSize);
    let client = await connect(await serve());
    expect(await capacityOf(client)).toMatchObject({ PROT_EN: 1, P_TYPE: type - 1 });
    const { data, wire } = blocks(type, blockSize, 3);
    expect(await writeTagged(client, type, wire)).toMatchObject(good);
    expect(await client.send(SYNCHRONIZE_CACHE_10.encode())).toMatchObject(good);
    for (const how of ['SIGKILL', 'SIGTERM'] as const) {
      client = await again(how);
      expect(Buffer.compare(await readTagged(client, type, wire.length), wire), how).toBe(0);
    }
    const plain = await client.send(READ_16.encode(address));
    expect([plain.status, Buffer.compare(plain.data, data)]).toEqual([Status.GOOD, 0]);
    const wrong = Uint8Array.from(wire);
    wrong[5 * (blockSize + 8)]! ^= 1;
    expect(await writeTagged(client, type, wrong)).toMatchObject({
      status: Status.CHECK_CONDITION,
      sense: {
        senseKey: SenseKey.ABORTED_COMMAND,
        ...AdditionalSenseCode.LOGICAL_BLOCK_GUARD_CHECK_FAILED,
        information: LBA + 5,
      },
    });
    // The disk in the file is the user data and nothing else.
    const { filePath, dataOffset } = targets[0]!;
    const stored = Buffer.alloc(data.length);
    const file = openSync(filePath, 'r');
    readSync(file, stored, 0, stored.length, dataOffset + LBA * blockSize);
    closeSync(file);
    expect(Buffer.compare(stored, data)).toBe(0);
    expect((await lunbox(['info', filePath])).stdout).toMatch(new RegExp(`^protection +type ${type}$`, 'm'));
    expect(await lunboxInfo(filePath)).toMatchObject({ protectionType: type });
  });
});

it('FORMAT UNIT gives it another type, and a first one, which last', async () => {
  await create(0, 512);
  let client = await connect(await serve());
  expect(await capacityOf(client)).toMatchObject({ PROT_EN: 0 });
  expect(await client.send(FORMAT_UNIT.encode({ FMTPINFO: 0b10 }))).toMatchObject(good);
  client = await again('SIGKILL');
  expect(await capacityOf(client)).toMatchObject({ PROT_EN: 1, P_TYPE: 0 });
  const { wire } = blocks(1, 512, 7);
  expect(await writeTagged(client, 1, wire)).toMatchObject(good);
  expect(await client.send(FORMAT_UNIT.encode({ FMTPINFO: 0b11 }))).toMatchObject(good);
  client = await again('SIGKILL');
  expect(await capacityOf(client)).toMatchObject({ PROT_EN: 1, P_TYPE: 1 });
  expect(await lunboxInfo(directory.file('disk.lun'))).toMatchObject({ protectionType: 2 });
  const plain = await client.send(READ_16.encode(address));
  expect(plain.data).toEqual(new Uint8Array(COUNT * 512));
});

it('damage of the raw image is found when it is read, and nowhere else', async () => {
  await create(1, 512);
  let client = await connect(await serve());
  const { wire } = blocks(1, 512, 5);
  expect(await writeTagged(client, 1, wire)).toMatchObject(good);
  const { filePath, dataOffset } = targets[0]!;
  await Promise.all(clients.splice(0).map((each) => each.close()));
  await targets[0]!.stop();
  const file = openSync(filePath, 'r+');
  writeSync(file, Buffer.from([0xee]), 0, 1, dataOffset + (LBA + 3) * 512 + 9);
  closeSync(file);
  client = await connect(await serve());
  expect(targets[1]!.log()).toContain('was written by another program');
  expect(await client.send(READ_16.encode(address))).toMatchObject({
    status: Status.CHECK_CONDITION,
    sense: { ...AdditionalSenseCode.LOGICAL_BLOCK_GUARD_CHECK_FAILED, information: LBA + 3 },
  });
  const before = READ_16.encode({ LOGICAL_BLOCK_ADDRESS: LBA, TRANSFER_LENGTH: 3 });
  expect(await client.send(before)).toMatchObject(good);
});

it('a damaged area is refused, and nothing is lost of the disk', async () => {
  await create(1, 512);
  const path = directory.file('disk.lun');
  const info = await lunboxInfo(path);
  const { offset } = info['protection'] as { offset: number };
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.from('X'), 0, 1, offset);
  closeSync(file);
  for (const command of [
    ['serve', path, '--portal', '127.0.0.1:0'],
    ['info', path],
  ]) {
    const refused = await lunbox(command);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^lunbox: .*disk\.lun: the protection information cannot be used: its header is dam/,
      ),
    ]);
  }
});

it('grows with its disk as far as there is room, which is four times', async () => {
  const socket = directory.file('control.sock');
  await create(1, 4096, 'disk.lun', '512M');
  const client = await connect(await serve('--control', socket));
  expect((await lunbox(['control', socket, 'resize', '0', '2G'])).status).toBe(0);
  while ((await client.send(SYNCHRONIZE_CACHE_10.encode())).status !== Status.GOOD);
  expect(await capacityOf(client)).toMatchObject({ PROT_EN: 1, RETURNED_LOGICAL_BLOCK_ADDRESS: 2 ** 19 - 1 });
  const last = { LOGICAL_BLOCK_ADDRESS: 2 ** 19 - 1, TRANSFER_LENGTH: 1 };
  expect(await client.send(WRITE_16.encode(last), new Uint8Array(4096).fill(9))).toMatchObject(good);
  expect((await client.send(READ_16.encode({ ...last, RDPROTECT: 1 }))).data.length).toBe(4104);
  const refused = await lunbox(['control', socket, 'resize', '0', '4G']);
  expect([refused.status, refused.stderr]).toEqual([
    2,
    expect.stringMatching(/has room for the protection information of \d+ bytes and no more\n$/),
  ]);
});

it('under kill -9 and write load loses no flushed write, and no block becomes unreadable', async () => {
  const seed = 4711;
  await create(1, 512);
  const cycles = { cycles: 6, seed, loadMs: [30, 300] } as const;
  const report = await runKillCycles({ kind: 'lunbox', directory: directory.path, ...cycles });
  expect(report.violations, `seed ${seed}`).toEqual([]);
  expect(report.flushes).toBeGreaterThan(5);
});

describe.skipIf(!requiresTools('qemu-img', 'iscsi-readcapacity16', 'mkfs.ext4'))(
  'clients that know nothing of it',
  () => {
    it.each([512, 4096])('use it as any disk, blocks of %i bytes', async (blockSize) => {
      const image = await makeExt4Image(directory.path, SIZE / MIB);
      await create(1, blockSize);
      const { url, filePath, dataOffset } = await serve();
      expect(await runOrThrow('iscsi-readcapacity16', [url])).toContain('P_TYPE:0 PROT_EN:1');
      await runOrThrow('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image.path, url]);
      const back = join(directory.path, 'back.img');
      await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', url, back]);
      expect(firstDifference(image, { path: back }, image.sizeBytes)).toBe(-1);
      expect(firstDifference(image, { path: filePath, offset: dataOffset }, image.sizeBytes)).toBe(-1);
      const discarded = await run('qemu-io', [
        '-f',
        'raw',
        '-c',
        'discard 4M 8M',
        '-c',
        'read -P 0 4M 16k',
        url,
      ]);
      expect([discarded.status, discarded.output]).toEqual([0, expect.not.stringContaining('failed')]);
    });
  },
);
