import type { DiskFile } from '@lunbox/block';

const ZEROES = new Uint8Array(1 << 20);

/**
 * Takes the space of a range of zeroes from the file system. Where it cannot be asked for space, the zeroes are
 * written, which takes as long as writing does.
 */
export async function takeSpace(file: DiskFile, offset: number, lengthBytes: number): Promise<void> {
  if (await file.allocate(offset, lengthBytes)) return;
  const endOffset = offset + lengthBytes;
  for (let at = offset; at < endOffset; at += ZEROES.length) {
    await file.write([ZEROES.subarray(0, Math.min(ZEROES.length, endOffset - at))], at);
  }
}
