import { StorageObject } from '@lunbox/storage-object';
import { copyFileSync, linkSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { captureOutput } from '../support/captured-output.ts';
import { disksToServe } from '../../src/cli/storage-directory.ts';

const MIB = 2 ** 20;

let folder: string;
let printed: string[];
let complained: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-life-'));
  ({ printed, complained } = captureOutput());
  expect(await run(['create', file('disk.lun'), '--size', '4M', '--quiet'])).toBe(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string): string => join(folder, name);
const json = (): unknown => JSON.parse(printed.join('\n'));
const names = (): string[] => readdirSync(folder).sort();

async function newObject(name: string, lun?: number): Promise<void> {
  const attributes = lun === undefined ? {} : { location: { lun } };
  await (await StorageObject.create(file(name), { sizeBytes: MIB, attributes })).close();
}

describe('lunbox create --preallocate', () => {
  it('takes the space at once', async () => {
    expect(await run(['create', file('full.lun'), '--size', '4M', '--preallocate', '--quiet'])).toBe(0);
    expect(statSync(file('full.lun')).blocks * 512).toBeGreaterThanOrEqual(4 * MIB);
  });
});

describe('lunbox resize', () => {
  it('makes a disk larger, and smaller with --force', async () => {
    expect(await run(['resize', file('disk.lun'), '8M', '--json'])).toBe(0);
    expect(json()).toEqual({ event: 'resized', path: file('disk.lun'), sizeBytes: 8 * MIB });
    expect(await run(['resize', file('disk.lun'), '2M'])).toBe(2);
    expect(complained).toEqual([expect.stringMatching(/has 8 MiB; say --force/)]);
    expect(await run(['resize', file('disk.lun'), '2M', '--force'])).toBe(0);
    expect(await run(['check', file('disk.lun')])).toBe(0);
  });

  it('loses data only when that is said, and touches no disk that is open', async () => {
    const object = await StorageObject.open(file('disk.lun'));
    await object.device.write([Buffer.alloc(512, 1)], 3 * MIB);
    expect(await run(['resize', file('disk.lun'), '8M'])).toBe(1);
    await object.close();
    expect(complained.join('')).toContain('is served by process');
    expect(await run(['resize', file('disk.lun'), '2M', '--force'])).toBe(1);
    expect(complained.at(-1)).toContain('--discard-data');
    expect(await run(['resize', file('disk.lun'), '2M', '--force', '--discard-data'])).toBe(0);
  });

  it('lets a disk with protection information grow to the room that it has', async () => {
    const path = file('protected.lun');
    expect(await run(['create', path, '--size', '4M', '--protection', '1', '--quiet'])).toBe(0);
    expect(await run(['resize', path, '2M', '--force'])).toBe(2);
    expect(complained.at(-1)).toContain('protection information');
    expect(await run(['resize', path, '100T'])).toBe(2);
    expect(complained.at(-1)).toContain('has room for');
    expect(await run(['check', path])).toBe(0);
  });
});

describe('lunbox delete, of a disk of several parts', () => {
  const create = ['--size', '4M', '--raid', '1', '--quiet'];

  it('deletes its files, and says what it has deleted and what it has kept', async () => {
    const [a, b, path] = [file('a.img'), file('b.img'), file('mirror.lun')];
    expect(await run(['create', path, ...create, '--part', a, '--part', b])).toBe(0);
    expect(await run(['delete', path])).toBe(0);
    expect(printed.join('\n')).toBe([a, b, path].map((each) => `${each} is deleted`).join('\n'));
    expect(names()).toEqual(['disk.lun']);
    printed.length = 0;
    expect(await run(['create', path, ...create, '--part', a, '--part', b])).toBe(0);
    writeFileSync(a, 'something else');
    expect(await run(['delete', path])).toBe(1);
    expect(complained.join('')).toContain('has a part that is not as it should be');
    expect(await run(['delete', path, '--force', '--json'])).toBe(0);
    const reason = expect.stringContaining('it holds something else') as string;
    expect(json()).toEqual({ event: 'deleted', path, parts: [b], kept: [{ path: a, reason }] });
    expect(names()).toEqual(['a.img', 'disk.lun']);
  });

  it('after it was imported, made smaller, and exported', async () => {
    const [image, path] = [file('disk.raw'), file('mirror.lun')];
    writeFileSync(image, Buffer.alloc(MIB, 7));
    const parts = ['--raid', '0', '--part', file('a.img'), '--part', file('b.img')];
    expect(await run(['import', image, path, ...parts, '--delete-original'])).toBe(0);
    expect(await run(['resize', path, '512K', '--force'])).toBe(1);
    expect(complained.join('')).toContain('--discard-data');
    expect(await run(['resize', path, '512K', '--force', '--discard-data'])).toBe(0);
    expect(await run(['export', path, image])).toBe(0);
    expect(readFileSync(image).equals(Buffer.alloc(MIB / 2, 7))).toBe(true);
    expect(await run(['import', image, image, ...parts])).toBe(2);
    expect(await run(['import', image, file('x.lun'), '--format', 'qcow2', ...parts])).toBe(1);
    expect(complained.at(-1)).toContain('qemu-img convert -O raw');
    expect(await run(['delete', path])).toBe(0);
    expect(names()).toEqual(['disk.lun', 'disk.raw']);
  });

  it('keeps them with --keep-parts', async () => {
    const parts = ['--part', file('a.img'), '--part', file('b.img')];
    expect(await run(['create', file('mirror.lun'), ...create, ...parts])).toBe(0);
    expect(await run(['delete', file('mirror.lun'), '--keep-parts'])).toBe(0);
    expect(names()).toEqual(['a.img', 'b.img', 'disk.lun']);
  });
});

describe('lunbox rename and delete', () => {
  it('do what they say, and nothing to files that are in the way', async () => {
    expect(await run(['rename', file('disk.lun'), file('new.lun'), '--json'])).toBe(0);
    expect(json()).toEqual({ event: 'renamed', path: file('new.lun'), formerPath: file('disk.lun') });
    copyFileSync(file('new.lun'), file('other.lun'));
    expect(await run(['rename', file('other.lun'), file('new.lun')])).toBe(1);
    expect(complained.at(-1)).toContain('exists already');
    expect(await run(['delete', file('new.lun')])).toBe(0);
    expect(await run(['delete', file('new.lun')])).toBe(1);
    expect(names()).toEqual(['other.lun']);
  });

  it('ask for --force when a disk was not closed in order, and keep their hands off other files', async () => {
    writeFileSync(file('disk.lun'), 'x', { flag: 'a' });
    expect(await run(['delete', file('disk.lun')])).toBe(1);
    expect(complained.at(-1)).toContain('say --force');
    expect(await run(['delete', file('disk.lun'), '--force'])).toBe(0);
    writeFileSync(file('text'), 'text');
    expect(await run(['delete', file('text'), '--force'])).toBe(1);
    expect(names()).toEqual(['text']);
  });
});

describe('lunbox import and export', () => {
  it('make a disk of an image and an image of a disk', async () => {
    writeFileSync(file('in.img'), Buffer.alloc(MIB, 0x33));
    expect(await run(['import', file('in.img'), file('new.lun'), '--delete-original', '--json'])).toBe(0);
    expect(json()).toMatchObject({ event: 'imported', path: file('new.lun'), sizeBytes: MIB });
    printed.length = 0;
    expect(await run(['export', file('new.lun'), file('out.img'), '--json'])).toBe(0);
    const outcome = json() as { sharedBytes: number; copiedBytes: number };
    expect(outcome).toMatchObject({ event: 'exported', path: file('new.lun'), imagePath: file('out.img') });
    expect(outcome.sharedBytes + outcome.copiedBytes).toBe(MIB);
    expect(names()).toEqual(['disk.lun', 'new.lun', 'out.img']);
  });

  it('take no image for a raw one, or for another, because of what it starts with', async () => {
    const image = Buffer.alloc(MIB);
    image.write('QFI\xfb', 'latin1');
    writeFileSync(file('in.img'), image);
    expect(await run(['import', file('in.img'), file('new.lun')])).toBe(1);
    expect(complained.at(-1)).toMatch(/may be a qcow2 image; say --format qcow2, or --format raw/);
    expect(await run(['import', file('in.img'), file('new.lun'), '--format', 'raw'])).toBe(0);
    expect(names()).toEqual(['disk.lun', 'in.img', 'new.lun']);
  });

  it('say what is missing when there is no qemu-img', async () => {
    writeFileSync(file('in.qcow2'), 'QFI\xfb', 'latin1');
    const before = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      expect(await run(['import', file('in.qcow2'), file('new.lun')])).toBe(1);
    } finally {
      process.env['PATH'] = before;
    }
    expect(complained.at(-1)).toMatch(/it takes qemu-img to read it, which is not installed/);
    expect(names()).toEqual(['disk.lun', 'in.qcow2']);
  });
});

