import type { Description } from '@lunbox/scsi';

/** A field of a description, whatever part of it stands in. */
interface Field {
  readonly name: string;
  readonly value: number | string | boolean;
  readonly meaning: string | undefined;
}

/** How the words of a foreign decoder and the fields of ours go together. */
export interface Wording {
  /** Our name for a label of the tool, where they differ by more than case and punctuation. */
  readonly names?: Readonly<Record<string, string>>;
  /** Labels for what the tool works out by itself, or always says; not compared. */
  readonly derived?: readonly string[];
  /** Our fields that the tool does not tell. */
  readonly silent?: readonly string[];
  /** Our value for a word of the tool, by our name. */
  readonly values?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  /** Our fields that are lists, of which the tool tells each member. */
  readonly lists?: readonly string[];
  /** Makes labels and values of text that is something else; a line with a tab is a label and a value as they are. */
  readonly tidy?: (text: string) => string;
}

const key = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');

/** `label: value` and `label=value` in lines, and in the pieces that gaps, commas and brackets make of them. */
function labelledValues(text: string): [label: string, value: string][] {
  const fields: [string, string][] = [];
  for (const line of text.split('\n')) {
    const [first, ...rest] = line.split('\t');
    if (rest.length > 0) {
      fields.push([first!.trim(), rest.join('\t').trim()]);
      continue;
    }
    const tidy = line.replace(/\s*([:=])\s+/g, '$1 ').replace(/\s+([:=])/g, '$1');
    for (const piece of tidy.split(/\s{2,}|[,;]\s|[,;]$|[[\]]|\s\((?=0x)/)) {
      const parts = piece.split(/[:=](?=\s|[-\w<])/);
      const value = parts.pop()?.trim().replace(/\)$/, '') ?? '';
      const label = parts.pop()?.trim() ?? '';
      if (label !== '' && value !== '') fields.push([label, value]);
    }
  }
  return fields;
}

/** Every field of a description, from top to bottom; lists are taken apart, their members have one name. */
function allFields({ fields, parts }: Description, lists: ReadonlySet<string>): Field[] {
  const own = fields.flatMap(({ name, value, meaning }): Field[] => {
    const field = { name: key(name.replace(/^(PAGE|VERSION DESCRIPTOR) \d+$/, '$1')), value, meaning };
    if (!lists.has(field.name)) return [field];
    const members = String(value)
      .split(', ')
      .filter((member) => member !== '');
    return members.map((member) => ({ ...field, value: /^\d+$/.test(member) ? Number(member) : member }));
  });
  return [...own, ...parts.flatMap((part) => allFields(part, lists))];
}

/** What a label may be called: all of it, without what stands in parentheses at the end, and only that. */
function namesOf(label: string, names: Wording['names'] = {}): string[] {
  const known = names[label];
  if (known !== undefined) return [key(known)];
  const [, outer = '', inner = ''] = /^(.*?)\s*\(([^()]*)\)$/.exec(label) ?? [];
  const shorter = outer === '' ? [] : namesOf(outer, names);
  return [key(names[inner] ?? inner), key(label), ...shorter].filter((name) => name !== '');
}

/** All ones in a field of 8, 16, 32 or 64 bits, which some tools print as -1. */
const ALL_ONES: ReadonlySet<bigint> = new Set([8n, 16n, 32n, 64n].map((bits) => (1n << bits) - 1n));

function numberIn(text: string): bigint | undefined {
  const word = text.split(/\s/)[0] ?? '';
  if (/^(0x[0-9a-f]+|\d+)$/i.test(word)) return BigInt(word);
  return word === '-1' ? -1n : undefined;
}

function sameValue(told: string, { value, meaning }: Field): boolean {
  const number = numberIn(told);
  if (typeof value === 'number' && number !== undefined) {
    return number === BigInt(value) || (number === -1n && ALL_ONES.has(BigInt(value)));
  }
  if (/^(yes|true|no|false)$/i.test(told)) return Number(value) === (/^(yes|true)$/i.test(told) ? 1 : 0);
  if (/^0x/i.test(told) && /^[0-9a-f]+h?$/i.test(String(value))) {
    return number === BigInt(`0x${String(value).replace(/h$/, '')}`);
  }
  return key(told) === key(String(value)) || key(told) === key(meaning ?? '');
}

/** What says nothing in any unit: a field that we have no name for may only be this. */
const NOTHING = /^(0+|0x0+|no|none|false)\b/i;

/**
 * Compares what a foreign decoder says of an answer with what ours says of it, field by field: each field of the tool
 * has one of ours with the same value, each of ours is told by the tool, except for what the wording names. A label
 * that comes several times stands for the fields of that name in their order. Returns what differs.
 */
export function compareFields(text: string, ours: Description, wording: Wording = {}): string[] {
  const { names, derived = [], silent = [], values = {}, lists = [], tidy = (same) => same } = wording;
  const open = allFields(ours, new Set(lists.map(key)));
  const words = new Map(Object.entries(values).map(([name, known]) => [key(name), known]));
  const skipped = new Set(derived.map(key));
  const wrong: string[] = [];
  for (const [label, told] of labelledValues(tidy(text))) {
    if (skipped.has(key(label))) continue;
    const candidates = namesOf(label, names);
    const at = open.findIndex(({ name }) => candidates.includes(name));
    const field = open[at];
    if (field === undefined) {
      if (!NOTHING.test(told)) wrong.push(`"${label}" is ${told}, and we have no such field`);
      continue;
    }
    open.splice(at, 1);
    const word = words.get(field.name)?.[told];
    const same = word === undefined ? sameValue(told, field) : word === field.value;
    if (!same) wrong.push(`"${label}" is ${told}, and we say ${field.name} ${field.value}`);
  }
  const untold = new Set(silent.map(key));
  const missing = open.filter(({ name }) => !untold.has(name));
  return [...wrong, ...missing.map(({ name, value }) => `we say ${name} ${value}, and the tool does not`)];
}
