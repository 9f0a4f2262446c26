import createDebug from 'debug';
import type { Exchanges } from './exchanges.ts';
import type { CommandWindow } from './numbering.ts';
import type { TaskTable } from './task-table.ts';
import type { Task } from './task.ts';

const log = createDebug('lunbox:iscsi-initiator:retry');

/**
 * Sends a command again that the target has never received, under its CmdSN and Initiator Task Tag, so that those
 * after it need not wait for ever (RFC 7143 §7.2.1). The target's ExpCmdSN names the one that is missing; a ping tells
 * that it is not just old (RFC 7143 §7.1.3): its answer has overtaken nothing on this connection.
 */
export class CommandRetry {
  readonly #window: CommandWindow;
  readonly #exchanges: Exchanges;
  readonly #tasks: TaskTable;
  readonly #send: (task: Task) => void;
  #seenCmdSn: number | undefined;
  #probing = false;

  /** @param send - sends the PDUs of a command. */
  constructor(window: CommandWindow, exchanges: Exchanges, tasks: TaskTable, send: (task: Task) => void) {
    this.#window = window;
    this.#exchanges = exchanges;
    this.#tasks = tasks;
    this.#send = send;
  }

  /** Time passes: a command that stays unacknowledged from one call to the next is looked into. */
  tick(): void {
    const { expCmdSn } = this.#window;
    const stuck = expCmdSn === this.#seenCmdSn;
    this.#seenCmdSn = expCmdSn;
    if (!stuck || this.#probing || this.#missing(expCmdSn) === undefined) return;
    this.#probing = true;
    this.#exchanges
      .ping()
      .then(() => {
        if (expCmdSn !== this.#window.expCmdSn) return;
        const task = this.#missing(expCmdSn);
        if (task === undefined) return;
        log('command %d is sent again', expCmdSn);
        this.#send(task);
      })
      // A connection that is lost has other ways to save its commands.
      .catch(() => undefined)
      .finally(() => (this.#probing = false));
  }

  #missing(cmdSn: number): Task | undefined {
    for (const task of this.#tasks.values()) if (task.cmdSn === cmdSn) return task;
    return undefined;
  }
}
