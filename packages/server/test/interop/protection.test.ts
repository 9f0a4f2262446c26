import { MemoryDevice } from '@lunbox/block';
import { connectLun, type IscsiDisk } from '@lunbox/iscsi-initiator';
import { IscsiServer } from '@lunbox/iscsi-target';
import {
  blockGuard,
  buildProtectionInformation,
  INQUIRY,
  LogicalUnit,
  protectionAreaBytes,
  ProtectedDevice,
  READ_16,
  READ_32,
  ScsiTarget,
  WRITE_16,
  WRITE_32,
  WRITE_SAME_32,
  type ProtectionType,
} from '@lunbox/scsi';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { makeTempDirectory } from '../support/temp-directory.ts';
import { runTestcu } from '../support/testcu.ts';

const NAME = 'iqn.2026-11.io.lunbox:protection-test';
const IDENTITY = new Uint8Array(16).fill(5);
const BLOCKS = 300;

const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

/** A disk in memory with protection information, served by a Lunbox in this process. */
async function serve(type: ProtectionType, blockSize: number) {
  const data = new MemoryDevice({ size: 16 << 20, blockSize });
  const area = new MemoryDevice({ size: protectionAreaBytes(data.size, blockSize) });
  const device = await ProtectedDevice.create({ data, area, identity: IDENTITY }, type);
  const scsi = new ScsiTarget();
  scsi.addUnit(0, new LogicalUnit({ device, identity: IDENTITY }));
  const server = new IscsiServer({ targets: [{ name: NAME, scsi }] });
  closings.push(() => server.close({ timeoutMs: 0 }));
  return server.listen({ host: '127.0.0.1', port: 0 });
}

async function open(type: ProtectionType, blockSize: number): Promise<IscsiDisk> {
  const portal = await serve(type, blockSize);
  const disk = await connectLun({ portal, targetName: NAME, lun: 0 });
  closings.push(() => Promise.resolve(disk.close()));
  return disk;
}

/** Blocks with protection information after each. */
function protectedBlocks(blockSize: number, firstTag: number): Uint8Array {
  const blocks = Array.from({ length: BLOCKS }, (_, index) => {
    const user = Uint8Array.from({ length: blockSize }, (_byte, at) => at * 3 + index);
    const tags = buildProtectionInformation({
      LOGICAL_BLOCK_GUARD: blockGuard(user),
      LOGICAL_BLOCK_APPLICATION_TAG: 7,
      LOGICAL_BLOCK_REFERENCE_TAG: firstTag + index,
    });
    return Buffer.concat([user, tags]);
  });
  return Buffer.concat(blocks);
}

describe.each([512, 4096])('our initiator, blocks of %i bytes', (blockSize) => {
  it.each([1, 2] as const)('writes and reads protection information of type %i', async (type) => {
    const { session } = await open(type, blockSize);
    const lba = 11;
    const firstTag = type === 1 ? lba : 1_000_000;
    const wire = protectedBlocks(blockSize, firstTag);
    const address = { LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: BLOCKS };
    const long = { ...address, EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG: firstTag };
    const write =
      type === 1 ? WRITE_16.encode({ WRPROTECT: 1, ...address }) : WRITE_32.encode({ WRPROTECT: 1, ...long });
    const read =
      type === 1 ? READ_16.encode({ RDPROTECT: 1, ...address }) : READ_32.encode({ RDPROTECT: 1, ...long });
    expect(await session.command({ lun: 0, cdb: write, write: [wire] })).toMatchObject({ status: 0 });
    const found = new Uint8Array(wire.length);
    const result = await session.command({ lun: 0, cdb: read, read: [found] });
    expect(result).toMatchObject({ status: 0, residualBytes: 0 });
    expect(Buffer.compare(found, wire)).toBe(0);
    wire[200 * (blockSize + 8) + 5]! ^= 1;
    expect(await session.command({ lun: 0, cdb: write, write: [wire] })).toMatchObject({
      status: 2,
      sense: { senseKey: 0xb, asc: 0x10, ascq: 1, information: lba + 200 },
    });
  });
});

it('a 32-byte CDB that does not come whole is refused at ADDITIONAL CDB LENGTH', async () => {
  const { session } = await open(0, 512);
  const cdb = WRITE_SAME_32.encode({ NUMBER_OF_LOGICAL_BLOCKS: 4 });
  const write = [new Uint8Array(512).fill(9)];
  for (const length of [16, 17, 31]) {
    expect(await session.command({ lun: 0, cdb: cdb.slice(0, length), write })).toMatchObject({
      status: 2,
      sense: { senseKey: 5, asc: 0x24, fieldPointer: { inCdb: true, byteOffset: 7 } },
    });
  }
  expect(await session.command({ lun: 0, cdb, write })).toMatchObject({ status: 0 });
});

it.skipIf(!requiresTools('sg_vpd', 'sg_inq'))('sg3-utils read what the unit says of it', async () => {
  const { session } = await open(1, 512);
  const directory = makeTempDirectory('protection');
  closings.push(() => Promise.resolve(directory.remove()));
  const decode = async (tool: string, cdb: Uint8Array, ...args: string[]): Promise<string> => {
    const data = new Uint8Array(255);
    const { receivedBytes } = await session.command({ lun: 0, cdb, read: [data] });
    const file = directory.file('answer.bin');
    writeFileSync(file, data.subarray(0, receivedBytes));
    const result = await run(tool, [...args, '--raw', '--raw', `--inhex=${file}`]);
    expect(result.status, result.output).toBe(0);
    return result.stdout;
  };
  const standard = await decode('sg_inq', INQUIRY.encode({ ALLOCATION_LENGTH: 255 }));
  expect(standard).toContain('Protect=1');
  const page = INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0x86, ALLOCATION_LENGTH: 255 });
  const extended = await decode('sg_vpd', page, '--page=ei');
  expect(extended).toMatch(/SPT=7 .*\n?.*GRD_CHK=1 APP_CHK=1 REF_CHK=1/);
});

it.skipIf(!requiresTools('iscsi-test-cu'))(
  'libiscsi finds a disk with protection information to be a disk',
  async () => {
    const portal = await serve(1, 512);
    const url = `iscsi://${portal.host}:${portal.port}/${NAME}/0`;
    const only = ['Read1*', 'Write1*', 'WriteSame16.*', 'Verify*', 'Unmap.*'];
    const results = await runTestcu({ url, only });
    const wrong = results.filter(({ verdict }) => !['pass', 'skip', 'part'].includes(verdict));
    expect(wrong).toEqual([]);
    expect(results.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(30);
  },
  240_000,
);
