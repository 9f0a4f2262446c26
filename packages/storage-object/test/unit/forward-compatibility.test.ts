import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkContainer, readContainerInfo, repairContainer, StorageObject } from '../../src/index.ts';
import {
  At,
  headerBytes,
  newerAttributes,
  newerHeader,
  patchAttributes,
  patchHeaders,
} from '../support/patched-header.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const SIZE = 2 ** 20;
/** Reserved bytes of a header, by the specification: from, up to. */
const RESERVED = [
  [44, 48],
  [280, 1024],
  [1536, 4096],
] as const;

async function newObject(): Promise<string> {
  const path = join(tempDirectory(), 'disk.lun');
  await (await StorageObject.create(path, { sizeBytes: SIZE, attributes: { name: 'old' } })).close();
  return path;
}

/** Every kind of header update that a life has: open, attribute change, grow, close. */
async function live(path: string): Promise<void> {
  const object = await StorageObject.open(path);
  await object.updateAttributes({ name: 'new' });
  await object.device.write([Buffer.alloc(512, 0xab)], 0);
  await object.grow(2 * SIZE);
  await object.close();
}

/** A stable pattern that is zero nowhere. */
const patterned = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => 1 + (at % 251)));

describe('a container that later software has written, opened, changed, grown and closed', () => {
  it('keeps its reserved bytes, in both headers and everywhere else in front of the disk', async () => {
    const path = await newObject();
    const file = readFileSync(path);
    const identity = file.subarray(0, 4096);
    identity.set(patterned(4), 20);
    identity.set(patterned(464), 48);
    identity.set(patterned(3328), 768);
    identity.writeUInt32BE(0, 16);
    identity.writeUInt32BE(crc32(identity), 16);
    file.set(patterned(640 << 10), 384 << 10);
    const before = Buffer.from(file.subarray(0, 4096));
    writeFileSync(path, file);
    patchHeaders(path, (header) => {
      for (const [start, end] of RESERVED) header.set(patterned(end - start), start);
    });
    await live(path);
    const after = readFileSync(path);
    expect(after.subarray(0, 4096).equals(before)).toBe(true);
    expect(after.subarray(384 << 10, 1 << 20).equals(patterned(640 << 10))).toBe(true);
    for (const slot of ['A', 'B'] as const) {
      for (const [start, end] of RESERVED) {
        expect(
          headerBytes(path, slot)
            .subarray(start, end)
            .equals(patterned(end - start)),
        ).toBe(true);
      }
    }
    expect((await readContainerInfo(path)).attributes.name).toBe('new');
  });

  it('keeps compatible bits, and loses autoclear bits when it is opened for writing only', async () => {
    const path = await newObject();
    patchHeaders(path, (header) => {
      header.writeUInt32BE(0xdead_beef, At.COMPATIBLE);
      header.writeUInt32BE(0x8000_0001, At.AUTOCLEAR);
    });
    await (await StorageObject.open(path, { readOnly: true })).close();
    expect(newerHeader(path).readUInt32BE(At.AUTOCLEAR)).toBe(0x8000_0001);
    const object = await StorageObject.open(path);
    expect(newerHeader(path).readUInt32BE(At.AUTOCLEAR)).toBe(0);
    await object.close();
    await live(path);
    for (const slot of ['A', 'B'] as const) {
      expect(headerBytes(path, slot).readUInt32BE(At.COMPATIBLE)).toBe(0xdead_beef);
      expect(headerBytes(path, slot).readUInt32BE(At.AUTOCLEAR)).toBe(0);
    }
  });

  it('keeps regions of unknown types, and flags and reserved bytes of known ones', async () => {
    const path = await newObject();
    const entry = Buffer.from('000000638000000100000000000700000000000000001000', 'hex');
    const unknown = Buffer.concat([entry, patterned(8)]);
    let known = Buffer.alloc(0);
    patchHeaders(path, (header) => {
      header.writeUInt32BE(0x55, At.REGIONS + 4);
      header.set(patterned(8), At.REGIONS + 24);
      header.set(unknown, At.REGIONS + 64);
      // Behind the entries that count, too, nothing is touched.
      header.set(unknown, At.REGIONS + 15 * 32);
      header.writeUInt32BE(3, At.REGION_COUNT);
      known = Buffer.from(header.subarray(At.REGIONS, At.REGIONS + 64));
    });
    await live(path);
    for (const slot of ['A', 'B'] as const) {
      const header = headerBytes(path, slot);
      expect(header.readUInt32BE(At.REGION_COUNT)).toBe(3);
      expect(header.subarray(At.REGIONS, At.REGIONS + 64).equals(known)).toBe(true);
      expect(header.subarray(At.REGIONS + 64, At.REGIONS + 96).equals(unknown)).toBe(true);
      expect(header.subarray(At.REGIONS + 15 * 32, At.REGIONS + 16 * 32).equals(unknown)).toBe(true);
    }
  });

  it('keeps attributes that nobody knows, nested and oddly named ones too', async () => {
    const path = await newObject();
    const later =
      '{"x-later":[1,{"a":null,"b":1.5e300}],"":"","__proto__":{"toString":1},"Größe":"ü","name":"old"}';
    patchAttributes(path, later);
    await live(path);
    const expected = later.replace('"name":"old"', '"name":"new"').replace('1.5e300', '1.5e+300');
    expect(newerAttributes(path)).toBe(expected);
    const object = await StorageObject.open(path);
    await object.updateAttributes({ 'x-later': 'mine' });
    await object.close();
    expect(JSON.parse(newerAttributes(path))).toEqual(JSON.parse(expected.replace(/\[1.*?\]/, '"mine"')));
  });
});

