import { createRealDisk, realDisk, SimulatedDisk, systemRandom } from '@lunbox/block';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageObject, type ProcessIdentity } from '../../src/index.ts';
import {
  breakLockFile,
  isStale,
  lockFileText,
  readLockOwner,
  type LockOwner,
  type LockSeeker,
} from '../../src/lock-file.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const SIZE = 2 ** 20;
const withoutNative = createRealDisk({ native: false });

async function newObject(): Promise<string> {
  const path = join(tempDirectory(), 'disk.lun');
  await (await StorageObject.create(path, { sizeBytes: SIZE })).close();
  return path;
}

/** Opens and forgets, as a process does that is killed: the lock file stays, the byte locks go. */
async function openAndDie(path: string, processes: FakeProcesses): Promise<void> {
  const object = await StorageObject.open(path, { processes, disk: withoutNative });
  const lock = readFileSync(`${path}.lock`);
  await object.close();
  writeFileSync(`${path}.lock`, lock);
}

/** A lock file as another process left it, without byte locks that could be asked. */
async function leaveLock(disk: SimulatedDisk, change: Partial<ProcessIdentity> = {}): Promise<void> {
  const { inode } = await disk.status('/disk.lun');
  const { identity } = new FakeProcesses({ pid: 100, ...change });
  const owner: LockOwner = {
    ...identity,
    inode: String(inode),
    access: 'write',
    byteLocks: false,
    openedAtMs: 0,
  };
  const file = await disk.open('/disk.lun.lock', 'create');
  await file.write([Buffer.from(lockFileText(owner))], 0);
  await file.close();
}

describe.each([
  ['with byte locks', realDisk],
  ['without byte locks', withoutNative],
])('%s', (_name, disk) => {
  it('an object is open once, and the error says who has it', async () => {
    const path = await newObject();
    const object = await StorageObject.open(path, { disk });
    const before = readFileSync(path);
    await expect(StorageObject.open(path, { disk })).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
      data: { holder: { pid: process.pid }, lockPath: `${path}.lock` },
    });
    expect(readFileSync(path).equals(before)).toBe(true);
    await object.close();
    expect(existsSync(`${path}.lock`)).toBe(false);
    await (await StorageObject.open(path, { disk })).close();
  });

  it('neither writers nor readers join a writer or a reader', async () => {
    const path = await newObject();
    for (const first of [true, false]) {
      const object = await StorageObject.open(path, { disk, readOnly: first });
      for (const readOnly of [true, false]) {
        await expect(StorageObject.open(path, { disk, readOnly })).rejects.toMatchObject({
          code: 'CONTAINER_LOCKED',
        });
      }
      await object.close();
    }
  });

  it('the lock file of a process that has ended is broken', async () => {
    const path = await newObject();
    await openAndDie(path, new FakeProcesses({ pid: 100 }));
    const object = await StorageObject.open(path, { disk, processes: new FakeProcesses({ pid: 200 }) });
    expect((await readLockOwner(disk, `${path}.lock`))?.pid).toBe(200);
    await object.close();
    expect(readdirSync(join(path, '..'))).toEqual(['disk.lun']);
  });

  it('the lock file of a process that runs is respected', async () => {
    const path = await newObject();
    await openAndDie(path, new FakeProcesses({ pid: 100 }));
    const processes = new FakeProcesses({ pid: 200 });
    processes.running.add(100);
    await expect(StorageObject.open(path, { disk, processes })).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
      data: { holder: { pid: 100, host: 'alpha' } },
    });
  });

  it('a lock file that was copied along with its container locks nothing', async () => {
    const path = await newObject();
    const object = await StorageObject.open(path, { disk });
    copyFileSync(path, `${path}.copy`);
    copyFileSync(`${path}.lock`, `${path}.copy.lock`);
    await (await StorageObject.open(`${path}.copy`, { disk })).close();
    await object.close();
  });
});

describe('a writer with byte locks and one without', () => {
  it('keep each other out, in both orders', async () => {
    const path = await newObject();
    for (const [first, second] of [
      [realDisk, withoutNative],
      [withoutNative, realDisk],
    ] as const) {
      const object = await StorageObject.open(path, { disk: first });
      await expect(StorageObject.open(path, { disk: second })).rejects.toMatchObject({
        code: 'CONTAINER_LOCKED',
      });
      await object.close();
    }
  });
});

