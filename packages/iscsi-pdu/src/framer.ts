import { readU24 } from './bytes.ts';
import { crc32c, readDigest } from './crc32c.ts';
import type { FrameHeader, FrameReceiver, FramerLimits } from './frame.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { BHS_LENGTH, MAX_AHS_LENGTH } from './opcodes.ts';
import { PduError } from './pdu-error.ts';
import type { PduErrorDetail } from './pdu-error.ts';

const DIGEST_LENGTH = 4;
const NO_DATA = new Uint8Array(0);

/**
 * Cuts a byte stream into PDUs. Any split of the stream gives the same calls of the receiver. Memory is
 * bounded: one header, and the data of one PDU that has no destination, which is held only as far as its
 * bytes have really arrived.
 */
export class Framer {
  /** Whether the next header carries a digest. */
  headerDigest = false;
  /** Whether the next data segment carries a digest. */
  dataDigest = false;
  /** Largest DataSegmentLength accepted from the next header on, in bytes. */
  maxDataSegmentLength: number;

  readonly #receiver: FrameReceiver;
  readonly #maxAhsLength: number;
  readonly #header: FrameHeader;
  /** Holds a header that came in pieces, or one whose data segment goes on in a later chunk. */
  readonly #headerBuffer: Uint8Array;
  readonly #buffer = new GrowingBuffer();
  #headerHave = 0;
  #inData = false;
  #destination: Uint8Array | undefined;
  #withDataDigest = false;
  #paddedLength = 0;
  #bodyLength = 0;
  /** Bytes taken so far of data, padding and digest together. */
  #bodyHave = 0;
  #crc = 0;
  #receivedDigest = 0;
  #running = false;
  #stopped = false;

