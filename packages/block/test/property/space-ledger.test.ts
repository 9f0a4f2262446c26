import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { MemoryDevice, SpaceLedger, type BlockError } from '../../src/index.ts';

const CHUNK = 65_536;
const CHUNKS = 12;

const step = fc.record({
  user: fc.nat(2),
  at: fc.nat(CHUNKS * 2 - 1),
  halves: fc.integer({ min: 1, max: 6 }),
  kind: fc.constantFrom('write', 'write', 'write', 'unmap'),
});

test.prop([
  fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { maxLength: 25 }),
  fc.array(fc.nat(CHUNKS), { minLength: 3, maxLength: 3 }),
])('no user fills a device beyond their quota, however many write at once', async (rounds, quotas) => {
  const device = new MemoryDevice({ size: CHUNKS * CHUNK });
  const ledger = new SpaceLedger(device, async () => device.allocatedBytes, CHUNK);
  const users = quotas.map((chunks) => ledger.allowance(chunks * CHUNK));
  /** Values of the halves of the chunks. */
  const model = new Uint8Array(CHUNKS * 2);
  let value = 0;
  for (const round of rounds) {
    const before = device.allocatedBytes;
    let largest = 0;
    const work = round.map(async ({ user, at, halves, kind }) => {
      const count = Math.min(halves, model.length - at);
      const [offset, length] = [(at * CHUNK) / 2, (count * CHUNK) / 2];
      // Unmapping goes between the rounds: a race of both is told apart in the documentation.
      if (kind === 'unmap') return;
      value = (value % 255) + 1;
      const byte = value;
      const reserved = await users[user]!.reserve(offset, length).catch((error: BlockError) => error.code);
      if (typeof reserved === 'string') {
        expect(reserved).toBe('BLOCK_NO_SPACE');
        return;
      }
      await device.write([new Uint8Array(length).fill(byte)], offset);
      model.fill(byte, at, at + count);
      users[user]!.release(reserved);
      if (reserved > 0) largest = Math.max(largest, users[user]!.limitBytes);
    });
    await Promise.all(work);
    expect(device.allocatedBytes).toBeLessThanOrEqual(Math.max(before, largest));
    for (const { kind, at } of round) {
      if (kind !== 'unmap') continue;
      await device.unmap(Math.floor(at / 2) * CHUNK, CHUNK);
      model.fill(0, Math.floor(at / 2) * 2, Math.floor(at / 2) * 2 + 2);
    }
    for (const [half, expected] of model.entries()) {
      const found = new Uint8Array(512);
      await device.read([found], (half * CHUNK) / 2);
      expect(found.every((byte) => byte === expected)).toBe(true);
    }
  }
});
