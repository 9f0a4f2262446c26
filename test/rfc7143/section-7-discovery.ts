import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §7.4 to §7.7: discovery sessions, timeouts and format errors. */
export const section7Discovery: readonly RfcRule[] = [
  {
    id: '7.4.1-1',
    level: 'MUST',
    who: 'target',
    says:
      'When such a negotiation attempt is made by the remote side, a compliant iSCSI ' +
      'implementation MUST propose a value of 0 (zero) in response.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'is 0 in a discovery session, whatever the initiator proposes',
      ],
    },
  },
  {
    id: '7.4.1-2',
    level: 'MUST',
    who: 'both',
    says: 'The operational ErrorRecoveryLevel for Discovery sessions thus MUST be 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'is 0 in a discovery session, whatever the initiator proposes',
      ],
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is 0 in a discovery session, which has nothing to recover (RFC 7143 §7.4.1)',
      ],
    },
  },
  {
    id: '7.4.2.1-1',
    level: 'MUST',
    who: 'target',
    says:
      'UNNAMED ISID RULE: Targets MUST enforce the uniqueness of the following 4-tuple for Unnamed ' +
      'Discovery sessions: <InitiatorName, ISID, NULL, TargetAddress>.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'of one initiator port at one portal: the later reinstates the earlier',
      ],
    },
  },
  {
    id: '7.4.2.1-2',
    level: 'SHOULD',
    who: 'target',
    says:
      'Targets SHOULD allow concurrent establishment of one Discovery session with each of its ' +
      'Network Portals by the same initiator port with a given iSCSI Node Name and an ISID.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': ['of one initiator port at two portals are two'],
    },
  },
  {
    id: '7.4.2.1-3',
    level: 'MUST',
    who: 'target',
    says:
      'Each of the concurrent Discovery sessions, if established by the same initiator port to ' +
      'other Network Portals, MUST be treated as independent sessions -- i.e., one session MUST ' +
      'NOT reinstate the other.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': ['of one initiator port at two portals are two'],
    },
  },
  {
    id: '7.4.2.1-4',
    level: 'MUST',
    who: 'target',
    says:
      'A new Unnamed Discovery session that has a matching <InitiatorName, ISID, NULL, ' +
      'TargetAddress> to an existing Discovery session MUST reinstate the existing Unnamed ' +
      'Discovery session.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'of one initiator port at one portal: the later reinstates the earlier',
      ],
    },
  },
  {
    id: '7.4.2.2-1',
    level: 'MUST',
    who: 'target',
    says:
      'Since all the four elements of the 4-tuple are known, the ISID RULE MUST be enforced by ' +
      'targets with no changes from Section 4.4.3 semantics.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'with a TargetName keep the ISID rule of normal sessions',
      ],
    },
  },
  {
    id: '7.4.3-1',
    level: 'SHOULD NOT',
    who: 'target',
    says:
      'Targets SHOULD NOT send any responses other than a Text Response and Logout Response on a ' +
      'Discovery session, once in the Full Feature Phase.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'are sent nothing but answers to text and logout',
      ],
    },
  },
  {
    id: '7.5-1',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'Recovery attempts for the connection and/or task(s) SHOULD NOT be made before Time2Wait ' +
      'seconds but MUST be completed within Time2Retain seconds after that initial Time2Wait ' +
      'waiting period.',
    tests: {
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'waits for Time2Wait, and tries until Time2Retain is over',
      ],
    },
  },
  {
    id: '7.7-1',
    level: 'MUST',
    who: 'both',
    says:
      'When a target or an initiator receives an iSCSI PDU with a format error, it MUST ' +
      'immediately terminate all transport connections in the session with either a connection ' +
      'close or a connection reset …',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'a format error ends every connection of the session, and the session',
      ],
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        '%s ends every connection of the session, and another session takes its place',
      ],
    },
  },
  {
    id: '7.7-2',
    level: 'MUST',
    who: 'initiator',
    says: 'All initiator-detected PDU construction errors MUST be considered as format errors.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        '%s ends every connection of the session, and another session takes its place',
      ],
    },
  },
];
