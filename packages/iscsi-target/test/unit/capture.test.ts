import { describe, expect, it } from 'vitest';
import { Capture } from '../../src/index.ts';
import { RecordingTransport, type Recorder } from '../../src/trace/recording-transport.ts';
import { MemoryTransport } from '../support/memory-transport.ts';

const FILE_HEADER = 'd4c3b2a1020004000000000000000000000004006500000000'.slice(0, 48);
const IPV4 = { local: { address: '127.0.0.1', port: 3260 }, remote: { address: '127.0.0.1', port: 50000 } };

function newCapture(options: { maxBytes?: number; maxAgeMs?: number } = {}): {
  capture: Capture;
  now: { ms: number };
} {
  const now = { ms: 0 };
  const clock = { nowMs: () => now.ms, epochMs: 1_700_000_000_000 };
  return { capture: new Capture(options, clock, () => undefined), now };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Payloads of the records of a pcap file of IPv4 packets. */
function payloads(file: Uint8Array): string[] {
  const found: string[] = [];
  const view = new DataView(file.buffer);
  for (let at = 24; at < file.length; at += 16 + view.getUint32(at + 8, true)) {
    found.push(hex(file.subarray(at + 16 + 40, at + 16 + view.getUint32(at + 8, true))));
  }
  return found;
}

describe('capture', () => {
  it('an empty one is the header of a pcap file of raw IP packets', () => {
    expect(hex(newCapture().capture.toPcap())).toBe(FILE_HEADER);
  });

  it('a piece becomes a record with right IPv4 and TCP headers, checksums included', () => {
    const { capture, now } = newCapture();
    now.ms = 1500.25;
    capture.add(IPV4, false, Uint8Array.of(1, 2, 3));
    const record = hex(capture.toPcap()).slice(FILE_HEADER.length);
    // Written by hand from RFC 791 and RFC 9293; 500,250 µs are 0007a21ah.
    const recordHeader = '01f153651aa207002b0000002b000000';
    const ip = '4500002b0000000040067ccb7f0000017f000001';
    const tcp = 'c3500cbc00000001000000015018ffff';
    expect(record.slice(0, 32)).toBe(recordHeader);
    expect(record.slice(32, 72)).toBe(ip);
    expect(record.slice(72, 104)).toBe(tcp);
    expect(record.slice(112)).toBe('010203');
  });

  it('sequence numbers count the bytes of each direction, and acknowledge the other', () => {
    const { capture } = newCapture();
    capture.add(IPV4, false, new Uint8Array(48));
    capture.add(IPV4, true, new Uint8Array(100));
    capture.add(IPV4, false, new Uint8Array(48));
    const view = new DataView(capture.toPcap().buffer);
    const numbers = [24, 24 + 16 + 88, 24 + 16 + 88 + 16 + 140].map((at) => [
      view.getUint32(at + 16 + 24),
      view.getUint32(at + 16 + 28),
    ]);
    expect(numbers).toEqual([
      [1, 1],
      [1, 49],
      [49, 101],
    ]);
  });

  it('IPv6 addresses get an IPv6 header', () => {
    const { capture } = newCapture();
    const ends = { local: { address: '::1', port: 3260 }, remote: { address: 'fe80::2%eth0', port: 1 } };
    capture.add(ends, true, Uint8Array.of(7));
    const record = hex(capture.toPcap()).slice(FILE_HEADER.length + 32);
    expect(record.slice(0, 16)).toBe('6000000000150640');
    expect(record.slice(16, 80)).toBe(`${'1'.padStart(32, '0')}fe80${'2'.padStart(28, '0')}`);
  });

  it('a piece that no IP packet could hold becomes several', () => {
    const { capture } = newCapture();
    capture.add(IPV4, true, new Uint8Array(200_000));
    expect(payloads(capture.toPcap()).map(({ length }) => length / 2)).toEqual([65400, 65400, 65400, 3800]);
  });

  it('keeps the latest bytes when they are more than it holds, and those only', () => {
    const { capture } = newCapture({ maxBytes: 8 });
    for (const value of [1, 2, 3, 4]) capture.add(IPV4, true, new Uint8Array(3).fill(value));
    expect(payloads(capture.toPcap())).toEqual(['030303', '040404']);
    capture.add(IPV4, true, new Uint8Array(9));
    expect(payloads(capture.toPcap())).toEqual([]);
    capture.add(IPV4, true, new Uint8Array(8).fill(5));
    expect(payloads(capture.toPcap())).toEqual(['0505050505050505']);
  });

  it('drops what is older than it is to keep', () => {
    const { capture, now } = newCapture({ maxAgeMs: 1000 });
    capture.add(IPV4, true, Uint8Array.of(1));
    now.ms = 900;
    capture.add(IPV4, true, Uint8Array.of(2));
    now.ms = 1001;
    expect(payloads(capture.toPcap())).toEqual(['02']);
  });
});

describe('recording transport', () => {
  it('records both directions while there is a capture, and passes everything on', async () => {
    const inner = new MemoryTransport();
    const recorder: Recorder = { capture: undefined };
    const transport = new RecordingTransport(inner, recorder);
    transport.send([Uint8Array.of(1)], () => undefined);
    const { capture } = newCapture();
    recorder.capture = capture;
    transport.received(Uint8Array.of(2));
    transport.send([Uint8Array.of(3), Uint8Array.of(4)], () => undefined);
    recorder.capture = undefined;
    transport.received(Uint8Array.of(5));
    expect(payloads(capture.toPcap())).toEqual(['02', '03', '04']);
    expect((await inner.settle()).map(hex)).toEqual(['01', '03', '04']);
  });
});
