import { SimulatedDisk, SeededRandom } from '@lunbox/block';
import { copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  readContainerInfo,
  StorageObject,
  type NewProtection,
  type ProtectedParts,
} from '../../src/index.ts';
import { KNOWN_INCOMPATIBLE_FEATURES } from '../../src/header.ts';
import { findProtectionFault } from '../../src/protection-region.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { sampleHeader } from '../support/headers.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const MIB = 2 ** 20;
const AREA_BYTES = 3 * MIB - 4096;
const MARK = 'prepared';

/** Room for protection information, prepared by writing a word, and what it was prepared from. */
function prepared(): { protection: NewProtection; parts: Partial<ProtectedParts> } {
  const parts: { -readonly [Key in keyof ProtectedParts]?: ProtectedParts[Key] } = {};
  const format = async (given: ProtectedParts): Promise<void> => {
    Object.assign(parts, given);
    await given.area.write([Buffer.from(MARK.padEnd(512))], 0);
  };
  return { protection: { areaBytes: AREA_BYTES, format }, parts };
}

async function markIn(object: StorageObject): Promise<string> {
  const block = Buffer.alloc(512);
  await object.protection?.area.read([block], 0);
  return block.toString('latin1').trim();
}

describe('a container with room for protection information', () => {
  it('has it in whole MiB in front of the disk, which stays a raw image, and says so in its features', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const { protection, parts } = prepared();
    const object = await StorageObject.create(path, { sizeBytes: MIB, blockSize: 4096, protection });
    expect(parts.identity).toEqual(object.identity);
    expect([parts.data?.size, parts.data?.blockSize, parts.area?.size]).toEqual([MIB, 4096, 3 * MIB]);
    const info = await object.info();
    expect(info.protection).toEqual({ offset: info.dataOffset - 3 * MIB, lengthBytes: 3 * MIB });
    expect(info.birthIdentity).toBe(info.identity);
    expect(await markIn(object)).toBe(MARK);
    await object.device.write([Buffer.alloc(4096, 0xc3)], 0);
    await object.close();
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(info.dataOffset + MIB);
    expect(bytes.subarray(info.dataOffset, info.dataOffset + 4096)).toEqual(Buffer.alloc(4096, 0xc3));
    expect(bytes.readUInt32BE(65_536 + 48)).toBe(1);
    expect(bytes.toString('latin1', info.protection!.offset, info.protection!.offset + 8)).toBe(MARK);
    // A hole but for the word in it.
    expect(statSync(path).blocks * 512).toBeLessThan(MIB / 2);
  });

  it('lies before a disk that grows, and is closed with it', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const object = await StorageObject.create(path, { sizeBytes: MIB, protection: prepared().protection });
    const before = (await object.info()).protection;
    await object.grow(8 * MIB);
    expect((await object.info()).protection).toEqual(before);
    const { area } = object.protection!;
    await object.close();
    expect(() => area.read([Buffer.alloc(512)], 0)).toThrow(
      expect.objectContaining({ code: 'BLOCK_CLOSED' }),
    );
  });

  it('goes with a copy, under the identity that the original was born with', async () => {
    const directory = tempDirectory();
    const [path, copyPath] = [join(directory, 'disk.lun'), join(directory, 'copy.lun')];
    const original = await StorageObject.create(path, { sizeBytes: MIB, protection: prepared().protection });
    await original.close();
    copyFileSync(path, copyPath);
    const copy = await StorageObject.open(copyPath);
    expect(copy.continuity).toBe('foreign');
    expect(copy.protection?.identity).toEqual(original.identity);
    expect(copy.identity).not.toEqual(original.identity);
    expect(await markIn(copy)).toBe(MARK);
    await copy.close();
  });

  it('is written by nobody who reads only', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    await (await StorageObject.create(path, { sizeBytes: MIB, protection: prepared().protection })).close();
    const object = await StorageObject.open(path, { readOnly: true });
    expect(object.protection?.area.readOnly).toBe(true);
    expect(await markIn(object)).toBe(MARK);
    await object.close();
  });

  it('is no container at all when it cannot be prepared, or does not fit', async () => {
    const path = join(tempDirectory(), 'disk.lun');
    const format = (): Promise<void> => Promise.reject(new Error('no'));
    const failing = StorageObject.create(path, { sizeBytes: MIB, protection: { areaBytes: MIB, format } });
    await expect(failing).rejects.toThrow('no');
    const huge = { areaBytes: 2 ** 53 - MIB, format };
    await expect(StorageObject.create(path, { sizeBytes: MIB, protection: huge })).rejects.toMatchObject({
      code: 'CONTAINER_BAD_SIZE',
    });
    await expect(readContainerInfo(path)).rejects.toMatchObject({ code: 'CONTAINER_NOT_FOUND' });
  });

  it('is there and prepared, or not there, at whatever change the power goes while it is made', async () => {
    const create = (disk: SimulatedDisk, random: SeededRandom): Promise<StorageObject> =>
      StorageObject.create('/disk.lun', {
        disk,
        random,
        processes: new FakeProcesses({ pid: 1 }),
        sizeBytes: MIB,
        protection: prepared().protection,
      });
    const counted = new SimulatedDisk();
    await create(counted, new SeededRandom(0));
    const outcomes = new Set<string>();
    for (let stopAt = 0; stopAt <= counted.faults.changes; stopAt++) {
      for (let seed = 0; seed < 8; seed++) {
        const disk = new SimulatedDisk();
        disk.faults.haltAfter(stopAt);
        await create(disk, new SeededRandom(seed)).catch(() => undefined);
        disk.crash(seed * 1000 + stopAt);
        const processes = new FakeProcesses({ pid: 2 });
        const object = await StorageObject.open('/disk.lun', { disk, processes }).catch(
          (error: unknown) => (error as { code: string }).code,
        );
        const outcome = typeof object === 'string' ? object : await markIn(object);
        outcomes.add(outcome);
        expect(['CONTAINER_NOT_FOUND', MARK], `seed ${seed}, change ${stopAt}`).toContain(outcome);
      }
    }
    expect(outcomes.size).toBe(2);
  });
});

