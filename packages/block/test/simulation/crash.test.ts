import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { FileDevice, SeededRandom, SimulatedDisk, randomBelow } from '../../src/index.ts';
import { codeOf, content } from '../support/devices.ts';

const SECTOR = 512;
const SECTORS = 64;
const SIZE = SECTOR * SECTORS;

/** Sector content that tells which write it came from. */
function stamp(sector: number, version: number): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  for (let at = 0; at < SECTOR; at += 8) {
    bytes.writeUInt32LE(sector, at);
    bytes.writeUInt32LE(version, at + 4);
  }
  return bytes;
}

async function freshDevice(disk: SimulatedDisk): Promise<FileDevice> {
  const file = await disk.open('/disk', 'create');
  await file.truncate(SIZE);
  await file.sync();
  await disk.syncDirectory('/');
  return new FileDevice(file, { size: SIZE });
}

/** One history of writes and flushes on a disk that then crashes; checks every sector against the law. */
async function history(seed: number): Promise<{ kept: number; lost: number; torn: number }> {
  const random = new SeededRandom(seed);
  const disk = new SimulatedDisk();
  const device = await freshDevice(disk);
  const flushed = new Array<number>(SECTORS).fill(0);
  const written = new Array<number>(SECTORS).fill(0);
  for (let version = 1; version <= 60; version++) {
    const sector = randomBelow(random, SECTORS);
    if (randomBelow(random, 8) === 0) {
      await device.flush();
      written.forEach((value, index) => (flushed[index] = value));
    } else {
      await device.write([stamp(sector, version)], sector * SECTOR);
      written[sector] = version;
    }
    if (randomBelow(random, 16) === 0) disk.writeBack(seed + version);
  }
  disk.crash(seed);
  const after = new FileDevice(await disk.open('/disk', 'read'), { size: SIZE, readOnly: true });
  const outcome = { kept: 0, lost: 0, torn: 0 };
  for (let sector = 0; sector < SECTORS; sector++) {
    const bytes = await content(after, sector * SECTOR, SECTOR);
    const [low = 0, high = 0] = [flushed[sector], written[sector]];
    if (low === high) expect(bytes.equals(low === 0 ? Buffer.alloc(SECTOR) : stamp(sector, low))).toBe(true);
    else if (bytes.equals(stamp(sector, high))) outcome.kept++;
    else if (bytes.equals(low === 0 ? Buffer.alloc(SECTOR) : stamp(sector, low))) outcome.lost++;
    else outcome.torn++;
  }
  return outcome;
}

describe('a crash', () => {
  test.prop([fc.integer()], { numRuns: 100 })('spares what was flushed, whatever the seed', async (seed) => {
    await history(seed);
  });

  it('keeps, loses and tears unsynced sectors, and repeats itself for a seed', async () => {
    const total = { kept: 0, lost: 0, torn: 0 };
    for (let seed = 0; seed < 20; seed++) {
      const outcome = await history(seed);
      expect(await history(seed)).toEqual(outcome);
      for (const fate of ['kept', 'lost', 'torn'] as const) total[fate] += outcome[fate];
    }
    expect(Math.min(total.kept, total.lost, total.torn)).toBeGreaterThan(20);
  });

  it('loses data that a failed sync gave up, even when a later sync succeeds', async () => {
    const lost = await Promise.all(
      Array.from({ length: 20 }, async (_, seed) => {
        const disk = new SimulatedDisk();
        const file = await disk.open('/disk', 'create');
        await file.truncate(SECTOR);
        await file.sync();
        await disk.syncDirectory('/');
        await file.write([stamp(0, 1)], 0);
        disk.faults.fail('sync', 1, 'EIO');
        await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
        await file.sync();
        disk.crash(seed);
        const bytes = Buffer.alloc(SECTOR);
        await (await disk.open('/disk', 'read')).read([bytes], 0);
        return !bytes.equals(stamp(0, 1));
      }),
    );
    expect(lost).toContain(true);
  });

  it('leaves old or new names, and the new ones once the directory is synced', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new SimulatedDisk();
      for (const name of ['/old', '/draft']) {
        const file = await disk.open(name, 'create');
        await file.write([Buffer.from(name)], 0);
        await file.sync();
        await file.close();
      }
      await disk.syncDirectory('/');
      await disk.rename('/draft', '/old');
      if (seed >= 20) await disk.syncDirectory('/');
      disk.crash(seed);
      const names = (await disk.readdir('/')).join();
      const { sizeBytes } = await disk.status('/old');
      outcomes.add(`${seed >= 20 ? 'synced' : 'unsynced'} ${names} ${sizeBytes}`);
    }
    expect([...outcomes].sort()).toEqual(['synced old 6', 'unsynced draft,old 4', 'unsynced old 6']);
  });

  it('takes everything along that lay in a directory whose own name was lost', async () => {
    const found = new Set<boolean>();
    for (let seed = 0; seed < 20; seed++) {
      const disk = new SimulatedDisk();
      await disk.mkdir('/d');
      await (await disk.open('/d/file', 'create')).close();
      await disk.syncDirectory('/d');
      disk.crash(seed);
      const there = (await disk.readdir('/')).includes('d');
      found.add(there);
      if (there) expect(await disk.readdir('/d')).toEqual(['file']);
      else await expect(disk.status('/d/file')).rejects.toMatchObject({ code: 'ENOENT' });
    }
    expect(found.size).toBe(2);
  });

  it('kills open files and drops their locks', async () => {
    const disk = new SimulatedDisk();
    const device = await freshDevice(disk);
    const file = await disk.open('/disk', 'write');
    const range = { offset: 100, length: 1, exclusive: true };
    expect(file.lock(range)).toBe('granted');
    const other = await disk.open('/disk', 'write');
    expect(other.lock(range)).toBe('held');
    disk.crash(3);
    expect(await codeOf(() => device.write([stamp(0, 1)], 0))).toBe('BLOCK_IO');
    await expect((async () => file.read([Buffer.alloc(1)], 0))()).rejects.toMatchObject({ code: 'EBADF' });
    expect((await disk.open('/disk', 'write')).lock(range)).toBe('granted');
  });
});

