import { systemClock } from '@lunbox/block';
import debug from 'debug';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls';
import { NbdConnection, type NbdOwner } from '../connection.ts';
import type { NbdExports } from '../exports.ts';
import type { NbdTransport } from '../transport.ts';

const log = debug('lunbox:nbd:nbd-server');

const TICK_MS = 1000;
const BACKLOG = 128;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_CONNECTIONS = 256;

/** Keys of a portal that requires TLS (STARTTLS), each in PEM form. */
export interface NbdTlsOptions {
  readonly key: string;
  /** Certificate of the server, with its chain. */
  readonly cert: string;
  /** Authorities whose client certificates are accepted. */
  readonly ca?: string;
  /** Refuse clients without a certificate of `ca`; its common name is the user. Default false. */
  readonly requestCert?: boolean;
}

/** Where to listen. */
export interface NbdPortalOptions {
  /** Address of this machine; with `port`. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
  /** Path of a UNIX socket, in place of `host` and `port`. */
  readonly path?: string;
  /** Clients have to go on with TLS before anything is told. */
  readonly tls?: NbdTlsOptions;
}

/** Options of {@link NbdServer}. */
export interface NbdServerOptions {
  readonly exports: NbdExports;
  /** Further connections are closed at once. Default 256. */
  readonly maxConnections?: number;
  /** Hears of mistakes of ours: the client got EIO. By default they are written to standard error. */
  readonly onInternalError?: (error: unknown) => void;
}

/** An NBD server on TCP and UNIX sockets, with TLS where it is asked for. */
export class NbdServer {
  readonly #options: NbdServerOptions;
  readonly #listeners: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<NbdConnection>();
  /** Exports that are being closed. */
  readonly #closing = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: NbdServerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      for (const connection of [...this.#connections]) connection.tick(systemClock.nowMs());
    }, TICK_MS);
    this.#timer.unref();
  }

  /** Clients that are there. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * Opens a portal; may be called several times. Completes with `host:port` or the path that it listens at. Rejects
   * with the error of the system when the address is taken or cannot be used.
   */
  async listen({ host, port, path, tls }: NbdPortalOptions): Promise<string> {
    const secured = tls && this.#secured(tls);
    const listener = createServer({ noDelay: true }, (socket) => this.#accept(socket, secured));
    listener.maxConnections = this.#options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      const where = path === undefined ? { host, port } : { path };
      listener.listen({ ...where, backlog: BACKLOG }, () => {
        listener.off('error', reject);
        resolve();
      });
    });
    this.#listeners.push(listener);
    const address = listener.address() as AddressInfo | string;
    if (typeof address === 'string') return address;
    const { address: ip, port: taken, family } = address;
    return family === 'IPv6' ? `[${ip}]:${taken}` : `${ip}:${taken}`;
  }

  /** Ends every connection, closes every export durably, and completes when that is done. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = this.#listeners.map((listener) => new Promise((resolve) => listener.close(resolve)));
    for (const connection of [...this.#connections]) connection.drop();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([...closed, ...this.#closing]);
  }

  #accept(socket: Socket, secured: TlsServer | undefined): void {
    this.#track(socket);
    const upgrade = (): void => {
      // What the client has sent before it, without waiting, belongs to nobody.
      socket.removeAllListeners('data');
      secured?.emit('connection', socket);
    };
    const tls = secured === undefined ? 'none' : 'required';
    this.#serve(socket, { tls, upgrade, begins: 'greeting', user: undefined });
  }

  /** Shakes hands on sockets that are handed to it, and listens nowhere. */
  #secured(tls: NbdTlsOptions): TlsServer {
    const requestCert = tls.requestCert === true;
    const checks = { requestCert, rejectUnauthorized: requestCert, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
    const options = { ...tls, ...checks, minVersion: 'TLSv1.2' } as const;
    return createTlsServer(options, (socket) => {
      this.#track(socket);
      const name: unknown = requestCert ? socket.getPeerCertificate().subject.CN : undefined;
      const user = typeof name === 'string' ? name : undefined;
      this.#serve(socket, { tls: 'required', upgrade: () => undefined, begins: 'options', user });
    }).on('tlsClientError', (error) => log('a TLS handshake has failed: %o', error.message));
  }

  #serve(
    socket: Socket,
    {
      tls,
      upgrade,
      begins,
      user,
    }: Pick<NbdOwner, 'tls' | 'upgrade'> & { begins: 'greeting' | 'options'; user: string | undefined },
  ): void {
    const { exports, onInternalError = writeToStandardError } = this.#options;
    const owner: NbdOwner = {
      exports,
      tls,
      upgrade,
      ended: (ending) => {
        this.#connections.delete(ending);
        const closing = ending.close().finally(() => this.#closing.delete(closing));
        this.#closing.add(closing);
      },
      reportInternalError: onInternalError,
    };
    const transport = transportOf(socket, user);
    const connection = new NbdConnection(owner, transport, systemClock.nowMs(), begins);
    this.#connections.add(connection);
    socket.on('data', (chunk: Buffer) => connection.receive(chunk));
    socket.on('drain', () => connection.drained());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => connection.disconnected());
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    // A reset connection is an ordinary end; 'close' follows.
    socket.on('error', (error) => log('%s: %o', socket.remoteAddress, error.message));
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function transportOf(socket: Socket, user: string | undefined): NbdTransport {
  const { remoteAddress, remotePort } = socket;
  const address =
    remoteAddress === undefined
      ? 'a UNIX socket'
      : `${remoteAddress.replace(/^::ffff:/, '')}:${String(remotePort)}`;
  return {
    peer: { address, user },
    secure: socket instanceof TLSSocket,
    get backlogBytes() {
      return socket.writableLength;
    },
    send(pieces) {
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    },
    defer: (callback) => setImmediate(callback),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  };
}

function writeToStandardError(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`lunbox:nbd: internal error: ${text}\n`);
}
