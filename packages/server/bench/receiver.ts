import { crc32c } from '@lunbox/iscsi-pdu';
import { bhsLength, digestLength } from './initiator-pdu.ts';

/** Told about each PDU as it arrives; buffers are only valid during the call. */
export interface PduHandler {
  onHeader(bytes: Buffer, at: number): void;
  /** A piece of the data segment, in order. */
  onData(bytes: Buffer, start: number, end: number): void;
  onEnd(): void;
}

/**
 * Cuts a byte stream into PDUs in place; only a header split between two chunks is copied. The checksum is the one
 * thing it shares with the codec of this repository; the other targets that it is used against vouch for that.
 */
export class Receiver {
  /** From the next PDU on, headers and data have digests (RFC 7143 §13.1); a wrong one is an error. */
  digests = false;
  readonly #handler: PduHandler;
  readonly #stash: Buffer = Buffer.alloc(bhsLength + digestLength);
  #stashed = 0;
  #dataLeft = 0;
  #padLeft = 0;
  #digestLeft = 0;
  /** Of data and padding so far. */
  #crc = 0;
  /** As far as its bytes have arrived. */
  #digest = 0;

  constructor(handler: PduHandler) {
    this.#handler = handler;
  }

  feed(chunk: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#dataLeft > 0) at = this.#takeData(chunk, at, length);
      else if (this.#padLeft > 0) at = this.#takePad(chunk, at, length);
      else if (this.#digestLeft > 0) at = this.#takeDigest(chunk, at);
      else at = this.#takeHeader(chunk, at, length);
    }
  }

  #takeData(chunk: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#dataLeft);
    this.#handler.onData(chunk, at, end);
    if (this.#digestLeft > 0) this.#crc = crc32c(chunk.subarray(at, end), this.#crc);
    this.#dataLeft -= end - at;
    this.#endWhenWhole();
    return end;
  }

  #takePad(chunk: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#padLeft);
    if (this.#digestLeft > 0) this.#crc = crc32c(chunk.subarray(at, end), this.#crc);
    this.#padLeft -= end - at;
    this.#endWhenWhole();
    return end;
  }

  #takeDigest(chunk: Buffer, at: number): number {
    // Low byte first.
    this.#digest |= chunk[at]! << (8 * (digestLength - this.#digestLeft));
    this.#digestLeft--;
    if (this.#digestLeft === 0 && this.#digest >>> 0 !== this.#crc) throw new Error('wrong data digest');
    this.#endWhenWhole();
    return at + 1;
  }

  #endWhenWhole(): void {
    if (this.#dataLeft === 0 && this.#padLeft === 0 && this.#digestLeft === 0) this.#handler.onEnd();
  }

  #takeHeader(chunk: Buffer, at: number, length: number): number {
    const wanted = this.digests ? bhsLength + digestLength : bhsLength;
    if (this.#stashed === 0 && length - at >= wanted) {
      this.#begin(chunk, at);
      return at + wanted;
    }
    const end = Math.min(length, at + wanted - this.#stashed);
    chunk.copy(this.#stash, this.#stashed, at, end);
    this.#stashed += end - at;
    if (this.#stashed === wanted) {
      this.#stashed = 0;
      this.#begin(this.#stash, 0);
    }
    return end;
  }

  #begin(bytes: Buffer, at: number): void {
    if (this.digests && crc32c(bytes.subarray(at, at + bhsLength)) !== bytes.readUInt32LE(at + bhsLength)) {
      throw new Error('wrong header digest');
    }
    if (bytes[at + 4] !== 0) throw new Error('additional header segments from a target are not expected');
    this.#dataLeft = bytes.readUIntBE(at + 5, 3);
    this.#padLeft = -this.#dataLeft & 3;
    this.#digestLeft = this.digests && this.#dataLeft > 0 ? digestLength : 0;
    this.#crc = 0;
    this.#digest = 0;
    this.#handler.onHeader(bytes, at);
    if (this.#dataLeft === 0) this.#handler.onEnd();
  }
}
