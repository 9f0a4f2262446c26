import { randomBytes } from 'node:crypto';

/** Random numbers, as a seam: the machine's, or a seeded sequence that a test can repeat. */
export interface Random {
  /** An integer from 0 to 2³²−1. */
  uint32(): number;
  /** `length` bytes in a buffer of their own. */
  bytes(length: number): Uint8Array;
}

/** Cryptographically strong, from the operating system. */
export const systemRandom: Random = {
  uint32: () => randomBytes(4).readUInt32LE(0),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

/** An integer from 0 up to, not including, `bound` (at most 2³²). */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor((random.uint32() / 2 ** 32) * bound);
}
