import type { Random } from '../random.ts';

/** The same seed gives the same sequence, on every machine (xoshiro128**). Not for secrets. */
export class SeededRandom implements Random {
  readonly #state = new Uint32Array(4);

  /** @param seed - Any integer; its low 32 bits count. */
  constructor(seed: number) {
    // SplitMix32 spreads neighbouring seeds over unrelated states, as xoshiro's authors advise.
    let mix = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      mix = (mix + 0x9e3779b9) >>> 0;
      let word = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      this.#state[i] = word ^ (word >>> 16);
    }
  }

  uint32(): number {
    const [s0, s1, s2, s3] = this.#state as unknown as [number, number, number, number];
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    this.#state[0] = s0 ^ s3 ^ s1;
    this.#state[1] = s1 ^ s2 ^ s0;
    this.#state[2] = s2 ^ s0 ^ (s1 << 9);
    this.#state[3] = rotateLeft(s3 ^ s1, 11);
    return result;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.uint32() >>> 24;
    return out;
  }
}

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count));
}
