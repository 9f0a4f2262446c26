import { crc32 } from './crc32.ts';
import { encodeHeader, Flag, HEADER_BYTES, type Header } from './header.ts';

/**
 * Makes a message of a header and a payload, in one piece. Fills the payload fields of the header.
 *
 * @param digest put a digest of the payload into it
 */
export function encodeMessage(header: Header, payload: Uint8Array | undefined, digest: boolean): Uint8Array {
  const payloadBytes = payload?.length ?? 0;
  const bytes = new Uint8Array(HEADER_BYTES + payloadBytes);
  if (payload !== undefined) bytes.set(payload, HEADER_BYTES);
  sealMessage(header, bytes, digest);
  return bytes;
}

/** Writes the header in front of a payload that stands in its place, behind the first 64 bytes, already. */
export function sealMessage(header: Header, bytes: Uint8Array, digest: boolean): void {
  header.payloadBytes = bytes.length - HEADER_BYTES;
  if (digest && header.payloadBytes > 0) {
    header.flags |= Flag.DIGEST;
    header.payloadDigest = crc32(bytes.subarray(HEADER_BYTES));
  }
  encodeHeader(header, bytes);
}
