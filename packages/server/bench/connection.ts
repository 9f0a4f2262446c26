import { connect, type Socket } from 'node:net';
import { Outbox } from './outbox.ts';
import { Receiver, type PduHandler } from './receiver.ts';

const receiveBufferLength = 1 << 20;

/** A TCP connection that hands arriving PDUs to a handler and sends one write per turn of the event loop. */
export class Connection {
  readonly outbox: Outbox;
  /** Fulfilled when the connection has ended; with the reason unless this side asked for it. */
  readonly closed: Promise<Error | undefined>;
  readonly #socket: Socket;
  readonly #receiver: Receiver;
  #receiving = false;
  #flushScheduled = false;
  #expectsEnd = false;

  constructor(host: string, port: number, handler: PduHandler) {
    this.#receiver = new Receiver(handler);
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(receiveBufferLength),
        callback: (length, buffer) => this.#receive(buffer as Buffer, length),
      },
    });
    this.outbox = new Outbox(this.#socket);
    this.closed = new Promise((resolve) => {
      let failure: Error | undefined;
      this.#socket.on('error', (error) => (failure ??= error));
      this.#socket.once('close', () => {
        resolve(this.#expectsEnd ? undefined : (failure ?? new Error('the target closed the connection')));
      });
    });
  }

  /** Expects digests from the next PDU on. */
  useDigests(): void {
    this.#receiver.digests = true;
  }

  /** `promise`, or a rejection when the connection ends first. */
  async orClosed<T>(promise: Promise<T>): Promise<T> {
    const lost = this.closed.then((error) => {
      throw error ?? new Error('the connection is closed');
    });
    return Promise.race([promise, lost]);
  }

  /** Sends what the outbox holds at the end of this turn. */
  scheduleFlush(): void {
    if (this.#receiving || this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.outbox.flush();
    });
  }

  /** Closes the connection after what was sent. */
  end(): void {
    this.#expectsEnd = true;
    this.#socket.end();
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#expectsEnd = true;
    this.#socket.destroy();
  }

  #receive(buffer: Buffer, length: number): boolean {
    this.#receiving = true;
    this.#socket.cork();
    try {
      this.#receiver.feed(buffer, length);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
    this.#receiving = false;
    this.outbox.flush();
    this.#socket.uncork();
    return true;
  }
}
