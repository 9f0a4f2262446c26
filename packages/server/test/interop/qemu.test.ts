import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allocatedBytes, firstDifference } from '../support/compare-files.ts';
import { makeExt4Image, readExt4File, type Ext4Image } from '../support/ext4-image.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { startTarget, targetKindUnderTest } from '../support/start-target.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const mib = 1 << 20;
const tools = ['qemu-img', 'qemu-io', 'mkfs.ext4', 'debugfs', 'e2fsck'];

describe.skipIf(!requiresTools(...tools))('QEMU uses the disk', () => {
  let directory: TempDirectory;
  let image: Ext4Image;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('qemu');
    image = await makeExt4Image(directory.path, 64);
  });

  beforeEach(async ({ task }) => {
    const own = join(directory.path, task.id);
    mkdirSync(own);
    target = await startTarget(targetKindUnderTest(), { directory: own, sizeBytes: image.sizeBytes });
  });

  afterEach(async () => {
    await target.stop();
  });

  afterAll(() => {
    directory.remove();
  });

  /** Runs qemu-io commands; it must not fail nor find another pattern than the one that was written. */
  const qemuIo = async (...commands: string[]): Promise<void> => {
    const args = commands.flatMap((command) => ['-c', command]);
    const result = await run('qemu-io', ['-f', 'raw', ...args, target.url]);
    expect(result.output).not.toContain('verification failed');
    expect(result.status, result.output).toBe(0);
  };
  const upload = (): Promise<string> =>
    runOrThrow('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image.path, target.url]);

  it('qemu-img info sees the capacity', async () => {
    const info = JSON.parse(await runOrThrow('qemu-img', ['info', '--output=json', target.url])) as object;
    expect(info).toMatchObject({ 'virtual-size': image.sizeBytes });
  });

  it('an ext4 image converted onto the LUN and back is the same in every byte', async () => {
    await upload();
    const back = join(directory.path, 'back.img');
    await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', target.url, back]);
    expect(firstDifference(image, { path: back }, image.sizeBytes)).toBe(-1);
  });

  it('the raw area of the file is the file system: same bytes, same files, and sound', async () => {
    await upload();
    await target.stop();
    const { filePath, dataOffset } = target;
    expect(firstDifference(image, { path: filePath, offset: dataOffset }, image.sizeBytes)).toBe(-1);
    for (const [name, contents] of image.files) {
      expect((await readExt4File(filePath, dataOffset, name)).equals(contents), name).toBe(true);
    }
    const check = await run('e2fsck', ['-f', '-n', `${filePath}?offset=${dataOffset}`]);
    expect(check.status, check.output).toBe(0);
  });

  it('what was written survives a restart of the target', async () => {
    await qemuIo('write -P 0xc3 8M 1M', 'flush');
    await target.stop();
    const kind = targetKindUnderTest();
    target = await startTarget(kind, { directory: join(target.filePath, '..'), sizeBytes: image.sizeBytes });
    await qemuIo('read -P 0xc3 8M 1M', 'read -P 0 9M 1M');
  });

  it('patterns, zeroes and FUA writes read back, also across block and page borders', async () => {
    await qemuIo('write -P 0xab 0 64k', 'read -P 0xab 0 64k');
    await qemuIo(
      'write -P 0x11 512 512',
      'read -P 0xab 0 512',
      'read -P 0x11 512 512',
      'read -P 0xab 1k 63k',
    );
    await qemuIo('write -P 0x22 3584 9k', 'read -P 0x22 3584 9k', 'read -P 0xab 12800 4k');
    await qemuIo('write -z 0 32k', 'read -P 0 0 32k', 'read -P 0xab 32k 32k');
    await qemuIo('write -f -P 0x33 4M 4k', 'read -P 0x33 4M 4k');
    await qemuIo('write -P 0x44 63M 1M', 'flush', 'read -P 0x44 63M 1M');
  });

  it('many writes in flight at once land where they belong', async () => {
    const places = Array.from({ length: 32 }, (_, index) => [index + 1, index * 192] as const);
    await qemuIo(...places.map(([value, kib]) => `aio_write -P ${value} ${kib}k 192k`), 'aio_flush');
    await qemuIo(...places.map(([value, kib]) => `read -P ${value} ${kib}k 192k`));
  });

  it('a discarded range reads zeroes and gives its space in the file back', async () => {
    const before = allocatedBytes(target.filePath);
    await qemuIo('write -P 0x77 16M 16M', 'flush');
    const written = allocatedBytes(target.filePath);
    expect(written - before).toBeGreaterThanOrEqual(16 * mib);
    await qemuIo('discard 20M 8M', 'flush', 'read -P 0 20M 8M', 'read -P 0x77 16M 4M', 'read -P 0x77 28M 4M');
    const discarded = allocatedBytes(target.filePath);
    expect(written - discarded).toBeGreaterThanOrEqual(8 * mib - 64 * 1024);
  });

  it('qemu-img map tells data and holes apart', async () => {
    await qemuIo('write -P 0x55 32M 1M', 'flush');
    interface MapEntry {
      readonly start: number;
      readonly length: number;
      readonly zero: boolean;
    }
    const map = JSON.parse(await runOrThrow('qemu-img', ['map', '--output=json', target.url])) as MapEntry[];
    const at = (offset: number): MapEntry | undefined =>
      map.find((entry) => entry.start <= offset && offset < entry.start + entry.length);
    expect(at(32 * mib)?.zero).toBe(false);
    expect(at(16 * mib)?.zero).toBe(true);
  });
});
