import type { DiskFile } from '@lunbox/block';

/** How far a long piece of work has come; holes count as done. */
export interface CopyProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Hears how far a copy has come. */
export type OnCopyProgress = (progress: CopyProgress) => void;

/** A place in a file where a run of bytes starts. */
export interface CopyPlace {
  readonly file: DiskFile;
  readonly offset: number;
}

const STEP_BYTES = 1 << 20;
const ZEROES = Buffer.alloc(STEP_BYTES);

/**
 * Copies whatever is stored in a run of bytes into a place that reads as zeroes; holes stay holes. The file system does
 * it by itself where it can, and shares the space where it can do that. Throws when the source is shorter.
 */
export async function copyStored(
  source: CopyPlace,
  target: CopyPlace,
  lengthBytes: number,
  onProgress: OnCopyProgress = () => undefined,
): Promise<void> {
  const buffer = Buffer.alloc(STEP_BYTES);
  let done = 0;
  while (done < lengthBytes) {
    const from = source.offset + done;
    const stored = Math.min(source.file.seekData(from) ?? from, source.offset + lengthBytes);
    const hole = source.file.seekHole(stored) ?? Infinity;
    done = stored - source.offset;
    const until = Math.min(lengthBytes, hole - source.offset);
    while (done < until) {
      done += await copySome(source, target, done, until - done, buffer);
      onProgress({ doneBytes: done, totalBytes: lengthBytes });
    }
  }
  onProgress({ doneBytes: lengthBytes, totalBytes: lengthBytes });
}

async function copySome(
  source: CopyPlace,
  target: CopyPlace,
  at: number,
  lengthBytes: number,
  buffer: Buffer,
): Promise<number> {
  const [from, to] = [source.offset + at, target.offset + at];
  // Nothing copied before the end: some kernels answer so for files whose length they do not know.
  const copied = await target.file.copyFrom(source.file, from, to, lengthBytes);
  if (copied !== undefined && copied > 0) return copied;
  const step = buffer.subarray(0, Math.min(STEP_BYTES - (from % STEP_BYTES), lengthBytes));
  const readBytes = await source.file.read([step], from);
  if (readBytes < step.length) throw new Error(`${source.file.path} has become shorter while it was copied`);
  if (!step.equals(ZEROES.subarray(0, step.length))) await target.file.write([step], to);
  return step.length;
}
