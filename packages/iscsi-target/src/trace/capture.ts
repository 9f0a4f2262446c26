import type { Endpoint } from '../transport.ts';
import { PacketRing, type Flow } from './packet-ring.ts';
import { pcapFileHeader, pcapRecords } from './pcap.ts';

/** How much a capture keeps. */
export interface CaptureOptions {
  /** Bytes of all connections together, in both directions; allocated at once. Default 16 MiB. */
  readonly maxBytes?: number;
  /** Bytes older than this are dropped, in milliseconds. Without it only `maxBytes` bounds. */
  readonly maxAgeMs?: number;
}

/** What a capture asks of the machine it runs on. */
export interface CaptureClock {
  /** Never goes back. */
  nowMs(): number;
  /** Wall-clock time, in milliseconds since 1970, at which `nowMs` was 0. */
  readonly epochMs: number;
}

const DEFAULT_MAX_BYTES = 16_777_216;

/**
 * A ring of the latest bytes of every connection, as the engine sends and gets them: under TLS they are the
 * clear text. It holds what disks hold, and must be kept like it.
 */
export class Capture {
  readonly #ring: PacketRing;
  readonly #clock: CaptureClock;
  readonly #flows = new WeakMap<object, Flow>();
  readonly #onStop: () => void;

  constructor(options: CaptureOptions, clock: CaptureClock, onStop: () => void) {
    this.#ring = new PacketRing(options.maxBytes ?? DEFAULT_MAX_BYTES, options.maxAgeMs ?? Infinity);
    this.#clock = clock;
    this.#onStop = onStop;
  }

  /** A piece of a connection's stream; `connection` tells connections apart. */
  add(connection: CaptureEnds, outgoing: boolean, data: Uint8Array): void {
    this.#ring.add(this.#flow(connection), outgoing, data, this.#clock.nowMs());
  }

  /** Records no more. What was recorded can still be written. Idempotent. */
  stop(): void {
    this.#onStop();
  }

  /** What is recorded, as the bytes of a `pcap` file; IP and TCP headers are made up. */
  toPcap(): Uint8Array {
    const records = [pcapFileHeader()];
    for (const { packet, data } of this.#ring.packets(this.#clock.nowMs())) {
      records.push(...pcapRecords(packet, data, this.#clock.epochMs));
    }
    return concatenate(records);
  }

  #flow(connection: CaptureEnds): Flow {
    let flow = this.#flows.get(connection);
    if (flow === undefined) {
      const { local, remote } = connection;
      flow = { local, remote, sentBytes: 0, receivedBytes: 0 };
      this.#flows.set(connection, flow);
    }
    return flow;
  }
}

/** Both ends of a connection. */
export interface CaptureEnds {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
