/**
 * The serial numbers that every PDU to the initiator carries (RFC 7143 §4.2.2): StatSN belongs to the
 * connection, ExpCmdSN and MaxCmdSN to the session.
 */
export interface Numbering {
  /** The next StatSN, without using it up. */
  readonly statSn: number;
  /** Uses up a StatSN. */
  takeStatSn(): number;
  readonly expCmdSn: number;
  readonly maxCmdSn: number;
}
