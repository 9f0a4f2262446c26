import { RESERVED_TAG, serialAdd, serialLess, type TargetPdu } from '@lunbox/iscsi-pdu';

/** What tells two statuses apart. */
function keyOf(pdu: TargetPdu): string {
  return `${pdu.type} ${'initiatorTaskTag' in pdu ? pdu.initiatorTaskTag : ''}`;
}

/** Statuses of one connection: StatSN, its acknowledgement, and the window that they show (RFC 7143 §4.2.2). */
export class StatusWatch {
  /** From ErrorRecoveryLevel 1 on a status may be sent again until it is acknowledged. */
  recoverable = false;
  readonly #complain: (what: string) => void;
  readonly #unacknowledged = new Map<number, TargetPdu>();
  readonly #arrived = new Set<number>();
  #statSn: number | undefined;
  #maxCmdSn: number | undefined;
  #arrivedNext: number | undefined;
  #expStatSn: number | undefined;

  constructor(complain: (what: string) => void) {
    this.#complain = complain;
  }

  /** A response leaves the target. False when it is one that was sent before. */
  leaves(pdu: TargetPdu): boolean {
    const { statSn } = pdu;
    this.#statSn ??= statSn;
    this.#arrivedNext ??= statSn;
    if (this.#isAgain(pdu)) return false;
    const silent = pdu.type === 'data-in' && !pdu.hasStatus;
    if (!silent && statSn !== this.#statSn) {
      this.#complain(`${pdu.type} with StatSN ${statSn}, not ${this.#statSn}`);
    }
    if (usesStatSn(pdu)) {
      this.#statSn = serialAdd(this.#statSn, 1);
      this.#unacknowledged.set(statSn, pdu);
    }
    const refused = pdu.type === 'login-response' && pdu.statusClass !== 0;
    if (!refused) this.#showsWindow(pdu);
    return true;
  }

  /** A response has come to the initiator, undamaged. */
  arrives(pdu: TargetPdu): void {
    if (!usesStatSn(pdu)) return;
    this.#arrived.add(pdu.statSn);
    while (this.#arrived.delete(this.#arrivedNext as number)) {
      this.#arrivedNext = serialAdd(this.#arrivedNext as number, 1);
    }
  }

  /** A request leaves: what it acknowledges has come (RFC 7143 §4.2.2.2). Returns the statuses that are done with. */
  acknowledged(expStatSn: number): TargetPdu[] {
    if (serialLess(this.#arrivedNext ?? 0, expStatSn)) {
      this.#complain(`ExpStatSN ${expStatSn}, but only those before ${this.#arrivedNext} have come`);
    }
    if (serialLess(expStatSn, this.#expStatSn ?? expStatSn)) {
      this.#complain(`ExpStatSN ${expStatSn} after ${this.#expStatSn}`);
    }
    this.#expStatSn = expStatSn;
    const done: TargetPdu[] = [];
    for (const [statSn, pdu] of this.#unacknowledged) {
      if (!serialLess(statSn, expStatSn)) break;
      this.#unacknowledged.delete(statSn);
      done.push(pdu);
    }
    return done;
  }

  #isAgain(pdu: TargetPdu): boolean {
    if (!this.recoverable || !usesStatSn(pdu)) return false;
    const before = this.#unacknowledged.get(pdu.statSn);
    return before !== undefined && keyOf(before) === keyOf(pdu);
  }

  /** The window only ever opens (RFC 7143 §4.2.2.1). */
  #showsWindow({ type, expCmdSn, maxCmdSn }: TargetPdu): void {
    this.#maxCmdSn ??= maxCmdSn;
    if (serialLess(maxCmdSn, this.#maxCmdSn)) {
      this.#complain(`${type} with MaxCmdSN ${maxCmdSn} after ${this.#maxCmdSn}`);
    }
    if (serialLess(maxCmdSn, serialAdd(expCmdSn, -1))) {
      this.#complain(`${type} with MaxCmdSN ${maxCmdSn} and ExpCmdSN ${expCmdSn}`);
    }
    this.#maxCmdSn = maxCmdSn;
  }
}

function usesStatSn(pdu: TargetPdu): boolean {
  if (pdu.type === 'r2t') return false;
  if (pdu.type === 'data-in') return pdu.hasStatus;
  // RFC 7143 §11.19: a ping of the target's own shows the next StatSN and does not use it up.
  return !(pdu.type === 'nop-in' && pdu.initiatorTaskTag === RESERVED_TAG);
}
