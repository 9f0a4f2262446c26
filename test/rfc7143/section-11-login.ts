import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.12 and §11.13: Login Request and Response. */
export const section11Login: readonly RfcRule[] = [
  {
    id: '11.12-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'After establishing a TCP connection between an initiator and a target, the initiator MUST ' +
      "start a Login Phase to gain further access to the target's resources.",
  },
  {
    id: '11.12.2-1',
    level: 'MUST',
    who: 'initiator',
    says: 'A Login Request with the C bit set to 1 MUST have the T bit set to 0.',
    tests: { 'iscsi-target/test/rfc7143/section-11-login.test.ts': ['with C and T set is refused'] },
  },
  {
    id: '11.12.4-1',
    level: 'MUST',
    who: 'initiator',
    says: 'Therefore, both Version-min and Version-max MUST be set to 0x00.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'with a Version-min above 0 is refused: only version 0 is there',
      ],
    },
  },
  {
    id: '11.12.4.1-1',
    level: 'MUST',
    who: 'initiator',
    says: 'All Login Requests within the Login Phase MUST carry the same Version-max.',
  },
  {
    id: '11.12.4.1-2',
    level: 'MUST',
    who: 'target',
    says: 'The target MUST use the value presented with the first Login Request.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'the versions of the first one count, and every response has the same',
      ],
    },
  },
  {
    id: '11.12.4.2-1',
    level: 'MUST',
    who: 'initiator',
    says: 'All Login Requests within the Login Phase MUST carry the same Version-min.',
  },
  {
    id: '11.12.4.2-2',
    level: 'MUST',
    who: 'target',
    says: 'The target MUST use the value presented with the first Login Request.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'the versions of the first one count, and every response has the same',
      ],
    },
  },
  {
    id: '11.12.5-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'A vendor or organization with one or more OUIs, or one or more Enterprise Numbers, MUST use ' +
      'at least one of these numbers and select the appropriate value for the T field when its ' +
      'components generate ISIDs.',
  },
  {
    id: '11.12.5-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'An OUI or EN MUST be set in the corresponding fields in network byte order (byte ' + 'big-endian).',
  },
  {
    id: '11.12.5-3',
    level: 'MUST',
    who: 'initiator',
    says:
      '… it MUST be configurable to a value assigned according to the SCSI port behavior desired ' +
      'by the system in which it is installed.',
  },
  {
    id: '11.12.5-4',
    level: 'MUST',
    who: 'initiator',
    says: 'The resultant ISID MUST also be persistent over power cycles, reboot, card swap, etc.',
  },
  {
    id: '11.12.6-1',
    level: 'MUST',
    who: 'initiator',
    says: 'The reserved value 0 MUST be used on the first connection for a new session.',
  },
  {
    id: '11.12.6-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'Otherwise, the TSIH sent by the target at the conclusion of the successful login of the ' +
      'first connection for this session MUST be used.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'TSIH 0 asks for a new session, the TSIH of a session for a place in it, and any other is ' +
          'refused',
      ],
    },
  },
  {
    id: '11.12.6-3',
    level: 'MUST',
    who: 'initiator',
    says: 'All Login Requests within a Login Phase MUST carry the same TSIH.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': ['a %s that changes within the login ends it'],
    },
  },
  {
    id: '11.12.6-4',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST check the value presented with the first Login Request and act as specified ' +
      'in Section 6.3.1.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'TSIH 0 asks for a new session, the TSIH of a session for a place in it, and any other is ' +
          'refused',
      ],
    },
  },
  {
    id: '11.12.7-1',
    level: 'MUST',
    who: 'initiator',
    says: 'All Login Requests within the Login Phase MUST carry the same CID.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': ['a %s that changes within the login ends it'],
    },
  },
  {
    id: '11.12.7-2',
    level: 'MUST',
    who: 'target',
    says: 'The target MUST use the value presented with the first Login Request.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'the CID of the first one is that of the connection',
      ],
    },
  },
  {
    id: '11.12.8-1',
    level: 'MUST',
    who: 'target',
    says:
      'If the Login Request is a leading Login Request, the target MUST use the value presented in ' +
      'the CmdSN as the target value for the ExpCmdSN.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': [
        'the CmdSN of the leading one is the first ExpCmdSN',
      ],
    },
  },
  {
    id: '11.12.10-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST provide some basic parameters in order to enable the target to determine ' +
      "if the initiator may use the target's resources and the initial text parameters for the " +
      'security exchange.',
  },
  {
    id: '11.12.10-2',
    level: 'MUST',
    who: 'both',
    says:
      'All keys listed in Section 13, except for the X extension formats, MUST be supported by ' +
      'iSCSI initiators and targets.',
    tests: {
      'iscsi-target/test/unit/login.test.ts': [
        'negotiates each operational key by its result function (RFC 7143 §13)',
      ],
    },
  },
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
    },
  },
];
