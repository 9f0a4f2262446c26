import {
  RejectReason,
  serialAdd,
  serialLess,
  serialLessOrEqual,
  TaskManagementFunction,
  TaskManagementResult,
  type DataInPdu,
  type InitiatorPdu,
  type RejectPdu,
  type ScsiCommandPdu,
  type TargetPdu,
  type TaskManagementRequestPdu,
  type TaskManagementResponsePdu,
} from '@lunbox/iscsi-pdu';
import type { WireParameters } from './login-watch.ts';
import { TaskWatch } from './task-watch.ts';

/** Requests that carry a CmdSN and, unless immediate, use it up (RFC 7143 §4.2.2.1). */
export type NumberedRequest = Extract<InitiatorPdu, { cmdSn: number; immediate: boolean }>;

const DONE = new Set<number>([
  TaskManagementResult.FUNCTION_COMPLETE,
  TaskManagementResult.FUNCTION_SUCCEEDED,
]);

interface Management {
  readonly request: TaskManagementRequestPdu;
  readonly affected: readonly TaskWatch[];
  readonly link: number;
}

/** One session on the wires: command numbers, the window, and which tasks there are. */
export class SessionWatch {
  readonly tasks = new Map<number, TaskWatch>();
  /** What the leading login has agreed on. */
  readonly parameters: WireParameters;
  /** Its connections by CID, the latest of each. */
  readonly connections = new Map<number, WatchedConnection>();
  /** Why any of its connections may end: it is to end as a whole, or something has happened to one of them. */
  ending: string | undefined;
  readonly #complain: (what: string) => void;
  readonly #acknowledged = new Set<number>();
  readonly #managements = new Map<number, Management>();
  /** CmdSNs that have arrived, beyond those before which none is missing. */
  readonly #arrived = new Set<number>();
  /** CmdSNs that have been used, beyond those before which all have been. */
  readonly #left = new Set<number>();
  #nextCmdSn: number;
  #arrivedNext: number;
  #maxCmdSn: number;

  constructor(firstCmdSn: number, parameters: WireParameters, complain: (what: string) => void) {
    this.parameters = parameters;
    this.#complain = complain;
    this.#nextCmdSn = firstCmdSn;
    this.#arrivedNext = firstCmdSn;
    this.#maxCmdSn = serialAdd(firstCmdSn, -1);
  }

