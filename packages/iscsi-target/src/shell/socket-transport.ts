import type { Socket } from 'node:net';
import type { Endpoint, Portal, Transport } from '../transport.ts';

/** What is known of a socket from the portal that it came in by. */
export interface SocketOrigin {
  /** Tag of the portal's group. */
  readonly tag: number;
  /** The portal as it is told to initiators, where that is not the local address. */
  readonly advertised: Portal | undefined;
  readonly peerNames: readonly string[] | undefined;
}

/** A TCP socket as the engine wants it. */
export class SocketTransport implements Transport {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly portal: Portal;
  readonly peerNames: readonly string[] | undefined;
  readonly #socket: Socket;

  constructor(socket: Socket, { tag, advertised, peerNames }: SocketOrigin) {
    this.#socket = socket;
    this.local = { address: plain(socket.localAddress), port: socket.localPort ?? 0 };
    this.remote = { address: plain(socket.remoteAddress), port: socket.remotePort ?? 0 };
    this.portal = advertised ?? { ...this.local, tag };
    this.peerNames = peerNames;
  }

  send(segments: readonly Uint8Array[], done: () => void): void {
    const socket = this.#socket;
    if (segments.length === 1) {
      socket.write(segments[0] as Uint8Array, done);
      return;
    }
    // One writev for all of them; the last one's callback speaks for the rest.
    socket.cork();
    const last = segments.length - 1;
    for (let index = 0; index < last; index++) socket.write(segments[index] as Uint8Array);
    socket.write(segments[last] as Uint8Array, done);
    socket.uncork();
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** An IPv4 address that came in over an IPv6 socket is shown as what it is. */
function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}
