import { crc32 } from './crc32.ts';
import { blankHeader, decodeHeader, Flag, HEADER_BYTES, headerBytes, type Header } from './header.ts';
import { NbsCodecError } from './nbs-error.ts';

/** What a {@link Framer} calls. */
export interface MessageReceiver {
  /**
   * A message has come whole. The header and the payload are valid during the call only, since their memory is used
   * again; but for a payload that the receiver has given memory for.
   *
   * @param intact false when the payload does not fit its digest
   * @param inRange false when a number of the header is beyond 2⁵³−1: HANDLE, OFFSET and LENGTH are 0 then
   */
  onMessage(header: Header, payload: Uint8Array, intact: boolean, inRange: boolean): void;
  /**
   * Memory of just the length of the payload that follows a header, which the payload is written to: it is the
   * receiver's then, and may be half full when the stream ends.
   */
  memory?(header: Header): Uint8Array | undefined;
}

const NOTHING = new Uint8Array(0);

/**
 * Cuts a byte stream into messages. Any split of the stream gives the same calls. Memory is bounded: a header, and the
 * payload of one message, of which no more is held than has come and fits the limit.
 */
export class Framer {
  /** Longest payload that is taken, in bytes; to be raised when the peer has proven who it is. */
  maxPayloadBytes: number;
  readonly #receiver: MessageReceiver;
  readonly #magics: readonly number[];
  readonly #header: Header = blankHeader(0, 0);
  readonly #partial = new Uint8Array(HEADER_BYTES);
  #partialBytes = 0;
  #inRange = true;
  /** Bytes of an extension area that are still to be skipped. */
  #skipBytes = 0;
  /** The payload that is coming in; undefined between messages. */
  #payload: Uint8Array | undefined;
  #payloadHave = 0;
  #stopped = false;

  /** @param magics what headers may begin with, of `Magic` */
  constructor(receiver: MessageReceiver, magics: readonly number[], maxPayloadBytes: number) {
    this.#receiver = receiver;
    this.#magics = magics;
    this.maxPayloadBytes = maxPayloadBytes;
  }

  /** Ignores the rest of the input and all later input. The receiver may call it. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Takes the next bytes of the stream; the chunk may be used again after the call.
   *
   * @throws NbsCodecError when the position in the stream is lost; the framer is stopped.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    try {
      while (at < chunk.length && !this.#stopped) at = this.#take(chunk, at);
    } catch (error) {
      this.#stopped = true;
      throw error;
    }
  }

  #take(chunk: Uint8Array, at: number): number {
    if (this.#skipBytes > 0) {
      const skipped = Math.min(this.#skipBytes, chunk.length - at);
      this.#skipBytes -= skipped;
      const next = at + skipped;
      return this.#skipBytes === 0 ? this.#begin(chunk, next) : next;
    }
    if (this.#payload !== undefined) return this.#takePayload(chunk, at);
    return this.#takeHeader(chunk, at);
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    if (this.#partialBytes === 0 && chunk.length - at >= HEADER_BYTES) {
      this.#open(chunk, at);
      return this.#afterHeader(chunk, at + HEADER_BYTES);
    }
    const length = Math.min(HEADER_BYTES - this.#partialBytes, chunk.length - at);
    this.#partial.set(chunk.subarray(at, at + length), this.#partialBytes);
    this.#partialBytes += length;
    if (this.#partialBytes < HEADER_BYTES) return at + length;
    this.#partialBytes = 0;
    this.#open(this.#partial, 0);
    return this.#afterHeader(chunk, at + length);
  }

  #open(bytes: Uint8Array, at: number): void {
    this.#inRange = decodeHeader(bytes, at, this.#header, this.#magics);
    const { payloadBytes } = this.#header;
    if (payloadBytes > this.maxPayloadBytes)
      throw new NbsCodecError('NBS_PAYLOAD_TOO_LONG', `a payload of ${payloadBytes} bytes`);
    this.#skipBytes = headerBytes(bytes, at) - HEADER_BYTES;
  }

  #afterHeader(chunk: Uint8Array, at: number): number {
    return this.#skipBytes > 0 ? at : this.#begin(chunk, at);
  }

  /** The header is there with its extension area. */
  #begin(chunk: Uint8Array, at: number): number {
    const { payloadBytes } = this.#header;
    if (payloadBytes === 0) {
      this.#deliver(NOTHING);
      return at;
    }
    const memory = this.#receiver.memory?.(this.#header);
    if (memory === undefined && chunk.length - at >= payloadBytes) {
      this.#deliver(new Uint8Array(chunk.buffer, chunk.byteOffset + at, payloadBytes));
      return at + payloadBytes;
    }
    this.#payload = memory ?? new Uint8Array(payloadBytes);
    this.#payloadHave = 0;
    return at === chunk.length ? at : this.#takePayload(chunk, at);
  }

  #takePayload(chunk: Uint8Array, at: number): number {
    const payload = this.#payload!;
    const length = Math.min(payload.length - this.#payloadHave, chunk.length - at);
    payload.set(new Uint8Array(chunk.buffer, chunk.byteOffset + at, length), this.#payloadHave);
    this.#payloadHave += length;
    if (this.#payloadHave === payload.length) {
      this.#payload = undefined;
      this.#deliver(payload);
    }
    return at + length;
  }

  #deliver(payload: Uint8Array): void {
    const header = this.#header;
    const intact = (header.flags & Flag.DIGEST) === 0 || crc32(payload) === header.payloadDigest;
    this.#receiver.onMessage(header, payload, intact, this.#inRange);
  }
}
