import { isPromise } from '@lunbox/block';
import { blankHeader, HEADER_BYTES, Magic, UNDERSTOOD_FLAGS, type Header } from '../codec/header.ts';
import { Framer } from '../codec/framer.ts';
import { sealMessage } from '../codec/message.ts';
import { NbsCodecError } from '../codec/nbs-error.ts';
import {
  FIELDS_LIMIT_BYTES,
  opcodeName,
  OPCODES,
  type OpcodeName,
  type OpcodeRow,
} from '../codec/opcode-table.ts';
import { Outbox } from '../codec/outbox.ts';
import { BufferPool } from '../codec/slab.ts';
import { Status } from '../codec/status-table.ts';
import { decodeFields, encodeFields, type Fields } from '../codec/tlv.ts';
import type { NbsTransport } from '../transport.ts';
import { DATA_HANDLERS } from './data-requests.ts';
import { refusalOf } from './failure.ts';
import { GROUP_HANDLERS } from './group-requests.ts';
import { OBJECT_HANDLERS } from './object-requests.ts';
import { Opening, type Opened, type Opener } from './opening.ts';
import { QUIESCE_HANDLERS } from './quiesce-requests.ts';
import type { Handler, Reply, ServerRequest } from './request.ts';
import { NbsRefusal } from './service.ts';
import type { ServerSession, SessionLink, StoredAnswer } from './session.ts';
import { SNAPSHOT_HANDLERS } from './snapshot-requests.ts';

/** What each request in a session does; HELLO, AUTH and BYE are the connection's own. */
type Handled = Exclude<OpcodeName, 'HELLO' | 'AUTH' | 'BYE'>;

const HANDLERS: Readonly<Record<Handled, Handler>> = {
  ...OBJECT_HANDLERS,
  ...DATA_HANDLERS,
  ...SNAPSHOT_HANDLERS,
  ...GROUP_HANDLERS,
  ...QUIESCE_HANDLERS,
};

/** Answers that wait for the peer beyond this: no more requests are taken until it has read some. */
const SEND_BACKLOG_BYTES = 4 << 20;

/** So many answers leave without waiting for more: the client works on them while the next ones are made. */
const SEND_AT_ONCE = 8;

const NO_FIELDS: Fields = {};
const NO_DATA = new Uint8Array(0);

/** What a connection needs of its server. */
export interface ConnectionOwner extends Opener {
  connectionEnded(connection: ServerConnection): void;
  endSession(session: ServerSession): Promise<void>;
}

interface Waiting {
  readonly header: Header;
  readonly payload: Uint8Array;
  readonly intact: boolean;
  readonly inRange: boolean;
}

/** One connection of a client, from its first byte on. */
export class ServerConnection implements SessionLink {
  readonly #owner: ConnectionOwner;
  readonly #transport: NbsTransport;
  readonly #framer: Framer;
  readonly #opening: Opening;
  #session: ServerSession | undefined;
  readonly #startedMs: number;
  #heardMs: number;
  #inFlight = 0;
  #bytesInFlight = 0;
  #paused = false;
  #ended = false;
  /** What came beyond the limits; there is no more of it than one chunk has. */
  #waiting: Waiting[] = [];
  /** Payloads that came, until their request is over. */
  readonly #incoming = new BufferPool();
  /** Answers, until they have left. Those that were made one after the other leave in one piece. */
  readonly #outgoing = new BufferPool();
  #leaving: Uint8Array[] = [];
  readonly #outbox = new Outbox();
  #flushing = false;

  constructor(owner: ConnectionOwner, transport: NbsTransport, nowMs: number) {
    this.#owner = owner;
    this.#transport = transport;
    this.#startedMs = this.#heardMs = nowMs;
    this.#opening = new Opening(owner, transport);
    const receiver = {
      onMessage: (header: Header, payload: Uint8Array, intact: boolean, inRange: boolean) =>
        this.#arrived({ header: { ...header }, payload, intact, inRange }),
      memory: ({ payloadBytes }: Header) => this.#incoming.take(payloadBytes),
    };
    this.#framer = new Framer(receiver, [Magic.REQUEST], FIELDS_LIMIT_BYTES);
  }

  /** Payloads have digests. */
  get digest(): boolean {
    return this.#opening.digest;
  }

