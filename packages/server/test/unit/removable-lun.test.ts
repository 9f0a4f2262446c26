import { MemoryDevice } from '@lunbox/block';
import { StorageObject } from '@lunbox/storage-object';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { control } from '../../src/cli/control-verbs.ts';
import { lunsFromFlags } from '../../src/cli/lun-flags.ts';
import { openDiscImage } from '../../src/disc-image.ts';
import { openDisks } from '../../src/disks.ts';
import { Drive } from '../../src/drive.ts';
import { createServer, type LunboxServer, type LunOptions } from '../../src/index.ts';
import { newProtection } from '../../src/protection.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { controlledBy } from '../support/controlled.ts';

let directory: TempDirectory;

beforeEach(() => {
  directory = makeTempDirectory('removable');
});

afterEach(() => {
  directory.remove();
});

async function newDisk(name: string, sizeBytes = 2 ** 20): Promise<string> {
  const path = directory.file(name);
  await (await StorageObject.create(path, { sizeBytes })).close();
  return path;
}

async function serving(...luns: LunOptions[]): Promise<LunboxServer> {
  const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns }] });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  return server;
}

/** Asks like `lunbox control` does. */
async function ask(server: LunboxServer, request: object): Promise<unknown> {
  const asker = { begin: () => undefined, progress: () => undefined, ended: Promise.resolve() };
  return control(await controlledBy(server), request, asker);
}

const wrongState = (message: RegExp) => ({
  code: 'SERVER_WRONG_STATE',
  message: expect.stringMatching(message) as string,
});

describe('a removable LUN', () => {
  it('lets go of the file that is ejected, and serves the one that is inserted under the same identity', async () => {
    const [first, second] = [await newDisk('first.lun'), await newDisk('second.lun', 2 ** 21)];
    const server = await serving({ path: first, removable: true });
    const [before] = server.targets[0]!.luns;
    expect(before).toMatchObject({
      kind: 'removable-disk',
      mediumPresent: true,
      path: first,
      sizeBytes: 2 ** 20,
    });
    await ask(server, { verb: 'eject', lun: 0 });
    expect(server.targets[0]!.luns).toMatchObject([{ mediumPresent: false, path: undefined, sizeBytes: 0 }]);
    // Nobody holds the file any more, and it was closed in order.
    const object = await StorageObject.open(first);
    expect(object.continuity).toBe('clean');
    await object.close();
    await ask(server, { verb: 'insert', lun: 0, path: second });
    expect(server.targets[0]!.luns).toMatchObject([
      { mediumPresent: true, path: second, sizeBytes: 2 ** 21, identity: before!.identity },
    ]);
    await server.stop({ timeoutMs: 0 });
    await (await StorageObject.open(second)).close();
  });

  it('stops in order while it is empty', async () => {
    const server = await serving({ path: await newDisk('a.lun'), removable: true });
    await server.eject(0);
    await server.stop({ timeoutMs: 0 });
    expect(server.portals).toEqual([]);
  });

  it('says what is wrong, and stays as it was', async () => {
    const path = await newDisk('a.lun');
    const fixed = { device: new MemoryDevice({ size: 2 ** 20 }), identity: new Uint8Array(16) };
    const server = await serving({ path, removable: true }, fixed);
    await expect(server.insert(0, path)).rejects.toMatchObject(wrongState(/^LUN 0 has a medium already/));
    await expect(server.eject(1)).rejects.toMatchObject(
      wrongState(/^LUN 1 has a medium that cannot be taken/),
    );
    await expect(server.insert(1, path)).rejects.toMatchObject(wrongState(/cannot be taken out/));
    await expect(server.eject(2)).rejects.toMatchObject(wrongState(/no LUN 2/));
    await server.eject(0);
    await expect(server.eject(0)).rejects.toMatchObject(wrongState(/has no medium/));
    await expect(server.insert(0)).rejects.toMatchObject(wrongState(/has no medium/));
    await expect(server.insert(0, directory.file('none'))).rejects.toMatchObject({
      code: 'CONTAINER_NOT_FOUND',
    });
    await server.insert(0, path);
    expect(server.targets[0]!.luns[0]).toMatchObject({ mediumPresent: true, path });
  });

  it('that was made without protection information takes no disk that has it', async () => {
    const [plain, first, second] = [
      await newDisk('plain.lun'),
      directory.file('1.lun'),
      directory.file('2.lun'),
    ];
    const protection = newProtection(2 ** 20, 512, 1);
    for (const path of [first, second]) {
      await (await StorageObject.create(path, { sizeBytes: 2 ** 20, protection })).close();
    }
    const server = await serving({ path: plain, removable: true }, { path: first, removable: true });
    expect(server.targets[0]!.luns.map(({ protectionType }) => protectionType)).toEqual([undefined, 1]);
    await server.eject(0);
    await server.eject(1);
    await expect(server.insert(0, second)).rejects.toMatchObject(
      wrongState(/^LUN 0 cannot have .*2\.lun: a medium with protection information/),
    );
    await server.insert(1, second);
    expect(server.targets[0]!.luns).toMatchObject([{ mediumPresent: false }, { protectionType: 1 }]);
  });

  it('takes no disk that another LUN has, or is known by', async () => {
    const [a, b, copy] = [await newDisk('a.lun'), await newDisk('b.lun'), directory.file('copy.lun')];
    copyFileSync(a, copy);
    const luns = [a, b].map((path) => ({ path, removable: true, foreign: 'keep-identity' as const }));
    const server = await serving(...luns);
    for (const lun of [0, 1]) await server.eject(lun);
    await expect(server.insert(1, copy)).rejects.toMatchObject({ code: 'SERVER_DUPLICATE_IDENTITY' });
    await server.insert(0, copy);
    expect(server.targets[0]!.luns).toMatchObject([{ path: copy }, { mediumPresent: false }]);
  });
});

