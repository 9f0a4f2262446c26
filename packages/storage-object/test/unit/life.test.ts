import { createRealDisk, realDisk, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkContainer,
  deleteContainer,
  exportContainer,
  importImage,
  readContainerInfo,
  renameContainer,
  shrinkContainer,
  StorageObject,
  type CopyProgress,
} from '../../src/index.ts';
import { takeByteLocks } from '../../src/byte-locks.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const MIB = 2 ** 20;

let directory: string;
let path: string;
const at = (name: string): string => join(directory, name);

beforeEach(async () => {
  directory = tempDirectory();
  path = at('disk.lun');
  const object = await StorageObject.create(path, { sizeBytes: 8 * MIB });
  await object.device.write([Buffer.alloc(4096, 0x5a)], MIB);
  await object.close();
});

const newImage = (): string => {
  writeFileSync(
    at('disk.img'),
    Buffer.concat([Buffer.alloc(5000, 7), Buffer.alloc(MIB), Buffer.alloc(100, 9)]),
  );
  return at('disk.img');
};

describe.each([
  ['with', realDisk],
  ['without', createRealDisk({ native: false })],
] as const)('a preallocated disk, %s native calls,', (_how, disk) => {
  it('takes its space at once and reads as zeroes', async () => {
    const object = await StorageObject.create(at('full.lun'), {
      disk,
      sizeBytes: 4 * MIB,
      preallocate: true,
    });
    const block = Buffer.alloc(4 * MIB, 1);
    await object.device.read([block], 0);
    await object.close();
    expect(block.equals(Buffer.alloc(4 * MIB))).toBe(true);
    expect((await readContainerInfo(at('full.lun'))).usedBytes).toBeGreaterThanOrEqual(4 * MIB);
  });
});

describe('a preallocated disk for which there is no space', () => {
  it('is not made', async () => {
    const disk = new SimulatedDisk();
    disk.faults.fail('allocate', 1, 'ENOSPC');
    const wanted = { disk, processes: new FakeProcesses(), sizeBytes: MIB, preallocate: true };
    await expect(StorageObject.create('/full.lun', wanted)).rejects.toThrow(/no space is left/);
    expect(await disk.readdir('/')).toEqual([]);
  });
});

describe('shrink', () => {
  it('cuts off blocks that hold nothing, and leaves a sound disk', async () => {
    await shrinkContainer(path, 4 * MIB);
    const { capacityBytes, dataOffset, continuity } = await readContainerInfo(path);
    expect([capacityBytes, continuity]).toEqual([4 * MIB, 'clean']);
    expect(statSync(path).size).toBe(dataOffset + 4 * MIB);
    expect((await checkContainer(path)).findings).toEqual([]);
  });

  it('refuses to cut off data until that is said, and changes nothing then', async () => {
    const before = readFileSync(path);
    await expect(shrinkContainer(path, MIB)).rejects.toMatchObject({ code: 'CONTAINER_NOT_EMPTY' });
    expect(readFileSync(path).equals(before)).toBe(true);
    await shrinkContainer(path, MIB, { discardData: true });
    const object = await StorageObject.open(path);
    await object.grow(8 * MIB);
    const block = Buffer.alloc(4096, 1);
    await object.device.read([block], MIB);
    await object.close();
    expect(block.equals(Buffer.alloc(4096))).toBe(true);
  });

  it('refuses sizes that are none, larger ones, and disks that somebody has open', async () => {
    await expect(shrinkContainer(path, 1000)).rejects.toMatchObject({ code: 'CONTAINER_BAD_SIZE' });
    await expect(shrinkContainer(path, 0)).rejects.toMatchObject({ code: 'CONTAINER_BAD_SIZE' });
    await expect(shrinkContainer(path, 16 * MIB)).rejects.toMatchObject({ code: 'CONTAINER_BAD_SIZE' });
    const object = await StorageObject.open(path);
    await expect(shrinkContainer(path, 4 * MIB)).rejects.toMatchObject({ code: 'CONTAINER_LOCKED' });
    await object.close();
  });

  it('leaves both headers with the new size: either can stand in for the other', async () => {
    await shrinkContainer(path, 4 * MIB);
    for (const offset of [65_536, 196_608]) {
      const one = at(`${offset}.lun`);
      const bytes = readFileSync(path);
      bytes.fill(0xee, offset, offset + 512);
      writeFileSync(one, bytes);
      expect((await readContainerInfo(one)).capacityBytes).toBe(4 * MIB);
    }
  });
});

