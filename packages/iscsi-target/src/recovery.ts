import { readU32, serialAdd, serialLess } from '@lunbox/iscsi-pdu';
import type { Task } from './task.ts';

/** Every PDU that uses up a StatSN for an answer has the Initiator Task Tag here. */
const ITT_OFFSET = 16;

/** A status PDU that the initiator has not acknowledged yet. */
interface Unacknowledged {
  readonly statSn: number;
  /** The PDU as it went out, digests included. */
  readonly bytes: Uint8Array;
  /** The command that it ended, whose data may still be asked for again. */
  readonly task: Task | undefined;
}

/**
 * What a connection of ErrorRecoveryLevel 1 keeps until ExpStatSN acknowledges it, so that it can be sent again
 * (RFC 7143 §7.1.4.2, §11.16). Data is not kept: a command has no fixed moment before its status, so data that
 * the initiator never got may be read anew.
 */
export class Recovery {
  readonly #limit: number;
  #unacknowledged: Unacknowledged[] = [];

  /** @param limit - Most PDUs kept; an initiator that acknowledges nothing loses the oldest. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A PDU that uses up a StatSN goes out. */
  remember(statSn: number, bytes: Uint8Array, task: Task | undefined): void {
    // A second response to one command takes the place of the first (RFC 7143 §11.16.3).
    if (task !== undefined)
      this.#unacknowledged = this.#unacknowledged.filter((kept) => kept.statSn !== statSn);
    this.#unacknowledged.push({ statSn, bytes, task });
    if (this.#unacknowledged.length > this.#limit) this.#unacknowledged.shift();
  }

  /** The initiator has everything before `expStatSn` (RFC 7143 §4.2.2.2). */
  acknowledge(expStatSn: number): void {
    const [oldest] = this.#unacknowledged;
    if (oldest === undefined || !serialLess(oldest.statSn, expStatSn)) return;
    this.#unacknowledged = this.#unacknowledged.filter(({ statSn }) => !serialLess(statSn, expStatSn));
  }

  /** PDUs from StatSN `begRun` on, `runLength` of them or, when that is 0, all; empty when none is kept. */
  statuses(begRun: number, runLength: number): Uint8Array[] {
    const all = runLength === 0;
    const end = serialAdd(begRun, runLength);
    const from = all && begRun === 0 ? this.#unacknowledged : this.#unacknowledged.filter(within);
    return from.map(({ bytes }) => bytes);

    function within({ statSn }: Unacknowledged): boolean {
      return !serialLess(statSn, begRun) && (all || serialLess(statSn, end));
    }
  }

  /** The commands that have their status but not the acknowledgement of it. */
  get tasks(): Task[] {
    return this.#unacknowledged.flatMap(({ task }) => task ?? []);
  }

  /** The answer to a request that is no command has not been acknowledged. */
  holdsRequest(initiatorTaskTag: number): boolean {
    return this.#unacknowledged.some(
      ({ task, bytes }) => task === undefined && readU32(bytes, ITT_OFFSET) === initiatorTaskTag,
    );
  }

  /** The command goes on elsewhere: its status is no longer this connection's. */
  release(task: Task): void {
    this.#unacknowledged = this.#unacknowledged.filter((kept) => kept.task !== task);
  }

  /** The command of a tag that has its status but not the acknowledgement of it. */
  task(initiatorTaskTag: number): Task | undefined {
    return this.#unacknowledged.find(({ task }) => task?.initiatorTaskTag === initiatorTaskTag)?.task;
  }
}
