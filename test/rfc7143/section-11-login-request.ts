import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.12: Login Request. */
export const section11LoginRequest: readonly RfcRule[] = [
  {
    id: '11.12-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'After establishing a TCP connection between an initiator and a target, the initiator MUST ' +
      "start a Login Phase to gain further access to the target's resources.",
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
  },
  {
    id: '11.12.2-1',
    level: 'MUST',
    who: 'initiator',
    says: 'A Login Request with the C bit set to 1 MUST have the T bit set to 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-login.test.ts': ['with C and T set is refused'],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
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
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
  },
  {
    id: '11.12.4.1-1',
    level: 'MUST',
    who: 'initiator',
    says: 'All Login Requests within the Login Phase MUST carry the same Version-max.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
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
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
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
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'has an ISID of type 10b, whose rest is random: no vendor’s number is used',
      ],
    },
    because: 'the project has neither an OUI nor an Enterprise Number.',
  },
  {
    id: '11.12.5-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'An OUI or EN MUST be set in the corresponding fields in network byte order (byte ' + 'big-endian).',
    because: 'The ISIDs of this initiator have neither an OUI nor an EN in them.',
  },
  {
    id: '11.12.5-3',
    level: 'MUST',
    who: 'initiator',
    says:
      '… it MUST be configurable to a value assigned according to the SCSI port behavior desired ' +
      'by the system in which it is installed.',
    because:
      'No ISID is derived from hardware: each session draws a random one, and keeps it as long as ' +
      'it lives.',
  },
  {
    id: '11.12.5-4',
    level: 'MUST',
    who: 'initiator',
    says: 'The resultant ISID MUST also be persistent over power cycles, reboot, card swap, etc.',
    because:
      'No ISID is derived from hardware: each session draws a random one, and keeps it as long as ' +
      'it lives.',
  },
  {
    id: '11.12.6-1',
    level: 'MUST',
    who: 'initiator',
    says: 'The reserved value 0 MUST be used on the first connection for a new session.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
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
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'of another connection has the TSIH of the session and a CID of its own, the same in all of ' +
          'them',
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
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'of another connection has the TSIH of the session and a CID of its own, the same in all of ' +
          'them',
      ],
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
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'of another connection has the TSIH of the session and a CID of its own, the same in all of ' +
          'them',
      ],
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
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
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
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
  },
];
