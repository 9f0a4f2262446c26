/** What this package uses of buffer-layout 1.2.2, which has no typings of its own. */
declare module 'buffer-layout' {
  export class Layout<T> {
    readonly span: number;
    readonly property: string | undefined;
    decode(bytes: Uint8Array, offset?: number): T;
    encode(value: T, bytes: Uint8Array, offset?: number): number;
  }
  export class Structure<T> extends Layout<T> {
    readonly fields: Layout<unknown>[];
    offsetOf(property: string): number | undefined;
  }
  export function u8(property?: string): Layout<number>;
  export function u16be(property?: string): Layout<number>;
  export function u32be(property?: string): Layout<number>;
  export function struct<T>(fields: readonly Layout<unknown>[], property?: string): Structure<T>;
}
