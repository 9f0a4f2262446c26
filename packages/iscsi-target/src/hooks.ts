import type { SessionStatus } from './session-status.ts';
import type { Endpoint } from './transport.ts';

/** A login that has said who it is; nothing has been granted or proven yet. */
export interface LoginAttempt {
  readonly initiatorName: string;
  /** Undefined for a discovery session. */
  readonly targetName: string | undefined;
  /** Where the initiator reached us. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** The portal group of the portal that it came in by. */
  readonly portalGroupTag: number;
}

/** Where a login is sent instead (RFC 7143 §11.13.5, status class 1). */
export interface Redirect {
  /** `host:port`, an IPv6 address in brackets, without a portal group tag (RFC 7143 §13.8). */
  readonly address: string;
  /** The initiator may remember the new address. Default false. */
  readonly permanent?: boolean;
}

/**
 * Why a session ended.
 *
 * - `logout`: the initiator logged out.
 * - `connection-lost`: the network took the connection away.
 * - `failed`: the initiator broke the protocol or answered no more.
 * - `reinstated`: the same initiator port has logged in again (RFC 7143 §6.3.5), and the old session was silent.
 * - `taken-over`: the same, but the old session still answered: two hosts may go by one name and ISID.
 * - `dropped`: this side ended it: a stop, a drain that took too long, a target reset.
 */
export type SessionEndReason =
  'logout' | 'connection-lost' | 'failed' | 'reinstated' | 'taken-over' | 'dropped';

/**
 * What the program round the target may decide and hear about. Every hook is called in the middle of protocol
 * work and must return at once. One that throws is a defect of that program: the error surfaces as an uncaught
 * exception, and a decision counts as a refusal.
 */
export interface TargetHooks {
  /**
   * Anything but true refuses the login with status 0202h. Asked before authentication, after
   * {@link TargetHooks.redirect}.
   */
  authorise?(login: LoginAttempt): boolean;
  /** Sends the login elsewhere. Asked before authentication, as RFC 7143 §11.13.5 allows. */
  redirect?(login: LoginAttempt): Redirect | undefined;
  /**
   * A login ended with `status`, the two bytes of RFC 7143 §11.13.5; redirections count. A login that did not get as
   * far as its names has an empty `initiatorName`.
   */
  onLoginRefused?(login: LoginAttempt, status: number): void;
  /**
   * A connection, logged in or not, ended out of order. Its session may live on: by another connection, or until the
   * initiator has come back.
   */
  onConnectionLost?(remote: Endpoint, reason: 'failed' | 'connection-lost'): void;
  /** A session is in full feature phase. */
  onSessionStart?(session: SessionStatus): void;
  /** The session is over; `session` is what it was at its end. */
  onSessionEnd?(session: SessionStatus, reason: SessionEndReason): void;
}

/** Calls a hook of the program round us; its defects must not break the protocol, and must not go unseen. */
export function callHook<T>(hook: () => T, fallback: T): T {
  try {
    return hook();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
    return fallback;
  }
}
