import { serialAdd, serialDistance, serialLess } from '@lunbox/iscsi-pdu';
import { connectionLost, protocolError } from './errors.ts';
import type { Numbering } from './numbering.ts';

/** RFC 7143 §4.2.2.2: a larger difference between StatSN and ExpStatSN means that the connection has failed. */
const MAX_UNACKNOWLEDGED = 4096;
/** Statuses that do not come are asked for again after so long, … */
const REPEAT_MS = 1000;
/** … so many times. */
const MAX_REPEATS = 8;

/** Asks for statuses again: the first StatSN and how many (RFC 7143 §11.16.6, §11.16.7). */
export type RequestStatuses = (begRun: number, runLength: number) => void;

/**
 * The StatSNs of a connection of ErrorRecoveryLevel 1 or 2. A status is taken whatever is missing before it, but
 * ExpStatSN stops at the first that is missing, or held since its command lacks data (RFC 7143 §7.9).
 */
export class StatusSequence {
  readonly #numbering: Numbering;
  readonly #request: RequestStatuses;
  /** The StatSN after the last one heard of. */
  #next: number;
  /** From ExpStatSN on: what is missing, and what is settled ahead of its turn. The rest is held. */
  readonly #states = new Map<number, 'missing' | 'settled'>();
  #stuckAt = 0;
  #stuckSinceMs: number | undefined;
  #repeats = 0;

  constructor(numbering: Numbering, request: RequestStatuses) {
    this.#numbering = numbering;
    this.#request = request;
    this.#next = numbering.expStatSn;
  }

  /** True when nothing before this StatSN is missing or held. */
  isNext(statSn: number): boolean {
    return statSn === this.#numbering.expStatSn;
  }

  /**
   * A status is there. True when it is new; {@link StatusSequence.settle} it then, at once or when its command has
   * its data. What is missing before it is asked for.
   */
  arrived(statSn: number): boolean {
    if (serialLess(statSn, this.#numbering.expStatSn)) return false;
    if (serialLess(statSn, this.#next)) {
      if (this.#states.get(statSn) !== 'missing') return false;
      this.#states.delete(statSn);
      return true;
    }
    this.sentBefore(statSn);
    this.#next = serialAdd(statSn, 1);
    return true;
  }

  /** A status was unreadable: it is asked for. */
  discarded(statSn: number): void {
    if (this.postponed(statSn)) this.#request(statSn, 1);
  }

  /** A status came too early to be of use; it is asked for later. False when it had been there before. */
  postponed(statSn: number): boolean {
    if (serialLess(statSn, this.#numbering.expStatSn)) return false;
    if (serialLess(statSn, this.#next)) return this.#states.get(statSn) === 'missing';
    this.sentBefore(statSn);
    this.#next = serialAdd(statSn, 1);
    this.#states.set(statSn, 'missing');
    return true;
  }

  /** A status that is held is of no use any more; another with its number will come. */
  reopen(statSn: number): void {
    this.#states.set(statSn, 'missing');
  }

  /** A status is done with; ExpStatSN goes as far as it can. */
  settle(statSn: number): void {
    const numbering = this.#numbering;
    if (!numbering.acknowledge(statSn)) {
      this.#states.set(statSn, 'settled');
      return;
    }
    while (this.#states.size > 0 && this.#states.get(numbering.expStatSn) === 'settled') {
      this.#states.delete(numbering.expStatSn);
      numbering.acknowledge(numbering.expStatSn);
    }
  }

  /** The target has used all StatSNs before `next` (R2T and NOP-In carry the next one): asks for what is missing. */
  sentBefore(next: number): void {
    if (!serialLess(this.#next, next)) return;
    const count = serialDistance(this.#next, next);
    if (serialDistance(this.#numbering.expStatSn, next) > MAX_UNACKNOWLEDGED) {
      throw protocolError(`StatSN ${next} after ${this.#numbering.expStatSn}`);
    }
    const first = this.#next;
    for (let i = 0; i < count; i++) this.#states.set(serialAdd(first, i), 'missing');
    this.#next = next;
    this.#request(first, count);
  }

  /**
   * Time passes: what is still missing is asked for again.
   *
   * @throws InitiatorError `INITIATOR_CONNECTION_LOST` when that does not help.
   */
  tick(nowMs: number): void {
    const first = this.#firstMissing();
    if (first === undefined) {
      this.#stuckSinceMs = undefined;
      this.#repeats = 0;
      return;
    }
    if (this.#stuckSinceMs === undefined || first !== this.#stuckAt) {
      this.#stuckAt = first;
      this.#stuckSinceMs = nowMs;
      this.#repeats = 0;
    } else if (nowMs - this.#stuckSinceMs >= REPEAT_MS) {
      if (++this.#repeats > MAX_REPEATS) throw connectionLost(`status ${first} does not come again`);
      this.#stuckSinceMs = nowMs;
      this.#request(first, 1);
    }
  }

  #firstMissing(): number | undefined {
    for (const [statSn, state] of this.#states) if (state === 'missing') return statSn;
    return undefined;
  }
}
