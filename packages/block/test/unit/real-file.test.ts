import { execFileSync } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createRealDisk,
  isPromise,
  openFileDevice,
  SimulatedDisk,
  systemClock,
  type Disk,
} from '../../src/index.ts';
import { Errno, nativeCalls, type NativeCalls } from '../../src/real/native.ts';
import { RealFile } from '../../src/real/real-file.ts';
import { sparseFile, temporaryDirectory } from '../support/compliance.ts';
import { codeOf } from '../support/devices.ts';

const MEBIBYTE = 1 << 20;
const native = nativeCalls();
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeEach(async () => {
  directory = await temporaryDirectory(tmpdir());
});
afterEach(() => directory.remove());

/** A file whose page cache answers as the test wants: what `readNow` returns, whatever is there. */
async function fileWith(readNow: NativeCalls['readNow'] | undefined): Promise<RealFile> {
  const path = await sparseFile(join(directory.path, 'disk'), MEBIBYTE);
  const calls = { readNow } as unknown as NativeCalls;
  const fd = openSync(path, 'r+');
  return new RealFile({ fd, path, native: readNow && calls, clock: systemClock });
}

describe('reading', () => {
  const half: NativeCalls['readNow'] = (_fd, into) => {
    into[0]?.fill(1, 0, 512);
    return 512;
  };
  const ways: [string, NativeCalls['readNow'] | undefined][] = [
    ['nothing is cached', () => -Errno.EAGAIN],
    ['the file system cannot refuse to wait', () => -Errno.EOPNOTSUPP],
    ['only the first part is cached', half],
    ['there are no native calls', undefined],
  ];
  for (const [when, readNow] of ways) {
    it(`goes to the thread pool when ${when}`, async () => {
      const file = await fileWith(readNow);
      await file.write([Buffer.alloc(512, 1), Buffer.alloc(512, 2), Buffer.alloc(512, 3)], 0);
      const into = [new Uint8Array(700), new Uint8Array(836)];
      expect(await file.read(into, 0)).toBe(1536);
      const expected = Buffer.concat([Buffer.alloc(512, 1), Buffer.alloc(512, 2), Buffer.alloc(512, 3)]);
      expect(Buffer.concat(into).equals(expected)).toBe(true);
      await file.close();
    });
  }

  it('asks the page cache no more where that is not supported', async () => {
    let asked = 0;
    const file = await fileWith(() => {
      asked++;
      return -Errno.EOPNOTSUPP;
    });
    for (let i = 0; i < 3; i++) await file.read([new Uint8Array(512)], 0);
    // A memory file system is not even asked the first time.
    expect(asked).toBeLessThanOrEqual(1);
    await file.close();
  });

  it('tells how much there was before the end of the file', async () => {
    for (const each of [true, false]) {
      const path = await sparseFile(join(directory.path, `short ${each}`), 1000);
      const file = await createRealDisk({ native: each }).open(path, 'read');
      expect(await file.read([new Uint8Array(600), new Uint8Array(600)], 0)).toBe(1000);
      expect(await file.read([new Uint8Array(10)], 5000)).toBe(0);
      await file.close();
    }
  });
});

describe('a closed file', () => {
  it('waits for what is in flight, then refuses with EBADF', async () => {
    const file = await fileWith(undefined);
    const reads = Array.from({ length: 20 }, async () => file.read([new Uint8Array(4096)], 0));
    await Promise.all([file.close(), file.close()]);
    expect(await Promise.all(reads)).toEqual(reads.map(() => 4096));
    expect(await codeOf(() => file.sync())).toMatch('EBADF');
  });
});

describe('large files', () => {
  it.each([true, false])('are exact beyond 4 GiB, native %s', async (useNative) => {
    const [offset, size] = [5 * 2 ** 30 + 4096, 6 * 2 ** 30];
    const path = await sparseFile(join(directory.path, 'large'), size);
    const device = await openFileDevice({ disk: createRealDisk({ native: useNative }), path });
    await device.write([Buffer.alloc(4096, 1), Buffer.alloc(4096, 2)], offset);
    await device.unmap(offset, 4096);
    const into = Buffer.alloc(8192, 9);
    await device.read([into], offset);
    expect(into.equals(Buffer.concat([Buffer.alloc(4096), Buffer.alloc(4096, 2)]))).toBe(true);
    const low = Buffer.alloc(8192, 9);
    await device.read([low], offset - 2 ** 32);
    expect(low.equals(Buffer.alloc(8192))).toBe(true);
    expect((await createRealDisk().status(path)).allocatedBytes).toBeLessThan(MEBIBYTE);
    await device.close();
  });
});

