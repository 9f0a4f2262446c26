/** Longest binary value accepted by {@link parseBinary}, in bytes. */
export const MAX_BINARY_LENGTH = 1024;

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;
const HEX = /^0[xX][0-9a-fA-F]+$/;
const BASE64 = /^0[bB](?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const BASE64_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Reads a boolean-value: exactly `Yes` or `No` (RFC 7143 §6.1). */
export function parseBoolean(text: string): boolean | undefined {
  if (text === 'Yes') return true;
  return text === 'No' ? false : undefined;
}

/**
 * Reads a numerical-value: a decimal- or hex-constant below 2⁶⁴ (RFC 7143 §6.1). Above 2⁵³ the result is
 * the nearest double, which is enough to compare it with any key's range.
 */
export function parseNumber(text: string): number | undefined {
  if (text.length > 255 || !(DECIMAL.test(text) || HEX.test(text))) return undefined;
  const value = BigInt(text);
  return value < 1n << 64n ? Number(value) : undefined;
}

/** Reads a numerical-range `low~high` with `low` not above `high` (RFC 7143 §6.1). */
export function parseNumericRange(text: string): [number, number] | undefined {
  const tilde = text.indexOf('~');
  if (tilde < 0) return undefined;
  const low = parseNumber(text.slice(0, tilde));
  const high = parseNumber(text.slice(tilde + 1));
  if (low === undefined || high === undefined || low > high) return undefined;
  return [low, high];
}

/**
 * Reads a list-of-values, in the sender's order of preference (RFC 7143 §6.2.1). An empty text is a list of
 * one empty value.
 */
export function parseList(text: string): string[] {
  return text.split(',');
}

/**
 * Reads a binary-value given as hex-constant (`0x…`) or base64-constant (`0b…`), at most {@link
 * MAX_BINARY_LENGTH} bytes. An odd number of hex digits has an implicit leading zero: n digits make
 * ⌊(n+1)/2⌋ bytes (RFC 7143 §6.1).
 */
export function parseBinary(text: string): Uint8Array | undefined {
  if (text.length > 2 + MAX_BINARY_LENGTH * 2) return undefined;
  if (HEX.test(text)) return parseHex(text.slice(2));
  if (!BASE64.test(text) || text.length === 2) return undefined;
  const bytes = parseBase64(text.slice(2).replace(/=+$/, ''));
  return bytes.length > MAX_BINARY_LENGTH ? undefined : bytes;
}

function parseHex(digits: string): Uint8Array {
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const bytes = new Uint8Array(even.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(even.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

function parseBase64(digits: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let bitCount = 0;
  let length = 0;
  for (const digit of digits) {
    bits = ((bits << 6) | BASE64_DIGITS.indexOf(digit)) & 0xffff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[length++] = bits >>> bitCount;
    }
  }
  return bytes;
}

/** Writes bytes as a hex-constant `0x…`, two digits a byte. */
export function formatBinary(bytes: Uint8Array): string {
  let text = '0x';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
