import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { StorageObject } from '../../src/index.ts';
import { At, newerHeader, headerBytes, patchAttributes, patchHeaders } from '../support/patched-header.ts';
import { isInstalled, runProgram, type Outcome } from '../support/programs.ts';
import { tempDirectory } from '../support/temp-directory.ts';

/** Written from the specification: it shares no line with ours. */
const reader = fileURLToPath(new URL('../../../../docs/read_container.py', import.meta.url));
const MIB = 2 ** 20;
const SIZE = 4 * MIB;
const READ = 0;
const DAMAGED = 1;
const NEWER = 2;

const run = (path: string, ...options: string[]): Promise<Outcome> =>
  runProgram('python3', [reader, path, ...options]);

async function read(path: string): Promise<Record<string, unknown>> {
  const { stdout, stderr, exitCode } = await run(path);
  expect(exitCode, stderr).toBe(READ);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A closed container. */
async function newObject(name = 'disk.lun'): Promise<string> {
  const path = join(tempDirectory(), name);
  const object = await StorageObject.create(path, { sizeBytes: SIZE, attributes: { name: 'first' } });
  await object.device.write([Buffer.alloc(512, 0x77)], 0);
  await object.close();
  return path;
}

function damage(path: string, offset: number, bytes = Buffer.alloc(512, 0xee)): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

describe.skipIf(!isInstalled('python3'))('the reader that was written from the specification', () => {
  it('is short', () => {
    expect(readFileSync(reader, 'utf8').trimEnd().split('\n').length).toBeLessThan(150);
  });

  it('reads a container that is open, changed and closed as we do', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const object = await StorageObject.create(path, { sizeBytes: SIZE, blockSize: 4096 });
    await object.updateAttributes({ name: 'Größe', later: [1] });
    await object.grow(2 * SIZE);
    const info = await object.info();
    const expected = {
      sequence: info.headerSequence,
      clean: false,
      identity: info.identity,
      birthIdentity: info.birthIdentity,
      origin: null,
      generation: info.generation,
      capacityBytes: 2 * SIZE,
      dataOffset: info.dataOffset,
      blockSize: 4096,
      features: { incompatible: 0, compatible: 0, autoclear: 0 },
      attributes: info.attributes,
    };
    const found = await read(path);
    expect(found).toMatchObject(expected);
    expect(found['regions']).toEqual([
      { type: 1, name: 'activity log', flags: 0, offset: 320 << 10, lengthBytes: 64 << 10 },
      { type: 2, name: 'grain maps', flags: 0, offset: MIB, lengthBytes: info.dataOffset - MIB },
    ]);
    await object.close();
    const closed = await read(path);
    expect(closed).toMatchObject({ ...expected, sequence: info.headerSequence + 1, clean: true });
    expect(closed['headerInForce']).not.toBe(found['headerInForce']);
  });

  it('copies the disk out, holes as holes, and never over another file', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const object = await StorageObject.create(path, { sizeBytes: 64 * MIB });
    const content = Buffer.alloc(3 * MIB, 'a disk in a file');
    await object.device.write([content], 5 * MIB);
    await object.device.write([Buffer.alloc(512, 0xff)], 64 * MIB - 512);
    await object.close();
    const raw = `${path}.img`;
    expect((await run(path, '--raw', raw)).exitCode).toBe(READ);
    const image = readFileSync(raw);
    expect(image.length).toBe(64 * MIB);
    expect(image.subarray(5 * MIB, 8 * MIB).equals(content)).toBe(true);
    expect(image.subarray(64 * MIB - 512).equals(Buffer.alloc(512, 0xff))).toBe(true);
    expect(image.subarray(0, 5 * MIB).equals(Buffer.alloc(5 * MIB))).toBe(true);
    expect(statSync(raw).blocks * 512).toBeLessThan(8 * MIB);
    writeFileSync(raw, 'mine');
    expect((await run(path, '--raw', raw)).exitCode).toBe(DAMAGED);
    expect(readFileSync(raw, 'utf8')).toBe('mine');
  });

  it('tells a copy by the origin that it has after it was opened', async () => {
    const path = await newObject();
    const copy = `${path}.copy`;
    copyFileSync(path, copy);
    await (await StorageObject.open(copy)).close();
    const [original, found] = [await read(path), await read(copy)];
    expect(found['origin']).toBe(original['identity']);
    expect(found['identity']).not.toBe(original['identity']);
    expect(found['birthIdentity']).toBe(original['birthIdentity']);
  });

  it('reads a disk with protection information in front of it', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const protection = { areaBytes: MIB, format: () => Promise.resolve() };
    const object = await StorageObject.create(path, { sizeBytes: SIZE, protection });
    await object.device.write([Buffer.alloc(512, 0x5a)], 0);
    const { dataOffset } = await object.info();
    await object.close();
    const found = await read(path);
    expect(found).toMatchObject({ dataOffset, features: { incompatible: 1 } });
    expect(found['regions']).toContainEqual({
      type: 3,
      name: 'protection information',
      flags: 0,
      offset: dataOffset - MIB,
      lengthBytes: MIB,
    });
    expect((await run(path, '--raw', `${path}.img`)).exitCode).toBe(READ);
    expect(readFileSync(`${path}.img`)[0]).toBe(0x5a);
  });

  it('tells the layout of a disk of several parts, and copies the parts and not the disk', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const layout = {
      kind: 'concat',
      parts: ['a', 'b'].map((name) => ({ kind: 'file', path: name }) as const),
    } as const;
    const object = await StorageObject.create(path, { sizeBytes: SIZE, layout });
    await object.device.write([Buffer.alloc(512, 0x66)], SIZE / 2);
    await object.close();
    const found = await read(path);
    expect(found).toMatchObject({ capacityBytes: SIZE, features: { incompatible: 2 } });
    expect(found['attributes']).toMatchObject({
      layout: { kind: 'concat', parts: [{ path: 'a' }, { path: 'b' }] },
    });
    const refused = await run(path, '--raw', `${path}.img`);
    expect(refused).toMatchObject({ exitCode: NEWER, stdout: '' });
    expect(refused.stderr).toContain('put together from the parts in its layout');
    const part = join(dirname(path), 'b');
    expect(await read(part)).toMatchObject({ capacityBytes: SIZE / 2, dataOffset: MIB });
    expect((await run(part, '--raw', `${path}.img`)).exitCode).toBe(READ);
    expect(readFileSync(`${path}.img`)[0]).toBe(0x66);
  });

  it('reads what later software left that is compatible, unknown regions and attributes with it', async () => {
    const path = await newObject();
    patchAttributes(path, '{"x-later":[null]}');
    patchHeaders(path, (header) => {
      header.writeUInt32BE(0x0f, At.COMPATIBLE);
      header.writeUInt32BE(0xf0, At.AUTOCLEAR);
      header.writeUInt32BE(99, At.REGIONS);
      header.fill(0xcc, 1536, 4096);
    });
    const found = await read(path);
    expect(found).toMatchObject({
      features: { compatible: 0x0f, autoclear: 0xf0 },
      attributes: { 'x-later': [null] },
    });
    expect(found['regions']).toContainEqual(expect.objectContaining({ type: 99, name: null }));
  });
});

