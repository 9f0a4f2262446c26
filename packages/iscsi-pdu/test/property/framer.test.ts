import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePdu, PduError, serializePdu } from '../../src/index.ts';
import type { Pdu, Framer } from '../../src/index.ts';
import { anyPdu } from '../support/arbitraries.ts';
import { capturedStreams } from '../support/captures.ts';
import { pushSplit, Recorder } from '../support/recorder.ts';

const session = fc.array(anyPdu, { minLength: 1, maxLength: 6 });
const cutPoints = fc.array(fc.nat(4000), { maxLength: 20 });

function serializeAll(pdus: readonly Pdu[], digests: { header: boolean; data: boolean }): Uint8Array {
  return new Uint8Array(Buffer.concat(pdus.map((pdu) => serializePdu(pdu, digests))));
}

function sorted(cuts: readonly number[], length: number): number[] {
  return cuts.map((cut) => cut % (length + 1)).sort((a, b) => a - b);
}

describe('any split of the stream gives the same calls', () => {
  it('random PDUs, digests, splits and destinations', () => {
    const digests = fc.record({ header: fc.boolean(), data: fc.boolean() });
    fc.assert(
      fc.property(session, digests, cutPoints, fc.nat(63), (pdus, with_, cuts, destinations) => {
        const bytes = serializeAll(pdus, with_);
        const recorder = new Recorder();
        recorder.framer.headerDigest = with_.header;
        recorder.framer.dataDigest = with_.data;
        recorder.destinationFor = (index) => ((destinations >> index) & 1) === 1;
        pushSplit(recorder.framer, bytes, sorted(cuts, bytes.length));
        expect(recorder.pdus.map(({ header, data }) => decodePdu(header, data))).toEqual(pdus);
        expect(recorder.pdus.every((pdu) => pdu.dataDigestOk)).toBe(true);
        expect(recorder.framer.bufferedBytes).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  const short = capturedStreams.filter((stream) => stream.bytes.length < 7000);
  it.each(short)('every split point of $name', ({ bytes, headerDigestFrom }) => {
    const record = (cuts: number[]) => {
      const recorder = new Recorder();
      recorder.headerDigestFrom = headerDigestFrom;
      pushSplit(recorder.framer, bytes, cuts);
      return recorder.pdus;
    };
    const whole = record([]);
    for (let cut = 1; cut < bytes.length; cut++) {
      const halves = record([cut]);
      expect(halves.length).toBe(whole.length);
      const same = halves.every((pdu, i) => samePdu(pdu, whole[i]!));
      expect(same, `cut at ${cut}`).toBe(true);
    }
  });

  it('byte by byte, with digests switched on in the middle', () => {
    fc.assert(
      fc.property(session, session, (before, after) => {
        const recorder = new Recorder();
        recorder.headerDigestFrom = before.length;
        recorder.dataDigestFrom = before.length;
        const plain = serializeAll(before, { header: false, data: false });
        const digested = serializeAll(after, { header: true, data: true });
        const bytes = new Uint8Array(Buffer.concat([plain, digested]));
        pushSplit(
          recorder.framer,
          bytes,
          Array.from(bytes, (_, i) => i),
        );
        expect(recorder.pdus.map(({ header, data }) => decodePdu(header, data))).toEqual([
          ...before,
          ...after,
        ]);
      }),
      { numRuns: 30 },
    );
  });
});

function samePdu(a: Recorder['pdus'][number], b: Recorder['pdus'][number]): boolean {
  return Buffer.compare(a.header, b.header) === 0 && Buffer.compare(a.data, b.data) === 0;
}

describe('digests', () => {
  it('one changed bit in a digested header stops the framer with PDU_HEADER_DIGEST', () => {
    fc.assert(
      fc.property(anyPdu, fc.nat(), fc.nat(7), (pdu, at, bit) => {
        const wire = serializePdu(pdu, { header: true, data: true });
        const headerEnd = 52 + wire[4]! * 4;
        // The lengths are left alone: changing them moves the digest, which other tests look at.
        const place = 8 + (at % (headerEnd - 8));
        wire[place] = wire[place]! ^ (1 << bit);
        const recorder = new Recorder();
        recorder.framer.headerDigest = true;
        expect(codeOf(() => recorder.framer.push(wire))).toBe('PDU_HEADER_DIGEST');
        expect(recorder.pdus).toEqual([]);
      }),
    );
  });

  it('one changed bit in digested data or its padding is reported, and the next PDU is found', () => {
    const withData = anyPdu.filter((pdu) => 'data' in pdu && pdu.data.length > 0);
    fc.assert(
      fc.property(withData, fc.nat(), fc.nat(7), cutPoints, (pdu, at, bit, cuts) => {
        const wire = serializePdu(pdu, { header: false, data: true });
        const dataStart = 48 + wire[4]! * 4;
        const place = dataStart + (at % (wire.length - dataStart));
        wire[place] = wire[place]! ^ (1 << bit);
        const next = serializePdu(pdu, { header: false, data: true });
        const bytes = new Uint8Array(Buffer.concat([wire, next]));
        const recorder = new Recorder();
        recorder.framer.dataDigest = true;
        pushSplit(recorder.framer, bytes, sorted(cuts, bytes.length));
        expect(recorder.pdus.map((recorded) => recorded.dataDigestOk)).toEqual([false, true]);
      }),
    );
  });
});

it('random bytes throw nothing but PduError and are held only up to the limits', () => {
  const limits = { maxDataSegmentLength: 1000, maxAhsLength: 64 };
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      cutPoints,
      fc.boolean(),
      fc.boolean(),
      (bytes, cuts, header, data) => {
        const recorder = new Recorder(limits);
        recorder.framer.headerDigest = header;
        recorder.framer.dataDigest = data;
        const code = codeOf(() => pushSplit(recorder.framer, bytes, sorted(cuts, bytes.length)));
        expect(recorder.framer.bufferedBytes).toBeLessThanOrEqual(48 + 64 + 4 + 1000);
        if (code === undefined) expect(recorder.framer.bufferedBytes).toBeLessThanOrEqual(bytes.length);
      },
    ),
    { numRuns: 3000 },
  );
});

/** The code of the PduError that `action` throws; anything else it throws is passed on. */
function codeOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof PduError) return error.code;
    throw error;
  }
}

it('a framer that failed ignores what comes after', () => {
  const receiver = new Recorder({ maxDataSegmentLength: 10 });
  const framer: Framer = receiver.framer;
  const hostile = new Uint8Array(48).fill(0xff);
  hostile[4] = 0;
  expect(codeOf(() => framer.push(hostile))).toBe('PDU_DATA_SEGMENT_TOO_LONG');
  expect(codeOf(() => framer.push(hostile))).toBeUndefined();
  expect(receiver.pdus).toEqual([]);
});
