import { eventName, type EventName } from '../codec/event-table.ts';
import { NbsCodecError } from '../codec/nbs-error.ts';
import type { OpcodeName } from '../codec/opcode-table.ts';
import type { Fields } from '../codec/tlv.ts';
import { NbsClientError } from './client-error.ts';
import type { NbsClientOptions } from './client-options.ts';
import { ClientConnection, type ConnectionOwner, type OpenedSession, type SessionKey } from './connection.ts';
import { Pending, type ClientReply, type RequestParts, type RequestTarget, type Waiter } from './pending.ts';

const DEFAULT_LOSS_TIMEOUT_MS = 120_000;
const DEFAULT_RECONNECT_MS = 1000;
const MAX_RECONNECT_MS = 30_000;
/** A connection that has come to no session after this time is given up. */
const OPENING_TIMEOUT_MS = 10_000;
/** Requests that wait for their turn beyond those that are under way. */
const QUEUE_LIMIT = 4096;

/** Hears of an event. */
export type EventListener = (name: EventName, fields: Fields) => void;

/**
 * A client of an NBS server, without sockets. It keeps one session over many connections: what was not answered when a
 * connection is lost is sent again by the next one, at the next portal, and is done once. When the server does not know
 * the session any more (it was started anew), what was not answered fails with `NBS_SESSION_LOST`, and a new session
 * begins: open objects must be opened again. `NbsDisk` does all that by itself.
 */
export class NbsClient {
  readonly #options: NbsClientOptions;
  readonly #clientId: string;
  readonly #listeners = new Set<EventListener>();
  #connection: ClientConnection | undefined;
  #isReady = false;
  #session: SessionKey | undefined;
  #server: Fields = {};
  #sessionCount = 0;
  #nextCookie = 1;
  /** Sent and not answered, by cookie, in the order of their cookies. */
  readonly #pending = new Map<number, Pending>();
  #pendingBytes = 0;
  #queue: Pending[] = [];
  #lastEvent = 0;
  #portal = 0;
  #failures = 0;
  /** When the way to the server was lost; undefined while there is one. */
  #downSinceMs: number | undefined;
  #cancelTimer: () => void = () => undefined;
  #closed = false;
  /** Settles with the first session, or when there is none to be had. */
  #first: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(options: NbsClientOptions) {
    this.#options = options;
    const bytes = options.random.bytes(16);
    this.#clientId = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /** What the server has told of itself: limits, name, identity of its run. */
  get server(): Fields {
    return this.#server;
  }

  /** Grows with every new session: what was open before is not any more. */
  get sessionCount(): number {
    return this.#sessionCount;
  }

