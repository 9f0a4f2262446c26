import { PduError } from './pdu-error.ts';

/** The parts of the platform's text codec that are used here; browsers and Node have it as a global. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: 'utf-8',
  options: { fatal: true; ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };

/** Longest key-name in characters (RFC 7143 §6.1). */
export const MAX_KEY_LENGTH = 63;

/**
 * Longest value in bytes of its encoded form: 64 KiB serve the longest authentication items (RFC 7143
 * §6.1).
 */
export const MAX_VALUE_LENGTH = 65536;

/** RFC 7143 §6.1 standard-label; `#` is for the `X#` keys that RFC 3720 and RFC 7143 §13.26 define. */
const KEY_NAME = /^[A-Za-z][A-Za-z0-9.\-+@_#]*$/;

const EQUALS = 0x3d;

/**
 * Writes key=value pairs, each followed by one null byte (RFC 7143 §6.1).
 *
 * @throws PduError `PDU_TEXT_MALFORMED` when a key is no key-name or a value holds a null character.
 */
export function encodeText(pairs: Iterable<readonly [string, string]>): Uint8Array {
  let text = '';
  for (const [key, value] of pairs) {
    checkKey(key, text.length);
    if (value.includes('\0')) throw malformed(text.length, 'a value must not hold a null character');
    text += `${key}=${value}\0`;
  }
  return new TextEncoder().encode(text);
}

/**
 * Reads key=value pairs in their order; a key may occur more than once. The last pair may lack its null
 * byte, and empty pairs (padding that was counted as data) are passed over, as their meaning is plain.
 *
 * @throws PduError `PDU_TEXT_MALFORMED` for a pair without `=`, a key that is no key-name, a value above
 * {@link MAX_VALUE_LENGTH} bytes, or bytes that are not UTF-8.
 */
export function decodeText(bytes: Uint8Array): [string, string][] {
  const pairs: [string, string][] = [];
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(0, start);
    const end = found < 0 ? bytes.length : found;
    if (end > start) pairs.push(decodePair(bytes, start, end));
    start = end + 1;
  }
  return pairs;
}

function decodePair(bytes: Uint8Array, start: number, end: number): [string, string] {
  const equals = bytes.indexOf(EQUALS, start);
  if (equals < 0 || equals >= end) throw malformed(start, 'a pair without "="');
  if (equals - start > MAX_KEY_LENGTH) throw malformed(start, `a key above ${MAX_KEY_LENGTH} characters`);
  if (end - equals - 1 > MAX_VALUE_LENGTH) throw malformed(start, `a value above ${MAX_VALUE_LENGTH} bytes`);
  const key = decodeUtf8(bytes, start, equals);
  checkKey(key, start);
  return [key, decodeUtf8(bytes, equals + 1, end)];
}

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, end));
  } catch {
    throw malformed(start, 'bytes that are not UTF-8');
  }
}

function checkKey(key: string, offset: number): void {
  if (key.length > MAX_KEY_LENGTH || !KEY_NAME.test(key))
    throw malformed(offset, 'a key that is no key-name');
}

function malformed(offset: number, reason: string): PduError {
  return new PduError({ code: 'PDU_TEXT_MALFORMED', offset, reason });
}