it('a container without it has no such bit, and protects nothing', async () => {
  const path = join(tempDirectory(), 'disk.lun');
  const object = await StorageObject.create(path, { sizeBytes: MIB });
  expect([object.protection, (await object.info()).protection]).toEqual([undefined, undefined]);
  await object.close();
  expect(readFileSync(path).readUInt32BE(65_536 + 48)).toBe(0);
});

describe('the place of protection information in a header', () => {
  const features = { incompatible: KNOWN_INCOMPATIBLE_FEATURES, compatible: 0, autoclear: 0 };
  const region = { type: 3, flags: 0, offset: 0x10_0000, lengthBytes: 0x80_0000 };

  it.each<[string, Parameters<typeof sampleHeader>[0], RegExp | undefined]>([
    ['right', { features, regions: [region] }, undefined],
    ['nowhere', { features, regions: [] }, /0 places/],
    ['in two places', { features, regions: [region, region] }, /2 places/],
    ['before the maps', { features, regions: [{ ...region, offset: 0x8_0000 }] }, /at 524288/],
    [
      'reaching into the disk',
      { features, regions: [{ ...region, lengthBytes: 0x80_0200 }] },
      /8389120 bytes/,
    ],
    ['empty', { features, regions: [{ ...region, lengthBytes: 0 }] }, /0 bytes/],
    ['not in whole blocks', { features, regions: [{ ...region, offset: 0x10_0001 }] }, /at 1048577/],
    ['of no meaning without the bit', { regions: [{ ...region, lengthBytes: 0 }] }, undefined],
  ])('that is %s', (_name, change, fault) => {
    const found = findProtectionFault(sampleHeader(change));
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(fault);
  });
});
