import type { Clock } from '@lunbox/block';
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
import { abortedBy } from './abortable.ts';
import { InitiatorError, protocolError } from './errors.ts';
import type { Numbering } from './numbering.ts';
import type { Outbox } from './outbox.ts';
import type { SessionParameters } from './parameters.ts';
import type { Task } from './task.ts';
import { Waiters } from './waiters.ts';

const NO_LUN = new Uint8Array(8);
const NO_DATA = new Uint8Array(0);

/** Exchanges of one connection that may wait for their answers; further ones are refused. */
export const MAX_EXCHANGES = 1024;

/** A task management function (RFC 7143 §11.5). */
export interface TaskManagementRequest {
  /** One of `TaskManagementFunction` (RFC 7143 §11.5.1). */
  readonly function: number;
  /** The logical unit, for the functions that have one. */
  readonly lun?: number;
}

/** What a target says of a task management function. */
export interface TaskManagementAnswer {
  /** One of `TaskManagementResult` (RFC 7143 §11.6.1). */
  readonly response: number;
  /** 24 bits that the functions of RFC 7144 §6.4.1 may answer with, else 0. */
  readonly additionalResponse: number;
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

/** What a connection has for its exchanges. */
export interface ExchangesParts {
  readonly outbox: Outbox;
  readonly numbering: Numbering;
  readonly parameters: SessionParameters;
  readonly clock: Clock;
  /** How long a target may take over an answer that nobody else has a limit for. */
  readonly timeoutMs: number;
  /** Makes an Initiator Task Tag that nothing else has. */
  readonly newTag: () => number;
}

interface Exchange {
  /** Takes a response; true when the exchange is over. */
  answered(pdu: TargetPdu): boolean;
  failed(error: InitiatorError): void;
  /** It is over, whichever way. */
  readonly cleanUp: (() => void)[];
}

/**
 * Requests that are not SCSI commands: pings, text, task management, logout. Each is answered by one PDU (text: by
 * as many as it takes) with its tag. All go as immediate commands, so that a closed window never holds them
 * back; one known target does not even advance CmdSN for others (T-K10).
 */
export class Exchanges {
  readonly #parts: ExchangesParts;
  readonly #waiting = new Map<number, Exchange>();
  readonly #idle = new Waiters();
  /** Text exchanges by their tags: the first is under way, the others wait for it. */
  readonly #texts = new Map<number, () => void>();
  /** Why the connection has ended. */
  #failure: InitiatorError | undefined;

  constructor(parts: ExchangesParts) {
    this.#parts = parts;
  }

  /**
   * A ping: resolves when the target answers (RFC 7143 §11.18).
   *
   * @throws InitiatorError `INITIATOR_TIMEOUT`, `INITIATOR_BUSY`, or `INITIATOR_ABORTED` by the signal.
   */
  ping(signal?: AbortSignal): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const tag = this.#parts.newTag();
    const pong = this.#wait('nop-in', tag, () => undefined);
    this.#limit(tag, 'ping');
    this.#watch(tag, signal);
    this.#nopOut(NO_LUN, tag, NO_TTT, NO_DATA);
    return pong;
  }

  /** Answers the target's ping: its tag, LUN and data come back (RFC 7143 §11.18.2). */
  pong(lun: Uint8Array, targetTransferTag: number, data: Uint8Array): void {
    this.#nopOut(lun, RESERVED_TAG, targetTransferTag, data);
  }

  /** Acknowledges an Asynchronous Message about the unit (RFC 7143 §11.9.1, AsyncEvent 5): nobody answers that. */
  acknowledge(lun: Uint8Array): void {
    this.#nopOut(lun, RESERVED_TAG, NO_TTT, NO_DATA);
  }

