import { SimulatedClock, type SimulatedDisk } from '@lunbox/block';
import { findDrafts, readContainerInfo, StorageObject } from '@lunbox/storage-object';
import { describe, expect, it } from 'vitest';
import { cloneSnapshot, publishSnapshot, verifySnapshot, type SnapshotManifest } from '../../src/index.ts';
import {
  COPY_SIZE,
  copyDisk,
  diskOf,
  fileOf,
  makeObject,
  sha256,
  snapshotContent,
  type TestObject,
} from '../support/copies.ts';
import { GRAIN } from '../support/model.ts';

interface Taken extends TestObject {
  readonly disk: SimulatedDisk;
  readonly before: Buffer;
}

/** A disk that was changed after its snapshot `s`, in all the ways in which it can be. */
async function taken(clones = false): Promise<Taken> {
  const disk = await copyDisk(clones);
  const object = await makeObject(disk);
  const { set } = object;
  await set.create({ name: 's', labels: { why: 'test' } });
  const before = await snapshotContent(set, 's');
  await set.device.write([Buffer.alloc(3 * GRAIN, 9)], 3 * GRAIN);
  await set.create({ name: 'later' });
  await set.device.unmap(8 * GRAIN, 2 * GRAIN);
  await set.device.write([Buffer.alloc(2 * GRAIN, 8)], 20 * GRAIN);
  await set.device.write([Buffer.alloc(512, 7)], COPY_SIZE - 512);
  return { ...object, disk, before };
}

