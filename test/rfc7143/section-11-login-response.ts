import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.13: Login Response. */
export const section11LoginResponse: readonly RfcRule[] = [
  {
    id: '11.13.1-1',
    level: 'MUST',
    who: 'target',
    says: 'All Login Responses within the Login Phase MUST carry the same Version-max.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'the versions of the first one count, and every response has the same',
      ],
    },
  },
  {
    id: '11.13.1-2',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST use the value presented as a response to the first Login Request.',
    because: 'There is one version, 0, so nothing of this initiator depends on what the responses say.',
  },
  {
    id: '11.13.2-1',
    level: 'MUST',
    who: 'target',
    says: 'All Login Responses within the Login Phase MUST carry the same Version-active.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'the versions of the first one count, and every response has the same',
      ],
    },
  },
  {
    id: '11.13.2-2',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST use the value presented as a response to the first Login Request.',
    because: 'There is one version, 0, so nothing of this initiator depends on what the responses say.',
  },
  {
    id: '11.13.3-1',
    level: 'MUST',
    who: 'target',
    says:
      'For a new session, the target MUST generate a non-zero TSIH and ONLY return it in the Login ' +
      'Final-Response.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'has a TSIH other than 0 only when it ends the login of a new session',
      ],
    },
  },
  {
    id: '11.13.5-1',
    level: 'MUST',
    who: 'target',
    says:
      'All of the redirection Status-Class responses MUST return one or more text key parameters ' +
      'of the type "TargetAddress", which indicates the target\'s new address.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'of a redirection names at least one TargetAddress',
      ],
    },
  },
  {
    id: '11.13.5-2',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'A redirection SHOULD be accepted by an initiator, even without having the target complete a ' +
      'security negotiation if any security negotiation is required …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'that redirects (%d) is followed, before or after the security stage',
      ],
    },
  },
  {
    id: '11.13.5-3',
    level: 'MUST',
    who: 'both',
    says: 'If the Status-Class is not 0, the initiator and target MUST close the TCP connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'with a status class other than 0 (%s) is the last: the connection is closed',
      ],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'with status %d ends the connection',
        'that redirects (%d) is followed, before or after the security stage',
      ],
    },
  },
  {
    id: '11.13.6-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'A Login Response with the T bit set to 1 MUST NOT contain key=value pairs that may require ' +
      'additional answers from the initiator within the same stage.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'with the T bit set proposes nothing: it answers and declares',
      ],
    },
  },
  {
    id: '11.13.6-2',
    level: 'MUST NOT',
    who: 'target',
    says:
      'If the Status-Class is 0, the T bit MUST NOT be set to 1 if the T bit in the request was ' +
      'set to 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': ['never has the T bit where the request has not'],
    },
  },
  {
    id: '11.13.7-1',
    level: 'MUST',
    who: 'target',
    says: 'A Login Response with the C bit set to 1 MUST have the T bit set to 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'with the C bit set has no T bit, and is empty where the request goes on',
      ],
    },
  },
  {
    id: '11.13.8-1',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST provide some basic parameters in order to enable the initiator to determine ' +
      'if it is connected to the correct port and the initial text parameters for the security ' +
      'exchange.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'tells the portal group and, with a normal session, the alias first',
      ],
    },
  },
  {
    id: '11.13.8-2',
    level: 'MUST',
    who: 'both',
    says:
      'All keys listed in Section 13, except for the X extension formats, MUST be supported by ' +
      'iSCSI initiators and targets.',
    tests: {
      'iscsi-target/test/unit/login.test.ts': [
        'negotiates each operational key by its result function (RFC 7143 §13)',
      ],
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
  },
];
