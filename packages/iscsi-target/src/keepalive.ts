import { NO_TTT, RESERVED_TAG } from '@lunbox/iscsi-pdu';
import type { Connection } from './connection.ts';

const NO_LUN = new Uint8Array(8);

/**
 * Pings a silent initiator with NOP-In (RFC 7143 §11.19). iPXE never answers (T-K1), so only a peer that has
 * answered before is dropped for silence, and any PDU counts as life.
 */
export class Keepalive {
  readonly #connection: Connection;
  readonly #pings: boolean;
  #pingTag = 0;
  #pingSentMs: number | undefined = undefined;
  #peerAnswers = false;
  #answered: (() => void) | undefined = undefined;

  /** @param pings - False in a discovery session, which is sent nothing but answers (RFC 7143 §7.4.3). */
  constructor(connection: Connection, pings: boolean) {
    this.#connection = connection;
    this.#pings = pings;
  }

  /** A NOP-Out with a target transfer tag came: the peer answers pings. */
  answered(): void {
    this.#peerAnswers = true;
    this.#pingSentMs = undefined;
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.();
  }

  /** Time passes: pings, or drops a peer that used to answer and has fallen silent, or that cannot be pinged. */
  tick(nowMs: number): void {
    const connection = this.#connection;
    const { pingIntervalMs, pingTimeoutMs } = connection.owner.limits;
    const silentMs = nowMs - connection.lastReceivedMs;
    if (!this.#pings) {
      if (silentMs >= pingIntervalMs + pingTimeoutMs) connection.fail();
      return;
    }
    const sentMs = this.#pingSentMs;
    if (sentMs !== undefined && connection.lastReceivedMs > sentMs) this.#pingSentMs = undefined;
    else if (sentMs !== undefined) {
      if (this.#peerAnswers && nowMs - sentMs >= pingTimeoutMs) connection.fail();
      return;
    }
    if (silentMs >= pingIntervalMs) this.#ping(nowMs);
  }

  /**
   * Asks for a sign of life now, whatever is under way: the answer acknowledges what has arrived.
   *
   * @param answered - Called at the next answer, instead of what was to be called before.
   */
  ask(answered?: () => void): void {
    if (!this.#pings) return;
    this.#answered = answered ?? this.#answered;
    this.#ping(this.#connection.nowMs);
  }

  #ping(nowMs: number): void {
    this.#pingSentMs = nowMs;
    this.#pingTag = (this.#pingTag + 1) & 0x7fffffff;
    // T-K2: a ping has a valid tag, no initiator task tag and a LUN to echo; it does not use up a StatSN.
    sendNopIn(this.#connection, this.#pingTag);
  }
}

/** Shows the command window, which has opened while nothing else goes out (RFC 7143 §11.4.11); no answer is wanted. */
export function showWindow(connection: Connection): void {
  sendNopIn(connection, NO_TTT);
}

function sendNopIn(connection: Connection, targetTransferTag: number): void {
  connection.send({
    type: 'nop-in',
    lun: NO_LUN,
    initiatorTaskTag: RESERVED_TAG,
    targetTransferTag,
    statSn: connection.statSn,
    expCmdSn: connection.expCmdSn,
    maxCmdSn: connection.maxCmdSn,
    data: NO_LUN.subarray(0, 0),
  });
}