describe.skipIf(!isInstalled('python3'))('the same reader and damage: as we do, it', () => {
  const older = (path: string): 'A' | 'B' => (newerHeader(path).equals(headerBytes(path, 'A')) ? 'B' : 'A');
  const offsetOf = { A: 65_536, B: 196_608 };

  it.each<[string, number, (path: string) => void]>([
    [
      'reads on with a damaged header that is not in force',
      READ,
      (path) => damage(path, offsetOf[older(path)]),
    ],
    [
      'takes the older header when the one in force is damaged',
      READ,
      (path) => damage(path, offsetOf[older(path) === 'A' ? 'B' : 'A'] + 100),
    ],
    [
      'takes the older header when the attributes of the other are damaged',
      READ,
      (path) => damage(path, offsetOf[older(path) === 'A' ? 'B' : 'A'] + 4100, Buffer.from('?')),
    ],
    ['ignores a file that is too long', READ, (path) => truncateSync(path, statSync(path).size + 12_345)],
    [
      'takes either of two equal headers',
      READ,
      (path) => patchHeaders(path, (header) => header.set(newerHeader(path).subarray(24), 24), [older(path)]),
    ],
    ['refuses a damaged first block', DAMAGED, (path) => damage(path, 1000)],
    [
      'refuses two damaged headers',
      DAMAGED,
      (path) => Object.values(offsetOf).forEach((offset) => damage(path, offset + 3000)),
    ],
    ['refuses a file that is cut short', DAMAGED, (path) => truncateSync(path, statSync(path).size - 1)],
    ['refuses a file that is nearly nothing', DAMAGED, (path) => truncateSync(path, 100)],
    ['refuses what is no container', DAMAGED, (path) => damage(path, 0)],
    ['refuses attributes that are no object', DAMAGED, (path) => patchAttributes(path, '[1]')],
    [
      'refuses two headers of one number that differ',
      DAMAGED,
      (path) => {
        patchHeaders(path, (header) => header.writeUInt32BE(9, At.SEQUENCE_LOW));
        patchHeaders(path, (header) => header.writeUInt32BE(1, At.COMPATIBLE), ['A']);
      },
    ],
    [
      'refuses an impossible block size',
      DAMAGED,
      (path) => patchHeaders(path, (header) => header.writeUInt32BE(520, 144)),
    ],
    [
      'asks for a newer one by an incompatible bit',
      NEWER,
      (path) => patchHeaders(path, (header) => header.writeUInt32BE(8, At.INCOMPATIBLE)),
    ],
    [
      'asks for a newer one although the older header would do',
      NEWER,
      (path) =>
        patchHeaders(path, (h) => h.writeUInt32BE(8, At.INCOMPATIBLE), [older(path) === 'A' ? 'B' : 'A']),
    ],
    [
      'asks for a newer one by the version',
      NEWER,
      (path) => patchHeaders(path, (h) => h.writeUInt32BE(7, At.VERSION)),
    ],
    [
      'asks for a newer one by the role',
      NEWER,
      (path) => patchHeaders(path, (h) => h.writeUInt32BE(3, At.ROLE)),
    ],
  ])('%s', async (_name, exitCode, change) => {
    const path = await newObject();
    change(path);
    const found = await run(path, '--raw', `${path}.img`);
    expect(found.exitCode, found.stderr).toBe(exitCode);
    const ours = await StorageObject.open(path, { readOnly: true }).catch((error: unknown) => error);
    if (!(ours instanceof StorageObject)) {
      const newer = (ours as { code: string }).code === 'CONTAINER_UNSUPPORTED_FEATURE';
      expect(exitCode).toBe(newer ? NEWER : DAMAGED);
      expect(found.stdout).toBe('');
      expect(found.stderr).toMatch(/^cannot be read: .+\n$/);
      return;
    }
    const info = await ours.info();
    await ours.close();
    expect(JSON.parse(found.stdout)).toMatchObject({
      sequence: info.headerSequence,
      attributes: info.attributes,
      dataOffset: info.dataOffset,
    });
    expect(readFileSync(`${path}.img`)[0]).toBe(0x77);
  });
});
