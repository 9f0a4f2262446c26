import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.14 and §11.15: Logout Request and Response. */
export const section11Logout: readonly RfcRule[] = [
  {
    id: '11.14-1',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'After sending the Logout Request PDU, an initiator MUST NOT send any new iSCSI requests on ' +
      'the closing connection.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the last request of its session, and ends all connections',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'are removed on request, after their commands, by a logout of the connection',
      ],
    },
  },
  {
    id: '11.14-2',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'If the Logout Request is intended to close the session, new iSCSI requests MUST NOT be sent ' +
      'on any of the connections participating in the session.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the last request of its session, and ends all connections',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'are removed on request, after their commands, by a logout of the connection',
      ],
    },
  },
  {
    id: '11.14-3',
    level: 'MUST',
    who: 'target',
    says:
      'When receiving a Logout Request with the reason code "close the connection" or "close the ' +
      'session", the target MUST terminate all pending commands, whether acknowledged via the ' +
      'ExpCmdSN or not …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-logout.test.ts': [
        'of a connection terminates its commands, acknowledged or not, and no others',
        'of the session terminates the commands of all its connections',
      ],
    },
  },
  {
    id: '11.14-4',
    level: 'MUST',
    who: 'target',
    says:
      'When receiving a Logout Request with the reason code "remove the connection for recovery", ' +
      'the target MUST discard all requests not yet acknowledged via the ExpCmdSN that were issued ' +
      'on the specified …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-logout.test.ts': [
        'for recovery discards what is not acknowledged, and suspends what is',
      ],
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'counts as never received: the gap is closed by sending it again',
      ],
    },
  },
  {
    id: '11.14-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'After receiving the Logout Response and attempting to receive the FIN (if still possible), ' +
      'the initiator MUST completely close the logging-out connection.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the last request of its session, and ends all connections',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'are removed on request, after their commands, by a logout of the connection',
      ],
    },
  },
  {
    id: '11.14-6',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an initiator intends to start recovery for a failing connection, it MUST use the Logout ' +
      'Request to "clean up" the target end of a failing connection and enable recovery to start …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'cleans a failing connection up before it is recovered from, or a login takes its place',
      ],
    },
  },
  {
    id: '11.14.2-1',
    level: 'MUST',
    who: 'initiator',
    says: 'For this PDU, TotalAHSLength and DataSegmentLength MUST be 0.',
    tests: { 'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': ['has no data'] },
  },
  {
    id: '11.14.5-1',
    level: 'MUST',
    who: 'target',
    says:
      'After the tasks are terminated, the target MUST report a Unit Attention condition on the ' +
      'next command processed on any connection for each affected I_T_L nexus with the status of ' +
      'CHECK CONDITION …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-logout.test.ts': ['by %s leave a unit attention for their nexus'],
    },
  },
  {
    id: '11.15-1',
    level: 'MUST',
    who: 'both',
    says:
      'After Logout, the TCP connection referred by the CID MUST be closed at both ends (or all ' +
      'connections must be closed if the logout reason was session close).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-logout.test.ts': [
        'closes the connection that it names, after the answer',
        'of the session closes all its connections',
      ],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the last request of its session, and ends all connections',
      ],
    },
  },
  {
    id: '11.15.2-1',
    level: 'MUST',
    who: 'target',
    says: 'For this PDU, TotalAHSLength and DataSegmentLength MUST be 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
      'iscsi-pdu/test/unit/codec.test.ts': [
        'data in a PDU that must have none is refused (RFC 7143 11.5.2, 11.8.1, 11.15.2)',
      ],
    },
  },
];
