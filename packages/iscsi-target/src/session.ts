import { serialAdd, serialLess } from '@lunbox/iscsi-pdu';
import type { Nexus } from '@lunbox/scsi';
import { Alarms } from './alarms.ts';
import type { Connection } from './connection.ts';
import { showWindow } from './keepalive.ts';
import { sameLun } from './lun.ts';
import type { OperationalParameters } from './parameters.ts';
import type { Recovery } from './recovery.ts';
import type { Remnants } from './remnants.ts';
import { ResponseFence } from './response-fence.ts';
import { DepartedConnections, type Whereabouts } from './departed-connections.ts';
import { SolicitationBudget } from './solicitation.ts';
import type { Task } from './task.ts';

/** Bytes of R2Ts outstanding in one session. */
const SOLICITED_BYTES = 16_777_216;

/** Connections in cleanup that a session remembers: an initiator may lose them faster than they time out. */
const DEPARTED_LIMIT = 32;

const NOBODY = (): boolean => false;

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
  /** What the initiator has not acknowledged; from ErrorRecoveryLevel 1 on. */
  readonly recovery: Recovery | undefined;
  /** The highest ExpStatSN that has come by it: everything before that has arrived. */
  readonly acknowledgedStatSn: number;
  /** Asks for a sign of life, which acknowledges what has arrived; `answered` is called when it comes. */
  ping(answered?: () => void): void;
  /** Responses that were held back may go. */
  goOn(): void;
  /** True when the tag is that of a request other than a SCSI command that is not over. */
  holdsRequest(initiatorTaskTag: number): boolean;
  /** Ends it in order after a logout; with `recovery` its tasks wait for another connection. */
  logOut(recovery: boolean): void;
}

/** The connection that a request came by, and its task, if it is a command. */
export interface RequestOrigin {
  readonly connection: Connection;
  readonly aborted?: boolean;
}

/** A request that waits for the CmdSNs before it, and where it came from, if that matters. */
interface Deferred {
  readonly origin: RequestOrigin | undefined;
  readonly run: () => void;
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
  /** Connections whose tasks wait for another; none below ErrorRecoveryLevel 2. */
  readonly departed: DepartedConnections;
  /** Aborted tasks that a device still works for, of this session and of others that the initiator had. */
  readonly remnants: Remnants;
  readonly budget: SolicitationBudget = new SolicitationBudget(SOLICITED_BYTES);
  readonly alarms: Alarms = new Alarms();
  readonly fence: ResponseFence = new ResponseFence(this);
  readonly #queueDepth: number;
  #expCmdSn: number;
  #active = 0;
  #ending = false;
  #lastConnection: Connection | undefined = undefined;
  readonly #deferred = new Map<number, Deferred>();
  #isSpared: (task: Task) => boolean = NOBODY;
  #barriers: { readonly cmdSn: number; readonly run: () => void }[] = [];

  constructor(
    identity: SessionIdentity,
    parameters: OperationalParameters,
    nexus: Nexus | undefined,
    firstCmdSn: number,
    queueDepth: number,
    remnants: Remnants,
  ) {
    this.identity = identity;
    this.remnants = remnants;
    this.parameters = parameters;
    this.nexus = nexus;
    this.#expCmdSn = firstCmdSn;
    this.#queueDepth = queueDepth;
    const { defaultTime2Wait, defaultTime2Retain } = parameters;
    this.departed = new DepartedConnections(DEPARTED_LIMIT, (defaultTime2Wait + defaultTime2Retain) * 1000);
  }

  /** False once it has lost its last connection and waits for none. */
  get open(): boolean {
    return this.connections.size > 0 || this.departed.size > 0;
  }

  /** The connection that left last. */
  get lastConnection(): Connection | undefined {
    return this.#lastConnection;
  }

  /** Its tasks may go on by another connection than their own (RFC 7143 §7.2.2). */
  get reassigns(): boolean {
    const { errorRecoveryLevel, defaultTime2Retain } = this.parameters;
    return errorRecoveryLevel > 1 && defaultTime2Retain > 0 && this.nexus !== undefined;
  }

