import { isPromise } from '@lunbox/block';
import type { NbdExports } from './exports.ts';
import { Negotiation, type Agreed, type OptionOutcome } from './negotiation.ts';
import {
  Command,
  HandshakeFlag,
  MAGIC_INIT,
  MAGIC_OPTION,
  MAGIC_REQUEST,
  MAX_OPTION_BYTES,
  MAX_PAYLOAD_BYTES,
  Option,
} from './numbers.ts';
import { PieceReader } from './piece-reader.ts';
import { Transmission, type NbdRequest } from './transmission.ts';
import type { NbdTransport } from './transport.ts';

const CLIENT_FLAG_BYTES = 4;
const OPTION_HEAD_BYTES = 16;
const REQUEST_BYTES = 28;
/** Requests of a connection that are at work at a time, and the bytes of data that these have together. */
const MAX_IN_FLIGHT = 64;
const WINDOW_BYTES = 2 * MAX_PAYLOAD_BYTES;
/** Replies that wait for the peer beyond this: no more requests are taken until it has read some. */
const SEND_BACKLOG_BYTES = 4 << 20;
/** A client that has not chosen an export after this time is cut. */
const OPENING_TIMEOUT_MS = 10_000;

const NO_DATA = new Uint8Array(0);

/** What a connection needs of its server. */
export interface NbdOwner {
  readonly exports: NbdExports;
  readonly tls: 'none' | 'required';
  /** Speaks TLS from now on: a new connection begins on the socket, and nothing of before counts. */
  upgrade(): void;
  /** The connection is over; its export may still be being closed. */
  ended(connection: NbdConnection): void;
  /** Hears of mistakes of ours. */
  reportInternalError(error: unknown): void;
}

/** One connection of an NBD client: the fixed newstyle handshake, then requests. Without a socket. */
export class NbdConnection {
  readonly #owner: NbdOwner;
  readonly #transport: NbdTransport;
  readonly #negotiation: Negotiation;
  readonly #reader: PieceReader;
  readonly #startedMs: number;
  #agreed: Agreed | undefined;
  #transmission: Transmission | undefined;
  #inFlight = 0;
  #bytesInFlight = 0;
  #waiting: [NbdRequest, Uint8Array][] = [];
  #paused = false;
  /** DISC has come, or the peer has: what is at work is answered, and nothing else. */
  #leaving = false;
  #ended = false;
  #outgoing: Uint8Array[] = [];
  #outgoingBytes = 0;
  #flushing = false;

  /** @param begins false for a connection that goes on with TLS: the server has spoken first already */
  constructor(owner: NbdOwner, transport: NbdTransport, nowMs: number, begins: 'greeting' | 'options') {
    this.#owner = owner;
    this.#transport = transport;
    this.#startedMs = nowMs;
    this.#negotiation = new Negotiation(owner.exports, transport, owner.tls);
    if (begins === 'greeting') {
      this.#reader = new PieceReader(CLIENT_FLAG_BYTES, (piece) => this.#clientFlags(piece));
      this.#queue(greeting());
    } else {
      this.#negotiation.noZeroes = true;
      this.#reader = new PieceReader(OPTION_HEAD_BYTES, (piece) => this.#option(piece));
    }
  }

