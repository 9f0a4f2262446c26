import type { BlockDevice, Extent, MaybePromise } from './block-device.ts';
import { BaseDevice } from './base-device.ts';
import { cutBuffers } from './buffers.ts';
import { BlockError } from './errors.ts';
import { ExtentCollector } from './extents.ts';
import { asLegs, commonBlockSize, type Legs } from './legs.ts';
import { allSettled, mapMaybe } from './maybe-promise.ts';

/**
 * Devices one after the other as one device. It owns them: closing it closes them. When the last one grows, so
 * does the whole; the others must keep their size.
 *
 * @throws BlockError `BLOCK_INVALID` for an empty list, or a device whose size is not a multiple of the largest
 *   block size among them.
 */
export function concat(devices: readonly BlockDevice[]): BlockDevice {
  return new Concat(asLegs(devices));
}

/** The part of a request that falls on one leg. */
interface Piece {
  readonly leg: BlockDevice;
  /** Where it lies on the leg. */
  readonly offset: number;
  readonly length: number;
  /** Where it lies in the request. */
  readonly within: number;
}

class Concat extends BaseDevice {
  readonly readOnly: boolean;
  readonly #legs: Legs;
  /** Where each leg starts. */
  readonly #starts: readonly number[];
  readonly #unsubscribe: () => void;

  constructor(legs: Legs) {
    super(commonBlockSize(legs));
    const { blockSize } = this;
    const starts: number[] = [];
    let start = 0;
    for (const { size } of legs) {
      if (size % blockSize !== 0) {
        throw new BlockError('BLOCK_INVALID', 'a device does not end with a whole block', {
          size,
          blockSize,
        });
      }
      starts.push(start);
      start += size;
    }
    this.readOnly = legs.some((leg) => leg.readOnly);
    this.#legs = legs;
    this.#starts = starts;
    this.#unsubscribe = this.#last.onResize(() => {
      this.announceResize();
    });
  }

  get size(): number {
    return (this.#starts.at(-1) ?? 0) + this.#last.size;
  }

  get #last(): BlockDevice {
    return this.#legs.at(-1) ?? this.#legs[0];
  }

  protected readRange(into: readonly Uint8Array[], offset: number, length: number): MaybePromise<void> {
    return this.#each(offset, length, (piece) => piece.leg.read(piecesOf(into, piece, length), piece.offset));
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    return this.#each(offset, length, (piece) =>
      piece.leg.write(piecesOf(from, piece, length), piece.offset, { fua }),
    );
  }

  protected flushAll(): MaybePromise<void> {
    return allSettled(this.#legs.map((leg) => () => leg.flush()));
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.#each(offset, length, (piece) => piece.leg.unmap(piece.offset, piece.length));
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    return this.#each(offset, length, (piece) =>
      piece.leg.writeZeroes(piece.offset, piece.length, { mayUnmap }),
    );
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    const collector = new ExtentCollector(offset, length, limit);
    const end = offset + length;
    const next = (): MaybePromise<Extent[]> => {
      const [piece] = this.#pieces(collector.offset, end - collector.offset);
      if (piece === undefined || collector.done) return collector.finish();
      return mapMaybe(piece.leg.extents(piece.offset, piece.length, { limit }), (extents) => {
        for (const extent of extents) collector.add(extent.length, extent.state);
        return next();
      });
    };
    return next();
  }

  protected release(): MaybePromise<void> {
    this.#unsubscribe();
    return allSettled(this.#legs.map((leg) => () => leg.close()));
  }

  #each(offset: number, length: number, operation: (piece: Piece) => MaybePromise<void>): MaybePromise<void> {
    const pieces = this.#pieces(offset, length);
    const [only] = pieces;
    if (only !== undefined && pieces.length === 1) return operation(only);
    return allSettled(pieces.map((piece) => () => operation(piece)));
  }

  #pieces(offset: number, length: number): Piece[] {
    const pieces: Piece[] = [];
    const end = offset + length;
    this.#legs.forEach((leg, index) => {
      const start = this.#starts[index] ?? 0;
      const from = Math.max(offset, start);
      const until = Math.min(end, start + leg.size);
      if (from < until)
        pieces.push({ leg, offset: from - start, length: until - from, within: from - offset });
    });
    return pieces;
  }
}

function piecesOf(buffers: readonly Uint8Array[], piece: Piece, length: number): readonly Uint8Array[] {
  return piece.length === length ? buffers : cutBuffers(buffers, piece.within, piece.length);
}
