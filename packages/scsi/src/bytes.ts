/** Big-endian numbers read by hand, for the paths where a declared structure would cost too much. */

/** The 16-bit number at `at`. */
export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** The 24-bit number at `at`. */
export function readU24(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

/** The 32-bit number at `at`. */
export function readU32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 0x1000000 + readU24(bytes, at + 1);
}

/**
 * The 64-bit number at `at`, rounded above 2^53: far beyond any capacity, so that range checks still refuse
 * it.
 */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) * 0x1_0000_0000 + readU32(bytes, at + 4);
}

/** Several byte strings as one. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
