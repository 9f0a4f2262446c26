import { TLVS, type TlvKind } from '../../src/codec.ts';

/** What a reader of docs/nbs-protocol.md would refuse. */
export class Unreadable extends Error {}

const ROWS = Object.entries(TLVS);

/**
 * Reads TLVs as docs/nbs-protocol.md says it, slowly and without the codec: only the table of fields is shared. Throws
 * {@link Unreadable}.
 */
export function readFields(payload: Uint8Array, depth = 0): Record<string, unknown> {
  if (depth > 4) throw new Unreadable('too deep');
  const fields: Record<string, unknown> = {};
  let rest = Buffer.from(payload);
  while (rest.length > 0) {
    if (rest.length < 8) throw new Unreadable('a head is cut off');
    const [type, length] = [rest.readUInt16BE(0), rest.readUInt32BE(4)];
    const padding = (8 - (length % 8)) % 8;
    if (rest.length < 8 + length + padding) throw new Unreadable('a value is cut off');
    const value = rest.subarray(8, 8 + length);
    rest = rest.subarray(8 + length + padding);
    const found = ROWS.find(([, row]) => row.type === type);
    if (found === undefined) {
      if (type >= 0x8000) throw new Unreadable('not known');
      continue;
    }
    const [name, { kind, many }] = found;
    const read = readValue(kind, value, depth);
    if (many) fields[name] = [...((fields[name] as unknown[] | undefined) ?? []), read];
    else if (name in fields) throw new Unreadable('stands twice');
    else fields[name] = read;
  }
  return fields;
}

function readValue(kind: TlvKind, value: Buffer, depth: number): unknown {
  const lengths: Partial<Record<TlvKind, number>> = { u32: 4, u64: 8, uuid: 16, flag: 0 };
  if (lengths[kind] !== undefined && value.length !== lengths[kind]) throw new Unreadable('another length');
  switch (kind) {
    case 'u32':
      return value.readUInt32BE(0);
    case 'u64': {
      const number = value.readBigUInt64BE(0);
      if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new Unreadable('too large');
      return Number(number);
    }
    case 'uuid': {
      const digits = value.toString('hex');
      return [
        [0, 8],
        [8, 12],
        [12, 16],
        [16, 20],
        [20, 32],
      ]
        .map(([from, to]) => digits.slice(from, to))
        .join('-');
    }
    case 'flag':
      return true;
    case 'bytes':
      return new Uint8Array(value);
    case 'group':
      return readFields(value, depth + 1);
    case 'text': {
      const text = value.toString('utf8');
      const isText = value.length <= 4096 && !text.includes('\0') && Buffer.from(text).equals(value);
      if (!isText) throw new Unreadable('no text');
      return text;
    }
  }
}
