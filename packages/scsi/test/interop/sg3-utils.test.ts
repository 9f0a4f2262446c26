import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  CDB_DEFINITIONS,
  encodeDescriptorSense,
  encodeFixedSense,
  INQUIRY,
  LOG_SENSE,
  type CdbDefinition,
  type SenseData,
} from '../../src/index.ts';
import { memoryHarness } from '../support/harness.ts';

/** sg3_utils reads what we build: a decoder that shares nothing with ours. */
const installed = ['sg_inq', 'sg_vpd', 'sg_logs', 'sg_decode_sense'].every(
  (program) => spawnSync(program, ['--version']).error === undefined,
);
const folder = mkdtempSync(join(tmpdir(), 'lunbox-scsi-'));

afterAll(() => rmSync(folder, { recursive: true }));

function decode(program: string, options: string[], data: Uint8Array): string {
  const file = join(folder, 'data.bin');
  writeFileSync(file, data);
  return execFileSync(program, [...options, file], { encoding: 'utf8' });
}

async function inquire(fields: object): Promise<Uint8Array> {
  const { initiator } = await memoryHarness();
  return (await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 4096, ...fields }))).data;
}

const vpd = async (page: number) =>
  decode(
    'sg_vpd',
    ['--raw', '--long', `--page=0x${page.toString(16)}`, '--inhex'],
    await inquire({ EVPD: 1, PAGE_CODE: page }),
  );

