import { ACA_ACTIVE, BUSY } from '../answers.ts';
import { hasNaca } from '../cdb/control-byte.ts';
import { serviceActionOf } from '../cdb/cdb-definition.ts';
import { PR_OUT_PREEMPT_AND_ABORT } from '../cdb/persistent-reserve-cdbs.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest } from '../sense/check-condition-error.ts';
import type { ItlNexus } from './itl-nexus.ts';
import type { LogicalUnit } from './logical-unit.ts';
import { abortTasks } from './task-management.ts';
import type { TaskRules } from './task-set.ts';

/** QERR: whose other commands CHECK CONDITION aborts (SPC-4 table 460). */
const QueueError = { ABORT_ALL: 0b01, ABORT_OF_NEXUS: 0b11 } as const;

/** A task that was at work when an ACA condition blocked it. */
interface BlockedTask {
  readonly itl: ItlNexus;
  readonly command: ScsiCommand;
  readonly goOn: () => void;
}

/**
 * What a command that ends with CHECK CONDITION does to others (SAM-5 5.9): with NACA it establishes an ACA condition
 * for its nexus, the faulted one, until the initiator clears it; QERR may abort other commands. With one task set for
 * all (TST 000b) the condition concerns every nexus, with separate ones only the faulted one.
 */
export class AcaConditions implements TaskRules {
  /** True while there is one. */
  established = false;
  readonly #unit: LogicalUnit;
  /** The faulted nexuses. */
  readonly #faulted = new Set<ItlNexus>();
  /** Bounded by the task set: what is blocked is one of its tasks. */
  #blocked: BlockedTask[] = [];
  /** Commands whose failure has had its consequences. */
  readonly #failed = new WeakSet<ScsiCommand>();
  /** Commands of other nexuses that no condition blocks: PREEMPT AND ABORT. */
  readonly #exempt = new WeakSet<ScsiCommand>();

  constructor(unit: LogicalUnit) {
    this.#unit = unit;
  }

  get separate(): boolean {
    return this.#unit.modes.separateTaskSets;
  }

  /**
   * The answer to a command that a condition keeps out (SAM-5 5.9.2): on the faulted nexus all but one with the ACA
   * attribute at a time, on others, where it concerns them, all but PREEMPT AND ABORT. Throws INVALID MESSAGE ERROR
   * for the ACA attribute without a condition (SAM-5 8.6.5).
   */
  refusal(itl: ItlNexus, command: ScsiCommand): Finished | undefined {
    const attribute = command.attribute === 'aca';
    if (this.#faulted.has(itl)) return attribute && !itl.acaTasks.busy ? undefined : ACA_ACTIVE;
    if (!this.established || this.separate) {
      if (attribute) throw illegalRequest(AdditionalSenseCode.INVALID_MESSAGE_ERROR);
      return undefined;
    }
    if (attribute) return ACA_ACTIVE;
    if (!isPreemptAndAbort(command.cdb)) return refusalOfOther(command);
    this.#exempt.add(command);
    return undefined;
  }

  /**
   * SPC-4 5.13.11.2.6 a): PREEMPT AND ABORT of another nexus runs in spite of a condition only when it preempts who is
   * faulted. The answer to one that does not.
   */
  refusalOfPreempting(
    itl: ItlNexus,
    command: ScsiCommand,
    isPreempted: (other: ItlNexus) => boolean,
  ): Finished | undefined {
    const kept = this.established && !this.separate && !this.#faulted.has(itl);
    if (!kept || [...this.#faulted].some(isPreempted)) return undefined;
    return refusalOfOther(command);
  }

  blocks(itl: ItlNexus, command: ScsiCommand): boolean {
    if (!this.established || command.aborted || command.attribute === 'aca') return false;
    return (this.#faulted.has(itl) || !this.separate) && !this.#exempt.has(command);
  }

  exempts(command: ScsiCommand): boolean {
    return this.#exempt.has(command);
  }

  /** The blocked state (SAM-5 8.5): a promise of the moment when a task that is at work may go on, or is aborted. */
  hold(itl: ItlNexus, command: ScsiCommand): Promise<void> | undefined {
    if (!this.blocks(itl, command)) return undefined;
    return new Promise((goOn) => this.#blocked.push({ itl, command, goOn }));
  }

  /** A command ends with CHECK CONDITION. Every transport may tell of it, as often as it likes. */
  commandFailed(itl: ItlNexus, command: ScsiCommand): void {
    // A nexus that is lost has no initiator that could clear a condition.
    if (command.aborted || this.#failed.has(command) || !this.#unit.nexuses.has(itl)) return;
    this.#failed.add(command);
    this.#abortOthers(itl, command);
    const naca = hasNaca(command.cdb) && itl.mayFault;
    if (naca) this.#establish(itl);
    // SAM-5 5.9.2.3: the condition ends with a command that was to deal with it and has failed.
    else if (command.attribute === 'aca') this.clear(itl);
  }

  /** CLEAR ACA, loss of the nexus, or preemption: what the condition blocked goes on. */
  clear(itl: ItlNexus): void {
    if (this.#faulted.delete(itl)) this.#changed();
  }

  /** Reset: there are no conditions any more. */
  clearAll(): void {
    this.#faulted.clear();
    this.#changed();
  }

  /** Commands were aborted, a condition has ended, or TST has changed: what nothing blocks any more goes on. */
  review(): void {
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const task of blocked) {
      if (this.blocks(task.itl, task.command)) this.#blocked.push(task);
      else task.goOn();
    }
    this.#unit.tasks.review();
  }

  #establish(itl: ItlNexus): void {
    this.#faulted.add(itl);
    this.established = true;
  }

  #changed(): void {
    this.established = this.#faulted.size > 0;
    this.review();
  }

  #abortOthers(itl: ItlNexus, failed: ScsiCommand): void {
    const { queueErrorManagement } = this.#unit.modes;
    if (queueErrorManagement === QueueError.ABORT_ALL && !this.separate) {
      abortTasks(this.#unit, this.#unit.nexuses, itl, failed);
    } else if (queueErrorManagement !== 0) abortTasks(this.#unit, [itl], itl, failed);
  }
}

/** SAM-5 5.9.2.2: a command that knows of ACA hears of it, another one is told to come again. */
function refusalOfOther({ cdb }: ScsiCommand): Finished {
  return hasNaca(cdb) ? ACA_ACTIVE : BUSY;
}

function isPreemptAndAbort(cdb: Uint8Array): boolean {
  const { operationCode, serviceAction } = PR_OUT_PREEMPT_AND_ABORT;
  return cdb[0] === operationCode && serviceActionOf(cdb) === serviceAction;
}
