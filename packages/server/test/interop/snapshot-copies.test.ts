import { connectLun } from '@lunbox/iscsi-initiator';
import { StorageObject } from '@lunbox/storage-object';
import { randomBytes } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { canMountImage, leftBytes, mountSmall, type SmallFileSystem } from '../support/small-file-system.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const SIZE_MIB = 64;
const KINDS = [
  ['xfs', 'reflink'],
  ['btrfs', 'reflink'],
  ['ext4', 'copy'],
] as const;
const hasTools = requiresTools('mkfs.xfs', 'mkfs.btrfs', 'mkfs.ext4', 'sha256sum');
const mountable = new Map<string, boolean>();
for (const [kind] of KINDS) mountable.set(kind, hasTools && (await canMountImage(kind)));

describe.each(KINDS)('snapshots of a disk that is served from a real %s', (kind, method) => {
  let directory: TempDirectory;
  let fileSystem: SmallFileSystem;
  let target: TargetUnderTest | undefined;
  const file = (name: string): string => join(fileSystem.path, name);

  beforeEach(async ({ skip }) => {
    skip(mountable.get(kind) !== true);
    directory = makeTempDirectory('copies');
    fileSystem = await mountSmall(kind, directory.path, 400);
  });

  afterEach(async () => {
    if (mountable.get(kind) !== true) return;
    await target?.stop();
    await fileSystem.unmount();
    directory.remove();
  });

  const settledLeftBytes = async (): Promise<number> => {
    await runOrThrow('sync', ['-f', fileSystem.path]);
    return leftBytes(fileSystem.path);
  };

  const contentOf = async (path: string): Promise<Buffer> => {
    const object = await StorageObject.open(path, { readOnly: true });
    const bytes = Buffer.alloc(SIZE_MIB * MIB);
    await object.device.read([bytes], 0);
    await object.close();
    return bytes;
  };

  it(`are published, verified, and cloned by ${method}, while the disk is written`, async () => {
    const socket = directory.file('control.sock');
    mkdirSync(file('export'));
    target = await startLunbox({
      directory: fileSystem.path,
      sizeBytes: SIZE_MIB * MIB,
      serveFlags: ['--control', socket],
    });
    const snap = async (...words: string[]): Promise<Record<string, unknown>> => {
      const done = await lunbox(['snap', ...words, '--control', socket, '--json'], 90_000);
      expect(done.status, done.output).toBe(0);
      return JSON.parse(done.stdout) as Record<string, unknown>;
    };
    const disk = await connectLun(target.url);
    const content = randomBytes(SIZE_MIB * MIB).fill(0, 40 * MIB, 50 * MIB);
    for (let at = 0; at < SIZE_MIB; at++)
      if (at < 40 || at >= 50) await disk.write([content.subarray(at * MIB, (at + 1) * MIB)], at * MIB);
    await snap('create', '0', '--name', 'one');

    let writing = true;
    const writer = (async () => {
      for (let at = 0; writing; at = (at + 7) % SIZE_MIB)
        await disk.write([randomBytes(4096)], at * MIB + 8192);
    })();
    const before = await settledLeftBytes();
    const { clone } = await snap('clone', '0', 'one', file('clone.lun'));
    expect(clone).toMatchObject({ method });
    await snap('publish', '0', 'one', '--to', file('export'), '--name', 'one');
    await snap('verify', '0', 'one', '--manifest', file('export/one.json'));
    writing = false;
    await writer;
    await disk.close();
    expect(statSync(file('export/one.lun')).mode & 0o222).toBe(0);
    expect((await contentOf(file('clone.lun'))).equals(content)).toBe(true);
    expect((await contentOf(file('export/one.lun'))).equals(content)).toBe(true);

    // The publication has 54 MiB of its own; the clone only where it cannot share.
    const takenMib = (before - (await settledLeftBytes())) / MIB;
    if (method === 'reflink') expect(takenMib).toBeLessThan(54 + 40);
    else expect(takenMib).toBeGreaterThan(54 + 54);

    const object = await StorageObject.open(file('clone.lun'));
    await object.device.write([Buffer.alloc(MIB, 0xcc)], 3 * MIB);
    await object.close();
    const again = await contentOf(file('export/one.lun'));
    expect(again.equals(content)).toBe(true);
    await snap('verify', '0', 'one', '--manifest', file('export/one.json'));
  });
});
