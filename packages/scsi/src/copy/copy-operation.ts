import type { MaybePromise } from '@lunbox/block';
import { Status } from '../execution.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, type CheckConditionError } from '../sense/check-condition-error.ts';
import { MAX_IDENTIFIED_COPIES } from './copy-limits.ts';
import {
  CopyOperationStatus,
  TransferCountUnits,
  type CopyFailureDetails,
  type CopyStatus,
  type CopyStatusLid1,
  CopyCommandStatus,
} from './copy-status-data.ts';
import type { CopyTask } from './copy-task.ts';

/** How often initiators may want to ask for the status of a copy. */
const UPDATE_DELAY_MS = 100;

/** One copy and its results, as the commands that ask for them tell it. */
export class CopyOperation {
  readonly #serviceAction: number;
  readonly #immediate: boolean;
  /** Blocks of a token command; undefined where bytes are counted. */
  readonly #blockSize: number | undefined;
  #outcome: 'completed' | 'partial' | 'failed' | 'terminated' | undefined = undefined;
  #status: number = Status.GOOD;
  #sense = new Uint8Array(0);
  /** The copy, as long as it goes on. */
  task: CopyTask | undefined = undefined;
  /** Segments that were processed, the one that goes on included. */
  segmentsProcessed = 0;
  /** Bytes written, in the order that the command asked for. */
  transferredBytes = 0;
  /** Reads and writes done. */
  operationCount = 0;
  /** What POPULATE TOKEN made. */
  token: Uint8Array | undefined = undefined;
  /** RECEIVE COPY STATUS(LID1) has told of the end. */
  statusTaken = false;

  constructor(serviceAction: number, immediate: boolean, blockSize?: number) {
    this.#serviceAction = serviceAction;
    this.#immediate = immediate;
    this.#blockSize = blockSize;
  }

  /** False while it goes on. */
  get over(): boolean {
    return this.#outcome !== undefined;
  }

  /** It has ended well. */
  completed(): void {
    this.#outcome = 'completed';
  }

  /** It was ended from outside. */
  terminated(): void {
    this.#outcome = 'terminated';
    this.#status = Status.TASK_ABORTED;
  }

  /** It has failed; `partial` when all that there was has been written all the same. */
  failed(condition: CheckConditionError, partial: boolean): void {
    const { status, sense = new Uint8Array(0) } = condition.toFinished();
    this.#outcome = partial ? 'partial' : 'failed';
    this.#status = status;
    this.#sense = Uint8Array.from(sense);
  }

  /** Ends it; completes when that has happened. */
  abort(): MaybePromise<void> {
    return this.task?.give('operation-abort');
  }

  /** For RECEIVE COPY STATUS(LID4) and RECEIVE ROD TOKEN INFORMATION. */
  status(): CopyStatus {
    const blockSize = this.#blockSize;
    return {
      serviceAction: this.#serviceAction,
      status: this.#statusCode(),
      operationCount: this.operationCount,
      updateDelayMs: this.over ? undefined : UPDATE_DELAY_MS,
      completionStatus: this.#status,
      sense: this.#sense,
      transferCountUnits: blockSize === undefined ? TransferCountUnits.BYTES : TransferCountUnits.BLOCKS,
      transferCount: Math.floor(this.transferredBytes / (blockSize ?? 1)),
      segmentsProcessed: this.segmentsProcessed,
    };
  }

  /** For RECEIVE COPY STATUS(LID1). */
  statusLid1(): CopyStatusLid1 {
    const { segmentsProcessed, transferredBytes } = this;
    const well = this.#outcome === 'completed' ? CopyCommandStatus.COMPLETED : CopyCommandStatus.FAILED;
    return { status: this.over ? well : CopyCommandStatus.IN_PROGRESS, segmentsProcessed, transferredBytes };
  }

  /** For RECEIVE COPY FAILURE DETAILS(LID1); undefined when it has not failed. */
  failureDetails(): CopyFailureDetails | undefined {
    return this.#outcome === 'failed' ? { status: this.#status, sense: this.#sense } : undefined;
  }

  #statusCode(): number {
    switch (this.#outcome) {
      case 'completed':
        return CopyOperationStatus.COMPLETED;
      case 'partial':
        return CopyOperationStatus.COMPLETED_PARTIAL_TOKEN;
      case 'failed':
        return CopyOperationStatus.FAILED;
      case 'terminated':
        return CopyOperationStatus.TERMINATED;
      case undefined:
        return this.#immediate ? CopyOperationStatus.IN_BACKGROUND : CopyOperationStatus.IN_FOREGROUND;
    }
  }
}

/**
 * The copies of one nexus and unit by list identifier, those included that are over and whose results nobody has taken
 * (SPC-4 5.17.4.2). They go with the nexus, and the oldest go first when there are too many.
 */
export class CopyOperations {
  readonly #byListId = new Map<number, CopyOperation>();

  /** The copy with a list identifier, if the copy manager knows of one. */
  find(listId: number): CopyOperation | undefined {
    return this.#byListId.get(listId);
  }

  /**
   * A copy begins under a list identifier, whose former results are gone. Throws OPERATION IN PROGRESS when the
   * identifier is in use; returns false when too many copies go on.
   */
  begin(listId: number, operation: CopyOperation): boolean {
    const former = this.#byListId.get(listId);
    if (former?.over === false) throw illegalRequest(AdditionalSenseCode.OPERATION_IN_PROGRESS);
    this.#byListId.delete(listId);
    if (this.#byListId.size >= MAX_IDENTIFIED_COPIES && !this.#dropOldest()) return false;
    this.#byListId.set(listId, operation);
    return true;
  }

  /** The results are not wanted any more, or were told. */
  forget(listId: number): void {
    this.#byListId.delete(listId);
  }

  /** A logical unit reset: no results are left (SPC-4 6.24). */
  clear(): void {
    this.#byListId.clear();
  }

  #dropOldest(): boolean {
    for (const [listId, operation] of this.#byListId) {
      if (operation.over) return this.#byListId.delete(listId);
    }
    return false;
  }
}
