import { MemoryDevice } from '@lunbox/block';
import { readContainerInfo, StorageObject } from '@lunbox/storage-object';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { control } from '../../src/cli/control-verbs.ts';
import { createServer, type LunboxServer, type LunOptions } from '../../src/index.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { controlledBy } from '../support/controlled.ts';

const MIB = 2 ** 20;

let directory: TempDirectory;

beforeEach(() => {
  directory = makeTempDirectory('resize');
});

afterEach(() => {
  directory.remove();
});

async function newDisk(): Promise<string> {
  const path = directory.file('disk.lun');
  await (await StorageObject.create(path, { sizeBytes: MIB })).close();
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

const sizeOf = (server: LunboxServer): number | undefined => server.targets[0]?.luns[0]?.sizeBytes;

describe('a disk that is served', () => {
  it('is made larger, in its file too, and not twice', async () => {
    const path = await newDisk();
    const server = await serving({ path });
    await ask(server, { verb: 'resize', lun: 0, sizeBytes: 3 * MIB });
    expect(sizeOf(server)).toBe(3 * MIB);
    const { capacityBytes, headerSequence } = await readContainerInfo(path);
    expect(capacityBytes).toBe(3 * MIB);
    await server.resize(0, 3 * MIB);
    expect((await readContainerInfo(path)).headerSequence).toBe(headerSequence);
  });

  it('is not made smaller, nor another size than whole blocks', async () => {
    const path = await newDisk();
    const server = await serving({ path });
    await expect(server.resize(0, MIB - 512)).rejects.toMatchObject({
      code: 'SERVER_WRONG_STATE',
      message: 'LUN 0 has 1048576 bytes, and cannot be made smaller while it is served',
    });
    await expect(server.resize(0, MIB + 1)).rejects.toMatchObject({ code: 'CONTAINER_BAD_SIZE' });
    await expect(server.resize(1, MIB)).rejects.toThrow(/no LUN 1/);
    expect([sizeOf(server), (await readContainerInfo(path)).capacityBytes]).toEqual([MIB, MIB]);
  });

  it('keeps its size where it is read-only, taken out, or no container', async () => {
    const path = await newDisk();
    const readOnly = await serving({ path, readOnly: true });
    await expect(readOnly.resize(0, 2 * MIB)).rejects.toMatchObject({ code: 'CONTAINER_READ_ONLY' });
    await readOnly.stop({ timeoutMs: 0 });
    const memory = { device: new MemoryDevice({ size: MIB }), identity: new Uint8Array(16) };
    const server = await serving({ path, removable: true }, memory);
    await server.eject(0);
    await expect(server.resize(0, 2 * MIB)).rejects.toThrow('LUN 0 has no medium');
    await expect(server.resize(1, 2 * MIB)).rejects.toThrow('LUN 1 is no disk in a container');
  });
});

it('the status of a disk tells its space as it is at the moment; what is in memory takes none of a file', async () => {
  const path = await newDisk();
  const memory = { device: new MemoryDevice({ size: MIB }), identity: new Uint8Array(16) };
  const server = await serving({ path }, memory);
  const spaces = async (): Promise<Record<string, number>[]> => {
    const { result } = (await ask(server, { verb: 'status' })) as {
      result: { targets: { luns: Record<string, number>[] }[] };
    };
    return result.targets[0]!.luns;
  };
  const [before, ofMemory] = await spaces();
  expect(ofMemory).not.toHaveProperty('usedBytes');
  await server.resize(0, 64 * MIB);
  const [after] = await spaces();
  expect(after!['usedBytes']! + after!['freeBytes']!).toBe(64 * MIB);
  expect(after!['freeBytes']! - before!['freeBytes']!).toBeGreaterThan(60 * MIB);
  const { usedBytes } = await readContainerInfo(path);
  expect(after!['usedBytes']).toBe(usedBytes);
});

it.each<[object, RegExp]>([
  [{ verb: 'resize', sizeBytes: MIB }, /resize needs "lun"/],
  [{ verb: 'resize', lun: 0 }, /resize needs "sizeBytes"/],
  [{ verb: 'resize', lun: 0, sizeBytes: 0 }, /"sizeBytes" is a whole number of bytes/],
  [{ verb: 'resize', lun: 0, sizeBytes: '2M' }, /"sizeBytes" is a whole number/],
  [{ verb: 'resize', lun: 0, sizeBytes: MIB, force: true }, /"force" does not belong to resize/],
])('the request %o is refused', async (request, message) => {
  const server = await serving({ path: await newDisk() });
  await expect(ask(server, request)).rejects.toThrow(message);
  expect(sizeOf(server)).toBe(MIB);
});