describe('the fault plan', () => {
  it('halts the machine after so many changes, until it crashes', async () => {
    const disk = new SimulatedDisk();
    const device = await freshDevice(disk);
    const before = disk.faults.changes;
    disk.faults.haltAfter(2);
    await device.write([stamp(0, 1)], 0);
    await device.write([stamp(1, 1)], SECTOR);
    expect(disk.faults.changes).toBe(before + 2);
    expect(await codeOf(() => device.write([stamp(2, 1)], 2 * SECTOR))).toBe('BLOCK_IO');
    await expect(disk.readdir('/')).rejects.toMatchObject({ code: 'EHALTED' });
    disk.crash(1);
    expect(await disk.readdir('/')).toEqual(['disk']);
  });

  it('fails the nth call of a kind, once', async () => {
    const disk = new SimulatedDisk();
    const device = await freshDevice(disk);
    disk.faults.fail('write', 2, 'ENOSPC');
    expect(await codeOf(() => device.write([stamp(0, 1)], 0))).toBeUndefined();
    expect(await codeOf(() => device.write([stamp(0, 2)], 0))).toBe('BLOCK_NO_SPACE');
    expect(await codeOf(() => device.write([stamp(0, 3)], 0))).toBeUndefined();
  });
});

describe('the end of all processes', () => {
  it('leaves what was written to be read, and ends open files and locks', async () => {
    const disk = new SimulatedDisk();
    const device = await freshDevice(disk);
    const holder = await disk.open('/disk', 'write');
    holder.lock({ offset: 0, length: 1, exclusive: true });
    await device.write([stamp(1, 1)], SECTOR);
    disk.endProcesses();
    expect(await codeOf(() => device.read([Buffer.alloc(SECTOR)], 0))).toBe('BLOCK_IO');
    const file = await disk.open('/disk', 'write');
    expect(file.lock({ offset: 0, length: 1, exclusive: true })).toBe('granted');
    const again = new FileDevice(file, { size: SIZE });
    expect((await content(again, SECTOR, SECTOR)).equals(stamp(1, 1))).toBe(true);
    await again.flush();
    disk.crash(1);
    const after = new FileDevice(await disk.open('/disk', 'read'), { size: SIZE });
    expect((await content(after, SECTOR, SECTOR)).equals(stamp(1, 1))).toBe(true);
  });
});

describe('dropping the cache after a failed sync', () => {
  it('shows what the medium has, in the range, and leaves later writes alone', async () => {
    const disk = new SimulatedDisk();
    const device = await freshDevice(disk);
    for (const sector of [1, 2, 3]) await device.write([stamp(sector, 1)], sector * SECTOR);
    disk.faults.fail('sync', 1, 'EIO');
    expect(await codeOf(() => device.flush())).toBe('BLOCK_IO');
    const file = await disk.open('/disk', 'write');
    await file.write([stamp(2, 2)], 2 * SECTOR);
    const sectors = async (): Promise<boolean[]> => {
      const bytes = Buffer.alloc(3 * SECTOR);
      await file.read([bytes], SECTOR);
      return [stamp(1, 1), stamp(2, 2), stamp(3, 1)].map((wanted, index) =>
        bytes.subarray(index * SECTOR, (index + 1) * SECTOR).equals(wanted),
      );
    };
    expect(await sectors()).toEqual([true, true, true]);
    await file.dropCache(0, 3 * SECTOR);
    expect(await sectors()).toEqual([false, true, true]);
    await file.dropCache(0, SIZE);
    expect(await sectors()).toEqual([false, true, false]);
    await file.sync();
    disk.crash(3);
    const after = await disk.open('/disk', 'read');
    const bytes = Buffer.alloc(SECTOR);
    await after.read([bytes], SECTOR);
    expect(bytes.equals(Buffer.alloc(SECTOR))).toBe(true);
  });
});
