import { serialAdd, serialLess, serialLessOrEqual } from '@lunbox/iscsi-pdu';

/**
 * The serial numbers of a session with one connection (RFC 7143 §4.2.2): CmdSN and the window that the target
 * grants, and ExpStatSN, which acknowledges its statuses.
 */
export class Numbering {
  /** CmdSN of the next command that is not immediate. */
  cmdSn: number;
  /** What the next PDU acknowledges. */
  expStatSn = 0;
  #expCmdSn: number;
  #maxCmdSn: number;

  constructor(firstCmdSn: number) {
    this.cmdSn = firstCmdSn;
    this.#expCmdSn = firstCmdSn;
    this.#maxCmdSn = firstCmdSn;
  }

  /** True when another command that is not immediate may be sent. */
  get windowOpen(): boolean {
    return serialLessOrEqual(this.cmdSn, this.#maxCmdSn);
  }

  /** Uses up a CmdSN. */
  takeCmdSn(): number {
    const cmdSn = this.cmdSn;
    this.cmdSn = serialAdd(cmdSn, 1);
    return cmdSn;
  }

  /** Takes ExpCmdSN and MaxCmdSN of any PDU (RFC 7143 §4.2.2.1): late ones never move the window back. */
  update(expCmdSn: number, maxCmdSn: number): void {
    if (serialLess(maxCmdSn, serialAdd(expCmdSn, -1))) return;
    if (serialLess(this.#expCmdSn, expCmdSn)) this.#expCmdSn = expCmdSn;
    if (serialLess(this.#maxCmdSn, maxCmdSn)) this.#maxCmdSn = maxCmdSn;
  }

  /** Takes the StatSN of a PDU that uses one up. False when a status before it is missing. */
  acknowledge(statSn: number): boolean {
    if (statSn !== this.expStatSn) return false;
    this.expStatSn = serialAdd(statSn, 1);
    return true;
  }
}
