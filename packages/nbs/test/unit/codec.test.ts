import { expect, it } from 'vitest';
import { tableCrc32 } from '../../src/codec/crc32.ts';
import {
  blankHeader,
  crc32,
  decodeFields,
  decodeHeader,
  encodeFields,
  encodeMessage,
  EventCode,
  EVENTS,
  Flag,
  Framer,
  Magic,
  Opcode,
  OPCODES,
  RESERVED_OPCODES,
  Status,
  STATUSES,
  TLVS,
  type Header,
} from '../../src/codec.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

/** READ of 4096 bytes at 2^32+512 of handle 7, cookie 0102030405060708h, written out by hand; its CRC by zlib. */
const READ_REQUEST = hex(`
  4e425351 01 08 0201 00000000 00000000
  01020304 05060708  00000000 00000007
  00000001 00000200  00000000 00001000
  00000000 00000000 00000003 15594476`);

it('CRC-32 is that of zlib: "123456789" gives cbf43926h, natively and by table', () => {
  const check = Uint8Array.from(Buffer.from('123456789'));
  expect([crc32(check), tableCrc32(check, 0, 9)]).toEqual([0xcbf43926, 0xcbf43926]);
  expect(tableCrc32(check, 4, 9, tableCrc32(check, 0, 4))).toBe(0xcbf43926);
});

it('a header is laid out as the specification says, byte for byte', () => {
  const header = blankHeader(Magic.REQUEST, Opcode.READ);
  Object.assign(header, { cookieHigh: 0x01020304, cookieLow: 0x05060708, handle: 7, offset: 2 ** 32 + 512 });
  Object.assign(header, { length: 4096, epoch: 3 });
  expect(Buffer.from(encodeMessage(header, undefined, false)).toString('hex')).toBe(
    Buffer.from(READ_REQUEST).toString('hex'),
  );
  const read = blankHeader(0, 0);
  expect(decodeHeader(READ_REQUEST, 0, read, [Magic.REQUEST])).toBe(true);
  expect(read).toMatchObject({ opcode: 0x0201, handle: 7, offset: 2 ** 32 + 512, length: 4096, epoch: 3 });
});

it('fields are TLVs: type, flags, length, value, padding to 8', () => {
  const bytes = encodeFields({
    name: 'disk',
    readOnly: true,
    sizeBytes: 2 ** 40,
    label: [{ key: 'a', value: 'b' }],
  });
  expect(Buffer.from(bytes).toString('hex')).toBe(
    '0102' +
      '0000' +
      '00000004' +
      '6469736b00000000' + // name
      '0106' +
      '0000' +
      '00000000' + // readOnly
      '0104' +
      '0000' +
      '00000008' +
      '0000010000000000' + // sizeBytes
      '0305' +
      '0000' +
      '00000020' + // label
      '0306' +
      '0000' +
      '00000001' +
      '6100000000000000' +
      '0307' +
      '0000' +
      '00000001' +
      '6200000000000000',
  );
});

it.each([
  ['a TLV that is cut off in its head', '0102'],
  ['a TLV that is cut off in its value', '0102000000000010 0000000000000000'],
  ['an unknown TLV that must be understood', '8abc000000000000'],
  ['a number of the wrong length', '0104000000000004 0000000000000000'],
  ['a number beyond 2^53', '0104000000000008 0020000000000000'],
  ['text that is no UTF-8', '0102000000000001 ff00000000000000'],
  ['text with a NUL', '0102000000000001 0000000000000000'],
  ['a flag with a value', '0106000000000001 0100000000000000'],
  ['a field that stands twice', '0106000000000000 0106000000000000'],
])('refuses %s', (_what, bytes) => {
  expect(() => decodeFields(hex(bytes))).toThrow(expect.objectContaining({ code: 'NBS_TLV' }));
});

