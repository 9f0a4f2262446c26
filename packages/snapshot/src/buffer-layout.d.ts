/** The part of buffer-layout 1.2.2 (which has no typings) that this package uses. */
declare module 'buffer-layout' {
  export class Layout<T> {
    readonly span: number;
    readonly property?: string;
    decode(source: Buffer, offset?: number): T;
    encode(value: T, target: Buffer, offset?: number): number;
  }
  export class Structure<T> extends Layout<T> {
    offsetOf(property: string): number | undefined;
  }
  export function u32be(property?: string): Layout<number>;
  export function nu64be(property?: string): Layout<number>;
  export function blob(lengthBytes: number, property?: string): Layout<Buffer>;
  export function seq<T>(element: Layout<T>, count: number, property?: string): Layout<T[]>;
  export function struct<T>(fields: readonly Layout<unknown>[], property?: string): Structure<T>;
}
