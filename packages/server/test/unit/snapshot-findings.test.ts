import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { warnOfSnapshots } from '../../src/cli/catalog-snapshots.ts';
import { createServer } from '../../src/server.ts';
import { openDisks } from '../../src/disks.ts';
import { captureOutput } from '../support/captured-output.ts';

interface Told {
  readonly verdict: string;
  readonly findings: readonly { readonly code: string; readonly message: string }[];
  readonly snapshots: readonly { readonly name: string; readonly holds: readonly string[] }[];
}

let folder: string;
let path: string;
let snaps: string;
let printed: string[];
let complained: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-findings-'));
  path = join(folder, 'disk.lun');
  snaps = `${path}.snaps`;
  ({ printed, complained } = captureOutput());
  expect(await run(['create', path, '--size', '4M', '--quiet'])).toBe(0);
  await write(1);
  for (const name of ['monday', 'tuesday']) {
    expect(await run(['snap', 'create', path, '--name', name, '--method', 'log'])).toBe(0);
    await write(name.length);
  }
  expect(await run(['snap', 'hold', path, 'monday', '--holder', 'backup'])).toBe(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

async function write(value: number): Promise<void> {
  const [disk] = await openDisks([{ path }], {});
  await disk!.unit.device.write([Buffer.alloc(262_144, value)], 0);
  await disk!.close();
}

const logsBySize = (): string[] =>
  readdirSync(snaps)
    .filter((name) => name.endsWith('.log'))
    .map((name) => join(snaps, name));

/** What `check` says, and that `catalog` has the same list; nothing is written by either. */
async function check(): Promise<readonly [number, string[]]> {
  const before = readdirSync(snaps, { withFileTypes: true }).map(({ name }) => name);
  printed.length = 0;
  const status = await run(['check', path, '--json']);
  const { findings } = JSON.parse(printed.join('')) as Told;
  expect(readdirSync(snaps, { withFileTypes: true }).map(({ name }) => name)).toEqual(before);
  return [status, findings.map(({ code }) => code)];
}

async function catalog(): Promise<readonly [number, Told]> {
  printed.length = 0;
  const status = await run(['catalog', folder, '--json']);
  const { objects } = JSON.parse(printed.join('')) as { objects: Told[] };
  return [status, objects.find((each) => 'path' in each && each.path === path) as Told];
}

it('the catalog lists the snapshots of each disk, by its cache, too; check finds nothing', async () => {
  for (let time = 0; time < 2; time++) {
    const [status, { snapshots, findings }] = await catalog();
    expect([status, findings]).toEqual([0, []]);
    expect(snapshots.map(({ name, holds }) => [name, holds])).toEqual([
      ['monday', ['backup']],
      ['tuesday', []],
    ]);
  }
  expect(await check()).toEqual([0, []]);
  printed.length = 0;
  await run(['catalog', folder]);
  expect(printed.join('\n')).toMatch(/snapshot: monday .*Z {2}held by backup\n {2}snapshot: tuesday /);
});

it('a directory that is not there is a loss until it is back; that of another disk is told of', async () => {
  renameSync(snaps, join(folder, 'elsewhere'));
  expect(await run(['check', path])).toBe(5);
  const [status, { snapshots, findings }] = await catalog();
  expect([status, snapshots, findings.map(({ code }) => code)]).toEqual([5, [], ['SNAPSHOTS_MISSING']]);
  const other = join(folder, 'other.lun');
  expect(await run(['create', other, '--size', '4M', '--quiet'])).toBe(0);
  cpSync(join(folder, 'elsewhere'), `${other}.snaps`, { recursive: true });
  printed.length = 0;
  expect(await run(['check', other])).toBe(3);
  expect(printed.join('')).toContain('SNAPSHOTS_DETACHED');
  renameSync(`${other}.snaps`, snaps);
  expect(await check()).toEqual([0, []]);
});

it('a list that is not whole is a loss', async () => {
  const chain = join(snaps, 'chain');
  writeFileSync(chain, Buffer.alloc(readFileSync(chain).length, 1));
  expect(await check()).toEqual([5, ['SNAPSHOTS_DAMAGED']]);
  expect((await catalog())[0]).toBe(5);
});

it('a log that is damaged, cut off or gone is a loss of its snapshot', async () => {
  const [log] = logsBySize();
  const whole = readFileSync(log!);
  const damaged = Buffer.from(whole);
  damaged[4096 + 3]! ^= 1;
  // All that follows the only group is gone with it: as if it had never been written, but for the index.
  for (const bytes of [whole.subarray(0, 100), whole.subarray(0, 5000), damaged, Buffer.alloc(4096)]) {
    writeFileSync(log!, bytes);
    expect(await check()).toEqual([5, ['SNAPSHOT_DAMAGED']]);
  }
  rmSync(log!);
  expect(await check()).toEqual([5, ['SNAPSHOT_DAMAGED']]);
  // The list is whole: what it says is still told.
  expect((await catalog())[1].snapshots).toHaveLength(2);
});

it('what the next start mends is a note: an index that is not whole, files of what is gone', async () => {
  const [log] = logsBySize();
  const index = log!.replace(/log$/, 'map');
  const bytes = readFileSync(index);
  bytes[20]! ^= 1;
  writeFileSync(index, bytes);
  writeFileSync(join(snaps, 'left.log'), 'left');
  expect(await check()).toEqual([0, ['SNAPSHOT_INDEX_DAMAGED', 'SNAPSHOT_LEFTOVER']]);
  await write(9);
  expect(await check()).toEqual([0, []]);
});

it('snapshots of a disk that was changed around them are suspect, before and after it is served', async () => {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  const [status, codes] = await check();
  expect([status, codes]).toEqual([3, ['MODIFIED', 'SNAPSHOTS_SUSPECT']]);
  const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns: [{ path }] }] });
  await server.start();
  try {
    complained.length = 0;
    await warnOfSnapshots(server);
    expect(complained).toEqual([
      expect.stringMatching(/^lunbox: warning: .*changed around 2 of its 2 .*SUSPECT/),
    ]);
  } finally {
    await server.stop();
  }
  expect(await check()).toEqual([3, ['SNAPSHOTS_SUSPECT']]);
});

