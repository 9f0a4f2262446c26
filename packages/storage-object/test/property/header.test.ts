import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_SLOT_BYTES, type HeaderSlot } from '../../src/format.ts';
import { decodeHeader, encodeHeader, type ContainerHeader } from '../../src/header.ts';
import { sampleHeader } from '../support/headers.ts';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const count = fc.maxSafeNat();
const slotName = fc.constantFrom<HeaderSlot>('A', 'B');

const header: fc.Arbitrary<ContainerHeader> = fc.record({
  sequence: count,
  features: fc.record({ incompatible: fc.constant(0), compatible: uint32, autoclear: uint32 }),
  role: fc.constant(1),
  identity: bytes(16),
  origin: bytes(16),
  generation: bytes(16),
  writeSession: bytes(16),
  capacityBytes: count,
  dataOffset: count,
  blockSize: uint32,
  openState: fc.constantFrom('clean', 'open'),
  stamp: fc.record({ sizeBytes: count, modifiedAtNs: uint64, inode: uint64, bornAtNs: uint64 }),
  updatedAtMs: count,
  opener: fc.record({
    host: fc.stringMatching(/^[a-z0-9.-]{0,64}$/),
    bootId: fc.uuid(),
    pid: uint32,
  }),
  regions: fc.array(fc.record({ type: uint32, flags: uint32, offset: count, lengthBytes: count }), {
    maxLength: 16,
  }),
  attributes: fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
  raw: bytes(4096),
});

/** The header, and as much of its attributes as there is. */
const USED_BYTES = 4096 + JSON.stringify(sampleHeader().attributes).length;

function slotOf(encoded: Buffer): Buffer {
  return Buffer.concat([encoded], HEADER_SLOT_BYTES);
}

describe('header', () => {
  it('comes back as it was written, whatever its values', () => {
    fc.assert(
      fc.property(header, slotName, (written, slot) => {
        const reading = decodeHeader(slotOf(encodeHeader(written, slot)), slot);
        expect(reading.kind).toBe('good');
        if (reading.kind !== 'good') return;
        const normal = { ...written, attributes: JSON.parse(JSON.stringify(written.attributes)) as object };
        // Byte for byte would be slow to print and is what the unit test proves.
        expect({ ...reading.header, raw: undefined }).toEqual({ ...normal, raw: undefined });
      }),
      { numRuns: 200 },
    );
  });

  it('is read from any bytes without an exception', () => {
    const image = slotOf(encodeHeader(sampleHeader(), 'A'));
    const edits = fc.array(fc.tuple(fc.nat(8192), bytes(4)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(edits, (changes) => {
        const damaged = Buffer.from(image);
        for (const [offset, patch] of changes) damaged.set(patch, offset);
        const { kind } = decodeHeader(damaged, 'A');
        expect(kind === 'bad' || damaged.subarray(0, USED_BYTES).equals(image.subarray(0, USED_BYTES))).toBe(
          true,
        );
      }),
      { numRuns: 300 },
    );
  });
});
