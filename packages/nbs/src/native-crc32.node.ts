import * as zlib from 'node:zlib';

/** CRC-32 of `node:zlib`; undefined before Node.js 20.15, which has none. */
export const nativeCrc32: ((bytes: Uint8Array, seed: number) => number) | undefined = (
  zlib as Partial<Pick<typeof zlib, 'crc32'>>
).crc32;
