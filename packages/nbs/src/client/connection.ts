import { Framer } from '../codec/framer.ts';
import { Flag, HEADER_VERSION, Magic, type Header } from '../codec/header.ts';
import { NbsCodecError } from '../codec/nbs-error.ts';
import { FIELDS_LIMIT_BYTES, type OpcodeName } from '../codec/opcode-table.ts';
import { Status, statusName } from '../codec/status-table.ts';
import { decodeFields, type Fields } from '../codec/tlv.ts';
import type { NbsTransport } from '../transport.ts';
import { authenticate } from './client-auth.ts';
import { NbsClientError } from './client-error.ts';
import type { ClientLink, Dial, NbsClientOptions } from './client-options.ts';
import { Pending, type ClientReply, type RequestParts } from './pending.ts';

/** What a connection tells its client. */
export interface ConnectionOwner {
  onReply(cookie: number, reply: ClientReply | NbsClientError): void;
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

const NOTHING = new Uint8Array(0);

/** One connection to a server: opens or resumes a session, then carries its messages. */
export class ClientConnection implements ClientLink {
  readonly #owner: ConnectionOwner;
  readonly #options: NbsClientOptions;
  readonly #framer: Framer;
  #transport: NbsTransport | undefined;
  /** The request of the opening that is under way. */
  #opening: Pending | undefined;
  #isOpen = false;
  #ended = false;
  #outgoing: Uint8Array[] = [];
  #flushing = false;
  heardMs: number;
  sentMs: number;
  digest = false;

  constructor(owner: ConnectionOwner, options: NbsClientOptions) {
    this.#owner = owner;
    this.#options = options;
    this.heardMs = this.sentMs = options.clock.nowMs();
    this.#framer = new Framer(
      { onMessage: (header, payload, intact, inRange) => this.#arrived(header, payload, intact && inRange) },
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

  /** True when it is over, also in the moment in which it was opened. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends a request. What is sent in one turn leaves in one write. */
  send(pending: Pending): void {
    if (this.#ended) return;
    this.sentMs = this.#options.clock.nowMs();
    this.#outgoing.push(pending.message(this.digest));
    if (this.#flushing) return;
    this.#flushing = true;
    this.#transport!.defer(() => {
      this.#flushing = false;
      if (this.#ended) return;
      const pieces = this.#outgoing;
      this.#outgoing = [];
      this.#transport!.send(pieces);
    });
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
    this.#opening?.reject(new NbsClientError('NBS_LINK_DOWN', 'the connection has ended'));
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
      this.#opening = new Pending(name, 0, parts, { resolve, reject });
      this.send(this.#opening);
      if (this.#ended) reject(new NbsClientError('NBS_LINK_DOWN', 'the connection has ended'));
    });
    return reply.fields;
  }

  #arrived(header: Header, payload: Uint8Array, intact: boolean): void {
    if (!intact || (header.flags & Flag.MORE) !== 0) return this.drop();
    const cookie = header.cookieHigh * 2 ** 32 + header.cookieLow;
    if (header.magic === Magic.EVENT) {
      if (!this.#isOpen) return this.drop();
      this.#owner.onEvent(cookie, header.opcode, decodeFields(payload));
      return;
    }
    // The request has lost bits on its way: it is sent again by the next connection.
    if (header.status === Status.DIGEST) return this.drop();
    if (this.#isOpen) this.#owner.onReply(cookie, replyOf(header, payload));
    else this.#settleOpening(replyOf(header, payload));
  }

  #settleOpening(reply: ClientReply | NbsClientError): void {
    const asked = this.#opening;
    this.#opening = undefined;
    if (asked === undefined) return this.drop();
    if (!(reply instanceof NbsClientError)) asked.resolve(readReply(asked, reply));
    else if (reply.status === 'SESSION_LOST')
      asked.reject(new NbsClientError('NBS_SESSION_LOST', reply.message));
    else asked.reject(new NbsClientError('NBS_OPEN_FAILED', reply.message, reply.status, reply.fields));
  }
}

/** A reply as the client tells of it; which payload is data its request knows. */
function replyOf(header: Header, payload: Uint8Array): ClientReply | NbsClientError {
  if (header.status === Status.OK) return { fields: {}, data: payload };
  const fields = decodeFields(payload);
  const status = statusName(header.status);
  return new NbsClientError('NBS_REFUSED', fields.errorText ?? status, status, fields);
}

/** The reply to a request, with its payload read as what it is. */
export function readReply({ answersData }: Pending, { data }: ClientReply): ClientReply {
  return answersData ? { fields: {}, data } : { fields: decodeFields(data), data: NOTHING };
}
