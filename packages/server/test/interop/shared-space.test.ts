import { StorageObject } from '@lunbox/storage-object';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { canMountImage, leftBytes, mountSmall, type SmallFileSystem } from '../support/small-file-system.ts';
import { lunbox, lunboxInfo } from '../support/start-lunbox.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 2 ** 20;
const IMAGE_BYTES = 48 * MIB;
/** What headers, maps and the tables of a file system may take. */
const OVERHEAD_BYTES = 8 * MIB;

const KINDS = [
  ['xfs', true],
  ['btrfs', true],
  ['ext4', false],
] as const;
const hasTools = requiresTools('chattr', 'mkfs.xfs', 'mkfs.btrfs', 'mkfs.ext4', 'filefrag');
const mountable = new Map<string, boolean>();
for (const [kind] of KINDS) mountable.set(kind, hasTools && (await canMountImage(kind)));

describe.each(KINDS)('on a real %s, which shares blocks: %s,', (kind, shares) => {
  const test = it.skipIf(mountable.get(kind) !== true);
  let directory: TempDirectory;
  let fileSystem: SmallFileSystem;
  let content: Buffer;
  const file = (name: string): string => join(fileSystem.path, name);

  beforeEach(async ({ skip }) => {
    skip(mountable.get(kind) !== true);
    directory = makeTempDirectory('shared');
    fileSystem = await mountSmall(kind, directory.path, 400);
    content = randomBytes(IMAGE_BYTES);
    writeFileSync(file('in.img'), content, { flush: true });
  });

  afterEach(async () => {
    if (mountable.get(kind) !== true) return;
    await fileSystem.unmount();
    directory.remove();
  });

  const settledLeftBytes = async (): Promise<number> => {
    await runOrThrow('sync', ['-f', fileSystem.path]);
    return leftBytes(fileSystem.path);
  };

  /** Bytes of a file that other files have, too, as the kernel tells of its extents (FIEMAP). */
  const sharedBytesOf = async (name: string): Promise<number> => {
    const lines = (await runOrThrow('filefrag', ['-v', '-b4096', file(name)])).split('\n');
    const shared = lines.filter((line) => /^ *\d+:.*\bshared\b/.test(line));
    return shared.reduce((sum, line) => sum + 4096 * Number(line.split(':')[3]), 0);
  };

  /** What a command takes of the file system. */
  const taken = async (words: readonly string[]): Promise<number> => {
    const before = await settledLeftBytes();
    const done = await lunbox(words);
    expect(done.status, done.output).toBe(0);
    return before - (await settledLeftBytes());
  };

  const expectTaken = async (takenBytes: number, name: string): Promise<void> => {
    if (shares) {
      expect(takenBytes).toBeLessThan(OVERHEAD_BYTES);
      expect(await sharedBytesOf(name)).toBeGreaterThanOrEqual(IMAGE_BYTES);
    } else {
      expect(takenBytes).toBeGreaterThanOrEqual(IMAGE_BYTES);
      expect(await sharedBytesOf(name)).toBe(0);
    }
  };

  test('a disk that is imported, and the image it is exported to, have the space of the image', async () => {
    await expectTaken(await taken(['import', file('in.img'), file('disk.lun')]), 'disk.lun');
    await expectTaken(await taken(['export', file('disk.lun'), file('out.img')]), 'out.img');
    expect(readFileSync(file('out.img')).equals(content)).toBe(true);
    expect((await lunbox(['check', file('disk.lun'), '--data'])).status).toBe(0);
  });

  test('import and export tell what was shared and what was copied, and the kernel says the same', async () => {
    // The last block of a file is shared although it is not whole.
    writeFileSync(file('odd.img'), Buffer.concat([content, Buffer.alloc(512, 1)]), { flush: true });
    const told = async (...words: string[]): Promise<unknown> => {
      const { status, stdout, output } = await lunbox(words);
      expect(status, output).toBe(0);
      return words.at(-1) === '--json' ? JSON.parse(stdout) : stdout;
    };
    const whole = shares ? ([IMAGE_BYTES, 0] as const) : ([0, IMAGE_BYTES] as const);
    const odd = shares ? ([IMAGE_BYTES + 512, 0] as const) : ([0, IMAGE_BYTES + 512] as const);
    for (const [image, [sharedBytes, copiedBytes]] of [
      ['in.img', whole],
      ['odd.img', odd],
    ] as const) {
      const outcome = { sharedBytes, copiedBytes };
      const disk = `${image}.lun`;
      expect(await told('import', file(image), file(disk), '--json')).toMatchObject(outcome);
      const blocksBytes = Math.ceil(sharedBytes / 4096) * 4096;
      expect(await sharedBytesOf(disk)).toBe(blocksBytes);
      const back = `${image}.back`;
      expect(await told('export', file(disk), file(back), '--json')).toMatchObject(outcome);
      expect(await sharedBytesOf(back)).toBe(blocksBytes);
      expect(readFileSync(file(back)).equals(readFileSync(file(image)))).toBe(true);
      for (const name of [disk, back]) rmSync(file(name));
    }
    const text = shares ? /; 48 MiB shared\n$/ : /; 48 MiB copied\n$/;
    expect(await told('import', file('in.img'), file('text.lun'))).toMatch(text);
    expect(await told('export', file('text.lun'), file('text.img'))).toMatch(text);
  });

  test('what is written to one of those that share is not seen in the other', async () => {
    await taken(['import', file('in.img'), file('disk.lun')]);
    const object = await StorageObject.open(file('disk.lun'));
    await object.device.write([Buffer.alloc(MIB, 0xda)], 8 * MIB);
    await object.close();
    expect(readFileSync(file('in.img')).equals(content)).toBe(true);
    writeFileSync(file('in.img'), Buffer.alloc(IMAGE_BYTES));
    const { dataOffset } = await lunboxInfo(file('disk.lun'));
    content.fill(0xda, 8 * MIB, 9 * MIB);
    expect(readFileSync(file('disk.lun')).subarray(dataOffset).equals(content)).toBe(true);
  });

  test('an image becomes a disk in its place, or goes, and takes no more space for long', async () => {
    expect(await taken(['import', file('in.img'), file('in.img')])).toBeLessThan(OVERHEAD_BYTES);
    const { dataOffset } = await lunboxInfo(file('in.img'));
    expect(readFileSync(file('in.img')).subarray(dataOffset).equals(content)).toBe(true);
    await taken(['export', file('in.img'), file('out.img')]);
    const words = ['import', file('out.img'), file('again.lun'), '--delete-original'];
    expect(await taken(words)).toBeLessThan(OVERHEAD_BYTES);
    expect(existsSync(file('out.img'))).toBe(false);
  });

  test('a disk is as thin as what is in it, and one that is preallocated is not', async () => {
    expect(await taken(['create', file('thin.lun'), '--size', '10G'])).toBeLessThan(OVERHEAD_BYTES);
    const words = ['create', file('full.lun'), '--size', '64M', '--preallocate'];
    expect(await taken(words)).toBeGreaterThanOrEqual(64 * MIB);
    expect(statSync(file('full.lun')).blocks * 512).toBeGreaterThanOrEqual(64 * MIB);
    const left = await settledLeftBytes();
    writeFileSync(file('filler'), Buffer.alloc(0));
    await runOrThrow('sh', ['-c', `head -c ${left + 64 * MIB} /dev/zero > "$0" || true`, file('filler')]);
    // Btrfs writes elsewhere what is written over, a header of the disk, too: space that was taken is no use to that.
    if (kind === 'btrfs') {
      const before = readFileSync(file('full.lun'));
      await expect(StorageObject.open(file('full.lun'))).rejects.toMatchObject({
        code: 'CONTAINER_IO',
        message: expect.stringMatching(/no space for a header.*free some space.*--read-only/) as string,
      });
      expect(readFileSync(file('full.lun')).equals(before)).toBe(true);
      const reader = await StorageObject.open(file('full.lun'), { readOnly: true });
      expect([reader.continuity, reader.device.size]).toEqual(['clean', 64 * MIB]);
      await reader.close();
      rmSync(file('filler'));
    }
    const object = await StorageObject.open(file('full.lun'));
    for (let at = 0; at < 64; at++) await object.device.write([Buffer.alloc(MIB, at + 1)], at * MIB);
    await object.device.flush();
    const found = Buffer.alloc(64 * MIB);
    await object.device.read([found], 0);
    await object.close();
    for (let at = 0; at < 64; at++) expect(found[at * MIB + 4096], `MiB ${at}`).toBe(at + 1);
  });

  test('a disk in a directory without copying on write is opened and filled when all else is full', async () => {
    if (kind === 'btrfs') await runOrThrow('chattr', ['+C', fileSystem.path]);
    expect((await lunbox(['create', file('full.lun'), '--size', '64M', '--preallocate'])).status).toBe(0);
    const left = await settledLeftBytes();
    // With nothing left at all Btrfs looks for space anew, for seconds, with each write.
    const spared = kind === 'btrfs' ? 8 * MIB : -64 * MIB;
    await runOrThrow('sh', ['-c', `head -c ${left - spared} /dev/zero > "$0" || true`, file('filler')]);
    for (const fill of [1, 2]) {
      const object = await StorageObject.open(file('full.lun'));
      expect(object.continuity).toBe('clean');
      for (let at = 0; at < 64; at++) await object.device.write([Buffer.alloc(MIB, at + fill)], at * MIB);
      await object.device.flush();
      const found = Buffer.alloc(64 * MIB);
      await object.device.read([found], 0);
      await object.close();
      for (let at = 0; at < 64; at++) expect(found[at * MIB + 4096], `MiB ${at}`).toBe(at + fill);
    }
  });
});
