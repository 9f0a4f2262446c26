import { zeroBuffer, ZERO_BUFFER_LENGTH, type DiskFile } from '@lunbox/block';
import { createHash, type Hash } from 'node:crypto';
import type { Pace } from './pace.ts';

/** SHA-256 of several things that have bytes in common, which are hashed as they come by. */
export class Digests {
  readonly #hashes: readonly Hash[];

  constructor(count: number) {
    this.#hashes = Array.from({ length: count }, () => createHash('sha256'));
  }

  /** The next bytes of all of them. */
  update(bytes: Uint8Array): void {
    for (const hash of this.#hashes) hash.update(bytes);
  }

  /** The next bytes of all of them are zeroes. */
  async updateZeroes(lengthBytes: number, pace: Pace): Promise<void> {
    for (let left = lengthBytes; left > 0; left -= ZERO_BUFFER_LENGTH) {
      this.update(zeroBuffer.subarray(0, Math.min(left, ZERO_BUFFER_LENGTH)));
      await pace.step(0);
    }
  }

  /** The first one alone has the start of a file before the bytes of all. */
  async updateFirst(file: DiskFile, lengthBytes: number): Promise<void> {
    const buffer = new Uint8Array(ZERO_BUFFER_LENGTH);
    for (let at = 0; at < lengthBytes; at += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, lengthBytes - at));
      await file.read([piece], at);
      this.#hashes[0]?.update(piece);
    }
  }

  /** Hexadecimal, in their order. */
  finish(): string[] {
    return this.#hashes.map((hash) => hash.digest('hex'));
  }
}
