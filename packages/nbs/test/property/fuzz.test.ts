import fc from 'fast-check';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import {
  blankHeader,
  decodeFields,
  decodeHeader,
  encodeFields,
  encodeHeader,
  Magic,
  NbsCodecError,
  TLVS,
} from '../../src/codec.ts';
import { headerLayout } from '../../src/codec/header.ts';
import { readFields, Unreadable } from '../support/reference-decoder.ts';

/** Inputs of each property; `npm run fuzz` sets a higher number. */
const RUNS = Number(process.env['LUNBOX_FUZZ_PDUS'] ?? 20_000);

const ALL_MAGICS = Object.values(Magic);
const declared = headerLayout as unknown as { decode(bytes: Uint8Array): Record<string, number> };

/** Bytes of which one, or a few, are not what they were. */
const damage = fc.array(fc.tuple(fc.nat(0xffff), fc.nat(255)), { maxLength: 3 });

function damaged(bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
}

const header = fc.record({
  magic: fc.constantFrom(...ALL_MAGICS),
  opcode: fc.nat(0xffff),
  flags: fc.nat(0xffff_ffff),
  status: fc.nat(0xffff_ffff),
  cookieHigh: fc.nat(0xffff_ffff),
  cookieLow: fc.nat(0xffff_ffff),
  handle: fc.nat(Number.MAX_SAFE_INTEGER),
  offset: fc.nat(Number.MAX_SAFE_INTEGER),
  length: fc.nat(Number.MAX_SAFE_INTEGER),
  payloadBytes: fc.nat(0xffff_ffff),
  payloadDigest: fc.nat(0xffff_ffff),
  epoch: fc.nat(0xffff_ffff),
});

/** What the declared layout, and the words of docs/nbs-protocol.md, make of 64 bytes. */
function headerByTheBook(bytes: Uint8Array): object | string {
  const fields = declared.decode(Buffer.from(bytes));
  const { headerDigest, handleHigh, handleLow, offsetHigh, offsetLow, lengthHigh, lengthLow, ...others } =
    fields;
  if (!ALL_MAGICS.includes(others['magic'] as never)) return 'NBS_MAGIC';
  if (headerDigest !== zlibCrc32(bytes.subarray(0, 60))) return 'NBS_HEADER_DIGEST';
  if (others['version'] !== 1) return 'NBS_VERSION';
  if (others['headerUnits']! < 8) return 'NBS_HEADER_LENGTH';
  const halves = [
    [handleHigh, handleLow],
    [offsetHigh, offsetLow],
    [lengthHigh, lengthLow],
  ] as const;
  const wide = halves.map(([high, low]) => BigInt(high!) * 2n ** 32n + BigInt(low!));
  const fits = wide.every((value) => value <= BigInt(Number.MAX_SAFE_INTEGER));
  const [handle, offset, length] = wide.map((value) => (fits ? Number(value) : 0));
  return { ...others, handle, offset, length, fits };
}

function headerByHand(bytes: Uint8Array): object | string {
  const read = blankHeader(0, 0);
  try {
    const fits = decodeHeader(bytes, 0, read, ALL_MAGICS);
    return { ...read, fits };
  } catch (error) {
    if (!(error instanceof NbsCodecError)) throw error;
    return error.code;
  }
}

it('both decoders make the same of any header, or refuse it for the same reason', () => {
  fc.assert(
    fc.property(header, damage, fc.boolean(), (fields, changes, isSealed) => {
      const whole = new Uint8Array(64);
      encodeHeader({ ...blankHeader(0, 0), ...fields }, whole);
      const bytes = damaged(whole, changes);
      // Most damage is found by the digest: what lies behind that is to be seen, too.
      if (isSealed) new DataView(bytes.buffer).setUint32(60, zlibCrc32(bytes.subarray(0, 60)));
      expect(headerByHand(bytes)).toEqual(headerByTheBook(bytes));
    }),
    { numRuns: RUNS },
  );
});

const types = Object.values(TLVS).map(({ type }) => type);

/** A TLV of any type that there is, or is not, with any content, most of the time of a likely length. */
const tlv: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...types) }, fc.nat(0xffff)),
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(0, 4, 8, 16).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
      fc.string({ maxLength: 12 }).map((text) => new TextEncoder().encode(text)),
      fc.constant(encodeFields({ name: 'x', extent: [{ offset: 1, length: 2, state: 'hole' }] })),
    ),
    fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, fc.integer({ min: -8, max: 8 })),
  )
  .map(([type, content, lie]) => {
    const bytes = new Uint8Array(8 + Math.ceil(content.length / 8) * 8);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, type);
    view.setUint32(4, Math.max(0, content.length + lie));
    bytes.set(content, 8);
    return bytes;
  });

it('both decoders make the same of any row of TLVs, or both refuse it', () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(tlv, { maxLength: 5 }), fc.oneof(fc.constant([]), damage), (tlvs, changes) => {
      const bytes = damaged(Buffer.concat(tlvs), changes);
      let byTheBook: unknown = 'refused';
      let byHand: unknown = 'refused';
      try {
        byTheBook = readFields(bytes);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
      }
      try {
        byHand = decodeFields(bytes);
      } catch (error) {
        if (!(error instanceof NbsCodecError)) throw error;
      }
      if (byHand !== 'refused') accepted++;
      expect(byHand).toEqual(byTheBook);
    }),
    { numRuns: RUNS },
  );
  expect(accepted).toBeGreaterThan(RUNS / 20);
});
