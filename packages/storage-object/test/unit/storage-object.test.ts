import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SimulatedDisk } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { readContainerInfo, StorageObject } from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const SIZE = 8 * 2 ** 20;

async function newObject(directory: string, name = 'disk.lun'): Promise<string> {
  const path = join(directory, name);
  await (await StorageObject.create(path, { sizeBytes: SIZE })).close();
  return path;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('create', () => {
  it('makes a thin disk: the file has its full length and takes almost no space', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const object = await StorageObject.create(path, { sizeBytes: 2 ** 40, blockSize: 4096 });
    const info = await object.info();
    await object.close();
    expect(info).toMatchObject({ capacityBytes: 2 ** 40, blockSize: 4096, continuity: 'clean' });
    expect(statSync(path).size).toBe(info.dataOffset + 2 ** 40);
    expect(info.usedBytes).toBeLessThan(65_536);
    expect(info.dataOffset % 2 ** 20).toBe(0);
  });

  it('never touches a file that exists', async () => {
    const path = join(tempDirectory(), 'precious.txt');
    writeFileSync(path, 'precious');
    await expect(StorageObject.create(path, { sizeBytes: SIZE })).rejects.toMatchObject({
      code: 'CONTAINER_EXISTS',
    });
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('leaves nothing behind when it fails', async () => {
    const directory = tempDirectory();
    const path = join(directory, 'no', 'disk.lun');
    await expect(StorageObject.create(path, { sizeBytes: SIZE })).rejects.toMatchObject({
      code: 'CONTAINER_IO',
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([0, -512, 1000, 0.5, NaN, 2 ** 53])('refuses %d bytes', async (sizeBytes) => {
    const path = join(tempDirectory(), 'disk.lun');
    await expect(StorageObject.create(path, { sizeBytes })).rejects.toMatchObject({
      code: 'CONTAINER_BAD_SIZE',
    });
    expect(existsSync(path)).toBe(false);
  });

  it('gives every object an identity of its own', async () => {
    const directory = tempDirectory();
    const first = await readContainerInfo(await newObject(directory, 'a.lun'));
    const second = await readContainerInfo(await newObject(directory, 'b.lun'));
    expect(first.identity).not.toBe(second.identity);
  });
});

describe('an open object', () => {
  it('has its disk as a raw image at the data offset of the file', async () => {
    const path = await newObject(tempDirectory());
    const object = await StorageObject.open(path);
    await object.device.write([Buffer.alloc(512, 0x5a)], 1024);
    const { dataOffset } = await object.info();
    await object.close();
    expect(readFileSync(path).subarray(dataOffset + 1024, dataOffset + 1536)).toEqual(
      Buffer.alloc(512, 0x5a),
    );
  });

  it('keeps identity and content over close and open, and comes back clean', async () => {
    const path = await newObject(tempDirectory());
    const before = await StorageObject.open(path);
    await before.device.write([Buffer.alloc(512, 1)], 0);
    await before.close();
    const after = await StorageObject.open(path);
    const block = Buffer.alloc(512);
    await after.device.read([block], 0);
    await after.close();
    expect(hex(after.identity)).toBe(hex(before.identity));
    expect(after.continuity).toBe('clean');
    expect(block).toEqual(Buffer.alloc(512, 1));
  });

  it('stores attributes durably and keeps those it does not know', async () => {
    const path = await newObject(tempDirectory());
    const object = await StorageObject.open(path);
    await Promise.all([
      object.updateAttributes({ name: 'one', later: 1 }),
      object.updateAttributes({ name: 'two' }),
    ]);
    await expect(object.updateAttributes({ name: 5 as never })).rejects.toMatchObject({
      code: 'CONTAINER_BAD_ATTRIBUTES',
    });
    expect((await readContainerInfo(path)).attributes).toMatchObject({ name: 'two', later: 1 });
    await object.close();
  });

  it('grows, tells who listens, and shows zeroes in the new part whatever lay behind the old end', async () => {
    const path = await newObject(tempDirectory());
    appendFileSync(path, Buffer.alloc(4096, 0xee));
    const object = await StorageObject.open(path);
    const sizes: number[] = [];
    object.device.onResize((size) => sizes.push(size));
    await object.grow(2 * SIZE);
    const block = Buffer.alloc(512, 1);
    await object.device.read([block], SIZE);
    await expect(object.grow(SIZE)).rejects.toMatchObject({ code: 'CONTAINER_BAD_SIZE' });
    await object.close();
    expect(sizes).toEqual([2 * SIZE]);
    expect(block).toEqual(Buffer.alloc(512));
    expect((await readContainerInfo(path)).capacityBytes).toBe(2 * SIZE);
    expect((await StorageObject.open(path, { readOnly: true })).device.size).toBe(2 * SIZE);
  });

  it('refuses updates once it is closed, and closes twice without harm', async () => {
    const object = await StorageObject.open(await newObject(tempDirectory()));
    await Promise.all([object.close(), object.close()]);
    await expect(object.updateAttributes({})).rejects.toMatchObject({ code: 'CONTAINER_CLOSED' });
    await expect(object.grow(2 * SIZE)).rejects.toMatchObject({ code: 'CONTAINER_CLOSED' });
  });

  it('that is open for reading changes no byte and no time of the file', async () => {
    const path = await newObject(tempDirectory());
    const before = { bytes: readFileSync(path), mtimeMs: statSync(path).mtimeMs };
    const object = await StorageObject.open(path, { readOnly: true });
    expect(object.device.readOnly).toBe(true);
    await expect(object.updateAttributes({ name: 'x' })).rejects.toMatchObject({
      code: 'CONTAINER_READ_ONLY',
    });
    await object.close();
    expect(statSync(path).mtimeMs).toBe(before.mtimeMs);
    expect(readFileSync(path).equals(before.bytes)).toBe(true);
  });
});

describe('the space of an object', () => {
  it('is what its file takes, and what it and the file system still have', async () => {
    const disk = new SimulatedDisk();
    const object = await StorageObject.create('/disk.lun', {
      disk,
      sizeBytes: SIZE,
      processes: new FakeProcesses(),
    });
    const before = await object.space();
    expect(before.usedBytes).toBeLessThan(SIZE);
    expect(before.availableBytes).toBe(SIZE - before.usedBytes);
    await object.device.write([Buffer.alloc(65_536, 1)], 0);
    const { usedBytes } = await object.space();
    expect(usedBytes).toBe(before.usedBytes + 65_536);
    disk.availableBytes = 4096;
    expect(await object.space()).toEqual({ usedBytes, availableBytes: 4096 });
    disk.faults.fail('availableBytes', 1, 'EIO');
    await expect(object.space()).rejects.toMatchObject({ code: 'CONTAINER_IO' });
    await object.close();
    await expect(object.space()).rejects.toMatchObject({ code: 'CONTAINER_CLOSED' });
  });

  it('is told of real files too', async () => {
    const object = await StorageObject.open(await newObject(tempDirectory()));
    const { usedBytes, availableBytes } = await object.space();
    await object.close();
    expect(usedBytes).toBeGreaterThan(0);
    expect(availableBytes).toBeGreaterThan(0);
    expect(availableBytes).toBeLessThanOrEqual(SIZE);
  });
});

describe('a file that came back different', () => {
  it('is foreign when it is a copy of a closed object: new identity, old one kept as origin (T-N9)', async () => {
    const directory = tempDirectory();
    const path = await newObject(directory);
    const original = await readContainerInfo(path);
    const copyPath = join(directory, 'copy.lun');
    copyFileSync(path, copyPath);
    const { atime, mtime } = statSync(path);
    utimesSync(copyPath, atime, mtime);
    const copy = await StorageObject.open(copyPath);
    const info = await copy.info();
    await copy.close();
    expect(info).toMatchObject({ continuity: 'foreign', origin: original.identity });
    expect(info.identity).not.toBe(original.identity);
    expect(info.generation).not.toBe(original.generation);
    const again = await StorageObject.open(copyPath);
    expect([again.continuity, (await again.info()).identity]).toEqual(['clean', info.identity]);
    await again.close();
  });

  it('is foreign when it is a copy of a live object', async () => {
    const directory = tempDirectory();
    const live = await StorageObject.open(await newObject(directory));
    const copyPath = join(directory, 'copy.lun');
    copyFileSync(live.path, copyPath);
    const copy = await StorageObject.open(copyPath);
    expect(copy.continuity).toBe('foreign');
    expect(hex(copy.identity)).not.toBe(hex(live.identity));
    await copy.close();
    await live.close();
  });

  it('has, if foreign, what the original kept, and not its serial number', async () => {
    const directory = tempDirectory();
    const path = join(directory, 'disk.lun');
    const inquiry = { vendor: 'ACME', serialNumber: '4711' };
    const original = await StorageObject.create(path, { sizeBytes: SIZE, attributes: { inquiry } });
    await original.updateAttributes({ reservations: { aptpl: true, registrations: [] } });
    await original.close();
    const opened = async (name: string, options: object) => {
      copyFileSync(path, join(directory, name));
      const copy = await StorageObject.open(join(directory, name), options);
      const { attributes } = copy;
      await copy.close();
      return attributes;
    };
    const reservations = { aptpl: true, registrations: [] };
    const copied = { inquiry: { vendor: 'ACME' }, reservations };
    expect(await opened('copy.lun', {})).toMatchObject(copied);
    expect((await readContainerInfo(join(directory, 'copy.lun'))).attributes.inquiry).toEqual({
      vendor: 'ACME',
    });
    expect((await opened('read.lun', { readOnly: true })).inquiry).toEqual({ vendor: 'ACME' });
    expect((await readContainerInfo(join(directory, 'read.lun'))).attributes.inquiry).toEqual(inquiry);
    expect(await opened('moved.lun', { foreign: 'keep-identity' })).toMatchObject({ inquiry, reservations });
  });

  it('keeps its identity, if foreign, only for somebody who says so', async () => {
    const directory = tempDirectory();
    const path = await newObject(directory);
    const { identity } = await readContainerInfo(path);
    copyFileSync(path, join(directory, 'restored.lun'));
    const restored = await StorageObject.open(join(directory, 'restored.lun'), { foreign: 'keep-identity' });
    expect((await restored.info()).identity).toBe(identity);
    await restored.close();
    copyFileSync(path, join(directory, 'other.lun'));
    await expect(
      StorageObject.open(join(directory, 'other.lun'), { foreign: 'refuse' }),
    ).rejects.toMatchObject({
      code: 'CONTAINER_FOREIGN',
    });
  });

  it('has the same identity of its own at each opening for reading only', async () => {
    const directory = tempDirectory();
    const path = await newObject(directory);
    const original = await StorageObject.open(path, { readOnly: true });
    copyFileSync(path, join(directory, 'copy.lun'));
    const identities: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const copy = await StorageObject.open(join(directory, 'copy.lun'), { readOnly: true });
      identities.push(hex(copy.identity));
      await copy.close();
    }
    await original.close();
    expect(identities[0]).toBe(identities[1]);
    expect(identities[0]).not.toBe(hex(original.identity));
  });

  it('is the same object after it was moved', async () => {
    const directory = tempDirectory();
    const path = await newObject(directory);
    renameSync(path, join(directory, 'moved.lun'));
    expect((await readContainerInfo(join(directory, 'moved.lun'))).continuity).toBe('clean');
  });

  it('is modified, with its identity and a new generation, when something else wrote to it', async () => {
    const path = await newObject(tempDirectory());
    const before = await readContainerInfo(path);
    utimesSync(path, new Date(), new Date(Date.now() + 5000));
    const object = await StorageObject.open(path);
    const info = await object.info();
    await object.close();
    expect(info).toMatchObject({ continuity: 'modified', identity: before.identity });
    expect(info.generation).not.toBe(before.generation);
  });
});

describe('a file that cannot be opened', () => {
  it.each([
    ['is missing', 'CONTAINER_NOT_FOUND', undefined],
    ['is something else', 'CONTAINER_NOT_LUNBOX', Buffer.from('just a text')],
    ['is empty', 'CONTAINER_NOT_LUNBOX', Buffer.alloc(0)],
    ['is a raw disk', 'CONTAINER_NOT_LUNBOX', Buffer.alloc(2 ** 20)],
  ])('that %s is told apart, and nothing is put beside it', async (_name, code, content) => {
    const directory = tempDirectory();
    const path = join(directory, 'disk.lun');
    if (content) writeFileSync(path, content);
    await expect(StorageObject.open(path)).rejects.toMatchObject({ code });
    await expect(readContainerInfo(path)).rejects.toMatchObject({ code });
    expect(readdirSync(directory)).toEqual(content ? ['disk.lun'] : []);
  });

  it('because it is a directory says so', async () => {
    await expect(StorageObject.open(tempDirectory())).rejects.toMatchObject({ code: 'CONTAINER_IO' });
  });

  it('because it was cut short says by how much, and is not changed', async () => {
    const path = await newObject(tempDirectory());
    truncateSync(path, statSync(path).size - 1000);
    const before = readFileSync(path);
    await expect(StorageObject.open(path)).rejects.toMatchObject({
      code: 'CONTAINER_CORRUPT',
      message: expect.stringContaining('1000 bytes') as string,
    });
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('openAll', () => {
  it('opens all or none, and changes nothing when it is none', async () => {
    const directory = tempDirectory();
    const path = await newObject(directory);
    const before = readFileSync(path);
    await expect(
      StorageObject.openAll([{ path }, { path: join(directory, 'none.lun') }]),
    ).rejects.toMatchObject({
      code: 'CONTAINER_NOT_FOUND',
    });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(directory)).toEqual(['disk.lun']);
  });
});
