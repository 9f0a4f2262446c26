import { describe, expect, it } from 'vitest';
import { BlockError, mirror } from '../../src/index.ts';
import { codeOf, content, MoodyDevice, turns } from '../support/devices.ts';

const SIZE = 64 * 1024;
const broken = new BlockError('BLOCK_IO', 'broken');
const block = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);
const leg = (): MoodyDevice => new MoodyDevice({ size: SIZE });

describe('mirror', () => {
  it('gives overlapping writes to every leg in one order', async () => {
    const legs = [leg(), leg()];
    for (const each of legs) each.slow = true;
    const device = mirror(legs);
    await Promise.all([1, 2, 3, 4, 5].map(async (fill) => device.write([block(fill), block(fill)], 512)));
    for (const each of legs) each.slow = false;
    expect(await content(legs[0]!)).toEqual(await content(legs[1]!));
    expect((await content(device))[512]).toBe(5);
  });

  it('answers a read from the next leg when the first fails, and keeps the first', async () => {
    const legs = [leg(), leg()];
    const device = mirror(legs);
    await device.write([block(7)], 0);
    legs[0]!.failure = broken;
    expect((await content(device, 0, 512))[0]).toBe(7);
    expect(device.failedLegs).toEqual([]);
  });

  it('drops a leg that missed a write, and notes it before the write is acknowledged', async () => {
    const legs = [leg(), leg()];
    let note = (): void => undefined;
    const noted: number[] = [];
    const device = mirror(legs, {
      onLegFailed: (index) => {
        noted.push(index);
        return new Promise((resolve) => (note = resolve));
      },
    });
    legs[0]!.failure = broken;
    let acknowledged = false;
    const write = Promise.resolve(device.write([block(9)], 0)).then(() => (acknowledged = true));
    await turns(3);
    expect(noted).toEqual([0]);
    expect(acknowledged).toBe(false);
    note();
    await write;
    legs[0]!.failure = undefined;
    expect((await content(device, 0, 512))[0]).toBe(9);
    expect(device.failedLegs).toEqual([0]);
  });

  it('acknowledges no change any more when the note cannot be made', async () => {
    const legs = [leg(), leg()];
    const device = mirror(legs, { onLegFailed: () => Promise.reject(broken) });
    legs[1]!.failure = broken;
    expect(await codeOf(() => device.write([block(1)], 0))).toBe('BLOCK_IO');
    expect(await codeOf(() => device.write([block(1)], 512))).toBe('BLOCK_IO');
  });

  it('fails a change that fails on every leg, and keeps the legs', async () => {
    const legs = [leg(), leg()];
    const device = mirror(legs);
    for (const each of legs) each.failure = broken;
    expect(await codeOf(() => device.write([block(1)], 0))).toBe('BLOCK_IO');
    expect(await codeOf(() => device.flush())).toBe('BLOCK_IO');
    for (const each of legs) each.failure = undefined;
    expect(await codeOf(() => device.write([block(1)], 0))).toBeUndefined();
    expect(device.failedLegs).toEqual([]);
  });

  it('refuses an empty list', () => {
    expect(() => mirror([])).toThrow(BlockError);
  });
});
