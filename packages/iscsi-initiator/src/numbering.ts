import { serialAdd, serialLess, serialLessOrEqual } from '@lunbox/iscsi-pdu';

/**
 * The commands of a session over all its connections: CmdSN, and the window that the target grants (RFC 7143 §4.2.2.1).
 */
export class CommandWindow {
  /** CmdSN of the next command that is not immediate. */
  cmdSn: number;
  #expCmdSn: number;
  #maxCmdSn: number;

  constructor(firstCmdSn: number) {
    this.cmdSn = firstCmdSn;
    this.#expCmdSn = firstCmdSn;
    this.#maxCmdSn = firstCmdSn;
  }

  /** The first CmdSN that the target has not acknowledged. */
  get expCmdSn(): number {
    return this.#expCmdSn;
  }

  /** True when another command that is not immediate may be sent. */
  get open(): boolean {
    return serialLessOrEqual(this.cmdSn, this.#maxCmdSn);
  }

  /** True when the target has this command, and all before it. */
  acknowledged(cmdSn: number): boolean {
    return serialLess(cmdSn, this.#expCmdSn);
  }

  /** Uses up a CmdSN. */
  take(): number {
    const cmdSn = this.cmdSn;
    this.cmdSn = serialAdd(cmdSn, 1);
    return cmdSn;
  }

  /** Takes ExpCmdSN and MaxCmdSN of any PDU: late ones never move the window back. */
  update(expCmdSn: number, maxCmdSn: number): void {
    if (serialLess(maxCmdSn, serialAdd(expCmdSn, -1))) return;
    if (serialLess(this.#expCmdSn, expCmdSn)) this.#expCmdSn = expCmdSn;
    if (serialLess(this.#maxCmdSn, maxCmdSn)) this.#maxCmdSn = maxCmdSn;
  }
}

/** What every PDU of one connection carries: the session's CmdSN, and ExpStatSN, which acknowledges statuses. */
export class Numbering {
  readonly window: CommandWindow;
  /** What the next PDU acknowledges (RFC 7143 §4.2.2.2). */
  expStatSn = 0;

  constructor(window: CommandWindow) {
    this.window = window;
  }

  /** Takes the StatSN of a PDU that uses one up. False when a status before it is missing. */
  acknowledge(statSn: number): boolean {
    if (statSn !== this.expStatSn) return false;
    this.expStatSn = serialAdd(statSn, 1);
    return true;
  }
}
