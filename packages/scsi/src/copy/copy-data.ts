import { isZero, yieldTurn } from '@lunbox/block';
import { STEP_BYTES } from '../media/in-steps.ts';
import type { CopyParty } from './copy-party.ts';
import type { CopySource } from './copy-source.ts';
import type { CopyTask } from './copy-task.ts';

/** Bytes on their way from a source to whole blocks of a unit. */
export interface CopyJob {
  readonly task: CopyTask;
  readonly source: CopySource;
  readonly destination: CopyParty;
  /** Where the first byte goes, the start of a block. */
  readonly offset: number;
  /** Whole blocks of the destination. */
  readonly lengthBytes: number;
  /** Position of the first byte in the source; default 0. */
  readonly position?: number;
  /** So many bytes more were written, in order; `accesses` reads and writes were done for it. */
  readonly progress: (bytes: number, accesses: number) => void;
}

/**
 * Copies in steps, between which everybody else has a turn, a reservation or an abort takes effect, and nothing is held
 * but a buffer of 1 MiB. What is known to be zero, or turns out to be, takes no space in the destination.
 */
export async function copyForward(job: CopyJob): Promise<void> {
  const { source, destination, offset, lengthBytes, position = 0 } = job;
  const { blockSize } = destination;
  const buffer = new StepBuffer(lengthBytes);
  for (let done = 0; done < lengthBytes;) {
    checkAll(job);
    const left = lengthBytes - done;
    const zeroes = await source.zeroesAt(position + done, Math.min(left, destination.zeroStepBytes));
    const blank = zeroes - (zeroes % blockSize);
    if (blank > 0) {
      checkAll(job);
      await destination.zero(offset + done, blank);
      done += blank;
      job.progress(blank, 1);
    } else {
      const piece = Math.min(left, STEP_BYTES);
      await copyPiece(job, buffer.take(piece), done);
      done += piece;
      job.progress(piece, 2);
    }
    await yieldTurn();
  }
}

/** The same from the end on: for a destination that overlaps its source and lies behind it. */
export async function copyBackward(job: CopyJob): Promise<void> {
  const { lengthBytes } = job;
  const buffer = new StepBuffer(lengthBytes);
  for (let left = lengthBytes; left > 0;) {
    checkAll(job);
    const piece = Math.min(left, STEP_BYTES);
    await copyPiece(job, buffer.take(piece), left - piece);
    left -= piece;
    // In order is only what was written from the first byte on: all of it, at the end.
    job.progress(left === 0 ? lengthBytes : 0, 2);
    await yieldTurn();
  }
}

async function copyPiece(job: CopyJob, buffer: Uint8Array, done: number): Promise<void> {
  const { source, destination, offset, position = 0 } = job;
  await source.read(buffer, position + done);
  checkAll(job);
  if (isZero(buffer)) await destination.zero(offset + done, buffer.length);
  else await destination.write(buffer, offset + done);
}

function checkAll({ task, source, destination }: CopyJob): void {
  task.check();
  source.check();
  destination.check();
}

/** The buffer of a copy, which one that only writes zeroes never needs. */
class StepBuffer {
  readonly #lengthBytes: number;
  #bytes: Uint8Array | undefined = undefined;

  constructor(lengthBytes: number) {
    this.#lengthBytes = Math.min(lengthBytes, STEP_BYTES);
  }

  take(lengthBytes: number): Uint8Array {
    this.#bytes ??= new Uint8Array(this.#lengthBytes);
    return this.#bytes.subarray(0, lengthBytes);
  }
}
