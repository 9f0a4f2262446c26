const MIN_CLASS_BITS = 12;
const MAX_CLASS_BITS = 24;
const ARENA_BYTES = 262_144;

/**
 * Write buffers that are used again: powers of two from 4 KiB to 16 MiB, the small ones carved out of common
 * arenas. Fresh memory costs a page fault per 4 KiB, which is more than the write it would carry.
 */
export class BufferPool {
  readonly #free: Uint8Array[][] = [];
  readonly #maxIdleBytes: number;
  #idleBytes = 0;

  /** @param maxIdleBytes what the pool keeps when nobody uses it; the rest goes back to the heap. */
  constructor(maxIdleBytes = 16_777_216) {
    this.#maxIdleBytes = maxIdleBytes;
    for (let bits = MIN_CLASS_BITS; bits <= MAX_CLASS_BITS; bits++) this.#free.push([]);
  }

  /** A buffer of at least `lengthBytes`, with old content in it. The caller has bounded the length before. */
  acquire(lengthBytes: number): Uint8Array {
    const index = classOf(lengthBytes);
    const list = this.#free[index] as Uint8Array[];
    const buffer = list.pop();
    if (buffer !== undefined) {
      this.#idleBytes -= buffer.length;
      return buffer;
    }
    const size = 2 ** (index + MIN_CLASS_BITS);
    if (size >= ARENA_BYTES) return new Uint8Array(size);
    const arena = new Uint8Array(ARENA_BYTES);
    for (let at = size; at < ARENA_BYTES; at += size) list.push(arena.subarray(at, at + size));
    this.#idleBytes += ARENA_BYTES - size;
    return arena.subarray(0, size);
  }

  /** Gives a buffer back that {@link BufferPool.acquire} returned. Nothing may use it afterwards. */
  release(buffer: Uint8Array): void {
    const list = this.#free[classOf(buffer.length)] as Uint8Array[];
    // A piece of an arena is always kept: dropping it would not free the arena.
    if (buffer.length >= ARENA_BYTES && this.#idleBytes + buffer.length > this.#maxIdleBytes) return;
    this.#idleBytes += buffer.length;
    list.push(buffer);
  }
}

function classOf(lengthBytes: number): number {
  const bits = 32 - Math.clz32(Math.max(lengthBytes, 1) - 1);
  return Math.max(bits, MIN_CLASS_BITS) - MIN_CLASS_BITS;
}
