import { systemClock, systemRandom } from '@lunbox/block';
import debug from 'debug';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { NbsAuthentication } from '../server/authentication.ts';
import { NbsEngine, type NbsEngineOptions } from '../server/engine.ts';
import type { QuiescedResult } from '../server/quiesce.ts';
import { nodeSaslCrypto } from './node-sasl-crypto.ts';
import { SocketTransport } from './socket-transport.ts';

const log = debug('lunbox:nbs:server');

const TICK_MS = 1000;
const BACKLOG = 128;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Sockets whose peer does not take the last bytes are destroyed after this time. */
const LINGER_MS = 1000;

/** Protocol name by which TLS clients ask for NBS (RFC 7301). */
export const ALPN = 'nbs/1';

/** Keys of a TLS portal, each in PEM form. */
export interface NbsTlsOptions {
  readonly key: string;
  /** Certificate of the server, with its chain. */
  readonly cert: string;
  /** Authorities whose client certificates are accepted. */
  readonly ca?: string;
  /** Refuse clients without a certificate of `ca`; its common name is the user. Default false. */
  readonly requestCert?: boolean;
}

/** Where to listen. */
export interface NbsPortalOptions {
  /** Address of this machine; with `port`. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
  /** Path of a UNIX socket, in place of `host` and `port`. */
  readonly path?: string;
  /** Speaks TLS 1.3 from the first byte. */
  readonly tls?: NbsTlsOptions;
}

/** What an {@link NbsServer} is made from: as the engine, with the clock, hashes and random numbers of the machine. */
export interface NbsServerOptions extends Omit<NbsEngineOptions, 'clock' | 'random' | 'authentication'> {
  readonly authentication: Omit<NbsAuthentication, 'crypto'>;
}

/** An NBS server on TCP, TLS or UNIX sockets. */
export class NbsServer {
  readonly #engine: NbsEngine;
  readonly #listeners: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #cancelTick: () => void = () => undefined;

  constructor(options: NbsServerOptions) {
    const authentication = { ...options.authentication, crypto: nodeSaslCrypto };
    this.#engine = new NbsEngine({ ...options, authentication, clock: systemClock, random: systemRandom });
    this.#tick();
  }

  /** Sessions, those that wait for their client included. */
  get sessionCount(): number {
    return this.#engine.sessionCount;
  }

  /**
   * Opens a portal; may be called several times. Completes with `host:port` or the path that it listens at. Rejects
   * with the error of the system when the address is taken or cannot be used.
   */
  async listen(portal: NbsPortalOptions): Promise<string> {
    const listener = this.#listener(portal.tls);
    const { host, port, path } = portal;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(
        path === undefined ? { host, port, backlog: BACKLOG } : { path, backlog: BACKLOG },
        () => {
          listener.off('error', reject);
          resolve();
        },
      );
    });
    this.#listeners.push(listener);
    const address = listener.address() as AddressInfo | string;
    if (typeof address === 'string') return address;
    return address.family === 'IPv6'
      ? `[${address.address}]:${address.port}`
      : `${address.address}:${address.port}`;
  }

  /** See {@link NbsEngine.quiesced}. */
  quiesced<T>(
    uuids: readonly string[],
    readyMs: number,
    work: (level: string) => Promise<T>,
  ): Promise<QuiescedResult<T>> {
    return this.#engine.quiesced(uuids, readyMs, work);
  }

  /** Says goodbye to all clients, closes every object durably, and every socket. Idempotent. */
  async close(): Promise<void> {
    this.#cancelTick();
    const closed = this.#listeners.map((listener) => new Promise((resolve) => listener.close(resolve)));
    await this.#engine.stop();
    const cancel = systemClock.setTimer(LINGER_MS, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await Promise.all(closed);
    cancel();
  }

  #tick(): void {
    this.#engine.tick(systemClock.nowMs());
    this.#cancelTick = systemClock.setTimer(TICK_MS, () => this.#tick());
  }

  #listener(tls: NbsTlsOptions | undefined): Server {
    if (tls === undefined)
      return createServer({ noDelay: true }, (socket) => this.#accept(socket, undefined));
    const listener = createTlsServer(
      {
        ...tls,
        minVersion: 'TLSv1.3',
        ALPNProtocols: [ALPN],
        rejectUnauthorized: tls.requestCert === true,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      },
      (socket) => {
        socket.setNoDelay(true);
        this.#accept(socket, tls.requestCert === true ? commonName(socket) : undefined);
      },
    );
    listener.on('connection', (socket: Socket) => this.#track(socket));
    listener.on('tlsClientError', (error) => log('a TLS handshake has failed: %o', error.message));
    return listener;
  }

  #accept(socket: Socket, peerName: string | undefined): void {
    this.#track(socket);
    const transport = new SocketTransport(socket, peerName);
    const connection = this.#engine.accept(transport, systemClock.nowMs());
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    socket.on('data', (chunk: Buffer) => connection.receive(chunk, systemClock.nowMs()));
    socket.on('drain', () => connection.drained());
    // Who closes one direction is not heard any more, and has ended the connection.
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

function commonName(socket: TLSSocket): string | undefined {
  const name: unknown = socket.getPeerCertificate().subject.CN;
  return typeof name === 'string' ? name : undefined;
}
