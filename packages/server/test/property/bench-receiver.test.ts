import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { Receiver } from '../../bench/receiver.ts';

interface Seen {
  readonly firstByte: number;
  readonly data: Buffer;
}

function pdu(firstByte: number, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(48 + Math.ceil(data.length / 4) * 4);
  bytes[0] = firstByte;
  bytes.writeUIntBE(data.length, 5, 3);
  bytes.set(data, 48);
  return bytes;
}

const pdus = fc.array(fc.tuple(fc.nat(63), fc.uint8Array({ maxLength: 200 })), {
  minLength: 1,
  maxLength: 12,
});
const cuts = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 20 });

test.prop([pdus, cuts])(
  'the generator’s receiver finds the same PDUs however the stream is cut',
  (list, sizes) => {
    const seen: Seen[] = [];
    let current: { firstByte: number; parts: Buffer[] } | undefined;
    const receiver = new Receiver({
      onHeader: (bytes, at) => (current = { firstByte: bytes[at]!, parts: [] }),
      onData: (bytes, start, end) => current?.parts.push(Buffer.from(bytes.subarray(start, end))),
      onEnd: () => {
        if (current) seen.push({ firstByte: current.firstByte, data: Buffer.concat(current.parts) });
        current = undefined;
      },
    });
    const stream = Buffer.concat(list.map(([firstByte, data]) => pdu(firstByte, data)));
    // One buffer for all chunks, as the socket does it: nothing may be kept by reference.
    const chunk = Buffer.alloc(120);
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const length = Math.min(sizes[turn % sizes.length]!, stream.length - at);
      stream.copy(chunk, 0, at, at + length);
      receiver.feed(chunk, length);
      at += length;
    }
    expect(seen).toEqual(list.map(([firstByte, data]) => ({ firstByte, data: Buffer.from(data) })));
  },
);