describe('lunbox catalog', () => {
  it('lists the disks of directories, and its status says whether somebody should look', async () => {
    await newObject('b.lun', 7);
    expect(await run(['catalog', folder])).toBe(0);
    expect(printed.join('\n')).toMatch(/b\.lun.*LUN 7\n.*disk\.lun +\S+ +4 MiB/);
    printed.length = 0;
    expect(await run(['catalog', folder, '--json', '--no-cache'])).toBe(0);
    expect(json()).toMatchObject({
      objects: [{ name: 'b.lun', lun: 7 }, { name: 'disk.lun' }],
      unusable: [],
      gone: [],
    });
    await newObject('c.lun', 7);
    expect(await run(['catalog', folder])).toBe(3);
    expect(printed.join('\n')).toContain('(LUN_SHARED)');
    writeFileSync(file('text.lun'), 'text');
    expect(await run(['catalog', folder])).toBe(4);
  });
});

describe('lunbox catalog of a disk of several parts', () => {
  it('shows its parts, and its status says that one is missing', async () => {
    const parts = ['--part', file('a.img'), '--part', file('b.img')];
    expect(await run(['create', file('large.lun'), '--size', '4M', ...parts, '--quiet'])).toBe(0);
    expect(await run(['catalog', folder])).toBe(0);
    expect(printed.join('\n')).toMatch(/large\.lun.*\n.*concat.*\n.*a\.img.*\n.*b\.img/);
    rmSync(file('b.img'));
    expect(await run(['catalog', folder])).toBe(5);
    expect(printed.join('\n')).toContain('(PART_MISSING)');
  });
});

