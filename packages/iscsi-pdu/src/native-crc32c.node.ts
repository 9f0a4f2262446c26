import { createRequire } from 'node:module';

/**
 * CRC32C of the optional dependency `@node-rs/crc32`, or undefined where it has no build for this platform.
 */
export const nativeCrc32c: ((bytes: Uint8Array, seed: number) => number) | undefined = load();

function load(): ((bytes: Uint8Array, seed: number) => number) | undefined {
  try {
    return createRequire(import.meta.url)('@node-rs/crc32').crc32c;
  } catch {
    return undefined;
  }
}
