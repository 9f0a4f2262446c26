import { layoutFromHints, LAYOUT_DEPTH_LIMIT, type NewLayout } from '@lunbox/storage-object';
import { statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { ServerError } from '../server-error.ts';
import { parseSize } from './size.ts';

/** The flags of `lunbox create` that say what a disk is made of. */
export interface LayoutFlags {
  readonly layout?: string;
  readonly part?: readonly string[];
  readonly raid?: string;
  readonly stripeSize?: number;
}

const DEFAULT_STRIPE_BYTES = 64 * 1024;
const TEXT_LIMIT = 16_384;

/** The layout that the flags ask for; undefined when the disk is in the container. Throws a {@link ServerError}. */
export function layoutFromFlags(containerPath: string, flags: LayoutFlags): NewLayout | undefined {
  const { layout, part = [], raid, stripeSize: stripeBytes = DEFAULT_STRIPE_BYTES } = flags;
  const directory = dirname(resolve(containerPath));
  if (layout !== undefined) {
    if (part.length > 0 || raid !== undefined) throw bad('--layout says it all: leave --part and --raid out');
    return new LayoutParser(layout, directory).parse();
  }
  if (part.length === 0) {
    if (raid === undefined) return undefined;
    throw bad('--raid needs the backing files: name each with --part');
  }
  const parts = part.map((path) => leafAt(path, directory));
  const made = layoutFromHints(raid === undefined ? {} : { raidLevel: Number(raid), stripeBytes }, parts);
  if (typeof made === 'string') throw bad(made);
  return made;
}

/** A file or a volume, by a path from the directory of the container where it lies within it. */
function leafAt(path: string, directory: string, sizeBytes?: number): NewLayout {
  const absolute = resolve(path);
  const within = relative(directory, absolute);
  const isInside = within !== '' && within !== '..' && !within.startsWith(`..${sep}`) && !isAbsolute(within);
  const kind = statSync(absolute, { throwIfNoEntry: false })?.isBlockDevice() === true ? 'volume' : 'file';
  const size = sizeBytes === undefined ? {} : { sizeBytes };
  return { kind, path: isInside && kind === 'file' ? within : absolute, ...size };
}

/** Reads `stripe(64K, a.img, mirror(b.img, c.img))`. */
class LayoutParser {
  readonly #tokens: string[];
  readonly #directory: string;
  #at = 0;

  constructor(text: string, directory: string) {
    if (text.length > TEXT_LIMIT) throw bad('the layout is too long');
    this.#tokens = text.match(/"[^"]*"|[(),=]|[^(),="\s][^(),="]*/g) ?? [];
    if (this.#tokens.join('').replace(/\s/g, '') !== text.replace(/\s/g, ''))
      throw bad('a " of the layout is not closed');
    this.#directory = directory;
  }

  parse(): NewLayout {
    const layout = this.#node(1);
    if (this.#at < this.#tokens.length) throw this.#unexpected();
    return layout;
  }

  #node(depth: number): NewLayout {
    if (depth > LAYOUT_DEPTH_LIMIT) throw bad(`a layout is nested ${LAYOUT_DEPTH_LIMIT} deep at most`);
    const name = this.#word();
    if (this.#tokens[this.#at] !== '(') return this.#leaf(name);
    this.#at++;
    switch (name) {
      case 'concat':
      case 'mirror':
        return { kind: name, parts: this.#rest(depth) };
      case 'stripe':
        return {
          kind: 'stripe',
          stripeBytes: this.#sizeIfAny() ?? DEFAULT_STRIPE_BYTES,
          parts: this.#rest(depth),
        };
      case 'slice': {
        const offset = this.#size();
        const lengthBytes = this.#size();
        const [part, ...others] = this.#rest(depth);
        if (part === undefined || others.length > 0)
          throw bad('a slice is written slice(OFFSET, LENGTH, PART)');
        return { kind: 'slice', offset, lengthBytes, part };
      }
      default:
        throw bad(`there is no layout ${name}(…): use stripe, mirror, concat or slice`);
    }
  }

  #leaf(path: string): NewLayout {
    if (this.#tokens[this.#at] !== '=') return leafAt(path, this.#directory);
    this.#at++;
    const size = parseSize(this.#word());
    if (size === undefined) throw bad(`write the size of ${path} as 10G or 512M`);
    return leafAt(path, this.#directory, size);
  }

  #rest(depth: number): NewLayout[] {
    const parts: NewLayout[] = [];
    for (;;) {
      parts.push(this.#node(depth + 1));
      const next = this.#tokens[this.#at++];
      if (next === ')') return parts;
      if (next !== ',') throw this.#unexpected();
    }
  }

  #size(): number {
    const size = this.#tokens[this.#at]?.trim() === '0' ? this.#zero() : this.#sizeIfAny();
    if (size === undefined) throw bad('a slice is written slice(OFFSET, LENGTH, PART)');
    return size;
  }

  #zero(): number {
    this.#at += 2;
    return 0;
  }

  /** A size and the comma behind it. */
  #sizeIfAny(): number | undefined {
    const size = parseSize((this.#tokens[this.#at] ?? '').trim());
    if (size === undefined || this.#tokens[this.#at + 1] !== ',') return undefined;
    this.#at += 2;
    return size;
  }

  #word(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined || '(),='.includes(token)) throw this.#unexpected();
    return token.startsWith('"') ? token.slice(1, -1) : token.trim();
  }

  #unexpected(): ServerError {
    const before = this.#tokens.slice(0, this.#at).join('');
    return bad(
      `the layout cannot be read behind ${before}; write it as stripe(64K, a.img, mirror(b.img, c.img))`,
    );
  }
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
