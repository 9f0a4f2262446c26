import { LogoutReason, LogoutResult, type LogoutRequestPdu } from '@lunbox/iscsi-pdu';
import type { Session } from './session.ts';
import type { ResetAuthority } from './task-management.ts';

/** What a logout request comes to: the answer, and what happens after it. */
export interface LogoutOutcome {
  readonly response: number;
  readonly leave: () => void;
}

const { CLOSED, CID_NOT_FOUND, RECOVERY_NOT_SUPPORTED } = LogoutResult;

/** A logout of the session, of one of its connections, or of one that is gone already (RFC 7143 §11.14, §11.15.1). */
export function logOut(
  session: Session,
  { reason, cid }: LogoutRequestPdu,
  authority: ResetAuthority,
  nowMs: number,
): LogoutOutcome {
  if (reason === LogoutReason.CLOSE_SESSION) {
    return outcome(CLOSED, () => authority.endSession(session, ({ connection }) => connection.finish()));
  }
  const recovery = reason === LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY;
  // Below ErrorRecoveryLevel 2 nothing is kept that a recovery could go on with.
  if (recovery && !session.reassigns) return outcome(RECOVERY_NOT_SUPPORTED);
  const named = session.connections.get(cid);
  if (named !== undefined) return outcome(CLOSED, () => named.logOut(recovery));
  return outcome(session.cleanUp(cid, recovery, nowMs) ? CLOSED : CID_NOT_FOUND);
}

function outcome(response: number, leave: () => void = () => undefined): LogoutOutcome {
  return { response, leave };
}