  /**
   * Sends a task management function; resolves with its answer (RFC 7143 §11.6).
   *
   * @param referenced - The task that it is about, for ABORT TASK, TASK REASSIGN and QUERY TASK. The first two have
   * limits of their own.
   * @param expDataSn - For TASK REASSIGN: the first DataSN or R2TSN that is wanted (RFC 7143 §11.5.6).
   * @throws InitiatorError `INITIATOR_TIMEOUT` or `INITIATOR_BUSY`, without a task.
   */
  manage(request: TaskManagementRequest, referenced?: Task, expDataSn = 0): Promise<TaskManagementAnswer> {
    const reassign = request.function === TaskManagementFunction.TASK_REASSIGN;
    const limited = referenced === undefined || request.function === TaskManagementFunction.QUERY_TASK;
    const refusal = limited ? this.#refusal() : undefined;
    if (refusal !== undefined) return Promise.reject(refusal);
    const tag = this.#parts.newTag();
    const take = ({ response, additionalResponse }: TaskManagementAnswer): TaskManagementAnswer => {
      return { response, additionalResponse };
    };
    const result = this.#wait('task-management-response', tag, take);
    if (limited) this.#limit(tag, 'task management');
    this.#parts.outbox.send({
      type: 'task-management-request',
      immediate: true,
      function: request.function,
      lun: reassign ? NO_LUN : (referenced?.lun ?? encodeLun(request.lun ?? 0)),
      initiatorTaskTag: tag,
      referencedTaskTag: referenced?.initiatorTaskTag ?? RESERVED_TAG,
      // RFC 7143 §11.5.5, RFC 7144 §6.3.3: reserved unless the function is ABORT TASK or QUERY TASK.
      refCmdSn: reassign ? 0 : (referenced?.cmdSn ?? 0),
      expDataSn,
      ...this.#numbers(),
    });
    return result;
  }

  /** Closes the session, or one of its connections; resolves with the answer (RFC 7143 §11.14, §11.15). */
  logout({ reason, cid = 0, expStatSn }: LogoutOrder): Promise<LogoutResponsePdu> {
    const tag = this.#parts.newTag();
    const done = this.#wait('logout-response', tag, (pdu) => pdu);
    const numbers = this.#numbers();
    this.#parts.outbox.send({
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
    return this.#texts.size > 0;
  }

  /**
   * A text exchange; resolves with all pairs of the answer (RFC 7143 §11.10, §11.11). There is one at a time: a further
   * one waits until it is over. The signal gives up one that waits; one under way keeps its turn until it is answered,
   * since there must not be two (RFC 7143 §11.10).
   *
   * @throws InitiatorError `INITIATOR_TIMEOUT`, `INITIATOR_BUSY`, or `INITIATOR_ABORTED` by the signal.
   */
  text(pairs: readonly (readonly [string, string])[], signal?: AbortSignal): Promise<[string, string][]> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const tag = this.#parts.newTag();
    const assembler = new TextAssembler();
    const collected: [string, string][] = [];
    const data = encodeText(pairs);
    let segments: Uint8Array[] = [];
    const speak = (lun: Uint8Array, targetTransferTag: number): void => {
      const segment = segments.shift() ?? NO_DATA;
      this.#textRequest({ lun, initiatorTaskTag: tag, targetTransferTag }, segment, segments.length > 0);
    };
    const take = (pdu: TextResponsePdu): [string, string][] | undefined => {
      collected.push(...(assembler.push(pdu.data, pdu.continue) ?? []));
      if (pdu.final) return collected;
      if (pdu.targetTransferTag === NO_TTT) throw protocolError('text goes on without a Target Transfer Tag');
      // RFC 7143 §11.11.4: the next request, empty when all is said, has the target's tag and LUN.
      speak(pdu.lun, pdu.targetTransferTag);
      return undefined;
    };
    const begin = (): void => {
      segments = splitText(data, this.#parts.parameters.maxSendSegmentBytes);
      speak(NO_LUN, NO_TTT);
    };
    const answer = this.#collect('text-response', tag, take);
    this.#limit(tag, 'text');
    this.#watch(tag, signal);
    this.#texts.set(tag, begin);
    if (this.#texts.size === 1) begin();
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
    if (exchange === undefined) return false;
    exchange.failed(error);
    this.#over(tag);
    return true;
  }

  /** The connection is gone. */
  failAll(error: InitiatorError): void {
    this.#failure = error;
    this.#texts.clear();
    for (const tag of [...this.#waiting.keys()]) this.failOne(tag, error);
  }

  /** Resolves when every request has its answer: what a function has ended is known by its answer alone. */
  get idle(): Promise<void> {
    return this.#waiting.size === 0 ? Promise.resolve() : this.#idle.wait();
  }

  #over(tag: number): void {
    for (const cleanUp of this.#waiting.get(tag)?.cleanUp ?? []) cleanUp();
    this.#waiting.delete(tag);
    const wasTurn = this.#hasTurn(tag);
    this.#texts.delete(tag);
    const [next] = this.#texts.values();
    if (wasTurn) next?.();
    if (this.#waiting.size === 0) this.#idle.tell();
  }

  /** True for the text exchange that is under way. */
  #hasTurn(tag: number): boolean {
    const [first] = this.#texts.keys();
    return first === tag;
  }

  #refusal(): InitiatorError | undefined {
    if (this.#waiting.size < MAX_EXCHANGES) return this.#failure;
    return new InitiatorError({ code: 'INITIATOR_BUSY', limit: MAX_EXCHANGES });
  }

  /** The exchange is given up when its answer takes too long. */
  #limit(tag: number, operation: string): void {
    const { clock, timeoutMs } = this.#parts;
    const giveUp = (): void => {
      this.failOne(tag, new InitiatorError({ code: 'INITIATOR_TIMEOUT', operation, timeoutMs }));
    };
    this.#waiting.get(tag)?.cleanUp.push(clock.setTimer(timeoutMs, giveUp));
  }

  /** The exchange is given up by its signal, unless it is a text that the target has heard. */
  #watch(tag: number, signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const onAbort = (): void => {
      if (!this.#hasTurn(tag)) this.failOne(tag, abortedBy(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.get(tag)?.cleanUp.push(() => signal.removeEventListener('abort', onAbort));
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
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.set(tag, {
        cleanUp: [],
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
    this.#parts.outbox.send({ type: 'nop-out', immediate: true, lun, ...tags, data, ...this.#numbers() });
  }

  #textRequest(
    tags: { lun: Uint8Array; initiatorTaskTag: number; targetTransferTag: number },
    data: Uint8Array,
    more: boolean,
  ): void {
    const flags = { immediate: true, final: !more, continue: more };
    this.#parts.outbox.send({ type: 'text-request', ...flags, ...tags, data, ...this.#numbers() });
  }

  #numbers(): { cmdSn: number; expStatSn: number } {
    const { window, expStatSn } = this.#parts.numbering;
    return { cmdSn: window.cmdSn, expStatSn };
  }
}
