import type { RfcRule } from '../support/rfc-rule.ts';

/** Transitions of RFC 7143 §8.2 and §8.3: the cleanup of a connection, and sessions. */
export const section8Sessions: readonly RfcRule[] = [
  {
    id: '8.2.2-M1a',
    level: 'transition',
    who: 'initiator',
    says:
      'CLEANUP_WAIT to FREE: connection state timeout, or a successful "close the session" Logout ' +
      'on a different connection.',
    tests: { 'iscsi-initiator/test/rfc7143/section-8-states.test.ts': ['M1: a time-out ends its commands'] },
  },
  {
    id: '8.2.2-M1b',
    level: 'transition',
    who: 'target',
    says:
      'CLEANUP_WAIT to FREE: connection state timeout, or a successful "close the session" Logout ' +
      'on a different connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'M1: a time-out, or a logout of the session, ends it',
      ],
    },
  },
  {
    id: '8.2.2-M2a',
    level: 'transition',
    who: 'initiator',
    says:
      'CLEANUP_WAIT to IN_CLEANUP: An implicit/explicit logout process was initiated by the ' + 'initiator.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'M2, M4: an explicit logout by another connection, and its commands go on there',
      ],
    },
  },
  {
    id: '8.2.2-M2b',
    level: 'transition',
    who: 'target',
    says:
      'CLEANUP_WAIT to IN_CLEANUP: An implicit/explicit logout process was initiated by the ' + 'initiator.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'M2, M4: an explicit logout of its CID by another connection cleans it up',
        'M2, M4: a login with its CID cleans it up',
      ],
    },
  },
  {
    id: '8.2.2-M3a',
    level: 'transition',
    who: 'initiator',
    says: 'IN_CLEANUP to CLEANUP_WAIT: Logout failure was detected.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'M3: a logout that fails leaves its commands to the recovery of the session',
      ],
    },
  },
  {
    id: '8.2.2-M3b',
    level: 'transition',
    who: 'target',
    says: 'IN_CLEANUP to CLEANUP_WAIT: Logout failure was detected.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'M3: a login with its CID that fails leaves it as it was',
      ],
    },
  },
  {
    id: '8.2.2-M4a',
    level: 'transition',
    who: 'initiator',
    says: 'IN_CLEANUP to FREE: Successful implicit/explicit logout was performed.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'M2, M4: an explicit logout by another connection, and its commands go on there',
      ],
    },
  },
  {
    id: '8.2.2-M4b',
    level: 'transition',
    who: 'target',
    says: 'IN_CLEANUP to FREE: Successful implicit/explicit logout was performed.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'M2, M4: an explicit logout of its CID by another connection cleans it up',
        'M2, M4: a login with its CID cleans it up',
      ],
    },
  },
  {
    id: '8.3.1-N1',
    level: 'transition',
    who: 'initiator',
    says: 'FREE to LOGGED_IN: At least one transport connection reached the LOGGED_IN state.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N1, N3: it is there with its first connection, and gone when it is closed',
      ],
    },
  },
  {
    id: '8.3.1-N3',
    level: 'transition',
    who: 'initiator',
    says: 'LOGGED_IN to FREE: Graceful closing of the session via session closure.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N1, N3: it is there with its first connection, and gone when it is closed',
      ],
    },
  },
  {
    id: '8.3.1-N4',
    level: 'transition',
    who: 'initiator',
    says: 'FAILED to LOGGED_IN: A session continuation attempt succeeded.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N4: at ErrorRecoveryLevel 2 it is continued by a login with its TSIH',
      ],
    },
  },
  {
    id: '8.3.1-N5',
    level: 'transition',
    who: 'initiator',
    says: 'LOGGED_IN to FAILED: Session failure (Section 6.3.6) occurred.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N5, N6: it fails with its last connection, and a reinstatement takes its place',
      ],
    },
  },
  {
    id: '8.3.1-N6',
    level: 'transition',
    who: 'initiator',
    says:
      'FAILED to FREE: Session state timeout occurred, or a session reinstatement cleared this ' +
      'session instance.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N5, N6: it fails with its last connection, and a reinstatement takes its place',
        'N6: when it cannot be had again in time, it is given up',
      ],
    },
  },
  {
    id: '8.3.2-N1',
    level: 'transition',
    who: 'target',
    says: 'FREE to ACTIVE: The first iSCSI connection in the session had reached the IN_LOGIN state.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N1, N9: a leading login that fails leaves nothing',
        'N1, N2: a leading login that succeeds makes it',
      ],
    },
  },
  {
    id: '8.3.2-N2',
    level: 'transition',
    who: 'target',
    says: 'ACTIVE to LOGGED_IN: At least one iSCSI connection reached the LOGGED_IN state.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N1, N2: a leading login that succeeds makes it',
      ],
    },
  },
  {
    id: '8.3.2-N3',
    level: 'transition',
    who: 'target',
    says:
      'LOGGED_IN to FREE: Graceful closing of the session via session closure or a successful ' +
      'session reinstatement cleanly closed the session.',
    tests: { 'iscsi-target/test/rfc7143/section-8-states.test.ts': ['N3: %s ends it'] },
  },
  {
    id: '8.3.2-N5',
    level: 'transition',
    who: 'target',
    says: 'LOGGED_IN to FAILED: Session failure (Section 6.3.6) occurred.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N5: it has failed when its last connection is lost, and is kept',
      ],
    },
  },
  {
    id: '8.3.2-N6',
    level: 'transition',
    who: 'target',
    says:
      'FAILED to FREE: Session state timeout occurred, or a session reinstatement cleared this ' +
      'session instance.',
    tests: { 'iscsi-target/test/rfc7143/section-8-states.test.ts': ['N6: after its failure %s ends it'] },
  },
  {
    id: '8.3.2-N7',
    level: 'transition',
    who: 'target',
    says: 'FAILED to IN_CONTINUE: A session continuation attempt was initiated.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N7, N8: an attempt to continue it that fails leaves it failed',
        'N7, N10: an attempt to continue it that succeeds brings it back',
      ],
    },
  },
  {
    id: '8.3.2-N8',
    level: 'transition',
    who: 'target',
    says: 'IN_CONTINUE to FAILED: The last session continuation attempt failed.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N7, N8: an attempt to continue it that fails leaves it failed',
      ],
    },
  },
  {
    id: '8.3.2-N9',
    level: 'transition',
    who: 'target',
    says: 'ACTIVE to FREE: Login attempt on the leading connection failed.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N1, N9: a leading login that fails leaves nothing',
      ],
    },
  },
  {
    id: '8.3.2-N10',
    level: 'transition',
    who: 'target',
    says: 'IN_CONTINUE to LOGGED_IN: A session continuation attempt succeeded.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N7, N10: an attempt to continue it that succeeds brings it back',
      ],
    },
  },
  {
    id: '8.3.2-N11',
    level: 'transition',
    who: 'target',
    says: 'IN_CONTINUE to FREE: A successful session reinstatement cleanly closed the session.',
    tests: {
      'iscsi-target/test/rfc7143/section-8-states.test.ts': [
        'N11: a reinstatement ends it, though an attempt to continue it is under way',
      ],
    },
  },
];
