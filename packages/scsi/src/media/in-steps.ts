import { yieldTurn, type MaybePromise } from '@lunbox/block';
import type { ScsiCommand } from '../execution.ts';

/** Bytes of reading, comparing or writing that are done in one turn of the event loop at most. */
export const STEP_BYTES: number = 1024 * 1024;

/** Bytes that are given back in one turn: much cheaper than moving them. */
export const UNMAP_STEP_BYTES: number = 64 * STEP_BYTES;

/** Thrown inside a long command that its transport has aborted; there is nobody left to hear of it. */
export class TaskAbortedError extends Error {
  override readonly name = 'TaskAbortedError';
  readonly code = 'SCSI_TASK_ABORTED';
}

/**
 * Does `step` for consecutive pieces of a range, at most `stepBytes` long and ending at multiples of it. A
 * range of one piece is done at once; otherwise the event loop serves everything else between two pieces, and
 * the work ends with a {@link TaskAbortedError} soon after the command is aborted.
 */
export function inSteps(
  command: ScsiCommand,
  range: { readonly offset: number; readonly length: number },
  stepBytes: number,
  step: (offset: number, length: number) => MaybePromise<void>,
): MaybePromise<void> {
  if (range.length <= stepBytes) return range.length === 0 ? undefined : step(range.offset, range.length);
  return manySteps(command, range, stepBytes, step);
}

async function manySteps(
  command: ScsiCommand,
  range: { readonly offset: number; readonly length: number },
  stepBytes: number,
  step: (offset: number, length: number) => MaybePromise<void>,
): Promise<void> {
  const end = range.offset + range.length;
  for (let offset = range.offset; offset < end;) {
    const stepEnd = Math.min(end, (Math.floor(offset / stepBytes) + 1) * stepBytes);
    await step(offset, stepEnd - offset);
    offset = stepEnd;
    await yieldTurn();
    if (command.aborted) throw new TaskAbortedError();
  }
}
