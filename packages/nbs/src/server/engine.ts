import type { Clock, Random } from '@lunbox/block';
import type { NbsTransport } from '../transport.ts';
import type { NbsAuthentication } from './authentication.ts';
import { ServerConnection, type ConnectionOwner } from './connection.ts';
import type { EngineCore } from './engine-core.ts';
import { GuessBrake } from './guess-brake.ts';
import { Leases } from './leases.ts';
import { DEFAULT_NBS_LIMITS, type NbsLimits } from './limits.ts';
import type { OpenHandle } from './open-handle.ts';
import { Quiesce, type QuiescedResult } from './quiesce.ts';
import { NbsRefusal, type NbsService } from './service.ts';
import { ServerSession } from './session.ts';

/** One connection of a client, as whoever has its socket sees it. */
export interface NbsConnection {
  /** Bytes from the client; the chunk may be used again after the call. */
  receive(chunk: Uint8Array, nowMs: number): void;
  /** The socket has ended. */
  disconnected(): void;
  /** The socket has taken bytes: what waits for that goes on. */
  drained(): void;
}

/** What an {@link NbsEngine} is made from. */
export interface NbsEngineOptions {
  readonly service: NbsService;
  readonly authentication: NbsAuthentication;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<NbsLimits>;
  /** What people call the server. */
  readonly serverName?: string;
  /** Where else the server can be reached, the best place first. */
  readonly portals?: readonly { readonly address: string; readonly port: number }[];
  /** Hears of mistakes of ours: the client got IO. */
  readonly onInternalError?: (error: unknown) => void;
}

const SECRET_BYTES = 32;

/**
 * An NBS server without sockets: give it connections, the bytes that come, and time. See docs/nbs-protocol.md.
 */
export class NbsEngine {
  readonly #options: NbsEngineOptions;
  readonly #core: EngineCore;
  readonly #owner: ConnectionOwner;
  readonly #sessions = new Map<string, ServerSession>();
  readonly #connections = new Set<ServerConnection>();
  readonly #ending = new Set<Promise<void>>();
  #stopping = false;

  constructor(options: NbsEngineOptions) {
    this.#options = options;
    const { service, clock, random, authentication, serverName = 'lunbox' } = options;
    const { onInternalError = writeToStandardError } = options;
    const limits = { ...DEFAULT_NBS_LIMITS, ...options.limits };
    const { maxEvents, maxSuspendedMs } = limits;
    const newId = (): string => uuidOf(random.bytes(16));
    this.#core = {
      service,
      clock,
      limits,
      quiesce: new Quiesce(this.#sessions, { clock, maxEvents, maxSuspendedMs, newId }),
      leases: new Leases(),
      sessions: this.#sessions,
      serverId: uuidOf(random.bytes(16)),
      serverName,
      startedMs: clock.nowMs(),
      closeHandle: (session, handle) => this.#closeHandle(session, handle),
      reportInternalError: onInternalError,
    };
    this.#owner = {
      core: this.#core,
      authentication,
      decoySecret: random.bytes(SECRET_BYTES),
      brake: new GuessBrake(limits),
      portals: options.portals?.map((portal) => ({ ...portal, active: true })),
      newSession: (user, peer) => this.#newSession(user, peer),
      resume: (id, secret) => this.#resume(id, secret),
      connectionEnded: (connection) => this.#connections.delete(connection),
      endSession: (session) => this.#endSession(session),
    };
  }

  /** Sessions, those that wait for their client included. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Connections. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Takes a connection; undefined when there are too many, or the server stops: end it then. */
  accept(transport: NbsTransport, nowMs: number): NbsConnection | undefined {
    const { maxConnections, maxOpening } = this.#core.limits;
    const opening = [...this.#connections].filter(({ isOpen }) => !isOpen).length;
    if (this.#stopping || this.#connections.size >= maxConnections || opening >= maxOpening) return undefined;
    const connection = new ServerConnection(this.#owner, transport, nowMs);
    this.#connections.add(connection);
    return connection;
  }

  /** Time goes by: call it about once a second. */
  tick(nowMs: number): void {
    for (const connection of [...this.#connections]) connection.tick(nowMs);
    const { lossTimeoutMs } = this.#core.limits;
    for (const session of [...this.#sessions.values()]) {
      if (session.link !== undefined || nowMs - session.lostAtMs <= lossTimeoutMs) continue;
      void this.#endSession(session);
    }
  }

  /**
   * Does `work` while every client that has subscribed to one of these objects has suspended what uses it: for
   * snapshots that no client asks for. `work` hears the level that they have.
   *
   * @throws NbsRefusal `QUIESCE_FAILED` when not all are ready within `readyMs`, and what `work` throws.
   */
  quiesced<T>(
    uuids: readonly string[],
    readyMs: number,
    work: (level: string) => Promise<T>,
  ): Promise<QuiescedResult<T>> {
    return this.#core.quiesce.during(uuids, readyMs, work);
  }

  /** Says goodbye to all clients, ends every session, and completes when nothing is open any more. */
  async stop(reason = 'the server stops'): Promise<void> {
    this.#stopping = true;
    const { portals } = this.#owner;
    const { maxEvents } = this.#core.limits;
    for (const session of [...this.#sessions.values()]) {
      session.emit('GOODBYE', { reason, graceMs: 0, ...(portals && { portal: portals }) }, maxEvents);
      void this.#endSession(session);
    }
    for (const connection of [...this.#connections]) connection.finish();
    await Promise.all(this.#ending);
  }

  #newSession(user: string | undefined, peer: string): ServerSession {
    const { limits } = this.#core;
    if (this.#sessions.size >= limits.maxSessions)
      throw new NbsRefusal('LIMIT', `there are ${limits.maxSessions} sessions already`);
    const { random } = this.#options;
    const session = new ServerSession(uuidOf(random.bytes(16)), random.bytes(SECRET_BYTES), user, peer);
    this.#sessions.set(session.id, session);
    return session;
  }

  async #resume(id: string, secret: Uint8Array): Promise<ServerSession> {
    const session = this.#sessions.get(id);
    const { crypto } = this.#options.authentication;
    if (session === undefined || !crypto.equal(session.secret, secret))
      throw new NbsRefusal('SESSION_LOST', 'there is no such session any more');
    // The connection that it had is over, and nothing that came by it may overtake what is sent again.
    session.link?.drop();
    await session.settled();
    if (session.closed) throw new NbsRefusal('SESSION_LOST', 'the session has ended');
    return session;
  }

  #endSession(session: ServerSession): Promise<void> {
    if (session.closed) return Promise.resolve();
    session.closed = true;
    session.over.abort();
    this.#sessions.delete(session.id);
    this.#core.quiesce.gone(session);
    const handles = [...session.handles.values()];
    const closing = Promise.allSettled([
      session.abortPrepared(),
      ...handles.map((handle) => this.#closeHandle(session, handle)),
    ]);
    const ending = closing.then(() => undefined);
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
    return ending;
  }

  async #closeHandle(session: ServerSession, handle: OpenHandle): Promise<void> {
    session.handles.delete(handle.number);
    handle.endWatch();
    this.#core.leases.leave(handle);
    await handle.object.device.close();
  }
}

/** 16 bytes as a UUID of version 4 (RFC 9562 §5.4). */
function uuidOf(bytes: Uint8Array): string {
  const marked = Uint8Array.from(bytes);
  marked[6] = (marked[6]! & 0x0f) | 0x40;
  marked[8] = (marked[8]! & 0x3f) | 0x80;
  const digits = Array.from(marked, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function writeToStandardError(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`lunbox:nbs: internal error: ${text}\n`);
}
