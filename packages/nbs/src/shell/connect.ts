import { systemClock, systemRandom, type Clock } from '@lunbox/block';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { NbsClient } from '../client/client.ts';
import type { ClientLink, Dial, NbsClientOptions } from '../client/client-options.ts';
import type { NbsTransport } from '../transport.ts';
import { ALPN } from './nbs-server.ts';
import { nodeSaslCrypto } from './node-sasl-crypto.ts';
import { SocketTransport } from './socket-transport.ts';

const DIAL_TIMEOUT_MS = 10_000;
const RECEIVE_BYTES = 256 << 10;

/** The machine's clock, whose timers keep the process alive: a client that waits to reconnect is at work. */
const wakingClock: Clock = {
  ...systemClock,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Where a server is. */
export interface NbsAddress {
  /** Name or address; with `port`. */
  readonly host?: string;
  readonly port?: number;
  /** Path of a UNIX socket, in place of `host` and `port`. */
  readonly path?: string;
  /**
   * Speak TLS 1.3: authorities that sign the server's certificate (default: those that Node.js trusts), the name that
   * it must have (default: `host`), and what the client shows of itself.
   */
  readonly tls?: {
    readonly ca?: string;
    readonly servername?: string;
    readonly key?: string;
    readonly cert?: string;
  };
}

/** Options of {@link connectNbs}. */
export interface ConnectOptions extends Omit<NbsClientOptions, 'portals' | 'crypto' | 'clock' | 'random'> {
  /** The portals of the server, the best one first. */
  readonly portals: readonly NbsAddress[];
}

/** Connects to an NBS server. Throws an `NbsClientError`; see `NbsClient.connect`. */
export async function connectNbs(options: ConnectOptions): Promise<NbsClient> {
  const client = new NbsClient({
    ...options,
    portals: options.portals.map(dialTo),
    crypto: nodeSaslCrypto,
    clock: wakingClock,
    random: systemRandom,
  });
  await client.connect();
  return client;
}

function dialTo(address: NbsAddress): Dial {
  return (link) => dial(address, link);
}

function dial(address: NbsAddress, link: ClientLink): Promise<NbsTransport> {
  const { host, port = 0, path, tls } = address;
  const where = path === undefined ? { ...(host === undefined ? {} : { host }), port } : { path };
  // What comes lies in memory that is used again; sockets of TLS cannot do that.
  const onread = {
    buffer: new Uint8Array(RECEIVE_BYTES),
    callback: (lengthBytes: number, buffer: Uint8Array): boolean => {
      link.receive(buffer.subarray(0, lengthBytes));
      return true;
    },
  };
  const socket: Socket =
    tls === undefined
      ? connectTcp({ ...where, onread })
      : connectTls({ ...where, minVersion: 'TLSv1.3', ALPNProtocols: [ALPN], ...tls });
  return new Promise((resolve, reject) => {
    socket.setNoDelay(true);
    const cancel = systemClock.setTimer(DIAL_TIMEOUT_MS, () =>
      socket.destroy(new Error('the server does not answer')),
    );
    let failure = new Error('the connection was closed');
    socket.on('error', (error) => (failure = error));
    socket.on('close', () => {
      cancel();
      reject(failure);
      link.disconnected();
    });
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      cancel();
      if (tls !== undefined) socket.on('data', (chunk: Buffer) => link.receive(chunk));
      socket.on('end', () => socket.destroy());
      resolve(new SocketTransport(socket, undefined));
    });
  });
}
