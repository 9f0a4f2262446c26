import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.2.4 to §4.2.6: login, full feature phase and the end of a connection. */
export const section4Phases: readonly RfcRule[] = [
  {
    id: '4.2.4-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'As part of the login process, the initiator and target SHOULD authenticate each other and ' +
      'MAY set a security association protocol for the session.',
    tests: {
      'iscsi-target/test/unit/chap.test.ts': [
        'recomputes a mutual exchange between a Linux initiator and tgtd',
      ],
      'iscsi-initiator/test/unit/login.test.ts': [
        'offers nothing but CHAP when the target has to prove itself',
      ],
    },
  },
  {
    id: '4.2.4-2',
    level: 'MUST',
    who: 'both',
    says: 'Login Requests and Responses MUST be used exclusively during login.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'a Login Request in full feature phase is rejected, and the session goes on',
        'another PDU during the login is answered with status 020Bh, and the connection ends',
      ],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
  },
  {
    id: '4.2.4-3',
    level: 'MUST',
    who: 'both',
    says:
      'On any connection, the Login Phase MUST immediately follow TCP connection establishment, ' +
      'and a subsequent Login Phase MUST NOT occur before tearing down the connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'a Login Request in full feature phase is rejected, and the session goes on',
      ],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the first thing that goes out, names both ends, and asks for version 0 and a new session',
      ],
    },
  },
  {
    id: '4.2.4-4',
    level: 'MUST',
    who: 'target',
    says:
      'A target receiving any PDU except a Login Request before the Login Phase is started MUST ' +
      'immediately terminate the connection on which the PDU was received.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'a connection that begins with a %s is ended at once, without an answer',
      ],
    },
  },
  {
    id: '4.2.4-5',
    level: 'MUST',
    who: 'target',
    says:
      'Once the Login Phase has started, if the target receives any PDU except a Login Request, it ' +
      'MUST send a Login reject (with Status "invalid during login") and then disconnect.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'another PDU during the login is answered with status 020Bh, and the connection ends',
      ],
    },
  },
  {
    id: '4.2.4-6',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the initiator receives any PDU except a Login Response, it MUST immediately terminate ' +
      'the connection.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'may not be anything else: any other PDU during the login ends the connection',
      ],
    },
  },
  {
    id: '4.2.5.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'For any iSCSI request issued over a TCP connection, the corresponding response and/or other ' +
      'related PDU(s) MUST be sent over the same connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'data, R2T and status of a command come on its connection, and nothing on another',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'keep to their connection: data goes by it, and an answer by another is none',
      ],
    },
  },
  {
    id: '4.2.5.1-2',
    level: 'MUST',
    who: 'target',
    says:
      'Thus, if an initiator issues a read command, the target MUST send the requested data, if ' +
      'any, followed by the status, to the initiator over the same TCP connection that was used to ' +
      'deliver the SCSI command.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'data, R2T and status of a command come on its connection, and nothing on another',
      ],
    },
  },
  {
    id: '4.2.5.1-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an initiator issues a write command, the initiator MUST send the data, if any, for that ' +
      'command over the same TCP connection that was used to deliver the SCSI command.',
    tests: {
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'keep to their connection: data goes by it, and an answer by another is none',
      ],
    },
  },
  {
    id: '4.2.5.1-4',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST return Ready To Transfer (R2T), if any, and the status over the same TCP ' +
      'connection that was used to deliver the SCSI command.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'data, R2T and status of a command come on its connection, and nothing on another',
      ],
    },
  },
  {
    id: '4.2.5.1-5',
    level: 'MUST',
    who: 'both',
    says:
      'Retransmission requests (SNACK PDUs), and the data and status that they generate, MUST also ' +
      'use the same connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'what a SNACK brings comes on the connection of the SNACK and of its command',
      ],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': ['goes by the connection of its command'],
    },
  },
  {
    id: '4.2.5.2-1',
    level: 'MUST',
    who: 'initiator',
    says: 'All subsequent data MUST be solicited.',
    tests: {
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'is immediate, then unsolicited, up to the first burst',
      ],
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'fails a command with %s: ABORTED COMMAND (RFC 7143 §11.4.7.2)',
      ],
    },
  },
  {
    id: '4.2.5.2-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'If any non-immediate unsolicited data is sent, the total unsolicited data MUST be either ' +
      'FirstBurstLength or all of the data, if the total amount is less than the FirstBurstLength.',
    tests: {
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'is immediate, then unsolicited, up to the first burst',
      ],
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'fails a command with %s: ABORTED COMMAND (RFC 7143 §11.4.7.2)',
      ],
    },
  },
  {
    id: '4.2.5.2-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'An initiator MUST honor an R2T data request for a valid outstanding command (i.e., carrying ' +
      'a valid Initiator Task Tag) and deliver all the requested data …',
    tests: {
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '4.2.5.2-4',
    level: 'SHOULD NOT',
    who: 'target',
    says: 'A target SHOULD NOT silently discard data and then request retransmission through R2T.',
    tests: {
      'iscsi-target/test/unit/error-recovery.test.ts': [
        'data with a wrong digest is rejected and asked for again by a recovery R2T (§7.8 a)',
      ],
    },
  },
  {
    id: '4.2.5.2-5',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'Initiators SHOULD NOT keep track of the data transferred to or from the target ' + '(scoreboarding).',
    because:
      'The initiator keeps one count of bytes and one of PDUs for a command, which the order keys ' +
      'let it check; residuals are those that the target tells.',
  },
  {
    id: '4.2.5.2-6',
    level: 'MUST',
    who: 'both',
    says: 'In addition, iSCSI initiators and targets MUST enforce some ordering rules.',
    tests: {
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'T-K8: a wrong DataSN fails the command and nothing of the sequence is written',
        'fails a command with %s: ABORTED COMMAND (RFC 7143 §11.4.7.2)',
      ],
      'iscsi-initiator/test/unit/data-transfer.test.ts': ['with %s ends the connection, and touches nothing'],
    },
  },
  {
    id: '4.2.5.2-7',
    level: 'MUST',
    who: 'initiator',
    says:
      'When unsolicited data is used, the order of the unsolicited data on each connection MUST ' +
      'match the order in which the commands on that connection are sent.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'with unsolicited data is followed by it before that of the next command',
      ],
    },
  },
  {
    id: '4.2.5.2-8',
    level: 'MUST',
    who: 'initiator',
    says:
      '… but the unsolicited Data-Out PDUs for command N MUST precede the unsolicited Data-Out ' +
      'PDUs of command N + 1).',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'with unsolicited data is followed by it before that of the next command',
      ],
    },
  },
  {
    id: '4.2.5.3-1',
    level: 'MUST',
    who: 'both',
    says:
      'As the Initiator Task Tag is used to identify a task during its execution, the iSCSI ' +
      'initiator and target MUST verify that all other fields used in task-related PDUs have ' +
      'values that are consistent with …',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'R2T, Data-In and status name the LUN and the task tag of their command',
        'Data-Out with the task tag of one command and the transfer tag of another is thrown away',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'is not answered by an R2T that names another unit',
      ],
    },
    because: 'the LUN of a Data-Out is not compared, since Windows sends a wrong one (T-K6).',
  },
  {
    id: '4.2.6-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'A graceful transport connection shutdown SHOULD only be initiated by either party when the ' +
      'connection is not in the iSCSI Full Feature Phase.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'a graceful end of a connection comes only after its logout',
      ],
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'T9, T13: it is logged out when the session closes, and free when that is answered',
      ],
    },
  },
  {
    id: '4.2.6-2',
    level: 'SHOULD',
    who: 'target',
    says:
      'A target MAY terminate a Full Feature Phase connection on internal exception events, but it ' +
      'SHOULD announce the fact through an Asynchronous Message PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'an end that the target wants is announced by an Asynchronous Message first',
      ],
    },
  },
];
