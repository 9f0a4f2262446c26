import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.2.1 to §4.2.2.2: connections, and the numbering of commands and statuses. */
export const section4Numbering: readonly RfcRule[] = [
  {
    id: '4.2.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'iSCSI targets and initiators MUST support at least one TCP connection and MAY support ' +
      'several connections in a session.',
    tests: {
      'iscsi-target/test/unit/multi-connection.test.ts': [
        'a connection joins by TSIH and is given the command window of the session',
      ],
      'iscsi-initiator/test/unit/login.test.ts': [
        'names both sides first, then negotiates, each stage with a transit',
      ],
    },
  },
  {
    id: '4.2.1-2',
    level: 'SHOULD',
    who: 'both',
    says:
      'For error recovery purposes, targets and initiators that support a single active connection ' +
      'in a session SHOULD support two connections during recovery.',
    tests: {
      'iscsi-target/test/unit/multi-connection.test.ts': [
        'a login with a CID in use reinstates that connection (§6.3.4)',
      ],
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'goes on with the session and its commands, though it was the only connection',
      ],
    },
  },
  {
    id: '4.2.2.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'Commands meant for immediate delivery are marked with an immediate delivery flag; they MUST ' +
      'also carry the current CmdSN.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'an immediate command carries the current CmdSN and leaves ExpCmdSN where it is',
      ],
      'iscsi-initiator/test/unit/session.test.ts': ['T-K10: pings are immediate and do not use up a CmdSN'],
    },
  },
  {
    id: '4.2.2.1-2',
    level: 'MUST NOT',
    who: 'both',
    says: 'The CmdSN MUST NOT advance after a command marked for immediate delivery is sent.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'an immediate command carries the current CmdSN and leaves ExpCmdSN where it is',
      ],
      'iscsi-initiator/test/unit/session.test.ts': ['T-K10: pings are immediate and do not use up a CmdSN'],
    },
  },
  {
    id: '4.2.2.1-3',
    level: 'MUST',
    who: 'both',
    says:
      '… and the CmdSN MUST be incremented by 1 in a Serial Number Arithmetic sense, as defined in ' +
      '[RFC1982], for every non-immediate command issued afterwards.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'ExpCmdSN starts with the CmdSN of the login and counts commands that are not immediate',
      ],
      'iscsi-initiator/test/unit/session.test.ts': [
        'T-N5: commands wait while the window is closed, and go when it opens',
      ],
    },
  },
  {
    id: '4.2.2.1-4',
    level: 'MUST',
    who: 'both',
    says:
      'The initiator and target MUST ensure that the SCSI task management functions specified in ' +
      '[SAM2] act in accordance with the [SAM2] specification.',
    tests: {
      'iscsi-target/test/unit/task-management.test.ts': [
        'ABORT TASK of a command that never was answers "task does not exist"',
        'ABORT TASK SET ends all commands of the session on the LUN without status',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '4.2.2.1-5',
    level: 'MUST',
    who: 'target',
    says:
      'An iSCSI target MUST be able to handle at least one immediate task management command and ' +
      'one immediate non-task-management iSCSI command per connection at any time.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'with a closed window one immediate command and one task management function still get ' + 'through',
      ],
    },
  },
  {
    id: '4.2.2.1-6',
    level: 'MUST',
    who: 'target',
    says:
      'With the exception of the commands marked for immediate delivery, the iSCSI target layer ' +
      'MUST deliver the commands for execution in the order specified by the CmdSN.',
    tests: {
      'iscsi-target/test/unit/full-feature.test.ts': ['runs commands in CmdSN order'],
      'iscsi-target/test/unit/multi-connection.test.ts': [
        'commands run in CmdSN order across connections, each answered where it came from (§4.2.2.1)',
      ],
    },
  },
  {
    id: '4.2.2.1-7',
    level: 'MUST',
    who: 'initiator',
    says:
      'On any connection, the iSCSI initiator MUST send the commands in increasing order of CmdSN, ' +
      'except for commands that are retransmitted due to digest error recovery and connection ' +
      'recovery.',
    tests: {
      'iscsi-initiator/test/unit/session.test.ts': [
        'T-N5: commands wait while the window is closed, and go when it opens',
      ],
    },
  },
  {
    id: '4.2.2.1-8',
    level: 'MUST NOT',
    who: 'target',
    says: 'There MUST NOT be any holes in the acknowledged CmdSN sequence.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': ['nothing behind a hole is acknowledged'],
    },
  },
  {
    id: '4.2.2.1-9',
    level: 'MUST',
    who: 'both',
    says:
      'Comparisons and arithmetic on the ExpCmdSN and MaxCmdSN MUST use Serial Number Arithmetic ' +
      'as defined in [RFC1982] where SERIAL_BITS = 32.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'numbers go on from FFFFFFFFh to 0, in both directions of every comparison',
      ],
      'iscsi-pdu/test/unit/keys.test.ts': ['order goes on across the wrap'],
    },
  },
  {
    id: '4.2.2.1-10',
    level: 'MUST NOT',
    who: 'target',
    says: 'The target MUST NOT transmit a MaxCmdSN that is less than ExpCmdSN - 1.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': ['MaxCmdSN is never less than ExpCmdSN - 1'],
    },
  },
  {
    id: '4.2.2.1-11',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST silently ignore any non-immediate command outside of this range or ' +
      'non-immediate duplicates within the range.',
    tests: {
      'iscsi-target/test/unit/full-feature.test.ts': [
        'T-K8: ignores a CmdSN above MaxCmdSN, below ExpCmdSN, and one that is waiting already',
      ],
    },
  },
  {
    id: '4.2.2.1-12',
    level: 'MUST',
    who: 'both',
    says: 'iSCSI initiators and targets MUST support the command numbering scheme.',
    tests: {
      'iscsi-target/test/unit/full-feature.test.ts': ['runs commands in CmdSN order'],
      'iscsi-initiator/test/unit/session.test.ts': [
        'T-N5: commands wait while the window is closed, and go when it opens',
      ],
    },
  },
  {
    id: '4.2.2.1-13',
    level: 'MUST',
    who: 'target',
    says:
      'Testing for the execution state (represented by identifying the Initiator Task Tag) MUST ' +
      'precede any other action at the target.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'a command that is sent again while it has a task is not executed twice',
      ],
      'iscsi-target/test/unit/full-feature.test.ts': [
        'rejects a task tag that is in use (RFC 7143 §11.17.1, "task in progress")',
      ],
    },
  },
  {
    id: '4.2.2.1-14',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'If an initiator issues a command retry for a command with CmdSN R on a connection when the ' +
      'session CmdSN value is Q, it MUST NOT advance the CmdSN past R + 2**31 - 1 unless',
    because:
      'CmdSN never passes MaxCmdSN, which lies within 2**31 of ExpCmdSN, and ExpCmdSN does not ' +
      'pass a command that is still retried.',
  },
  {
    id: '4.2.2.1-15',
    level: 'MUST NOT',
    who: 'target',
    says:
      'A target command response or Data-In PDU with status MUST NOT precede the command ' +
      'acknowledgment.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'a status never comes before its command is acknowledged',
      ],
    },
  },
  {
    id: '4.2.2.2-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Initiators MUST undertake recovery actions if the difference is greater than an ' +
      'implementation-defined constant that MUST NOT exceed 2**31 - 1.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for by a Status SNACK; those after it count, but are not acknowledged',
      ],
      'iscsi-initiator/test/unit/session.test.ts': ['ends a connection on which a status is missing'],
    },
  },
  {
    id: '4.2.2.2-2',
    level: 'MUST',
    who: 'both',
    says: 'Initiators and targets MUST support the response-numbering scheme.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'each response uses up a StatSN; R2T, data without status and pings of the target do not',
      ],
      'iscsi-target/test/unit/multi-connection.test.ts': [
        'StatSN is counted for each connection by itself (§4.2.2.2)',
      ],
      'iscsi-initiator/test/unit/session.test.ts': ['acknowledges every status'],
    },
  },
];
