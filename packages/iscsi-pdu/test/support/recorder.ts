import { Framer } from '../../src/index.ts';
import type { FrameHeader, FrameReceiver, FramerLimits } from '../../src/index.ts';

/** One PDU as a receiver saw it, copied out of the framer's views. */
export interface RecordedPdu {
  header: Uint8Array;
  data: Uint8Array;
  opcode: number;
  immediate: boolean;
  dataDigestOk: boolean;
}

/**
 * A receiver that copies what it sees, gives destinations when asked to, and switches digests on at given
 * PDUs.
 */
export class Recorder implements FrameReceiver {
  readonly pdus: RecordedPdu[] = [];
  readonly framer: Framer;
  /** Whether PDU number `index` gets a destination. */
  destinationFor: (index: number) => boolean = () => false;
  headerDigestFrom: number | null = null;
  dataDigestFrom: number | null = null;
  #destination: Uint8Array | undefined;

  constructor(limits: FramerLimits = { maxDataSegmentLength: 262144 }) {
    this.framer = new Framer(this, limits);
  }

  onHeader(header: FrameHeader): Uint8Array | undefined {
    const wanted = this.destinationFor(this.pdus.length);
    this.#destination = wanted ? new Uint8Array(header.dataLength) : undefined;
    return this.#destination;
  }

  onPdu(header: FrameHeader, data: Uint8Array, dataDigestOk: boolean): void {
    this.pdus.push({
      header: header.bytes.slice(header.offset, header.offset + header.headerLength),
      data: data.slice(),
      opcode: header.opcode,
      immediate: header.immediate,
      dataDigestOk,
    });
    this.switchDigests();
  }

  /** Digests hold from the next PDU on. */
  switchDigests(): void {
    if (this.pdus.length === this.headerDigestFrom) this.framer.headerDigest = true;
    if (this.pdus.length === this.dataDigestFrom) this.framer.dataDigest = true;
  }
}

/**
 * Pushes `bytes` cut at the given positions; each chunk is overwritten after its push, as a reused receive
 * buffer would be.
 */
export function pushSplit(framer: Framer, bytes: Uint8Array, cuts: readonly number[]): void {
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    const chunk = bytes.slice(start, cut);
    framer.push(chunk);
    chunk.fill(0xee);
    start = cut;
  }
}
