import { createHash, getHashes, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ChapAlgorithm, ChapCrypto } from '../auth/chap-crypto.ts';

/** Algorithms by the names that OpenSSL gives them. */
const HASHES: readonly (readonly [ChapAlgorithm, string])[] = [
  [5, 'md5'],
  [6, 'sha1'],
  [7, 'sha256'],
  [8, 'sha3-256'],
];

/** The hashes and random numbers of `node:crypto`, as far as this build and its policy have them. */
export function nodeChapCrypto(): ChapCrypto {
  const available = new Set(getHashes());
  const names = new Map(HASHES.filter(([, name]) => available.has(name)));
  return {
    algorithms: [...names.keys()],
    digest: (algorithm, ...parts) => {
      const hash = createHash(names.get(algorithm) as string);
      for (const part of parts) hash.update(part);
      return hash.digest();
    },
    randomBytes: (length) => randomBytes(length),
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  };
}
