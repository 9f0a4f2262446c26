import { createHash } from 'node:crypto';
import { ChapAlgorithm, type ChapDigest } from '../chap.ts';

const HASHES: Readonly<Record<number, string>> = {
  [ChapAlgorithm.MD5]: 'md5',
  [ChapAlgorithm.SHA1]: 'sha1',
  [ChapAlgorithm.SHA256]: 'sha256',
  [ChapAlgorithm.SHA3_256]: 'sha3-256',
};

/** The hashes of CHAP by `node:crypto`. Throws a RangeError for an unknown algorithm. */
export const chapDigest: ChapDigest = (algorithm, input) => {
  const hash = HASHES[algorithm];
  if (hash === undefined) throw new RangeError(`CHAP algorithm ${algorithm} is unknown`);
  return createHash(hash).update(input).digest();
};
