import { describe, expect, it } from 'vitest';
import { Framer, PduError } from '../../src/index.ts';
import type { FrameHeader, PduErrorDetail } from '../../src/index.ts';
import { Recorder } from '../support/recorder.ts';

/** A NOP-Out header made by hand: only opcode and lengths matter to a framer. */
function header(dataLength: number, ahsWords = 0): Uint8Array {
  const bytes = new Uint8Array(48 + ahsWords * 4);
  bytes.set([0x40, 0x80, 0, 0, ahsWords, dataLength >> 16, (dataLength >> 8) & 0xff, dataLength & 0xff]);
  return bytes;
}

function detailOf(action: () => void): PduErrorDetail | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof PduError) return error.detail;
    throw error;
  }
}

describe('limits', () => {
  it('a DataSegmentLength above the limit is refused before a receiver hears of it, and nothing is held', () => {
    const recorder = new Recorder({ maxDataSegmentLength: 512 });
    const detail = detailOf(() => recorder.framer.push(header(0xffffff)));
    expect(detail).toEqual({ code: 'PDU_DATA_SEGMENT_TOO_LONG', length: 0xffffff, limit: 512 });
    expect(recorder.framer.bufferedBytes).toBe(0);
  });

  it('a DataSegmentLength at the limit is accepted', () => {
    const recorder = new Recorder({ maxDataSegmentLength: 512 });
    recorder.framer.push(header(512));
    recorder.framer.push(new Uint8Array(512));
    expect(recorder.pdus[0]?.data.length).toBe(512);
  });

  it('an AHS above the limit is refused from its first 48 bytes', () => {
    const recorder = new Recorder({ maxDataSegmentLength: 512, maxAhsLength: 8 });
    const detail = detailOf(() => recorder.framer.push(header(0, 3).subarray(0, 48)));
    expect(detail).toEqual({ code: 'PDU_AHS_TOO_LONG', length: 12, limit: 8 });
  });

  it('memory grows with the bytes that arrive, not with the length that is declared', () => {
    const recorder = new Recorder({ maxDataSegmentLength: 0xffffff });
    recorder.framer.push(header(0xffffff));
    expect(recorder.framer.bufferedBytes).toBe(48);
    recorder.framer.push(new Uint8Array(100));
    expect(recorder.framer.bufferedBytes).toBe(148);
  });
});

describe('views', () => {
  it('a PDU that lies wholly in the chunk is shown without a copy', () => {
    const chunk = new Uint8Array(56);
    chunk.set(header(8));
    const seen: unknown[] = [];
    const receiver = {
      onHeader: (shown: FrameHeader) => void seen.push(shown.bytes === chunk),
      onPdu: (_header: FrameHeader, data: Uint8Array) =>
        void seen.push(data.buffer === chunk.buffer, data.byteOffset),
    };
    new Framer(receiver, { maxDataSegmentLength: 512 }).push(chunk);
    expect(seen).toEqual([true, true, 48]);
  });

  it('a destination may be longer than the data, and only its start is shown', () => {
    const destination = new Uint8Array(20).fill(7);
    let shown = new Uint8Array(0);
    const receiver = {
      onHeader: () => destination,
      onPdu: (_header: FrameHeader, data: Uint8Array) => void (shown = new Uint8Array(data)),
    };
    const framer = new Framer(receiver, { maxDataSegmentLength: 512 });
    framer.push(header(5));
    framer.push(Uint8Array.of(1, 2, 3, 4, 5, 0, 0, 0));
    expect([...shown]).toEqual([1, 2, 3, 4, 5]);
    expect(destination[5]).toBe(7);
  });

  it('a destination that is too short is a mistake of the receiver, told loudly', () => {
    const receiver = { onHeader: () => new Uint8Array(4), onPdu: () => undefined };
    const framer = new Framer(receiver, { maxDataSegmentLength: 512 });
    expect(() => framer.push(header(5))).toThrow(RangeError);
    expect(() => framer.push(header(0))).toThrow(/after the receiver threw/);
  });
});

describe('stop', () => {
  it('inside a callback leaves the rest of the input alone', () => {
    let count = 0;
    const receiver = {
      onHeader: () => undefined,
      onPdu: () => {
        count++;
        framer.stop();
      },
    };
    const framer: Framer = new Framer(receiver, { maxDataSegmentLength: 512 });
    framer.push(new Uint8Array([...header(0), ...header(0)]));
    framer.push(header(0));
    expect(count).toBe(1);
  });

  it('inside onHeader ends before onPdu', () => {
    const receiver = {
      onHeader: () => void framer.stop(),
      onPdu: () => expect.unreachable(),
    };
    const framer: Framer = new Framer(receiver, { maxDataSegmentLength: 512 });
    framer.push(header(0));
  });
});
