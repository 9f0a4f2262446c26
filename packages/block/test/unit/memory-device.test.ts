import { describe, expect, it } from 'vitest';
import { BlockError, MemoryDevice, slice } from '../../src/index.ts';
import { content } from '../support/devices.ts';

const TEBIBYTE = 2 ** 40;

describe('MemoryDevice', () => {
  it('keeps a terabyte for the price of what was written', async () => {
    const device = new MemoryDevice({ size: TEBIBYTE });
    for (const offset of [0, TEBIBYTE / 2, TEBIBYTE - 512])
      await device.write([new Uint8Array(512).fill(1)], offset);
    expect(device.allocatedBytes).toBe(3 * 64 * 1024);
    const start = performance.now();
    expect(await device.extents(0, TEBIBYTE)).toHaveLength(5);
    await device.unmap(0, TEBIBYTE);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(device.extents(0, TEBIBYTE)).toEqual([{ offset: 0, length: TEBIBYTE, state: 'hole' }]);
    expect(device.allocatedBytes).toBe(0);
  });

  it('keeps its space when it is zeroed without leave to unmap', async () => {
    const device = new MemoryDevice({ size: 1 << 20 });
    await device.write([new Uint8Array(65536).fill(1)], 0);
    await device.writeZeroes(0, 65536);
    expect(device.extents(0, 65536)).toEqual([{ offset: 0, length: 65536, state: 'mapped' }]);
    await device.writeZeroes(0, 65536, { mayUnmap: true });
    expect(device.allocatedBytes).toBe(0);
  });

  it('forgets what lies beyond a smaller size', async () => {
    const device = new MemoryDevice({ size: 4096 });
    await device.write([new Uint8Array(4096).fill(1)], 0);
    device.resize(512);
    device.resize(4096);
    expect((await content(device)).subarray(512).equals(Buffer.alloc(3584))).toBe(true);
  });

  it.each([-512, 100, Number.NaN, Infinity])('refuses a size of %d', (size) => {
    expect(() => new MemoryDevice({ size })).toThrow(BlockError);
  });

  it.each([0, 256, 513, 1000, 131072, Number.NaN])('refuses a block size of %d', (blockSize) => {
    expect(() => new MemoryDevice({ size: 0, blockSize })).toThrow(BlockError);
  });
});

describe('slice', () => {
  it('leaves the device open, and is cut off from it', async () => {
    const device = new MemoryDevice({ size: 4096 });
    const part = slice(device, { offset: 1024, length: 1024 });
    await part.write([new Uint8Array(1024).fill(3)], 0);
    await part.close();
    expect((await content(device, 1024, 1024)).every((byte) => byte === 3)).toBe(true);
  });

  it('can be read-only over a writable device', () => {
    const part = slice(new MemoryDevice({ size: 4096 }), { offset: 0, readOnly: true });
    expect(() => part.write([new Uint8Array(512)], 0)).toThrow(/read-only/);
  });

  it.each([
    { offset: 100 },
    { offset: 8192 },
    { offset: -512 },
    { offset: 4096, length: 512 },
    { offset: 0, length: 100 },
  ])('refuses a part that is none: %o', (options) => {
    expect(() => slice(new MemoryDevice({ size: 4096 }), options)).toThrow(BlockError);
  });
});