describe('names', () => {
  it('are created once, linked, renamed, listed and removed', async () => {
    const disk: Disk = createRealDisk();
    const at = (name: string): string => join(directory.path, name);
    await disk.mkdir(at('d'));
    const file = await disk.open(at('d/a'), 'create');
    await file.setModifiedTime(1_700_000_000_123);
    expect((await file.status()).mtimeNs / 1_000_000n).toBe(1_700_000_000_123n);
    await file.close();
    await expect(disk.open(at('d/a'), 'create')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(disk.open(at('d/b'), 'write')).rejects.toMatchObject({ code: 'ENOENT' });
    await disk.link(at('d/a'), at('d/b'));
    await expect(disk.link(at('d/a'), at('d/b'))).rejects.toMatchObject({ code: 'EEXIST' });
    await disk.rename(at('d/a'), at('d/c'));
    await disk.syncDirectory(at('d'));
    expect(await disk.readdir(at('d'))).toEqual(['b', 'c']);
    expect((await disk.status(at('d/b'))).inode).toBe((await disk.status(at('d/c'))).inode);
    await disk.unlink(at('d/b'));
    expect(await disk.readdir(at('d'))).toEqual(['c']);
    expect((await disk.status(at('d'))).kind).toBe('directory');
  });
});

describe.each([
  ['real', createRealDisk()],
  ['simulated', new SimulatedDisk()],
] as const)('directories of the %s disk', (kind, disk) => {
  const at = (name: string): string => (kind === 'real' ? join(directory.path, name) : `/${name}`);

  it('are renamed with what is in them, and removed when they are empty', async () => {
    await disk.mkdir(at('d'));
    await disk.mkdir(at('d/e'));
    await (await disk.open(at('d/e/a'), 'create')).close();
    await disk.mkdir(at('dd'));
    await (await disk.open(at('dd/b'), 'create')).close();
    await disk.rename(at('d'), at('f'));
    await expect(disk.status(at('d'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect([await disk.readdir(at('f/e')), await disk.readdir(at('dd'))]).toEqual([['a'], ['b']]);
    await expect(disk.rename(at('f'), at('dd'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await expect(disk.rmdir(at('f/e'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await disk.unlink(at('f/e/a'));
    await disk.rmdir(at('f/e'));
    expect(await disk.readdir(at('f'))).toEqual([]);
    await expect(disk.rmdir(at('f/e'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe.runIf(native !== undefined)('native calls', () => {
  it('read from the page cache without a promise', async () => {
    const path = await sparseFile(join(directory.path, 'disk'), MEBIBYTE);
    const device = await openFileDevice({ disk: createRealDisk(), path });
    await device.write([Buffer.alloc(4096, 9), Buffer.alloc(4096, 8)], 8192);
    const into = [Buffer.alloc(4096), Buffer.alloc(4096)];
    expect(isPromise(device.read(into, 8192))).toBe(false);
    expect(Buffer.concat(into).equals(Buffer.concat([Buffer.alloc(4096, 9), Buffer.alloc(4096, 8)]))).toBe(
      true,
    );
    await device.close();
  });

  it('give space back, and tell where it is', async () => {
    const disk = createRealDisk();
    const path = await sparseFile(join(directory.path, 'disk'), 4 * MEBIBYTE);
    const device = await openFileDevice({ disk, path });
    await device.write([Buffer.alloc(2 * MEBIBYTE, 1)], MEBIBYTE);
    await device.flush();
    const before = (await disk.status(path)).allocatedBytes;
    await device.unmap(2 * MEBIBYTE, MEBIBYTE);
    await device.flush();
    expect(before - (await disk.status(path)).allocatedBytes).toBe(MEBIBYTE);
    expect(await device.extents(0, device.size)).toEqual([
      { offset: 0, length: MEBIBYTE, state: 'hole' },
      { offset: MEBIBYTE, length: MEBIBYTE, state: 'mapped' },
      { offset: 2 * MEBIBYTE, length: 2 * MEBIBYTE, state: 'hole' },
    ]);
    await device.close();
  });

  it('lock for an open file: shared with shared, exclusive alone, until it is closed', async () => {
    const disk = createRealDisk();
    const path = await sparseFile(join(directory.path, 'disk'), 512);
    const [a, b] = [await disk.open(path, 'write'), await disk.open(path, 'write')];
    const range = (offset: number, exclusive: boolean) => ({ offset, length: 1, exclusive });
    expect(a.lock(range(100, false))).toBe('granted');
    expect(b.lock(range(100, false))).toBe('granted');
    expect(b.testLock(range(100, true))).toBe('held');
    expect(a.lock(range(201, true))).toBe('granted');
    expect(a.testLock(range(201, true))).toBe('granted');
    expect(b.testLock(range(201, false))).toBe('held');
    expect(b.lock(range(201, true))).toBe('held');
    a.unlock(201, 1);
    expect(b.lock(range(201, true))).toBe('granted');
    await b.close();
    expect(a.lock(range(201, true))).toBe('granted');
    await a.close();
  });

  it('are left out with LUNBOX_NATIVE=0', () => {
    const module = new URL('../../src/real/native.ts', import.meta.url).href;
    const script = `import { nativeCalls } from ${JSON.stringify(module)}; console.log(nativeCalls() === undefined)`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    const options = { env: { ...process.env, LUNBOX_NATIVE: '0' }, encoding: 'utf8' } as const;
    expect(execFileSync(process.execPath, args, options).trim()).toBe('true');
  });
});

describe.runIf(existsSync('/dev/shm'))('a memory file system', () => {
  it('answers at once without native calls', async () => {
    const shared = await temporaryDirectory('/dev/shm');
    const path = await sparseFile(join(shared.path, 'disk'), MEBIBYTE);
    const device = await openFileDevice({ disk: createRealDisk({ native: false }), path });
    expect(isPromise(device.write([Buffer.alloc(512, 1)], 512))).toBe(false);
    expect(isPromise(device.read([Buffer.alloc(512)], 512))).toBe(false);
    await device.close();
    await shared.remove();
  });
});
