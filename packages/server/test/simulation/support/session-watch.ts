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
  affected: TaskWatch[];
}

/** One session on the wires: command numbers, the window, and which tasks there are. */
export class SessionWatch {
  readonly tasks = new Map<number, TaskWatch>();
  /** What the leading login has agreed on. */
  readonly parameters: WireParameters;
  /** Its initiator or its target wants to end it. */
  ending = false;
  readonly #complain: (what: string) => void;
  readonly #managements = new Map<number, Management>();
  /** CmdSNs that have arrived, beyond those before which none is missing. */
  readonly #arrived = new Set<number>();
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

  /** A request with a CmdSN leaves the initiator. */
  numberLeaves(request: NumberedRequest): void {
    const { cmdSn, immediate, type } = request;
    // A command that is sent again has the number that it had (RFC 7143 §7.2.1).
    const again =
      type === 'scsi-command' && this.tasks.get(request.initiatorTaskTag)?.command.cmdSn === cmdSn;
    if (again) return;
    if (cmdSn !== this.#nextCmdSn) this.#complain(`${type} with CmdSN ${cmdSn}, not ${this.#nextCmdSn}`);
    if (immediate) return;
    if (!serialLessOrEqual(cmdSn, this.#maxCmdSn)) {
      this.#complain(`${type} with CmdSN ${cmdSn}, but MaxCmdSN is ${this.#maxCmdSn}`);
    }
    this.#nextCmdSn = serialAdd(this.#nextCmdSn, 1);
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
    if (known !== undefined) return known.again(command);
    this.tasks.set(tag, new TaskWatch(command, link, parameters, this.#complain));
  }

  managementArrives(request: TaskManagementRequestPdu): void {
    const delivered = [...this.tasks.values()].filter((task) => task.delivered && !task.over);
    const affected = delivered.filter((task) => concerns(request, task));
    this.#managements.set(request.initiatorTaskTag, { request, affected });
    // RFC 7143 §11.6.1: a command that has not come counts as received when it is aborted.
    if (request.function === TaskManagementFunction.ABORT_TASK) this.numberArrives(request.refCmdSn);
  }

  /** What a function has ended sends nothing any more (RFC 7143 §4.2.3.3). */
  managementAnswered({ initiatorTaskTag, response }: TaskManagementResponsePdu): void {
    const management = this.#managements.get(initiatorTaskTag);
    if (management === undefined) return this.#complain(`an answer to task management ${initiatorTaskTag}`);
    this.#managements.delete(initiatorTaskTag);
    if (!DONE.has(response)) return;
    for (const task of management.affected) task.over = true;
  }

  /** A response for a task leaves the target: the task must be there, and not be over. */
  taskOf(pdu: Extract<TargetPdu, { initiatorTaskTag: number }>): TaskWatch | undefined {
    const task = this.tasks.get(pdu.initiatorTaskTag);
    const wrong = task === undefined ? 'that does not exist' : task.over ? 'that is over' : '';
    const early = task !== undefined && !task.delivered ? 'that has not come' : wrong;
    if (early !== '') this.#complain(`${pdu.type} for task ${pdu.initiatorTaskTag} ${early}`);
    return task;
  }

  /** Data-In that a SNACK asks for again, of a command that has its status (RFC 7143 §7.9). */
  dataAgain(pdu: DataInPdu): boolean {
    const task = this.tasks.get(pdu.initiatorTaskTag);
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

const UNIT_FUNCTIONS = new Set<number>([
  TaskManagementFunction.ABORT_TASK_SET,
  TaskManagementFunction.CLEAR_TASK_SET,
  TaskManagementFunction.LOGICAL_UNIT_RESET,
]);

const TARGET_FUNCTIONS = new Set<number>([
  TaskManagementFunction.TARGET_WARM_RESET,
  TaskManagementFunction.TARGET_COLD_RESET,
]);

function concerns(request: TaskManagementRequestPdu, { command }: TaskWatch): boolean {
  if (request.function === TaskManagementFunction.ABORT_TASK) {
    return command.initiatorTaskTag === request.referencedTaskTag;
  }
  if (UNIT_FUNCTIONS.has(request.function)) return Buffer.compare(command.lun, request.lun) === 0;
  return TARGET_FUNCTIONS.has(request.function);
}
