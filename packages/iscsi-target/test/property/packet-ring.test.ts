import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { PacketRing, type Flow } from '../../src/trace/packet-ring.ts';

const RING_BYTES = 64;

const piece = fc.record({
  data: fc.uint8Array({ maxLength: RING_BYTES + 8 }),
  outgoing: fc.boolean(),
});

describe('packet ring', () => {
  test.prop([fc.array(piece, { maxLength: 60 })])(
    'holds the longest run of latest pieces that fits',
    (pieces) => {
      const end = { address: '127.0.0.1', port: 1 };
      const flow: Flow = { local: end, remote: end, sentBytes: 0, receivedBytes: 0 };
      const ring = new PacketRing(RING_BYTES, Infinity);
      let expected: { data: Uint8Array; outgoing: boolean; sequence: number }[] = [];
      const counts = { true: 0, false: 0 };
      for (const { data, outgoing } of pieces) {
        ring.add(flow, outgoing, data, 0);
        const key = outgoing ? 'true' : 'false';
        expected.push({ data, outgoing, sequence: counts[key] });
        counts[key] += data.length;
        if (data.length > RING_BYTES) expected = [];
        const total = (): number => expected.reduce((sum, kept) => sum + kept.data.length, 0);
        while (total() > RING_BYTES) expected.shift();
      }
      const kept = [...ring.packets(0)].map(({ packet: { outgoing, sequence }, data }) => ({
        data,
        outgoing,
        sequence,
      }));
      expect(kept).toEqual(expected);
    },
  );
});
