import type { MaybePromise } from '@lunbox/block';
import type { ScsiCommand } from '../execution.ts';
import type { ItlNexus } from './itl-nexus.ts';
import type { TaskSet } from './task-set.ts';

/**
 * The tasks of one I_T_L nexus that are in the task set. Those of a preempted nexus are left to end by
 * themselves, while later ones are counted anew: so PREEMPT AND ABORT never waits for commands that came
 * after it. Commands with the ACA attribute are counted apart from the others.
 */
export class NexusTasks {
  readonly itl: ItlNexus;
  /** Tasks that have not ended, and those of them that wait for their turn. */
  count = 0;
  /** Tasks that have started and not ended. */
  activeCount = 0;
  /** An ORDERED task has started, and not all of the tasks that are active have ended since. */
  barrier = false;
  /** The command that has started last. */
  command: ScsiCommand | undefined = undefined;
  readonly #all: TaskSet;
  #drained: (() => void) | undefined = undefined;
  #emptied: (() => void) | undefined = undefined;

  /** @param all the task set of the logical unit */
  constructor(all: TaskSet, itl: ItlNexus) {
    this.#all = all;
    this.itl = itl;
  }

  /** True while there is a task, started or not. */
  get busy(): boolean {
    return this.count > 0;
  }

  /** A task that had started has ended, see {@link TaskSet.leave}. */
  leave(nowMs?: number): void {
    this.#all.leave(this, nowMs);
    if (this.activeCount > 0) return;
    this.#drained?.();
    if (this.count === 0) this.#emptied?.();
  }

  /** Completes when none of the tasks that have started goes on any more. Called once at most. */
  drained(): MaybePromise<void> {
    if (this.activeCount === 0) return;
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Completes when there is no task, started or not. Called once at most. */
  emptied(): MaybePromise<void> {
    if (this.count === 0) return;
    return new Promise((resolve) => {
      this.#emptied = resolve;
    });
  }
}
