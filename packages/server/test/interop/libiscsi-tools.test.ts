import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { startTarget, targetKindUnderTest } from '../support/start-target.ts';
import { defaultSizeBytes, type TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const tools = ['iscsi-ls', 'iscsi-inq', 'iscsi-readcapacity16'];

describe.skipIf(!requiresTools(...tools))('libiscsi tools see the disk', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('libiscsi');
    target = await startTarget(targetKindUnderTest(), { directory: directory.path });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  const inquire = async (...args: string[]): Promise<string> => {
    const result = await run('iscsi-inq', [...args, target.url], { timeoutMs: 8000 });
    expect(result.status, result.output).toBe(0);
    return result.stdout;
  };
  /** The tool takes page codes in decimal. */
  const page = (code: number): Promise<string> => inquire('-e', '1', '-c', String(code));

  it('iscsi-ls -s discovers the target, its portal and the LUN with its size', async () => {
    const { stdout, status } = await run('iscsi-ls', ['-s', `iscsi://${target.portal}`], { timeoutMs: 8000 });
    expect(status).toBe(0);
    expect(stdout).toContain(`Target:${target.iqn} Portal:${target.portal},1`);
    expect(stdout).toMatch(new RegExp(`Lun:${target.lun} +Type:DIRECT_ACCESS \\(Size:51[12]M\\)`));
  });

  it('standard INQUIRY data names a connected direct access device with command queueing', async () => {
    const text = await inquire();
    expect(text).toContain('Peripheral Qualifier:CONNECTED');
    expect(text).toContain('Peripheral Device Type:DIRECT_ACCESS');
    expect(text).toContain('CmdQue:1');
    expect(text).toMatch(/Vendor:\S+/);
    expect(text).toMatch(/Product:\S+/);
  });

  it('VPD page 00h lists every page that is served', async () => {
    const text = await page(0x00);
    for (const code of ['0x00', '0x80', '0x83', '0xb0', '0xb1', '0xb2'])
      expect(text).toContain(`Page:${code}`);
  });

  it('VPD page 80h carries a serial number that does not change', async () => {
    const text = await page(0x80);
    expect(text).toMatch(/Unit Serial Number:\[\s*\S+/);
    expect(await page(0x80)).toBe(text);
  });

  it('VPD page 83h carries a designator of the logical unit', async () => {
    const text = await page(0x83);
    expect(text).toMatch(/Association:\(0\)/);
    expect(text).toMatch(/Designator:\[/);
  });

  it('VPD page B0h gives finite limits for UNMAP', async () => {
    const text = await page(0xb0);
    const limit = (name: string): number => Number(new RegExp(`${name}[^:]*:(\\d+)`, 'i').exec(text)?.[1]);
    expect(limit('maximum unmap lba count')).toBeGreaterThan(0);
    expect(limit('maximum unmap block descriptor count')).toBeGreaterThan(0);
  });

  it('VPD page B1h says that the medium does not rotate, or does not say', async () => {
    expect(await page(0xb1)).toMatch(/Medium Rotation Rate:/i);
  });

  it('VPD page B2h offers UNMAP and WRITE SAME with UNMAP', async () => {
    const text = await page(0xb2);
    expect(text).toMatch(/lbpu:1/i);
    expect(text).toMatch(/lbpws:1/i);
  });

  it('READ CAPACITY(16) gives the size of the disk, thin and reading zeroes where unmapped', async () => {
    const { stdout, status } = await run('iscsi-readcapacity16', [target.url], { timeoutMs: 8000 });
    expect(status).toBe(0);
    expect(stdout).toContain(`RETURNED LOGICAL BLOCK ADDRESS:${String(defaultSizeBytes / 512 - 1)}`);
    expect(stdout).toContain('LOGICAL BLOCK LENGTH IN BYTES:512');
    expect(stdout).toContain('LBPME:1 LBPRZ:1');
    expect(stdout).toContain(`Total size:${defaultSizeBytes}`);
  });

  it('a login to a target name that does not exist is refused, and the target goes on', async () => {
    const wrong = target.url.replace(target.iqn, `${target.iqn}x`);
    const refused = await run('iscsi-inq', [wrong], { timeoutMs: 8000 });
    expect(refused.timedOut).toBe(false);
    expect(refused.status).not.toBe(0);
    await inquire();
  });
});
