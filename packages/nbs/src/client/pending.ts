import { crc32 } from '../codec/crc32.ts';
import { encodeHeader, Flag, HEADER_BYTES, HEADER_VERSION, Magic, type Header } from '../codec/header.ts';
import { NbsCodecError } from '../codec/nbs-error.ts';
import { Opcode, OPCODES, type OpcodeName } from '../codec/opcode-table.ts';
import type { Outbox } from '../codec/outbox.ts';
import type { Slab } from '../codec/slab.ts';
import { decodeFields, encodeFields, type Fields } from '../codec/tlv.ts';

/** The open object that a request is about. */
export interface RequestTarget {
  readonly handle?: number;
  readonly epoch?: number;
  /** The session that it is for, as `NbsClient.sessionCount` counts; any when left out. */
  readonly session?: number;
}

/** What a request is about; see its row of `OPCODES`. */
export interface RequestParts extends RequestTarget {
  readonly offset?: number;
  readonly length?: number;
  readonly flags?: number;
  readonly fields?: Fields;
  /** Data, in pieces, to be left unchanged until the request is answered. */
  readonly data?: readonly Uint8Array[];
  /** In place of `data`, the same behind 64 bytes that the header is written to, so that it need not be copied. */
  readonly message?: Uint8Array | undefined;
  /** Where the data of the answer goes, `length` bytes in all; without it, the answer has memory of its own. */
  readonly into?: readonly Uint8Array[];
}

/** What came back. */
export interface ClientReply {
  readonly fields: Fields;
  /** Of requests that are answered with data, unless it went elsewhere. */
  readonly data: Uint8Array;
}

/** Who waits for an answer. */
export interface Waiter {
  /** The answer has come. */
  readonly resolve: (reply: ClientReply) => void;
  /** There is none: a `NbsClientError`. */
  readonly reject: (error: Error) => void;
}

/** Data up to this length is copied behind its header, so that messages leave in one piece. */
const COPY_BYTES = 16 << 10;
const NO_FIELDS: Fields = {};
const NOTHING = new Uint8Array(0);
const NO_DATA: readonly Uint8Array[] = [];

/** A request that is not answered yet; it can be sent again. */
export class Pending {
  readonly name: OpcodeName;
  readonly cookie: number;
  readonly waiter: Waiter;
  /** Counts towards the window. */
  readonly bytes: number;
  readonly #parts: RequestParts;
  readonly #target: RequestTarget;
  readonly #payload: readonly Uint8Array[];
  readonly #payloadBytes: number;
  #sent = false;

  /** Throws what `encodeFields` throws. */
  constructor(name: OpcodeName, cookie: number, parts: RequestParts, target: RequestTarget, waiter: Waiter) {
    this.name = name;
    this.cookie = cookie;
    this.waiter = waiter;
    this.#parts = parts;
    this.#target = target;
    const { fields, data, message, length = 0 } = parts;
    if (fields !== undefined) this.#payload = [encodeFields(fields)];
    else this.#payload = data ?? (message === undefined ? NO_DATA : [message.subarray(HEADER_BYTES)]);
    let payloadBytes = 0;
    for (const piece of this.#payload) payloadBytes += piece.length;
    this.#payloadBytes = payloadBytes;
    this.bytes = Math.max(length, payloadBytes);
  }

  /** The session that it is for; undefined for any. */
  get session(): number | undefined {
    return this.#target.session;
  }

  /** Sends it; from the second time on it says that it is sent again. */
  send(outbox: Outbox, slab: Slab, digest: boolean): void {
    const payload = this.#payload;
    const { message } = this.#parts;
    const isWhole = message !== undefined;
    const isCopied = !isWhole && this.#payloadBytes <= COPY_BYTES;
    const head = message ?? slab.take(HEADER_BYTES + (isCopied ? this.#payloadBytes : 0));
    if (isCopied) copyTo(head, HEADER_BYTES, payload);
    encodeHeader(this.#header(digest), head);
    if (isWhole || isCopied) outbox.push(head);
    else outbox.push(head, ...payload);
    this.#sent = true;
  }

  /** Where an answer of this length goes, if that is one place. */
  memoryOf(lengthBytes: number): Uint8Array | undefined {
    const { into } = this.#parts;
    return into?.length === 1 && into[0]!.length === lengthBytes ? into[0] : undefined;
  }

  /** The reply, with its payload read as what it is. Throws a NbsCodecError. */
  read(payload: Uint8Array): ClientReply {
    const { into } = this.#parts;
    if (OPCODES[this.name].reply !== 'data') return { fields: decodeFields(payload), data: NOTHING };
    if (into === undefined) return { fields: NO_FIELDS, data: Uint8Array.from(payload) };
    if (payload === into[0]) return NO_REPLY;
    let at = 0;
    for (const piece of into) {
      if (at + piece.length > payload.length) throw new NbsCodecError('NBS_FIELD', 'it is too short');
      piece.set(payload.subarray(at, at + piece.length));
      at += piece.length;
    }
    if (at !== payload.length) throw new NbsCodecError('NBS_FIELD', 'it is too long');
    return NO_REPLY;
  }

  #header(digest: boolean): Header {
    const { offset = 0, length = 0, flags = 0 } = this.#parts;
    const { handle = 0, epoch = 0 } = this.#target;
    const hasDigest = digest && this.#payloadBytes > 0;
    let payloadDigest = 0;
    if (hasDigest) for (const piece of this.#payload) payloadDigest = crc32(piece, payloadDigest);
    return {
      magic: Magic.REQUEST,
      version: HEADER_VERSION,
      headerUnits: HEADER_BYTES / 8,
      opcode: Opcode[this.name],
      flags: flags | (this.#sent ? Flag.REPLAY : 0) | (hasDigest ? Flag.DIGEST : 0),
      status: 0,
      cookieHigh: Math.floor(this.cookie / 2 ** 32),
      cookieLow: this.cookie >>> 0,
      handle,
      offset,
      length,
      payloadBytes: this.#payloadBytes,
      payloadDigest,
      epoch,
    };
  }
}

/** An answer that has told all already. */
const NO_REPLY: ClientReply = { fields: NO_FIELDS, data: NOTHING };

function copyTo(message: Uint8Array, start: number, pieces: readonly Uint8Array[]): void {
  let at = start;
  for (const piece of pieces) {
    message.set(piece, at);
    at += piece.length;
  }
}
