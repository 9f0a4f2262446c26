import { systemClock, type Clock, type MaybePromise } from '@lunbox/block';
import type { TaskAttribute } from '../execution.ts';

interface WaitingTask {
  readonly ordered: boolean;
  readonly start: () => void;
}

/**
 * The order of the tasks of one logical unit (SAM-5 8.6): SIMPLE tasks run side by side, an ORDERED one
 * starts when every earlier task has ended and later ones wait for it, HEAD OF QUEUE starts at once. While
 * nobody uses ORDERED, a task costs an increment and a decrement. The transport's command window bounds the
 * queue.
 */
export class TaskSet {
  #active = 0;
  #barrier = false;
  readonly #waiting: WaitingTask[] = [];
  readonly #clock: Clock;
  #idleMs = 0;
  #idleSinceMs: number;
  /** Start of the only task; undefined when another was there since then. */
  #onlyStartMs: number | undefined = undefined;

  constructor(clock: Clock = systemClock) {
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

  /** A task arrives: undefined when it may start now, else a promise of the moment when it may. */
  enter(attribute: TaskAttribute): Promise<void> | undefined {
    const ordered = attribute === 'ordered';
    const free = ordered ? this.#active === 0 : !this.#barrier;
    if (attribute === 'head-of-queue' || (free && this.#waiting.length === 0)) {
      this.#start(ordered);
      return undefined;
    }
    return new Promise((start) => {
      this.#waiting.push({ ordered, start });
    });
  }

  /** A task that had started has ended; `nowMs` spares a reading of the clock to who has one. */
  leave(nowMs?: number): void {
    this.#active--;
    this.#onlyStartMs = undefined;
    if (this.#active === 0) {
      this.#barrier = false;
      this.#idleSinceMs = nowMs ?? this.#clock.nowMs();
    }
    if (this.#waiting.length > 0) this.#advance();
  }

  #start(ordered: boolean): void {
    if (this.#active === 0) {
      this.#onlyStartMs = this.#clock.nowMs();
      this.#idleMs += this.#onlyStartMs - this.#idleSinceMs;
    }
    this.#active++;
    if (ordered) this.#barrier = true;
  }

  #advance(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || this.#barrier || (next.ordered && this.#active > 0)) return;
      this.#waiting.shift();
      this.#start(next.ordered);
      next.start();
    }
  }
}

/**
 * The tasks of one I_T_L nexus that have started and not ended. Those of a preempted nexus are left to end by
 * themselves, while later ones are counted anew: so PREEMPT AND ABORT never waits for commands that came
 * after it.
 */
export class NexusTasks {
  readonly #all: TaskSet;
  #active = 0;
  #drained: (() => void) | undefined = undefined;

  /** @param all the task set of the logical unit */
  constructor(all: TaskSet) {
    this.#all = all;
  }

  /** True while there is such a task. */
  get busy(): boolean {
    return this.#active > 0;
  }

  /** A task has its turn. */
  start(): void {
    this.#active++;
  }

  /** A task that had started has ended, see {@link TaskSet.leave}. */
  leave(nowMs?: number): void {
    this.#active--;
    if (this.#active === 0) this.#drained?.();
    this.#all.leave(nowMs);
  }

  /** Completes when none of these tasks goes on any more. Called once at most. */
  drained(): MaybePromise<void> {
    if (this.#active === 0) return;
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }
}
