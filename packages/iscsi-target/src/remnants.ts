import type { Connection } from './connection.ts';
import type { Task } from './task.ts';

/** A task that is aborted while a device still works for it. */
interface Remnant {
  readonly task: Task;
  /** Its initiator lost the connection and may have no answer that says when it is over. */
  orphaned: boolean;
}

/**
 * What is left of the aborted tasks of one initiator with one target, over all its sessions. A device that works for
 * such a task may still write. So whatever answers that the task is over waits for it; and where nothing answers,
 * since the connection is gone, the commands that the initiator sends next wait: a write that it repeats, or one
 * that it sends later, must not be overwritten by the old one.
 */
export class Remnants {
  readonly #remnants = new Set<Remnant>();
  #waiting: (() => void)[] = [];

  /** True while commands have to wait. */
  get blocking(): boolean {
    if (this.#remnants.size === 0) return false;
    for (const { orphaned } of this.#remnants) if (orphaned) return true;
    return false;
  }

  /** Keeps a task that has just been aborted, until nothing of it is at work. */
  add(task: Task): void {
    const remnant: Remnant = { task, orphaned: false };
    this.#remnants.add(remnant);
    task.whenEnded(() => {
      this.#remnants.delete(remnant);
      this.#release();
    });
  }

  /** A connection is gone: nobody will be told when its tasks are over. */
  orphan(connection: Connection): void {
    for (const remnant of this.#remnants) if (remnant.task.connection === connection) remnant.orphaned = true;
  }

  /** The tasks that `affected` chooses. */
  select(affected: (task: Task) => boolean): Task[] {
    return Array.from(this.#remnants, ({ task }) => task).filter(affected);
  }

  /** Calls `start` when no command has to wait; at once if so already. */
  whenFree(start: () => void): void {
    this.#waiting.push(start);
    this.#release();
  }

  #release(): void {
    if (this.#waiting.length === 0 || this.blocking) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const start of waiting) start();
  }
}
