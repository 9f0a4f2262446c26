import { Framer } from '../codec/framer.ts';
import { Flag, HEADER_VERSION, Magic, type Header } from '../codec/header.ts';
import { NbsCodecError } from '../codec/nbs-error.ts';
import { FIELDS_LIMIT_BYTES, type OpcodeName } from '../codec/opcode-table.ts';
import { Outbox } from '../codec/outbox.ts';
import { Slab } from '../codec/slab.ts';
import { Status, statusName } from '../codec/status-table.ts';
import { decodeFields, type Fields } from '../codec/tlv.ts';
import type { NbsTransport } from '../transport.ts';
import { authenticate } from './client-auth.ts';
import { NbsClientError } from './client-error.ts';
import type { ClientLink, Dial, NbsClientOptions } from './client-options.ts';
import { Pending, type ClientReply, type RequestParts } from './pending.ts';

/** What a connection tells its client. */
export interface ConnectionOwner {
  /** Where the payload of so many bytes goes that a request is answered with, if there is such a place. */
  memoryOf(cookie: number, lengthBytes: number): Uint8Array | undefined;
  /** A request was answered: with a payload, which is valid during the call only, or with a refusal. */
  onReply(cookie: number, reply: Uint8Array | NbsClientError): void;
  onEvent(sequence: number, code: number, fields: Fields): void;
  onEnd(connection: ClientConnection): void;
}

/** What identifies a session to its server. */
export interface SessionKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

/** What a connection has come to. */
export interface OpenedSession {
  readonly key: SessionKey;
  /** The session of before goes on. */
  readonly resumed: boolean;
  /** What HELLO has told. */
  readonly server: Fields;
}

/** An event that has come before its owner knew of the session. */
interface EarlyEvent {
  readonly sequence: number;
  readonly code: number;
  readonly fields: Fields;
}

/** More than a server keeps for a client that is away. */
const EARLY_LIMIT = 65_536;
/** So many requests leave without waiting for more: the server works on them while the next ones are made. */
const SEND_AT_ONCE = 8;

/** One connection to a server: opens or resumes a session, then carries its messages. */
export class ClientConnection implements ClientLink {
  readonly #owner: ConnectionOwner;
  readonly #options: NbsClientOptions;
  readonly #framer: Framer;
  #transport: NbsTransport | undefined;
  /** The request of the opening that is under way. */
  #opening: Pending | undefined;
  #isOpen = false;
  readonly #early: EarlyEvent[] = [];
  #ended = false;
  readonly #slab = new Slab();
  readonly #outbox = new Outbox();
  #flushing = false;
  heardMs: number;
  sentMs: number;
  digest = false;

