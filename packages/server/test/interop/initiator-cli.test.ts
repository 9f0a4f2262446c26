import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { explainVpdPage, type Description } from '@lunbox/scsi';
import { commandLine } from '../../../block/test/support/command-line.ts';
import { run, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Every call starts a process, on a machine that may have other work.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

function cli(...args: readonly string[]): Promise<Finished> {
  return run(process.execPath, [...commandLine('iscsi-initiator'), ...args]);
}

interface JsonAnswer {
  readonly command: string;
  readonly cdb: string;
  readonly data: string;
  readonly description: Description;
}

describe('the command line of our initiator, at a served disk', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('initiator-cli');
    target = await startLunbox({ directory: directory.path, serveFlags: ['--portal', '127.0.0.1:0,2'] });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  it.each([
    [['inq'], /^standard INQUIRY data\n {2}PERIPHERAL QUALIFIER: 0 \(connected\)\n/],
    [['inq', '--vpd'], /PAGE 0: 00h \(Supported VPD Pages\)[^]*B0h \(Block Limits\)/],
    [['inq', '83h', '--vpd'], /Device Identification VPD page \(83h\)[^]*\(NAA\)/],
    [['modes'], /Caching mode page \(08h\)[^]*Control Extension mode page \(0Ah\/01h\)/],
    [['modes', '0xa,1', '--values', 'changeable'], /Control Extension mode page \(0Ah\/01h\)[^]*: 0/],
    [['logs'], /15h\/01h \(Pending Defects\)/],
    [['logs', '0x19'], /NUMBER OF READ COMMANDS: \d/],
    [['opcodes'], /operation code: 40 \(READ \(10\)\)/],
    [['opcodes', '0x9e,0x10'], /supported: true\n {2}usage mask: 9e10/],
    [['luns'], /LUN list\n {2}descriptors: 0/],
    [['readcap'], /RETURNED LOGICAL BLOCK ADDRESS: 1048575[^]*LBPME: 1/],
    [['alua'], /IMPLICIT TRANSITION TIME: 0[^]*active\/optimized[^]*TARGET PORT GROUP: 2/],
    [['pr'], /reservation keys[^]*reservation\n[^]*full reservation status/],
    [['pr', 'capabilities'], /PTPL C: 1/],
  ] as const)('%s', async ([command, ...more], words) => {
    const { status, stdout, stderr } = await cli(command, target.url, ...more);
    expect(stderr).toBe('');
    expect(stdout).toMatch(words);
    expect(status).toBe(0);
  });

  it('--json tells command, CDB, bytes and description of every page', async () => {
    const { status, stdout } = await cli('inq', target.url, '--vpd', '--all', '--json');
    expect(status).toBe(0);
    const answers = JSON.parse(stdout) as JsonAnswer[];
    expect(answers.length).toBeGreaterThan(10);
    for (const { command, cdb, data, description } of answers) {
      expect(command).toBe('INQUIRY');
      const bytes = Buffer.from(data, 'hex');
      expect(cdb.slice(0, 6)).toBe(`1201${bytes.subarray(1, 2).toString('hex')}`);
      expect(description).toEqual(JSON.parse(JSON.stringify(explainVpdPage(bytes))));
    }
  });

  it.skipIf(!requiresTools('sg_vpd'))('--hex and --raw are what sg_vpd reads', async () => {
    const [hex, raw] = [directory.file('page.hex'), directory.file('page.bin')];
    const shell = (form: string, file: string): Promise<Finished> => {
      const call = [process.execPath, ...commandLine('iscsi-initiator')];
      return run('sh', ['-c', '"$@" > "$0"', file, ...call, 'inq', target.url, '0xb0', '--vpd', form]);
    };
    expect(await shell('--hex', hex)).toMatchObject({ status: 0, stderr: '' });
    expect(await shell('--raw', raw)).toMatchObject({ status: 0, stderr: '' });
    const fromHex = await run('sg_vpd', ['--page=bl', `--inhex=${hex}`]);
    const fromRaw = await run('sg_vpd', ['--page=bl', '--raw', '--raw', `--inhex=${raw}`]);
    expect(fromHex.stdout).toContain('Maximum unmap block descriptor count: 256');
    expect(fromRaw.stdout).toBe(fromHex.stdout);
  });

  it('a page that the unit does not know is status 3, with the field that was refused', async () => {
    const { status, stderr, stdout } = await cli('inq', target.url, '0xb5', '--vpd');
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'inq: INITIATOR_CHECK_CONDITION: ILLEGAL REQUEST: INVALID FIELD IN CDB, CDB byte 2\n',
    );
    expect(status).toBe(3);
  });
});
