import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { SNAP_CONTROL } from '../../src/cli/snap-verbs.ts';
import { createServer } from '../../src/server.ts';
import { captureOutput } from '../support/captured-output.ts';
import { controlledBy } from '../support/controlled.ts';

let folder: string;
let path: string;
let printed: string[];
let complained: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-prune-'));
  path = join(folder, 'disk.lun');
  ({ printed, complained } = captureOutput());
  expect(await run(['create', path, '--size', '1M', '--quiet'])).toBe(0);
  for (const name of ['auto-1', 'mine', 'auto-2', 'auto-3'])
    expect(await run(['snap', 'create', path, '--name', name, '--label', `of=${name}`])).toBe(0);
  expect(await run(['snap', 'hold', path, 'auto-1', '--holder', 'backup'])).toBe(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

async function lines(...words: string[]): Promise<string[]> {
  printed.length = 0;
  expect(await run(['snap', ...words]), complained.join('\n')).toBe(0);
  return [...printed];
}

async function names(): Promise<string[]> {
  const [list] = await lines('ls', path, '--json');
  return (JSON.parse(list!) as { snapshots: { name: string }[] }).snapshots.map(({ name }) => name);
}

it('says what would go and why, and deletes it', async () => {
  expect(await lines('prune', path, '--keep-last', '1', '--dry-run')).toEqual([
    'keep auto-1: held by backup',
    'would delete auto-2: no rule keeps it',
    'keep auto-3: last 1 of 1',
    '1 of 3 snapshots would be deleted',
  ]);
  expect(await names()).toEqual(['auto-1', 'mine', 'auto-2', 'auto-3']);
  expect((await lines('prune', path, '--keep-last', '1')).at(-1)).toBe('1 of 3 snapshots are deleted');
  expect(await names()).toEqual(['auto-1', 'mine', 'auto-3']);
  const [told] = await lines('prune', path, '--keep-daily', '1', '--prefix', 'mi', '--json');
  expect(JSON.parse(told!)).toMatchObject({
    event: 'pruned',
    disk: path,
    dryRun: false,
    verdicts: [{ name: 'mine', keep: true, reasons: ['daily 1 of 1'] }],
  });
  await lines('prune', path, '--older-than', '1d', '--all');
  expect(await names()).toEqual(['auto-1', 'mine', 'auto-3']);
  await lines('prune', path, '--keep-last', '1', '--all');
  expect(await names()).toEqual(['auto-1', 'auto-3']);
  expect((await lines('prune', path, '--keep-last', '9', '--label', 'of=auto-3')).length).toBe(2);
});

it('refuses a grid that keeps none', async () => {
  expect(await run(['snap', 'prune', path])).not.toBe(0);
  expect(complained.join('')).toContain('say what is to be kept');
  expect(await run(['snap', 'prune', path, '--older-than', 'soon'])).toBe(2);
  expect(await names()).toHaveLength(4);
});

it('leaves one alone that a server has open as a LUN', async () => {
  const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns: [{ path }] }] });
  await server.start();
  try {
    server.snapshots(0).open('auto-2');
    const prune = SNAP_CONTROL['snap-prune'];
    const asker = {} as Parameters<typeof prune>[2];
    const request = { verb: 'snap-prune', lun: 0, keep: { last: 1 } } as const;
    const { result } = (await prune(await controlledBy(server), request, asker)) as { result: unknown };
    expect(result).toMatchObject({ verdicts: [{}, { name: 'auto-2', keep: true }, {}] });
    expect(server.snapshots(0).set.list()).toHaveLength(4);
  } finally {
    await server.stop();
  }
});