describe('lunbox serve with a directory', () => {
  it('says what its catalog has found', async () => {
    await newObject('a.lun');
    await newObject('gone.lun');
    expect(await disksToServe([folder])).toHaveLength(3);
    expect(complained).toEqual([]);
    renameSync(file('a.lun'), file('b.lun'));
    rmSync(file('gone.lun'));
    linkSync(file('b.lun'), file('c.lun'));
    writeFileSync(file('d.lun.0123456789ab.new'), 'x');
    await disksToServe([folder]);
    expect(complained).toEqual([
      expect.stringMatching(/^lunbox: note: .*b\.lun: it was called a\.lun \(RENAMED\)/),
      expect.stringMatching(/^lunbox: warning: .*b\.lun: it is the same file as .*c\.lun \(SAME_FILE\)/),
      expect.stringMatching(/^lunbox: warning: .*c\.lun: it is the same file as .*b\.lun/),
      expect.stringContaining('(DRAFT_LEFT)'),
      expect.stringMatching(/gone\.lun was here when somebody last looked, and is gone/),
    ]);
  });

  it('serves its disks: by the LUN of their attributes, and then by name', async () => {
    await newObject('a.lun', 2);
    await newObject('b.lun', 0);
    expect(await disksToServe([folder])).toEqual([
      { name: file('b.lun'), lun: 0 },
      { name: file('disk.lun'), lun: 1 },
      { name: file('a.lun'), lun: 2 },
    ]);
    expect(await disksToServe([file('a.lun'), file('disk.lun')])).toEqual([
      { name: file('a.lun'), lun: 2 },
      { name: file('disk.lun'), lun: undefined },
    ]);
  });

  it('leaves gaps between LUNs that are asked for, and asks for none with --ignore-location', async () => {
    await newObject('a.lun', 5);
    const numbers = async (flags = {}) => (await disksToServe([folder], flags)).map(({ lun }) => lun);
    expect(await numbers()).toEqual([0, 5]);
    await newObject('b.lun', 5);
    expect(await numbers({ ignoreLocation: true })).toEqual([0, 1, 2]);
  });

  it('refuses one in which LUNs would move or collide, and one without disks', async () => {
    await newObject('a.lun', 5);
    await newObject('b.lun', 5);
    await expect(disksToServe([folder])).rejects.toThrow(/both want to be LUN 5/);
    await expect(disksToServe([folder, file('a.lun')])).rejects.toThrow(/a directory is served alone/);
    writeFileSync(file('text.lun'), 'text');
    await expect(disksToServe([folder])).rejects.toThrow(/text\.lun is not a Lunbox container; repair it/);
    const empty = mkdtempSync(join(folder, 'empty-'));
    await expect(disksToServe([empty])).rejects.toThrow(/there is no disk/);
  });
});