  /** False while there is no session. */
  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** Bytes from the client; the chunk may be used again after the call. */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.#ended) return;
    this.#heardMs = nowMs;
    try {
      this.#framer.push(chunk);
    } catch (error) {
      if (!(error instanceof NbsCodecError)) throw error;
      // The position in the stream is lost: nothing that follows can be understood.
      this.drop();
    }
    this.#flush();
  }

  /** The transport has ended. */
  disconnected(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#framer.stop();
    this.#waiting = [];
    this.#outbox.take();
    this.#owner.connectionEnded(this);
    const session = this.#session;
    if (session?.link !== this) return;
    session.link = undefined;
    session.lostAtMs = this.#owner.core.clock.nowMs();
  }

  /** Time goes by: drops who does not come to a session, and who is silent. */
  tick(nowMs: number): void {
    const { openingTimeoutMs, keepaliveMs } = this.#owner.core.limits;
    const late = this.#session === undefined && nowMs - this.#startedMs > openingTimeoutMs;
    if (late || nowMs - this.#heardMs > 2 * keepaliveMs) this.drop();
  }

  /** The transport has taken bytes: goes on with what waits for that. */
  drained(): void {
    this.#goOn();
  }

  drop(): void {
    this.#transport.destroy();
    this.disconnected();
  }

  sendNow(message: Uint8Array): void {
    this.#queue(message);
  }

  /** Ends in peace: what was answered goes out first. */
  finish(): void {
    this.#flush();
    this.#transport.end();
    this.disconnected();
  }

  #arrived(message: Waiting): void {
    if (this.#waiting.length === 0 && !this.#isFull) return this.#take(message);
    this.#waiting.push(message);
    if (this.#paused) return;
    this.#paused = true;
    this.#transport.pause();
  }

  /** True while no further request is begun: too many are at work, or the peer does not read its answers. */
  get #isFull(): boolean {
    const { maxInFlight, windowBytes } = this.#owner.core.limits;
    const backlogBytes = this.#outbox.lengthBytes + this.#transport.backlogBytes;
    return (
      this.#inFlight >= maxInFlight ||
      this.#bytesInFlight >= windowBytes ||
      backlogBytes >= SEND_BACKLOG_BYTES
    );
  }

  /** Begins what waits, as far as there is room. */
  #goOn(): void {
    while (this.#waiting.length > 0 && !this.#ended && !this.#isFull) this.#take(this.#waiting.shift()!);
    if (this.#waiting.length > 0 || this.#ended || !this.#paused) return;
    this.#paused = false;
    this.#transport.resume();
  }

  #take(message: Waiting): void {
    const { header } = message;
    const bytes = Math.max(header.length, header.payloadBytes);
    this.#inFlight++;
    this.#bytesInFlight += bytes;
    const session = this.#session;
    session?.begin();
    const over = (): void => {
      this.#inFlight--;
      this.#bytesInFlight -= bytes;
      session?.end();
      this.#incoming.give(message.payload);
    };
    try {
      const work = this.#perform(message);
      if (!isPromise(work)) return over();
      void work
        .catch((error: unknown) => this.#refuse(header, error))
        .finally(() => {
          over();
          this.#goOn();
          this.#flushSoon();
        });
    } catch (error) {
      this.#refuse(header, error);
      over();
    }
  }

  #perform(message: Waiting): void | Promise<void> {
    const { header } = message;
    const [row, request] = readRequest(message);
    if (row.phase === 'opening') return this.#open(header, request);
    const session = this.#session;
    if (session === undefined) throw new NbsRefusal('AUTH_REQUIRED', 'HELLO and AUTH come first');
    if (request.name === 'BYE') return this.#bye(header, session);
    if (!row.repeatable) return this.#performOnce(header, row, request, session);
    const reply = this.#run(row, request, session);
    if (!isPromise(reply)) return this.#answer(header, reply);
    return reply.then((done) => this.#answer(header, done));
  }

  #run(row: OpcodeRow, request: ServerRequest, session: ServerSession): Reply | Promise<Reply> {
    const open = row.onHandle ? session.handle(request.handle) : undefined;
    if (row.need === 'snapshot' || row.need === 'admin') {
      const { permissions } = open!.object.describe();
      if (!permissions[row.need])
        throw new NbsRefusal('PERM', `the user needs the permission ${row.need} for this`);
    }
    return HANDLERS[request.name as Handled](request, {
      core: this.#owner.core,
      session,
      open,
      memory: this.#outgoing,
    });
  }

  /** What must not be done twice: who asks again, after a reconnect, gets the answer of the first time. */
  async #performOnce(
    header: Header,
    row: OpcodeRow,
    request: ServerRequest,
    session: ServerSession,
  ): Promise<void> {
    const key = `${request.cookieHigh}:${request.cookieLow}`;
    const { status, payload } = await session.once(key, async (): Promise<StoredAnswer> => {
      try {
        const { fields } = await this.#run(row, request, session);
        return { status: 0, payload: fields && encodeFields(fields) };
      } catch (error) {
        return this.#refusal(error);
      }
    });
    this.#send(header, status, payload);
  }

  async #open(header: Header, request: ServerRequest): Promise<void> {
    if (this.#session !== undefined) throw new NbsRefusal('PROTO', 'the session is there already');
    try {
      const opened: Opened =
        request.name === 'HELLO' ? await this.#opening.hello(request) : this.#opening.authenticate(request);
      const { fields, session } = opened;
      // While it waited, the client may have gone.
      if (this.#ended) return;
      this.#send(header, 0, encodeFields(fields));
      if (session !== undefined) this.#attach(session);
    } catch (error) {
      this.#refuse(header, error);
      this.finish();
    }
  }

  #attach(session: ServerSession): void {
    this.#session = session;
    session.link?.drop();
    session.link = this;
    this.#framer.maxPayloadBytes = 2 * this.#owner.core.limits.maxPayloadBytes;
    session.resendEvents();
  }

  async #bye(header: Header, session: ServerSession): Promise<void> {
    await this.#owner.endSession(session);
    this.#send(header, 0, undefined);
    this.finish();
  }

  #answer(header: Header, { fields, message }: Reply): void {
    if (message === undefined) {
      this.#send(header, 0, fields && encodeFields(fields));
      return;
    }
    sealMessage(replyTo(header, 0), message, this.digest);
    this.#queue(message);
  }

  #refuse(header: Header, error: unknown): void {
    const { status, payload } = this.#refusal(error);
    this.#send(header, status, payload);
  }

  #refusal(error: unknown): StoredAnswer {
    const refusal = refusalOf(error);
    if (refusal === undefined) this.#owner.core.reportInternalError(error);
    const { status, message, fields } = refusal ?? new NbsRefusal('IO', 'a mistake of the server');
    const errorText = message.slice(0, 500);
    return { status: Status[status], payload: encodeFields({ ...fields, errorText }) };
  }

  #send(header: Header, status: number, payload: Uint8Array | undefined): void {
    const message = this.#outgoing.take(HEADER_BYTES + (payload?.length ?? 0));
    if (payload !== undefined) message.set(payload, HEADER_BYTES);
    sealMessage(replyTo(header, status), message, this.digest);
    this.#queue(message);
  }

  #queue(message: Uint8Array): void {
    if (this.#ended) return;
    this.#outbox.push(message);
    this.#leaving.push(message);
    if (this.#outbox.messageCount >= SEND_AT_ONCE) this.#flush();
    else this.#flushSoon();
  }

  /** What is answered in one turn leaves together, unless it is much. */
  #flushSoon(): void {
    if (this.#flushing || this.#outbox.messageCount === 0) return;
    this.#flushing = true;
    this.#transport.defer(() => {
      this.#flushing = false;
      this.#flush();
      this.#goOn();
    });
  }

  #flush(): void {
    if (this.#outbox.messageCount === 0 || this.#ended) return;
    const messages = this.#leaving;
    this.#leaving = [];
    this.#transport.send(this.#outbox.take(), () => {
      for (const message of messages) this.#outgoing.give(message);
    });
  }
}

