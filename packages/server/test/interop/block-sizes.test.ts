import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { firstDifference } from '../support/compare-files.ts';
import { makeExt4Image, readExt4File, type Ext4Image } from '../support/ext4-image.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { runTestcu } from '../support/testcu.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

interface Format {
  readonly name: string;
  readonly flags: readonly string[];
  readonly logical: number;
  /** Logical blocks in a physical block: 2 to the power of this. */
  readonly exponent: number;
}

const FORMATS: readonly Format[] = [
  { name: '512n', flags: ['--physical-block-size', '512'], logical: 512, exponent: 0 },
  { name: '512e', flags: [], logical: 512, exponent: 3 },
  { name: '512 over 65536', flags: ['--physical-block-size', '65536'], logical: 512, exponent: 7 },
  { name: '4Kn', flags: ['--block-size', '4096'], logical: 4096, exponent: 0 },
  {
    name: '4096 over 16384',
    flags: ['--block-size', '4096', '--physical-block-size', '16384'],
    logical: 4096,
    exponent: 2,
  },
];

const SIZE_MIB = 48;
const SIZE = SIZE_MIB << 20;
const tools = [
  'iscsi-readcapacity16',
  'iscsi-inq',
  'iscsi-test-cu',
  'qemu-img',
  'qemu-io',
  'mkfs.ext4',
  'e2fsck',
];

describe.skipIf(!requiresTools(...tools))('blocks of all sizes', () => {
  let directory: TempDirectory;
  let image: Ext4Image;

  beforeAll(async () => {
    directory = makeTempDirectory('block-sizes');
    image = await makeExt4Image(directory.path, SIZE_MIB);
  });

  afterAll(() => {
    directory.remove();
  });

  describe.each(FORMATS)('$name', ({ name, flags, logical, exponent }) => {
    let target: TargetUnderTest;
    const fileName = `${name.replaceAll(' ', '-')}.lun`;

    beforeAll(async () => {
      const path = directory.file(fileName);
      const created = await lunbox(['create', path, '--size', `${SIZE_MIB}M`, ...flags, '--quiet']);
      expect(created.status, created.output).toBe(0);
      target = await startLunbox({ directory: directory.path, fileName, sizeBytes: SIZE });
    });

    afterAll(() => target.stop());

    it('libiscsi is told the lengths of blocks, the capacity and the limits that follow from them', async () => {
      const capacity = await runOrThrow('iscsi-readcapacity16', [target.url]);
      expect(capacity).toContain(`RETURNED LOGICAL BLOCK ADDRESS:${SIZE / logical - 1}\n`);
      expect(capacity).toContain(`LOGICAL BLOCK LENGTH IN BYTES:${logical}\n`);
      expect(capacity).toContain(`LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT:${exponent}\n`);
      expect(capacity).toContain(`Total size:${SIZE}`);
      const limits = await runOrThrow('iscsi-inq', ['-e', '1', '-c', String(0xb0), target.url]);
      const limit = (what: RegExp): number =>
        Number(new RegExp(`${what.source}[^:\\n]*:(\\d+)`, 'i').exec(limits)?.[1]);
      expect(limit(/optimal unmap granularity/)).toBe(Math.max(1, 4096 / logical));
      expect(limit(/optimal transfer length(?! granularity)/)).toBe(2 ** 20 / logical);
      expect(limit(/optimal transfer length granularity/)).toBe(2 ** exponent);
    });

    it('QEMU copies a file system onto the disk and back; it is sound in the file, too', async () => {
      const info = await runOrThrow('qemu-img', ['info', '--output=json', target.url]);
      expect(JSON.parse(info)).toMatchObject({ 'virtual-size': SIZE });
      await runOrThrow('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image.path, target.url]);
      const back = join(directory.path, 'back.img');
      await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', target.url, back]);
      expect(firstDifference(image, { path: back }, SIZE)).toBe(-1);
      const { filePath, dataOffset } = target;
      expect(firstDifference(image, { path: filePath, offset: dataOffset }, SIZE)).toBe(-1);
      const check = await run('e2fsck', ['-f', '-n', `${filePath}?offset=${dataOffset}`]);
      expect(check.status, check.output).toBe(0);
      for (const [file, contents] of image.files) {
        expect((await readExt4File(filePath, dataOffset, file)).equals(contents), file).toBe(true);
      }
    });

    it('QEMU writes parts of blocks, which keep the rest, and gives space back', async () => {
      const commands = [
        'write -P 0x11 1M 16k',
        `write -P 0x22 ${(1 << 20) + 512} 512`,
        'read -P 0x11 1M 512',
        `read -P 0x22 ${(1 << 20) + 512} 512`,
        `read -P 0x11 ${(1 << 20) + 1024} 15k`,
        'discard 1M 16k',
        'read -P 0 1M 16k',
        'flush',
      ];
      const args = commands.flatMap((command) => ['-c', command]);
      const { status, output } = await run('qemu-io', ['-f', 'raw', ...args, target.url]);
      expect([status, output]).toEqual([0, expect.not.stringMatching(/failed|error/i)]);
    });

    it('passes the reads, writes and unmaps of iscsi-test-cu', async () => {
      const only = ['Read16.*', 'Write16.*', 'Unmap.*', 'ReadCapacity16.*'];
      const results = await runTestcu({ url: target.url, only });
      expect(results.filter(({ verdict }) => !['pass', 'skip', 'part'].includes(verdict))).toEqual([]);
      expect(results.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(15);
    });
  });
});
