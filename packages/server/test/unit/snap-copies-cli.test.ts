import { StorageObject } from '@lunbox/storage-object';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { openDisks } from '../../src/disks.ts';
import { captureOutput } from '../support/captured-output.ts';

const SIZE = 4 << 20;
let folder: string;
let path: string;
let exported: string;
let printed: string[];
let complained: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-copies-'));
  path = join(folder, 'disk.lun');
  exported = join(folder, 'export');
  mkdirSync(exported);
  ({ printed, complained } = captureOutput());
  expect(await run(['create', path, '--size', '4M', '--quiet'])).toBe(0);
  await write(0, 1);
  await write(5, 5);
  expect(await snap('create', '--name', 'one')).toBe(0);
  await write(0, 2);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const snap = (verb: string, ...words: string[]): Promise<number> => run(['snap', verb, path, ...words]);

async function write(grain: number, value: number): Promise<void> {
  const [disk] = await openDisks([{ path }], {});
  await disk!.unit.device.write([Buffer.alloc(65_536, value)], grain * 65_536);
  await disk!.close();
}

function expectedContent(): Buffer {
  return Buffer.alloc(SIZE)
    .fill(1, 0, 65_536)
    .fill(5, 5 * 65_536, 6 * 65_536);
}

async function contentOf(file: string): Promise<Buffer> {
  const object = await StorageObject.open(file, { readOnly: true });
  const bytes = Buffer.alloc(SIZE);
  await object.device.read([bytes], 0);
  await object.close();
  return bytes;
}

describe('lunbox snap publish, clone and verify on a disk that nobody serves', () => {
  it('publishes a snapshot with a manifest by which it can be verified', async () => {
    expect(await snap('publish', 'one', '--to', exported, '--rate', '1G')).toBe(0);
    expect(readdirSync(exported)).toEqual(['disk-one.json', 'disk-one.lun']);
    const file = join(exported, 'disk-one.lun');
    expect(statSync(file).mode & 0o222).toBe(0);
    expect((await contentOf(file)).equals(expectedContent())).toBe(true);
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(printed.join('\n')).toContain(`snapshot one is published as ${file}, SHA-256 ${digest}`);
    const manifest = join(exported, 'disk-one.json');
    expect(await snap('verify', 'one', '--manifest', manifest)).toBe(0);
    expect(printed.join('\n')).toContain('snapshot one is sound; 1 checksums were compared');
    expect(await snap('publish', 'one', '--to', exported)).not.toBe(0);
    expect(complained.join('')).toContain('exists already; choose another name');
  });

  it('clones a snapshot, and says whether the clone shares space', async () => {
    const clone = join(folder, 'clone.lun');
    printed.length = 0;
    expect(await snap('clone', 'one', clone, '--json')).toBe(0);
    const told = JSON.parse(printed.join('')) as { clone: { method: string } };
    expect(told).toMatchObject({
      event: 'cloned',
      disk: path,
      snapshot: { name: 'one' },
      clone: { path: clone },
    });
    expect(['copy', 'reflink']).toContain(told.clone.method);
    expect((await contentOf(clone)).equals(expectedContent())).toBe(true);
  });

  it('lists what is damaged, and fails', async () => {
    const directory = `${path}.snaps`;
    const log = readdirSync(directory).find((name) => name.endsWith('.log'))!;
    const bytes = readFileSync(join(directory, log));
    bytes[8192 + 5] = 0xee;
    writeFileSync(join(directory, log), bytes);
    printed.length = 0;
    expect(await snap('verify', 'one')).toBe(5);
    expect(printed.join('\n')).toContain('  0 65536 damaged');
  });

  it('needs a directory, a rate that is one, and a snapshot that is there', async () => {
    expect(await snap('publish', 'one')).not.toBe(0);
    expect(await snap('publish', 'one', '--to', exported, '--rate', 'fast')).not.toBe(0);
    expect(await snap('publish', 'two', '--to', exported)).not.toBe(0);
    expect(await snap('clone', 'one', path)).not.toBe(0);
    expect(readdirSync(exported)).toEqual([]);
  });
});
