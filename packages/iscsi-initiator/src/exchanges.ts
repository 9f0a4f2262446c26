import {
  encodeText,
  NO_TTT,
  RESERVED_TAG,
  TaskManagementFunction,
  TextAssembler,
  type LogoutResponsePdu,
  type TargetPdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
import { encodeLun } from '@lunbox/scsi';
import { protocolError, type InitiatorError } from './errors.ts';
import type { Numbering } from './numbering.ts';
import type { Outbox } from './outbox.ts';
import type { Task } from './task.ts';

const NO_LUN = new Uint8Array(8);
const NO_DATA = new Uint8Array(0);

/** A task management function (RFC 7143 §11.5). */
export interface TaskManagementRequest {
  /** One of `TaskManagementFunction` (RFC 7143 §11.5.1). */
  readonly function: number;
  /** The logical unit, for the functions that have one. */
  readonly lun?: number;
}

/** What is to be logged out. */
export interface LogoutOrder {
  /** One of `LogoutReason` (RFC 7143 §11.14.1). */
  readonly reason: number;
  /** Not for the whole session. */
  readonly cid?: number;
  /** The last ExpStatSN of a connection that is not the one of the request (RFC 7143 §11.14.4). */
  readonly expStatSn?: number;
}

interface Exchange {
  /** Takes a response; true when the exchange is over. */
  answered(pdu: TargetPdu): boolean;
  failed(error: InitiatorError): void;
}

/**
 * Requests that are not SCSI commands: pings, text, task management, logout. Each is answered by one PDU (text: by
 * as many as it takes) with its tag. All go as immediate commands, so that a closed window never holds them
 * back; one known target does not even advance CmdSN for others (T-K10).
 */
export class Exchanges {
  readonly #outbox: Outbox;
  readonly #numbering: Numbering;
  readonly #newTag: () => number;
  readonly #waiting = new Map<number, Exchange>();

  /** @param newTag - makes an Initiator Task Tag that nothing else has. */
  constructor(outbox: Outbox, numbering: Numbering, newTag: () => number) {
    this.#outbox = outbox;
    this.#numbering = numbering;
    this.#newTag = newTag;
  }

  /** A ping: resolves when the target answers (RFC 7143 §11.18). */
  ping(): Promise<void> {
    const tag = this.#newTag();
    const pong = this.#wait('nop-in', tag, () => undefined);
    this.#nopOut(NO_LUN, tag, NO_TTT, NO_DATA);
    return pong;
  }

  /** Answers the target's ping: its tag, LUN and data come back (RFC 7143 §11.18.2). */
  pong(lun: Uint8Array, targetTransferTag: number, data: Uint8Array): void {
    this.#nopOut(lun, RESERVED_TAG, targetTransferTag, data);
  }

  /**
   * Sends a task management function; resolves with its response code (RFC 7143 §11.6.1).
   *
   * @param referenced - The task that it is about, for ABORT TASK and TASK REASSIGN.
   * @param expDataSn - For TASK REASSIGN: the first DataSN or R2TSN that is wanted (RFC 7143 §11.5.6).
   */
  manage(request: TaskManagementRequest, referenced?: Task, expDataSn = 0): Promise<number> {
    const tag = this.#newTag();
    const result = this.#wait('task-management-response', tag, ({ response }) => response);
    const reassign = request.function === TaskManagementFunction.TASK_REASSIGN;
    this.#outbox.send({
      type: 'task-management-request',
      immediate: true,
      function: request.function,
      lun: reassign ? NO_LUN : (referenced?.lun ?? encodeLun(request.lun ?? 0)),
      initiatorTaskTag: tag,
      referencedTaskTag: referenced?.initiatorTaskTag ?? RESERVED_TAG,
      // RFC 7143 §11.5.5: reserved unless the function is ABORT TASK.
      refCmdSn: reassign ? 0 : (referenced?.cmdSn ?? 0),
      expDataSn,
      ...this.#numbers(),
    });
    return result;
  }

  /** Closes the session, or one of its connections; resolves with the answer (RFC 7143 §11.14, §11.15). */
  logout({ reason, cid = 0, expStatSn }: LogoutOrder): Promise<LogoutResponsePdu> {
    const tag = this.#newTag();
    const done = this.#wait('logout-response', tag, (pdu) => pdu);
    const numbers = this.#numbers();
    this.#outbox.send({
      type: 'logout-request',
      immediate: true,
      reason,
      initiatorTaskTag: tag,
      cid,
      cmdSn: numbers.cmdSn,
      expStatSn: expStatSn ?? numbers.expStatSn,
    });
    return done;
  }

  /** A text exchange; resolves with all pairs of the answer (RFC 7143 §11.10, §11.11). */
  text(pairs: readonly (readonly [string, string])[]): Promise<[string, string][]> {
    const tag = this.#newTag();
    const assembler = new TextAssembler();
    const collected: [string, string][] = [];
    const take = (pdu: TextResponsePdu): [string, string][] | undefined => {
      collected.push(...(assembler.push(pdu.data, pdu.continue) ?? []));
      if (pdu.final) return collected;
      if (pdu.targetTransferTag === NO_TTT) throw protocolError('text goes on without a Target Transfer Tag');
      // RFC 7143 §11.11.4: an empty request with the target's tag asks for the rest.
      this.#textRequest(tag, pdu.targetTransferTag, NO_DATA);
      return undefined;
    };
    const answer = this.#collect('text-response', tag, take);
    this.#textRequest(tag, NO_TTT, encodeText(pairs));
    return answer;
  }

  /** Hands a response to who waits for it. False when nobody does. */
  answered(tag: number, pdu: TargetPdu): boolean {
    const exchange = this.#waiting.get(tag);
    if (exchange === undefined) return false;
    if (exchange.answered(pdu)) this.#waiting.delete(tag);
    return true;
  }

  /** Ends one exchange without an answer; false when there is none with this tag. */
  failOne(tag: number, error: InitiatorError): boolean {
    const exchange = this.#waiting.get(tag);
    this.#waiting.delete(tag);
    exchange?.failed(error);
    return exchange !== undefined;
  }

  /** The connection is gone. */
  failAll(error: InitiatorError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const exchange of waiting) exchange.failed(error);
  }

  #wait<K extends TargetPdu['type'], T>(
    type: K,
    tag: number,
    take: (pdu: Extract<TargetPdu, { type: K }>) => T,
  ): Promise<T> {
    return this.#collect(type, tag, (pdu) => [take(pdu)] as [T]).then(([value]) => value);
  }

  /** Waits for PDUs of one type until `take` gives something back. */
  #collect<K extends TargetPdu['type'], T extends object>(
    type: K,
    tag: number,
    take: (pdu: Extract<TargetPdu, { type: K }>) => T | undefined,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(tag, {
        answered: (pdu) => {
          if (pdu.type !== type) throw protocolError(`${pdu.type} instead of ${type}`);
          const value = take(pdu as Extract<TargetPdu, { type: K }>);
          if (value !== undefined) resolve(value);
          return value !== undefined;
        },
        failed: reject,
      });
    });
  }

  #nopOut(lun: Uint8Array, initiatorTaskTag: number, targetTransferTag: number, data: Uint8Array): void {
    const tags = { initiatorTaskTag, targetTransferTag };
    this.#outbox.send({ type: 'nop-out', immediate: true, lun, ...tags, data, ...this.#numbers() });
  }

  #textRequest(initiatorTaskTag: number, targetTransferTag: number, data: Uint8Array): void {
    const tags = { initiatorTaskTag, targetTransferTag };
    const flags = { immediate: true, final: true, continue: false };
    this.#outbox.send({ type: 'text-request', ...flags, lun: NO_LUN, ...tags, data, ...this.#numbers() });
  }

  #numbers(): { cmdSn: number; expStatSn: number } {
    return { cmdSn: this.#numbering.window.cmdSn, expStatSn: this.#numbering.expStatSn };
  }
}
