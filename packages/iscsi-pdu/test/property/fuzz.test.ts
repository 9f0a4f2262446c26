import { expect, it } from 'vitest';
import { decodePdu, decodeText, describe, encodePdu, Framer, PduError } from '../../src/index.ts';
import type { FrameHeader, FrameReceiver } from '../../src/index.ts';
import { capturedStreams } from '../support/captures.ts';
import { Recorder } from '../support/recorder.ts';

/** `npm run fuzz` sets a higher number. */
const RUNS = Number(process.env['LUNBOX_FUZZ_PDUS'] ?? 100_000);
const SEED = 0x7143;
const LIMITS = { maxDataSegmentLength: 8192 };

/** Mulberry32: a small generator of 32-bit numbers, the same on every machine. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** The PDUs of the captures, undigested and with at most 200 bytes of data, as they were on the wire. */
function corpus(): Uint8Array[] {
  const wires: Uint8Array[] = [];
  for (const { bytes, headerDigestFrom } of capturedStreams) {
    const recorder = new Recorder();
    recorder.headerDigestFrom = headerDigestFrom;
    recorder.framer.push(bytes);
    for (const { header, data } of recorder.pdus.filter((pdu) => pdu.data.length <= 200)) {
      const wire = new Uint8Array(header.length + ((data.length + 3) & ~3));
      wire.set(header);
      wire.set(data, header.length);
      wires.push(wire);
    }
  }
  return wires;
}

/** Uses everything a PDU can be put through; a PduError is an answer like any other. */
class Consumer implements FrameReceiver {
  decoded = 0;
  refused = 0;

  onHeader(): undefined {
    return undefined;
  }

  onPdu(header: FrameHeader, data: Uint8Array): void {
    try {
      const pdu = decodePdu(header.bytes.slice(header.offset, header.offset + header.headerLength), data);
      describe(pdu);
      encodePdu(pdu);
      this.decoded++;
      decodeText(data);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      this.refused++;
    }
  }
}

it(
  `${RUNS} mutated PDUs throw nothing but PduError, and memory does not grow`,
  { timeout: 60_000 + RUNS },
  () => {
    const random = generator(SEED);
    const wires = corpus();
    const consumer = new Consumer();
    const before = process.memoryUsage().arrayBuffers;
    let refusedByFramer = 0;
    for (let run = 0; run < RUNS; run++) {
      const wire = wires[random(wires.length)]!.slice();
      for (let i = random(4); i >= 0; i--) wire[random(random(2) === 0 ? 8 : wire.length)] = random(256);
      const framer = new Framer(consumer, LIMITS);
      const cut = random(wire.length);
      try {
        framer.push(wire.subarray(0, cut));
        framer.push(wire.subarray(cut));
      } catch (error) {
        if (!(error instanceof PduError)) throw new Error(`run ${run} of seed ${SEED}`, { cause: error });
        refusedByFramer++;
      }
    }
    expect(consumer.decoded).toBeGreaterThan(RUNS / 10);
    expect(consumer.refused).toBeGreaterThan(RUNS / 100);
    expect(refusedByFramer).toBeGreaterThan(RUNS / 100);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
  },
);
