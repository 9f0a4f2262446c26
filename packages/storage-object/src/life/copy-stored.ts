import type { DiskFile } from '@lunbox/block';

/** How far a long piece of work has come; holes count as done. */
export interface CopyProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Hears how far a copy has come. */
export type OnCopyProgress = (progress: CopyProgress) => void;

/** What became of the bytes that were stored; holes and zeroes count as neither. */
export interface CopyOutcome {
  /** Take no space of their own: the file system has both files have the same blocks. */
  readonly sharedBytes: number;
  readonly copiedBytes: number;
}

/** A place in a file where a run of bytes starts. */
export interface CopyPlace {
  readonly file: DiskFile;
  readonly offset: number;
}

const STEP_BYTES = 1 << 20;
/** The block that file systems which share blocks have by default. */
const CLONE_UNIT_BYTES = 4096;
const ZEROES = Buffer.alloc(STEP_BYTES);

/**
 * Copies whatever is stored in a run of bytes into a place that reads as zeroes; holes stay holes. The file system does
 * it by itself where it can, and shares the space where it can do that. Answers what was shared and what was copied.
 * Throws when the source is shorter.
 */
export async function copyStored(
  source: CopyPlace,
  target: CopyPlace,
  lengthBytes: number,
  onProgress: OnCopyProgress = () => undefined,
): Promise<CopyOutcome> {
  const buffer = Buffer.alloc(STEP_BYTES);
  let sharedBytes = 0;
  let copiedBytes = 0;
  let done = 0;
  while (done < lengthBytes) {
    const from = source.offset + done;
    const stored = Math.min(source.file.seekData(from) ?? from, source.offset + lengthBytes);
    const hole = source.file.seekHole(stored) ?? Infinity;
    done = stored - source.offset;
    const until = Math.min(lengthBytes, hole - source.offset);
    while (done < until) {
      const step = await copySome(source, target, done, until - done, buffer);
      done += step.lengthBytes;
      if (step.how === 'shared') sharedBytes += step.lengthBytes;
      if (step.how === 'copied') copiedBytes += step.lengthBytes;
      onProgress({ doneBytes: done, totalBytes: lengthBytes });
    }
  }
  onProgress({ doneBytes: lengthBytes, totalBytes: lengthBytes });
  return { sharedBytes, copiedBytes };
}

/** What became of the next bytes. */
interface Step {
  readonly lengthBytes: number;
  readonly how: 'shared' | 'copied' | 'zeroes';
}

async function copySome(
  source: CopyPlace,
  target: CopyPlace,
  at: number,
  lengthBytes: number,
  buffer: Buffer,
): Promise<Step> {
  const [from, to] = [source.offset + at, target.offset + at];
  // A block that is not whole is shared only at the end of both files.
  for (const wanted of new Set([lengthBytes, lengthBytes - (lengthBytes % CLONE_UNIT_BYTES)])) {
    if (wanted === 0 || !(await target.file.cloneFrom(source.file, from, to, wanted))) continue;
    return { lengthBytes: wanted, how: 'shared' };
  }
  // Nothing copied before the end: some kernels answer so for files whose length they do not know.
  const copied = await target.file.copyFrom(source.file, from, to, lengthBytes);
  if (copied !== undefined && copied > 0) return { lengthBytes: copied, how: 'copied' };
  const step = buffer.subarray(0, Math.min(STEP_BYTES - (from % STEP_BYTES), lengthBytes));
  const readBytes = await source.file.read([step], from);
  if (readBytes < step.length) throw new Error(`${source.file.path} has become shorter while it was copied`);
  const isZero = step.equals(ZEROES.subarray(0, step.length));
  if (!isZero) await target.file.write([step], to);
  return { lengthBytes: step.length, how: isZero ? 'zeroes' : 'copied' };
}
