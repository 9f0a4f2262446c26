/** The polynomial of the guard: x^16 + x^15 + x^11 + x^9 + x^8 + x^7 + x^5 + x^4 + x^2 + x + 1 (SBC-3 4.22.4). */
const POLYNOMIAL = 0x8bb7;

/** What each 16-bit word leaves, made when it is first needed: 128 KiB, for a word at a time. */
let remainders: Uint16Array | undefined = undefined;

/**
 * LOGICAL BLOCK GUARD of `bytes` (SBC-3 4.22.4): a CRC of 16 bits, most significant bit first, from zero, not
 * inverted.
 */
export function blockGuard(bytes: Uint8Array): number {
  const table = (remainders ??= allRemainders());
  const whole = bytes.length & ~1;
  let crc = 0;
  for (let at = 0; at < whole; at += 2) crc = table[crc ^ ((bytes[at]! << 8) | bytes[at + 1]!)]!;
  if (whole === bytes.length) return crc;
  return ((crc << 8) & 0xffff) ^ table[(crc >>> 8) ^ bytes[whole]!]!;
}

function allRemainders(): Uint16Array {
  return Uint16Array.from({ length: 0x1_0000 }, (_, word) => {
    let crc = word;
    for (let bit = 0; bit < 16; bit++)
      crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ POLYNOMIAL) & 0xffff;
    return crc;
  });
}
