import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { NbsTransport } from '../transport.ts';

/** Label of the exporter (RFC 9266 §2). */
const EXPORTER_LABEL = 'EXPORTER-Channel-Binding';
const EXPORTER_BYTES = 32;

/** A socket as the engines want it. */
export class SocketTransport implements NbsTransport {
  readonly peer: string;
  readonly address: string | undefined;
  readonly peerName: string | undefined;
  readonly channelBinding: Uint8Array | undefined;
  readonly #socket: Socket;

  constructor(socket: Socket, peerName: string | undefined) {
    this.#socket = socket;
    const { remoteAddress, remotePort } = socket;
    this.peer =
      remoteAddress === undefined ? 'a UNIX socket' : `${plain(remoteAddress)}:${String(remotePort)}`;
    this.address = socket.remoteAddress;
    this.peerName = peerName;
    this.channelBinding = bindingOf(socket);
  }

  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  send(pieces: readonly Uint8Array[], done?: () => void): void {
    const socket = this.#socket;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index++) socket.write(pieces[index]!);
    socket.write(pieces[last]!, done);
    if (last > 0) socket.uncork();
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

/** `tls-exporter` is for TLS 1.3, where it is unique for each connection (RFC 9266 §4.2). */
function bindingOf(socket: Socket): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket) || socket.getProtocol() !== 'TLSv1.3') return undefined;
  return socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0));
}

/** An IPv4 address that came in over an IPv6 socket is shown as what it is. */
function plain(address: string): string {
  return address.replace(/^::ffff:/, '');
}
