import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRealDisk, realDisk, SimulatedDisk, type Disk, type DiskFile } from '../../src/index.ts';

const MIB = 1 << 20;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lunbox-clone-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const contentOf = async (file: DiskFile): Promise<Buffer> => {
  const { sizeBytes } = await file.status();
  const bytes = Buffer.alloc(sizeBytes);
  await file.read([bytes], 0);
  return bytes;
};

async function cloneOn(disk: Disk, folder: string): Promise<{ cloned: boolean; found: Buffer }> {
  const source = await disk.open(join(folder, 'source'), 'create');
  await source.write([Buffer.alloc(MIB, 5)], 0);
  await source.truncate(2 * MIB);
  const copy = await disk.open(join(folder, 'copy'), 'create');
  await copy.truncate(3 * MIB);
  const cloned = await copy.cloneFrom(source, 0, MIB, 2 * MIB);
  // What is written to one of them afterwards is not seen in the other.
  await source.write([Buffer.alloc(4096, 9)], 0);
  const found = await contentOf(copy);
  await source.close();
  await copy.close();
  return { cloned, found };
}

describe('a range that is given the space of another one', () => {
  it.each([
    ['a simulated disk that can', new SimulatedDisk({ clones: true }), true],
    ['a simulated disk that cannot', new SimulatedDisk(), false],
  ])('holds what that held: %s', async (_, disk, can) => {
    const { cloned, found } = await cloneOn(disk, '/');
    const expected = Buffer.alloc(3 * MIB);
    if (can) expected.fill(5, MIB, 2 * MIB);
    expect(cloned).toBe(can);
    expect(found.equals(expected)).toBe(true);
  });

  it('holds it, or nothing where the file system cannot: real files', async () => {
    const { cloned, found } = await cloneOn(realDisk, directory);
    const expected = Buffer.alloc(3 * MIB);
    if (cloned) expected.fill(5, MIB, 2 * MIB);
    expect(found.equals(expected)).toBe(true);
  });

  it('is not there without native calls', async () => {
    expect((await cloneOn(createRealDisk({ native: false }), directory)).cloned).toBe(false);
  });
});

describe('a file that is made read-only', () => {
  it('can be written by who has it open, and by nobody who opens it afterwards', async () => {
    const path = join(directory, 'file');
    const file = await realDisk.open(path, 'create');
    await file.makeReadOnly();
    await file.write([Buffer.alloc(512, 1)], 0);
    await file.close();
    expect(statSync(path).mode & 0o777).toBe(0o444);
  });

  it('is refused by a simulated disk', async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open('/file', 'create');
    await file.makeReadOnly();
    await file.write([Buffer.alloc(512, 1)], 0);
    await file.close();
    await expect(disk.open('/file', 'write')).rejects.toMatchObject({ code: 'EACCES' });
    const again = await disk.open('/file', 'read');
    expect(await contentOf(again)).toEqual(Buffer.alloc(512, 1));
    await again.close();
  });
});
