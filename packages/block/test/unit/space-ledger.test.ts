import { describe, expect, it } from 'vitest';
import { BlockError, MemoryDevice, SpaceLedger, type SpaceAllowance } from '../../src/index.ts';

/** What memory allocates at once. */
const CHUNK = 65_536;
const SIZE = 64 * CHUNK;

/** A device, and users of it by their limits. */
function scene(...limits: number[]): { device: MemoryDevice; users: SpaceAllowance[]; ledger: SpaceLedger } {
  const device = new MemoryDevice({ size: SIZE });
  const ledger = new SpaceLedger(device, () => device.allocatedBytes, CHUNK);
  return { device, ledger, users: limits.map((limit) => ledger.allowance(limit)) };
}

/** Writes as far as the allowance reaches; answers what was set aside for it. */
async function write(
  device: MemoryDevice,
  user: SpaceAllowance,
  offset: number,
  length: number,
): Promise<number> {
  const reserved = await user.reserve(offset, length);
  await device.write([new Uint8Array(length).fill(1)], offset);
  user.release(reserved);
  return reserved;
}

const noSpace = { name: 'BlockError', code: 'BLOCK_NO_SPACE' };

describe('an allowance of space', () => {
  it('reaches to its limit to the byte, and overwriting goes on there', async () => {
    const { device, users } = scene(2 * CHUNK);
    const user = users[0]!;
    expect(await write(device, user, 0, 512)).toBe(CHUNK);
    expect(await user.availableBytes()).toBe(CHUNK);
    expect(await write(device, user, 512, CHUNK)).toBe(CHUNK);
    await expect(user.reserve(2 * CHUNK, 512)).rejects.toMatchObject(noSpace);
    await expect(user.reserve(CHUNK, CHUNK + 512)).rejects.toMatchObject(noSpace);
    expect(await write(device, user, 0, 2 * CHUNK)).toBe(0);
    expect(await user.availableBytes()).toBe(0);
  });

  it('counts what others have taken, and comes back when space is given back', async () => {
    const { device, users } = scene(2 * CHUNK, 4 * CHUNK);
    const [small, large] = users as [SpaceAllowance, SpaceAllowance];
    await write(device, large, 0, 2 * CHUNK);
    await expect(small.reserve(2 * CHUNK, 512)).rejects.toMatchObject(noSpace);
    await write(device, large, 2 * CHUNK, 2 * CHUNK);
    await expect(large.reserve(4 * CHUNK, 512)).rejects.toMatchObject(noSpace);
    await device.unmap(0, 3 * CHUNK);
    expect(await write(device, small, 0, 512)).toBe(CHUNK);
  });

  it('is not passed by writes that are under way together', async () => {
    const { users } = scene(3 * CHUNK, 2 * CHUNK);
    const [large, small] = users as [SpaceAllowance, SpaceAllowance];
    const asked = [0, 1, 2, 3, 4].map((at) => large.reserve(at * CHUNK, 512));
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    await expect(small.reserve(9 * CHUNK, 512)).rejects.toMatchObject(noSpace);
    expect(await large.availableBytes()).toBe(0);
    // One that came to nothing leaves its space to others.
    large.release(CHUNK);
    expect(await large.reserve(5 * CHUNK, 512)).toBe(CHUNK);
  });

  it('of nothing takes no new space at all', async () => {
    const { users } = scene(0);
    await expect(users[0]!.reserve(0, 512)).rejects.toMatchObject(noSpace);
    expect(await users[0]!.reserve(0, 0)).toBe(0);
  });

  it('fails as looking at the device does, and works again afterwards', async () => {
    const device = new MemoryDevice({ size: SIZE });
    let broken = true;
    const used = (): number => {
      if (broken) throw new BlockError('BLOCK_IO', 'no answer');
      return device.allocatedBytes;
    };
    const user = new SpaceLedger(device, used, CHUNK).allowance(CHUNK);
    await expect(user.reserve(0, 512)).rejects.toMatchObject({ code: 'BLOCK_IO' });
    broken = false;
    expect(await user.reserve(0, 512)).toBe(CHUNK);
  });

  it('sees what a write took that ended while the answer was on its way', async () => {
    const device = new MemoryDevice({ size: SIZE });
    let answer: (bytes: number) => void = () => undefined;
    let asked: () => void = () => undefined;
    const asks = (): Promise<void> => new Promise((resolve) => (asked = resolve));
    const used = (): Promise<number> => {
      asked();
      return new Promise((resolve) => (answer = resolve));
    };
    const user = new SpaceLedger(device, used, CHUNK).allowance(CHUNK);
    let isAsked = asks();
    const first = user.reserve(0, 512);
    await isAsked;
    answer(0);
    const reserved = await first;
    isAsked = asks();
    const second = user.reserve(CHUNK, 512);
    const refused = expect(second).rejects.toMatchObject(noSpace);
    await isAsked;
    const before = device.allocatedBytes;
    await device.write([new Uint8Array(512)], 0);
    user.release(reserved);
    answer(before);
    await refused;
  });
});