describe.runIf(installed)('sg3_utils', () => {
  test('reads the standard INQUIRY data and its version descriptors', async () => {
    const text = decode('sg_inq', ['--raw', '--descriptors', '--inhex'], await inquire({}));
    for (const said of [
      'PQual=0  PDT=0  RMB=0',
      'NormACA=1  HiSUP=1  Resp_data_format=2',
      'CmdQue=1',
      'length=96 (0x60)',
      'Vendor identification: LUNBOX',
      'Product identification: LUNBOX DISK',
      'Product revision level: 0001',
      'SAM-5',
      'iSCSI',
      'SPC-4',
      'SBC-3',
    ]) {
      expect(text).toContain(said);
    }
  });

  test('reads every VPD page', async () => {
    expect(await vpd(0x80)).toContain('Unit serial number: 00112233445566778899aabbccddeeff');
    const identification = await vpd(0x83);
    for (const said of [
      'vendor id: LUNBOX',
      '0x6024c4200112233445566778899aabbc',
      'Relative target port: 0x1',
      'Target port group: 0x1',
      'iqn.2026-01.test.lunbox:disk0,t,0x0001',
    ]) {
      expect(identification).toContain(said);
    }
    expect(await vpd(0x86)).toMatch(/HEADSUP=1\s+ORDSUP=1\s+SIMPSUP=1/);
    expect(await vpd(0x87)).toMatch(/Policy page code: 0x3f,?\s+subpage code: 0xff[^]*Shared/i);
    expect(await vpd(0x88)).toMatch(/Relative port=1[^]*iqn.2026-01.test.lunbox:disk0,t,0x0001/);
    const copying = await vpd(0x8f);
    for (const said of [
      'Maximum range descriptors: 64',
      'Maximum inactivity timeout: 600 seconds',
      'Default inactivity timeout: 60 seconds',
      'Maximum token transfer size: 8388608',
      'Optimal transfer count: 131072',
      'Write using token',
      'Report all ROD tokens',
      'Maximum CSCD descriptor count: 64',
      'Maximum descriptor list length: 3840',
      'block<o> -> block<o> [0xa]',
      'CSCD: Identification Descriptor [0xe4]',
      'copy src or dst is copy manager LU [0xffff]',
      'Maximum token lifetime: 3600 seconds',
      'ROD type: point in time copy - change vulnerable [0x800001]',
      'Total concurrent copies: 32',
    ]) {
      expect(copying).toContain(said);
    }
    const limits = await vpd(0xb0);
    expect(limits).toContain('Maximum transfer length: 262144 blocks');
    expect(limits).toContain('Maximum unmap block descriptor count: 256');
    expect(limits).toContain('Optimal unmap granularity: 8 blocks');
    expect(limits).toMatch(/Maximum write same length: (0x800000|8388608) blocks/);
    expect(await vpd(0xb1)).toContain('Non-rotating medium');
    const provisioning = await vpd(0xb2);
    expect(provisioning).toContain('Unmap command supported (LBPU): 1');
    expect(provisioning).toContain('thin provisioned');
  });

  test('reads every log page', async () => {
    const space = () => ({ usedBytes: 2 ** 20, availableBytes: 2 ** 21 });
    const { initiator } = await memoryHarness({ space });
    const log = async (fields: object) => {
      const { data } = await initiator.send(LOG_SENSE.encode({ ALLOCATION_LENGTH: 4096, PC: 1, ...fields }));
      return decode('sg_logs', ['--raw', '--pdt=0', '--in'], data);
    };
    expect(await log({})).toMatch(/Supported log pages[^]*Logical block provisioning[^]*Informational/);
    expect(await log({ SUBPAGE_CODE: 0xff })).toContain('0x15,0x01');
    expect(await log({ PAGE_CODE: 0x0c })).toMatch(/Available LBA mapping[^]*: 2[^]*Used LBA mapping[^]*: 1/);
    expect(await log({ PAGE_CODE: 0x0d })).toContain('Current temperature = <not available>');
    expect(await log({ PAGE_CODE: 0x15 })).toContain('Accumulated power on minutes: 0');
    expect(await log({ PAGE_CODE: 0x15, SUBPAGE_CODE: 1 })).toContain('Pending defect count: 0');
    const statistics = await log({ PAGE_CODE: 0x19 });
    expect(statistics).toContain('number of read commands = 0');
    expect(statistics).toContain('time interval negative exponent = 6');
    expect(await log({ PAGE_CODE: 0x2f })).toContain('Informational Exceptions page');
  });

  const samples: [SenseData, string[]][] = [
    [
      { senseKey: 5, asc: 0x24, ascq: 0, fieldPointer: { inCdb: true, byteOffset: 1, bit: 7 } },
      ['Illegal Request', 'Invalid field in cdb', 'byte 1 bit 7'],
    ],
    [
      { senseKey: 3, asc: 0x11, ascq: 0, information: 0x1234 },
      ['Medium Error', 'Unrecovered read error', '1234'],
    ],
    [{ senseKey: 0xe, asc: 0x1d, ascq: 0, information: 9 }, ['Miscompare during verify operation']],
    [{ senseKey: 7, asc: 0x27, ascq: 7 }, ['Space allocation failed write protect']],
    [{ senseKey: 6, asc: 0x2a, ascq: 9 }, ['Capacity data has changed']],
  ];

  test.each(samples)('reads sense data %o in both formats', (sense, said) => {
    for (const encode of [encodeFixedSense, encodeDescriptorSense]) {
      const text = decode('sg_decode_sense', ['--binary'], encode(sense)).replace(/\s+/g, ' ');
      for (const words of said) expect(text).toContain(words);
    }
  });

  // Operation codes that mean something else to a disk, for which the tool takes every CDB.
  const ofDrives = new Set([
    'READ DISC INFORMATION',
    'READ TRACK INFORMATION',
    'MECHANISM STATUS',
    'READ CD',
  ]);
  const otherNames = new Map([
    ['WRITE ATOMIC (32)', 'atomic write (32)'],
    ['READ DISC STRUCTURE', 'Read DVD/BD structure'],
  ]);
  const known = CDB_DEFINITIONS.filter(({ name }) => !ofDrives.has(name));

  test.each(known.map((cdb): [string, CdbDefinition<object>] => [cdb.name, cdb]))(
    'knows the CDB of %s',
    (name, cdb) => {
      const bytes = [...cdb.encode()].map((byte) => byte.toString(16).padStart(2, '0'));
      const text = execFileSync('sg_decode_sense', ['--cdb', ...bytes], { encoding: 'utf8' });
      const letters = (words: string) => words.toLowerCase().replace(/[^a-z0-9]/g, '');
      expect(letters(text)).toContain(letters(otherNames.get(name) ?? name));
    },
  );
});
