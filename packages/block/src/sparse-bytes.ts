import type { Extent } from './block-device.ts';
import { ExtentCollector } from './extents.ts';

/** Bytes in one chunk of {@link SparseBytes}. */
export const CHUNK_LENGTH: number = 64 * 1024;
/** Chunks in one region; a region without chunks is not kept. */
const REGION_CHUNKS = 1024;

interface Region {
  readonly chunks: (Uint8Array | undefined)[];
  count: number;
}

/**
 * An endless array of zero bytes that only keeps the chunks that something was written to. Regions make the
 * search for the next chunk short in a terabyte with nothing in it.
 */
export class SparseBytes {
  readonly #regions = new Map<number, Region>();
  /** Sorted keys of the regions, or undefined after one came or went. */
  #order: number[] | undefined;
  #chunkCount = 0;

  /** Memory taken by the chunks, in bytes. */
  get allocatedBytes(): number {
    return this.#chunkCount * CHUNK_LENGTH;
  }

  /** Fills the buffers from `offset`. */
  read(into: readonly Uint8Array[], offset: number): void {
    let at = offset;
    for (const buffer of into) {
      this.#readOne(buffer, at);
      at += buffer.length;
    }
  }

  /** Stores the buffers from `offset`. */
  write(from: readonly Uint8Array[], offset: number): void {
    let at = offset;
    for (const buffer of from) {
      this.#writeOne(buffer, at);
      at += buffer.length;
    }
  }

  /** Makes the range zero and gives whole chunks back. */
  clear(offset: number, length: number): void {
    this.#zero(offset, length, true);
  }

  /** Makes the range zero and keeps the chunks that are there. */
  fillZero(offset: number, length: number): void {
    this.#zero(offset, length, false);
  }

  /** Takes the memory of the range; what it holds stays. */
  reserve(offset: number, length: number): void {
    const end = offset + length;
    for (let index = Math.floor(offset / CHUNK_LENGTH); index * CHUNK_LENGTH < end; index++) {
      this.#chunkForWrite(index);
    }
  }

  /** Takes over what `source` has in the range. */
  copyFrom(source: SparseBytes, offset: number, length: number): void {
    this.clear(offset, length);
    const end = offset + length;
    for (let at = source.nextChunk(offset); at < end; at = source.nextChunk(at + CHUNK_LENGTH)) {
      const from = Math.max(offset, at);
      const until = Math.min(end, at + CHUNK_LENGTH);
      const chunk = source.#chunk(at / CHUNK_LENGTH);
      if (chunk !== undefined) this.#writeOne(chunk.subarray(from - at, until - at), from);
    }
  }

  /** Start of the first chunk that has a byte at or after `offset`; Infinity when there is none. */
  nextChunk(offset: number): number {
    const first = Math.floor(offset / CHUNK_LENGTH);
    const order = (this.#order ??= [...this.#regions.keys()].sort((a, b) => a - b));
    const wanted = Math.floor(first / REGION_CHUNKS);
    for (let i = lowerBound(order, wanted); i < order.length; i++) {
      const key = order[i] as number;
      const chunks = this.#regions.get(key)?.chunks ?? [];
      for (let j = key === wanted ? first % REGION_CHUNKS : 0; j < chunks.length; j++) {
        if (chunks[j] !== undefined) return (key * REGION_CHUNKS + j) * CHUNK_LENGTH;
      }
    }
    return Infinity;
  }

  /** The chunks in the range as extents. */
  extents(offset: number, length: number, limit?: number): Extent[] {
    const collector = new ExtentCollector(offset, length, limit);
    while (!collector.done) {
      collector.addUntil(this.nextChunk(collector.offset), 'hole');
      if (collector.done) break;
      collector.addUntil((Math.floor(collector.offset / CHUNK_LENGTH) + 1) * CHUNK_LENGTH, 'mapped');
    }
    return collector.finish();
  }

  #zero(offset: number, length: number, drop: boolean): void {
    const end = offset + length;
    for (let at = this.nextChunk(offset); at < end; at = this.nextChunk(at + CHUNK_LENGTH)) {
      const from = Math.max(offset, at);
      const until = Math.min(end, at + CHUNK_LENGTH);
      if (drop && until - from === CHUNK_LENGTH) this.#drop(at / CHUNK_LENGTH);
      else this.#chunk(at / CHUNK_LENGTH)?.fill(0, from - at, until - at);
    }
  }

  #readOne(into: Uint8Array, offset: number): void {
    for (let done = 0; done < into.length;) {
      const within = (offset + done) % CHUNK_LENGTH;
      const take = Math.min(CHUNK_LENGTH - within, into.length - done);
      const chunk = this.#chunk((offset + done - within) / CHUNK_LENGTH);
      if (chunk === undefined) into.fill(0, done, done + take);
      else into.set(chunk.subarray(within, within + take), done);
      done += take;
    }
  }

  #writeOne(from: Uint8Array, offset: number): void {
    for (let done = 0; done < from.length;) {
      const within = (offset + done) % CHUNK_LENGTH;
      const take = Math.min(CHUNK_LENGTH - within, from.length - done);
      const chunk = this.#chunkForWrite((offset + done - within) / CHUNK_LENGTH);
      chunk.set(take === from.length ? from : from.subarray(done, done + take), within);
      done += take;
    }
  }

  #chunk(index: number): Uint8Array | undefined {
    return this.#regions.get(Math.floor(index / REGION_CHUNKS))?.chunks[index % REGION_CHUNKS];
  }

  #chunkForWrite(index: number): Uint8Array {
    const key = Math.floor(index / REGION_CHUNKS);
    let region = this.#regions.get(key);
    if (region === undefined) {
      region = { chunks: new Array<Uint8Array | undefined>(REGION_CHUNKS).fill(undefined), count: 0 };
      this.#regions.set(key, region);
      this.#order = undefined;
    }
    let chunk = region.chunks[index % REGION_CHUNKS];
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK_LENGTH);
      region.chunks[index % REGION_CHUNKS] = chunk;
      region.count++;
      this.#chunkCount++;
    }
    return chunk;
  }

  #drop(index: number): void {
    const key = Math.floor(index / REGION_CHUNKS);
    const region = this.#regions.get(key);
    if (region?.chunks[index % REGION_CHUNKS] === undefined) return;
    region.chunks[index % REGION_CHUNKS] = undefined;
    region.count--;
    this.#chunkCount--;
    if (region.count > 0) return;
    this.#regions.delete(key);
    this.#order = undefined;
  }
}

/** Index of the first element that is not below `value`. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