it('skips unknown TLVs, and groups in groups come to an end', () => {
  expect(decodeFields(hex('0abc000000000003 1122330000000000 0106000000000000'))).toEqual({ readOnly: true });
  let nested = encodeFields({ name: 'x' });
  for (let depth = 0; depth < 6; depth++) {
    const head = Buffer.alloc(8);
    head.writeUInt16BE(TLVS.label.type, 0);
    head.writeUInt32BE(nested.length, 4);
    nested = Uint8Array.from(Buffer.concat([head, nested]));
  }
  expect(() => decodeFields(nested)).toThrow('deep');
});

function framed(bytes: Uint8Array, maxPayloadBytes = 65_536, pieceBytes = bytes.length) {
  const seen: [Header, Uint8Array, boolean, boolean][] = [];
  const receiver = {
    onMessage: (header: Header, payload: Uint8Array, intact: boolean, inRange: boolean) =>
      seen.push([{ ...header }, payload, intact, inRange]),
  };
  const framer = new Framer(receiver, [Magic.REQUEST], maxPayloadBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) framer.push(bytes.subarray(at, at + pieceBytes));
  return seen;
}

it('a header of more than 64 bytes is taken, and what is not known of it skipped', () => {
  const longer = Uint8Array.from(Buffer.concat([READ_REQUEST, Buffer.alloc(16, 0xee)]));
  longer[5] = 10;
  new DataView(longer.buffer).setUint32(60, crc32(longer.subarray(0, 60)));
  const stream = Uint8Array.from(Buffer.concat([longer, READ_REQUEST, longer]));
  for (const pieceBytes of [1, 7, 64, 70, 1000]) {
    expect(framed(stream, 0, pieceBytes).map(([header]) => header.headerUnits)).toEqual([10, 8, 10]);
  }
});

it('a damaged payload is told apart from a damaged header', () => {
  const header = blankHeader(Magic.REQUEST, Opcode.WRITE);
  const message = encodeMessage(header, new Uint8Array(512).fill(5), true);
  expect((message[11]! & Flag.DIGEST) !== 0).toBe(true);
  message[100]! ^= 1;
  expect(framed(message)[0]?.[2]).toBe(false);
  message[20]! ^= 1;
  expect(() => framed(message)).toThrow(expect.objectContaining({ code: 'NBS_HEADER_DIGEST' }));
});

it.each([
  ['NBS_MAGIC', (bytes: Uint8Array) => (bytes[0] = 0)],
  ['NBS_VERSION', (bytes: Uint8Array) => (bytes[4] = 2)],
  ['NBS_HEADER_LENGTH', (bytes: Uint8Array) => (bytes[5] = 7)],
  ['NBS_PAYLOAD_TOO_LONG', (bytes: Uint8Array) => (bytes[48] = 1)],
])('a stream with %s is at its end', (code, damage) => {
  const bytes = READ_REQUEST.slice();
  damage(bytes);
  if (code !== 'NBS_MAGIC') new DataView(bytes.buffer).setUint32(60, crc32(bytes.subarray(0, 60)));
  expect(() => framed(bytes)).toThrow(expect.objectContaining({ code }));
});

it('numbers beyond 2^53 are told as such, and the stream goes on', () => {
  const bytes = READ_REQUEST.slice();
  bytes[32] = 0x80;
  new DataView(bytes.buffer).setUint32(60, crc32(bytes.subarray(0, 60)));
  expect(framed(Uint8Array.from([...bytes, ...READ_REQUEST])).map(([, , , inRange]) => inRange)).toEqual([
    false,
    true,
  ]);
});

it('every code of a request, an event and a status has its row, and none is taken twice', () => {
  expect(Object.keys(Opcode)).toEqual(Object.keys(OPCODES));
  expect(Object.keys(EventCode)).toEqual(Object.keys(EVENTS));
  expect(Object.keys(Status)).toEqual(Object.keys(STATUSES));
  const codes = [...Object.values(Opcode), ...Object.keys(RESERVED_OPCODES).map(Number)];
  expect(new Set(codes).size).toBe(codes.length);
});
