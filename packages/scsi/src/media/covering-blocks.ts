import { isPromise, type MaybePromise } from '@lunbox/block';
import type { BlockAccess } from './medium.ts';

/** Reads bytes that need not start or end at a block boundary, by way of the blocks that cover them. */
export function readCovering(
  device: BlockAccess,
  offset: number,
  lengthBytes: number,
): MaybePromise<Uint8Array> {
  const { blockSize } = device;
  const start = Math.floor(offset / blockSize) * blockSize;
  const end = Math.ceil((offset + lengthBytes) / blockSize) * blockSize;
  const blocks = new Uint8Array(end - start);
  const wanted = blocks.subarray(offset - start, offset - start + lengthBytes);
  const result = device.read([blocks], start);
  return isPromise(result) ? result.then(() => wanted) : wanted;
}

/** Copies `source` into the buffers, in order. */
export function scatter(source: Uint8Array, into: readonly Uint8Array[]): void {
  let at = 0;
  for (const buffer of into) {
    buffer.set(source.subarray(at, at + buffer.length));
    at += buffer.length;
  }
}

/** Index of the first byte in which two byte strings of the same length differ; -1 when they do not. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.compare(a, b) === 0) return -1;
  return a.findIndex((byte, index) => byte !== b[index]);
}