  /**
   * A request with a CmdSN leaves the initiator. With several connections, one after the other or side by side,
   * they leave in another order than that in which they got their numbers.
   */
  numberLeaves(request: NumberedRequest): void {
    const { cmdSn, immediate, type } = request;
    // A command that is sent again has the number that it had (RFC 7143 §7.2.1).
    const again =
      type === 'scsi-command' && this.tasks.get(request.initiatorTaskTag)?.command.cmdSn === cmdSn;
    if (again) return;
    const { maxConnections, errorRecoveryLevel } = this.parameters;
    const single = maxConnections === 1 && errorRecoveryLevel < 2;
    if (single && cmdSn !== this.#nextCmdSn) {
      this.#complain(`${type} with CmdSN ${cmdSn}, not ${this.#nextCmdSn}`);
    }
    const last = immediate ? serialAdd(this.#maxCmdSn, 1) : this.#maxCmdSn;
    if (!serialLessOrEqual(cmdSn, last)) {
      this.#complain(`${type} with CmdSN ${cmdSn}, but MaxCmdSN is ${this.#maxCmdSn}`);
    }
    if (immediate) return;
    if (this.#left.has(cmdSn) || serialLess(cmdSn, this.#nextCmdSn)) {
      this.#complain(`${type} with CmdSN ${cmdSn}, which has been used`);
    }
    this.#left.add(cmdSn);
    while (this.#left.delete(this.#nextCmdSn)) this.#nextCmdSn = serialAdd(this.#nextCmdSn, 1);
  }

  /** A request with a CmdSN has come to the target. */
  numberArrives(cmdSn: number): void {
    this.#arrived.add(cmdSn);
    while (this.#arrived.delete(this.#arrivedNext)) this.#arrivedNext = serialAdd(this.#arrivedNext, 1);
  }

  /** The target claims to have all commands before `expCmdSn`. */
  expectationLeaves(expCmdSn: number, type: string): void {
    if (serialLessOrEqual(expCmdSn, this.#arrivedNext)) return;
    this.#complain(`${type} with ExpCmdSN ${expCmdSn}, but only those before ${this.#arrivedNext} have come`);
  }

  /** The initiator learns of a window. */
  windowArrives(maxCmdSn: number): void {
    if (serialLess(this.#maxCmdSn, maxCmdSn)) this.#maxCmdSn = maxCmdSn;
  }

  commandLeaves(command: ScsiCommandPdu, link: number, parameters: WireParameters): void {
    const tag = command.initiatorTaskTag;
    const known = this.tasks.get(tag);
    if (known?.link === link) return known.again(command);
    // What a connection took with it before it arrived goes by another, under its CmdSN (RFC 7143 §7.14).
    const moved = known !== undefined && known.command.cmdSn === command.cmdSn;
    if (known !== undefined && !moved) this.#complain(`a second command with tag ${tag}`);
    this.tasks.set(tag, new TaskWatch(command, link, parameters, this.#complain));
  }

  managementArrives(request: TaskManagementRequestPdu, link: number): void {
    const delivered = [...this.tasks.values()].filter((task) => task.delivered && !task.over);
    // Commands that come after it in the order are none of its business.
    const affected = delivered.filter((task) => endsBefore(request, task));
    this.#managements.set(request.initiatorTaskTag, { request, affected, link });
    // RFC 7143 §11.6.1: a command that has not come counts as received when it is aborted.
    if (request.function === TaskManagementFunction.ABORT_TASK) this.numberArrives(request.refCmdSn);
    // RFC 7143 §4.2.3.3: so do all commands before a reset of the target.
    if (!PLUGGING_FUNCTIONS.has(request.function)) return;
    while (serialLess(this.#arrivedNext, request.cmdSn)) this.numberArrives(this.#arrivedNext);
  }

  /** The initiator has the status of a task. */
  acknowledged(initiatorTaskTag: number): void {
    this.tasks.delete(initiatorTaskTag);
    if (this.parameters.errorRecoveryLevel > 0) this.#acknowledged.add(initiatorTaskTag);
  }

  /** What a function has ended sends nothing any more (RFC 7143 §4.2.3.3). */
  managementAnswered(
    { initiatorTaskTag, response }: TaskManagementResponsePdu,
    by: number,
    nowMs: number,
  ): void {
    const management = this.#managements.get(initiatorTaskTag);
    if (management === undefined) return this.#complain(`an answer to task management ${initiatorTaskTag}`);
    this.#managements.delete(initiatorTaskTag);
    if (!DONE.has(response)) return;
    const { request, link } = management;
    if (request.function === TaskManagementFunction.TASK_REASSIGN) {
      return this.tasks.get(request.referencedTaskTag)?.reassign(link);
    }
    for (const task of management.affected) {
      task.over = true;
      // What the target had given to another connection before it answered may still wait there.
      if (task.link !== by) task.lateUntilMs = nowMs;
    }
  }

  /** A response for a task leaves the target: the task must be there, and not be over. */
  taskOf(
    pdu: Extract<TargetPdu, { initiatorTaskTag: number }>,
    link: number,
    givenMs: number,
  ): TaskWatch | undefined {
    const task = this.tasks.get(pdu.initiatorTaskTag);
    const over = task?.over === true && givenMs > task.lateUntilMs;
    const wrong = task === undefined ? 'that does not exist' : over ? 'that is over' : '';
    const early = task !== undefined && !task.delivered ? 'that has not come' : wrong;
    if (early !== '') this.#complain(`${pdu.type} for task ${pdu.initiatorTaskTag} ${early}`);
    // RFC 7143 §4.2.5.1: everything of a command goes by one connection.
    else if (task?.link !== link)
      this.#complain(`${pdu.type} for task ${pdu.initiatorTaskTag} of link ${task?.link}`);
    return task;
  }

  /** Data-In that a SNACK asks for again, of a command that has its status (RFC 7143 §7.9). */
  dataAgain(pdu: DataInPdu): boolean {
    const task = this.tasks.get(pdu.initiatorTaskTag);
    // The answer to a SNACK may cross the acknowledgement of a status that needs no data.
    if (task === undefined && this.#acknowledged.has(pdu.initiatorTaskTag)) return true;
    const again = task?.over === true && this.parameters.errorRecoveryLevel > 0;
    if (again) task.dataInLeaves(pdu);
    return again;
  }

  /** A command that is refused is over; one whose data was damaged still gets a status (RFC 7143 §7.8). */
  rejected({ reason, data }: RejectPdu, tag: number): void {
    const isCommand = ((data[0] as number) & 0x3f) === 1;
    if (isCommand && reason !== RejectReason.DATA_DIGEST_ERROR) this.tasks.delete(tag);
  }
}

/** What a session knows of one of its connections. */
export interface WatchedConnection {
  excuse(reason: string): void;
  struck(reason: string): void;
}

const UNIT_FUNCTIONS = new Set<number>([
  TaskManagementFunction.ABORT_TASK_SET,
  TaskManagementFunction.CLEAR_TASK_SET,
  TaskManagementFunction.LOGICAL_UNIT_RESET,
]);

/** Commands before these that have not come count as received. */
const PLUGGING_FUNCTIONS = new Set<number>([
  TaskManagementFunction.TARGET_WARM_RESET,
  TaskManagementFunction.TARGET_COLD_RESET,
]);

const TARGET_FUNCTIONS = new Set<number>([...PLUGGING_FUNCTIONS, TaskManagementFunction.I_T_NEXUS_RESET]);

/** True when a function is about a task, and came after it in the order. */
export function endsBefore(request: TaskManagementRequestPdu, task: TaskWatch): boolean {
  return concerns(request, task) && serialLess(task.command.cmdSn, request.cmdSn);
}

function concerns(request: TaskManagementRequestPdu, { command }: TaskWatch): boolean {
  if (request.function === TaskManagementFunction.ABORT_TASK) {
    return command.initiatorTaskTag === request.referencedTaskTag;
  }
  if (UNIT_FUNCTIONS.has(request.function)) return Buffer.compare(command.lun, request.lun) === 0;
  return TARGET_FUNCTIONS.has(request.function);
}
