import { bits, BitStructure, Layout, struct, u8 } from 'buffer-layout';

/** Where a field of a structure lies; it is what a sense-key specific field pointer names. */
export interface FieldLocation {
  /** Offset of the first byte that holds a part of the field. */
  readonly byteOffset: number;
  /**
   * Most significant bit of the field in that byte; absent when the field starts at a byte boundary and fills
   * its bytes.
   */
  readonly bit?: number;
  /** One bits where the field lies, starting at `byteOffset`. */
  readonly mask: readonly number[];
}

/** A fixed-length wire structure whose field names are those of the standard. */
export interface Structure<T> {
  /** Length in bytes. */
  readonly spanBytes: number;
  /** The bytes of a structure; a field that is left out is zero. */
  encode(fields: Partial<T>): Uint8Array<ArrayBuffer>;
  /** The fields found at `offset`; bytes that `bytes` lacks read as zero. */
  decode(bytes: Uint8Array, offset?: number): T;
  /** Where a field lies. Throws when there is no such field. */
  locate(field: string): FieldLocation;
  /** The names of all fields, in wire order. */
  readonly fieldNames: readonly string[];
}

/** Space-padded ASCII, as SPC-4 4.4.1 wants its text fields. */
class TextLayout extends Layout {
  override decode(source: Buffer, offset = 0): string {
    return source.toString('latin1', offset, offset + this.span).trimEnd();
  }

  override encode(value: string, target: Buffer, offset = 0): number {
    target.write(value.padEnd(this.span), offset, this.span, 'latin1');
    return this.span;
  }
}

/** Bytes that are shown as they are. */
class BytesLayout extends Layout {
  override decode(source: Buffer, offset = 0): Uint8Array {
    return Uint8Array.from(source.subarray(offset, offset + this.span));
  }

  override encode(value: Uint8Array, target: Buffer, offset = 0): number {
    target.set(value.subarray(0, this.span), offset);
    return this.span;
  }
}

/** A field of `spanBytes` characters of ASCII, padded with spaces. */
export function text(spanBytes: number, property: string): Layout {
  return new TextLayout(spanBytes, property);
}

/** A field of `spanBytes` plain bytes; without a name it is reserved. */
export function bytes(spanBytes: number, property?: string): Layout {
  return new BytesLayout(spanBytes, property);
}

/**
 * Bit fields of one word, from its most significant bit down. Each is `NAME` (one bit) or `NAME:width`; the
 * name `RESERVED` stands for bits that are written as zero and not read.
 */
export function bitFields(word: Layout, ...fields: readonly string[]): BitStructure {
  const layout = bits(word, true);
  for (const field of fields) {
    const [name, width = '1'] = field.split(':');
    layout.addField(Number(width), name === 'RESERVED' ? undefined : name);
  }
  return layout;
}

/** {@link bitFields} of one byte. */
export function flags(...fields: readonly string[]): BitStructure {
  return bitFields(u8(), ...fields);
}

/**
 * Declares a structure of exactly `spanBytes` bytes. Throws at once when the fields add up to something else.
 */
export function structure<T>(spanBytes: number, fields: readonly Layout[]): Structure<T> {
  return new LaidOutStructure<T>(spanBytes, fields);
}

/** The entries of a list that begins at `start` and ends before `end`; one that is cut short is left out. */
export function decodeList<T>(
  entry: Structure<T>,
  source: Uint8Array,
  start = 0,
  end: number = source.length,
): T[] {
  const entries: T[] = [];
  for (let at = start; at + entry.spanBytes <= Math.min(end, source.length); at += entry.spanBytes) {
    entries.push(entry.decode(source, at));
  }
  return entries;
}

class LaidOutStructure<T> implements Structure<T> {
  readonly spanBytes: number;
  readonly fieldNames: readonly string[];
  readonly #layout: Layout;
  readonly #groups: ReadonlySet<string>;
  readonly #locations: ReadonlyMap<string, FieldLocation>;

  constructor(spanBytes: number, fields: readonly Layout[]) {
    // A word of bit fields gets a name of its own, so that its fields can be merged into the structure's.
    const named = fields.map((field, index) =>
      field instanceof BitStructure ? field.replicate(`@${index}`) : field,
    );
    this.#layout = struct(named);
    if (this.#layout.span !== spanBytes) {
      throw new Error(`structure spans ${this.#layout.span} bytes, declared are ${spanBytes}`);
    }
    this.spanBytes = spanBytes;
    const groups = named.filter((field) => field instanceof BitStructure);
    this.#groups = new Set(groups.map((group) => String(group.property)));
    this.#locations = new Map(locateAll(named));
    this.fieldNames = [...this.#locations.keys()];
  }

  encode(fields: Partial<T>): Uint8Array<ArrayBuffer> {
    const source: Record<string, unknown> = { ...fields };
    for (const group of this.#groups) source[group] = fields;
    const target = Buffer.from(new ArrayBuffer(this.spanBytes));
    this.#layout.encode(source, target);
    return new Uint8Array(target.buffer);
  }

  decode(source: Uint8Array, offset = 0): T {
    const available = source.subarray(offset, offset + this.spanBytes);
    const whole = Buffer.alloc(this.spanBytes);
    whole.set(available);
    const fields: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(this.#layout.decode(whole) as object)) {
      if (this.#groups.has(name)) Object.assign(fields, value);
      else fields[name] = value;
    }
    return fields as T;
  }

  locate(field: string): FieldLocation {
    const location = this.#locations.get(field);
    if (location === undefined) throw new Error(`no field ${field}`);
    return location;
  }
}

function* locateAll(fields: readonly Layout[]): Generator<[string, FieldLocation]> {
  let byteOffset = 0;
  for (const field of fields) {
    if (field instanceof BitStructure) yield* locateBits(field, byteOffset);
    else if (field.property !== undefined) {
      yield [field.property, { byteOffset, mask: new Array<number>(field.span).fill(0xff) }];
    }
    byteOffset += field.span;
  }
}

function* locateBits(word: BitStructure, wordOffset: number): Generator<[string, FieldLocation]> {
  for (const { property, wordMask } of word.fields) {
    if (property === undefined) continue;
    const bytesOfMask = Array.from(
      { length: word.span },
      (_, i) => (wordMask >>> (8 * (word.span - 1 - i))) & 0xff,
    );
    const first = bytesOfMask.findIndex((byte) => byte !== 0);
    const mask = bytesOfMask.slice(first);
    const bit = 31 - Math.clz32(mask[0] ?? 0);
    yield [property, { byteOffset: wordOffset + first, bit, mask }];
  }
}
