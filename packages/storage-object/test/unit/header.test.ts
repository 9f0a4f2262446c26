import { describe, expect, it } from 'vitest';
import { crc32 } from 'node:zlib';
import { decodeHeader, encodeHeader } from '../../src/header.ts';
import { sampleHeader } from '../support/headers.ts';

const SLOT_BYTES = 131_072;

/** The header of {@link sampleHeader}, put together by hand from docs/container-format.md. */
function goldenSlot(): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES);
  const text = Buffer.from('{"name":"disk","x-later":[1,{"a":null}]}');
  slot.write('LUNBOX-A', 0, 'latin1');
  const words: [offset: number, value: number][] = [
    [8, 1],
    [12, 4096],
    [36, text.length],
    [40, crc32(text)],
    [48, 0],
    [52, 2],
    [56, 4],
    [60, 1],
    [144, 4096],
    [148, 2],
    [192, 4711],
    [196, 1],
    [1024, 2],
    [1028, 0],
  ];
  for (const [offset, value] of words) slot.writeUInt32BE(value, offset);
  const longs: [offset: number, value: bigint][] = [
    [16, 65_536n],
    [24, 7n],
    [128, 0x1_4000_0000n],
    [136, 0x90_0000n],
    [152, 0x1_4090_0000n],
    [160, 1_795_345_493_699_000_001n],
    [168, 0xfedc_ba98_7654_3210n],
    [176, 3n],
    [184, 1_795_345_493_700n],
    [1032, 0x10_0000n],
    [1040, 0x80_0000n],
  ];
  for (const [offset, value] of longs) slot.writeBigUInt64BE(value, offset);
  for (const [index, byte] of [0x11, 0x22, 0x33, 0x44].entries()) {
    slot.fill(byte, 64 + 16 * index, 80 + 16 * index);
  }
  for (let index = 0; index < 16; index += 1) slot[200 + index] = index;
  slot.write('näme', 216, 'utf8');
  text.copy(slot, 4096);
  slot.writeUInt32BE(crc32(slot.subarray(0, 4096)), 32);
  return slot;
}

/** Changes bytes and makes the checksum right again, as somebody hostile would. */
function resealed(change: (slot: Buffer) => void): Buffer {
  const slot = goldenSlot();
  change(slot);
  slot.writeUInt32BE(0, 32);
  slot.writeUInt32BE(crc32(slot.subarray(0, 4096)), 32);
  return slot;
}

describe('header', () => {
  it('is written as the format says, byte for byte', () => {
    const encoded = encodeHeader(sampleHeader(), 'A');
    expect(encoded.length).toBe(8192);
    expect(encoded.equals(goldenSlot().subarray(0, 8192))).toBe(true);
  });

  it('is read as the format says', () => {
    const reading = decodeHeader(goldenSlot(), 'A');
    expect(reading).toMatchObject({
      kind: 'good',
      header: { ...sampleHeader(), raw: expect.any(Uint8Array) as Uint8Array },
    });
  });

  it('differs between the slots in magic and own offset, so that a misplaced one is noticed', () => {
    const slot = Buffer.alloc(SLOT_BYTES);
    encodeHeader(sampleHeader(), 'B').copy(slot);
    expect(decodeHeader(slot, 'B').kind).toBe('good');
    expect(decodeHeader(slot, 'A').kind).toBe('bad');
    expect(slot.toString('latin1', 0, 8)).toBe('LUNBOX-B');
    expect(slot.readBigUInt64BE(16)).toBe(196_608n);
  });

  it('is bad when any single byte of it is changed', () => {
    for (let offset = 0; offset < 4096; offset += 1) {
      const slot = goldenSlot();
      slot[offset] = (slot[offset] ?? 0) ^ 0x40;
      expect(decodeHeader(slot, 'A').kind, `byte ${offset}`).toBe('bad');
    }
  });

  it('is bad when its attributes are changed, too long, or no JSON object', () => {
    const flipped = goldenSlot();
    flipped[4100] = (flipped[4100] ?? 0) ^ 1;
    expect(decodeHeader(flipped, 'A').kind).toBe('bad');
    expect(
      decodeHeader(
        resealed((slot) => slot.writeUInt32BE(0xffff_ffff, 36)),
        'A',
      ).kind,
    ).toBe('bad');
    const list = resealed((slot) => {
      slot.write('[1]', 4096);
      slot.writeUInt32BE(3, 36);
      slot.writeUInt32BE(crc32('[1]'), 40);
    });
    expect(decodeHeader(list, 'A').kind).toBe('bad');
  });

  it.each([
    ['an unknown incompatible feature', 48, 0x8000_0000, 0x8000_0000],
    ['a later format version', 8, 2, 0],
    ['a role that this version does not have', 60, 3, 0],
  ])('needs a newer reader when it has %s', (_name, offset, value, unknownFeatures) => {
    const slot = resealed((bytes) => bytes.writeUInt32BE(value, offset));
    expect(decodeHeader(slot, 'A')).toMatchObject({ kind: 'unsupported', unknownFeatures });
  });

  it('keeps the fields that it does not know when it is rewritten', () => {
    const slot = resealed((bytes) => bytes.fill(0xa5, 2000, 2100));
    const reading = decodeHeader(slot, 'A');
    if (reading.kind !== 'good') throw new Error('the header should be good');
    const rewritten = encodeHeader({ ...reading.header, sequence: 8 }, 'B');
    expect(rewritten.subarray(2000, 2100).every((byte) => byte === 0xa5)).toBe(true);
  });
});
