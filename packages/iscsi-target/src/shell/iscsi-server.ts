import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { AccessEntry } from '../auth/access-entry.ts';
import type { SecurityOptions } from '../auth/admission.ts';
import { TargetEngine, type TargetConnection } from '../engine.ts';
import { TargetError } from '../errors.ts';
import type { TargetHooks } from '../hooks.ts';
import type { TargetLimits } from '../limits.ts';
import type { SessionStatus } from '../session-status.ts';
import { PORTAL_GROUP_TAG, type TargetOptions } from '../target.ts';
import { nodeChapCrypto } from './node-chap-crypto.ts';
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

/** Where to listen. Port 0 takes a free one. */
export interface PortalOptions {
  readonly host: string;
  readonly port: number;
}

/** How {@link IscsiServer.close} goes about it. */
export interface CloseOptions {
  /** How long initiators have to log out, and running commands to finish, before connections are cut. Default 5000. */
  readonly timeoutMs?: number;
}

/** An iSCSI target on TCP: the thin shell of `node:net` round a {@link TargetEngine}. */
export class IscsiServer {
  readonly #engine: TargetEngine;
  readonly #listeners: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #ticker: NodeJS.Timeout;
  #closing: Promise<void> | undefined = undefined;

  /** @throws TargetError `TARGET_NAME_INVALID`, `TARGET_NAME_DUPLICATE`, `ACCESS_INVALID` or `CHAP_UNAVAILABLE`. */
  constructor(options: IscsiServerOptions) {
    const security = { ...options.security, crypto: nodeChapCrypto() };
    const { hooks = {} } = options;
    this.#engine = new TargetEngine(options.targets, options.limits, { hooks, security });
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
   * Opens a portal; may be called several times. Resolves with the address it listens at.
   *
   * @throws TargetError `PORTAL_IN_USE`, `PORTAL_UNAVAILABLE` or `SERVER_CLOSED`.
   */
  async listen(portal: PortalOptions): Promise<PortalOptions> {
    if (this.#closing !== undefined) throw new TargetError({ code: 'SERVER_CLOSED' });
    const listener = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
    await listening(listener, portal);
    this.#listeners.push(listener);
    const { address, port } = listener.address() as AddressInfo;
    this.#engine.addPortal({ address, port, tag: PORTAL_GROUP_TAG });
    return { host: address, port };
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

  #accept(accepted: Socket): void {
    let connection: TargetConnection | undefined = undefined;
    const socket = receiveFrom(accepted, (chunk) => connection?.receive(chunk, performance.now()));
    connection = this.#engine.accept(new SocketTransport(socket), performance.now());
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    // A reset connection is an ordinary end; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      connection.disconnected();
    });
  }
}

function listening(listener: Server, { host, port }: PortalOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', (error: NodeJS.ErrnoException) => reject(portalError(error, host, port)));
    listener.listen({ host, port, backlog: 128 }, () => {
      listener.removeAllListeners('error');
      resolve();
    });
  });
}

function portalError(cause: NodeJS.ErrnoException, host: string, port: number): TargetError {
  if (cause.code === 'EADDRINUSE') return new TargetError({ code: 'PORTAL_IN_USE', host, port }, { cause });
  const reason = cause.code ?? cause.message;
  return new TargetError({ code: 'PORTAL_UNAVAILABLE', host, port, reason }, { cause });
}

/** Waits until `condition` holds, at most `timeoutMs`. */
async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
  }
}
