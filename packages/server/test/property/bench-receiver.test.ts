import { crc32c } from '@lunbox/iscsi-pdu';
import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { Receiver } from '../../bench/receiver.ts';

interface Seen {
  readonly firstByte: number;
  readonly data: Buffer;
}

function pdu(firstByte: number, data: Uint8Array, digests: boolean): Buffer {
  const header = Buffer.alloc(48);
  header[0] = firstByte;
  header.writeUIntBE(data.length, 5, 3);
  const padded = Buffer.alloc(Math.ceil(data.length / 4) * 4);
  padded.set(data);
  if (!digests) return Buffer.concat([header, padded]);
  return Buffer.concat([header, digestOf(header), padded, data.length > 0 ? digestOf(padded) : padded]);
}

function digestOf(bytes: Uint8Array): Buffer {
  const digest = Buffer.alloc(4);
  digest.writeUInt32LE(crc32c(bytes));
  return digest;
}

/** What a receiver makes of a stream that comes in pieces of `sizes` bytes, over and over. */
function receive(stream: Buffer, sizes: readonly number[], digests: boolean): Seen[] {
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
  receiver.digests = digests;
  // One buffer for all chunks, as the socket does it: nothing may be kept by reference.
  const chunk = Buffer.alloc(120);
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const length = Math.min(sizes[turn % sizes.length]!, stream.length - at);
    stream.copy(chunk, 0, at, at + length);
    receiver.feed(chunk, length);
    at += length;
  }
  return seen;
}

const pdus = fc.array(fc.tuple(fc.nat(63), fc.uint8Array({ maxLength: 200 })), {
  minLength: 1,
  maxLength: 12,
});
const cuts = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 20 });

test.prop([pdus, cuts, fc.boolean()])(
  'the generator’s receiver finds the same PDUs however the stream is cut',
  (list, sizes, digests) => {
    const stream = Buffer.concat(list.map(([firstByte, data]) => pdu(firstByte, data, digests)));
    const seen = receive(stream, sizes, digests);
    expect(seen).toEqual(list.map(([firstByte, data]) => ({ firstByte, data: Buffer.from(data) })));
  },
);

test.prop([
  fc.uint8Array({ minLength: 1, maxLength: 200 }),
  cuts,
  fc.nat(),
  fc.integer({ min: 1, max: 255 }),
])('the generator’s receiver sees every wrong byte where there are digests', (data, sizes, where, flip) => {
  const stream = pdu(0x25, data, true);
  stream[where % stream.length]! ^= flip;
  let seen: Seen[] = [];
  try {
    seen = receive(stream, sizes, true);
  } catch (error) {
    expect((error as Error).message).toMatch(/wrong (header|data) digest/);
  }
  expect(seen).toEqual([]);
});