  /** Bytes from the client; the chunk may be used again after the call. */
  receive(chunk: Uint8Array): void {
    if (!this.#ended && !this.#leaving) this.#reader.push(chunk);
    this.#flush();
  }

  /** Cuts who does not come to an export in time. */
  tick(nowMs: number): void {
    if (this.#agreed === undefined && nowMs - this.#startedMs > OPENING_TIMEOUT_MS) this.drop();
  }

  /** The transport has taken bytes: goes on with what waits for that. */
  drained(): void {
    this.#goOn();
  }

  /** The transport has ended: closes the export, which flushes it. */
  disconnected(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader.stop();
    this.#waiting = [];
    this.#outgoing = [];
    this.#owner.ended(this);
    void this.close();
  }

  /** Closes the export. Idempotent. */
  async close(): Promise<void> {
    const opened = this.#agreed?.opened;
    try {
      await opened?.device.close();
    } catch (error) {
      // The client has gone, and hears of it no more; the disk itself is faulted.
      this.#owner.reportInternalError(error);
    }
  }

  /** Ends the connection at once. */
  drop(): void {
    this.#transport.destroy();
    this.disconnected();
  }

  #clientFlags(piece: Uint8Array): void {
    const flags = new DataView(piece.buffer).getUint32(0);
    const known = HandshakeFlag.FIXED_NEWSTYLE | HandshakeFlag.NO_ZEROES;
    if ((flags & ~known) !== 0 || (flags & HandshakeFlag.FIXED_NEWSTYLE) === 0) return this.drop();
    this.#negotiation.noZeroes = (flags & HandshakeFlag.NO_ZEROES) !== 0;
    this.#reader.expect(OPTION_HEAD_BYTES, (head) => this.#option(head));
  }

  #option(piece: Uint8Array): void {
    const view = new DataView(piece.buffer);
    const isOption = view.getUint32(0) === MAGIC_OPTION[0] && view.getUint32(4) === MAGIC_OPTION[1];
    const option = view.getUint32(8);
    const lengthBytes = view.getUint32(12);
    if (!isOption || lengthBytes > MAX_OPTION_BYTES) return this.drop();
    this.#reader.expect(lengthBytes, (data) => {
      this.#reader.expect(OPTION_HEAD_BYTES, (head) => this.#option(head));
      this.#negotiated(option, this.#negotiation.answer(option, data));
    });
  }

  #negotiated(option: number, { replies, next }: OptionOutcome): void {
    for (const reply of replies) this.#queue(reply);
    // Who asks and does not read gets no more answers.
    if (this.#backlogBytes >= SEND_BACKLOG_BYTES) return this.drop();
    if (next === undefined) return;
    if (next === 'end') {
      this.#leave();
      // EXPORT_NAME has no other way to say no.
      if (option === Option.EXPORT_NAME && replies.length === 0) this.drop();
    } else if (next === 'tls') {
      this.#flush();
      this.#reader.stop();
      this.#ended = true;
      this.#owner.ended(this);
      this.#owner.upgrade();
    } else {
      this.#agreed = next;
      this.#transmission = new Transmission(next, (error) => this.#owner.reportInternalError(error));
      this.#reader.expect(REQUEST_BYTES, (head) => this.#request(head));
    }
  }

  #request(piece: Uint8Array): void {
    const view = new DataView(piece.buffer);
    if (view.getUint32(0) !== MAGIC_REQUEST) return this.drop();
    const request: NbdRequest = {
      flags: view.getUint16(4),
      type: view.getUint16(6),
      cookieHigh: view.getUint32(8),
      cookieLow: view.getUint32(12),
      offset: view.getUint32(16) * 2 ** 32 + view.getUint32(20),
      length: view.getUint32(24),
    };
    if (request.type === Command.DISC) return this.#leave();
    if (request.type !== Command.WRITE) return this.#arrived(request, NO_DATA);
    // Without its length the stream cannot be followed any more, and so much is not waited for.
    if (request.length > MAX_PAYLOAD_BYTES) return this.drop();
    this.#reader.expect(request.length, (data) => {
      this.#reader.expect(REQUEST_BYTES, (head) => this.#request(head));
      this.#arrived(request, data);
    });
  }

  #arrived(request: NbdRequest, data: Uint8Array): void {
    if (this.#waiting.length === 0 && !this.#isFull) return this.#perform(request, data);
    this.#waiting.push([request, data]);
    if (this.#paused) return;
    this.#paused = true;
    this.#transport.pause();
  }

  /** True while no further request is begun: too many are at work, or the peer does not read its answers. */
  get #isFull(): boolean {
    return (
      this.#inFlight >= MAX_IN_FLIGHT ||
      this.#bytesInFlight >= WINDOW_BYTES ||
      this.#backlogBytes >= SEND_BACKLOG_BYTES
    );
  }

  get #backlogBytes(): number {
    return this.#outgoingBytes + this.#transport.backlogBytes;
  }

  #perform(request: NbdRequest, data: Uint8Array): void {
    const takes = request.type === Command.READ || request.type === Command.CACHE;
    const bytes = takes ? Math.min(request.length, MAX_PAYLOAD_BYTES) : data.length;
    this.#inFlight++;
    this.#bytesInFlight += bytes;
    const over = (replies: readonly Uint8Array[]): void => {
      this.#inFlight--;
      this.#bytesInFlight -= bytes;
      for (const reply of replies) this.#queue(reply);
    };
    const replies = this.#transmission!.perform(request, data);
    if (!isPromise(replies)) return over(replies);
    void replies.then((done) => {
      over(done);
      this.#goOn();
    });
  }

  /** Begins what waits, as far as there is room; ends when the client leaves and everything is answered. */
  #goOn(): void {
    while (this.#waiting.length > 0 && !this.#ended && !this.#isFull)
      this.#perform(...this.#waiting.shift()!);
    if (this.#waiting.length > 0 || this.#ended) return;
    if (this.#paused) {
      this.#paused = false;
      this.#transport.resume();
    }
    if (this.#leaving && this.#inFlight === 0) this.#finish();
  }

  /** What has come is done and answered, and then the connection ends. */
  #leave(): void {
    this.#leaving = true;
    this.#reader.stop();
    this.#goOn();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#flush();
    this.#transport.end();
    this.disconnected();
  }

  #queue(bytes: Uint8Array): void {
    if (this.#ended || bytes.length === 0) return;
    this.#outgoing.push(bytes);
    this.#outgoingBytes += bytes.length;
    if (this.#flushing) return;
    this.#flushing = true;
    this.#transport.defer(() => {
      this.#flushing = false;
      this.#flush();
      this.#goOn();
    });
  }

  /** What is answered in one turn leaves in one write. */
  #flush(): void {
    if (this.#outgoing.length === 0 || this.#ended) return;
    const pieces = this.#outgoing;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.#transport.send(pieces);
  }
}

function greeting(): Uint8Array {
  const bytes = new Uint8Array(18);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of [...MAGIC_INIT, ...MAGIC_OPTION].entries()) view.setUint32(4 * index, word);
  view.setUint16(16, HandshakeFlag.FIXED_NEWSTYLE | HandshakeFlag.NO_ZEROES);
  return bytes;
}
