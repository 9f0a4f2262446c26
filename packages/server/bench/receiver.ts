import { bhsLength } from './initiator-pdu.ts';

/** Told about each PDU as it arrives; buffers are only valid during the call. */
export interface PduHandler {
  onHeader(bytes: Buffer, at: number): void;
  /** A piece of the data segment, in order. */
  onData(bytes: Buffer, start: number, end: number): void;
  onEnd(): void;
}

/** Cuts a byte stream into PDUs in place; only a header split between two chunks is copied. No digests. */
export class Receiver {
  readonly #handler: PduHandler;
  readonly #stash: Buffer = Buffer.alloc(bhsLength);
  #stashed = 0;
  #dataLeft = 0;
  #padLeft = 0;

  constructor(handler: PduHandler) {
    this.#handler = handler;
  }

  feed(chunk: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#dataLeft > 0) at = this.#takeData(chunk, at, length);
      else if (this.#padLeft > 0) at = this.#takePad(at, length);
      else at = this.#takeHeader(chunk, at, length);
    }
  }

  #takeData(chunk: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#dataLeft);
    this.#handler.onData(chunk, at, end);
    this.#dataLeft -= end - at;
    if (this.#dataLeft === 0 && this.#padLeft === 0) this.#handler.onEnd();
    return end;
  }

  #takePad(at: number, length: number): number {
    const end = Math.min(length, at + this.#padLeft);
    this.#padLeft -= end - at;
    if (this.#padLeft === 0) this.#handler.onEnd();
    return end;
  }

  #takeHeader(chunk: Buffer, at: number, length: number): number {
    if (this.#stashed === 0 && length - at >= bhsLength) {
      this.#begin(chunk, at);
      return at + bhsLength;
    }
    const end = Math.min(length, at + bhsLength - this.#stashed);
    chunk.copy(this.#stash, this.#stashed, at, end);
    this.#stashed += end - at;
    if (this.#stashed === bhsLength) {
      this.#stashed = 0;
      this.#begin(this.#stash, 0);
    }
    return end;
  }

  #begin(bytes: Buffer, at: number): void {
    if (bytes[at + 4] !== 0) throw new Error('additional header segments from a target are not expected');
    this.#dataLeft = bytes.readUIntBE(at + 5, 3);
    this.#padLeft = -this.#dataLeft & 3;
    this.#handler.onHeader(bytes, at);
    if (this.#dataLeft === 0) this.#handler.onEnd();
  }
}