describe('a directory in which no lock file can be made', () => {
  it.each([
    ['a writer with byte locks', true, false, undefined],
    ['a reader', false, true, undefined],
    ['a writer without byte locks', false, false, 'CONTAINER_IO'],
  ])('lets in %s as it should', async (_name, locks, readOnly, code) => {
    const disk = new SimulatedDisk({ locks });
    const processes = new FakeProcesses();
    await (await StorageObject.create('/disk.lun', { disk, processes, sizeBytes: SIZE })).close();
    disk.faults.fail('open', 2, 'EACCES');
    const opened = StorageObject.open('/disk.lun', { disk, processes, readOnly });
    if (code === undefined) await (await opened).close();
    else await expect(opened).rejects.toMatchObject({ code });
    expect(await disk.readdir('/')).toEqual(['disk.lun']);
  });

  it.each([
    ['a writer', 'EROFS', false, true],
    ['a writer', 'EACCES', false, true],
    ['a reader with byte locks', 'EROFS', true, true],
    ['a reader without byte locks', 'EROFS', true, false],
  ])('keeps %s out by a lock file that is there (%s)', async (_name, errno, readOnly, locks) => {
    const disk = new SimulatedDisk({ locks });
    const processes = new FakeProcesses();
    await (await StorageObject.create('/disk.lun', { disk, processes, sizeBytes: SIZE })).close();
    // Of another machine, whose byte locks are not seen here.
    await leaveLock(disk, { host: 'beta', bootId: '33333333-3333-3333-3333-333333333333' });
    disk.faults.fail('open', 2, errno);
    const opened = StorageObject.open('/disk.lun', { disk, processes, readOnly });
    await expect(opened).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
      data: { holder: { host: 'beta', pid: 100 } },
    });
  });

  it('goes on past a lock file whose process has ended, and leaves it there', async () => {
    const disk = new SimulatedDisk();
    const processes = new FakeProcesses();
    await (await StorageObject.create('/disk.lun', { disk, processes, sizeBytes: SIZE })).close();
    await leaveLock(disk);
    disk.faults.fail('open', 2, 'EROFS');
    disk.faults.fail('rename', 1, 'EROFS');
    const object = await StorageObject.open('/disk.lun', { disk, processes });
    await object.device.write([Buffer.alloc(512, 1)], 0);
    await object.close();
    expect(await disk.readdir('/')).toEqual(['disk.lun', 'disk.lun.lock']);
  });
});

describe.each(['ENOSPC', 'EDQUOT'])('a file system on which a lock file finds no room (%s)', (errno) => {
  async function full(locks = true) {
    const disk = new SimulatedDisk({ locks });
    const processes = new FakeProcesses({ pid: 200 });
    await (await StorageObject.create('/disk.lun', { disk, processes, sizeBytes: SIZE })).close();
    return { disk, processes };
  }

  it('keeps nobody out who has byte locks, and leaves nothing behind', async () => {
    const { disk, processes } = await full();
    disk.faults.fail('write', 1, errno);
    const object = await StorageObject.open('/disk.lun', { disk, processes });
    await expect(StorageObject.open('/disk.lun', { disk, processes })).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
    });
    await object.close();
    expect(await disk.readdir('/')).toEqual(['disk.lun']);
  });

  it('refuses a writer that has neither', async () => {
    const { disk, processes } = await full(false);
    disk.faults.fail('write', 1, errno);
    const opened = StorageObject.open('/disk.lun', { disk, processes });
    await expect(opened).rejects.toMatchObject({ code: 'CONTAINER_IO' });
    expect(await disk.readdir('/')).toEqual(['disk.lun']);
  });

  it('respects a lock file that is there, and breaks one whose process has ended', async () => {
    const { disk, processes } = await full();
    await leaveLock(disk);
    processes.running.add(100);
    disk.faults.fail('write', 1, errno);
    const refused = StorageObject.open('/disk.lun', { disk, processes });
    await expect(refused).rejects.toMatchObject({ code: 'CONTAINER_LOCKED', data: { holder: { pid: 100 } } });
    processes.running.clear();
    disk.faults.fail('write', 1, errno);
    disk.faults.fail('write', 2, errno);
    await (await StorageObject.open('/disk.lun', { disk, processes })).close();
    expect(await disk.readdir('/')).toEqual(['disk.lun']);
  });
});

