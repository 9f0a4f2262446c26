import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lunbox, lunboxInfo } from '../support/start-lunbox.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { requiresTools } from '../support/requires.ts';

const MIB = 2 ** 20;
/** Format for Lunbox, and what `qemu-img` calls it. */
const FORMATS = [
  ['qcow2', 'qcow2'],
  ['vmdk', 'vmdk'],
  ['vhdx', 'vhdx'],
  ['vhd', 'vpc'],
  ['vdi', 'vdi'],
] as const;

let directory: TempDirectory;

beforeEach(() => {
  directory = makeTempDirectory('import, images');
});

afterEach(() => directory.remove());

/** A raw image of 16 MiB with some data, holes around it. */
function rawImage(): string {
  const bytes = Buffer.alloc(16 * MIB);
  bytes.fill(0xab, 3 * MIB, 4 * MIB);
  bytes.fill(0xcd, 16 * MIB - 512);
  writeFileSync(directory.file('raw.img'), bytes);
  return directory.file('raw.img');
}

const qemuImg = (...args: string[]): string => execFileSync('qemu-img', args, { encoding: 'utf8' });

describe.skipIf(!requiresTools('qemu-img'))('an image of another program', () => {
  it.each(FORMATS)('%s becomes a disk with the same blocks, and holes', async (format, qemuName) => {
    const raw = rawImage();
    const image = directory.file(`image.${format}`);
    // A VHD has a number of cylinders, unless it is told to have the size.
    const options = format === 'vhd' ? ['-o', 'force_size=on'] : [];
    qemuImg('convert', '-f', 'raw', '-O', qemuName, ...options, raw, image);
    const path = directory.file('disk.lun');
    const imported = await lunbox(['import', image, path, '--json']);
    expect(imported, imported.stderr).toMatchObject({ status: 0 });
    expect(JSON.parse(imported.stdout)).toMatchObject({ event: 'imported', sizeBytes: 16 * MIB });
    const { dataOffset } = await lunboxInfo(path);
    expect(readFileSync(path).subarray(dataOffset).equals(readFileSync(raw))).toBe(true);
    expect(statSync(path).blocks * 512).toBeLessThan(4 * MIB);
    expect((await lunbox(['check', path])).status).toBe(0);
  });

  it('is refused when it is damaged, or holds the changes to another one only, and nothing is left', async () => {
    const [base, top] = [directory.file('base.qcow2'), directory.file('top.qcow2')];
    qemuImg('create', '-f', 'qcow2', base, '1M');
    qemuImg('create', '-f', 'qcow2', '-b', base, '-F', 'qcow2', top);
    const refused = await lunbox(['import', top, directory.file('disk.lun')]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('holds the changes to');
    writeFileSync(base, 'QFI\xfbwrong', 'latin1');
    const damaged = await lunbox(['import', base, directory.file('disk.lun')]);
    expect(damaged.status).toBe(1);
    expect(damaged.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('is as small for other programs as resize --force has made it, and holds the rest', async () => {
    const raw = rawImage();
    const [path, out] = [directory.file('disk.lun'), directory.file('out.img')];
    expect((await lunbox(['import', raw, path])).status).toBe(0);
    expect((await lunbox(['resize', path, '8M'])).status).toBe(2);
    expect((await lunbox(['resize', path, '8M', '--force'])).stderr).toContain('--discard-data');
    expect((await lunbox(['resize', path, '8M', '--force', '--discard-data'])).status).toBe(0);
    const { dataOffset } = await lunboxInfo(path);
    const area = `driver=raw,offset=${dataOffset},file.filename=${path.replaceAll(',', ',,')}`;
    const json = qemuImg('info', '--output=json', '--image-opts', area);
    expect(JSON.parse(json)).toMatchObject({ 'virtual-size': 8 * MIB });
    expect((await lunbox(['export', path, out])).status).toBe(0);
    expect(readFileSync(out).equals(readFileSync(raw).subarray(0, 8 * MIB))).toBe(true);
  });

  it('gets back what lunbox export has written', async () => {
    const raw = rawImage();
    const [path, out] = [directory.file('disk.lun'), directory.file('out.img')];
    expect((await lunbox(['import', raw, path])).status).toBe(0);
    expect((await lunbox(['export', path, out])).status).toBe(0);
    expect(qemuImg('compare', '-f', 'raw', '-F', 'raw', raw, out)).toContain('identical');
  });
});
