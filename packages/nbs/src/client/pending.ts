import { blankHeader, Flag, HEADER_BYTES, Magic, type Header } from '../codec/header.ts';
import { sealMessage } from '../codec/message.ts';
import { Opcode, OPCODES, type OpcodeName } from '../codec/opcode-table.ts';
import { encodeFields, type Fields } from '../codec/tlv.ts';

/** What a request is about; see its row of `OPCODES`. */
export interface RequestParts {
  readonly handle?: number;
  readonly offset?: number;
  readonly length?: number;
  readonly flags?: number;
  readonly epoch?: number;
  /** The session that it is for, as `NbsClient.sessionCount` counts; any when left out. */
  readonly session?: number;
  readonly fields?: Fields;
  /** Data, in pieces; copied. */
  readonly data?: readonly Uint8Array[];
}

/** What came back. */
export interface ClientReply {
  readonly fields: Fields;
  /** Of requests that are answered with data. */
  readonly data: Uint8Array;
}

/** A request that is not answered yet; it can be sent again. */
export class Pending {
  readonly name: OpcodeName;
  readonly cookie: number;
  /** The session that it is for; undefined for any. */
  readonly session: number | undefined;
  /** Counts towards the window. */
  readonly bytes: number;
  readonly resolve: (reply: ClientReply) => void;
  readonly reject: (error: Error) => void;
  readonly #header: Header;
  readonly #message: Uint8Array;
  #sent = false;

  constructor(
    name: OpcodeName,
    cookie: number,
    parts: RequestParts,
    promise: { resolve: (reply: ClientReply) => void; reject: (error: Error) => void },
  ) {
    this.name = name;
    this.cookie = cookie;
    this.session = parts.session;
    this.resolve = promise.resolve;
    this.reject = promise.reject;
    const { handle = 0, offset = 0, length = 0, flags = 0, epoch = 0, fields, data } = parts;
    const header = blankHeader(Magic.REQUEST, Opcode[name]);
    Object.assign(header, { flags, handle, offset, length, epoch });
    header.cookieHigh = Math.floor(cookie / 2 ** 32);
    header.cookieLow = cookie >>> 0;
    this.#header = header;
    const pieces = fields === undefined ? (data ?? []) : [encodeFields(fields)];
    this.#message = messageOf(pieces);
    this.bytes = Math.max(length, this.#message.length - HEADER_BYTES);
  }

  /** True when the reply has data in place of fields. */
  get answersData(): boolean {
    return OPCODES[this.name].reply === 'data';
  }

  /** The bytes to send; from the second time on they say that they are sent again. */
  message(digest: boolean): Uint8Array {
    if (this.#sent) this.#header.flags |= Flag.REPLAY;
    this.#sent = true;
    sealMessage(this.#header, this.#message, digest);
    return this.#message;
  }
}

/** The pieces one after the other, behind room for a header. */
function messageOf(pieces: readonly Uint8Array[]): Uint8Array {
  const message = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, HEADER_BYTES));
  let at = HEADER_BYTES;
  for (const piece of pieces) {
    message.set(piece, at);
    at += piece.length;
  }
  return message;
}
