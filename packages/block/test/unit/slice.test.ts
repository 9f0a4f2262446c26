import { describe, expect, it } from 'vitest';
import { MemoryDevice, slice } from '../../src/index.ts';
import { codeOf, content } from '../support/devices.ts';

describe('a slice with a length of its own', () => {
  it('shows more of its device when it grows, and says so', async () => {
    const device = new MemoryDevice({ size: 8192 });
    await device.write([Buffer.alloc(8192, 7)], 0);
    const part = slice(device, { offset: 512, length: 1024 });
    const sizes: number[] = [];
    part.onResize((size) => sizes.push(size));
    part.grow(2048);
    expect([part.size, ...sizes]).toEqual([2048, 2048]);
    expect(await content(part)).toEqual(Buffer.alloc(2048, 7));
  });

  it.each([
    [512, 'BLOCK_INVALID'],
    [1025, 'BLOCK_INVALID'],
    [8192, 'BLOCK_OUT_OF_RANGE'],
  ])('does not grow to %d bytes', async (length, code) => {
    const part = slice(new MemoryDevice({ size: 8192 }), { offset: 512, length: 1024 });
    expect(
      await codeOf(() => {
        part.grow(length);
      }),
    ).toBe(code);
    expect(part.size).toBe(1024);
  });
});
