import { StorageObject } from '@lunbox/storage-object';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openDisks } from '../../src/disks.ts';
import { run } from '../../src/cli/program.ts';
import { formatAge, listLines } from '../../src/cli/snap-lines.ts';
import { printDiff } from '../../src/cli/snap-print.ts';
import { captureOutput } from '../support/captured-output.ts';

let folder: string;
let path: string;
let printed: string[];
let complained: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-snap-'));
  path = join(folder, 'disk.lun');
  ({ printed, complained } = captureOutput());
  expect(await run(['create', path, '--size', '4M', '--quiet'])).toBe(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const snap = (verb: string, ...words: string[]): Promise<number> => run(['snap', verb, path, ...words]);

/** What a verb prints with `--json`, one value for each line. */
async function told(verb: string, ...words: string[]): Promise<Record<string, unknown>[]> {
  printed.length = 0;
  expect(await snap(verb, ...words, '--json')).toBe(0);
  return printed
    .join('\n')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What a verb that is refused complains of. */
async function refusal(verb: string, ...words: string[]): Promise<readonly [number, string]> {
  complained.length = 0;
  return [await snap(verb, ...words), complained.join('')];
}

/** Writes a grain of the disk as a server does. */
async function write(grain: number, value: number): Promise<void> {
  const [disk] = await openDisks([{ path }], {});
  await disk!.unit.device.write([Buffer.alloc(65_536, value)], grain * 65_536);
  await disk!.close();
}

describe('lunbox snap on a disk that nobody serves', () => {
  it('takes, lists, compares, restores and deletes snapshots', async () => {
    await write(0, 1);
    await write(1, 1);
    const [created] = await told(
      'create',
      '--name',
      'one',
      '--label',
      'job=x=y',
      '--label',
      'n=1',
      '--level',
      'filesystem',
    );
    const one = {
      name: 'one',
      sizeBytes: 4 << 20,
      level: 'filesystem',
      labels: { job: 'x=y', n: '1' },
      holds: [],
    };
    expect(created).toMatchObject({ event: 'created', disk: path, snapshot: one });
    await write(0, 2);
    await write(1, 2);
    expect(await snap('create', '--name', 'two')).toBe(0);
    await write(5, 3);
    const [list] = await told('ls');
    expect(list).toMatchObject({
      disk: path,
      snapshots: [
        { ...one, sharedBytes: 0 },
        { name: 'two', level: 'crash', labels: {} },
      ],
    });
    expect((list!['snapshots'] as { exclusiveBytes: number }[])[0]!.exclusiveBytes).toBeGreaterThanOrEqual(
      131_072,
    );
    const [header, ...extents] = await told('diff', 'one', 'two');
    expect(header).toMatchObject({
      event: 'diff',
      from: { name: 'one' },
      to: { name: 'two' },
      sizeBytes: 4 << 20,
    });
    expect(extents).toEqual([
      { offset: 0, length: 131_072 },
      { event: 'end', extents: 1, changedBytes: 131_072 },
    ]);
    expect((await told('diff', 'two')).slice(1)).toEqual([
      { offset: 5 * 65_536, length: 65_536 },
      { event: 'end', extents: 1, changedBytes: 65_536 },
    ]);
    expect(await told('restore', 'one', '--name', 'before')).toMatchObject([
      { event: 'restored', snapshot: { name: 'one' }, safety: { name: 'before' } },
    ]);
    const object = await StorageObject.open(path, { readOnly: true });
    const bytes = Buffer.alloc(6 * 65_536);
    await object.device.read([bytes], 0);
    await object.close();
    expect(bytes.equals(Buffer.concat([Buffer.alloc(131_072, 1), Buffer.alloc(4 * 65_536)]))).toBe(true);
    for (const name of ['one', 'two', 'before']) expect(await snap('rm', name)).toBe(0);
    expect(await told('ls')).toEqual([{ disk: path, snapshots: [] }]);
  });

  it('keeps, renames, refreshes and bookmarks them', async () => {
    const [created] = await told('create');
    const { name, id } = created!['snapshot'] as { name: string; id: string };
    expect(name).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(await told('rename', name, 'first')).toMatchObject([
      { event: 'renamed', snapshot: { id, name: 'first' } },
    ]);
    expect(await told('hold', 'first', '--holder', 'backup')).toMatchObject([
      { snapshot: { holds: ['backup'] } },
    ]);
    expect(await refusal('rm', 'first')).toEqual([
      1,
      'lunbox: first is held by backup; lunbox snap release ends a hold',
    ]);
    expect(await refusal('release', 'first', '--holder', 'other')).toEqual([
      1,
      'lunbox: snapshot first is not held by other',
    ]);
    expect(await told('release', id, '--holder', 'backup')).toMatchObject([{ snapshot: { holds: [] } }]);
    const [refreshed] = await told('refresh', 'first', '--label', 'a=b');
    expect(refreshed).toMatchObject({ event: 'refreshed', snapshot: { name: 'first', labels: { a: 'b' } } });
    expect((refreshed!['snapshot'] as { id: string }).id).not.toBe(id);
    expect(await told('bookmark', 'first')).toMatchObject([
      { event: 'bookmarked', snapshot: { bookmark: true } },
    ]);
    expect((await refusal('restore', 'first'))[1]).toContain('is a bookmark');
  });

  it('says and changes what is done when there is no room', async () => {
    expect(await snap('create', '--name', 'one')).toBe(0);
    expect(await told('policy')).toEqual([{ event: 'policy', disk: path, whenFull: 'drop-oldest' }]);
    const limit = { limitBytes: 2 ** 20 };
    expect(await told('policy', '--limit', '1M')).toMatchObject([{ ...limit, whenFull: 'drop-oldest' }]);
    expect(await told('policy', '--when-full', 'refuse')).toMatchObject([{ ...limit, whenFull: 'refuse' }]);
    printed.length = 0;
    expect(await snap('policy')).toBe(0);
    expect(printed.join('')).toBe('snapshots may take 1 MiB; then writes are refused');
    expect(await told('policy', '--limit', 'none')).toEqual([
      { event: 'policy', disk: path, whenFull: 'refuse' },
    ]);
    expect((await refusal('policy', '--limit', '0'))[0]).toBe(2);
    expect(await told('policy', '--method', 'reflink')).toMatchObject([{ method: 'reflink' }]);
    expect(await told('policy', '--when-full', 'drop-oldest')).toMatchObject([{ method: 'reflink' }]);
    expect(await refusal('policy', '--method', 'magic')).toMatchObject({ 0: 2 });
    expect(await told('create', '--method', 'log')).toMatchObject([{ snapshot: { method: 'log' } }]);
    expect((await refusal('policy', '--when-full', 'panic'))[0]).toBe(2);
  });

  it('says in one line what is wrong, and what to do', async () => {
    expect(await snap('create', '--name', 'one')).toBe(0);
    expect(await snap('create', '--name', 'two')).toBe(0);
    expect(await refusal('rm', 'three')).toEqual([
      1,
      'lunbox: there is no snapshot three; lunbox snap ls lists those that are there',
    ]);
    expect((await refusal('diff', 'two', 'one'))[1]).toContain(
      'one is older than two; name the older one first',
    );
    expect((await refusal('create', '--name', 'one'))[0]).toBe(1);
    expect((await refusal('create', '--name', ''))[0]).toBe(2);
    expect((await refusal('create', '--label', 'none'))[0]).toBe(2);
    expect((await refusal('create', '--level', 'perfect'))[0]).toBe(2);
    for (const verb of ['open', 'close'])
      expect(await refusal(verb, 'one')).toEqual([
        2,
        'lunbox: only a server has LUNs: name its socket with --control SOCKET',
      ]);
    const [disk] = await openDisks([{ path }], {});
    const [status, complaint] = await refusal('ls');
    expect([status, complaint]).toEqual([
      1,
      expect.stringMatching(/; a server that serves it is asked with --control/),
    ]);
    await disk!.close();
    expect((await refusal('ls', '--control', join(folder, 'none')))[1]).toContain('no server answers');
    expect(
      await run(['create', join(folder, 'pi.lun'), '--size', '4M', '--protection', '1', '--quiet']),
    ).toBe(0);
    complained.length = 0;
    expect(await run(['snap', 'ls', join(folder, 'pi.lun')])).toBe(1);
    expect(complained.join('')).toContain('without protection');
  });
});

describe('what lunbox snap prints', () => {
  const row = {
    id: '6a6aa619-0949-2390-136a-09afe4f8e3ca',
    name: 'nightly',
    createdAtMs: 0,
    sizeBytes: 2 ** 30,
    level: 'crash' as const,
    labels: { job: 'db' },
    holds: ['backup'],
    exclusiveBytes: 4096,
    sharedBytes: 0,
    method: 'log' as const,
  };

  it('is a table with a restore that goes on below it', () => {
    const restoring = { from: row.id, safety: row.id, doneBytes: 2 ** 20, totalBytes: 2 ** 30 };
    expect(listLines({ disk: '/d', restoring, snapshots: [{ ...row, lun: 3 }] }, 7_300_000)).toEqual([
      'NAME     AGE  SIZE   EXCLUSIVE  SHARED  LEVEL',
      'nightly  2 h  1 GiB  4 KiB      0 B     crash  LUN 3, held by backup, job=db',
      'a restore of nightly goes on: 1 MiB of 1 GiB',
    ]);
    const suspect = { ...row, holds: [], labels: {}, suspect: true as const };
    expect(listLines({ disk: '/d', snapshots: [suspect] }, 0)[1]).toContain('crash  SUSPECT');
    const reflink = { ...row, method: 'reflink' as const };
    expect(listLines({ disk: '/d', snapshots: [reflink] }, 0)[1]).toContain('crash  reflink, held by');
    expect(listLines({ disk: '/d', snapshots: [] }, 0)).toEqual(['/d has no snapshots']);
  });

  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [90_000_000, '1 d'],
  ])('tells an age of %d ms as %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });

  it('is no list of changes when the list was cut off', async () => {
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"event":"diff"}\n{"offset":0,"len');
      yield Buffer.from('gth":65536}\n');
    };
    await expect(printDiff(chunks(), false)).rejects.toThrow('the list of changes was cut off; ask again');
    expect(printed.join('')).toBe('0 65536\n');
  });
});
