import { dirname, resolve } from 'node:path';
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml';
import { parseSize } from '../cli/size.ts';
import { nearest } from './nearest.ts';
import { CONFIG_SECTION, type Config } from './schema.ts';
import { inWords, type Section, type Shape } from './shape.ts';

/** What is wrong in a configuration file, and where. */
export interface ConfigProblem {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The key, such as `luns[0].file`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, and what would be right. */
  readonly message: string;
}

/** A file that a configuration names and that has to be there. */
interface FileMention {
  readonly name: string;
  readonly path: string;
  readonly node: Node;
}

/** What became of the text of a configuration; without problems `config` is complete. */
export interface CheckedConfig {
  readonly config: Config;
  readonly problems: readonly ConfigProblem[];
  /** Files that have to be there, and what to report when they are not. */
  readonly files: readonly { readonly name: string; readonly missing: ConfigProblem }[];
}

/** Nobody writes a configuration of this size; a mistaken file name does. */
const MAX_TEXT_LENGTH = 2 ** 20;

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Checks the text of the configuration file `fileName`; relative names within are relative to its directory. */
export function checkConfig(text: string, fileName: string): CheckedConfig {
  const lines = new LineCounter();
  if (text.length > MAX_TEXT_LENGTH) {
    const message = `it is longer than ${MAX_TEXT_LENGTH} characters`;
    return { config: {}, problems: [{ line: 1, column: 1, path: '', message }], files: [] };
  }
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message, pos: [at] }) => problemAt(lines, at, '', message));
    return { config: {}, problems, files: [] };
  }
  return new Checker(lines, dirname(fileName)).check(document);
}

class Checker {
  readonly #lines: LineCounter;
  readonly #directory: string;
  readonly #problems: ConfigProblem[] = [];
  readonly #files: FileMention[] = [];

  constructor(lines: LineCounter, directory: string) {
    this.#lines = lines;
    this.#directory = directory;
  }

  check({ contents }: Document.Parsed): CheckedConfig {
    const config = (this.#value(contents, CONFIG_SECTION, '') ?? {}) as Config;
    const files = this.#files.map(({ name, path, node }) => ({
      name,
      missing: this.#problem(node, path, `there is no ${name}`),
    }));
    return { config, problems: this.#problems, files };
  }

  /** The value of a node as the program takes it; undefined when it is wrong, which has been noted. */
  #value(node: unknown, shape: Shape, path: string): unknown {
    switch (shape.kind) {
      case 'section':
        return isMap(node) ? this.#section(node, shape, path) : this.#wrong(node, shape, path);
      case 'list':
        // An empty access list would open the disks to every program of this machine.
        if (!isSeq(node) || node.items.length === 0) return this.#wrong(node, shape, path);
        return node.items.map((item, index) => this.#value(item, shape.of, `${path}[${index}]`));
      case 'numbers':
        return isMap(node) ? this.#numbers(node, shape, path) : this.#wrong(node, shape, path);
      default: {
        const value = isScalar(node) ? scalarOf(node.value, shape) : undefined;
        if (value === undefined) return this.#wrong(node, shape, path);
        return shape.kind === 'file' ? this.#file(node as Node, shape.exists, path, value as string) : value;
      }
    }
  }

  #section(map: YAMLMap, section: Section, path: string): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const { key, value: node } of map.items) {
      const name = isScalar(key) ? String(key.value) : '';
      const place = path === '' ? name : `${path}.${name}`;
      const rule = Object.hasOwn(section.keys, name) ? section.keys[name] : undefined;
      if (rule) value[name] = this.#value(node ?? key, rule.shape, place);
      else this.#note(key, place, unknownKey(name, Object.keys(section.keys)));
    }
    for (const [name, { required }] of Object.entries(section.keys)) {
      if (required && !map.has(name)) this.#note(map, path, `${name} is missing`);
    }
    const complaint = section.rule?.(value);
    if (complaint) {
      const { key, message } = complaint;
      const at = map.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key ?? map;
      this.#note(at, [path, key].filter((part) => part !== undefined && part !== '').join('.'), message);
    }
    return value;
  }

  #numbers(map: YAMLMap, shape: Shape, path: string): Record<string, number> {
    const value: Record<string, number> = {};
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      const number = isScalar(pair.value) ? pair.value.value : undefined;
      if (/^\d+$/.test(name) && Number.isInteger(number)) value[name] = Number(number);
      else this.#wrong(pair.key, shape, `${path}.${name}`);
    }
    return value;
  }

  #file(node: Node, exists: boolean, path: string, text: string): string {
    const name = resolve(this.#directory, text);
    if (exists) this.#files.push({ name, path, node });
    return name;
  }

  #wrong(node: unknown, shape: Shape, path: string): undefined {
    this.#note(node, path, `write ${inWords(shape)}`);
  }

  #note(node: unknown, path: string, message: string): void {
    this.#problems.push(this.#problem(node, path, message));
  }

  #problem(node: unknown, path: string, message: string): ConfigProblem {
    const [at] = (node as Node | null)?.range ?? [0];
    return problemAt(this.#lines, at, path, message);
  }
}

function problemAt(lines: LineCounter, offset: number, path: string, message: string): ConfigProblem {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1), path, message };
}

function unknownKey(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined
    ? `there is no such key; write one of ${known.join(', ')}`
    : `there is no such key; did you mean ${near}?`;
}

/** A scalar as the program takes it; undefined when it does not fit. */
function scalarOf(value: unknown, shape: Shape): unknown {
  switch (shape.kind) {
    case 'text':
    case 'file':
      if (typeof value !== 'string' || value === '') return undefined;
      return shape.kind === 'file' || (shape.pattern?.test(value) ?? true) ? value : undefined;
    case 'choice':
      return shape.of.find((choice) => choice === value);
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'integer':
      return Number.isInteger(value) && Number(value) >= shape.min && Number(value) <= shape.max
        ? value
        : undefined;
    case 'size':
      return parseSize(String(value));
    case 'duration':
      return parseDurationMs(String(value));
    default:
      return undefined;
  }
}

function parseDurationMs(text: string): number | undefined {
  const match = /^(?<number>\d{1,9})\s*(?<unit>ms|s|min|h|d)$/.exec(text);
  const timeMs = Number(match?.groups?.['number']) * (UNITS_MS[match?.groups?.['unit'] ?? ''] ?? NaN);
  return timeMs > 0 ? timeMs : undefined;
}
