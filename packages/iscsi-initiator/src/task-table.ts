import { InitiatorError } from './errors.ts';
import type { ScsiResult } from './request.ts';
import type { Retransmission } from './retransmission.ts';
import { resultOf, type StatusFields } from './task-result.ts';
import type { Task } from './task.ts';
import { Waiters } from './waiters.ts';

/** The commands at work on one connection, by Initiator Task Tag, and how they end. */
export class TaskTable {
  readonly #tasks = new Map<number, Task>();
  readonly #retransmission: Retransmission | undefined;
  readonly #idle = new Waiters();

  /** @param retransmission - From ErrorRecoveryLevel 1 on: statuses are settled there. */
  constructor(retransmission: Retransmission | undefined) {
    this.#retransmission = retransmission;
  }

  /** Commands at work. */
  get size(): number {
    return this.#tasks.size;
  }

  get(initiatorTaskTag: number): Task | undefined {
    return this.#tasks.get(initiatorTaskTag);
  }

  add(task: Task): void {
    this.#tasks.set(task.initiatorTaskTag, task);
  }

  values(): IterableIterator<Task> {
    return this.#tasks.values();
  }

  /** Gives all tasks away. */
  takeAll(): Task[] {
    const tasks = [...this.#tasks.values()];
    this.#tasks.clear();
    for (const task of tasks) task.detach();
    this.#idle.tell();
    return tasks;
  }

  /** Resolves when nothing is at work here. */
  get idle(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : this.#idle.wait();
  }

  /** The task has come to its end, by the status `statSn` if by any. */
  end(task: Task, outcome: ScsiResult | InitiatorError, statSn?: number): void {
    this.#tasks.delete(task.initiatorTaskTag);
    if (statSn !== undefined) this.settle(statSn);
    task.end(outcome);
    if (this.size === 0) this.#idle.tell();
  }

  /** The task is over without a status of its own. */
  drop(task: Task): void {
    if (!task.ended) this.end(task, new InitiatorError({ code: 'INITIATOR_ABORTED' }), task.held?.statSn);
  }

  /** Acknowledges a status; without error recovery it is acknowledged as it comes. */
  settle(statSn: number): void {
    this.#retransmission?.statuses.settle(statSn);
  }

  /** A status whose command lacks data is not acknowledged before the data is there (RFC 7143 §7.9). */
  hold(task: Task, statSn: number, fields: StatusFields, sense: Uint8Array | undefined): void {
    task.held = { statSn, outcome: () => resultOf(task, fields, sense) };
    if (task.dataLost) this.filled(task);
  }

  /** Something that was missing has come, or never will: a status that waited for it ends the task. */
  filled(task: Task): void {
    const { held, dataLost } = task;
    if (!dataLost) {
      if (task.lacksData) return;
      this.#retransmission?.sendDataAck(task);
    }
    if (held === undefined) return;
    const lost = dataLost ? new InitiatorError({ code: 'INITIATOR_DIGEST', part: 'data' }) : undefined;
    this.end(task, lost ?? held.outcome(), held.statSn);
  }
}
