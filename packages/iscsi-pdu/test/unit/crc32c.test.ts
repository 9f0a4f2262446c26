import { describe, expect, it } from 'vitest';
import { crc32c, readDigest, writeDigest } from '../../src/index.ts';
import { nativeCrc32c as noNative } from '../../src/native-crc32c.none.ts';
import { nativeCrc32c } from '../../src/native-crc32c.node.ts';
import { tableCrc32c } from '../../src/table-crc32c.ts';

/** RFC 7143 §A.4, bytes and digests in wire order. */
const EXAMPLES: readonly [name: string, bytes: number[], digest: number[]][] = [
  ['32 bytes of zeroes', Array<number>(32).fill(0), [0xaa, 0x36, 0x91, 0x8a]],
  ['32 bytes of ones', Array<number>(32).fill(0xff), [0x43, 0xab, 0xa8, 0x62]],
  ['32 bytes incrementing', Array.from({ length: 32 }, (_, i) => i), [0x4e, 0x79, 0xdd, 0x46]],
  ['32 bytes decrementing', Array.from({ length: 32 }, (_, i) => 31 - i), [0x5c, 0xdb, 0x3f, 0x11]],
  [
    'a SCSI Read (10) Command PDU',
    [
      0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0,
      0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
    ],
    [0x56, 0x3a, 0x96, 0xd9],
  ],
];

describe('RFC 7143 A.4 examples', () => {
  it.each(EXAMPLES)('%s: the digest is on the wire low byte first (T-K9)', (_name, bytes, digest) => {
    const wire = new Uint8Array(6);
    writeDigest(wire, 1, crc32c(Uint8Array.from(bytes)));
    expect([...wire.subarray(1, 5)]).toEqual(digest);
    expect(readDigest(wire, 1)).toBe(crc32c(Uint8Array.from(bytes)));
  });
});

describe('implementations', () => {
  const text = Uint8Array.from({ length: 5000 }, (_, i) => (i * 31 + (i >> 5)) & 0xff);

  it('the native one is there in the tests of this repository', () => {
    expect(nativeCrc32c).toBeTypeOf('function');
    expect(noNative).toBeUndefined();
  });

  it('native and table agree at every length and seed', () => {
    for (let length = 0; length <= 600; length++) {
      const part = text.subarray(length, length * 2);
      expect(nativeCrc32c?.(part, length)).toBe(tableCrc32c(part, length));
    }
  });

  it('a CRC goes on from the CRC of what came before, across the change from table to native', () => {
    for (const cut of [0, 1, 15, 16, 255, 256, 257, 4999, 5000]) {
      expect(crc32c(text.subarray(cut), crc32c(text.subarray(0, cut)))).toBe(tableCrc32c(text, 0));
    }
  });
});
