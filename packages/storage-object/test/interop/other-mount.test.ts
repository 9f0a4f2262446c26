import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StorageObject } from '../../src/index.ts';
import { isInstalled } from '../support/programs.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const SIZE = 2 ** 20;
const MISSING = !existsSync('/dev/fuse') || process.getuid?.() !== 0 || !isInstalled('bindfs');

async function endMount(bindfs: ChildProcess): Promise<void> {
  if (bindfs.exitCode !== null || bindfs.signalCode !== null) return;
  bindfs.kill('SIGTERM');
  await once(bindfs, 'exit');
}

/**
 * The same directory over FUSE: another file system number, and byte locks that the other side does not see, as over
 * sshfs or over NFS with `local_lock`.
 */
async function mountAgain(directory: string, ...options: string[]): Promise<string> {
  const mounted = join(tempDirectory(), 'mounted');
  mkdirSync(mounted);
  const before = statSync(mounted).dev;
  const bindfs = spawn('bindfs', ['-f', ...options, directory, mounted], { stdio: 'ignore' });
  onTestFinished(() => endMount(bindfs));
  while (statSync(mounted).dev === before) {
    if (bindfs.exitCode !== null) throw new Error(`bindfs ended with ${bindfs.exitCode}`);
    await wait(20);
  }
  return mounted;
}

async function newObject(): Promise<{ directory: string; path: string }> {
  const directory = tempDirectory();
  const path = join(directory, 'disk.lun');
  await (await StorageObject.create(path, { sizeBytes: SIZE })).close();
  return { directory, path };
}

describe.skipIf(MISSING)('a container that is open, seen over another mount', () => {
  it.each([
    ['for writing', false, []],
    ['for reading', true, []],
    ['for reading, where nothing can be written', true, ['-r']],
  ])('is refused %s, with the name of the holder', async (_name, readOnly, options) => {
    const { directory, path } = await newObject();
    const mounted = join(await mountAgain(directory, ...options), 'disk.lun');
    const object = await StorageObject.open(path);
    const before = readFileSync(path);
    await expect(StorageObject.open(mounted, { readOnly })).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
      data: { holder: { pid: process.pid } },
    });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(['disk.lun', 'disk.lun.lock']);
    await object.close();
  });

  it('keeps the original closed while it is open there', async () => {
    const { directory, path } = await newObject();
    const mounted = join(await mountAgain(directory), 'disk.lun');
    const object = await StorageObject.open(mounted);
    await expect(StorageObject.open(path)).rejects.toMatchObject({ code: 'CONTAINER_LOCKED' });
    await object.close();
    await (await StorageObject.open(path)).close();
  });
});
