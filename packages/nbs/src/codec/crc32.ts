import { nativeCrc32 } from '#native-crc32';

/** The generator polynomial 0x104c11db7 (ISO 3309, as in zlib and PNG), bit-reversed and without its top bit. */
const REVERSED_POLYNOMIAL = 0xedb88320;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ REVERSED_POLYNOMIAL : crc >>> 1;
  return crc;
});

/**
 * CRC-32 of `bytes` as zlib and PNG have it, as an unsigned 32-bit integer. Give the CRC of what came before as `seed`
 * to go on from there. Native in Node.js.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return nativeCrc32 === undefined ? tableCrc32(bytes, 0, bytes.length, seed) : nativeCrc32(bytes, seed);
}

/** The same of the bytes from `start` to before `end`, in plain TypeScript: for few bytes, it is the faster one. */
export function tableCrc32(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let crc = ~seed;
  for (let at = start; at < end; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
