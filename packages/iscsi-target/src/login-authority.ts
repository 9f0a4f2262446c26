import type { AccessEntry } from './auth/access-entry.ts';
import type { SecurityNegotiation } from './auth/security-negotiation.ts';
import type { Connection, Phase } from './connection.ts';
import type { HalfOpenLogins } from './half-open-logins.ts';
import type { TargetLimits } from './limits.ts';
import type { LoginNames } from './login-negotiation.ts';
import type { OperationalParameters } from './parameters.ts';
import type { Pingable } from './sign-of-life.ts';

/** A login that went through, as the session is made from it. */
export interface LoginResult {
  readonly initiatorName: string;
  /** Undefined for a discovery session, even for one that names a target. */
  readonly targetName: string | undefined;
  /** The target that the initiator named, in a discovery session too (RFC 7143 §7.4.2). */
  readonly namedTarget: string | undefined;
  readonly isid: string;
  /** The TSIH the initiator sent: zero asks for a new session. */
  readonly tsih: number;
  readonly cid: number;
  /** CmdSN of the first command in full feature phase (RFC 7143 §11.12.8). */
  readonly firstCmdSn: number;
  readonly parameters: OperationalParameters;
  /** What the initiator may do. */
  readonly access: AccessEntry;
}

/** What a login is told once it has said who it is. */
export interface LoginGrant {
  /** TargetAlias to declare, if any. */
  readonly alias: string | undefined;
  /** What the initiator has to prove first. */
  readonly security: SecurityNegotiation;
}

/** What a session tells of its command window (RFC 7143 §4.2.2.1). */
export interface CommandWindow {
  readonly expCmdSn: number;
  readonly maxCmdSn: number;
}

/** What a login has led to. */
export interface Establishment {
  readonly tsih: number;
  readonly phase: Phase;
  /** What is left to be done when the last Login Response is out: nothing else may be sent before it. */
  readonly afterwards?: () => void;
}

/** Who decides about logins. */
export interface LoginAuthority {
  readonly limits: TargetLimits;
  readonly halfOpen: HalfOpenLogins;
  /** Checks that the names may log in if they prove to be right; throws a {@link LoginError} when not. */
  authorize(names: LoginNames, connection: Connection): LoginGrant;
  /** The window of the session that a connection with this ISID and TSIH wants to join. */
  windowOf(isid: string, tsih: number): CommandWindow | undefined;
  /** A login was answered with a status other than success. */
  refused(names: LoginNames, connection: Connection, status: number): void;
  /** The connections that the login will evict; throws a {@link LoginError} when it must not. */
  inTheWay(connection: Connection, login: LoginResult): readonly Pingable[];
  /**
   * Makes the session, or finds it; throws a {@link LoginError} when it cannot be.
   *
   * @param overLive - Whom the login evicts has just given a sign of life.
   */
  establish(connection: Connection, login: LoginResult, overLive: boolean): Establishment;
}