it('repair tells of snapshots what check tells, and leaves them as they are', async () => {
  rmSync(logsBySize()[0]!);
  const before = readdirSync(snaps);
  expect(await run(['repair', path, '--apply'])).toBe(5);
  expect(printed.join('\n')).toContain('SNAPSHOT_DAMAGED');
  expect(readdirSync(snaps)).toEqual(before);
});

it.each([
  ['delete', []],
  ['delete', ['--force']],
  ['resize', ['1M', '--force', '--discard-data']],
])('%s %j is refused, says what to do, and changes nothing', async (verb, words) => {
  const before = readFileSync(path);
  complained.length = 0;
  expect(await run([verb, path, ...words])).toBe(1);
  expect(complained.join('')).toMatch(/has snapshots, which .*delete them first/);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(await check()).toEqual([0, []]);
});

it('it grows, and its snapshots keep their size; export writes the disk as it is now', async () => {
  expect(await run(['resize', path, '8M'])).toBe(0);
  expect(await check()).toEqual([0, []]);
  expect(await run(['snap', 'verify', path, 'monday'])).toBe(0);
  const [, { snapshots }] = await catalog();
  expect(snapshots.map((each) => (each as { sizeBytes?: number }).sizeBytes)).toEqual([4 << 20, 4 << 20]);
  expect(await run(['export', path, join(folder, 'disk.img')])).toBe(0);
  const image = readFileSync(join(folder, 'disk.img'));
  expect([image.length, image[0]]).toEqual([8 << 20, 'tuesday'.length]);
});
