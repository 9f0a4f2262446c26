import type { RfcRule } from '../support/rfc-rule.ts';

/** Transitions of RFC 7143 §8.1, of a connection: it says MUST of none, and its tables govern. */
export const section8Connections: readonly RfcRule[] = [
  {
    id: '8.1.3-T1',
    level: 'transition',
    who: 'initiator',
    says: 'FREE to XPT_WAIT: Transport connect request was made (e.g., TCP SYN sent).',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T1, T4, T5: it is dialled, then logs in, and is logged in with the final response',
      ],
    },
  },
  {
    id: '8.1.3-T2',
    level: 'transition',
    who: 'initiator',
    says: 'XPT_WAIT to FREE: Transport connection request timed out, a transport reset was received, …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T2: a connection that cannot be had is free again',
      ],
    },
  },
  {
    id: '8.1.3-T4',
    level: 'transition',
    who: 'initiator',
    says:
      'XPT_WAIT to IN_LOGIN: Transport connection established, thus prompting the initiator to ' +
      'start the iSCSI Login.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T1, T4, T5: it is dialled, then logs in, and is logged in with the final response',
      ],
    },
  },
  {
    id: '8.1.3-T5',
    level: 'transition',
    who: 'initiator',
    says:
      'IN_LOGIN to LOGGED_IN: The final iSCSI Login Response with a Status-Class of zero was ' + 'received.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T1, T4, T5: it is dialled, then logs in, and is logged in with the final response',
      ],
    },
  },
  {
    id: '8.1.3-T7',
    level: 'transition',
    who: 'initiator',
    says:
      'IN_LOGIN to FREE: final iSCSI Login Response with a non-zero Status-Class, Login timed out, ' +
      'transport disconnect … the transport connection is closed.',
    tests: { 'iscsi-initiator/test/rfc7143/section-8-states.test.ts': ['T7: %s during the login frees it'] },
  },
  {
    id: '8.1.3-T8',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGGED_IN to FREE: a Logout Response (success) on another connection for a "close the ' +
      'session" Logout Request was received …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T8: the logout of the session frees its other connections',
      ],
    },
  },
  {
    id: '8.1.3-T9',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGGED_IN to IN_LOGOUT: … the readiness to start the Logout process was received, thus ' +
      'prompting an iSCSI Logout to be sent by the initiator.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T9, T13: it is logged out when the session closes, and free when that is answered',
      ],
    },
  },
  {
    id: '8.1.3-T10',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGOUT_REQUESTED to IN_LOGOUT: … the readiness to start the Logout process was received, ' +
      'thus prompting an iSCSI Logout …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T11, T12, T10: asked for a logout, and asked again, it takes no more commands, and logs out ' +
          'once',
      ],
    },
  },
  {
    id: '8.1.3-T11',
    level: 'transition',
    who: 'initiator',
    says: 'LOGGED_IN to LOGOUT_REQUESTED: An Async PDU with AsyncEvent "Request Logout" was received.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T11, T12, T10: asked for a logout, and asked again, it takes no more commands, and logs out ' +
          'once',
      ],
    },
  },
  {
    id: '8.1.3-T12',
    level: 'transition',
    who: 'initiator',
    says: 'LOGOUT_REQUESTED to itself: An Async PDU with AsyncEvent "Request Logout" was received.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T11, T12, T10: asked for a logout, and asked again, it takes no more commands, and logs out ' +
          'once',
      ],
    },
  },
  {
    id: '8.1.3-T13',
    level: 'transition',
    who: 'initiator',
    says: 'IN_LOGOUT to FREE: An iSCSI Logout Response (success) was received …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T9, T13: it is logged out when the session closes, and free when that is answered',
      ],
    },
  },
  {
    id: '8.1.3-T14',
    level: 'transition',
    who: 'initiator',
    says: 'IN_LOGOUT to itself: An Async PDU with AsyncEvent "Request Logout" was received again.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T14: asked for a logout while it logs out, it does not begin anew',
      ],
    },
  },
  {
    id: '8.1.3-T15',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGGED_IN to CLEANUP_WAIT: transport timeout, reset or disconnect, Async "Drop connection" ' +
      '(for this CID) or "Drop all connections".',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': ['%s: %s has it cleaned up, and made anew'],
    },
  },
  {
    id: '8.1.3-T16',
    level: 'transition',
    who: 'initiator',
    says: 'LOGOUT_REQUESTED to CLEANUP_WAIT: the events of T15.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': ['%s: %s has it cleaned up, and made anew'],
    },
  },
  {
    id: '8.1.3-T17',
    level: 'transition',
    who: 'initiator',
    says:
      'IN_LOGOUT to CLEANUP_WAIT: A Logout Response (failure, i.e., a non-zero status) was ' +
      'received, or Logout timed out … or the events of T15.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': ['T17: a logout that %s ends it all the same'],
    },
  },
  {
    id: '8.1.3-T18',
    level: 'transition',
    who: 'initiator',
    says:
      'LOGOUT_REQUESTED to FREE: a Logout Response (success) on another connection for a "close ' +
      'the session" Logout Request.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T18: asked for a logout, it is free when the session is logged out by another',
      ],
    },
  },
  {
    id: '8.1.4-T3',
    level: 'transition',
    who: 'target',
    says:
      'FREE to XPT_UP: Received a valid transport connection request that establishes the ' +
      'transport connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T3, T4, T5: it is accepted, in login with the first Login Request, and logged in with the ' + 'last',
      ],
    },
  },
  {
    id: '8.1.4-T4',
    level: 'transition',
    who: 'target',
    says: 'XPT_UP to IN_LOGIN: Initial iSCSI Login Request was received.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T3, T4, T5: it is accepted, in login with the first Login Request, and logged in with the ' + 'last',
      ],
    },
  },
  {
    id: '8.1.4-T5',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGIN to LOGGED_IN: The final iSCSI Login Request … prompting the target to send the ' +
      'final iSCSI Login Response with a Status-Class of zero.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T3, T4, T5: it is accepted, in login with the first Login Request, and logged in with the ' + 'last',
      ],
    },
  },
  {
    id: '8.1.4-T6',
    level: 'transition',
    who: 'target',
    says:
      'XPT_UP to FREE: Timed out waiting for an iSCSI Login, transport disconnect indication was ' +
      'received … the connection is to be closed.',
    tests: { 'iscsi-target/test/rfc7143/section-8-states.test.ts': ['T6: %s before any login frees it'] },
  },
  {
    id: '8.1.4-T7',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGIN to FREE: Login Response with a non-zero Status-Class, Login timed out, transport ' +
      'disconnect, a "close the session" Logout elsewhere.',
    tests: { 'iscsi-target/test/rfc7143/section-8-states.test.ts': ['T7: %s during the login frees it'] },
  },
  {
    id: '8.1.4-T8',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to FREE: Logout Response (success) on another connection for a "close the ' +
      'session" Logout, or a successful reinstatement.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T8: a logout of the session by another connection, or a reinstatement, frees it',
      ],
    },
  },
  {
    id: '8.1.4-T9',
    level: 'transition',
    who: 'target',
    says: 'LOGGED_IN to IN_LOGOUT: An iSCSI Logout Request was received.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T9, T13: a Logout Request is answered and frees it',
      ],
    },
  },
  {
    id: '8.1.4-T10',
    level: 'transition',
    who: 'target',
    says: 'LOGOUT_REQUESTED to IN_LOGOUT: An iSCSI Logout Request was received.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T11, T12, T10: a logout is asked for, and once more, and then it comes',
      ],
    },
  },
  {
    id: '8.1.4-T11',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to LOGOUT_REQUESTED: … decommissioning of the connection …, thus causing an Async ' +
      'PDU with an AsyncEvent "Request Logout" to be sent.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T11, T12, T10: a logout is asked for, and once more, and then it comes',
      ],
    },
  },
  {
    id: '8.1.4-T12',
    level: 'transition',
    who: 'target',
    says:
      'LOGOUT_REQUESTED to itself: … causing an Async PDU with an AsyncEvent "Request Logout" to ' +
      'be sent.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T11, T12, T10: a logout is asked for, and once more, and then it comes',
      ],
    },
  },
  {
    id: '8.1.4-T13',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGOUT to FREE: … successful processing of the Logout, which prompts an iSCSI Logout ' +
      'Response (success) to be sent … the transport connection is closed.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T9, T13: a Logout Request is answered and frees it',
      ],
    },
  },
  {
    id: '8.1.4-T15',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to CLEANUP_WAIT: transport timeout, reset or disconnect, a failed reinstatement, ' +
      'or an internal emergency cleanup event.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        '%s: the end of the transport leaves it to be cleaned up (a logout was asked for: %s)',
        'T15: an emergency is announced',
      ],
    },
  },
  {
    id: '8.1.4-T16',
    level: 'transition',
    who: 'target',
    says: 'LOGOUT_REQUESTED to CLEANUP_WAIT: the events of T15.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        '%s: the end of the transport leaves it to be cleaned up (a logout was asked for: %s)',
      ],
    },
  },
  {
    id: '8.1.4-T17',
    level: 'transition',
    who: 'target',
    says:
      'IN_LOGOUT to CLEANUP_WAIT: a failure of the Logout processing …, which prompts a Logout ' +
      'Response (failure) to be sent; or the events of T15.',
    because:
      'A logout is done in one step, without a state between, and cannot fail on the way; one that ' +
      'is refused leaves its connection logged in.',
  },
  {
    id: '8.1.4-T18',
    level: 'transition',
    who: 'target',
    says:
      'LOGOUT_REQUESTED to FREE: a "close the session" Logout elsewhere, or a successful ' +
      'connection/session reinstatement.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'T18: after a logout was asked for, a logout of the session by another connection frees it',
      ],
    },
  },
];