  /** A framer at the start of a stream, without digests. */
  constructor(receiver: FrameReceiver, limits: FramerLimits) {
    this.#receiver = receiver;
    this.maxDataSegmentLength = limits.maxDataSegmentLength;
    this.#maxAhsLength = limits.maxAhsLength ?? MAX_AHS_LENGTH;
    this.#headerBuffer = new Uint8Array(BHS_LENGTH + this.#maxAhsLength + DIGEST_LENGTH);
    this.#header = {
      bytes: this.#headerBuffer,
      offset: 0,
      headerLength: BHS_LENGTH,
      opcode: 0,
      immediate: false,
      dataLength: 0,
    };
  }

  /**
   * Bytes of an unfinished PDU that the framer holds itself; those already in a receiver's destination do
   * not count.
   */
  get bufferedBytes(): number {
    return this.#inData ? this.#header.headerLength + this.#buffer.length : this.#headerHave;
  }

  /** Ignores the rest of the input and all later input. The receiver may call it inside a callback. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Takes the next bytes of the stream and calls the receiver for what they complete. The chunk may be
   * reused after the call.
   *
   * @throws PduError `PDU_AHS_TOO_LONG`, `PDU_DATA_SEGMENT_TOO_LONG` or `PDU_HEADER_DIGEST`: the position
   * in the stream is lost, the connection must be dropped, and the framer is stopped.
   */
  push(chunk: Uint8Array): void {
    if (this.#stopped) return;
    if (this.#running)
      throw new Error('Framer.push was called by its own receiver, or after the receiver threw');
    this.#running = true;
    let position = 0;
    while (position < chunk.length && !this.#stopped) {
      position = this.#inData ? this.#takeBody(chunk, position) : this.#takeHeader(chunk, position);
    }
    if (this.#inData && this.#header.bytes !== this.#headerBuffer) this.#keepHeader();
    this.#running = false;
  }

  /**
   * Takes header bytes and returns the position behind them. A header that lies wholly in the chunk is not
   * copied.
   */
  #takeHeader(chunk: Uint8Array, position: number): number {
    if (this.#headerHave === 0 && chunk.length - position >= BHS_LENGTH) {
      const span = this.#headerSpan(chunk, position);
      if (chunk.length - position >= span) {
        this.#open(chunk, position);
        return position + span;
      }
    }
    let next = this.#collectHeader(chunk, position, BHS_LENGTH);
    if (this.#headerHave < BHS_LENGTH) return next;
    const span = this.#headerSpan(this.#headerBuffer, 0);
    next = this.#collectHeader(chunk, next, span);
    if (this.#headerHave === span) this.#open(this.#headerBuffer, 0);
    return next;
  }

  #collectHeader(chunk: Uint8Array, position: number, until: number): number {
    const end = Math.min(chunk.length, position + Math.max(0, until - this.#headerHave));
    while (position < end) this.#headerBuffer[this.#headerHave++] = chunk[position++]!;
    return position;
  }

  /** Bytes of BHS, AHS and header digest. RFC 7143 §11.2.1.5: TotalAHSLength counts 4-byte words. */
  #headerSpan(bytes: Uint8Array, offset: number): number {
    const ahsLength = bytes[offset + 4]! * 4;
    if (ahsLength > this.#maxAhsLength) {
      this.#fail({ code: 'PDU_AHS_TOO_LONG', length: ahsLength, limit: this.#maxAhsLength });
    }
    return BHS_LENGTH + ahsLength + (this.headerDigest ? DIGEST_LENGTH : 0);
  }

  /** The header is complete: checks it, shows it, and makes ready for its data. */
  #open(bytes: Uint8Array, offset: number): void {
    const header = this.#header;
    header.bytes = bytes;
    header.offset = offset;
    header.headerLength = BHS_LENGTH + bytes[offset + 4]! * 4;
    header.opcode = bytes[offset]! & 0x3f;
    header.immediate = (bytes[offset]! & 0x40) !== 0;
    header.dataLength = readU24(bytes, offset + 5);
    this.#headerHave = 0;
    if (this.headerDigest) this.#checkHeaderDigest();
    if (header.dataLength > this.maxDataSegmentLength) {
      this.#fail({
        code: 'PDU_DATA_SEGMENT_TOO_LONG',
        length: header.dataLength,
        limit: this.maxDataSegmentLength,
      });
    }
    this.#withDataDigest = this.dataDigest;
    const destination = this.#receiver.onHeader(header);
    if (this.#stopped) return;
    if (header.dataLength === 0) this.#receiver.onPdu(header, NO_DATA, true);
    else this.#openBody(destination);
  }

  /**
   * RFC 7143 §7.8: after a header digest error the connection cannot go on, as the length in the header is
   * not to be trusted.
   */
  #checkHeaderDigest(): void {
    const { bytes, offset, headerLength } = this.#header;
    const expected = crc32c(bytes.subarray(offset, offset + headerLength));
    const received = readDigest(bytes, offset + headerLength);
    if (expected !== received) this.#fail({ code: 'PDU_HEADER_DIGEST', expected, received });
  }

  #openBody(destination: Uint8Array | undefined): void {
    const { dataLength } = this.#header;
    if (destination !== undefined && destination.length < dataLength) {
      throw new RangeError(`a destination of ${destination.length} bytes for ${dataLength} bytes of data`);
    }
    this.#destination = destination;
    this.#paddedLength = (dataLength + 3) & ~3;
    this.#bodyLength = this.#paddedLength + (this.#withDataDigest ? DIGEST_LENGTH : 0);
    this.#bodyHave = 0;
    this.#crc = 0;
    this.#receivedDigest = 0;
    this.#inData = true;
  }

  /** Takes bytes of data, padding and digest, and returns the position behind them. */
  #takeBody(chunk: Uint8Array, position: number): number {
    const whole = this.#bodyHave === 0 && chunk.length - position >= this.#bodyLength;
    if (whole && this.#destination === undefined) {
      const padded = position + this.#paddedLength;
      const view = chunk.subarray(position, position + this.#header.dataLength);
      const digestOk =
        !this.#withDataDigest || crc32c(chunk.subarray(position, padded)) === readDigest(chunk, padded);
      this.#inData = false;
      this.#receiver.onPdu(this.#header, view, digestOk);
      return position + this.#bodyLength;
    }
    let next = position;
    if (this.#bodyHave < this.#paddedLength) next = this.#takePadded(chunk, next);
    while (this.#bodyHave >= this.#paddedLength && this.#bodyHave < this.#bodyLength && next < chunk.length) {
      this.#receivedDigest |= chunk[next++]! << (8 * (this.#bodyHave - this.#paddedLength));
      this.#bodyHave++;
    }
    if (this.#bodyHave === this.#bodyLength) this.#close();
    return next;
  }

  /**
   * Stores what the chunk has of the data, skips padding, and feeds both to the digest (RFC 7143 §11.2.3).
   */
  #takePadded(chunk: Uint8Array, position: number): number {
    const have = this.#bodyHave;
    const { dataLength } = this.#header;
    const end = Math.min(chunk.length, position + this.#paddedLength - have);
    if (this.#withDataDigest) this.#crc = crc32c(chunk.subarray(position, end), this.#crc);
    const dataEnd = Math.min(end, position + Math.max(0, dataLength - have));
    if (dataEnd > position) {
      const data = chunk.subarray(position, dataEnd);
      if (this.#destination !== undefined) this.#destination.set(data, have);
      else this.#buffer.append(data, dataLength);
    }
    this.#bodyHave += end - position;
    return end;
  }

  /** The body is complete: shows it. */
  #close(): void {
    const { dataLength } = this.#header;
    const digestOk = !this.#withDataDigest || this.#crc === this.#receivedDigest >>> 0;
    const data = this.#destination?.subarray(0, dataLength) ?? this.#buffer.take();
    this.#destination = undefined;
    this.#inData = false;
    this.#receiver.onPdu(this.#header, data, digestOk);
  }

  /** The chunk goes back to its owner before the PDU is complete: its header must outlive it. */
  #keepHeader(): void {
    const { bytes, offset, headerLength } = this.#header;
    this.#headerBuffer.set(bytes.subarray(offset, offset + headerLength));
    this.#header.bytes = this.#headerBuffer;
    this.#header.offset = 0;
  }

  #fail(detail: PduErrorDetail): never {
    this.#stopped = true;
    throw new PduError(detail);
  }
}