describe('import', () => {
  it.each([
    ['with', realDisk],
    ['without', createRealDisk({ native: false })],
  ] as const)(
    'takes over an image %s native calls, fills up its last block and leaves it',
    async (_how, disk) => {
      const image = newImage();
      const bytes = readFileSync(image);
      const heard: CopyProgress[] = [];
      await importImage(image, at('new.lun'), { disk, onProgress: (progress) => heard.push(progress) });
      const object = await StorageObject.open(at('new.lun'));
      const found = Buffer.alloc(object.device.size, 1);
      await object.device.read([found], 0);
      await object.close();
      expect(found.length).toBe(Math.ceil(bytes.length / 512) * 512);
      expect(found.equals(Buffer.concat([bytes, Buffer.alloc(found.length - bytes.length)]))).toBe(true);
      expect(heard.at(-1)).toEqual({ doneBytes: bytes.length, totalBytes: bytes.length });
      expect(readFileSync(image).equals(bytes)).toBe(true);
    },
  );

  it('keeps holes, and takes the place of the image when it is to have its name', async () => {
    writeFileSync(at('disk.img'), 'x');
    truncateSync(at('disk.img'), 64 * MIB);
    await importImage(at('disk.img'), at('disk.img'));
    const { capacityBytes, usedBytes, continuity } = await readContainerInfo(at('disk.img'));
    expect([capacityBytes, continuity]).toEqual([64 * MIB, 'clean']);
    expect(usedBytes).toBeLessThan(4 * MIB);
    expect(readdirSync(directory).sort()).toEqual(['disk.img', 'disk.lun']);
  });

  it('deletes the image when that is asked for', async () => {
    await importImage(newImage(), at('new.lun'), { original: 'delete' });
    expect(readdirSync(directory).sort()).toEqual(['disk.lun', 'new.lun']);
  });

  it('refuses containers, empty files, directories, missing ones and names that are taken', async () => {
    writeFileSync(at('empty.img'), '');
    const refusals: [string, string, string][] = [
      [path, 'new.lun', 'CONTAINER_BAD_SOURCE'],
      [at('empty.img'), 'new.lun', 'CONTAINER_BAD_SOURCE'],
      [directory, 'new.lun', 'CONTAINER_BAD_SOURCE'],
      [at('missing.img'), 'new.lun', 'CONTAINER_IO'],
      [newImage(), 'disk.lun', 'CONTAINER_EXISTS'],
    ];
    for (const [image, name, code] of refusals) {
      await expect(importImage(image, at(name)), image).rejects.toMatchObject({ code });
    }
    expect(readdirSync(directory).sort()).toEqual(['disk.img', 'disk.lun', 'empty.img']);
  });

  it('refuses an image that another program writes, by the locks that QEMU takes', async () => {
    const disk = new SimulatedDisk();
    const image = await disk.open('/disk.img', 'create');
    await image.write([Buffer.alloc(MIB, 1)], 0);
    expect(takeByteLocks(image, 'write')).toBe('granted');
    const seams = { disk, processes: new FakeProcesses() };
    await expect(importImage('/disk.img', '/disk.img', seams)).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
    });
    await image.close();
    await importImage('/disk.img', '/disk.img', seams);
    expect(await disk.readdir('/')).toEqual(['disk.img']);
  });

  it('refuses an image that changes meanwhile', async () => {
    const image = newImage();
    const onProgress = (): void => writeFileSync(image, 'changed', { flag: 'r+' });
    const imported = importImage(image, at('new.lun'), { onProgress });
    await expect(imported).rejects.toMatchObject({ code: 'CONTAINER_BAD_SOURCE' });
    expect(readdirSync(directory).sort()).toEqual(['disk.img', 'disk.lun']);
  });
});

