import { isMap, isScalar, isSeq, type LineCounter, type Node, type YAMLMap } from 'yaml';

/** Collects what is wrong with a plan, a line each. */
export class Complaints {
  readonly lines: string[] = [];
  readonly #fileName: string;
  readonly #counter: LineCounter;

  constructor(fileName: string, counter: LineCounter) {
    this.#fileName = fileName;
    this.#counter = counter;
  }

  /** Notes what is wrong at a place, as compilers write it. */
  add(offset: number | undefined, path: string, message: string): void {
    const { line, col } = this.#counter.linePos(offset ?? 0);
    this.lines.push(`${this.#fileName}:${line}:${col}: ${path === '' ? '' : `${path}: `}${message}`);
  }
}

/** A mapping of the plan that is read key by key; keys that nobody has asked for are wrong. */
export class Section {
  readonly path: string;
  readonly #map: YAMLMap;
  readonly #complaints: Complaints;
  readonly #asked = new Set<string>();

  private constructor(map: YAMLMap, path: string, complaints: Complaints) {
    this.#map = map;
    this.path = path;
    this.#complaints = complaints;
  }

  /** Undefined, with a complaint, for what is no mapping. */
  static of(node: unknown, path: string, complaints: Complaints): Section | undefined {
    if (isMap(node)) return new Section(node, path, complaints);
    complaints.add(offsetOf(node), path, 'write keys with values here');
    return undefined;
  }

  /** Names of all keys. */
  get keys(): string[] {
    return this.#map.items.map(({ key }) => String(isScalar(key) ? key.value : key));
  }

  text(key: string): string | undefined {
    return this.#scalar(key, 'a text', (value) =>
      typeof value === 'string' && value !== '' ? value : undefined,
    );
  }

  /** As {@link Section.text}, and missing is wrong. */
  requiredText(key: string): string {
    if (!this.#map.has(key)) this.complain(`${key} is missing`);
    return this.text(key) ?? '';
  }

  /** A whole number from 1 on. */
  integer(key: string): number | undefined {
    const isGood = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;
    return this.#scalar(key, 'a whole number from 1 on', (value) => (isGood(value) ? value : undefined));
  }

  choice<T extends string>(key: string, of: readonly T[]): T | undefined {
    return this.#scalar(key, `one of ${of.join(', ')}`, (value) => of.find((each) => each === value));
  }

  /** A list of texts. */
  texts(key: string): string[] | undefined {
    return this.list(key)?.map((node, index) => this.#textOf(node, `${key}[${index}]`));
  }

  /** The nodes of a list that has some. */
  list(key: string): Node[] | undefined {
    const node = this.#get(key);
    if (node === undefined) return undefined;
    if (isSeq(node) && node.items.length > 0) return node.items as Node[];
    this.#complaints.add(offsetOf(node), this.#pathOf(key), 'write a list of one or more');
    return undefined;
  }

  /** What is there, as it is. */
  node(key: string): Node | undefined {
    return this.#get(key);
  }

  section(key: string): Section | undefined {
    const node = this.#get(key);
    return node === undefined ? undefined : Section.of(node, this.#pathOf(key), this.#complaints);
  }

  /** Something is wrong with the mapping as a whole. */
  complain(message: string): void {
    this.#complaints.add(this.#map.range?.[0], this.path, message);
  }

  /** Call it when all has been read. */
  end(): void {
    for (const { key } of this.#map.items) {
      const name = String(isScalar(key) ? key.value : key);
      if (this.#asked.has(name)) continue;
      const known = [...this.#asked].join(', ');
      this.#complaints.add(offsetOf(key), this.#pathOf(name), `there is no such key; there are ${known}`);
    }
  }

  #get(key: string): Node | undefined {
    this.#asked.add(key);
    return this.#map.get(key, true);
  }

  #scalar<T>(key: string, what: string, convert: (value: unknown) => T | undefined): T | undefined {
    const node = this.#get(key);
    if (node === undefined) return undefined;
    const value = isScalar(node) ? convert(node.value) : undefined;
    if (value === undefined) this.#complaints.add(offsetOf(node), this.#pathOf(key), `write ${what}`);
    return value;
  }

  #textOf(node: unknown, key: string): string {
    if (isScalar(node) && ['string', 'number'].includes(typeof node.value)) return String(node.value);
    this.#complaints.add(offsetOf(node), this.#pathOf(key), 'write a text');
    return '';
  }

  #pathOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | undefined)?.range?.[0];
}