  /**
   * Opens the first session. Throws a {@link NbsClientError} `NBS_OPEN_FAILED` when the server does not let the client
   * in, `NBS_LINK_DOWN` when it cannot be reached within the loss timeout.
   */
  async connect(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#downSinceMs = this.#options.clock.nowMs();
      void this.#dial();
    });
  }

  /** Calls `listener` with every event, each once. Returns a function that ends the subscription. */
  onEvent(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends a request and completes with its answer. Throws a {@link NbsClientError}. */
  request(name: OpcodeName, parts: RequestParts = {}): Promise<ClientReply> {
    return new Promise((resolve, reject) => this.submit(name, parts, parts, { resolve, reject }));
  }

  /** As {@link NbsClient.request}, without a promise: one of the waiter's functions is called, once. */
  submit(name: OpcodeName, parts: RequestParts, target: RequestTarget, waiter: Waiter): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      waiter.reject(refusal);
      return;
    }
    this.#queue.push(new Pending(name, this.#nextCookie++, parts, target, waiter));
    this.#pump();
  }

  /** Ends the session in peace, or at once when there is no way to the server. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const bye = this.#isReady ? this.request('BYE').catch(() => undefined) : undefined;
    this.#closed = true;
    await bye;
    this.#cancelTimer();
    this.#failAll(new NbsClientError('NBS_CLOSED', 'the client was closed'));
    this.#connection?.finish();
  }

  /** What keeps a request from being taken. */
  #refusal(): NbsClientError | undefined {
    if (this.#closed) return new NbsClientError('NBS_CLOSED', 'the client was closed');
    if (this.#isLate()) return this.#linkDown();
    if (this.#queue.length >= QUEUE_LIMIT)
      return new NbsClientError('NBS_REFUSED', `${QUEUE_LIMIT} requests wait already`, 'LIMIT');
    return undefined;
  }

  #isLate(): boolean {
    const { clock, lossTimeoutMs = DEFAULT_LOSS_TIMEOUT_MS } = this.#options;
    return this.#downSinceMs !== undefined && clock.nowMs() - this.#downSinceMs >= lossTimeoutMs;
  }

  #linkDown(): NbsClientError {
    return new NbsClientError('NBS_LINK_DOWN', 'there is no way to the server');
  }

  /** Sends what may be sent now. */
  #pump(): void {
    const { maxInFlight = 1, windowBytes = 0 } = this.#server;
    while (this.#isReady && this.#queue.length > 0) {
      const isFull = this.#pending.size >= maxInFlight || this.#pendingBytes >= windowBytes;
      if (isFull && this.#pending.size > 0) return;
      const next = this.#queue.shift()!;
      if (next.session !== undefined && next.session !== this.#sessionCount) {
        next.waiter.reject(sessionLost());
        continue;
      }
      this.#pending.set(next.cookie, next);
      this.#pendingBytes += next.bytes;
      this.#connection!.send(next);
    }
  }

  async #dial(): Promise<void> {
    const { portals } = this.#options;
    const connection = new ClientConnection(this.#owner, this.#options);
    this.#connection = connection;
    const cancel = this.#options.clock.setTimer(OPENING_TIMEOUT_MS, () => connection.drop());
    try {
      const opened = await connection.open(
        portals[this.#portal % portals.length]!,
        this.#clientId,
        this.#session,
      );
      if (connection.ended) throw new NbsClientError('NBS_LINK_DOWN', 'the connection has ended');
      if (this.#connection === connection) this.#opened(connection, opened);
    } catch (error) {
      this.#dialFailed(connection, error);
    } finally {
      cancel();
    }
  }

  #opened(connection: ClientConnection, { key, resumed, server }: OpenedSession): void {
    this.#session = key;
    this.#server = server;
    this.#downSinceMs = undefined;
    this.#failures = 0;
    if (!resumed) {
      this.#sessionCount++;
      this.#lastEvent = 0;
    }
    this.#isReady = true;
    for (const pending of this.#pending.values()) connection.send(pending);
    this.#first?.resolve();
    this.#first = undefined;
    this.#watch(connection);
    connection.tellEarly();
    this.#pump();
  }

  #dialFailed(connection: ClientConnection, error: unknown): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    if (this.#closed) return;
    const code = error instanceof NbsClientError ? error.code : undefined;
    if (code === 'NBS_SESSION_LOST') {
      this.#session = undefined;
      this.#failPending(sessionLost());
      void this.#dial();
      return;
    }
    if (code === 'NBS_OPEN_FAILED' && this.#first !== undefined) {
      this.#closed = true;
      this.#first.reject(error as Error);
      return;
    }
    this.#tryLater();
  }

  #tryLater(): void {
    const { clock, reconnectMs = DEFAULT_RECONNECT_MS } = this.#options;
    if (this.#isLate()) {
      this.#failAll(this.#linkDown());
      this.#first?.reject(this.#linkDown());
      if (this.#first !== undefined) this.#closed = true;
      if (this.#closed) return;
    }
    this.#portal++;
    const waitMs = Math.min(MAX_RECONNECT_MS, reconnectMs * 2 ** Math.min(20, this.#failures++));
    this.#cancelTimer = clock.setTimer(waitMs, () => void this.#dial());
  }

  readonly #owner: ConnectionOwner = {
    memoryOf: (cookie, lengthBytes) => this.#pending.get(cookie)?.memoryOf(lengthBytes),
    onReply: (cookie, reply) => this.#replied(cookie, reply),
    onEvent: (sequence, code, fields) => this.#heard(sequence, code, fields),
    onEnd: (connection) => this.#ended(connection),
  };

  #ended(connection: ClientConnection): void {
    if (this.#connection !== connection || !this.#isReady) return;
    this.#isReady = false;
    this.#connection = undefined;
    this.#cancelTimer();
    this.#downSinceMs = this.#options.clock.nowMs();
    // The next attempt is made at once: most of the time the server is there.
    if (!this.#closed) void this.#dial();
  }

  #replied(cookie: number, reply: Uint8Array | NbsClientError): void {
    const pending = this.#pending.get(cookie);
    if (pending === undefined) return;
    this.#pending.delete(cookie);
    this.#pendingBytes -= pending.bytes;
    this.#pump();
    const answer = reply instanceof NbsClientError ? reply : readReply(pending, reply);
    if (answer instanceof NbsClientError) pending.waiter.reject(answer);
    else pending.waiter.resolve(answer);
  }

  /** An event that came before, and was sent again since its acknowledgement was lost, is acknowledged once more. */
  #heard(sequence: number, code: number, fields: Fields): void {
    const name = eventName(code);
    if (sequence > this.#lastEvent) {
      this.#lastEvent = sequence;
      if (name !== undefined) for (const listener of this.#listeners) listener(name, fields);
    }
    if (name === 'GOODBYE') {
      this.#connection?.drop();
      return;
    }
    void this.request('EVENT_ACK', { fields: { eventSequence: sequence } }).catch(() => undefined);
  }

  /** Keeps the connection alive, and finds out when it is not. */
  #watch(connection: ClientConnection): void {
    const { clock } = this.#options;
    const { keepaliveMs = 15_000 } = this.#server;
    this.#cancelTimer = clock.setTimer(keepaliveMs / 2, () => {
      if (this.#connection !== connection) return;
      const nowMs = clock.nowMs();
      if (nowMs - connection.heardMs >= 2 * keepaliveMs) {
        connection.drop();
        return;
      }
      const idleMs = nowMs - Math.min(connection.heardMs, connection.sentMs);
      if (idleMs >= keepaliveMs / 2) void this.request('PING').catch(() => undefined);
      this.#watch(connection);
    });
  }

  #failPending(error: NbsClientError): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    this.#pendingBytes = 0;
    for (const pending of all) pending.waiter.reject(error);
  }

  #failAll(error: NbsClientError): void {
    this.#failPending(error);
    const queue = this.#queue;
    this.#queue = [];
    for (const pending of queue) pending.waiter.reject(error);
  }
}

function readReply(pending: Pending, payload: Uint8Array): ClientReply | NbsClientError {
  try {
    return pending.read(payload);
  } catch (error) {
    if (!(error instanceof NbsCodecError)) throw error;
    return new NbsClientError('NBS_PROTOCOL', `the answer to ${pending.name}: ${error.message}`);
  }
}

function sessionLost(): NbsClientError {
  return new NbsClientError('NBS_SESSION_LOST', 'the server does not know the session any more');
}
