import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import type { Channel, ChannelEvents, Dial, Portal } from '../transport.ts';

const RECEIVE_BUFFER_BYTES = 262_144;

/** Opens plain TCP connections. Received bytes land in one buffer per socket that is used again. */
export const dialTcp: Dial = (portal, events) => {
  const socket = connect({
    host: portal.host,
    port: portal.port,
    noDelay: true,
    onread: {
      buffer: new Uint8Array(RECEIVE_BUFFER_BYTES),
      callback: (lengthBytes, buffer) => {
        events.received(buffer.subarray(0, lengthBytes));
        return true;
      },
    },
  });
  return watch(socket, 'connect', events);
};

/**
 * Opens TLS connections (outside RFC 7143; both sides must agree on it). The options are those of `node:tls`,
 * such as `ca`, `cert`, `key` and `servername`.
 */
export function dialTls(options: TlsOptions = {}): Dial {
  return (portal: Portal, events: ChannelEvents) => {
    const socket = connectTls({ ...options, host: portal.host, port: portal.port });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Uint8Array) => events.received(chunk));
    return watch(socket, 'secureConnect', events);
  };
}

function watch(socket: Socket, opened: 'connect' | 'secureConnect', events: ChannelEvents): Channel {
  let failure: Error | undefined;
  socket.once(opened, () => events.opened());
  socket.on('error', (error) => (failure ??= error));
  socket.once('close', () => events.closed(failure));
  return new SocketChannel(socket);
}

/** A socket as the engine wants it. */
class SocketChannel implements Channel {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(segments: readonly Uint8Array[], done: () => void): void {
    const socket = this.#socket;
    const last = segments.length - 1;
    // One writev for all of them; the last one's callback speaks for the rest.
    socket.cork();
    for (let index = 0; index < last; index++) socket.write(segments[index] as Uint8Array);
    socket.write(segments[last] as Uint8Array, done);
    socket.uncork();
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  end(): void {
    this.#socket.end();
    // A target that keeps its half open is not waited for.
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
