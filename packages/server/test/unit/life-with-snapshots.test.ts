import { deleteContainer } from '@lunbox/storage-object';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { captureOutput } from '../support/captured-output.ts';

let folder: string;
let printed: string[];
let complained: string[];

const file = (name: string): string => join(folder, name);
const names = (): string[] => readdirSync(folder).sort();
const snap = (verb: string, ...words: string[]): Promise<number> => run(['snap', verb, ...words]);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunbox-life-'));
  ({ printed, complained } = captureOutput());
  expect(await run(['create', file('disk.lun'), '--size', '4M', '--quiet'])).toBe(0);
  expect(await snap('create', file('disk.lun'), '--name', 'one')).toBe(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

it('lunbox rename takes snapshots along, also into another directory', async () => {
  mkdirSync(file('there'));
  expect(await run(['rename', file('disk.lun'), file('there/other.lun')])).toBe(0);
  expect(names()).toEqual(['there']);
  expect(readdirSync(file('there')).sort()).toEqual(['other.lun', 'other.lun.snaps']);
  printed.length = 0;
  expect(await snap('ls', file('there/other.lun'), '--json')).toBe(0);
  expect(JSON.parse(printed.join(''))).toMatchObject({ snapshots: [{ name: 'one' }] });
  expect(await run(['check', file('there/other.lun')])).toBe(0);
});

it('lunbox rename mixes the snapshots of two disks no more than their names', async () => {
  mkdirSync(file('other.lun.snaps'));
  expect(await run(['rename', file('disk.lun'), file('other.lun')])).toBe(1);
  expect(complained).toEqual([expect.stringMatching(/other\.lun\.snaps exists already/)]);
  expect(names()).toEqual(['disk.lun', 'disk.lun.snaps', 'other.lun.snaps']);
});

it('lunbox rename is refused while the snapshots are elsewhere', async () => {
  rmSync(file('disk.lun.snaps'), { recursive: true });
  expect(await run(['rename', file('disk.lun'), file('other.lun')])).toBe(1);
  expect(complained).toEqual([expect.stringMatching(/put that directory back/)]);
  expect(names()).toEqual(['disk.lun']);
});

it('lunbox delete takes snapshots with it only when that is said, and none that somebody holds', async () => {
  expect(await run(['delete', file('disk.lun')])).toBe(1);
  expect(complained.pop()).toMatch(/--with-snapshots/);
  expect(await run(['delete', file('disk.lun'), '--force'])).toBe(1);
  complained.length = 0;
  expect(await snap('hold', file('disk.lun'), 'one', '--holder', 'backup')).toBe(0);
  expect(await run(['delete', file('disk.lun'), '--with-snapshots'])).toBe(1);
  expect(complained.pop()).toMatch(/held by backup/);
  expect(names()).toEqual(['disk.lun', 'disk.lun.snaps']);
  expect(await snap('release', file('disk.lun'), 'one', '--holder', 'backup')).toBe(0);
  expect(await run(['delete', file('disk.lun'), '--with-snapshots'])).toBe(0);
  expect(names()).toEqual([]);
});

it('lunbox delete leaves what is not its own, and deletes an empty list', async () => {
  writeFileSync(file('disk.lun.snaps/notes.txt'), 'mine');
  expect(await snap('rm', file('disk.lun'), 'one')).toBe(0);
  expect(await run(['delete', file('disk.lun')])).toBe(0);
  expect(names()).toEqual(['disk.lun.snaps']);
  expect(readdirSync(file('disk.lun.snaps'))).toEqual(['notes.txt']);
});

it('a deletion that was cut short is told of, and goes on without being agreed to again', async () => {
  expect(await snap('hold', file('disk.lun'), 'one', '--holder', 'backup')).toBe(0);
  const beside = { check: () => Promise.resolve(), act: () => Promise.reject(new Error('the power goes')) };
  await expect(
    deleteContainer(file('disk.lun'), { force: true, withSnapshots: true, beside }),
  ).rejects.toThrow();
  rmSync(file('disk.lun.snaps/chain'));
  printed.length = 0;
  await run(['check', file('disk.lun'), '--json']);
  const { findings } = JSON.parse(printed.join('')) as { findings: { code: string }[] };
  const codes = findings.map(({ code }) => code);
  expect(codes).toContain('DELETION_UNFINISHED');
  expect(codes.filter((code) => code.startsWith('SNAPSHOT'))).toEqual([]);
  expect(await run(['delete', file('disk.lun')])).toBe(0);
  expect(names()).not.toContain('disk.lun');
});

it('what is damaged beside a disk without snapshots keeps nobody from anything', async () => {
  expect(await snap('rm', file('disk.lun'), 'one')).toBe(0);
  writeFileSync(file('disk.lun.snaps/chain'), 'no list');
  expect(await run(['rename', file('disk.lun'), file('other.lun')])).toBe(0);
  expect(await run(['delete', file('other.lun')])).toBe(0);
  expect(names()).toEqual(['disk.lun.snaps']);
});

it('lunbox delete of a copy needs no leave: the snapshots are those of the original', async () => {
  copyFileSync(file('disk.lun'), file('copy.lun'));
  expect(await run(['delete', file('copy.lun')])).toBe(0);
  expect(names()).toEqual(['disk.lun', 'disk.lun.snaps']);
  expect(await snap('ls', file('disk.lun'))).toBe(0);
});
