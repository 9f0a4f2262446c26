import assert from 'node:assert/strict';
import type { BlockDevice, Extent } from '../block-device.ts';
import { assertBytes, assertCover, pattern, readBack, type Rules } from './suite.ts';

/** The extents of a whole range, asked for as often as it takes. */
async function allExtents(device: BlockDevice, offset: number, end: number): Promise<Extent[]> {
  const all: Extent[] = [];
  for (let at = offset; at < end;) {
    const extents = await device.extents(at, end - at, { limit: 7 });
    assertCover(device, extents, at, end);
    assert.ok(extents.length > 0 && extents.length <= 7, 'one extent at least, no more than the limit');
    all.push(...extents);
    const last = extents.at(-1) as Extent;
    at = last.offset + last.length;
  }
  return all;
}

/** Zeroing, giving back, and telling what is stored. */
export const sparseRules: Rules = {
  'an unmapped range reads as zeroes and its neighbours stay': async ({ device }) => {
    const { blockSize } = device;
    const bytes = pattern(24 * blockSize, 21);
    await device.write([bytes], 0);
    await device.unmap(3 * blockSize, 17 * blockSize);
    bytes.fill(0, 3 * blockSize, 20 * blockSize);
    assertBytes(await readBack(device, 0, bytes.length), bytes, 'after the unmap');
    await device.write([pattern(blockSize, 22)], 5 * blockSize);
    bytes.set(pattern(blockSize, 22), 5 * blockSize);
    assertBytes(await readBack(device, 0, bytes.length), bytes, 'written again');
  },
  'writeZeroes zeroes, with and without leave to unmap': async ({ device }) => {
    const { blockSize } = device;
    for (const mayUnmap of [false, true]) {
      const bytes = pattern(24 * blockSize, 23);
      await device.write([bytes], blockSize);
      await device.writeZeroes(2 * blockSize, 19 * blockSize, { mayUnmap });
      bytes.fill(0, blockSize, 20 * blockSize);
      assertBytes(await readBack(device, blockSize, bytes.length), bytes, `mayUnmap ${mayUnmap}`);
    }
  },
  'the whole device can be unmapped and zeroed': async ({ device }) => {
    const { blockSize, size } = device;
    for (const zero of [() => device.unmap(0, size), () => device.writeZeroes(0, size, { mayUnmap: true })]) {
      await device.write([pattern(blockSize, 25)], size - blockSize);
      await zero();
      assertBytes(
        await readBack(device, size - blockSize, blockSize),
        new Uint8Array(blockSize),
        'last block',
      );
    }
  },
  'extents cover the question exactly': async ({ device }) => {
    const { blockSize, size } = device;
    await device.write([pattern(2 * blockSize, 27)], 6 * blockSize);
    await device.write([pattern(blockSize, 28)], size - blockSize);
    for (const offset of [0, blockSize, 7 * blockSize]) {
      const extents = await allExtents(device, offset, size);
      const last = extents.at(-1) as Extent;
      assert.equal(last.offset + last.length, size, 'covered to the end');
    }
  },
  'what was written is mapped, and what is a hole reads as zeroes': async ({ device }) => {
    const { blockSize } = device;
    const length = 1 << 20;
    await device.write([pattern(3 * blockSize, 29)], 5 * blockSize);
    await device.write([pattern(blockSize, 30)], 600 * 1024);
    await device.unmap(6 * blockSize, blockSize);
    for (const extent of await allExtents(device, 0, length)) {
      if (extent.state !== 'hole') continue;
      const content = await readBack(device, extent.offset, extent.length);
      assertBytes(content, new Uint8Array(extent.length), `the hole at ${extent.offset}`);
    }
  },
  'extents stop at the limit': async ({ device }) => {
    const extents = await device.extents(0, device.size, { limit: 1 });
    assert.equal(extents.length, 1);
    assertCover(device, extents, 0, device.size);
  },
};
