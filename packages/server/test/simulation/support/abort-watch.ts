import {
  AsyncEvent,
  NO_TTT,
  RESERVED_TAG,
  TaskManagementFunction,
  type AsyncMessagePdu,
  type InitiatorPdu,
  type TaskManagementRequestPdu,
  type TaskManagementResponsePdu,
} from '@lunbox/iscsi-pdu';
import { endsBefore, type SessionWatch } from './session-watch.ts';

/** An acknowledgement is given to the network at once, and may wait there behind data that is slow to leave. */
const WAIT_MS = 1000;

/**
 * The initiator's part of FastAbort on one connection (RFC 7143 §4.2.3.4): no Data-Out for commands that a function is
 * ending from when it is sent, and a NOP-Out for each Task Termination.
 */
export class AbortWatch {
  readonly #session: SessionWatch;
  readonly #complain: (what: string) => void;
  /** Tags of commands that a function is ending, by the tag of the function. */
  readonly #ending = new Map<number, ReadonlySet<number>>();
  /** Units whose Task Termination has come, and when. */
  #terminated: { readonly lun: string; readonly atMs: number }[] = [];

  constructor(session: SessionWatch, complain: (what: string) => void) {
    this.#session = session;
    this.#complain = complain;
  }

  get #fast(): boolean {
    return this.#session.parameters.taskReporting === 'FastAbort';
  }

  requestLeaves(pdu: InitiatorPdu, link: number): void {
    if (pdu.type === 'task-management-request') this.#functionLeaves(pdu, link);
    else if (pdu.type === 'data-out') {
      for (const tags of this.#ending.values()) {
        if (tags.has(pdu.initiatorTaskTag)) {
          this.#complain(`Data-Out for task ${pdu.initiatorTaskTag}, which is being ended`);
        }
      }
    } else if (pdu.type === 'nop-out') {
      const acknowledges = pdu.initiatorTaskTag === RESERVED_TAG && pdu.targetTransferTag === NO_TTT;
      if (!acknowledges) return;
      const at = this.#terminated.findIndex(({ lun }) => lun === pdu.lun.join());
      if (at < 0) this.#complain('a NOP-Out that acknowledges no Task Termination');
      else this.#terminated.splice(at, 1);
    }
  }

  /** A message leaves the target. True when it is about the end of tasks. */
  messageLeaves({ asyncEvent }: AsyncMessagePdu): boolean {
    if (asyncEvent !== AsyncEvent.TASK_TERMINATION) return false;
    if (!this.#fast) this.#complain('Task Termination without FastAbort');
    return true;
  }

  messageArrives({ asyncEvent, lun }: AsyncMessagePdu, nowMs: number): void {
    if (asyncEvent === AsyncEvent.TASK_TERMINATION) this.#terminated.push({ lun: lun.join(), atMs: nowMs });
  }

  /** Something has come: what came a while before has been acknowledged, unless statuses before it are missing. */
  timePasses(nowMs: number): void {
    if (this.#session.parameters.errorRecoveryLevel > 0) return;
    const late = this.#terminated.filter(({ atMs }) => atMs < nowMs - WAIT_MS);
    if (late.length === 0) return;
    this.#complain('a Task Termination is not acknowledged');
    this.#terminated = [];
  }

  answerArrives({ initiatorTaskTag }: TaskManagementResponsePdu): void {
    this.#ending.delete(initiatorTaskTag);
  }

  #functionLeaves(request: TaskManagementRequestPdu, link: number): void {
    // ABORT TASK ends a single task (RFC 7143 §4.2.3.1).
    if (!this.#fast || request.function === TaskManagementFunction.ABORT_TASK) return;
    const tags = [...this.#session.tasks.values()]
      .filter((task) => task.link === link && endsBefore(request, task))
      .map(({ command }) => command.initiatorTaskTag);
    this.#ending.set(request.initiatorTaskTag, new Set(tags));
  }
}
