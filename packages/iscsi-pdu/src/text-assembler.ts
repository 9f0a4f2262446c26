import { GrowingBuffer } from './growing-buffer.ts';
import { PduError } from './pdu-error.ts';
import { decodeText } from './text.ts';

/**
 * Key=value data that every side must be able to receive with long authentication items, in bytes (RFC 7143
 * §6.1).
 */
export const MAX_TEXT_LENGTH = 65536;

/**
 * Puts together the text of PDUs that are continued by the C bit into one logical text data segment (RFC
 * 7143 §6.1, §6.2). Holds at most `limit` bytes.
 */
export class TextAssembler {
  readonly #limit: number;
  readonly #text = new GrowingBuffer();

  /** An empty assembler; `limit` is in bytes of one logical text data segment. */
  constructor(limit: number = MAX_TEXT_LENGTH) {
    this.#limit = limit;
  }

  /** Bytes held of a text that goes on. */
  get length(): number {
    return this.#text.length;
  }

  /**
   * Takes the data segment of one PDU. Returns the pairs when this PDU ends the text, undefined when its C
   * bit (`continues`) says that more follows.
   *
   * @throws PduError `PDU_TEXT_TOO_LONG` above the limit, `PDU_TEXT_MALFORMED` as {@link decodeText} does.
   * The text is dropped.
   */
  push(bytes: Uint8Array, continues: boolean): [string, string][] | undefined {
    const length = this.#text.length + bytes.length;
    if (length > this.#limit) {
      this.#text.take();
      throw new PduError({ code: 'PDU_TEXT_TOO_LONG', length, limit: this.#limit });
    }
    this.#text.append(bytes, this.#limit);
    return continues ? undefined : decodeText(this.#text.take());
  }
}

/**
 * Cuts encoded text into data segments of at most `maxSegmentLength` bytes: views, at least one, all but
 * the last to be sent with the C bit set. A pair may span segments (RFC 7143 §6.1).
 */
export function splitText(bytes: Uint8Array, maxSegmentLength: number): Uint8Array[] {
  if (maxSegmentLength < 1) throw new RangeError(`a text segment of ${maxSegmentLength} bytes holds nothing`);
  const segments: Uint8Array[] = [];
  let start = 0;
  do {
    segments.push(bytes.subarray(start, start + maxSegmentLength));
    start += maxSegmentLength;
  } while (start < bytes.length);
  return segments;
}
