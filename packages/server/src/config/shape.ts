/** What the value of a key may be. One declaration serves the checker, the table of the manual and the JSON Schema. */
export type Shape =
  | { readonly kind: 'text'; readonly what: string; readonly pattern?: RegExp }
  | { readonly kind: 'file'; readonly what: string; readonly exists: boolean }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'size' }
  | { readonly kind: 'duration' }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'numbers'; readonly what: string }
  | Section;

/** A mapping with these keys and no others. */
export interface Section {
  readonly kind: 'section';
  readonly keys: Readonly<Record<string, Key>>;
  /** What must hold between its keys, the wrong ones undefined; answers what is wrong, and at which key. */
  readonly rule?: (value: Readonly<Record<string, unknown>>) => Complaint | undefined;
}

/** One key of a section. */
export interface Key {
  readonly shape: Shape;
  /** What it does, for the manual. */
  readonly doc: string;
  /** What goes without it, for the manual. */
  readonly default?: string;
  readonly required?: true;
}

/** What is wrong at a key, or at the section itself. */
export interface Complaint {
  readonly key?: string;
  readonly message: string;
}

/** What a value of this shape is, in words that fit behind "write". */
export function inWords(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
    case 'file':
    case 'numbers':
      return shape.what;
    case 'choice':
      return `one of ${shape.of.join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number from ${shape.min} to ${shape.max}`;
    case 'size':
      return 'a size such as 10GiB';
    case 'duration':
      return 'a time such as 30s';
    case 'list':
      return `a list, each ${inWords(shape.of)}`;
    case 'section':
      return `keys among ${Object.keys(shape.keys).join(', ')}`;
  }
}
