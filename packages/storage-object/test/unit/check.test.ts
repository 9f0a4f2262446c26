import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  readdirSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SimulatedDisk } from '@lunbox/block';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkContainer,
  findSharedIdentities,
  readContainerInfo,
  repairContainer,
  StorageObject,
  type CheckReport,
} from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const SIZE = 8 * 2 ** 20;
const HEADER_A = 65_536;
const HEADER_B = 196_608;
const ATTRIBUTES = 4096;

let directory: string;
let path: string;

beforeEach(async () => {
  directory = tempDirectory();
  path = join(directory, 'disk.lun');
  const object = await StorageObject.create(path, { sizeBytes: SIZE, attributes: { name: 'a disk' } });
  await object.device.write([Buffer.alloc(4096, 0x5a)], 8192);
  await object.close();
});

function overwrite(offset: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

const codes = ({ findings }: CheckReport): string[] => findings.map(({ code }) => code).sort();
const damage = Buffer.from('damage');

describe('a check', () => {
  it('finds nothing in a container that was closed in order', async () => {
    const { identity } = await readContainerInfo(path);
    expect(await checkContainer(path)).toEqual({ path, identity, verdict: 'note', findings: [] });
    expect(readdirSync(directory)).toEqual(['disk.lun']);
  });

  it.each([
    ['the first block', 24, 'IDENTITY_BLOCK_DAMAGED', 'error'],
    ['its magic number', 0, 'IDENTITY_BLOCK_DAMAGED', 'error'],
    ['a header', HEADER_A + 64, 'HEADER_DAMAGED', 'error'],
    ['the other header', HEADER_B, 'HEADER_DAMAGED', 'error'],
    ['attributes', HEADER_A + ATTRIBUTES, 'HEADER_DAMAGED', 'error'],
    ['the room of the activity log', 320 * 1024, 'RESERVED_WRITTEN', 'warning'],
    ['the room of the grain maps', 2 ** 20, 'RESERVED_WRITTEN', 'warning'],
  ])('finds damage to %s', async (_what, offset, code, verdict) => {
    overwrite(offset, damage);
    const report = await checkContainer(path);
    expect(codes(report)).toContain(code);
    expect(report.verdict).toBe(verdict);
  });

  it('tells a loss from what can be mended', async () => {
    overwrite(HEADER_A, damage);
    overwrite(HEADER_B, damage);
    expect(await checkContainer(path)).toMatchObject({
      identity: undefined,
      verdict: 'loss',
      findings: [{ code: 'HEADERS_DAMAGED' }],
    });
  });

  it('finds a file that is cut short, and one that is too long', async () => {
    appendFileSync(path, damage);
    const long = await checkContainer(path);
    expect(codes(long)).toEqual(['FILE_LONG', 'MODIFIED']);
    const { dataOffset } = await readContainerInfo(path);
    truncateSync(path, dataOffset + SIZE - 100);
    const short = await checkContainer(path);
    expect(codes(short)).toEqual(['FILE_SHORT', 'MODIFIED']);
    const place = { offset: dataOffset + SIZE - 100, lengthBytes: 100 };
    expect(short.findings).toContainEqual(expect.objectContaining({ code: 'FILE_SHORT', place }));
  });

  it('says when it is served, and when its server has ended', async () => {
    const disk = new SimulatedDisk();
    const processes = new FakeProcesses({ pid: 7 });
    processes.running.add(7);
    const object = await StorageObject.create('/d.lun', { disk, processes, sizeBytes: SIZE });
    const served = await checkContainer('/d.lun', { disk, processes });
    expect(codes(served)).toEqual(['IN_USE']);
    expect(served.verdict).toBe('note');
    processes.running.clear();
    expect(codes(await checkContainer('/d.lun', { disk, processes }))).toEqual(['LOCK_STALE', 'UNCLEAN']);
    await object.close();
  });

  it('with the data, finds the blocks that the medium has lost', async () => {
    const disk = new SimulatedDisk();
    const seams = { disk, processes: new FakeProcesses() };
    const object = await StorageObject.create('/d.lun', { ...seams, sizeBytes: SIZE });
    await object.device.write([Buffer.alloc(8192, 1)], 16_384);
    await object.close();
    const progress: number[] = [];
    const check = (): Promise<CheckReport> =>
      checkContainer('/d.lun', {
        ...seams,
        readData: true,
        onProgress: ({ doneBytes, totalBytes }) => progress.push(doneBytes / totalBytes),
      });
    expect((await check()).findings).toEqual([]);
    expect(progress.at(-1)).toBe(1);
    // Reads before it: the first block and two headers. The step fails, then its second piece of 4096 bytes.
    disk.faults.fail('read', 4, 'EIO');
    disk.faults.fail('read', 6, 'EIO');
    const report = await check();
    expect(report).toMatchObject({ verdict: 'loss', findings: [{ code: 'DATA_UNREADABLE' }] });
    expect(report.findings[0]?.place?.lengthBytes).toBe(4096);
  });

  it('refuses what is no container, and what is not there', async () => {
    const text = join(directory, 'notes.txt');
    writeFileSync(text, 'x'.repeat(400_000));
    await expect(checkContainer(text)).rejects.toMatchObject({ code: 'CONTAINER_NOT_LUNBOX' });
    await expect(checkContainer(`${path}x`)).rejects.toMatchObject({ code: 'CONTAINER_NOT_FOUND' });
  });

  it('finds disks of one identity, but not copies that will get their own', async () => {
    const report = await checkContainer(path);
    const twin = { ...report, path: '/elsewhere/disk.lun' };
    const shared = findSharedIdentities([report, twin]);
    expect(shared.map(codes)).toEqual([['IDENTITY_SHARED'], ['IDENTITY_SHARED']]);
    expect(shared[0]?.findings[0]?.message).toContain('/elsewhere/disk.lun');
    const copy = join(directory, 'copy.lun');
    copyFileSync(path, copy);
    const both = findSharedIdentities([report, await checkContainer(copy)]);
    expect(both.map(codes)).toEqual([[], ['FOREIGN']]);
  });
});

describe('a repair', () => {
  it('says what it would do, and does it when it is told to', async () => {
    const before = await readContainerInfo(path);
    overwrite(HEADER_A + 64, damage);
    const bytes = readFileSync(path);
    const planned = await repairContainer(path);
    expect(planned).toMatchObject({
      applied: false,
      savedPath: undefined,
      steps: [{ mends: 'HEADER_DAMAGED' }],
    });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    const done = await repairContainer(path, { apply: true });
    expect(done).toMatchObject({ applied: true, steps: planned.steps });
    expect(codes(done.check)).not.toContain('HEADER_DAMAGED');
    expect(readFileSync(done.savedPath!).equals(bytes.subarray(0, 320 * 1024))).toBe(true);
    const after = await readContainerInfo(path);
    expect(after).toMatchObject({ identity: before.identity, attributes: before.attributes });
    expect(readFileSync(path).subarray(before.dataOffset).equals(bytes.subarray(before.dataOffset))).toBe(
      true,
    );
  });

  it('writes the first block anew, with the identity and the time that the object was born with', async () => {
    const before = readFileSync(path).subarray(0, 4096);
    overwrite(0, Buffer.alloc(4096));
    await repairContainer(path, { apply: true });
    expect(readFileSync(path).subarray(0, 4096).equals(before)).toBe(true);
    await (await StorageObject.open(path)).close();
  });

  it('does nothing to a container in which nothing is wrong', async () => {
    const bytes = readFileSync(path);
    expect(await repairContainer(path, { apply: true })).toMatchObject({ applied: false, steps: [] });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('keeps a container that was closed in order closed in order', async () => {
    const disk = new SimulatedDisk();
    const seams = { disk, processes: new FakeProcesses() };
    await (await StorageObject.create('/d.lun', { ...seams, sizeBytes: SIZE })).close();
    const { continuity, updatedAtMs } = await readContainerInfo('/d.lun', seams);
    expect(continuity).toBe('clean');
    const file = await disk.open('/d.lun', 'write');
    // Closing has written the other one.
    await file.write([damage], HEADER_A);
    // The medium did it, and no program: the time of change stays.
    await file.setModifiedTime(updatedAtMs);
    await file.close();
    const { check } = await repairContainer('/d.lun', { ...seams, apply: true });
    expect(check.findings).toEqual([]);
  });

  it('adds what was cut off only when it is told to', async () => {
    const { dataOffset } = await readContainerInfo(path);
    truncateSync(path, dataOffset + SIZE - 4096);
    expect((await repairContainer(path, { apply: true })).applied).toBe(false);
    const done = await repairContainer(path, { apply: true, extend: true });
    expect(done.steps).toMatchObject([{ mends: 'FILE_SHORT' }]);
    const object = await StorageObject.open(path);
    const block = Buffer.alloc(4096);
    await object.device.read([block], 8192);
    expect(block.equals(Buffer.alloc(4096, 0x5a))).toBe(true);
    await object.close();
  });

  it('can do nothing where both headers are damaged, and leaves everything as it is', async () => {
    overwrite(HEADER_A, damage);
    overwrite(HEADER_B, damage);
    const bytes = readFileSync(path);
    const report = await repairContainer(path, { apply: true });
    expect(report).toMatchObject({ applied: false, steps: [], check: { verdict: 'loss' } });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('keeps off a disk that is being served', async () => {
    const object = await StorageObject.open(path);
    overwrite(HEADER_A, damage);
    await expect(repairContainer(path, { apply: true })).rejects.toMatchObject({ code: 'CONTAINER_LOCKED' });
    await object.close();
  });
});
