import {
  encodeText,
  NO_TTT,
  RESERVED_TAG,
  splitText,
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
  readonly #maxSegmentBytes: number;
  readonly #waiting = new Map<number, Exchange>();
  readonly #idle: (() => void)[] = [];
  /** Text exchanges under way or waiting, and the end of the latest. */
  #textCount = 0;
  #lastText: Promise<void> = Promise.resolve();
  /** Why the connection has ended. */
  #failure: InitiatorError | undefined;

  /**
   * @param newTag - Makes an Initiator Task Tag that nothing else has.
   * @param maxSegmentBytes - Longest data segment that the target takes.
   */
  constructor(outbox: Outbox, numbering: Numbering, newTag: () => number, maxSegmentBytes: number) {
    this.#maxSegmentBytes = maxSegmentBytes;
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

  /** True while a text exchange is under way. */
  get textPending(): boolean {
    return this.#textCount > 0;
  }

  /**
   * A text exchange; resolves with all pairs of the answer (RFC 7143 §11.10, §11.11). There is one at a time: a further
   * one waits until it is over.
   */
  text(pairs: readonly (readonly [string, string])[]): Promise<[string, string][]> {
    this.#textCount++;
    const answer = this.#lastText.then(() => this.#converse(pairs));
    const over = (): void => {
      this.#textCount--;
    };
    this.#lastText = answer.then(over, over);
    return answer;
  }

  #converse(pairs: readonly (readonly [string, string])[]): Promise<[string, string][]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const tag = this.#newTag();
    const assembler = new TextAssembler();
    const collected: [string, string][] = [];
    const segments = splitText(encodeText(pairs), this.#maxSegmentBytes);
    const speak = (lun: Uint8Array, targetTransferTag: number): void => {
      const data = segments.shift() ?? NO_DATA;
      this.#textRequest({ lun, initiatorTaskTag: tag, targetTransferTag }, data, segments.length > 0);
    };
    const take = (pdu: TextResponsePdu): [string, string][] | undefined => {
      collected.push(...(assembler.push(pdu.data, pdu.continue) ?? []));
      if (pdu.final) return collected;
      if (pdu.targetTransferTag === NO_TTT) throw protocolError('text goes on without a Target Transfer Tag');
      // RFC 7143 §11.11.4: the next request, empty when all is said, has the target's tag and LUN.
      speak(pdu.lun, pdu.targetTransferTag);
      return undefined;
    };
    const answer = this.#collect('text-response', tag, take);
    speak(NO_LUN, NO_TTT);
    return answer;
  }

  /** Hands a response to who waits for it. False when nobody does. */
  answered(tag: number, pdu: TargetPdu): boolean {
    const exchange = this.#waiting.get(tag);
    if (exchange === undefined) return false;
    if (exchange.answered(pdu)) this.#over(tag);
    return true;
  }

  /** Ends one exchange without an answer; false when there is none with this tag. */
  failOne(tag: number, error: InitiatorError): boolean {
    const exchange = this.#waiting.get(tag);
    this.#over(tag);
    exchange?.failed(error);
    return exchange !== undefined;
  }

  /** The connection is gone. */
  failAll(error: InitiatorError): void {
    this.#failure = error;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const exchange of waiting) exchange.failed(error);
    this.#tellIdle();
  }

  /** Resolves when every request has its answer: what a function has ended is known by its answer alone. */
  get idle(): Promise<void> {
    return new Promise((resolve) => (this.#waiting.size === 0 ? resolve() : this.#idle.push(resolve)));
  }

  #over(tag: number): void {
    this.#waiting.delete(tag);
    if (this.#waiting.size === 0) this.#tellIdle();
  }

  #tellIdle(): void {
    for (const waiter of this.#idle.splice(0)) waiter();
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

  #textRequest(
    tags: { lun: Uint8Array; initiatorTaskTag: number; targetTransferTag: number },
    data: Uint8Array,
    more: boolean,
  ): void {
    const flags = { immediate: true, final: !more, continue: more };
    this.#outbox.send({ type: 'text-request', ...flags, ...tags, data, ...this.#numbers() });
  }

  #numbers(): { cmdSn: number; expStatSn: number } {
    return { cmdSn: this.#numbering.window.cmdSn, expStatSn: this.#numbering.expStatSn };
  }
}
