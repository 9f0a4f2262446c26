import { nativeCrc32c } from '#native-crc32c';
import { tableCrc32c } from './table-crc32c.ts';

/** Below this length the call into native code costs more than it saves (measured: `bench/crc32c.ts`). */
const NATIVE_FROM_BYTES = 256;

/**
 * CRC32C (RFC 7143 §13.1) of `bytes`, as an unsigned 32-bit integer. Give the CRC of what came before as
 * `seed` to go on from there: `crc32c(b, crc32c(a))` is the CRC of `a` followed by `b`. Uses
 * `@node-rs/crc32` where it is installed, for longer input.
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  if (nativeCrc32c !== undefined && bytes.length >= NATIVE_FROM_BYTES) return nativeCrc32c(bytes, seed);
  return tableCrc32c(bytes, seed);
}

/**
 * Writes a digest at `offset`, low byte first. RFC 7143 §13.1 describes the mapping by coefficients; its
 * examples (§A.4: 32 bytes of zeroes give `aa 36 91 8a`) settle the byte order.
 */
export function writeDigest(bytes: Uint8Array, offset: number, crc: number): void {
  bytes[offset] = crc;
  bytes[offset + 1] = crc >>> 8;
  bytes[offset + 2] = crc >>> 16;
  bytes[offset + 3] = crc >>> 24;
}

/** Reads the digest at `offset` as an unsigned 32-bit integer, comparable with {@link crc32c}. */
export function readDigest(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>>
    0
  );
}
