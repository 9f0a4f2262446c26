import { BlockError, MemoryDevice } from '@lunbox/block';
import { StorageObject } from '@lunbox/storage-object';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createServer, type LunboxServer, type ServerOptions } from '../../src/index.ts';

const LOOPBACK = '127.0.0.1:0';
const IQN = 'iqn.2026-11.com.example:test';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'lunbox-server-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function newDisk(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await (await StorageObject.create(path, { sizeBytes: 2 ** 20 })).close();
  return path;
}

async function started(options: ServerOptions): Promise<LunboxServer> {
  const server = await createServer({ portals: [LOOPBACK], ...options });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  return server;
}

const memory = (first: number) => ({
  device: new MemoryDevice({ size: 2 ** 20 }),
  identity: new Uint8Array(16).fill(first),
});

describe('a server', () => {
  it('tells what it serves, in the order of the LUNs', async () => {
    const path = await newDisk(directory(), 'disk.lun');
    const server = await started({ targets: [{ iqn: IQN, luns: [{ path, readOnly: true }, memory(7)] }] });
    const portal = server.portals[0] ?? '';
    expect(portal).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(server.url(1)).toBe(`iscsi://${portal}/${IQN}/1`);
    expect(server.targets).toMatchObject([
      {
        iqn: IQN,
        luns: [
          { lun: 0, path, sizeBytes: 2 ** 20, blockSize: 512, readOnly: true, continuity: 'clean' },
          { lun: 1, path: undefined, identity: '07070707-0707-0707-0707-070707070707' },
        ],
      },
    ]);
  });

  it('names a target after its first disk, alike at each start', async () => {
    const path = await newDisk(directory(), 'disk.lun');
    const names: (string | undefined)[] = [];
    for (let round = 0; round < 2; round += 1) {
      const server = await started({ targets: [{ luns: [{ path }] }] });
      names.push(server.targets[0]?.iqn);
      await server.stop();
    }
    expect(names[0]).toMatch(/^iqn\.2026-11\.io\.lunbox:[0-9a-f]{12}$/);
    expect(names[0]).toBe(names[1]);
  });

  it('serves several targets at several portals', async () => {
    const targets = [{ luns: [memory(1)] }, { luns: [memory(2)] }];
    const server = await started({ portals: [LOOPBACK, LOOPBACK], targets });
    expect(new Set(server.portals).size).toBe(2);
    expect(server.url(0, 1)).toContain(server.targets[1]?.iqn ?? 'nothing');
  });

  it('leaves containers closed in order, and starts again after a stop', async () => {
    const path = await newDisk(directory(), 'disk.lun');
    const server = await started({ targets: [{ luns: [{ path }] }] });
    await Promise.all([server.stop(), server.stop()]);
    expect([server.portals, server.targets]).toEqual([[], []]);
    await server.start();
    expect(server.targets[0]?.luns[0]?.continuity).toBe('clean');
    await server.stop();
  });

  it('flushes a device that it was given, and leaves it open', async () => {
    const lun = memory(1);
    const server = await started({ targets: [{ luns: [lun] }] });
    await server.stop();
    expect(() => lun.device.read([Buffer.alloc(512)], 0)).not.toThrow(BlockError);
  });
});

describe('a portal in use', () => {
  it('is refused, and the disk is as it was', async () => {
    const folder = directory();
    const path = await newDisk(folder, 'disk.lun');
    const before = readFileSync(path);
    const first = await started({ targets: [{ luns: [memory(1)] }] });
    const second = await createServer({ portals: first.portals, targets: [{ luns: [{ path }] }] });
    await expect(second.start()).rejects.toMatchObject({
      code: 'SERVER_PORTAL_IN_USE',
      data: { portal: first.portals[0] },
    });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['disk.lun']);
  });

  it('beside one that is free leaves neither open', async () => {
    const first = await started({ targets: [{ luns: [memory(1)] }] });
    const taken = first.portals[0] ?? '';
    const second = await createServer({ portals: [LOOPBACK, taken], targets: [{ luns: [memory(2)] }] });
    await expect(second.start()).rejects.toMatchObject({ code: 'SERVER_PORTAL_IN_USE' });
    await first.stop();
    await second.start();
    await second.stop();
  });
});