describe('export', () => {
  it('writes the disk with its holes, and leaves the container as it was', async () => {
    const before = readFileSync(path);
    await exportContainer(path, at('out.img'));
    const { dataOffset } = await readContainerInfo(path);
    expect(readFileSync(at('out.img')).equals(before.subarray(dataOffset))).toBe(true);
    expect(statSync(at('out.img')).blocks * 512).toBeLessThan(MIB);
    expect(readFileSync(path).equals(before)).toBe(true);
    await importImage(at('out.img'), at('again.lun'));
    expect((await checkContainer(at('again.lun'))).findings).toEqual([]);
  });

  it('never writes over a file, and leaves none behind when it fails', async () => {
    writeFileSync(at('out.img'), 'mine');
    await expect(exportContainer(path, at('out.img'))).rejects.toMatchObject({ code: 'CONTAINER_EXISTS' });
    expect(readFileSync(at('out.img'), 'utf8')).toBe('mine');
    await expect(exportContainer(path, at('none/out.img'))).rejects.toMatchObject({ code: 'CONTAINER_IO' });
  });

  it.each(['open', 'truncate', 'copyRange', 'sync', 'link', 'unlink', 'syncDirectory'] as const)(
    'whose %s fails leaves no image',
    async (call) => {
      const disk = new SimulatedDisk();
      const seams = { disk, random: new SeededRandom(1), processes: new FakeProcesses() };
      const object = await StorageObject.create('/disk.lun', { ...seams, sizeBytes: MIB });
      await object.device.write([Buffer.alloc(4096, 1)], 0);
      await object.close();
      for (let nth = 1; nth <= 6; nth++) {
        disk.faults.fail(call, nth, 'EIO');
        const failed = await exportContainer('/disk.lun', '/out.img', seams).catch((error: unknown) => error);
        disk.faults.clear();
        const left = (await disk.readdir('/')).filter((name) => name.startsWith('out'));
        // The image is durable before the container is let go of.
        const isComplete = !(failed instanceof Error) || failed.message.includes('lock file');
        if (isComplete) await disk.unlink('/out.img');
        else if (call !== 'unlink') expect(left).toEqual([]);
      }
    },
  );
});

describe('rename', () => {
  it('moves a disk, which stays closed in order', async () => {
    await renameContainer(path, at('new.lun'));
    expect(readdirSync(directory)).toEqual(['new.lun']);
    expect((await readContainerInfo(at('new.lun'))).continuity).toBe('clean');
  });

  it('refuses names that are taken, its own among them, and disks that are open', async () => {
    copyFileSync(path, at('copy.lun'));
    for (const name of ['copy.lun', 'disk.lun', './disk.lun'])
      await expect(renameContainer(path, at(name))).rejects.toMatchObject({ code: 'CONTAINER_EXISTS' });
    const object = await StorageObject.open(path, { readOnly: true });
    await expect(renameContainer(path, at('new.lun'))).rejects.toMatchObject({ code: 'CONTAINER_LOCKED' });
    await object.close();
    expect(readdirSync(directory).sort()).toEqual(['copy.lun', 'disk.lun']);
  });
});

describe('delete', () => {
  it('deletes a disk that was closed in order, and a copy of one', async () => {
    copyFileSync(path, at('copy.lun'));
    await deleteContainer(at('copy.lun'));
    await deleteContainer(path);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('wants force for one that is damaged or was written since, and never takes what is no container', async () => {
    writeFileSync(path, 'x', { flag: 'a' });
    await expect(deleteContainer(path)).rejects.toThrow(/was written by another program/);
    const bytes = readFileSync(path);
    writeFileSync(at('damaged.lun'), bytes.fill(0, 65_536, 66_000));
    await expect(deleteContainer(at('damaged.lun'))).rejects.toThrow(/is damaged/);
    await deleteContainer(path, { force: true });
    await deleteContainer(at('damaged.lun'), { force: true });
    await expect(deleteContainer(newImage(), { force: true })).rejects.toMatchObject({
      code: 'CONTAINER_NOT_LUNBOX',
    });
    expect(readdirSync(directory)).toEqual(['disk.img']);
  });

  it('wants force for one that was not closed in order, and refuses one that is open', async () => {
    const disk = new SimulatedDisk();
    const seams = (pid: number) => ({ disk, processes: new FakeProcesses({ pid }) });
    const object = await StorageObject.create('/disk.lun', { ...seams(1), sizeBytes: MIB });
    await expect(deleteContainer('/disk.lun', { ...seams(1), force: true })).rejects.toMatchObject({
      code: 'CONTAINER_LOCKED',
    });
    expect(object.continuity).toBe('clean');
    disk.crash(1);
    await expect(deleteContainer('/disk.lun', seams(2))).rejects.toMatchObject({ code: 'CONTAINER_UNCLEAN' });
    await deleteContainer('/disk.lun', { ...seams(2), force: true });
    expect(await disk.readdir('/')).toEqual([]);
  });
});
