import type { Execution, ScsiCommand, TaskAttribute } from '@lunbox/scsi';
import type { CommandRunner } from './command-runner.ts';
import type { Connection } from './connection.ts';
import type { SessionIdentity } from './session.ts';
import type { CommandObserver, ObservedCommand } from './trace/command-observer.ts';
import type { ReadTransfer } from './read-transfer.ts';
import type { Residual } from './residual.ts';
import type { WriteTransfer } from './write-transfer.ts';

/** What a SCSI Command PDU says, apart from its data (RFC 7143 §11.3). */
export interface TaskFields {
  readonly initiatorTaskTag: number;
  /** The 8-byte LUN and its two halves, which Data-In and R2T headers echo. */
  readonly lun: Uint8Array;
  readonly lunHigh: number;
  readonly lunLow: number;
  readonly cdb: Uint8Array;
  readonly attribute: TaskAttribute;
  readonly expectedDataTransferLength: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly immediate: boolean;
  readonly cmdSn: number;
  /** The connection that the command came by, and that its data and status take (RFC 7143 §4.2.5.1). */
  readonly connection: Connection;
}

/** The status of a command as it went out, to be sent again by another connection. */
export interface TaskResponse {
  readonly status: number;
  readonly statusQualifier: number;
  readonly residual: Residual;
  readonly sense: Uint8Array | undefined;
}

/**
 * One SCSI command, from its arrival to its status or abortion. A *hold* keeps it busy: a device operation or
 * a data segment that is just arriving uses its buffers. An aborted task is over when its last hold ends,
 * and only then may a task management function that aborted it answer (RFC 7143 §4.2.3.3).
 */
export class Task implements ScsiCommand, ObservedCommand {
  readonly initiatorTaskTag: number;
  readonly lun: Uint8Array;
  readonly lunHigh: number;
  readonly lunLow: number;
  readonly cdb: Uint8Array;
  readonly attribute: TaskAttribute;
  readonly expectedDataTransferLength: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly immediate: boolean;
  readonly cmdSn: number;
  /** The connection that it is allegiant to; TASK REASSIGN gives it another (RFC 7143 §7.2.2). */
  connection: Connection;
  /** Runs the command, from its turn on. */
  runner: CommandRunner | undefined = undefined;
  /** What it does next, when it came to it while its connection was gone (ErrorRecoveryLevel 2). */
  parkedStep: ((runner: CommandRunner) => void) | undefined = undefined;
  /** Its status, which the initiator may not have; kept at ErrorRecoveryLevel 2. */
  response: TaskResponse | undefined = undefined;
  aborted = false;
  /** The command counts against the session's command window. */
  occupiesWindow = false;
  /** Data-In and R2T PDUs sent so far: the next DataSN or R2TSN (RFC 7143 §4.2.2.4). */
  numberedPdus = 0;
  /** Data-Out of this command; absent while it has none. */
  transfer: WriteTransfer | undefined = undefined;
  /** StatSN of the response, once it has one; another response to an R-Data SNACK has the same (RFC 7143 §11.16.3). */
  statSn: number | undefined = undefined;
  /** SNACK Tag of the latest R-Data SNACK, for the response (RFC 7143 §11.4.4). */
  snackTag = 0;
  /** Data-In of this command, kept from ErrorRecoveryLevel 1 on so that it can be sent again. */
  reading: ReadTransfer | undefined = undefined;
  /** What the device server asked for, once it has the command. */
  execution: Execution | undefined = undefined;
  status: number | undefined = undefined;
  movedBytes = 0;
  startedMs = 0;
  #observer: CommandObserver | undefined = undefined;
  #session: SessionIdentity | undefined = undefined;
  #holds = 0;
  #ended = false;
  #idleListeners: (() => void)[] | undefined = undefined;

  constructor(fields: TaskFields) {
    this.initiatorTaskTag = fields.initiatorTaskTag;
    this.lun = fields.lun;
    this.lunHigh = fields.lunHigh;
    this.lunLow = fields.lunLow;
    this.cdb = fields.cdb;
    this.attribute = fields.attribute;
    this.expectedDataTransferLength = fields.expectedDataTransferLength;
    this.read = fields.read;
    this.write = fields.write;
    this.immediate = fields.immediate;
    this.cmdSn = fields.cmdSn;
    this.connection = fields.connection;
  }

  /** What the initiator said it will send, for commands whose data must have one length. */
  get dataOutLengthBytes(): number {
    return this.write ? this.expectedDataTransferLength : 0;
  }

  /** Someone starts to use the task's buffers. */
  hold(): void {
    this.#holds++;
  }

  /** The use that began with {@link Task.hold} is over. */
  unhold(): void {
    this.#holds--;
    if (this.#holds === 0 && this.aborted) this.#end();
  }

  /** The command starts, and someone wants to know of it and of its end. */
  watch(observer: CommandObserver, session: SessionIdentity): void {
    this.#observer = observer;
    this.#session = session;
    observer.started(this, session);
  }

  /** The command has its status: gives back what it used. */
  finish(status: number, movedBytes: number): void {
    this.status = status;
    this.movedBytes = movedBytes;
    this.#end();
  }

  /** Takes the command back. It ends at once, or when its last hold does. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    // One that is over only has its answer to repeat, by another connection.
    if (this.#ended) return;
    this.transfer?.stopSoliciting();
    if (this.#holds === 0) this.#end();
  }

  /** Calls `listener` when nothing of the task is at work any more; at once if so already. */
  whenEnded(listener: () => void): void {
    if (this.#ended) listener();
    else (this.#idleListeners ??= []).push(listener);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.transfer?.dispose();
    const execution = this.execution;
    if (execution !== undefined && execution.kind !== 'finished') execution.end?.();
    if (this.#observer !== undefined) this.#observer.finished(this, this.#session as SessionIdentity);
    if (this.#idleListeners !== undefined) for (const listener of this.#idleListeners) listener();
  }
}

/** Calls `done` when none of the tasks is at work any more; at once if that is so already. */
export function whenAllEnded(tasks: readonly Task[], done: () => void): void {
  let open = tasks.length + 1;
  const oneEnded = (): void => {
    open--;
    if (open === 0) done();
  };
  for (const task of tasks) task.whenEnded(oneEnded);
  oneEnded();
}
