import { realDisk, type DiskFile } from '@lunbox/block';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HEADER_SLOTS } from '../../src/format.ts';
import { encodeHeader, type ContainerHeader } from '../../src/header.ts';
import { readCurrentHeader, writeNextHeader } from '../../src/twin-headers.ts';
import { sampleHeader } from '../support/headers.ts';
import { tempDirectory } from '../support/temp-directory.ts';

/** A file with these two headers; null leaves the slot empty. */
async function fileWith(
  a: Partial<ContainerHeader> | null,
  b: Partial<ContainerHeader> | null,
): Promise<DiskFile> {
  const file = await realDisk.open(join(tempDirectory(), 'disk.lun'), 'create');
  onTestFinished(() => file.close());
  await file.truncate(0x1_4090_0000);
  if (a) await file.write([encodeHeader(sampleHeader(a), 'A')], HEADER_SLOTS.A.offset);
  if (b) await file.write([encodeHeader(sampleHeader(b), 'B')], HEADER_SLOTS.B.offset);
  return file;
}

describe('the current header', () => {
  it.each([
    ['A', 9, 8],
    ['B', 8, 9],
  ])('is %s when the numbers are %d and %d', async (slot, a, b) => {
    const file = await fileWith({ sequence: a }, { sequence: b });
    expect(await readCurrentHeader(file)).toMatchObject({ slot, header: { sequence: 9 } });
  });

  it('is the sound one when the other is damaged, whatever its number', async () => {
    expect(await readCurrentHeader(await fileWith({ sequence: 3 }, null))).toMatchObject({ slot: 'A' });
    expect(await readCurrentHeader(await fileWith(null, { sequence: 3 }))).toMatchObject({ slot: 'B' });
  });

  it('does not exist when both are damaged', async () => {
    await expect(readCurrentHeader(await fileWith(null, null))).rejects.toMatchObject({
      code: 'CONTAINER_CORRUPT',
    });
  });

  it('cannot be told when equal numbers stand over different content', async () => {
    const file = await fileWith({ sequence: 5 }, { sequence: 5, capacityBytes: 4096 });
    await expect(readCurrentHeader(file)).rejects.toMatchObject({ code: 'CONTAINER_CORRUPT' });
    expect(await readCurrentHeader(await fileWith({ sequence: 5 }, { sequence: 5 }))).toBeDefined();
  });

  it('is not passed over when a newer version wrote it', async () => {
    const features = { incompatible: 0x10, compatible: 0, autoclear: 0 };
    await expect(
      readCurrentHeader(await fileWith({ sequence: 4 }, { sequence: 5, features })),
    ).rejects.toMatchObject({
      code: 'CONTAINER_UNSUPPORTED_FEATURE',
      data: { unknownFeatures: 0x10 },
    });
    expect(await readCurrentHeader(await fileWith({ sequence: 6 }, { sequence: 5, features }))).toBeDefined();
  });

  it.each<[string, Partial<ContainerHeader>]>([
    ['a block size of 513', { blockSize: 513 }],
    ['a block size of 0', { blockSize: 0 }],
    ['a data offset inside the headers', { dataOffset: 65_536 }],
    ['a data offset between megabytes', { dataOffset: 2 ** 20 + 4096 }],
    ['no capacity', { capacityBytes: 0 }],
    ['a capacity that is not in whole blocks', { capacityBytes: 4097 }],
    ['a capacity beyond every file', { capacityBytes: 2 ** 62 }],
    ['a capacity beyond this file', { capacityBytes: 2 ** 40 }],
  ])('is refused with %s', async (_name, change) => {
    await expect(readCurrentHeader(await fileWith(change, null))).rejects.toMatchObject({
      code: 'CONTAINER_CORRUPT',
    });
  });
});

describe('the next header', () => {
  it('goes over the older copy and leaves the current one alone', async () => {
    const file = await fileWith({ sequence: 9 }, { sequence: 8 });
    const next = await writeNextHeader(file, await readCurrentHeader(file), { capacityBytes: 8192 });
    expect(next).toMatchObject({ slot: 'B', header: { sequence: 10, capacityBytes: 8192 } });
    expect(await readCurrentHeader(file)).toMatchObject({ slot: 'B', header: { sequence: 10 } });
    const before = Buffer.alloc(8192);
    await file.read([before], HEADER_SLOTS.A.offset);
    expect(before.equals(encodeHeader(sampleHeader({ sequence: 9 }), 'A'))).toBe(true);
  });

  it('goes over a damaged copy', async () => {
    const file = await fileWith(null, { sequence: 8 });
    expect(await writeNextHeader(file, await readCurrentHeader(file), {})).toMatchObject({ slot: 'A' });
  });
});
