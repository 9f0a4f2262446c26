import type { MaybePromise } from '@lunbox/block';
import { isPromise } from '@lunbox/block';
import { TASK_ABORTED } from '../answers.ts';
import type { DataOut, Finished } from '../execution.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { TaskAbortedError } from './in-steps.ts';
import { MediaTransfer } from './media-transfer.ts';

/**
 * A short Data-Out that is wanted whole before anything is done: a parameter list, the one block of WRITE
 * SAME, or the blocks of COMPARE AND WRITE, twice. Whoever makes one bounds its length: 256 KiB at most.
 */
export class ParameterList extends MediaTransfer implements DataOut {
  readonly kind = 'data-out';
  readonly #bytes: Uint8Array;
  readonly #use: (list: Uint8Array) => MaybePromise<Finished>;

  /**
   * @param startOffset place on the device that an error of the medium is reported for
   * @param use executes the command with the whole list
   */
  constructor(
    itl: ItlNexus,
    startOffset: number,
    lengthBytes: number,
    use: (list: Uint8Array) => MaybePromise<Finished>,
  ) {
    super(itl, startOffset, lengthBytes);
    this.#bytes = new Uint8Array(lengthBytes);
    this.#use = use;
  }

  write(from: readonly Uint8Array[], offsetBytes: number): void {
    let at = offsetBytes;
    for (const buffer of from) {
      this.#bytes.set(buffer, at);
      at += buffer.length;
    }
  }

  finish(receivedBytes: number): MaybePromise<Finished> {
    return this.unlessBlocked(() => this.#finish(receivedBytes), TASK_ABORTED);
  }

  #finish(receivedBytes: number): MaybePromise<Finished> {
    return this.itl.guarded('write', this.startOffset, () => {
      if (receivedBytes < this.lengthBytes) {
        throw illegalRequest(AdditionalSenseCode.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
      }
      return unlessAborted(() => this.#use(this.#bytes));
    });
  }
}

/** The answer of `work`, or TASK ABORTED when it was given up because of an abort. */
export function unlessAborted(work: () => MaybePromise<Finished>): MaybePromise<Finished> {
  const result = work();
  if (!isPromise(result)) return result;
  return result.catch((error: unknown) => {
    if (error instanceof TaskAbortedError) return TASK_ABORTED;
    throw error;
  });
}
