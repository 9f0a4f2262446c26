import type { BlockDevice } from '@lunbox/block';

/** What is told of a device, from its start to its end, without gaps. */
export interface ContentReader {
  /** Bytes that are stored. They are good until this completes. */
  data(bytes: Uint8Array, offset: number): Promise<void>;
  /** Bytes that take no space and read as zeroes; as many as there are in a row. */
  hole(offset: number, lengthBytes: number): Promise<void>;
}

/** Bytes that are read, and held in memory, at a time. */
export const STEP_BYTES: number = 1 << 20;
const EXTENTS_AT_ONCE = 64;

/** Reads a whole device. Throws what reading it throws. */
export async function readContent(device: BlockDevice, reader: ContentReader): Promise<void> {
  const buffer = new Uint8Array(STEP_BYTES);
  for (let at = 0; at < device.size;) {
    const extents = await device.extents(at, device.size - at, { limit: EXTENTS_AT_ONCE });
    for (const { offset, length, state } of extents) {
      at = offset + length;
      if (state === 'hole') await reader.hole(offset, length);
      else await readRange(device, offset, length, buffer, reader);
    }
  }
}

/** Reads a range as data, whatever is stored of it. */
export async function readRange(
  device: BlockDevice,
  offset: number,
  length: number,
  buffer: Uint8Array,
  reader: Pick<ContentReader, 'data'>,
): Promise<void> {
  for (let at = offset; at < offset + length;) {
    // Whole steps, so that a run of small extents does not put the rest out of step with the grains.
    const piece = Math.min(offset + length - at, buffer.length - (at % buffer.length));
    const bytes = buffer.subarray(0, piece);
    await device.read([bytes], at);
    await reader.data(bytes, at);
    at += piece;
  }
}
