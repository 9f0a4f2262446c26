import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §6.3 to §6.3.3: the login phase and its stages. */
export const section6Login: readonly RfcRule[] = [
  {
    id: '6.3-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'There MUST NOT be more than one outstanding Login Request or Login Response on an iSCSI ' +
      'connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['each Login Request has one Login Response'],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': ['has one Login Request out at a time'],
    },
  },
  {
    id: '6.3-2',
    level: 'MUST',
    who: 'initiator',
    says: 'The initial Login Request of any connection MUST include the InitiatorName key=value pair.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'adds them by logins with its TSIH, its ISID and a CID each, and the keys of a connection alone',
      ],
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['a login without the names is refused'],
    },
  },
  {
    id: '6.3-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'For any connection within a session whose type is not "Discovery", the first Login Request ' +
      'MUST also include the TargetName key=value pair.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'adds them by logins with its TSIH, its ISID and a CID each, and the keys of a connection alone',
      ],
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['a login without the names is refused'],
    },
  },
  {
    id: '6.3-4',
    level: 'MUST',
    who: 'both',
    says:
      'The Login Phase MAY include a SecurityNegotiation stage and a LoginOperationalNegotiation ' +
      'stage and MUST include at least one of them, but the included stage MAY be empty except for ' +
      'the mandatory names.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['stages: %s', 'stages that are not allowed: %s'],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
    },
  },
  {
    id: '6.3-5',
    level: 'MUST',
    who: 'both',
    says:
      'If both stages are used, the SecurityNegotiation MUST precede the ' + 'LoginOperationalNegotiation.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['stages: %s', 'stages that are not allowed: %s'],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
    },
  },
  {
    id: '6.3-6',
    level: 'MUST',
    who: 'both',
    says: 'Authentication-related security keys MUST be completely negotiated within the Login Phase.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'an operational key in the security stage, or a security key after it, is rejected (§6.3)',
      ],
    },
    because: 'The initiator leaves the security stage only when its exchange is over.',
  },
  {
    id: '6.3-7',
    level: 'MUST NOT',
    who: 'target',
    says: 'The selected NSG MUST NOT exceed the value stated by the initiator.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['stages: %s'],
    },
  },
  {
    id: '6.3-8',
    level: 'MUST NOT',
    who: 'target',
    says:
      'Targets MUST NOT submit parameters that require an additional initiator Login Request in a ' +
      'Login Response with the T bit set to 1.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'a response that ends a stage asks for nothing: what it has of its own are declarations',
      ],
    },
  },
  {
    id: '6.3-9',
    level: 'MUST',
    who: 'both',
    says:
      'The Login Final-Response that accepts a Login Request can only come as a response to a ' +
      'Login Request with the T bit set to 1, and both the request and response MUST indicate ' +
      'FullFeaturePhase as the next phase via the NSG field.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'the last response comes when the initiator asks for it',
        'stages: %s',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'goes on asking for the next stage, if need be with empty requests, until the target agrees',
      ],
    },
  },
  {
    id: '6.3-10',
    level: 'MUST',
    who: 'both',
    says:
      'An attempt to renegotiate/redeclare parameters not specifically allowed MUST be detected by ' +
      'the initiator and target.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        '%s=%s and then %s is refused',
        'a key twice in one request is refused',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'a key that the target negotiates twice, %s, ends the connection',
      ],
    },
    because: 'A declaration that is repeated as it was is taken by both sides: real peers do that (T-L5).',
  },
  {
    id: '6.3-11',
    level: 'MUST',
    who: 'both',
    says:
      'If such an attempt is detected by the target, the target MUST respond with a Login reject ' +
      '(initiator error); if detected by the initiator, the initiator MUST drop the connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        '%s=%s and then %s is refused',
        'a key twice in one request is refused',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'a key that the target negotiates twice, %s, ends the connection',
      ],
    },
  },
  {
    id: '6.3.1-1',
    level: 'MUST',
    who: 'target',
    says:
      '… the iSCSI target MUST return the TargetPortalGroupTag key with the first Login Response ' +
      'PDU with which it is allowed to do so …',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'TargetPortalGroupTag is in the first response to a whole request: %s (§6.3.1)',
      ],
      'iscsi-target/test/unit/login.test.ts': ['T-L7: declares TargetPortalGroupTag in the first response'],
    },
  },
  {
    id: '6.3.2-1',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST reply with the first option in the list it supports and is allowed to use ' +
      'for the specific initiator, unless it does not support any, in which case it MUST answer ' +
      'with "Reject".',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'the first method that is offered and may be used is taken, and Reject is said for none (§6.3.2)',
      ],
    },
  },
  {
    id: '6.3.2-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the next stage is FullFeaturePhase, the target MUST reply with a Login Response with the ' +
      'TSIH value.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['stages: %s'],
    },
  },
  {
    id: '6.3.2-3',
    level: 'MUST',
    who: 'target',
    says:
      'If the security negotiation fails at the target, then the target MUST send the appropriate ' +
      'Login Response PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'the first method that is offered and may be used is taken, and Reject is said for none (§6.3.2)',
      ],
      'iscsi-target/test/unit/hidden-targets.test.ts': [
        '%s, a target that is not there answers like one that is',
      ],
    },
  },
  {
    id: '6.3.2-4',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'If the security negotiation fails at the initiator, the initiator SHOULD close the ' + 'connection.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'AuthMethod=%s, which was not offered, ends the connection',
      ],
    },
  },
  {
    id: '6.3.3-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST indicate its intent to terminate the negotiation by setting the T bit to ' +
      '1; the target sets the T bit to 1 on the last response.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'goes on asking for the next stage, if need be with empty requests, until the target agrees',
      ],
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'the last response comes when the initiator asks for it',
      ],
    },
  },
  {
    id: '6.3.3-2',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'In that case, the initiator SHOULD continue to set the T bit to 1 in subsequent Login ' +
      'Requests (even empty requests) that it sends …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'goes on asking for the next stage, if need be with empty requests, until the target agrees',
      ],
    },
  },
];
