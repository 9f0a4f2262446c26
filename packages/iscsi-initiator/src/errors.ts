import { describeSenseData, type SenseData } from '@lunbox/scsi';

/**
 * Why something was not done, with the facts of the case. `code` is stable; match on it.
 *
 * - `INITIATOR_OPTIONS`: the caller's options make no sense.
 * - `INITIATOR_UNREACHABLE`: no connection to the portal came about.
 * - `INITIATOR_LOGIN_REFUSED`: the target ended the login with this status (RFC 7143 §11.13.5).
 * - `INITIATOR_AUTHENTICATION`: the target did not prove who it is, or asks for what we cannot give.
 * - `INITIATOR_NEGOTIATION`: a key has a value that was not on offer, or not the one that the options demand.
 * - `INITIATOR_TARGET_MOVED`: the target is elsewhere; sessions follow by themselves, up to a limit.
 * - `INITIATOR_CONNECTION_LOST`: the connection ended, or was silent for too long.
 * - `INITIATOR_PROTOCOL`: the target broke RFC 7143; `format` when a PDU made no sense by itself (§7.7).
 * - `INITIATOR_DIGEST`: a header or data digest was wrong.
 * - `INITIATOR_CHECK_CONDITION`: the command ended with CHECK CONDITION.
 * - `INITIATOR_SCSI_STATUS`: the command ended with another status than GOOD, and perhaps a status qualifier.
 * - `INITIATOR_TARGET_FAILURE`: the target could not deliver or end the command (RFC 7143 §11.4.3).
 * - `INITIATOR_REJECTED`: the target rejected a PDU (RFC 7143 §11.17.1).
 * - `INITIATOR_TASK_MANAGEMENT`: a task management function was not done (RFC 7143 §11.6.1).
 * - `INITIATOR_TIMEOUT`: no answer in time.
 * - `INITIATOR_ABORTED`: aborted by its `AbortSignal`, or by a task management function.
 * - `INITIATOR_TASK_TERMINATED`: the target has ended the command for a task management function that was not ours
 *   (RFC 7143 §11.9.1, AsyncEvent 5); how much of it was done is unknown.
 * - `INITIATOR_PROTOCOL_LEVEL`: needs an iSCSIProtocolLevel that the session has not agreed on (RFC 7144 §7.1.1).
 * - `INITIATOR_BUSY`: so many commands, or other requests, wait already.
 * - `INITIATOR_CLOSED`: the session has been closed.
 */
export type InitiatorErrorDetail =
  | { readonly code: 'INITIATOR_OPTIONS'; readonly reason: string }
  | {
      readonly code: 'INITIATOR_UNREACHABLE';
      readonly host: string;
      readonly port: number;
      readonly reason: string;
    }
  | { readonly code: 'INITIATOR_LOGIN_REFUSED'; readonly statusClass: number; readonly statusDetail: number }
  | { readonly code: 'INITIATOR_AUTHENTICATION'; readonly reason: string }
  | { readonly code: 'INITIATOR_NEGOTIATION'; readonly key: string; readonly value: string }
  | {
      readonly code: 'INITIATOR_TARGET_MOVED';
      readonly host: string;
      readonly port: number;
      readonly permanent: boolean;
    }
  | { readonly code: 'INITIATOR_CONNECTION_LOST'; readonly reason: string }
  | { readonly code: 'INITIATOR_PROTOCOL'; readonly reason: string; readonly format?: true }
  | { readonly code: 'INITIATOR_DIGEST'; readonly part: 'header' | 'data' }
  | { readonly code: 'INITIATOR_CHECK_CONDITION'; readonly sense: SenseData }
  | { readonly code: 'INITIATOR_SCSI_STATUS'; readonly status: number; readonly statusQualifier?: number }
  | { readonly code: 'INITIATOR_TARGET_FAILURE'; readonly response: number }
  | { readonly code: 'INITIATOR_REJECTED'; readonly reason: number }
  | { readonly code: 'INITIATOR_TASK_MANAGEMENT'; readonly response: number }
  | { readonly code: 'INITIATOR_TIMEOUT'; readonly operation: string; readonly timeoutMs: number }
  | { readonly code: 'INITIATOR_ABORTED' }
  | { readonly code: 'INITIATOR_TASK_TERMINATED' }
  | { readonly code: 'INITIATOR_PROTOCOL_LEVEL'; readonly needed: number; readonly agreed: number }
  | { readonly code: 'INITIATOR_BUSY'; readonly limit: number }
  | { readonly code: 'INITIATOR_CLOSED' };

/** Stable codes of {@link InitiatorError}. */
export type InitiatorErrorCode = InitiatorErrorDetail['code'];

/** The error class of this package; {@link InitiatorErrorDetail} says what was wrong. */
export class InitiatorError extends Error {
  /** Always `InitiatorError`. */
  override readonly name = 'InitiatorError';
  /** Stable; see {@link InitiatorErrorDetail}. */
  readonly code: InitiatorErrorCode;
  /** The facts behind the message. */
  readonly detail: InitiatorErrorDetail;

  constructor(detail: InitiatorErrorDetail, options?: ErrorOptions) {
    super(messageOf(detail), options);
    this.code = detail.code;
    this.detail = detail;
  }
}

/** What the caller wants makes no sense. */
export function optionsError(reason: string): InitiatorError {
  return new InitiatorError({ code: 'INITIATOR_OPTIONS', reason });
}

/** The session has been closed. */
export function closedError(): InitiatorError {
  return new InitiatorError({ code: 'INITIATOR_CLOSED' });
}

/** The target broke the protocol. */
export function protocolError(reason: string): InitiatorError {
  return new InitiatorError({ code: 'INITIATOR_PROTOCOL', reason });
}

/** A PDU of the target makes no sense, whatever came before it: its whole session ends (RFC 7143 §7.7). */
export function formatError(reason: string, cause?: unknown): InitiatorError {
  return new InitiatorError({ code: 'INITIATOR_PROTOCOL', reason, format: true }, { cause });
}

/** True for a {@link formatError}. */
export function isFormatError({ detail }: InitiatorError): boolean {
  return detail.code === 'INITIATOR_PROTOCOL' && detail.format === true;
}

const CONNECTION_FAILURES: ReadonlySet<string> = new Set<InitiatorErrorCode>([
  'INITIATOR_CONNECTION_LOST',
  'INITIATOR_DIGEST',
  'INITIATOR_PROTOCOL',
]);

/** True for what ends a connection: what was under way may be tried by another. */
export function isConnectionFailure(error: unknown): error is InitiatorError {
  return error instanceof InitiatorError && CONNECTION_FAILURES.has(error.code);
}

/** The connection is gone. */
export function connectionLost(reason: string, cause?: unknown): InitiatorError {
  const detail = { code: 'INITIATOR_CONNECTION_LOST', reason } as const;
  return new InitiatorError(detail, cause === undefined ? undefined : { cause });
}

function messageOf(detail: InitiatorErrorDetail): string {
  if (detail.code === 'INITIATOR_CHECK_CONDITION') {
    return `${detail.code}: ${describeSenseData(detail.sense)}`;
  }
  const { code, ...facts } = detail;
  const listed = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  return [code, ...listed].join(', ');
}
