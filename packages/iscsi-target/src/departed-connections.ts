import type { SessionConnection } from './session.ts';
import type { Task } from './task.ts';

/** A connection that is gone, while its tasks wait for another. */
interface Departed {
  readonly from: SessionConnection;
  /** The recovery logout is done: its tasks may be reassigned (RFC 7143 §7.2.2). */
  loggedOut: boolean;
  /** When its tasks are given up. */
  deadlineMs: number;
}

/** Where TASK REASSIGN finds a task. */
export type Whereabouts = 'unknown' | 'allegiant' | Task;

/**
 * The connections of a session that are gone at ErrorRecoveryLevel 2, in cleanup (RFC 7143 §8.2): their tasks, and
 * the statuses that the initiator may not have, wait to be reassigned until a time-out.
 */
export class DepartedConnections {
  readonly #limit: number;
  readonly #retainMs: number;
  #departed: Departed[] = [];

  /**
   * @param limit - Most connections remembered; a further one makes the oldest time out.
   * @param retainMs - How long tasks wait: DefaultTime2Wait and DefaultTime2Retain together.
   */
  constructor(limit: number, retainMs: number) {
    this.#limit = limit;
    this.#retainMs = retainMs;
  }

  /** How many there are. */
  get size(): number {
    return this.#departed.length;
  }

  /** Adds a connection; returns the one that has to go for it, if any. */
  add(from: SessionConnection, loggedOut: boolean): SessionConnection | undefined {
    this.#departed.push({ from, loggedOut, deadlineMs: from.connection.nowMs + this.#retainMs });
    return this.#departed.length > this.#limit ? this.#departed.shift()?.from : undefined;
  }

  /**
   * The recovery logout of a CID, explicit or by a login with it (RFC 7143 §6.3.4, §11.14). False when there is no
   * connection of that CID to clean up.
   */
  logOut(cid: number, nowMs: number): boolean {
    const waiting = this.#departed.filter(({ from, loggedOut }) => from.cid === cid && !loggedOut);
    for (const departed of waiting) {
      departed.loggedOut = true;
      departed.deadlineMs = nowMs + this.#retainMs;
    }
    return waiting.length > 0;
  }

  /** Takes the connections of a CID out that were not logged out. */
  remove(cid: number): SessionConnection[] {
    return this.#takeOut(({ from, loggedOut }) => from.cid === cid && !loggedOut);
  }

  /** Takes out whatever has waited too long. */
  expire(nowMs: number): SessionConnection[] {
    return this.#takeOut(({ deadlineMs }) => deadlineMs <= nowMs);
  }

  /** Takes out all of them. */
  clear(): SessionConnection[] {
    return this.#takeOut(() => true);
  }

  /** The task of a tag, if it waits for reassignment; `active` is the session's task of that tag. */
  find(initiatorTaskTag: number, active: Task | undefined): Whereabouts {
    for (const { from, loggedOut } of this.#departed) {
      const mine = active?.connection === from.connection ? active : from.recovery?.task(initiatorTaskTag);
      if (mine !== undefined) return loggedOut ? mine : 'allegiant';
    }
    return active === undefined ? 'unknown' : 'allegiant';
  }

  /** True when the tag is that of a request other than a command, which cannot be reassigned (RFC 7143 §11.5.1). */
  holdsRequest(initiatorTaskTag: number): boolean {
    return this.#departed.some(({ from }) => from.holdsRequest(initiatorTaskTag));
  }

  /** The task has another connection. */
  release(task: Task): void {
    for (const { from } of this.#departed) from.recovery?.release(task);
  }

  /** Nobody may ask any more for the statuses of the tasks that `ended` chooses. */
  forget(ended: (task: Task) => boolean): void {
    for (const { from } of this.#departed) {
      for (const task of from.recovery?.tasks ?? []) if (ended(task)) from.recovery?.release(task);
    }
  }

  #takeOut(leaves: (departed: Departed) => boolean): SessionConnection[] {
    const leaving = this.#departed.filter(leaves);
    if (leaving.length > 0) this.#departed = this.#departed.filter((departed) => !leaves(departed));
    return leaving.map(({ from }) => from);
  }
}
