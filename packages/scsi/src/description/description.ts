/** One field: its name in the standard, what it holds, and what that means. */
export interface DescribedField {
  readonly name: string;
  /** Byte strings are hexadecimal digits. */
  readonly value: number | string | boolean;
  /** The standard's word for the value, where there is one. */
  readonly meaning?: string;
}

/** What bytes say, for people and tools; plain data, so that it can be written as JSON. */
export interface Description {
  readonly title: string;
  readonly fields: readonly DescribedField[];
  /** Descriptors, pages and parameters inside; at most {@link MAX_PARTS}. */
  readonly parts: readonly Description[];
  /** True when the bytes end before what they describe does, or say that they go on beyond {@link MAX_PARTS}. */
  readonly truncated?: true;
}

/** The most parts that one description has; the rest is left out. */
export const MAX_PARTS = 1024;

/** The most bytes of one byte string that are shown. */
const MAX_SHOWN_BYTES = 64;

/** How deep objects are described; nothing that this package reads is deeper. */
const MAX_DEPTH = 6;

/** Words for the values of a field, by the name of the field and its value. */
export type Meanings = Readonly<Record<string, Readonly<Record<number, string>>>>;

/** The names of codes as words for the values of a field. */
export function valueWords(codes: Readonly<Record<string, number>>): Readonly<Record<number, string>> {
  const pairs = Object.entries(codes).map(([name, code]) => [code, name.toLowerCase().replaceAll('_', ' ')]);
  return Object.fromEntries(pairs) as Readonly<Record<number, string>>;
}

/** The name of a field in the standard: `LOGICAL_BLOCK_LENGTH` and `blockLength` in words. */
export function standardName(property: string): string {
  return property.replaceAll('_', ' ').replace(/([a-z0-9])([A-Z])/g, (_all, a: string, b: string) => {
    return `${a} ${b.toLowerCase()}`;
  });
}

/** `XXh`, of at least `digits` digits. */
export function hexCode(value: number, digits = 2): string {
  return `${value.toString(16).toUpperCase().padStart(digits, '0')}h`;
}

/** The code of a mode or log page, and after a stroke that of its subpage where it is one. */
export function pageCodeText(pageCode: number, subpageCode: number): string {
  return subpageCode === 0 ? hexCode(pageCode) : `${hexCode(pageCode)}/${hexCode(subpageCode)}`;
}

/** Bytes as hexadecimal digits; only the first of many. */
export function hexBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, MAX_SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0'));
  return bytes.length > MAX_SHOWN_BYTES ? `${shown.join('')}… (${bytes.length} bytes)` : shown.join('');
}

/** Text of a peer, without the control characters that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '.');
}

/** A field with the word for its value. */
export function describedField(
  name: string,
  value: number | string,
  meaning: string | undefined,
): DescribedField {
  return meaning === undefined ? { name, value } : { name, value, meaning };
}

/**
 * What a parser of this package returned, in words: numbers, texts and byte strings become fields, objects and lists
 * of objects become parts.
 */
export function describeObject(
  title: string,
  value: unknown,
  meanings: Meanings = {},
  depth = 0,
): Description {
  const fields: DescribedField[] = [];
  const parts: Description[] = [];
  for (const [property, content] of Object.entries<unknown>(entriesOf(value))) {
    const name = standardName(property);
    const field = fieldOf(name, content, meanings[property]);
    if (field !== undefined) fields.push(field);
    else if (typeof content === 'object' && content !== null && depth < MAX_DEPTH) {
      parts.push(...partsOf(name, content, meanings, depth + 1));
    }
  }
  const description = { title, fields, parts: parts.slice(0, MAX_PARTS) };
  return parts.length > MAX_PARTS ? { ...description, truncated: true } : description;
}

/** A list by itself has its members as parts. */
function entriesOf(value: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(value) || value instanceof Uint8Array) return { descriptors: value };
  return typeof value === 'object' && value !== null ? { ...value } : { value };
}

function fieldOf(
  name: string,
  content: unknown,
  meaning: Readonly<Record<number, string>> | undefined,
): DescribedField | undefined {
  if (typeof content === 'number') return describedField(name, content, meaning?.[content]);
  if (typeof content === 'boolean') return { name, value: content };
  if (typeof content === 'string') return { name, value: printable(content) };
  if (content instanceof Uint8Array) return { name, value: hexBytes(content) };
  if (Array.isArray(content) && content.every(isPlain)) {
    const shown = content.slice(0, MAX_PARTS).join(', ');
    return { name, value: content.length > MAX_PARTS ? `${shown}, … (${content.length})` : shown };
  }
  return undefined;
}

function isPlain(content: unknown): content is number | string {
  return typeof content === 'number' || typeof content === 'string';
}

function partsOf(name: string, content: object, meanings: Meanings, depth: number): Description[] {
  if (!Array.isArray(content)) return [describeObject(name, content, meanings, depth)];
  const list: readonly unknown[] = content;
  return list
    .slice(0, MAX_PARTS + 1)
    .map((part, index) => describeObject(`${name} ${index}`, part, meanings, depth));
}

/** A description as lines of text, its parts indented. */
export function descriptionLines(description: Description, indent = ''): string[] {
  const inner = `${indent}  `;
  return [
    `${indent}${description.title}`,
    ...description.fields.map((field) => `${inner}${fieldText(field)}`),
    ...description.parts.flatMap((part) => descriptionLines(part, inner)),
    ...(description.truncated === true ? [`${inner}(truncated)`] : []),
  ];
}

/** A description as text of several lines. */
export function descriptionText(description: Description): string {
  return descriptionLines(description).join('\n');
}

function fieldText({ name, value, meaning }: DescribedField): string {
  return meaning === undefined ? `${name}: ${value}` : `${name}: ${value} (${meaning})`;
}