/** The header of the reply to a request. */
function replyTo(header: Header, status: number): Header {
  const reply = blankHeader(Magic.REPLY, header.opcode);
  reply.status = status;
  reply.cookieHigh = header.cookieHigh;
  reply.cookieLow = header.cookieLow;
  reply.handle = header.handle;
  reply.offset = header.offset;
  reply.length = header.length;
  reply.epoch = header.epoch;
  return reply;
}

/** Reads a request as its row of the table says. Throws a {@link NbsRefusal}, or what decoding throws. */
function readRequest({ header, payload, intact, inRange }: Waiting): [OpcodeRow, ServerRequest] {
  const name = opcodeName(header.opcode);
  const unknown = (header.flags & ~UNDERSTOOD_FLAGS) >>> 0;
  if (name === undefined || unknown !== 0)
    throw new NbsRefusal('NOTSUP', `request ${header.opcode.toString(16)}h is not known here`);
  if (!inRange) throw new NbsRefusal('OVERFLOW', 'a number of the header is beyond 2^53');
  if (!intact) throw new NbsRefusal('DIGEST', 'the payload does not fit its digest');
  const row: OpcodeRow = OPCODES[name];
  if (row.request === 'none' && payload.length > 0) throw new NbsRefusal('PROTO', `${name} has no payload`);
  if (row.request === 'fields' && payload.length > FIELDS_LIMIT_BYTES)
    throw new NbsRefusal('PROTO', `fields of ${payload.length} bytes`);
  const fields = row.request === 'fields' ? decodeFields(payload) : NO_FIELDS;
  const missing = row.required.find((each) => fields[each] === undefined);
  if (missing !== undefined) throw new NbsRefusal('INVAL', `${name} needs ${missing}`);
  const { flags, cookieHigh, cookieLow, handle, offset, length, epoch } = header;
  const data = row.request === 'data' ? payload : NO_DATA;
  return [row, { name, flags, cookieHigh, cookieLow, handle, offset, length, epoch, fields, data }];
}
