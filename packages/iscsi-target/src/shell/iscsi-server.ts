import type { AddressInfo, Server, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { AccessEntry, DiscoveryEntry } from '../auth/access-entry.ts';
import type { SecurityOptions } from '../auth/admission.ts';
import { TargetEngine, type TargetConnection } from '../engine.ts';
import { TargetError } from '../errors.ts';
import type { TargetHooks } from '../hooks.ts';
import { DEFAULT_LIMITS, type TargetLimits } from '../limits.ts';
import type { SessionStatus } from '../session-status.ts';
import { PORTAL_GROUP_TAG, type TargetOptions } from '../target.ts';
import { Capture, type CaptureOptions } from '../trace/capture.ts';
import { RecordingTransport, type Recorder } from '../trace/recording-transport.ts';
import { Statistics, type TargetStatistics } from '../trace/statistics.ts';
import type { Portal } from '../transport.ts';
import { CommandTracer } from './command-trace.ts';
import { openListener, type AcceptedSocket } from './listener.ts';
import { nodeChapCrypto } from './node-chap-crypto.ts';
import type { PortalOptions } from './portal-options.ts';
import { receiveFrom } from './receive-socket.ts';
import { SocketTransport } from './socket-transport.ts';

const TICK_MS = 1000;
const CLOSE_POLL_MS = 20;
/** Sockets whose peer does not take the last bytes are destroyed after this time. */
const LINGER_MS = 1000;

/** What an {@link IscsiServer} serves. */
export interface IscsiServerOptions {
  readonly targets: readonly TargetOptions[];
  readonly limits?: Partial<TargetLimits>;
  readonly hooks?: TargetHooks;
  /** Who may open discovery sessions, and which CHAP algorithms are good enough; hashes are those of `node:crypto`. */
  readonly security?: Omit<SecurityOptions, 'crypto'>;
}

/** Where a portal listens. */
export interface ListeningPortal {
  readonly host: string;
  readonly port: number;
}

/** How {@link IscsiServer.close} goes about it. */
export interface CloseOptions {
  /** How long initiators have to log out, and running commands to finish, before connections are cut. Default 5000. */
  readonly timeoutMs?: number;
}

/** How {@link IscsiServer.drain} goes about it. */
export interface DrainOptions extends CloseOptions {
  /** `host:port` that new logins are sent to. Without it they are told that the service is unavailable. */
  readonly redirectTo?: string;
}

/** An iSCSI target on TCP: the thin shell of `node:net` round a {@link TargetEngine}. */
export class IscsiServer {
  readonly #engine: TargetEngine;
  readonly #listeners: Server[] = [];
  readonly #limits: TargetLimits;
  /** Those that still shake hands included. */
  readonly #sockets = new Set<Socket>();
  readonly #statistics = new Statistics();
  readonly #recorder: Recorder = { capture: undefined };
  readonly #ticker: NodeJS.Timeout;
  #closing: Promise<void> | undefined = undefined;
  /** Counts drains and what calls them off: a drain goes on only while it is the latest. */
  #drains = 0;

  /** @throws TargetError `TARGET_NAME_INVALID`, `TARGET_NAME_DUPLICATE`, `ACCESS_INVALID` or `CHAP_UNAVAILABLE`. */
  constructor(options: IscsiServerOptions) {
    const security = { ...options.security, crypto: nodeChapCrypto() };
    const { hooks = {} } = options;
    const observer = new CommandTracer(this.#statistics);
    this.#engine = new TargetEngine(options.targets, options.limits, { hooks, security, observer });
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#ticker = setInterval(() => this.#engine.tick(performance.now()), TICK_MS);
    this.#ticker.unref();
  }

  /** Sessions in full feature phase. */
  get sessions(): SessionStatus[] {
    return this.#engine.sessions;
  }

  /**
   * Replaces the access list of a target, as to change a secret; sessions that are there stay.
   *
   * @throws TargetError `TARGET_NAME_INVALID` when there is no such target, `ACCESS_INVALID` or `CHAP_UNAVAILABLE`.
   */
  setAccess(targetName: string, access: readonly AccessEntry[]): void {
    this.#engine.setAccess(targetName, access);
  }

  /**
   * Serves another target from now on, through every portal.
   *
   * @throws TargetError `TARGET_NAME_INVALID`, `TARGET_NAME_DUPLICATE`, `ACCESS_INVALID` or `CHAP_UNAVAILABLE`.
   */
  addTarget(target: TargetOptions): void {
    this.#engine.addTarget(target);
  }

  /**
   * Serves a target no more: its sessions are dropped. Resolves when none of their commands is at work any more.
   *
   * @throws TargetError `TARGET_NAME_INVALID` when there is no such target.
   */
  async removeTarget(targetName: string): Promise<void> {
    await new Promise<void>((quiet) => this.#engine.removeTarget(targetName, quiet));
  }

  /**
   * Replaces who may open discovery sessions; those that are there stay.
   *
   * @throws TargetError `ACCESS_INVALID` or `CHAP_UNAVAILABLE`.
   */
  setDiscovery(discovery: readonly DiscoveryEntry[]): void {
    this.#engine.setDiscovery(discovery);
  }

  /** Counts and latencies of SCSI commands since the start: by session, LUN and operation code. */
  statistics(): TargetStatistics {
    return this.#statistics.snapshot();
  }

  /**
   * Records what goes over every connection from now on, in a ring of bounded size. One capture at a time.
   *
   * @throws TargetError `CAPTURE_RUNNING`.
   */
  capture(options: CaptureOptions = {}): Capture {
    if (this.#recorder.capture !== undefined) throw new TargetError({ code: 'CAPTURE_RUNNING' });
    const clock = { nowMs: () => performance.now(), epochMs: performance.timeOrigin };
    const capture = new Capture(options, clock, () => {
      if (this.#recorder.capture === capture) this.#recorder.capture = undefined;
    });
    this.#recorder.capture = capture;
    return capture;
  }

  /**
   * Opens a portal; may be called several times. Resolves with the address it listens at.
   *
   * @throws TargetError `PORTAL_IN_USE`, `PORTAL_UNAVAILABLE`, `PORTAL_GROUP_TAG_INVALID`, `TLS_INVALID` or
   *   `SERVER_CLOSED`.
   */
  async listen(portal: PortalOptions): Promise<ListeningPortal> {
    if (this.#closing !== undefined) throw new TargetError({ code: 'SERVER_CLOSED' });
    const { tag = PORTAL_GROUP_TAG, advertise } = portal;
    if (!Number.isInteger(tag) || tag < 1 || tag > 0xffff) {
      throw new TargetError({ code: 'PORTAL_GROUP_TAG_INVALID', tag });
    }
    const { maxConnections, loginTimeoutMs: handshakeTimeoutMs } = this.#limits;
    let advertised: Portal | undefined = undefined;
    const listener = await openListener(portal, { maxConnections, handshakeTimeoutMs }, (accepted) =>
      this.#accept(accepted, tag, advertised),
    );
    listener.on('connection', (socket) => this.#track(socket));
    this.#listeners.push(listener);
    const { address, port } = listener.address() as AddressInfo;
    if (advertise !== undefined) advertised = { address: advertise.host, port: advertise.port ?? port, tag };
    this.#engine.addPortal(advertised ?? { address, port, tag });
    return { host: address, port };
  }

  /**
   * Sends everybody away and goes on listening: initiators are asked to log out, new logins are sent elsewhere or
   * refused, and whoever is left after the time is dropped. Resolves with true when no command is at work any more,
   * or with false, and drops nobody, when {@link IscsiServer.resume} or another drain comes before that.
   */
  async drain(options: DrainOptions = {}): Promise<boolean> {
    const { timeoutMs = 5000, redirectTo } = options;
    const engine = this.#engine;
    const drain = ++this.#drains;
    const calledOff = (): boolean => drain !== this.#drains;
    engine.drain(Math.ceil(timeoutMs / 1000), redirectTo);
    await until(() => engine.sessions.length === 0 || calledOff(), timeoutMs);
    await until(() => !engine.busy || calledOff(), timeoutMs);
    if (calledOff()) return false;
    await new Promise<void>((quiet) => engine.stop(quiet));
    return true;
  }

  /**
   * Asks every initiator to negotiate its parameters within `withinS` seconds (RFC 7143 §11.9, event 4). It answers
   * with a Text Request, or with a logout.
   */
  requestNegotiation(withinS: number): void {
    this.#engine.requestNegotiation(withinS);
  }

  /** Takes logins again, after {@link IscsiServer.drain} or in the middle of it. */
  resume(): void {
    this.#drains++;
    if (this.#closing === undefined) this.#engine.resume();
  }

  /**
   * Drains, does `work` while nobody is logged in and no command runs, and takes logins again whatever came of it.
   *
   * @throws TargetError `DRAIN_CALLED_OFF`, and `work` has not begun.
   */
  async maintenance<Result>(work: () => Promise<Result>, options: DrainOptions = {}): Promise<Result> {
    if (!(await this.drain(options))) throw new TargetError({ code: 'DRAIN_CALLED_OFF' });
    try {
      return await work();
    } finally {
      this.resume();
    }
  }

  /**
   * Stops in order: no new connections, initiators are asked to log out, running commands finish, connections
   * end. Resolves when every socket is closed. Idempotent.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? 5000);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    clearInterval(this.#ticker);
    const closed = this.#listeners.map((listener) => new Promise((resolve) => listener.close(resolve)));
    this.#engine.drain(Math.ceil(timeoutMs / 1000));
    const engine = this.#engine;
    await until(() => engine.connectionCount === 0, timeoutMs);
    await until(() => !engine.busy, timeoutMs);
    engine.stop();
    await until(() => this.#sockets.size === 0, LINGER_MS);
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #accept({ socket: accepted, secure, peerNames }: AcceptedSocket, tag: number, advertised?: Portal): void {
    let connection: TargetConnection | undefined = undefined;
    const receive = (chunk: Uint8Array): void => {
      transport.received(chunk);
      connection?.receive(chunk, performance.now());
    };
    const socket = secure ? accepted.on('data', receive) : receiveFrom(accepted, receive);
    const inner = new SocketTransport(socket, { tag, advertised, peerNames });
    const transport = new RecordingTransport(inner, this.#recorder);
    if (this.#closing === undefined) connection = this.#engine.accept(transport, performance.now());
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    this.#track(socket);
    // A reset connection is an ordinary end; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => connection.disconnected());
  }
}

/** Waits until `condition` holds, at most `timeoutMs`. */
async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
  }
}
