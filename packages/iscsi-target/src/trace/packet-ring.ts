import type { Endpoint } from '../transport.ts';

/** A TCP connection as a capture sees it. Counts are bytes since the capture began. */
export interface Flow {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  sentBytes: number;
  receivedBytes: number;
}

/** A piece of a byte stream. */
export interface Packet {
  readonly flow: Flow;
  /** True from us to the initiator. */
  readonly outgoing: boolean;
  readonly atMs: number;
  /** Bytes that had gone the same way, and the opposite way, before this piece. */
  readonly sequence: number;
  readonly acknowledged: number;
  readonly lengthBytes: number;
}

/** The latest bytes of all connections of a capture, in memory that is allocated once. */
export class PacketRing {
  readonly #bytes: Uint8Array;
  readonly #maxAgeMs: number;
  #packets: Packet[] = [];
  /** Index of the oldest packet; those before it are dropped in batches. */
  #first = 0;
  #writeAt = 0;
  #usedBytes = 0;

  constructor(maxBytes: number, maxAgeMs: number) {
    this.#bytes = new Uint8Array(maxBytes);
    this.#maxAgeMs = maxAgeMs;
  }

  /** Keeps a piece, in place of the oldest ones; of a piece larger than the whole ring nothing is kept. */
  add(flow: Flow, outgoing: boolean, data: Uint8Array, atMs: number): void {
    const lengthBytes = data.length;
    const sequence = outgoing ? flow.sentBytes : flow.receivedBytes;
    const acknowledged = outgoing ? flow.receivedBytes : flow.sentBytes;
    if (outgoing) flow.sentBytes += lengthBytes;
    else flow.receivedBytes += lengthBytes;
    if (lengthBytes > this.#bytes.length) return this.clear();
    this.#evict(lengthBytes, atMs);
    const untilWrap = Math.min(lengthBytes, this.#bytes.length - this.#writeAt);
    this.#bytes.set(data.subarray(0, untilWrap), this.#writeAt);
    this.#bytes.set(data.subarray(untilWrap), 0);
    this.#writeAt = (this.#writeAt + lengthBytes) % this.#bytes.length;
    this.#usedBytes += lengthBytes;
    this.#packets.push({ flow, outgoing, atMs, sequence, acknowledged, lengthBytes });
  }

  /** Forgets everything. */
  clear(): void {
    this.#packets = [];
    this.#first = 0;
    this.#usedBytes = 0;
  }

  /** What is kept, the oldest first; `data` is a copy. */
  *packets(nowMs: number): Generator<{ packet: Packet; data: Uint8Array }> {
    this.#evict(0, nowMs);
    const size = this.#bytes.length;
    let at = (this.#writeAt - this.#usedBytes + size) % size;
    for (const packet of this.#packets.slice(this.#first)) {
      const data = new Uint8Array(packet.lengthBytes);
      const untilWrap = Math.min(packet.lengthBytes, size - at);
      data.set(this.#bytes.subarray(at, at + untilWrap));
      data.set(this.#bytes.subarray(0, packet.lengthBytes - untilWrap), untilWrap);
      at = (at + packet.lengthBytes) % size;
      yield { packet, data };
    }
  }

  #evict(roomBytes: number, nowMs: number): void {
    for (;;) {
      const oldest = this.#packets[this.#first];
      if (oldest === undefined) break;
      const full = this.#usedBytes + roomBytes > this.#bytes.length;
      if (!full && oldest.atMs >= nowMs - this.#maxAgeMs) break;
      this.#usedBytes -= oldest.lengthBytes;
      this.#first++;
    }
    if (this.#first < 1024 || this.#first < this.#packets.length / 2) return;
    this.#packets = this.#packets.slice(this.#first);
    this.#first = 0;
  }
}
