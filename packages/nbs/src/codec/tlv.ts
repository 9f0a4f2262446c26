import { NbsCodecError } from './nbs-error.ts';
import {
  MUST_UNDERSTAND,
  TEXT_LIMIT_BYTES,
  TLVS,
  type TlvKind,
  type TlvName,
  type TlvRow,
} from './tlv-table.ts';

/** The value of a TLV by its kind; a UUID is text of 36 characters. */
export interface KindValues {
  u32: number;
  u64: number;
  text: string;
  bytes: Uint8Array;
  uuid: string;
  flag: true;
  group: Fields;
}

/** What a field holds: a value of its kind, or several of them. */
export type ValueOf<N extends TlvName> = (typeof TLVS)[N]['many'] extends true
  ? readonly KindValues[(typeof TLVS)[N]['kind']][]
  : KindValues[(typeof TLVS)[N]['kind']];

/** The fields of a control message, by the names of {@link TLVS}. */
export type Fields = { readonly [N in TlvName]?: ValueOf<N> };

type Value = KindValues[TlvKind];

/** How deep groups may lie in groups. */
const DEPTH_LIMIT = 4;
const HEAD_BYTES = 8;

const BY_TYPE = new Map<number, readonly [TlvName, TlvRow]>(
  Object.entries(TLVS).map(([name, row]) => [row.type, [name as TlvName, row]]),
);
if (BY_TYPE.size !== Object.keys(TLVS).length) throw new Error('two TLVs have one type');

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Bytes of a UUID that a dash stands before (RFC 9562 §4). */
const UUID_DASHES: ReadonlySet<number> = new Set([4, 6, 8, 10]);

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Writes fields as TLVs, in the order in which they stand in the object.
 *
 * @throws NbsCodecError `NBS_FIELD` for a value that does not fit its kind.
 */
export function encodeFields(fields: Fields): Uint8Array {
  const pieces = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const row: TlvRow = TLVS[name as TlvName];
    const values = (row.many ? value : [value]) as readonly Value[];
    return values.map((each) => encodeTlv(row, name, each));
  });
  return concat(pieces);
}

function encodeTlv({ type, kind }: TlvRow, name: string, value: Value): Uint8Array {
  const content = WRITERS[kind](value as never, name);
  const bytes = new Uint8Array(HEAD_BYTES + padded(content.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, type);
  view.setUint32(4, content.length);
  bytes.set(content, HEAD_BYTES);
  return bytes;
}

/**
 * Reads the TLVs of a control payload. Types that are not known are skipped, unless they must be understood.
 *
 * @throws NbsCodecError `NBS_TLV`: the message is refused, the connection goes on.
 */
export function decodeFields(bytes: Uint8Array): Fields {
  return decodeGroup(bytes, 0);
}

function decodeGroup(bytes: Uint8Array, depth: number): Fields {
  if (depth > DEPTH_LIMIT) throw bad(`groups lie more than ${DEPTH_LIMIT} deep`);
  const fields: Record<string, Value | Value[]> = {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < HEAD_BYTES) throw bad('a TLV is cut off');
    const type = view.getUint16(at);
    const length = view.getUint32(at + 4);
    const end = at + HEAD_BYTES + padded(length);
    if (end > bytes.length) throw bad(`TLV ${type.toString(16)}h is cut off`);
    const content = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    at = end;
    const known = BY_TYPE.get(type);
    if (known !== undefined) add(fields, known, READERS[known[1].kind](content, known[0], depth));
    else if ((type & MUST_UNDERSTAND) !== 0) throw bad(`TLV ${type.toString(16)}h is not known here`);
  }
  return fields;
}

function add(
  fields: Record<string, Value | Value[]>,
  [name, row]: readonly [TlvName, TlvRow],
  value: Value,
): void {
  const before = fields[name];
  if (!row.many) {
    if (before !== undefined) throw bad(`${name} stands twice`);
    fields[name] = value;
  } else if (before === undefined) fields[name] = [value];
  else (before as Value[]).push(value);
}

const WRITERS: { readonly [K in TlvKind]: (value: KindValues[K], name: string) => Uint8Array } = {
  u32: (value, name) => {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw unfit(name, value);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return bytes;
  },
  u64: (value, name) => {
    if (!Number.isSafeInteger(value) || value < 0) throw unfit(name, value);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
    return bytes;
  },
  text: (value, name) => {
    const bytes = encoder.encode(value);
    if (bytes.length > TEXT_LIMIT_BYTES || value.includes('\0')) throw unfit(name, value.slice(0, 40));
    return bytes;
  },
  bytes: (value) => value,
  uuid: (value, name) => {
    const digits = value.replaceAll('-', '');
    if (!/^[0-9a-f]{32}$/i.test(digits)) throw unfit(name, value);
    const bytes = new Uint8Array(16);
    for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    return bytes;
  },
  flag: () => new Uint8Array(0),
  group: (value) => encodeFields(value),
};

const READERS: {
  readonly [K in TlvKind]: (bytes: Uint8Array, name: string, depth: number) => KindValues[K];
} = {
  u32: (bytes, name) => {
    if (bytes.length !== 4) throw bad(`${name} has ${bytes.length} bytes`);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  },
  u64: (bytes, name) => {
    if (bytes.length !== 8) throw bad(`${name} has ${bytes.length} bytes`);
    const value = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
    if (!Number.isSafeInteger(value)) throw bad(`${name} is beyond 2^53`);
    return value;
  },
  text: (bytes, name) => {
    if (bytes.length > TEXT_LIMIT_BYTES) throw bad(`${name} is longer than ${TEXT_LIMIT_BYTES} bytes`);
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      throw bad(`${name} is no UTF-8`);
    }
    if (text.includes('\0')) throw bad(`${name} has a NUL in it`);
    return text;
  },
  bytes: (bytes) => new Uint8Array(bytes),
  uuid: (bytes, name) => {
    if (bytes.length !== 16) throw bad(`${name} has ${bytes.length} bytes`);
    let text = '';
    for (let i = 0; i < 16; i++) text += (UUID_DASHES.has(i) ? '-' : '') + HEX[bytes[i]!]!;
    return text;
  },
  flag: (bytes, name) => {
    if (bytes.length !== 0) throw bad(`${name} is a flag, and has ${bytes.length} bytes`);
    return true;
  },
  group: (bytes, _name, depth) => decodeGroup(bytes, depth + 1),
};

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function bad(message: string): NbsCodecError {
  return new NbsCodecError('NBS_TLV', message);
}

function unfit(name: string, value: number | string): NbsCodecError {
  return new NbsCodecError('NBS_FIELD', `${name} cannot be ${JSON.stringify(value)}`);
}
