import type { Clock } from '@lunbox/block';
import { BUSY_WITH_OTHERS, TASK_SET_FULL } from '../answers.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from './itl-nexus.ts';
import type { NexusTasks } from './nexus-tasks.ts';

/** How many tasks a logical unit takes (SAM-5 5.3.1). */
export interface TaskLimits {
  /** Tasks of all nexuses together. */
  readonly maxTasks: number;
  /** Tasks of one nexus. */
  readonly maxNexusTasks: number;
}

/** Far more than the command windows of transports let through. */
const DEFAULT_TASK_LIMITS: TaskLimits = { maxTasks: 8192, maxNexusTasks: 1024 };

/** The limits that a unit is made with. Throws a RangeError for a number that is no positive integer. */
export function taskLimits(options: Partial<TaskLimits>): TaskLimits {
  const { maxTasks = DEFAULT_TASK_LIMITS.maxTasks } = options;
  const { maxNexusTasks = Math.min(DEFAULT_TASK_LIMITS.maxNexusTasks, maxTasks) } = options;
  for (const limit of [maxTasks, maxNexusTasks]) {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`a limit of ${limit} tasks`);
  }
  return { maxTasks, maxNexusTasks };
}

/** What else decides when a task may start. */
export interface TaskRules {
  /** TST 001b: the tasks of one nexus have nothing to do with those of others. */
  readonly separate: boolean;
  /** An ACA condition keeps the task from going on. */
  blocks(itl: ItlNexus, command: ScsiCommand): boolean;
  /** The task starts whatever waits. */
  exempts(command: ScsiCommand): boolean;
}

interface WaitingTask {
  readonly tasks: NexusTasks;
  readonly command: ScsiCommand;
  readonly start: () => void;
}

/**
 * The order of the tasks of one logical unit (SAM-5 8.6): SIMPLE tasks run side by side, an ORDERED one
 * starts when every earlier task has ended and later ones wait for it, HEAD OF QUEUE starts at once. While
 * nobody uses ORDERED, a task costs two increments and two decrements. {@link TaskLimits} bound the queue.
 */
export class TaskSet {
  readonly limits: TaskLimits;
  #active = 0;
  #barrier = false;
  #waiting: WaitingTask[] = [];
  readonly #rules: TaskRules;
  readonly #clock: Clock;
  #idleMs = 0;
  #idleSinceMs: number;
  /** Start of the only task; undefined when another was there since then. */
  #onlyStartMs: number | undefined = undefined;

  constructor(rules: TaskRules, limits: TaskLimits, clock: Clock) {
    this.#rules = rules;
    this.limits = limits;
    this.#clock = clock;
    this.#idleSinceMs = clock.nowMs();
  }

  /** Time without any task since the set was made or {@link TaskSet.resetIdleTime}. */
  get idleMs(): number {
    return this.#idleMs + (this.#active === 0 ? this.#clock.nowMs() - this.#idleSinceMs : 0);
  }

  /** When the task that has just started did so. Costs a reading of the clock only beside other tasks. */
  get startMs(): number {
    return (this.#active === 1 ? this.#onlyStartMs : undefined) ?? this.#clock.nowMs();
  }

  /** The idle time begins at zero again. */
  resetIdleTime(): void {
    this.#idleMs = 0;
    this.#idleSinceMs = this.#clock.nowMs();
  }

  /** Tasks that have started and not ended. */
  get activeCount(): number {
    return this.#active;
  }

  /**
   * The answer to a command for which there is no room (SAM-5 5.3.1): TASK SET FULL to a nexus with tasks, whose ends
   * make room, BUSY to one without.
   */
  refusal(tasks: NexusTasks): Finished | undefined {
    const { maxTasks, maxNexusTasks } = this.limits;
    if (tasks.count < maxNexusTasks && this.#active + this.#waiting.length < maxTasks) return undefined;
    return tasks.busy ? TASK_SET_FULL : BUSY_WITH_OTHERS;
  }

  /** A task arrives: undefined when it may start now, else a promise of the moment when it may. */
  enter(tasks: NexusTasks, command: ScsiCommand): Promise<void> | undefined {
    tasks.count++;
    const simple = command.attribute === 'simple' && !this.#barrier && this.#waiting.length === 0;
    if (simple || this.#mayOvertake(command) || (this.#hasTurn(tasks, command) && !this.#isBehind(tasks))) {
      this.#start(tasks, command);
      return undefined;
    }
    return new Promise((start) => {
      this.#waiting.push({ tasks, command, start });
    });
  }

  /** A task that had started has ended; `nowMs` spares a reading of the clock to who has one. */
  leave(tasks: NexusTasks, nowMs?: number): void {
    tasks.count--;
    tasks.activeCount--;
    if (tasks.activeCount === 0) tasks.barrier = false;
    this.#active--;
    this.#onlyStartMs = undefined;
    if (this.#active === 0) {
      this.#barrier = false;
      this.#idleSinceMs = nowMs ?? this.#clock.nowMs();
    }
    if (this.#waiting.length > 0) this.#advance();
  }

  /** Commands were aborted, or the rules let more tasks start: what waits without a reason does so no longer. */
  review(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const task of waiting) {
      if (task.command.aborted) {
        this.#begin(task.tasks);
        task.start();
      } else this.#waiting.push(task);
    }
    this.#advance();
  }

  #mayOvertake(command: ScsiCommand): boolean {
    const { attribute } = command;
    return attribute === 'head-of-queue' || attribute === 'aca' || this.#rules.exempts(command);
  }

  /** True when no task that has started stands in the way. */
  #hasTurn(tasks: NexusTasks, { attribute }: ScsiCommand): boolean {
    const { separate } = this.#rules;
    if (attribute === 'ordered') return (separate ? tasks.activeCount : this.#active) === 0;
    return !(separate ? tasks.barrier : this.#barrier);
  }

  /** True when a task waits that came before. */
  #isBehind(tasks: NexusTasks): boolean {
    if (!this.#rules.separate) return this.#waiting.length > 0;
    return this.#waiting.some((waiting) => waiting.tasks === tasks);
  }

  #start(tasks: NexusTasks, { attribute }: ScsiCommand): void {
    this.#begin(tasks);
    if (attribute === 'ordered') this.#barrier = tasks.barrier = true;
  }

  #begin(tasks: NexusTasks): void {
    if (this.#active === 0) {
      this.#onlyStartMs = this.#clock.nowMs();
      this.#idleMs += this.#onlyStartMs - this.#idleSinceMs;
    }
    this.#active++;
    tasks.activeCount++;
  }

  /** Starts what may start, in the order of arrival: in one task set nobody overtakes. */
  #advance(): void {
    const overtaken = new Set<NexusTasks>();
    let at = 0;
    for (let next = this.#waiting[at]; next !== undefined; next = this.#waiting[at]) {
      const { tasks, command } = next;
      const ready = this.#hasTurn(tasks, command) && !this.#rules.blocks(tasks.itl, command);
      if (ready && !overtaken.has(tasks)) {
        this.#waiting.splice(at, 1);
        this.#start(tasks, command);
        next.start();
      } else if (this.#rules.separate) {
        overtaken.add(tasks);
        at++;
      } else return;
    }
  }
}