  /** Adds a connection; one that has its CID already is replaced in the table (RFC 7143 §6.3.4). */
  attach(joining: SessionConnection): void {
    this.connections.set(joining.cid, joining);
  }

  /** A connection is gone: the tasks that came by it are over (RFC 7143 §7.6), and with the last one the session. */
  detach(leaving: SessionConnection): void {
    this.#remove(leaving);
    this.#terminate(leaving);
    this.#closeIfAlone();
  }

  /**
   * A connection is gone, and its tasks may be reassigned to another once it is logged out for recovery (RFC 7143
   * §7.1.4.3, §11.14). What was not acknowledged by ExpCmdSN counts as never received.
   */
  depart(leaving: SessionConnection, loggedOut: boolean): void {
    if (this.#ending || !this.reassigns) return this.detach(leaving);
    this.#remove(leaving);
    // RFC 7143 §7.14: immediate commands are not recoverable.
    const isOver = (task: Task): boolean => task.immediate || task.runner === undefined;
    this.abort((task) => task.connection === leaving.connection && isOver(task));
    const forgotten = this.departed.add(leaving, loggedOut);
    if (forgotten !== undefined) this.#terminate(forgotten);
  }

  /**
   * The initiator cleans a connection up that is gone (RFC 7143 §8.2): its tasks may be reassigned after `recovery`,
   * or are over. False when there is none of that CID.
   */
  cleanUp(cid: number, recovery: boolean, nowMs: number): boolean {
    if (recovery) return this.departed.logOut(cid, nowMs);
    const removed = this.departed.remove(cid);
    for (const departed of removed) this.#terminate(departed);
    this.#closeIfAlone();
    return removed.length > 0;
  }

  /** Time passes: tasks that nobody reassigned are over, and perhaps the session (RFC 7143 §6.3.5, §11.14.5). */
  expire(nowMs: number): void {
    for (const departed of this.departed.expire(nowMs)) this.#terminate(departed);
    this.#closeIfAlone();
  }

  /** Ends the session: `leave` is called for each of its connections, and nothing waits for another. */
  end(leave: (leaving: SessionConnection) => void): void {
    this.#ending = true;
    for (const connection of [...this.connections.values()]) leave(connection);
    for (const departed of this.departed.clear()) this.#terminate(departed);
    this.#closeIfAlone();
  }

  /** Where TASK REASSIGN finds the task of a tag. */
  whereabouts(initiatorTaskTag: number): Whereabouts {
    for (const { recovery } of this.connections.values()) {
      if (recovery?.task(initiatorTaskTag) !== undefined) return 'allegiant';
    }
    return this.departed.find(initiatorTaskTag, this.tasks.get(initiatorTaskTag));
  }

  /** True when a tag is that of a request other than a SCSI command. */
  holdsRequest(initiatorTaskTag: number): boolean {
    const live = [...this.connections.values()].some((connection) =>
      connection.holdsRequest(initiatorTaskTag),
    );
    return live || this.departed.holdsRequest(initiatorTaskTag);
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

  /**
   * Runs `command` when its turn comes: at once, or after the CmdSNs before it. The caller has checked the window. What
   * came by a connection that goes before that has not been received (RFC 7143 §11.14).
   */
  inOrder(cmdSn: number, command: () => void, origin?: RequestOrigin): void {
    if (cmdSn !== this.#expCmdSn) {
      this.#deferred.set(cmdSn, { origin, run: command });
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

  /** What has just been taken in order is rejected: it has not been received (RFC 7143 §7.3). */
  refuse(cmdSn: number): void {
    if (this.#expCmdSn === serialAdd(cmdSn, 1)) this.#expCmdSn = cmdSn;
  }

  /** Runs the commands that waited for what has just come. */
  runDeferred(): void {
    while (this.#deferred.size > 0) {
      const deferred = this.#deferred.get(this.#expCmdSn);
      if (deferred === undefined) break;
      this.#deferred.delete(this.#expCmdSn);
      this.advance();
      deferred.run();
    }
    if (this.#barriers.length > 0) this.#passBarriers();
  }

  /** Calls `run` when every command before `cmdSn` has come; at once when that number means nothing. */
  whenReceived(cmdSn: number, run: () => void): void {
    if (this.#isAhead(cmdSn)) this.#barriers.push({ cmdSn, run });
    else run();
  }

  /** Commands before `cmdSn` that have not come count as received: they would be aborted (RFC 7143 §4.2.3.3 b). */
  plug(cmdSn: number): void {
    if (!this.#isAhead(cmdSn)) return;
    while (serialLess(this.#expCmdSn, cmdSn)) {
      const deferred = this.#deferred.get(this.#expCmdSn);
      this.#deferred.delete(this.#expCmdSn);
      this.advance();
      deferred?.run();
    }
    this.runDeferred();
  }

  /** True for a CmdSN after the next one that the window would allow next: no other can come from an initiator. */
  #isAhead(cmdSn: number): boolean {
    return serialLess(this.#expCmdSn, cmdSn) && !serialLess(serialAdd(this.maxCmdSn, 1), cmdSn);
  }

  #passBarriers(): void {
    const passed = this.#barriers.filter(({ cmdSn }) => !serialLess(this.#expCmdSn, cmdSn));
    this.#barriers = this.#barriers.filter((barrier) => !passed.includes(barrier));
    for (const { run } of passed) run();
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

  /** Nothing that `action` does aborts the tasks that `isSpared` chooses. */
  sparing(isSpared: (task: Task) => boolean, action: () => void): void {
    this.#isSpared = isSpared;
    action();
    this.#isSpared = NOBODY;
  }

  /** Aborts the tasks that `affected` chooses, without status. Some of those returned may be at work for a moment. */
  abort(affected: (task: Task) => boolean): Task[] {
    const tasks = [...this.tasks.values()].filter((task) => affected(task) && !this.#isSpared(task));
    for (const task of tasks) {
      this.retire(task);
      task.abort();
      this.remnants.add(task);
    }
    // What the device server lets wait, perhaps for what this initiator has yet to do, must not be waited for.
    for (const { lun } of oneOfEachUnit(tasks)) this.nexus?.commandsAborted(lun);
    return tasks;
  }

  /** The window has opened and no answer says so: a NOP-In does (RFC 7143 §11.4.11). */
  showWindow(): void {
    const [any] = this.connections.values();
    if (any !== undefined) showWindow(any.connection);
  }

  #remove(leaving: SessionConnection): void {
    this.fence.left(leaving);
    this.#lastConnection = leaving.connection;
    if (this.connections.get(leaving.cid) === leaving) this.connections.delete(leaving.cid);
    for (const [cmdSn, { origin }] of this.#deferred) {
      // An aborted command keeps its place in the order (RFC 7143 §11.6.1 b): nobody sends it again.
      const counts = origin?.connection !== leaving.connection || origin.aborted === true;
      if (!counts) this.#deferred.delete(cmdSn);
    }
  }

  /** The tasks of a connection are over; the initiator hears of it by a unit attention (RFC 7143 §11.14.5). */
  #terminate({ connection }: SessionConnection): void {
    const tasks = this.abort((task) => task.connection === connection);
    this.remnants.orphan(connection);
    if (!this.open) return;
    for (const { lun } of oneOfEachUnit(tasks)) this.nexus?.commandsCleared(lun);
    if (tasks.length > 0) this.showWindow();
  }

  /** The nexus is lost with the session (RFC 7143 §6.3.5.1). */
  #closeIfAlone(): void {
    if (this.open) return;
    this.#deferred.clear();
    this.nexus?.close();
  }
}

function oneOfEachUnit(tasks: readonly Task[]): Task[] {
  return tasks.filter(({ lun }, at) => tasks.findIndex((other) => sameLun(other.lun, lun)) === at);
}
