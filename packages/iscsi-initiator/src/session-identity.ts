import { isIscsiName } from '@lunbox/iscsi-pdu';
import { checkCredentials } from './chap.ts';
import { optionsError } from './errors.ts';
import type { NegotiationOptions, SessionOffer } from './parameters.ts';
import { DEFAULT_INITIATOR_NAME, type SessionOptions, type SessionSeams } from './session-options.ts';
import type { Portal } from './transport.ts';

const MAX_CONNECTIONS = 65_535;

/** Who logs in and to what, over all connections that a session ever has. */
export class SessionIdentity {
  readonly initiatorName: string;
  /**
   * 6 bytes (RFC 7143 §11.12.5). They stay the same, so that each new session reinstates the last (RFC 7143 §6.3.5).
   */
  readonly isid: Uint8Array;
  readonly options: SessionOptions;
  /** What connections offer from now on. */
  negotiation: NegotiationOptions;
  /** Where the next session begins. A permanent move of the target changes it (RFC 7143 §11.13.5). */
  portal: Portal;
  /** Undefined for a discovery session. */
  targetName: string | undefined;
  /** The target calls SHA-1 what is SHA-256 (T-L4). */
  md5Only = false;

  /** @throws InitiatorError `INITIATOR_OPTIONS` when names, CHAP credentials or numbers are unusable. */
  constructor(options: SessionOptions, seams: SessionSeams) {
    this.options = options;
    this.negotiation = options.negotiation ?? {};
    this.portal = options.portal;
    this.targetName = options.targetName;
    this.initiatorName = options.initiatorName ?? DEFAULT_INITIATOR_NAME;
    if (!isIscsiName(this.initiatorName)) throw optionsError(`"${this.initiatorName}" is not an iSCSI name`);
    if (options.chap !== undefined) checkCredentials(options.chap);
    const { connections = 1, maxConnections = connections, errorRecoveryLevel = 0 } = options;
    checkNumber('connections', connections, 1, maxConnections);
    checkNumber('maxConnections', maxConnections, 1, MAX_CONNECTIONS);
    checkNumber('errorRecoveryLevel', errorRecoveryLevel, 0, 2);
    // Type 10b, "random", and 24 random bits; the qualifier is 0.
    this.isid = Uint8Array.of(0x80, ...seams.random.bytes(3), 0, 0);
  }

  /** What the leading login offers for the session. RFC 7143 §7.4.1: a discovery session has nothing to recover. */
  get offer(): SessionOffer {
    const { connections = 1, maxConnections = connections } = this.options;
    const { errorRecoveryLevel = 0, time2RetainS = 20 } = this.options;
    const discovery = this.targetName === undefined;
    const level = discovery ? 0 : errorRecoveryLevel;
    const retainS = level < 2 ? 0 : time2RetainS;
    return { discovery, errorRecoveryLevel: level, maxConnections, time2RetainS: retainS };
  }
}

function checkNumber(name: string, value: number, least: number, most: number): void {
  const legal = Number.isInteger(value) && value >= least && value <= most;
  if (!legal) throw optionsError(`${name} ${value} is not ${least} to ${most}`);
}