describe('a published snapshot', () => {
  it('is a container with all of it, of its own identity, read-only, with its holes', async () => {
    const { set, seams, disk, before } = await taken();
    const options = { ...seams, directory: '/export', name: 'copy', attributes: { name: 'disk of s' } };
    const manifest = await publishSnapshot(set, 's', options);
    expect((await diskOf(disk, '/export/copy.lun')).equals(before)).toBe(true);
    const info = await readContainerInfo('/export/copy.lun', { disk });
    const original = await readContainerInfo('/disk.lun', { disk });
    expect(info.identity).not.toBe(original.identity);
    expect(info.origin).toBe(original.identity);
    const { id } = set.find('s');
    expect(info.attributes).toMatchObject({
      name: 'disk of s',
      copyOf: { object: set.object, snapshot: id, use: 'published' },
    });
    await expect(disk.open('/export/copy.lun', 'write')).rejects.toMatchObject({ code: 'EACCES' });
    const file = await disk.open('/export/copy.lun', 'read');
    expect(file.seekHole(info.dataOffset)).toBe(info.dataOffset + 65_536);
    expect(file.seekData(info.dataOffset + 65_536)).toBe(info.dataOffset + 131_072);
    await file.close();
    expect(manifest.container).toMatchObject({
      file: 'copy.lun',
      identity: info.identity,
      sizeBytes: COPY_SIZE,
    });
    await set.close();
  });

  it('has a manifest that tells what it is, and the SHA-256 of disk and file', async () => {
    const { set, seams, disk, before } = await taken();
    const manifest = await publishSnapshot(set, 's', { ...seams, directory: '/export', name: 'copy' });
    const written = JSON.parse((await fileOf(disk, '/export/copy.json')).toString()) as SnapshotManifest;
    expect(written).toEqual(manifest);
    const { id, createdAtMs } = set.find('s');
    const createdAt = new Date(createdAtMs).toISOString();
    expect(written.snapshot).toEqual({ id, name: 's', createdAt, level: 'crash', labels: { why: 'test' } });
    expect(written.sha256).toEqual({
      disk: sha256(before),
      file: sha256(await fileOf(disk, '/export/copy.lun')),
    });
    await set.close();
  });

  it('is not written over, whether it is another one or not', async () => {
    const { set, seams, disk } = await taken();
    const options = { ...seams, directory: '/export', name: 'copy' };
    await publishSnapshot(set, 's', options);
    await expect(publishSnapshot(set, 's', options)).rejects.toMatchObject({ code: 'SNAPSHOT_EXISTS' });
    await disk.unlink('/export/copy.json');
    await expect(publishSnapshot(set, 'later', options)).rejects.toMatchObject({ code: 'CONTAINER_EXISTS' });
    // Without a manifest it was never published: it is made again.
    await publishSnapshot(set, 's', options);
    expect(await disk.readdir('/export')).toEqual(['copy.json', 'copy.lun']);
    await set.close();
  });

  it.each(['', '.', '../out', 'a/b', 'a\nb', 'x'.repeat(201)])('cannot be called %j', async (name) => {
    const { set, seams } = await taken();
    const options = { ...seams, directory: '/export', name };
    await expect(publishSnapshot(set, 's', options)).rejects.toMatchObject({ code: 'SNAPSHOT_BAD_NAME' });
    await set.close();
  });

  it('is given up with nothing left behind, and the snapshot can be deleted then', async () => {
    const { set, seams, disk } = await taken();
    const controller = new AbortController();
    const options = {
      ...seams,
      directory: '/export',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    };
    await expect(publishSnapshot(set, 's', options)).rejects.toMatchObject({ code: 'SNAPSHOT_CANCELLED' });
    expect(await disk.readdir('/export')).toEqual([]);
    expect(await findDrafts('/export', { disk })).toEqual([]);
    await set.delete('s');
    await set.close();
  });

  it('cannot lose its snapshot while it is made, and goes no faster than is said', async () => {
    const { set, seams } = await taken();
    const clock = new SimulatedClock();
    let done = false;
    const publishing = publishSnapshot(set, 's', {
      ...seams,
      directory: '/export',
      bytesPerSecond: 4096,
      clock,
    }).finally(() => (done = true));
    await expect(set.delete('s')).rejects.toMatchObject({ code: 'SNAPSHOT_BUSY' });
    let waitedMs = 0;
    for (; !done; waitedMs += 50) {
      clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await publishing;
    const stored = 10 * GRAIN + 1024;
    expect(waitedMs).toBeGreaterThanOrEqual((stored / 4096) * 1000 - 50);
    await set.close();
  });

  it('leaves a half of the time to clients that use the disk', async () => {
    const { set, seams } = await taken();
    const clock = new SimulatedClock();
    const delays: number[] = [];
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (delayMs, callback) => {
      delays.push(delayMs);
      return setTimer(0, callback);
    };
    const options = { ...seams, directory: '/export', clock };
    await publishSnapshot(set, 's', { ...options, name: 'quiet' });
    expect(delays).toEqual([]);
    const onProgress = (): void => void set.device.read([Buffer.alloc(512)], 0);
    const busy = publishSnapshot(set, 's', { ...options, name: 'busy', onProgress });
    let done = false;
    void busy.finally(() => (done = true));
    while (!done) {
      clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(delays.length).toBeGreaterThan(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(50);
    await set.close();
  });
});

describe.each([
  ['reflink', true],
  ['copy', false],
] as const)('a clone that is made by %s', (method, clones) => {
  it('has all of the snapshot, and goes its own way', async () => {
    const { set, seams, image, disk, before } = await taken(clones);
    const clone = await cloneSnapshot(set, 's', '/clone.lun', { ...seams, image });
    expect(clone.method).toBe(method);
    expect((await diskOf(disk, '/clone.lun')).equals(before)).toBe(true);
    const info = await readContainerInfo('/clone.lun', { disk });
    const original = await readContainerInfo('/disk.lun', { disk });
    expect(clone.identity).toBe(info.identity);
    expect(info.identity).not.toBe(original.identity);
    expect(info.origin).toBe(original.identity);

    const now = Buffer.alloc(COPY_SIZE);
    await set.device.read([now], 0);
    const object = await StorageObject.open('/clone.lun', seams);
    await object.device.write([Buffer.alloc(GRAIN, 0xcc)], 4 * GRAIN);
    await object.device.unmap(2 * GRAIN, GRAIN);
    await object.close();
    await set.device.write([Buffer.alloc(GRAIN, 0xdd)], 12 * GRAIN);
    now.fill(0xdd, 12 * GRAIN, 13 * GRAIN);
    const diverged = Buffer.from(before);
    diverged.fill(0xcc, 4 * GRAIN, 5 * GRAIN).fill(0, 2 * GRAIN, 3 * GRAIN);
    expect((await diskOf(disk, '/clone.lun')).equals(diverged)).toBe(true);
    expect((await snapshotContent(set, 's')).equals(before)).toBe(true);
    const found = Buffer.alloc(COPY_SIZE);
    await set.device.read([found], 0);
    expect(found.equals(now)).toBe(true);
    await set.close();
  });

  it('has the snapshot, while the disk is written all the time', async () => {
    const { set, seams, image, disk, before } = await taken(clones);
    let done = false;
    const writing = (async () => {
      for (let at = 0; !done; at = (at + 1) % 40) {
        await set.device.write([Buffer.alloc(512, at)], at * GRAIN);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await cloneSnapshot(set, 's', '/clone.lun', { ...seams, image });
    done = true;
    await writing;
    expect((await diskOf(disk, '/clone.lun')).equals(before)).toBe(true);
    await set.close();
  });
});

describe('verifying a snapshot', () => {
  const logsOf = async (disk: SimulatedDisk): Promise<string[]> =>
    (await disk.readdir('/disk.lun.snaps')).filter((name) => name.endsWith('.log'));

  it('finds nothing bad in one that is whole, and its SHA-256 in the manifest', async () => {
    const { set, seams, disk } = await taken();
    await publishSnapshot(set, 's', { ...seams, directory: '/export', name: 'copy' });
    const manifestPath = '/export/copy.json';
    const report = await verifySnapshot(set, 's', { disk, manifestPath });
    expect(report).toMatchObject({ sound: true, badBytes: 0, bad: [], snapshot: { name: 's' } });
    expect(report.checkedGrains).toBe(6);
    await expect(verifySnapshot(set, 'later', { disk, manifestPath })).rejects.toMatchObject({
      code: 'SNAPSHOT_BAD_MANIFEST',
    });
    await set.close();
  });

  it('tells which extents of it were damaged, and of no other snapshot', async () => {
    const { set, disk } = await taken();
    const logs = await logsOf(disk);
    // The grains 3, 4 and 5 of the first snapshot lie behind the block of their group.
    const first: string[] = [];
    for (const name of logs)
      if ((await fileOf(disk, `/disk.lun.snaps/${name}`)).length === 2 * 4096 + 3 * GRAIN) first.push(name);
    expect(first).toHaveLength(1);
    const file = await disk.open(`/disk.lun.snaps/${first[0]!}`, 'write');
    await file.write([Buffer.from([0xff])], 2 * 4096 + GRAIN + 17);
    await file.close();
    const report = await verifySnapshot(set, 's', { disk });
    expect(report).toMatchObject({ sound: false, badBytes: GRAIN });
    expect(report.bad).toEqual([{ offset: 4 * GRAIN, length: GRAIN, reason: 'damaged' }]);
    expect(await verifySnapshot(set, 'later', { disk })).toMatchObject({ sound: true });
    await set.close();
  });

  it('tells what cannot be read, and goes on behind it', async () => {
    const { set, disk } = await taken();
    // The records of the first log, and then what it has of the grains 3, 4 and 5.
    disk.faults.fail('read', 3, 'EIO');
    const report = await verifySnapshot(set, 's', { disk });
    expect(report).toMatchObject({ sound: false, checkedGrains: 6 });
    expect(report.bad).toEqual([{ offset: 4 * GRAIN, length: GRAIN, reason: 'unreadable' }]);
    await set.close();
  });

  it('tells that the disk was changed under a snapshot, by the SHA-256 of a publication', async () => {
    const { set, seams, disk, image } = await taken();
    await publishSnapshot(set, 's', { ...seams, directory: '/export', name: 'copy' });
    const file = await disk.open(image.path, 'write');
    await file.write([Buffer.alloc(512, 0xee)], image.dataOffset + 2 * GRAIN);
    await file.close();
    expect(await verifySnapshot(set, 's', { disk })).toMatchObject({ sound: true, sha256: undefined });
    const report = await verifySnapshot(set, 's', { disk, manifestPath: '/export/copy.json' });
    expect(report).toMatchObject({ sound: false, badBytes: 0 });
    await set.close();
  });

  it('fails where the records of a log were damaged', async () => {
    const { set, disk } = await taken();
    for (const name of await logsOf(disk)) {
      const file = await disk.open(`/disk.lun.snaps/${name}`, 'write');
      await file.write([Buffer.from([0xff])], 4096 + 100);
      await file.close();
    }
    await expect(verifySnapshot(set, 's', { disk })).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    await set.close();
  });

  it('rejects what is no manifest', async () => {
    const { set, disk } = await taken();
    const file = await disk.open('/export/x.json', 'create');
    await file.write([Buffer.from('{"format":"other"}')], 0);
    await file.close();
    await expect(verifySnapshot(set, 's', { disk, manifestPath: '/export/x.json' })).rejects.toMatchObject({
      code: 'SNAPSHOT_BAD_MANIFEST',
    });
    await set.close();
  });
});
