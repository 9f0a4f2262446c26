/** CHAP algorithms by the numbers that IANA gave them (PPP authentication algorithms; T-L4). */
export const ChapAlgorithm = { MD5: 5, SHA1: 6, SHA256: 7, SHA3_256: 8 } as const;

/** One of {@link ChapAlgorithm}. */
export type ChapAlgorithm = (typeof ChapAlgorithm)[keyof typeof ChapAlgorithm];

/** Length of an algorithm's digest, which is a CHAP response, in bytes. */
export const CHAP_DIGEST_BYTES: Readonly<Record<ChapAlgorithm, number>> = { 5: 16, 6: 20, 7: 32, 8: 32 };

/** Hashes and random numbers that the engine does not have itself: the shell gives it those of the platform. */
export interface ChapCrypto {
  /** What the platform can compute; a policy of FIPS leaves MD5 out. */
  readonly algorithms: readonly ChapAlgorithm[];
  /** The digest of the parts, one after the other. */
  digest(algorithm: ChapAlgorithm, ...parts: readonly Uint8Array[]): Uint8Array;
  /** Random bytes that nobody can foresee. */
  randomBytes(length: number): Uint8Array;
  /** Compares in a time that does not depend on the contents; false when the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}
