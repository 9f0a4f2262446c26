import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §13.21 to §13.26: session type, private keys, TaskReporting, obsolete keys. */
export const section13Sessions: readonly RfcRule[] = [
  {
    id: '13.21-1',
    level: 'MUST',
    who: 'both',
    says: 'As Section 7.4.1 states, ErrorRecoveryLevel MUST be 0 (zero) for Discovery sessions.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'ErrorRecoveryLevel is 0 in a discovery session, whatever is offered (§7.4.1, §13.21)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'a discovery session says so in its first request, and has no key of a normal one (§13.21)',
      ],
    },
  },
  {
    id: '13.21-2',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'If the SessionType key is thus going to be offered as "Discovery", it SHOULD be offered in ' +
      'the initial Login Request by the initiator.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'a discovery session says so in its first request, and has no key of a normal one (§13.21)',
      ],
    },
  },
  {
    id: '13.22-1',
    level: 'MUST',
    who: 'both',
    says:
      'The part of key-name following X- MUST conform to the format for key-name specified in ' +
      'Section 6.1.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['a key that is none ends the login: "%s"'],
    },
    because: 'Neither side has a private key of its own.',
  },
  {
    id: '13.22-2',
    level: 'MUST',
    who: 'both',
    says: 'Vendor-specific keys MUST ONLY be used in Normal sessions.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'a discovery session says so in its first request, and has no key of a normal one (§13.21)',
      ],
    },
    because: 'Neither side has a private key of its own.',
  },
  {
    id: '13.23-1',
    level: 'MUST',
    who: 'target',
    says:
      'The following table describes the semantics that an iSCSI target MUST support for ' +
      'respective negotiated key values.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': ['%s is negotiated by the leading connection'],
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by NOP-In',
      ],
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s does not wait for R2Ts; their data is taken and thrown away',
      ],
    },
  },
  {
    id: '13.23-2',
    level: 'MUST',
    who: 'both',
    says:
      'Whenever this key is negotiated, at least the RFC3720 and ResponseFence values MUST be ' +
      'offered as options by the negotiation originator.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': ['%s is negotiated by the leading connection'],
      'iscsi-initiator/test/unit/login.test.ts': ['wanting %s, the offer is %s and level 2'],
    },
    because: 'The target does not originate it; an offer that lacks one of the two is answered all the same.',
  },
  {
    id: '13.23-3',
    level: 'MUST',
    who: 'both',
    says:
      'When TaskReporting is not negotiated to FastAbort, the standard multi-task abort semantics ' +
      'in Section 4.2.3.3 MUST be used.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s waits until the R2Ts of its session are answered, and sends no more',
        '%s waits for the commands before it by CmdSN, and aborts them',
      ],
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'without FastAbort R2Ts are answered meanwhile (§4.2.3.3 a)',
      ],
    },
  },
  {
    id: '13.23-4',
    level: 'MUST',
    who: 'target',
    says:
      'Response Fence (Section 4.2.2.3.3) semantics MUST be supported in reporting task ' + 'completions.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by NOP-In',
        'holds later responses on all connections back until it is acknowledged itself',
        '%s, with %s',
      ],
    },
  },
  {
    id: '13.23-5',
    level: 'MUST',
    who: 'target',
    says: 'Updated fast multi-task abort semantics defined in Section 4.2.3.4 MUST be supported.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s does not wait for R2Ts; their data is taken and thrown away',
        'other connections of the session that have such tasks are told, once for a unit (event 5)',
        'the answer follows when the message is acknowledged',
        'a session with %s tells one with %s %d times (§4.2.3.5)',
      ],
    },
  },
  {
    id: '13.24-1',
    level: 'MUST',
    who: 'both',
    says:
      'As a responder or an originator in a negotiation of this key, an iSCSI implementation ' +
      'compliant to this document alone, without any future protocol extensions, MUST use this ' +
      'value as defined by [RFC7144].',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'iSCSIProtocolLevel is the lower of both, and 1 when it is not negotiated (§13.24, RFC 7144 §7.1.1)',
      ],
      'iscsi-initiator/test/unit/login.test.ts': [
        'wanting %s, the offer is %s and level 2',
        'level %d is taken as it is',
      ],
    },
    because: 'Both sides implement RFC 7144 too, whose value is 2.',
  },
  {
    id: '13.25-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'When an IFMarker or OFMarker key is received, a compliant iSCSI implementation SHOULD ' +
      'respond with the constant "Reject" value.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': ['%s is obsolete and rejected (§13.25)'],
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
  },
  {
    id: '13.25-2',
    level: 'MUST NOT',
    who: 'both',
    says:
      'However, the implementation MUST NOT respond with a "NotUnderstood" value for either of ' +
      'these keys.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': ['%s is obsolete and rejected (§13.25)'],
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
  },
  {
    id: '13.25-3',
    level: 'MUST',
    who: 'both',
    says:
      'When an IFMarkInt or OFMarkInt key is received, a compliant iSCSI implementation MUST ' +
      'respond with the constant "Reject" value.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': ['%s is obsolete and rejected (§13.25)'],
    },
  },
  {
    id: '13.25-4',
    level: 'MUST NOT',
    who: 'both',
    says: 'The implementation MUST NOT respond with a "NotUnderstood" value for either of these keys.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': ['%s is obsolete and rejected (§13.25)'],
    },
  },
  {
    id: '13.26.1-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'The length of the key value (total length of the list-of-values) MUST NOT be greater than ' +
      '255 bytes.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'X#NodeArchitecture changes nothing and is not answered: "%s" (§13.26)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'nothing of X#NodeArchitecture is said, and what a target says of it changes nothing (§13.26)',
      ],
    },
  },
  {
    id: '13.26.1-2',
    level: 'MUST NOT',
    who: 'both',
    says: 'X#NodeArchitecture MUST NOT be redeclared during the Login Phase.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        '%s is not redeclared within the login (§13.4, §13.5, §13.26.1)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'nothing of X#NodeArchitecture is said, and what a target says of it changes nothing (§13.26)',
      ],
    },
  },
  {
    id: '13.26.2-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'Functional behavior of the iSCSI node (this includes the iSCSI protocol logic -- the SCSI, ' +
      'iSCSI, and TCP/IP protocols) MUST NOT depend on the presence, absence, or content of the ' +
      'X#NodeArchitecture key.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'X#NodeArchitecture changes nothing and is not answered: "%s" (§13.26)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'nothing of X#NodeArchitecture is said, and what a target says of it changes nothing (§13.26)',
      ],
    },
  },
  {
    id: '13.26.2-2',
    level: 'MUST NOT',
    who: 'both',
    says:
      'The key MUST NOT be used by iSCSI nodes for interoperability or for exclusion of other ' + 'nodes.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'X#NodeArchitecture changes nothing and is not answered: "%s" (§13.26)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'nothing of X#NodeArchitecture is said, and what a target says of it changes nothing (§13.26)',
      ],
    },
  },
  {
    id: '13.26.2-3',
    level: 'SHOULD',
    who: 'both',
    says:
      'To ensure proper use, key values SHOULD be set by the node itself, and there SHOULD NOT be ' +
      'provisions for the key values to contain user-defined text.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'nothing of X#NodeArchitecture is said, and what a target says of it changes nothing (§13.26)',
      ],
    },
    because: 'Neither side sends the key.',
  },
  {
    id: '13.26.2-4',
    level: 'MUST',
    who: 'both',
    says: 'Nodes implementing this key MUST choose one of the following implementation options:',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'X#NodeArchitecture changes nothing and is not answered: "%s" (§13.26)',
      ],
    },
    because:
      'Both sides are silent: they send no such key and throw away what they get, as the last paragraph allows.',
  },
  {
    id: '13.26.2-5',
    level: 'MUST',
    who: 'both',
    says:
      'Each node choosing to implement transmission of the key values MUST be prepared to handle ' +
      'the response of iSCSI nodes that do not understand the key.',
    because: 'Neither side sends the key.',
  },
];