describe('whether the owner of a lock file is gone', () => {
  const processes = new FakeProcesses({ pid: 200 });
  const owner: LockOwner = {
    ...processes.identity,
    pid: 100,
    inode: '12',
    access: 'write',
    byteLocks: true,
    openedAtMs: 0,
  };
  const seeker: LockSeeker = {
    self: processes.identity,
    inode: '12',
    device: '5',
    bornAtNs: 0n,
    access: 'write',
    hasByteLocks: false,
    processes,
  };
  const otherBoot = '22222222-2222-2222-2222-222222222222';

  it.each<[string, Partial<LockOwner>, Partial<LockSeeker>, boolean]>([
    ['yes: the process does not run', {}, {}, true],
    ['yes: the machine was started again', { bootId: otherBoot }, {}, true],
    ['unknown: another machine', { bootId: otherBoot, host: 'beta' }, {}, false],
    ['unknown: another container of the same machine', { host: 'c0ffee' }, {}, false],
    ['yes: that container has lost its byte locks', { host: 'c0ffee' }, { hasByteLocks: true }, true],
    ['unknown: it never had byte locks', { host: 'c0ffee', byteLocks: false }, { hasByteLocks: true }, false],
    ['unknown: another process namespace', { pidNamespace: 2 }, {}, false],
    ['yes: it was copied along within this file system', { device: '5' }, { inode: '13' }, true],
    [
      'unknown: those byte locks may not be seen through another mount (FUSE)',
      { host: 'c0ffee', device: '6' },
      { hasByteLocks: true },
      false,
    ],
    [
      'unknown: the same, with inode numbers of its own',
      { host: 'c0ffee', device: '6' },
      { inode: '13', hasByteLocks: true },
      false,
    ],
    [
      'yes: it came from another machine, before the copy was born',
      { bootId: otherBoot, host: 'beta', openedAtMs: 5000 },
      { inode: '13', bornAtNs: 6_000_000_000n },
      true,
    ],
    [
      'unknown: this may be a mount of the other machine, with inode numbers of its own (sshfs)',
      { bootId: otherBoot, host: 'beta', openedAtMs: 5000 },
      { inode: '13', hasByteLocks: true },
      false,
    ],
    [
      'unknown: the same, and the container is older than the lock',
      { bootId: otherBoot, host: 'beta', openedAtMs: 5000 },
      { inode: '13', bornAtNs: 4_000_000_000n, hasByteLocks: true },
      false,
    ],
    [
      'unknown: readers do not exclude each other by byte locks',
      { host: 'c0ffee', access: 'read' },
      { hasByteLocks: true, access: 'read' },
      false,
    ],
  ])('%s', async (_name, ownerChange, seekerChange, expected) => {
    expect(await isStale({ ...owner, ...ownerChange }, { ...seeker, ...seekerChange })).toBe(expected);
  });
});

describe('breaking a lock file', () => {
  it('puts it back when another process has replaced it meanwhile', async () => {
    const lockPath = join(tempDirectory(), 'disk.lun.lock');
    const processes = new FakeProcesses({ pid: 300 });
    const rest = { inode: '1', access: 'write', byteLocks: false, openedAtMs: 5 } as const;
    const fresh: LockOwner = { ...processes.identity, ...rest };
    writeFileSync(lockPath, lockFileText(fresh));
    const stale = { ...fresh, pid: 100 };
    await breakLockFile(realDisk, lockPath, stale, Buffer.from(systemRandom.bytes(4)).toString('hex'));
    expect((await readLockOwner(realDisk, lockPath))?.pid).toBe(300);
    expect(readdirSync(join(lockPath, '..'))).toEqual(['disk.lun.lock']);
  });

  it.each(['', 'nonsense', '{}', '[1]', '{"pid":"1"}'])('reads no owner from %j', async (text) => {
    const lockPath = join(tempDirectory(), 'disk.lun.lock');
    writeFileSync(lockPath, text);
    expect(await readLockOwner(realDisk, lockPath)).toBeUndefined();
  });
});
