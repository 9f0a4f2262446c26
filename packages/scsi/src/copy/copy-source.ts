import type { MaybePromise } from '@lunbox/block';
import type { CopyParty } from './copy-party.ts';
import type { ByteRange, RodToken } from './rod-tokens.ts';

/** Where copied bytes come from; positions count from the first of them. */
export interface CopySource {
  /** Throws why nothing may be read now, if that is so. */
  check(): void;
  /** How many of the bytes at a position are zero, as far as is known without reading them; at most `lengthBytes`. */
  zeroesAt(position: number, lengthBytes: number): MaybePromise<number>;
  /** Fills the buffer; what lies beyond the end reads as zeroes. */
  read(into: Uint8Array, position: number): MaybePromise<void>;
}

/** Zeroes without end. */
export const ZEROES: CopySource = {
  check: () => undefined,
  zeroesAt: (_position, lengthBytes) => lengthBytes,
  read: (into) => {
    into.fill(0);
  },
};

/** So many bytes of a unit from an offset on; after them there are zeroes. */
export class UnitSource implements CopySource {
  readonly #party: CopyParty;
  readonly #offset: number;
  readonly #lengthBytes: number;
  /** Up to here nothing is worth asking for holes. */
  #mappedEnd = 0;

  constructor(party: CopyParty, offset: number, lengthBytes: number) {
    this.#party = party;
    this.#offset = offset;
    this.#lengthBytes = lengthBytes;
  }

  check(): void {
    this.#party.check();
  }

  async zeroesAt(position: number, lengthBytes: number): Promise<number> {
    const left = this.#lengthBytes - position;
    if (left <= 0) return lengthBytes;
    const offset = this.#offset + position;
    if (offset < this.#mappedEnd) return 0;
    const extent = await this.#party.extent(offset, Math.min(lengthBytes, left));
    const end = extent.offset + extent.length;
    if (extent.state === 'hole') return Math.min(lengthBytes, left, end - offset);
    this.#mappedEnd = end;
    return 0;
  }

  read(into: Uint8Array, position: number): MaybePromise<void> {
    const there = Math.max(0, Math.min(into.length, this.#lengthBytes - position));
    into.fill(0, there);
    return there === 0 ? undefined : this.#party.read(into.subarray(0, there), this.#offset + position);
  }
}

/** A range of a ROD, by positions in the ROD. */
interface RodRange {
  readonly start: number;
  readonly end: number;
  readonly source: UnitSource;
}

/** What a ROD token stands for: what is read was there when the token was made, or the token is not good. */
export class RodSource implements CopySource {
  readonly #token: RodToken;
  readonly #ranges: readonly RodRange[];

  constructor(token: RodToken, party: CopyParty) {
    this.#token = token;
    let start = 0;
    this.#ranges = token.ranges.map(({ offset, length }: ByteRange) => {
      const range = { start, end: start + length, source: new UnitSource(party, offset, length) };
      start += length;
      return range;
    });
  }

  check(): void {
    this.#token.check();
  }

  async zeroesAt(position: number, lengthBytes: number): Promise<number> {
    const range = this.#rangeAt(position);
    if (range === undefined) return lengthBytes;
    const within = Math.min(lengthBytes, range.end - position);
    const zeroes = await range.source.zeroesAt(position - range.start, within);
    this.check();
    return zeroes;
  }

  async read(into: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < into.length;) {
      const range = this.#rangeAt(position + done);
      if (range === undefined) {
        into.fill(0, done);
        break;
      }
      const length = Math.min(into.length - done, range.end - position - done);
      await range.source.read(into.subarray(done, done + length), position + done - range.start);
      done += length;
    }
    this.check();
  }

  #rangeAt(position: number): RodRange | undefined {
    return this.#ranges.find(({ end }) => position < end);
  }
}
