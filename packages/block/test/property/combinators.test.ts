import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { concat, MemoryDevice, mirror, slice, stripe, type BlockDevice } from '../../src/index.ts';
import { content } from '../support/devices.ts';

const BLOCK = 512;

/** Any tree of combinators over memory, at most `depth` deep. */
function tree(depth: number): fc.Arbitrary<BlockDevice> {
  const leaf = fc.integer({ min: 8, max: 40 }).map((blocks) => new MemoryDevice({ size: blocks * BLOCK }));
  if (depth === 0) return leaf;
  const children = fc.array(tree(depth - 1), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    leaf,
    children.map((devices) => concat(devices)),
    children.map((devices) => mirror(devices)),
    fc
      .tuple(children, fc.integer({ min: 1, max: 5 }))
      .map(([devices, blocks]) => stripe(devices, { unitBytes: blocks * BLOCK })),
    fc
      .tuple(tree(depth - 1), fc.integer({ min: 0, max: 7 }))
      .map(([device, blocks]) => slice(device, { offset: Math.min(blocks * BLOCK, device.size) })),
  );
}

const operations = fc.array(
  fc.record({
    kind: fc.constantFrom('write', 'unmap', 'zero'),
    start: fc.nat(),
    count: fc.nat(),
    fill: fc.integer({ min: 1, max: 255 }),
    cut: fc.nat(),
  }),
  { maxLength: 12 },
);

test.prop([tree(3), operations], { numRuns: 300 })(
  'any tree of combinators behaves as one array of bytes, and its holes are zero',
  async (device, list) => {
    const model = Buffer.alloc(device.size);
    const blocks = device.size / BLOCK;
    for (const { kind, start, count, fill, cut } of blocks === 0 ? [] : list) {
      const offset = (start % blocks) * BLOCK;
      const length = (1 + (count % (blocks - offset / BLOCK))) * BLOCK;
      if (kind === 'write') {
        const bytes = Uint8Array.from({ length }, (_, index) => (fill + index) % 251);
        const at = cut % length;
        await device.write([bytes.subarray(0, at), bytes.subarray(at)], offset);
        model.set(bytes, offset);
      } else {
        await (kind === 'unmap' ? device.unmap(offset, length) : device.writeZeroes(offset, length));
        model.fill(0, offset, offset + length);
      }
    }
    expect((await content(device)).equals(model)).toBe(true);
    let end = 0;
    for (const extent of await device.extents(0, device.size, { limit: Infinity })) {
      expect(extent.offset).toBe(end);
      end += extent.length;
      if (extent.state === 'hole')
        expect(model.subarray(extent.offset, end).every((byte) => byte === 0)).toBe(true);
    }
    expect(end).toBe(device.size);
  },
);