describe('two disks', () => {
  it('of one identity are not served together (T-N9)', async () => {
    const folder = directory();
    const path = await newDisk(folder, 'disk.lun');
    copyFileSync(path, join(folder, 'copy.lun'));
    const copy = join(folder, 'copy.lun');
    const luns = [{ path }, { path: copy, foreign: 'keep-identity' as const }];
    const server = await createServer({ portals: [LOOPBACK], targets: [{ luns }] });
    await expect(server.start()).rejects.toMatchObject({ code: 'SERVER_DUPLICATE_IDENTITY' });
    await expect(
      createServer({ portals: [LOOPBACK], targets: [{ luns: [memory(1), memory(1)] }] }).then((s) =>
        s.start(),
      ),
    ).rejects.toMatchObject({ code: 'SERVER_DUPLICATE_IDENTITY' });
  });

  it('of which one is a copy of the other are served with two identities', async () => {
    const folder = directory();
    const path = await newDisk(folder, 'disk.lun');
    copyFileSync(path, join(folder, 'copy.lun'));
    const server = await started({ targets: [{ luns: [{ path }, { path: join(folder, 'copy.lun') }] }] });
    const [original, copy] = server.targets[0]?.luns ?? [];
    expect(copy?.continuity).toBe('foreign');
    expect(copy?.identity).not.toBe(original?.identity);
  });
});

describe('options', () => {
  it.each<[string, string, Partial<ServerOptions>]>([
    ['a portal for others without consent', 'SERVER_AUTHENTICATION_REQUIRED', { portals: ['0.0.0.0:0'] }],
    ['no portal', 'SERVER_BAD_OPTIONS', { portals: [] }],
    ['no target', 'SERVER_BAD_OPTIONS', { targets: [] }],
    ['a target without LUNs', 'SERVER_BAD_OPTIONS', { targets: [{ luns: [] }] }],
    [
      'too many LUNs',
      'SERVER_BAD_OPTIONS',
      { targets: [{ luns: Array.from({ length: 257 }, () => memory(1)) }] },
    ],
    ['one file twice', 'SERVER_BAD_OPTIONS', { targets: [{ luns: [{ path: 'a' }, { path: './a' }] }] }],
    ['a name that is none', 'SERVER_BAD_NAME', { targets: [{ iqn: 'disk', luns: [memory(1)] }] }],
    ['a portal that is none', 'SERVER_BAD_PORTAL', { portals: ['::1:3260'] }],
  ])('with %s are refused', async (_name, code, options) => {
    await expect(createServer({ targets: [{ luns: [memory(1)] }], ...options })).rejects.toMatchObject({
      code,
    });
  });

  it('with consent open a portal for others', async () => {
    const server = await started({
      portals: ['0.0.0.0:0'],
      allowUnauthenticated: true,
      targets: [{ iqn: IQN.toUpperCase().replace('IQN', 'iqn'), luns: [memory(1)] }],
    });
    expect(server.targets[0]?.iqn).toBe(IQN);
    expect(server.url(0)).not.toContain('0.0.0.0');
  });

  it('about what does not run yet are refused', async () => {
    const server = await createServer({ portals: [LOOPBACK], targets: [{ luns: [memory(1)] }] });
    expect(() => server.url(0)).toThrow(expect.objectContaining({ code: 'SERVER_WRONG_STATE' }));
    await server.start();
    await expect(server.start()).rejects.toMatchObject({ code: 'SERVER_WRONG_STATE' });
    expect(() => server.url(1)).toThrow(expect.objectContaining({ code: 'SERVER_WRONG_STATE' }));
    await server.stop();
  });
});
