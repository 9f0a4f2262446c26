import type { RfcRule } from '../support/rfc-rule.ts';

/** Transitions of RFC 7143 §8: it says MUST of none, and its tables govern. */
export const section8: readonly RfcRule[] = [
  {
    id: '8.1.3-T1',
    level: 'transition',
    who: 'initiator',
    says: 'FREE to XPT_WAIT: Transport connect request was made (e.g., TCP SYN sent).',
  },
  {
    id: '8.1.3-T2',
    level: 'transition',
    who: 'initiator',
    says: 'XPT_WAIT to FREE: Transport connection request timed out, a transport reset was received, …',
  },
  {
    id: '8.1.3-T4',
    level: 'transition',
    who: 'initiator',
    says:
      'XPT_WAIT to IN_LOGIN: Transport connection established, thus prompting the initiator to ' +
      'start the iSCSI Login.',
  },
  {
    id: '8.1.3-T5',
    level: 'transition',
    who: 'initiator',
    says:
      'IN_LOGIN to LOGGED_IN: The final iSCSI Login Response with a Status-Class of zero was ' + 'received.',
  },
  {
    id: '8.1.3-T7',
    level: 'transition',
    who: 'initiator',
    says:
      'IN_LOGIN to FREE: final iSCSI Login Response with a non-zero Status-Class, Login timed out, ' +
      'transport disconnect … the transport connection is closed.',
  },
  {
    id: '8.1.3-T8',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGGED_IN to FREE: a Logout Response (success) on another connection for a "close the ' +
      'session" Logout Request was received …',
  },
  {
    id: '8.1.3-T9',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGGED_IN to IN_LOGOUT: … the readiness to start the Logout process was received, thus ' +
      'prompting an iSCSI Logout to be sent by the initiator.',
  },
  {
    id: '8.1.3-T10',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGOUT_REQUESTED to IN_LOGOUT: … the readiness to start the Logout process was received, ' +
      'thus prompting an iSCSI Logout …',
  },
  {
    id: '8.1.3-T11',
    level: 'transition',
    who: 'initiator',
    says: 'LOGGED_IN to LOGOUT_REQUESTED: An Async PDU with AsyncEvent "Request Logout" was received.',
  },
  {
    id: '8.1.3-T12',
    level: 'transition',
    who: 'initiator',
    says: 'LOGOUT_REQUESTED to itself: An Async PDU with AsyncEvent "Request Logout" was received.',
  },
  {
    id: '8.1.3-T13',
    level: 'transition',
    who: 'initiator',
    says: 'IN_LOGOUT to FREE: An iSCSI Logout Response (success) was received …',
  },
  {
    id: '8.1.3-T14',
    level: 'transition',
    who: 'initiator',
    says: 'IN_LOGOUT to itself: An Async PDU with AsyncEvent "Request Logout" was received again.',
  },
  {
    id: '8.1.3-T15',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGGED_IN to CLEANUP_WAIT: transport timeout, reset or disconnect, Async "Drop connection" ' +
      '(for this CID) or "Drop all connections".',
  },
  {
    id: '8.1.3-T16',
    level: 'transition',
    who: 'initiator',
    says: 'LOGOUT_REQUESTED to CLEANUP_WAIT: the events of T15.',
  },
  {
    id: '8.1.3-T17',
    level: 'transition',
    who: 'initiator',
    says:
      'IN_LOGOUT to CLEANUP_WAIT: A Logout Response (failure, i.e., a non-zero status) was ' +
      'received, or Logout timed out … or the events of T15.',
  },
  {
    id: '8.1.3-T18',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGOUT_REQUESTED to FREE: a Logout Response (success) on another connection for a "close ' +
      'the session" Logout Request.',
  },
  {
    id: '8.1.4-T3',
    level: 'transition',
    who: 'target',
    says:
      'FREE to XPT_UP: Received a valid transport connection request that establishes the ' +
      'transport connection.',
  },
  {
    id: '8.1.4-T4',
    level: 'transition',
    who: 'target',
    says: 'XPT_UP to IN_LOGIN: Initial iSCSI Login Request was received.',
  },
  {
    id: '8.1.4-T5',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGIN to LOGGED_IN: The final iSCSI Login Request … prompting the target to send the ' +
      'final iSCSI Login Response with a Status-Class of zero.',
  },
  {
    id: '8.1.4-T6',
    level: 'transition',
    who: 'target',
    says:
      'XPT_UP to FREE: Timed out waiting for an iSCSI Login, transport disconnect indication was ' +
      'received … the connection is to be closed.',
  },
  {
    id: '8.1.4-T7',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGIN to FREE: Login Response with a non-zero Status-Class, Login timed out, transport ' +
      'disconnect, a "close the session" Logout elsewhere.',
  },
  {
    id: '8.1.4-T8',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to FREE: Logout Response (success) on another connection for a "close the ' +
      'session" Logout, or a successful reinstatement.',
  },
  {
    id: '8.1.4-T9',
    level: 'transition',
    who: 'target',
    says: 'LOGGED_IN to IN_LOGOUT: An iSCSI Logout Request was received.',
  },
  {
    id: '8.1.4-T10',
    level: 'transition',
    who: 'target',
    says: 'LOGOUT_REQUESTED to IN_LOGOUT: An iSCSI Logout Request was received.',
  },
  {
    id: '8.1.4-T11',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to LOGOUT_REQUESTED: … decommissioning of the connection …, thus causing an Async ' +
      'PDU with an AsyncEvent "Request Logout" to be sent.',
  },
  {
    id: '8.1.4-T12',
    level: 'transition',
    who: 'target',
    says:
      'LOGOUT_REQUESTED to itself: … causing an Async PDU with an AsyncEvent "Request Logout" to ' +
      'be sent.',
  },
  {
    id: '8.1.4-T13',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGOUT to FREE: … successful processing of the Logout, which prompts an iSCSI Logout ' +
      'Response (success) to be sent … the transport connection is closed.',
  },
  {
    id: '8.1.4-T15',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to CLEANUP_WAIT: transport timeout, reset or disconnect, a failed reinstatement, ' +
      'or an internal emergency cleanup event.',
  },
  {
    id: '8.1.4-T16',
    level: 'transition',
    who: 'target',
    says: 'LOGOUT_REQUESTED to CLEANUP_WAIT: the events of T15.',
  },
  {
    id: '8.1.4-T17',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGOUT to CLEANUP_WAIT: a failure of the Logout processing …, which prompts a Logout ' +
      'Response (failure) to be sent; or the events of T15.',
  },
  {
    id: '8.1.4-T18',
    level: 'transition',
    who: 'target',
    says:
      'LOGOUT_REQUESTED to FREE: a "close the session" Logout elsewhere, or a successful ' +
      'connection/session reinstatement.',
  },
  {
    id: '8.2.2-M1a',
    level: 'transition',
    who: 'initiator',
    says:
      'CLEANUP_WAIT to FREE: connection state timeout, or a successful "close the session" Logout ' +
      'on a different connection.',
  },
  {
    id: '8.2.2-M1b',
    level: 'transition',
    who: 'target',
    says:
      'CLEANUP_WAIT to FREE: connection state timeout, or a successful "close the session" Logout ' +
      'on a different connection.',
  },
  {
    id: '8.2.2-M2a',
    level: 'transition',
    who: 'initiator',
    says:
      'CLEANUP_WAIT to IN_CLEANUP: An implicit/explicit logout process was initiated by the ' + 'initiator.',
  },
  {
    id: '8.2.2-M2b',
    level: 'transition',
    who: 'target',
    says:
      'CLEANUP_WAIT to IN_CLEANUP: An implicit/explicit logout process was initiated by the ' + 'initiator.',
  },
  {
    id: '8.2.2-M3a',
    level: 'transition',
    who: 'initiator',
    says: 'IN_CLEANUP to CLEANUP_WAIT: Logout failure was detected.',
  },
  {
    id: '8.2.2-M3b',
    level: 'transition',
    who: 'target',
    says: 'IN_CLEANUP to CLEANUP_WAIT: Logout failure was detected.',
  },
  {
    id: '8.2.2-M4a',
    level: 'transition',
    who: 'initiator',
    says: 'IN_CLEANUP to FREE: Successful implicit/explicit logout was performed.',
  },
  {
    id: '8.2.2-M4b',
    level: 'transition',
    who: 'target',
    says: 'IN_CLEANUP to FREE: Successful implicit/explicit logout was performed.',
  },
  {
    id: '8.3.1-N1',
    level: 'transition',
    who: 'initiator',
    says: 'FREE to LOGGED_IN: At least one transport connection reached the LOGGED_IN state.',
  },
  {
    id: '8.3.1-N3',
    level: 'transition',
    who: 'initiator',
    says: 'LOGGED_IN to FREE: Graceful closing of the session via session closure.',
  },
  {
    id: '8.3.1-N4',
    level: 'transition',
    who: 'initiator',
    says: 'FAILED to LOGGED_IN: A session continuation attempt succeeded.',
  },
  {
    id: '8.3.1-N5',
    level: 'transition',
    who: 'initiator',
    says: 'LOGGED_IN to FAILED: Session failure (Section 6.3.6) occurred.',
  },
  {
    id: '8.3.1-N6',
    level: 'transition',
    who: 'initiator',
    says:
      'FAILED to FREE: Session state timeout occurred, or a session reinstatement cleared this ' +
      'session instance.',
  },
  {
    id: '8.3.2-N1',
    level: 'transition',
    who: 'target',
    says: 'FREE to ACTIVE: The first iSCSI connection in the session had reached the IN_LOGIN state.',
  },
  {
    id: '8.3.2-N2',
    level: 'transition',
    who: 'target',
    says: 'ACTIVE to LOGGED_IN: At least one iSCSI connection reached the LOGGED_IN state.',
  },
  {
    id: '8.3.2-N3',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to FREE: Graceful closing of the session via session closure or a successful ' +
      'session reinstatement cleanly closed the session.',
  },
  {
    id: '8.3.2-N5',
    level: 'transition',
    who: 'target',
    says: 'LOGGED_IN to FAILED: Session failure (Section 6.3.6) occurred.',
  },
  {
    id: '8.3.2-N6',
    level: 'transition',
    who: 'target',
    says:
      'FAILED to FREE: Session state timeout occurred, or a session reinstatement cleared this ' +
      'session instance.',
  },
  {
    id: '8.3.2-N7',
    level: 'transition',
    who: 'target',
    says: 'FAILED to IN_CONTINUE: A session continuation attempt was initiated.',
  },
  {
    id: '8.3.2-N8',
    level: 'transition',
    who: 'target',
    says: 'IN_CONTINUE to FAILED: The last session continuation attempt failed.',
  },
  {
    id: '8.3.2-N9',
    level: 'transition',
    who: 'target',
    says: 'ACTIVE to FREE: Login attempt on the leading connection failed.',
  },
  {
    id: '8.3.2-N10',
    level: 'transition',
    who: 'target',
    says: 'IN_CONTINUE to LOGGED_IN: A session continuation attempt succeeded.',
  },
  {
    id: '8.3.2-N11',
    level: 'transition',
    who: 'target',
    says: 'IN_CONTINUE to FREE: A successful session reinstatement cleanly closed the session.',
  },
];
