import { serialAdd, serialLess } from '@lunbox/iscsi-pdu';
import type { Nexus } from '@lunbox/scsi';
import type { Connection } from './connection.ts';
import type { OperationalParameters } from './parameters.ts';
import { SolicitationBudget } from './solicitation.ts';
import type { Task } from './task.ts';

/** Bytes of R2Ts outstanding in one session. */
const SOLICITED_BYTES = 16_777_216;

/** Who a session is between (RFC 7143 §4.2.7, §4.4). */
export interface SessionIdentity {
  readonly initiatorName: string;
  /** The 6 bytes of the ISID, in hexadecimal. */
  readonly isid: string;
  /** Nonzero handle of the session at this target. */
  readonly tsih: number;
  /** Name of the target; undefined in a discovery session, which belongs to none. */
  readonly targetName: string | undefined;
}

/** A connection of a session, in full feature phase. */
export interface SessionConnection {
  /** Connection ID: the initiator's name for it within the session (RFC 7143 §11.12.7). */
  readonly cid: number;
  readonly connection: Connection;
}

/**
 * One session: its connections, its command window and its tasks. Commands run in CmdSN order over all
 * connections (RFC 7143 §4.2.2.1): a command that comes too early waits here, a command outside the window is ignored.
 */
export class Session {
  readonly identity: SessionIdentity;
  readonly parameters: OperationalParameters;
  /** The SCSI side; undefined in a discovery session. */
  readonly nexus: Nexus | undefined;
  readonly tasks: Map<number, Task> = new Map();
  readonly connections: Map<number, SessionConnection> = new Map();
  readonly budget: SolicitationBudget = new SolicitationBudget(SOLICITED_BYTES);
  readonly #queueDepth: number;
  #expCmdSn: number;
  #active = 0;
  readonly #deferred = new Map<number, () => void>();

  constructor(
    identity: SessionIdentity,
    parameters: OperationalParameters,
    nexus: Nexus | undefined,
    firstCmdSn: number,
    queueDepth: number,
  ) {
    this.identity = identity;
    this.parameters = parameters;
    this.nexus = nexus;
    this.#expCmdSn = firstCmdSn;
    this.#queueDepth = queueDepth;
  }

  /** Adds a connection; one that has its CID already is replaced in the table (RFC 7143 §6.3.4). */
  attach(joining: SessionConnection): void {
    this.connections.set(joining.cid, joining);
  }

  /** A connection is gone: the tasks that came by it are over (RFC 7143 §7.6), and with the last one the session. */
  detach(leaving: SessionConnection): void {
    if (this.connections.get(leaving.cid) === leaving) this.connections.delete(leaving.cid);
    this.abort((task) => task.connection === leaving.connection);
    if (this.connections.size === 0) this.#close();
  }

  /** The next CmdSN in order. */
  get expCmdSn(): number {
    return this.#expCmdSn;
  }

  /** The last CmdSN that the window admits. It never goes back: a task takes its number and its place together. */
  get maxCmdSn(): number {
    return serialAdd(this.#expCmdSn, this.#queueDepth - this.#active - 1);
  }

  /** True when a CmdSN lies in the window and is not waiting here already (RFC 7143 §4.2.2.1, T-K8). */
  inWindow(cmdSn: number): boolean {
    if (serialLess(cmdSn, this.#expCmdSn) || serialLess(this.maxCmdSn, cmdSn)) return false;
    return !this.#deferred.has(cmdSn);
  }

  /** Runs `command` when its turn comes: at once, or after the CmdSNs before it. The caller has checked the window. */
  inOrder(cmdSn: number, command: () => void): void {
    if (cmdSn !== this.#expCmdSn) {
      this.#deferred.set(cmdSn, command);
      return;
    }
    this.advance();
    command();
    this.runDeferred();
  }

  /** Uses up ExpCmdSN for a command that came in order. */
  advance(): void {
    this.#expCmdSn = serialAdd(this.#expCmdSn, 1);
  }

  /** Runs the commands that waited for what has just come. */
  runDeferred(): void {
    while (this.#deferred.size > 0) {
      const command = this.#deferred.get(this.#expCmdSn);
      if (command === undefined) return;
      this.#deferred.delete(this.#expCmdSn);
      this.advance();
      command();
    }
  }

  /** Puts a task into the table, where its Data-Out PDUs find it. */
  enter(task: Task): void {
    this.tasks.set(task.initiatorTaskTag, task);
  }

  /** The task's turn has come: together with {@link Session.advance} it takes a place of the window. */
  occupy(task: Task): void {
    task.occupiesWindow = true;
    this.#active++;
  }

  /** Takes a task out again; later PDUs with its tag find nothing. */
  retire(task: Task): void {
    if (this.tasks.get(task.initiatorTaskTag) === task) this.tasks.delete(task.initiatorTaskTag);
    if (!task.occupiesWindow) return;
    task.occupiesWindow = false;
    this.#active--;
  }

  /** Aborts the tasks that `affected` chooses, without status. Some of those returned may be at work for a moment. */
  abort(affected: (task: Task) => boolean): Task[] {
    const tasks = [...this.tasks.values()].filter(affected);
    for (const task of tasks) {
      this.retire(task);
      task.abort();
    }
    return tasks;
  }

  /** The nexus is lost with the session (RFC 7143 §6.3.5.1). */
  #close(): void {
    this.#deferred.clear();
    this.nexus?.close();
  }
}
