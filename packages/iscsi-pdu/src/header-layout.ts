import { BitStructure, Layout, u16be, u24be, u32be, u8 } from 'buffer-layout';
import type { UInt } from 'buffer-layout';
import { BHS_LENGTH } from './opcodes.ts';
import { PduError } from './pdu-error.ts';

/** What a header field can hold. */
export type FieldValue = number | boolean | Uint8Array;

/** The fields of a header, by name. */
export type Fields = Record<string, FieldValue>;

/** A field or reserved place of a header. */
export type HeaderPart = UInt | BitStructure | Octets;

/** A run of uninterpreted bytes. Stands in for the library's Blob, which insists on Node's Buffer. */
export class Octets extends Layout<Uint8Array> {
  override decode(bytes: Uint8Array, offset = 0): Uint8Array {
    return bytes.slice(offset, offset + this.span);
  }

  override encode(value: Uint8Array, bytes: Uint8Array, offset = 0): number {
    bytes.set(value, offset);
    return this.span;
  }
}

/**
 * A structure whose bit fields stand beside its other fields instead of in objects of their own, and which
 * names the field that does not fit when it encodes. Parts without a name are reserved: not decoded, left
 * as they are by encoding.
 */
export class HeaderLayout extends Layout<Fields> {
  readonly parts: readonly HeaderPart[];

  constructor(parts: readonly HeaderPart[]) {
    super(parts.reduce((span, part) => span + part.span, 0));
    this.parts = parts;
  }

  override decode(bytes: Uint8Array, offset = 0): Fields {
    const fields: Fields = {};
    let position = offset;
    for (const part of this.parts) {
      if (part instanceof BitStructure) Object.assign(fields, part.decode(bytes, position));
      else if (part.property !== undefined) fields[part.property] = part.decode(bytes, position);
      position += part.span;
    }
    return fields;
  }

  override encode(fields: Fields, bytes: Uint8Array, offset = 0): number {
    let position = offset;
    for (const part of this.parts) {
      encodePart(part, fields, bytes, position);
      position += part.span;
    }
    return this.span;
  }
}

function encodePart(part: HeaderPart, fields: Fields, bytes: Uint8Array, position: number): void {
  if (part instanceof BitStructure) {
    for (const field of part.fields) {
      if (field.property !== undefined) requireUnsigned(field.property, fields[field.property], field.bits);
    }
    part.encode(fields, bytes, position);
  } else if (part.property === undefined) {
    return;
  } else if (part instanceof Octets) {
    part.encode(requireOctets(part.property, fields[part.property], part.span), bytes, position);
  } else {
    part.encode(requireUnsigned(part.property, fields[part.property], part.span * 8), bytes, position);
  }
}

function requireUnsigned(field: string, value: FieldValue | undefined, bits: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number < 2 ** bits) return number;
  throw new PduError({ code: 'PDU_FIELD', field, value: number });
}

function requireOctets(field: string, value: FieldValue | undefined, length: number): Uint8Array {
  if (value instanceof Uint8Array && value.length === length) return value;
  throw new PduError({ code: 'PDU_FIELD', field, value: value instanceof Uint8Array ? value.length : NaN });
}

/**
 * Bits of one byte, most significant first; a name makes a one-bit flag, `[name, n]` a number of n bits, a
 * number reserved bits.
 */
export function bits(...fields: (string | number | readonly [string, number])[]): BitStructure {
  const structure = new BitStructure(u8(), true);
  for (const field of fields) {
    if (typeof field === 'string') structure.addBoolean(field);
    else if (typeof field === 'number') structure.addField(field);
    else structure.addField(field[1], field[0]);
  }
  return structure;
}

/** Reserved bytes. */
export function reserved(length: number): Octets {
  return new Octets(length);
}

/** The eight opaque bytes of a logical unit number (RFC 7143 §11.2.1.7). */
export function lun(): Octets {
  return new Octets(8, 'lun');
}

/**
 * The layout of a Basic Header Segment (RFC 7143 §11.2.1): bytes 0 and 4 to 7 are the same in every PDU;
 * `byte1`, `bytes2And3` and `rest`, which begins at byte 8, are not.
 */
export function basicHeader(byte1: BitStructure, bytes2And3: HeaderPart[], rest: HeaderPart[]): HeaderLayout {
  const byte0 = bits(1, 'immediate', ['opcode', 6]);
  const lengths = [u8('totalAhsLength'), u24be('dataSegmentLength')];
  const layout = new HeaderLayout([byte0, byte1, ...bytes2And3, ...lengths, ...rest]);
  if (layout.span !== BHS_LENGTH) throw new Error(`a BHS layout of ${layout.span} bytes`);
  return layout;
}

/** StatSN, ExpCmdSN and MaxCmdSN, at byte 24 of every PDU of a target. */
export function statusNumbering(): HeaderPart[] {
  return [u32be('statSn'), u32be('expCmdSn'), u32be('maxCmdSn')];
}

/** CmdSN and ExpStatSN, at byte 24 of every request. */
export function commandNumbering(): HeaderPart[] {
  return [u32be('cmdSn'), u32be('expStatSn')];
}

/** ISID and TSIH: bytes 8 to 15 of the login PDUs. */
export function sessionId(): HeaderPart[] {
  return [new Octets(6, 'isid'), u16be('tsih')];
}

/** How one type of PDU is laid out. */
export interface PduLayout {
  readonly opcode: number;
  readonly header: HeaderLayout;
  /** Fields of the layout that are not fields of the PDU, with the value the standard gives them. */
  readonly fixed: Fields;
  /** Whether the PDU may have a data segment. */
  readonly hasData: boolean;
}