  constructor(owner: ConnectionOwner, options: NbsClientOptions) {
    this.#owner = owner;
    this.#options = options;
    this.heardMs = this.sentMs = options.clock.nowMs();
    this.#framer = new Framer(
      {
        onMessage: (header, payload, intact, inRange) => this.#arrived(header, payload, intact && inRange),
        memory: (header) =>
          isAnswer(header) ? owner.memoryOf(cookieOf(header), header.payloadBytes) : undefined,
      },
      [Magic.REPLY, Magic.EVENT],
      FIELDS_LIMIT_BYTES,
    );
  }

  /**
   * Connects, and resumes a session or opens one. Throws a {@link NbsClientError}, or what the dial throws; the
   * connection is over then.
   */
  async open(dial: Dial, clientId: string, before: SessionKey | undefined): Promise<OpenedSession> {
    try {
      const transport = await dial(this);
      this.#transport = transport;
      // Given up while it was being dialled.
      if (this.#ended) throw new NbsClientError('NBS_LINK_DOWN', 'the connection has ended');
      const server = await this.#hello(clientId, before);
      if (server.version !== HEADER_VERSION)
        throw new NbsClientError('NBS_OPEN_FAILED', `the server speaks version ${String(server.version)}`);
      this.digest = server.digest === true;
      const resumed = server.resumed === true && before !== undefined;
      const last = resumed ? {} : await this.#authenticate(server);
      const { sessionId: id, resumeSecret: secret } = last;
      const fresh = id === undefined || secret === undefined ? undefined : { id, secret };
      const key = resumed ? before : fresh;
      if (key === undefined) throw new NbsClientError('NBS_PROTOCOL', 'the server has opened no session');
      this.#isOpen = true;
      this.#framer.maxPayloadBytes = Math.max(FIELDS_LIMIT_BYTES, server.maxPayloadBytes ?? 0);
      return { key, resumed, server };
    } catch (error) {
      this.#transport?.destroy();
      this.disconnected();
      throw error;
    }
  }

  /** Has the owner hear of the events that came right behind the answer that has opened the session. */
  tellEarly(): void {
    for (const { sequence, code, fields } of this.#early.splice(0))
      this.#owner.onEvent(sequence, code, fields);
  }

  /** True when it is over, also in the moment in which it was opened. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends a request. What is sent in one turn leaves together, unless it is much. */
  send(pending: Pending): void {
    if (this.#ended) return;
    this.sentMs = this.#options.clock.nowMs();
    pending.send(this.#outbox, this.#slab, this.digest);
    if (this.#outbox.messageCount >= SEND_AT_ONCE) return this.#flush();
    if (this.#flushing) return;
    this.#flushing = true;
    this.#transport!.defer(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#ended && this.#outbox.messageCount > 0) this.#transport!.send(this.#outbox.take());
  }

  receive(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.heardMs = this.#options.clock.nowMs();
    try {
      this.#framer.push(chunk);
    } catch (error) {
      if (!(error instanceof NbsCodecError)) throw error;
      this.drop();
    }
  }

  disconnected(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#framer.stop();
    this.#opening?.waiter.reject(new NbsClientError('NBS_LINK_DOWN', 'the connection has ended'));
    this.#owner.onEnd(this);
  }

  /** Ends the connection at once. */
  drop(): void {
    this.#transport?.destroy();
    this.disconnected();
  }

  /** Ends the connection after what was sent. */
  finish(): void {
    this.#transport?.end();
    this.disconnected();
  }

  #hello(clientId: string, before: SessionKey | undefined): Promise<Fields> {
    const { clientName, digest = false } = this.#options;
    return this.#ask('HELLO', {
      versionMin: HEADER_VERSION,
      versionMax: HEADER_VERSION,
      clientId,
      ...(clientName === undefined ? {} : { clientName }),
      ...(digest ? { digest } : {}),
      ...(before === undefined ? {} : { sessionId: before.id, resumeSecret: before.secret }),
    });
  }

  #authenticate({ mechanism = [] }: Fields): Promise<Fields> {
    const { credentials = {}, crypto } = this.#options;
    const step = (fields: Fields): Promise<Fields> => this.#ask('AUTH', fields);
    return authenticate(step, mechanism, credentials, crypto, this.#transport!);
  }

  /** One request of the opening. */
  async #ask(name: OpcodeName, fields: Fields): Promise<Fields> {
    const parts: RequestParts = { fields };
    const reply = await new Promise<ClientReply>((resolve, reject) => {
      this.#opening = new Pending(name, 0, parts, parts, { resolve, reject });
      this.send(this.#opening);
      if (this.#ended) reject(new NbsClientError('NBS_LINK_DOWN', 'the connection has ended'));
    });
    return reply.fields;
  }

  #arrived(header: Header, payload: Uint8Array, intact: boolean): void {
    if (!intact || (header.flags & Flag.MORE) !== 0) return this.drop();
    const cookie = cookieOf(header);
    if (header.magic === Magic.EVENT) {
      this.#event({ sequence: cookie, code: header.opcode, fields: decodeFields(payload) });
      return;
    }
    // The request has lost bits on its way: it is sent again by the next connection.
    if (header.status === Status.DIGEST) return this.drop();
    const reply = header.status === Status.OK ? payload : refusalOf(header, payload);
    if (this.#isOpen) this.#owner.onReply(cookie, reply);
    else this.#settleOpening(reply);
  }

  #event(event: EarlyEvent): void {
    if (this.#isOpen) this.#owner.onEvent(event.sequence, event.code, event.fields);
    else if (this.#opening !== undefined || this.#early.length >= EARLY_LIMIT) this.drop();
    else this.#early.push(event);
  }

  #settleOpening(reply: Uint8Array | NbsClientError): void {
    const asked = this.#opening;
    this.#opening = undefined;
    if (asked === undefined) return this.drop();
    const { resolve, reject } = asked.waiter;
    if (!(reply instanceof NbsClientError)) resolve(asked.read(reply));
    else if (reply.status === 'SESSION_LOST') reject(new NbsClientError('NBS_SESSION_LOST', reply.message));
    else reject(new NbsClientError('NBS_OPEN_FAILED', reply.message, reply.status, reply.fields));
  }
}

/** True for the answer to a request that was not refused. */
function isAnswer({ magic, status }: Header): boolean {
  return magic === Magic.REPLY && status === Status.OK;
}

function cookieOf({ cookieHigh, cookieLow }: Header): number {
  return cookieHigh * 2 ** 32 + cookieLow;
}

/** What the server refused, and why. */
function refusalOf(header: Header, payload: Uint8Array): NbsClientError {
  const fields = decodeFields(payload);
  const status = statusName(header.status);
  return new NbsClientError('NBS_REFUSED', fields.errorText ?? status, status, fields);
}