describe('a control request about a medium', () => {
  it.each<[object, RegExp]>([
    [{ verb: 'eject' }, /eject needs "lun"/],
    [{ verb: 'insert', path: '/x' }, /insert needs "lun"/],
    [{ verb: 'eject', lun: '0' }, /"lun" is the number of a LUN/],
    [{ verb: 'eject', lun: 256 }, /"lun" is the number of a LUN/],
    [{ verb: 'eject', lun: 0, force: 1 }, /"force" is true or false/],
    [{ verb: 'insert', lun: 0, path: 'relative.lun' }, /"path" is an absolute path/],
    [{ verb: 'insert', lun: 0, force: true }, /"force" does not belong to insert/],
    [{ verb: 'status', lun: 0 }, /"lun" does not belong to status/],
  ])('%o is refused', async (request, message) => {
    const server = await serving({ path: await newDisk('a.lun'), removable: true });
    await expect(ask(server, request)).rejects.toThrow(message);
    expect(server.targets[0]!.luns).toMatchObject([{ mediumPresent: true }]);
  });
});

/** A file that says nothing of its LUN. */
const wish = (name: string) => ({ name, lun: undefined });

describe('flags about LUNs', () => {
  it('name the LUNs that they concern', () => {
    const luns = lunsFromFlags(['a', 'b', 'c'].map(wish), { writeProtect: [1], removable: [2, 1] });
    expect(luns).toMatchObject([
      { path: 'a', readOnly: false, removable: false },
      { path: 'b', readOnly: true, removable: true },
      { path: 'c', readOnly: false, removable: true },
    ]);
    expect(lunsFromFlags(['a'].map(wish), { readOnly: true })).toMatchObject([{ readOnly: true }]);
  });

  it('are refused for a LUN that is not there', () => {
    expect(() => lunsFromFlags(['a'].map(wish), { removable: [1] })).toThrow(
      '--removable 1: there are the LUNs 0 to 0',
    );
    expect(() => lunsFromFlags(['a'].map(wish), { writeProtect: [7] })).toThrow('--write-protect 7');
    expect(() => lunsFromFlags(['a'].map(wish), { writeSameRest: [2] })).toThrow('--write-same-rest 2');
  });

  it('say how LUNs treat their media', () => {
    const flags = { writeSameRest: [1], backgroundRate: 2 ** 26 };
    const paced = { backgroundBytesPerSecond: 2 ** 26 };
    const luns = lunsFromFlags(['a', 'b', 'c.iso'].map(wish), flags);
    expect(luns).toMatchObject([
      { path: 'a', ...paced },
      { path: 'b', writeSameZero: 'rest', ...paced },
      { image: 'c.iso' },
    ]);
    expect(luns[0]).not.toHaveProperty('writeSameZero');
  });

  it('reach the unit, and a rate that is too small is refused', async () => {
    const path = await newDisk('a.lun');
    const luns = lunsFromFlags([path].map(wish), { writeSameRest: [0], backgroundRate: 2 ** 20 });
    const [disk] = await openDisks(luns, {});
    const drive = new Drive(0, disk!, luns[0]!);
    expect(drive.unit.writeSameZero).toBe('rest');
    await drive.close();
    const slow = { path, backgroundBytesPerSecond: 1000 };
    const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns: [slow] }] });
    await expect(server.start()).rejects.toMatchObject({
      code: 'SERVER_BAD_OPTIONS',
      message: expect.stringMatching(/1 MiB/) as string,
    });
  });
});

