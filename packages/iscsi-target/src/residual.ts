import { ResidualFlag } from '@lunbox/iscsi-pdu';

/** Difference between what the initiator expected and what the command transfers (RFC 7143 §11.4.5). */
export interface Residual {
  /** `ResidualFlag` bits: OVERFLOW, UNDERFLOW or none. */
  readonly flags: number;
  readonly count: number;
}

const NONE: Residual = { flags: 0, count: 0 };

/**
 * Residual of a command that transfers `scsiLengthBytes` where the initiator's Expected Data Transfer Length
 * is `expectedBytes`.
 */
export function residualOf(expectedBytes: number, scsiLengthBytes: number): Residual {
  if (expectedBytes === scsiLengthBytes) return NONE;
  return scsiLengthBytes > expectedBytes
    ? { flags: ResidualFlag.OVERFLOW, count: scsiLengthBytes - expectedBytes }
    : { flags: ResidualFlag.UNDERFLOW, count: expectedBytes - scsiLengthBytes };
}
