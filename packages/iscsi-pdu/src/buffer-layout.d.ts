/** What this package uses of buffer-layout 1.2.2, which has no typings of its own. */
declare module 'buffer-layout' {
  export abstract class Layout<T> {
    readonly span: number;
    readonly property: string | undefined;
    constructor(span: number, property?: string);
    abstract decode(bytes: Uint8Array, offset?: number): T;
    abstract encode(value: T, bytes: Uint8Array, offset?: number): number;
  }
  export class UInt extends Layout<number> {
    decode(bytes: Uint8Array, offset?: number): number;
    encode(value: number, bytes: Uint8Array, offset?: number): number;
  }
  export class UIntBE extends UInt {}
  export class BitField {
    readonly bits: number;
    readonly property: string | undefined;
  }
  export class BitStructure extends Layout<Record<string, number | boolean>> {
    readonly fields: BitField[];
    constructor(word: UInt, msb: boolean, property?: string);
    addField(bits: number, property?: string): BitField;
    addBoolean(property: string): BitField;
    decode(bytes: Uint8Array, offset?: number): Record<string, number | boolean>;
    encode(value: object, bytes: Uint8Array, offset?: number): number;
  }
  export class Structure extends Layout<Record<string, unknown>> {
    readonly fields: Layout<unknown>[];
    constructor(fields: Layout<never>[], property?: string);
    decode(bytes: Uint8Array, offset?: number): Record<string, unknown>;
    encode(value: object, bytes: Uint8Array, offset?: number): number;
  }
  export function u8(property?: string): UInt;
  export function u16be(property?: string): UInt;
  export function u24be(property?: string): UInt;
  export function u32be(property?: string): UInt;
}