it('a write-protected LUN is opened for reading only, and its file stays as it was', async () => {
  const path = await newDisk('a.lun');
  const before = readFileSync(path);
  const device = new MemoryDevice({ size: 2 ** 20 });
  const memory = { device, identity: new Uint8Array(16), readOnly: true };
  const server = await serving({ path, readOnly: true }, memory);
  expect(server.targets[0]!.luns).toMatchObject([{ readOnly: true }, { readOnly: true }]);
  await server.stop({ timeoutMs: 0 });
  expect(readFileSync(path).equals(before)).toBe(true);
});

describe('a disc image', () => {
  const newImage = (name: string, sizeBytes: number): string => {
    const path = directory.file(name);
    writeFileSync(path, Buffer.alloc(sizeBytes, 0x5a));
    return path;
  };

  it('is a CD-ROM of whole blocks, and stays as it is', async () => {
    const path = newImage('installer.ISO', 5 * 2048 + 100);
    const server = await serving(...lunsFromFlags([path].map(wish), {}));
    expect(server.targets[0]!.luns).toMatchObject([
      { kind: 'cd-rom', path, blockSize: 2048, sizeBytes: 6 * 2048, readOnly: true },
    ]);
    await server.stop({ timeoutMs: 0 });
    expect(readFileSync(path)).toHaveLength(5 * 2048 + 100);
  });

  it('is filled up with zeroes', async () => {
    for (const sizeBytes of [100, 2048 + 100]) {
      const device = await openDiscImage(newImage(`${sizeBytes}.iso`, sizeBytes));
      const bytes = new Uint8Array(device.size);
      await device.read([bytes], 0);
      expect(bytes.length % 2048).toBe(0);
      expect(bytes.lastIndexOf(0x5a)).toBe(sizeBytes - 1);
      await device.close();
    }
  });

  it('is ejected, and another is inserted', async () => {
    const [first, second] = [newImage('a.iso', 4096), newImage('b.img', 8192)];
    const server = await serving(...lunsFromFlags([], { cdrom: [first] }));
    await ask(server, { verb: 'eject', lun: 0 });
    await ask(server, { verb: 'insert', lun: 0, path: second });
    expect(server.targets[0]!.luns).toMatchObject([{ kind: 'cd-rom', path: second, sizeBytes: 8192 }]);
  });

  it('that cannot be read is refused', async () => {
    for (const image of [directory.file('none.iso'), newImage('empty.iso', 0)]) {
      const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns: [{ image }] }] });
      await expect(server.start()).rejects.toMatchObject({ code: 'SERVER_BAD_IMAGE' });
    }
    expect(() => lunsFromFlags([], {})).toThrow('name the files to serve');
  });
});
