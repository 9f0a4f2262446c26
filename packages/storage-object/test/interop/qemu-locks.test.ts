import { realDisk } from '@lunbox/block';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { StorageObject } from '../../src/index.ts';
import { isInstalled, runProgram } from '../support/programs.ts';
import { tempDirectory } from '../support/temp-directory.ts';

/** QEMU and Lunbox see each other by byte locks, which need Linux and the native helper. */
async function hasByteLocks(): Promise<boolean> {
  const file = await realDisk.open('/dev/null', 'read');
  const outcome = file.testLock({ offset: 0, length: 1, exclusive: false });
  await file.close();
  return outcome !== 'unsupported';
}

const MISSING = !isInstalled('qemu-io') || !isInstalled('qemu-img') || !(await hasByteLocks());

async function newObject(): Promise<string> {
  const path = join(tempDirectory(), 'disk.lun');
  await (await StorageObject.create(path, { sizeBytes: 2 ** 20 })).close();
  return path;
}

const writeWithQemu = (path: string) => runProgram('qemu-io', ['-f', 'raw', '-c', 'write 2M 512', path]);
const readWithQemu = (path: string, ...options: string[]) =>
  runProgram('qemu-io', [...options, '-r', '-f', 'raw', '-c', 'read 2M 512', path]);

describe.skipIf(MISSING)('QEMU and an object', () => {
  it('do not write at the same time: QEMU is kept out while the object is open', async () => {
    const path = await newObject();
    const object = await StorageObject.open(path);
    const refused = await writeWithQemu(path);
    await object.close();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr + refused.stdout).toMatch(/Failed to get .*lock/);
    expect((await writeWithQemu(path)).exitCode).toBe(0);
  });

  it('let QEMU look when it says that it takes a changing disk (force-share)', async () => {
    const object = await StorageObject.open(await newObject());
    const looked = await runProgram('qemu-img', ['info', '-U', '-f', 'raw', object.path]);
    await object.close();
    expect(looked.exitCode).toBe(0);
  });

  it('read at the same time when neither writes', async () => {
    const object = await StorageObject.open(await newObject(), { readOnly: true });
    const [read, write] = [await readWithQemu(object.path), await writeWithQemu(object.path)];
    await object.close();
    expect(read.exitCode).toBe(0);
    expect(write.exitCode).not.toBe(0);
  });
});

describe.skipIf(MISSING)('an object that QEMU has open', () => {
  let qemu: ChildProcess | undefined;

  afterEach(async () => {
    if (qemu?.exitCode !== null) return;
    qemu.kill('SIGKILL');
    await once(qemu, 'exit');
  });

  it('is not opened, and the error says that another program has it', async () => {
    const path = await newObject();
    qemu = spawn('qemu-io', ['-f', 'raw', path], { stdio: ['pipe', 'pipe', 'ignore'] });
    qemu.stdin?.write('write 2M 512\n');
    await once(qemu.stdout as NodeJS.EventEmitter, 'data');
    await expect(StorageObject.open(path)).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
      message: expect.stringContaining('another program') as string,
    });
    qemu.stdin?.end('quit\n');
    await once(qemu, 'exit');
    const object = await StorageObject.open(path);
    expect(object.continuity).toBe('modified');
    await object.close();
  });
});
