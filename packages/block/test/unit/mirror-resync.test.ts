import { describe, expect, it } from 'vitest';
import { BlockError, MemoryDevice, mirror, SeededRandom, randomBelow } from '../../src/index.ts';
import type { MirrorDevice, MirrorLegState } from '../../src/index.ts';
import { codeOf, content, MoodyDevice, turns } from '../support/devices.ts';

const SIZE = 4 << 20;
const broken = new BlockError('BLOCK_IO', 'broken');
const block = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);
const leg = (): MoodyDevice => new MoodyDevice({ size: SIZE });

/** A mirror of two, whose first leg has missed a write. */
async function degraded(): Promise<{ device: MirrorDevice; legs: MoodyDevice[]; notes: string[] }> {
  const legs = [leg(), leg()];
  const notes: string[] = [];
  const device: MirrorDevice = mirror(legs, {
    onLegFailed: () => void notes.push(device.legStates.join()),
    onLegSynced: () => void notes.push(device.legStates.join()),
  });
  await device.write([block(1)], 3 << 20);
  legs[0]!.failure = broken;
  await device.write([block(2)], 0);
  legs[0]!.failure = undefined;
  return { device, legs, notes };
}

describe('a resync', () => {
  it('makes a leg equal again, notes it, and reads from it', async () => {
    const { device, legs, notes } = await degraded();
    expect(notes).toEqual(['stale,in-sync']);
    expect((await content(legs[0]!, 0, 512))[0]).toBe(0);
    const progress: number[] = [];
    await device.resync(0, { onProgress: (done) => progress.push(done) });
    expect(notes).toEqual(['stale,in-sync', 'in-sync,in-sync']);
    expect((await content(legs[0]!)).equals(await content(legs[1]!))).toBe(true);
    expect(progress.at(-1)).toBe(SIZE);
    expect(device.failedLegs).toEqual([]);
    legs[1]!.failure = broken;
    expect((await content(device, 0, 512))[0]).toBe(2);
  });

  it('keeps holes, and makes some where the source has zeroes', async () => {
    const { device, legs } = await degraded();
    await device.unmap(3 << 20, 512);
    await device.resync(0);
    const mapped = async (one: MemoryDevice): Promise<number> =>
      (await one.extents(0, SIZE)).filter(({ state }) => state === 'mapped').length;
    expect(await mapped(legs[0]!)).toBe(1);
    expect((await content(legs[0]!)).equals(await content(legs[1]!))).toBe(true);
  });

  it('goes on under writes, and both legs end alike', async () => {
    const { device, legs } = await degraded();
    for (const each of legs) each.slow = true;
    const random = new SeededRandom(7);
    let over = false;
    const resync = device.resync(0, { pace: () => turns(1) }).then(() => (over = true));
    for (let fill = 1; !over; fill++) {
      const count = 1 + randomBelow(random, 8);
      const offset = randomBelow(random, SIZE / 512 - count) * 512;
      await device.write([new Uint8Array(512 * count).fill(1 + (fill % 250))], offset);
    }
    await resync;
    for (const each of legs) each.slow = false;
    expect(device.legStates).toEqual(['in-sync', 'in-sync']);
    expect((await content(legs[0]!)).equals(await content(legs[1]!))).toBe(true);
  });

  it('ends when the leg fails again, and can be begun again', async () => {
    const { device, legs } = await degraded();
    legs[0]!.failure = broken;
    expect(await codeOf(() => device.resync(0))).toBe('BLOCK_IO');
    expect(device.legStates).toEqual(['stale', 'in-sync']);
    legs[0]!.failure = undefined;
    await device.resync(0);
    expect(device.legStates).toEqual(['in-sync', 'in-sync']);
  });

  it('does not use a leg whose return cannot be noted', async () => {
    const legs = [leg(), leg()];
    const device = mirror(legs, {
      legStates: ['stale', 'in-sync'],
      onLegSynced: () => Promise.reject(broken),
    });
    expect(await codeOf(() => device.resync(0))).toBe('BLOCK_IO');
    expect(device.legStates).toEqual(['stale', 'in-sync']);
    expect(device.failedLegs).toEqual([0]);
  });

  it('begins again when a write failed on all legs that were in sync: what it left behind is unknown', async () => {
    const { device, legs } = await degraded();
    const resync = codeOf(() => device.resync(0, { pace: () => turns(2) }));
    await turns(1);
    legs[1]!.failure = broken;
    expect(await codeOf(() => device.write([block(9)], 512))).toBe('BLOCK_IO');
    legs[1]!.failure = undefined;
    expect(await resync).toBe('BLOCK_IO');
    expect(device.legStates).toEqual(['stale', 'in-sync']);
  });

  it('stops when the mirror is closed', async () => {
    const { device } = await degraded();
    const resync = codeOf(() => device.resync(0, { pace: () => turns(1) }));
    await device.close();
    expect(await resync).toBe('BLOCK_CLOSED');
  });
});

describe('a leg after an unclean stop', () => {
  const unclean = (): { device: MirrorDevice; legs: MoodyDevice[]; notes: string[] } => {
    const legs = [leg(), leg(), leg()];
    const notes: string[] = [];
    const legStates: MirrorLegState[] = ['in-sync', 'unsynced', 'unsynced'];
    const note = (): void => void notes.push(device.legStates.join());
    const device: MirrorDevice = mirror(legs, { legStates, onLegFailed: note, onLegSynced: note });
    return { device, legs, notes };
  };

  it('gets every write, and is read only when no other can be', async () => {
    const { device, legs } = unclean();
    await legs[1]!.write([block(8)], 0);
    expect((await content(device, 0, 512))[0]).toBe(0);
    await device.write([block(5)], 512);
    expect((await content(legs[1]!, 512, 512))[0]).toBe(5);
    legs[0]!.failure = broken;
    expect((await content(device, 0, 512))[0]).toBe(8);
  });

  it('says what is right when the last leg in sync fails', async () => {
    const { device, legs, notes } = unclean();
    legs[0]!.failure = broken;
    await device.write([block(5)], 512);
    expect(device.legStates).toEqual(['stale', 'in-sync', 'unsynced']);
    expect(notes).toEqual(['stale,in-sync,unsynced']);
  });

  it('is made equal to the first', async () => {
    const { device, legs } = unclean();
    await legs[1]!.write([block(8)], 0);
    await device.resync(1);
    expect((await content(legs[1]!, 0, 512))[0]).toBe(0);
    expect(device.legStates).toEqual(['in-sync', 'in-sync', 'unsynced']);
  });
});

describe('another device in the place of a leg', () => {
  it('is taken for a stale leg only, and only when it fits', async () => {
    const { device, legs } = await degraded();
    expect(await codeOf(() => device.replaceLeg(1, leg()))).toBe('BLOCK_BUSY');
    expect(await codeOf(() => device.replaceLeg(0, new MemoryDevice({ size: 512 })))).toBe('BLOCK_INVALID');
    const fresh = leg();
    expect(device.replaceLeg(0, fresh)).toBe(legs[0]);
    await device.resync(0);
    expect((await content(fresh)).equals(await content(legs[1]!))).toBe(true);
  });

  it('needs one leg in sync', () => {
    expect(() => mirror([leg()], { legStates: ['stale'] })).toThrow(BlockError);
  });
});
