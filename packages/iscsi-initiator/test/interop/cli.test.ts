import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../../../block/test/support/command-line.ts';
import { formatPortal } from '../../src/index.ts';
import { hasTgtd, Tgtd } from '../support/tgtd.ts';

const NAME = 'iqn.2026-01.example.reference:cli';

interface Outcome {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

async function cli(args: readonly string[], input: Uint8Array = new Uint8Array(0)): Promise<Outcome> {
  const child = spawn(process.execPath, [...commandLine('iscsi-initiator'), ...args]);
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

describe.skipIf(!hasTgtd())('the command line, against tgtd with mutual CHAP', () => {
  let tgtd: Tgtd;
  let url: string;
  const proof = ['--target-secret', 'its own other secret'];

  beforeAll(async () => {
    tgtd = await Tgtd.start();
    const tid = await tgtd.addTarget(NAME);
    const lun = await tgtd.addDisk(tid, 4 << 20);
    await tgtd.addAccount(tid, 'reader', 'a secret of 96 bits');
    await tgtd.addAccount(tid, 'the-target', 'its own other secret', true);
    url = `iscsi://reader%a secret of 96 bits@${formatPortal(tgtd.portal)}/${NAME}/${lun}`;
  });

  afterAll(() => tgtd.stop());

  it('ls lists targets and their LUNs', async () => {
    const { status, stdout } = await cli(['ls', url.slice(0, url.indexOf('/iqn'))]);
    expect(status).toBe(0);
    expect(stdout.toString()).toContain(`${NAME} ${formatPortal(tgtd.portal)}\n  LUN 0\n  LUN 1\n`);
  });

  it('info says what a LUN is to us', async () => {
    const { status, stdout } = await cli(['info', url, ...proof]);
    expect(status).toBe(0);
    expect(stdout.toString()).toContain('blockCount: 8192');
  });

  it.each([
    [['inq'], /T10 VENDOR IDENTIFICATION: IET\n {2}PRODUCT IDENTIFICATION: VIRTUAL-DISK\n/],
    [
      ['inq', '--vpd', '--all'],
      /Supported VPD Pages VPD page[^]*Device Identification VPD page \(83h\)[^]*\(NAA\)/,
    ],
    [['modes'], /Caching mode page \(08h\)\n[^]*WCE: 1/],
    [['modes', '0x0a'], /Control mode page \(0Ah\)/],
    [['opcodes'], /operation code: 40 \(READ \(10\)\)/],
    [['luns'], /LUN list\n {2}descriptors: 0, 1\n/],
    [['readcap'], /RETURNED LOGICAL BLOCK ADDRESS: 8191\n {2}LOGICAL BLOCK LENGTH IN BYTES: 512\n/],
    [['pr', 'keys'], /reservation keys\n {2}generation: \d+\n {2}keys: \n/],
  ] as const)('%s', async ([command, ...more], words) => {
    const { status, stdout, stderr } = await cli([command, url, ...more, ...proof]);
    expect(stderr).toBe('');
    expect(stdout.toString()).toMatch(words);
    expect(status).toBe(0);
  });

  it.each([
    ['logs', [], /^logs: INITIATOR_CHECK_CONDITION: ILLEGAL REQUEST: INVALID COMMAND OPERATION CODE/],
    ['inq', ['--vpd', '0xb5'], /^inq: INITIATOR_CHECK_CONDITION: ILLEGAL REQUEST: INVALID FIELD IN CDB/],
  ])('%s of what tgtd does not know is status 3', async (command, more, words) => {
    const { status, stdout, stderr } = await cli([command, url, ...more, ...proof]);
    expect(stdout.toString()).toBe('');
    expect(stderr).toMatch(words);
    expect(status).toBe(3);
  });

  it('write and read move bytes, in whole blocks only', async () => {
    const bytes = Buffer.alloc(1_500_160).map((_, index) => index * 7 + (index >> 8));
    const written = await cli(['write', url, '--offset', '512', ...proof], bytes);
    expect(written).toMatchObject({ status: 0, stderr: '1500160 bytes written\n' });
    const length = String(bytes.length);
    const { status, stdout } = await cli(['read', url, '--offset', '512', '--length', length, ...proof]);
    expect(status).toBe(0);
    expect(stdout.equals(bytes)).toBe(true);
    expect(await cli(['write', url, ...proof], bytes.subarray(0, 100))).toMatchObject({ status: 2 });
  });

  it('bench counts reads', async () => {
    const { status, stdout } = await cli(['bench', url, '--seconds', '1', '--depth', '4', ...proof]);
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(/^\d+ reads\/s, [\d.]+ MB\/s\nlatency in ms: median/);
  });

  it('offers connections and error recovery, and takes what the target has', async () => {
    const flags = ['--connections', '3', '--error-recovery-level', '2'];
    const { status, stdout } = await cli(['info', url, ...flags, ...proof]);
    expect(status).toBe(0);
    expect(stdout.toString()).toContain('errorRecoveryLevel: 0');
    expect(stdout.toString()).toContain('maxConnections: 1');
    expect(await cli(['inq', url, '--error-recovery-level', '5'])).toMatchObject({ status: 2 });
    expect(await cli(['inq', url, '--connections', '0'])).toMatchObject({ status: 2 });
  });

  it('says what is wrong, and never the secret', async () => {
    const refused = await cli(['inq', url.replace('secret of', 'wrong secret of')]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('INITIATOR_LOGIN_REFUSED');
    expect(refused.stderr).not.toContain('96 bits');
    expect(await cli(['inq'])).toMatchObject({ status: 2 });
    expect(await cli(['bench', url, '--depth', 'many'])).toMatchObject({ status: 2 });
  });
});
