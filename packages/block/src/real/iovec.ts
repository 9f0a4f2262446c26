/** Buffers of one scatter call; more go the other way. Linux allows 1024. */
export const IOVEC_LIMIT = 64;
/**
 * V8 keeps the bytes of small typed arrays on its own heap, where the collector moves them (64 bytes by
 * default). Their address must not be used; nothing shorter than a block deserves the fast path anyway.
 */
const SMALLEST_BACKING_LENGTH = 512;

/** A reused array of `struct iovec`. */
export interface IovecTable {
  /** What the system call gets: pairs of 64-bit little-endian base and length. */
  readonly table: Uint32Array;
  /** Describes the buffers; answers their number, or 0 when they cannot be described. */
  fill(buffers: readonly Uint8Array[]): number;
}

/**
 * @param addressOf - Where the memory of an ArrayBuffer lies. It stays there until it is collected, so each one
 *   is asked for once. User-space addresses are below 2^47: exact as numbers.
 */
export function createIovecTable(addressOf: (buffer: ArrayBufferLike) => number): IovecTable {
  const table = new Uint32Array(IOVEC_LIMIT * 4);
  const addresses = new WeakMap<ArrayBufferLike, number>();

  function address(view: Uint8Array): number {
    const { buffer } = view;
    let base = addresses.get(buffer);
    if (base === undefined) {
      if (buffer.byteLength < SMALLEST_BACKING_LENGTH) return 0;
      base = addressOf(buffer);
      addresses.set(buffer, base);
    }
    return base + view.byteOffset;
  }

  return {
    table,
    fill(buffers) {
      if (buffers.length > IOVEC_LIMIT) return 0;
      let at = 0;
      for (const buffer of buffers) {
        const base = address(buffer);
        if (base === 0) return 0;
        table[at] = base;
        table[at + 1] = base / 2 ** 32;
        table[at + 2] = buffer.length;
        table[at + 3] = 0;
        at += 4;
      }
      return buffers.length;
    },
  };
}
