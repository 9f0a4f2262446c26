import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headerLayout } from '../../src/codec/header.ts';
import {
  blankHeader,
  crc32,
  decodeFields,
  decodeHeader,
  encodeFields,
  encodeHeader,
  encodeMessage,
  Framer,
  Magic,
  NbsCodecError,
  TLVS,
  type Fields,
  type Header,
  type TlvKind,
  type TlvName,
  type TlvRow,
} from '../../src/codec.ts';

const u32 = fc.nat(0xffff_ffff);
const safe = fc.nat(Number.MAX_SAFE_INTEGER);

const header = fc.record({
  magic: fc.constantFrom(Magic.REQUEST, Magic.REPLY, Magic.EVENT),
  opcode: fc.nat(0xffff),
  flags: u32,
  status: u32,
  cookieHigh: u32,
  cookieLow: u32,
  handle: safe,
  offset: safe,
  length: safe,
  payloadBytes: u32,
  payloadDigest: u32,
  epoch: u32,
});

/** The layout as this test needs it: buffer-layout has no typings of its own. */
const declared = headerLayout as unknown as { decode(bytes: Uint8Array): unknown };

const ALL_MAGICS = Object.values(Magic);

it('the hand-written codec of headers and the declared layout agree', () => {
  fc.assert(
    fc.property(header, (fields) => {
      const whole: Header = { ...blankHeader(0, 0), ...fields };
      const bytes = new Uint8Array(64);
      encodeHeader(whole, bytes);
      const halves = Object.fromEntries(
        (['handle', 'offset', 'length'] as const).flatMap((name) => [
          [`${name}High`, Math.floor(whole[name] / 2 ** 32)],
          [`${name}Low`, whole[name] % 2 ** 32],
        ]),
      );
      const { handle: _handle, offset: _offset, length: _length, ...others } = whole;
      const headerDigest = crc32(bytes.subarray(0, 60));
      expect(declared.decode(Buffer.from(bytes))).toEqual({ ...others, ...halves, headerDigest });
      const read = blankHeader(0, 0);
      expect(decodeHeader(bytes, 0, read, ALL_MAGICS)).toBe(true);
      expect(read).toEqual(whole);
    }),
    { numRuns: 2000 },
  );
});

const LEAVES: { readonly [K in Exclude<TlvKind, 'group'>]: fc.Arbitrary<unknown> } = {
  u32,
  u64: safe,
  text: fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0')),
  bytes: fc.uint8Array({ maxLength: 40 }),
  uuid: fc.uuid(),
  flag: fc.constant(true),
};

function fieldsOf(depth: number): fc.Arbitrary<Fields> {
  const names = (Object.keys(TLVS) as TlvName[]).filter((name) => depth > 0 || TLVS[name].kind !== 'group');
  const members = names.map((name) => {
    const { kind, many }: TlvRow = TLVS[name];
    const value = kind === 'group' ? fieldsOf(depth - 1) : LEAVES[kind];
    return [name, many ? fc.array(value, { minLength: 1, maxLength: 3 }) : value] as const;
  });
  return fc
    .subarray(members, { maxLength: 6 })
    .chain((chosen) => fc.record(Object.fromEntries(chosen))) as fc.Arbitrary<Fields>;
}

it('fields are read back as they were written', () => {
  fc.assert(
    fc.property(fieldsOf(2), (fields) => {
      expect(decodeFields(encodeFields(fields))).toEqual(fields);
    }),
    { numRuns: 1000 },
  );
});

/** Payloads in this property; `npm run fuzz` sets a higher number. */
const COUNT = Number(process.env['LUNBOX_FUZZ_PDUS'] ?? 20_000);

it('whatever bytes come as fields, they are read or refused', () => {
  const mutated = fc
    .tuple(fieldsOf(2), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }))
    .map(([fields, changes]) => {
      const bytes = encodeFields(fields);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        decodeFields(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(NbsCodecError);
      }
    }),
    { numRuns: COUNT },
  );
}, 3_600_000);

it('any split of a stream gives the same messages', () => {
  const message = fc.tuple(header, fc.uint8Array({ maxLength: 300 }), fc.boolean());
  const stream = fc.array(message, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (messages, cuts) => {
      const bytes = Buffer.concat(
        messages.map(([fields, payload, digest]) =>
          encodeMessage({ ...blankHeader(0, 0), ...fields, flags: 0 }, payload, digest),
        ),
      );
      const seen: Uint8Array[] = [];
      const framer = new Framer({ onMessage: (_header, payload) => seen.push(payload) }, ALL_MAGICS, 300);
      for (let at = 0, index = 0; at < bytes.length; index++) {
        const cut = cuts[index % cuts.length]!;
        framer.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      expect(seen).toEqual(messages.map(([, payload]) => payload));
    }),
    { numRuns: 500 },
  );
});
