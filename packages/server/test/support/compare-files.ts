import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const chunkLength = 1 << 20;

/** The first place where `length` bytes of two files differ, each from its own offset; -1 when they are equal. */
export function firstDifference(
  a: { readonly path: string; readonly offset?: number },
  b: { readonly path: string; readonly offset?: number },
  length: number,
): number {
  const files = [openSync(a.path, 'r'), openSync(b.path, 'r')] as const;
  const chunks = [Buffer.alloc(chunkLength), Buffer.alloc(chunkLength)] as const;
  try {
    for (let at = 0; at < length; at += chunkLength) {
      const wanted = Math.min(chunkLength, length - at);
      const got = [
        readSync(files[0], chunks[0], 0, wanted, (a.offset ?? 0) + at),
        readSync(files[1], chunks[1], 0, wanted, (b.offset ?? 0) + at),
      ] as const;
      if (got[0] !== wanted || got[1] !== wanted) return at + Math.min(...got);
      if (chunks[0].compare(chunks[1], 0, wanted, 0, wanted) === 0) continue;
      for (let i = 0; i < wanted; i++) if (chunks[0][i] !== chunks[1][i]) return at + i;
    }
    return -1;
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** Bytes that the file system keeps for a file; a hole takes none. */
export function allocatedBytes(path: string): number {
  const file = openSync(path, 'r');
  try {
    return fstatSync(file).blocks * 512;
  } finally {
    closeSync(file);
  }
}
