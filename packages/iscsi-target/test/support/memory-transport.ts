import type { Endpoint, Portal, Transport } from '../../src/transport.ts';

/** What a test chooses about a {@link MemoryTransport}. */
export interface MemoryTransportOptions {
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  readonly portal?: Portal;
  readonly peerNames?: readonly string[];
}

/**
 * A network of one: what the engine sends is kept until the test looks. `deferred` callbacks run when the test
 * says so, or after each {@link MemoryTransport.settle}.
 */
export class MemoryTransport implements Transport {
  readonly local: Endpoint;
  readonly portal: Portal | undefined;
  readonly peerNames: readonly string[] | undefined;
  readonly remote: Endpoint;
  ended = false;
  destroyed = false;
  paused = false;
  /** When true, bytes are taken but `done` is not called: a socket whose peer does not read. */
  stalled = false;
  readonly #sent: Uint8Array[] = [];
  readonly #deferred: (() => void)[] = [];
  readonly #stalledDone: (() => void)[] = [];

  constructor(options: MemoryTransportOptions = {}) {
    this.local = options.local ?? { address: '127.0.0.1', port: 3260 };
    this.remote = options.remote ?? { address: '127.0.0.1', port: 50000 };
    this.portal = options.portal;
    this.peerNames = options.peerNames;
  }

  send(segments: readonly Uint8Array[], done: () => void): void {
    for (const segment of segments) this.#sent.push(segment.slice());
    if (this.stalled) this.#stalledDone.push(done);
    else this.#deferred.push(done);
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** Bytes that the network holds for a peer that does not read. */
  get waitingBytes(): number {
    return this.#sent.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** Lets the peer read again. */
  unstall(): void {
    this.stalled = false;
    this.#deferred.push(...this.#stalledDone.splice(0));
  }

  /** Runs what was deferred, promises included, until nothing more happens; returns the bytes sent. */
  async settle(): Promise<Uint8Array[]> {
    do {
      for (const callback of this.#deferred.splice(0)) callback();
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#deferred.length > 0);
    return this.#sent.splice(0);
  }
}
