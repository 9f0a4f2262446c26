import type { Clock } from '@lunbox/block';
import { connectionLost, InitiatorError, isConnectionFailure } from './errors.ts';
import type { FullFeature } from './full-feature.ts';
import { Command } from './command.ts';
import { requestProblem, type ScsiRequest, type ScsiResult } from './request.ts';
import type { Task } from './task.ts';

/** A command that breaks this many connections is not sent on another. */
const MAX_TRIES = 5;

const TERMINATED = 'INITIATOR_TASK_TERMINATED';

/** Where commands go. */
export interface CommandOutlet {
  /** True when the session takes another command. */
  readonly windowOpen: boolean;
  /** The connection for the next command. */
  pick(): FullFeature | undefined;
}

/** Bounds of a {@link CommandQueue}. */
export interface QueueOptions {
  readonly maxCommands: number;
  readonly commandTimeoutMs: number;
  readonly abortTimeoutMs: number;
}

/**
 * The commands of a session, waiting and at work. They outlive connections: what was at work when one is lost
 * goes to the front of the queue again, if doing it twice does no harm.
 */
export class CommandQueue {
  readonly #clock: Clock;
  readonly #options: QueueOptions;
  #waiting: Command[] = [];
  readonly #running = new Map<Task, Command>();
  #outlet: CommandOutlet | undefined;
  #held = false;

  constructor(clock: Clock, options: QueueOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Commands waiting or at work. */
  get size(): number {
    return this.#waiting.length + this.#running.size;
  }

  /** Commands at work. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** Queues a command, and sends it when the window is open. */
  submit(request: ScsiRequest): Promise<ScsiResult> {
    if (request.signal?.aborted === true) {
      const cause: unknown = request.signal.reason;
      return Promise.reject(new InitiatorError({ code: 'INITIATOR_ABORTED' }, { cause }));
    }
    const unusable = requestProblem(request);
    if (unusable !== undefined) return Promise.reject(unusable);
    const limit = this.#options.maxCommands;
    if (this.size >= limit) return Promise.reject(new InitiatorError({ code: 'INITIATOR_BUSY', limit }));
    const timeoutMs = request.timeoutMs ?? this.#options.commandTimeoutMs;
    const command = new Command(request, this.#clock.nowMs(), timeoutMs);
    command.watchSignal((error) => this.#abort(command, error));
    this.#waiting.push(command);
    this.pump();
    return command.result;
  }

  /** A session is there: commands go to it. */
  attach(outlet: CommandOutlet): void {
    this.#outlet = outlet;
    this.pump();
  }

  /** There is no connection. */
  detach(): void {
    this.#outlet = undefined;
  }

  /** Starts no more commands until {@link CommandQueue.release}. */
  hold(): void {
    this.#held = true;
  }

  /** Starts commands again. */
  release(): void {
    this.#held = false;
  }

  /** Sends what waits, as far as the window goes. */
  pump(): void {
    const outlet = this.#outlet;
    if (outlet === undefined || this.#held) return;
    let sent = 0;
    while (sent < this.#waiting.length && outlet.windowOpen) {
      const connection = outlet.pick();
      if (connection === undefined) break;
      const command = this.#waiting[sent] as Command;
      sent++;
      command.tries++;
      command.task = connection.submit(command.request);
      this.#running.set(command.task, command);
    }
    if (sent > 0) this.#waiting.splice(0, sent);
  }

  /** A task goes on by another connection; an abort that was lost with the old one begins again. */
  taskMoved(task: Task): void {
    const command = this.#running.get(task);
    if (command?.aborting !== undefined) this.#abortTask(task);
  }

  /** The latest try of a command that is at work. */
  taskOf(request: ScsiRequest): Task | undefined {
    for (const [task, command] of this.#running) if (command.request === request) return task;
    return undefined;
  }

  /** The target ends these tasks without an answer: it is asked to confirm that it has. */
  terminate(tasks: readonly Task[]): void {
    for (const task of tasks) {
      const command = this.#running.get(task);
      if (command !== undefined) this.#abort(command, new InitiatorError({ code: TERMINATED }));
    }
  }

  /** A try has ended. */
  taskEnded(task: Task, outcome: ScsiResult | InitiatorError): void {
    const command = this.#running.get(task);
    if (command === undefined) return;
    this.#running.delete(task);
    command.task = undefined;
    const failed = outcome instanceof InitiatorError;
    const reason = failed ? (command.aborting ?? outcome) : undefined;
    if (reason !== undefined && mayTryAgain(command, reason)) {
      command.aborting = undefined;
      this.#requeue(command);
      this.pump();
    } else command.end(reason ?? outcome);
  }

  /** Aborts what has taken too long. */
  tick(nowMs: number): void {
    const all = [...this.#waiting, ...this.#running.values()];
    for (const command of all) {
      if (nowMs < command.deadlineMs || command.aborting !== undefined) continue;
      const { timeoutMs } = command;
      this.#abort(
        command,
        new InitiatorError({ code: 'INITIATOR_TIMEOUT', operation: 'command', timeoutMs }),
      );
    }
  }

  /** Ends what waits: there will be no session. */
  failAll(error: InitiatorError): void {
    for (const command of this.#waiting.splice(0)) command.end(error);
  }

  /** Behind those that were sent again before it, and before those that were never sent. */
  #requeue(command: Command): void {
    const at = this.#waiting.findIndex((other) => other.deadlineMs > command.deadlineMs);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, command);
  }

  /**
   * A command that waits ends at once. One at work ends when the target has said so: until then its buffers
   * are in use.
   */
  #abort(command: Command, error: InitiatorError): void {
    const under = command.aborting;
    // Whose caller has given it up is not tried again, whatever ended it.
    if (under === undefined || under.code === TERMINATED) command.aborting = error;
    if (under !== undefined) return;
    const { task } = command;
    if (task === undefined) {
      this.#waiting = this.#waiting.filter((other) => other !== command);
      command.end(error);
      return;
    }
    this.#abortTask(task);
  }

  /** Without a connection that waits until the task has one again. */
  #abortTask(task: Task): void {
    const { connection } = task;
    if (connection === undefined) return;
    const giveUp = this.#clock.setTimer(this.#options.abortTimeoutMs, () => {
      connection.connection.fail(connectionLost('no answer to ABORT TASK'));
    });
    // A lost connection ends the task too, or moves it, and that is all that is asked for here.
    void connection
      .abort(task)
      .catch(() => undefined)
      .finally(giveUp);
  }
}

function mayTryAgain(command: Command, error: InitiatorError): boolean {
  const mayHelp = error.code === TERMINATED || isConnectionFailure(error);
  return mayHelp && command.request.idempotent === true && command.tries < MAX_TRIES;
}
