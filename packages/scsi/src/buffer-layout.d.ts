/** The part of buffer-layout 1.2.2 (which has no typings) that this package uses. */
declare module 'buffer-layout' {
  export class Layout {
    constructor(spanBytes: number, property?: string);
    readonly span: number;
    readonly property: string | undefined;
    decode(source: Buffer, offset?: number): unknown;
    encode(value: unknown, target: Buffer, offset?: number): number;
    replicate(property: string): this;
  }
  export class BitStructure extends Layout {
    readonly fields: readonly { readonly property: string | undefined; readonly wordMask: number }[];
    addField(widthBits: number, property?: string): unknown;
  }
  export class Structure extends Layout {}
  export function u8(property?: string): Layout;
  export function u16be(property?: string): Layout;
  export function u24be(property?: string): Layout;
  export function u32be(property?: string): Layout;
  export function nu64be(property?: string): Layout;
  export function bits(word: Layout, msb: boolean, property?: string): BitStructure;
  export function struct(fields: readonly Layout[], property?: string): Structure;
}
