import type { Extent } from './block-device.ts';

/** Default of {@link ExtentsOptions.limit}. */
export const DEFAULT_EXTENT_LIMIT = 1024;

/**
 * Collects consecutive runs into extents: adjoining runs of the same state become one, and nothing is taken
 * beyond the limit or beyond the end of the question.
 */
export class ExtentCollector {
  readonly #extents: Extent[] = [];
  readonly #limit: number;
  readonly #end: number;
  #start: number;
  #offset: number;
  #state: Extent['state'] | undefined;

  constructor(offset: number, length: number, limit: number = DEFAULT_EXTENT_LIMIT) {
    this.#start = offset;
    this.#offset = offset;
    this.#end = offset + length;
    this.#limit = Math.max(1, limit);
  }

  /** First byte that no run has covered yet. */
  get offset(): number {
    return this.#offset;
  }

  /** True when the whole question is answered or the limit is reached. */
  get done(): boolean {
    return this.#offset >= this.#end || this.#extents.length >= this.#limit;
  }

  /** The next `length` bytes have this state. */
  add(length: number, state: Extent['state']): void {
    if (this.done || length <= 0) return;
    if (this.#state !== undefined && this.#state !== state) this.#seal();
    if (this.#extents.length >= this.#limit) return;
    this.#state = state;
    this.#offset = Math.min(this.#offset + length, this.#end);
  }

  /** Like {@link ExtentCollector.add}, up to an absolute offset. */
  addUntil(offset: number, state: Extent['state']): void {
    this.add(offset - this.#offset, state);
  }

  /** The extents so far; call it once, last. */
  finish(): Extent[] {
    if (this.#extents.length < this.#limit) this.#seal();
    return this.#extents;
  }

  #seal(): void {
    const length = this.#offset - this.#start;
    if (this.#state !== undefined && length > 0) {
      this.#extents.push({ offset: this.#start, length, state: this.#state });
    }
    this.#start = this.#offset;
  }
}

/** Sum of the lengths of the mapped extents, in bytes. */
export function mappedBytes(extents: readonly Extent[]): number {
  let sum = 0;
  for (const extent of extents) if (extent.state === 'mapped') sum += extent.length;
  return sum;
}