describe('a container that asks for newer software', () => {
  it.each([
    ['an unknown incompatible bit', At.INCOMPATIBLE, 0x8000_0000, 0x8000_0000],
    ['a known incompatible bit and an unknown one', At.INCOMPATIBLE, 9, 8],
    ['another format version', At.VERSION, 2, 0],
    ['another role', At.ROLE, 3, 0],
  ])('by %s is refused by everything, and not changed', async (_name, at, value, unknownFeatures) => {
    const path = await newObject();
    patchHeaders(path, (header) => header.writeUInt32BE(value, at));
    const before = readFileSync(path);
    const refused = { code: 'CONTAINER_UNSUPPORTED_FEATURE', data: { unknownFeatures } };
    await expect(StorageObject.open(path)).rejects.toMatchObject(refused);
    await expect(StorageObject.open(path, { readOnly: true })).rejects.toMatchObject(refused);
    await expect(readContainerInfo(path)).rejects.toMatchObject(refused);
    const { findings } = await checkContainer(path);
    expect(findings.map(({ code }) => code)).toContain('NEWER_FORMAT');
    await repairContainer(path, { apply: true }).catch(() => undefined);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('is refused although its older header is readable, for that one is out of date', async () => {
    const path = await newObject();
    const isNewerA = newerHeader(path).equals(headerBytes(path, 'A'));
    patchHeaders(path, (header) => header.writeUInt32BE(8, At.INCOMPATIBLE), [isNewerA ? 'A' : 'B']);
    await expect(StorageObject.open(path)).rejects.toMatchObject({ code: 'CONTAINER_UNSUPPORTED_FEATURE' });
  });

  it('is opened when only the older header asks for it, which the next update overwrites', async () => {
    const path = await newObject();
    const isNewerA = newerHeader(path).equals(headerBytes(path, 'A'));
    patchHeaders(path, (header) => header.writeUInt32BE(8, At.INCOMPATIBLE), [isNewerA ? 'B' : 'A']);
    await live(path);
    expect(headerBytes(path, 'A').readUInt32BE(At.INCOMPATIBLE)).toBe(0);
    expect(headerBytes(path, 'B').readUInt32BE(At.INCOMPATIBLE)).toBe(0);
  });
});
