import type { MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { Status, type Finished, type ScsiCommand } from '../execution.ts';
import { unlessAborted } from '../media/parameter-list.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { PartyFailure, partyFailed } from './copy-failure.ts';
import type { CopyOperation } from './copy-operation.ts';
import { CopyTask } from './copy-task.ts';

/** How a third-party copy command wants to be run. */
export interface CopyRequest {
  readonly operation: CopyOperation;
  /** Undefined: nobody can ask for the results. */
  readonly listId: number | undefined;
  /** The command is answered before the copy begins. */
  readonly immediate: boolean;
  /** What the copy does. */
  readonly work: (task: CopyTask) => Promise<void>;
  /** Answer to a copy in the foreground that ends well; default GOOD. */
  readonly answer?: () => Finished;
}

/** No more copies now; the initiator tries again. */
const TOO_MANY: Finished = { kind: 'finished', status: Status.TASK_SET_FULL };

/** Runs a copy, in the foreground or in the background, and keeps its results. */
export function runCopy(itl: ItlNexus, command: ScsiCommand, request: CopyRequest): MaybePromise<Finished> {
  const { operation, listId, immediate } = request;
  const { copies } = itl.host;
  if (listId !== undefined && !itl.copies.begin(listId, operation)) return TOO_MANY;
  if (!copies.beginCopy()) {
    if (listId !== undefined) itl.copies.forget(listId);
    return TOO_MANY;
  }
  const task = new CopyTask(itl, immediate ? undefined : command);
  operation.task = task;
  const done = carryOut(itl, task, request);
  if (!immediate) return unlessAborted(() => done.then(() => request.answer?.() ?? GOOD));
  // Failures are for RECEIVE COPY STATUS, not for a deferred error (SPC-4 5.17.4.3).
  done.catch(() => undefined);
  return GOOD;
}

async function carryOut(itl: ItlNexus, task: CopyTask, { operation, work }: CopyRequest): Promise<void> {
  try {
    task.check();
    await work(task);
    operation.completed();
  } catch (error) {
    throw settle(itl, task, operation, error);
  } finally {
    operation.task = undefined;
    task.end();
    itl.host.copies.endCopy();
  }
}

/** Enters the end of a copy into its results. Returns what ends its command. */
function settle(itl: ItlNexus, task: CopyTask, operation: CopyOperation, error: unknown): unknown {
  if (task.terminated) {
    operation.terminated();
    return error;
  }
  const condition = itl.checkCondition(error instanceof PartyFailure ? partyFailed(error) : error, 'write');
  const { asc, ascq } = condition.sense;
  const underrun = AdditionalSenseCode.COPY_TARGET_DEVICE_DATA_UNDERRUN;
  operation.failed(condition, asc === underrun.asc && ascq === underrun.ascq);
  return condition instanceof CheckConditionError ? condition : error;
}
