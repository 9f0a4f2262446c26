import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §7.1 to §7.3: recovery classes, retry, reassignment and Reject. */
export const section7Recovery: readonly RfcRule[] = [
  {
    id: '7.1.4-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'The use of within-connection and within-command recovery classes MUST NOT be attempted ' +
      'before the connection is in the Full Feature Phase.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': ['a SNACK during the login ends it'],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'may not be anything else: any other PDU during the login ends the connection',
      ],
    },
  },
  {
    id: '7.1.4.1-1',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'To avoid a race with the target, which may already have a recovery R2T or a termination ' +
      'response on its way, an initiator SHOULD NOT originate a SNACK for an R2T based on its ' +
      'internal timeouts (if any).',
    tests: {
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        'an R2T that does not come is not asked for by a SNACK, however long it takes',
      ],
    },
  },
  {
    id: '7.1.4.3-1',
    level: 'MUST',
    who: 'initiator',
    says: 'TCP connection failure: The initiator MUST close the connection.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': ['%s: %s has it cleaned up, and made anew'],
    },
  },
  {
    id: '7.1.4.3-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'It then MUST either implicitly or explicitly log out the failed connection with the reason ' +
      'code "remove the connection for recovery" and reassign connection allegiance for all ' +
      'commands still in progress …',
    tests: {
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'logs the lost one out for recovery, reassigns its commands and makes another',
        'goes on with the session and its commands, though it was the only connection',
      ],
    },
  },
  {
    id: '7.1.4.3-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST handle it as a TCP connection failure for the connection(s) referred to ' +
      'in the message.',
    tests: {
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'begins when the target says that it has dropped a connection, and not before its time',
      ],
    },
  },
  {
    id: '7.1.4.3-4',
    level: 'MUST',
    who: 'target',
    says:
      'TCP connection failure: The target MUST close the connection and, if more than one ' +
      'connection is available, the target SHOULD send an Asynchronous Message that indicates that ' +
      'it has dropped the connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'the loss of a connection is told on another one',
      ],
    },
  },
  {
    id: '7.1.5-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'When a defined value of ErrorRecoveryLevel is proposed by an originator in a text ' +
      'negotiation, the originator MUST support the functionality defined for the proposed value ' +
      'and, additionally …',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is offered as the options say, and the lower of the two holds',
        'is asked for by a Data SNACK when its digest is wrong',
      ],
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'logs the lost one out for recovery, reassigns its commands and makes another',
      ],
    },
  },
  {
    id: '7.1.5-2',
    level: 'MUST',
    who: 'target',
    says:
      'When a defined value of ErrorRecoveryLevel is returned by a responder in a text ' +
      'negotiation, the responder MUST support the functionality corresponding to the ' +
      'ErrorRecoveryLevel it is accepting.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        '%s is agreed to, and what belongs to it is there',
      ],
    },
  },
  {
    id: '7.1.5-3',
    level: 'MUST',
    who: 'both',
    says:
      'Implementations MUST support error recovery level "0", while the rest are OPTIONAL to ' + 'implement.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        '%s is agreed to, and what belongs to it is there',
      ],
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        '%s ends every connection of the session, and another session takes its place',
      ],
    },
  },
  {
    id: '7.2.1-1',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'Retry MUST NOT be used for reasons other than plugging command sequence gaps and, in ' +
      'particular, cannot be used for requesting PDU retransmissions from a target.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is not sent again when it only takes long',
        'is sent again when a ping shows that it is still missing',
      ],
    },
  },
  {
    id: '7.2.1-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an iSCSI command is retried, the command PDU MUST carry the original Initiator Task ' +
      'Tag and the original operational attributes (e.g., flags, function names, LUN, CDB, etc.) ' +
      'as well as the original CmdSN.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is sent again with all its data when its digest was wrong',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'logs it out, sends what was never received again under its CmdSN, and makes another',
      ],
    },
  },
  {
    id: '7.2.1-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'The command being retried MUST be sent on the same connection as the original command, ' +
      'unless the original connection was already successfully logged out.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is sent again with all its data when its digest was wrong',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'logs it out, sends what was never received again under its CmdSN, and makes another',
      ],
    },
  },
  {
    id: '7.2.2-1',
    level: 'MUST',
    who: 'both',
    says:
      '… an implicit or explicit Logout with the reason code "remove the connection for recovery" ' +
      'MUST be successfully completed for the previous connection to which the task was allegiant.',
    tests: {
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'logs the lost one out for recovery, reassigns its commands and makes another',
        'goes on with the session and its commands, though it was the only connection',
      ],
      'iscsi-target/test/unit/connection-recovery.test.ts': ['is to a connection that is gone and %s'],
    },
  },
  {
    id: '7.2.2-2',
    level: 'SHOULD',
    who: 'target',
    says:
      'In reassigning connection allegiance for a command, the target SHOULD continue the command ' +
      'from its current state.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a read goes on by another connection from ExpDataSN, and its status comes there',
        'a write is asked for the data that did not come, with R2TSNs from ExpDataSN on',
      ],
    },
  },
  {
    id: '7.2.2-3',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'Initiators MUST NOT subsequently request data retransmission through Data SNACK for PDUs ' +
      'numbered less than the ExpDataSN (i.e., prior to the acknowledged sequence number).',
    tests: {
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'asks for data from the first on that is missing, and takes what came after that again',
      ],
    },
  },
  {
    id: '7.2.2-4',
    level: 'MUST',
    who: 'target',
    says:
      'This might possibly involve retransmission of data/R2T/status PDUs as necessary but MUST ' +
      'involve the (re)transmission of the status PDU.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a status that was not acknowledged is sent again with a StatSN of the new connection',
        'an ExpDataSN of %s',
      ],
    },
  },
  {
    id: '7.2.2-5',
    level: 'MUST',
    who: 'target',
    says:
      'When a target does not support allegiance reassignment, it MUST respond with a task ' +
      'management response code of "Task allegiance reassignment not supported".',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        '%s is agreed to, and what belongs to it is there',
      ],
    },
  },
  {
    id: '7.2.2-6',
    level: 'MUST',
    who: 'target',
    says:
      '… or a successful recovery Logout of the previously allegiant connection was not performed, ' +
      'the target MUST respond with a task management response code of "Task still allegiant".',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'is to a connection that is gone and %s',
        'stays with a connection that is there',
      ],
    },
  },
  {
    id: '7.2.2-7',
    level: 'MUST',
    who: 'target',
    says:
      'If allegiance reassignment is supported by the target, the task management response to the ' +
      'reassignment request MUST be issued before the reassignment becomes effective.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a read goes on by another connection from ExpDataSN, and its status comes there',
      ],
    },
  },
  {
    id: '7.2.2-8',
    level: 'MUST',
    who: 'target',
    says:
      'If a SCSI command that involves data input is reassigned, any SNACK Tag it holds for a ' +
      'final response from the original connection is deleted, and the default value of 0 MUST be ' +
      'used instead.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a read goes on by another connection from ExpDataSN, and its status comes there',
      ],
    },
  },
  {
    id: '7.3-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'Targets MUST NOT implicitly terminate an active task by sending a Reject PDU for any PDU ' +
      'exchanged during the life of the task.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'does not end a task that is there: that takes a response',
      ],
    },
  },
  {
    id: '7.3-2',
    level: 'MUST NOT',
    who: 'target',
    says:
      'The CmdSN of the rejected command PDU (if it is a non-immediate command) MUST NOT be ' +
      'considered received by the target (i.e., a command sequence gap must be assumed for the ' +
      'CmdSN) …',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'has not been received: its CmdSN is expected again, and what follows waits',
        'and is a Text Request has not been received either',
      ],
    },
  },
  {
    id: '7.3-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'Upon receiving the Reject, the initiator MUST plug the CmdSN gap in order to continue to ' +
      'use the session.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'and is refused leaves no gap: an ABORT TASK stands in for it (RFC 7143 §7.3)',
      ],
    },
  },
  {
    id: '7.3-4',
    level: 'MUST',
    who: 'target',
    says:
      'When a data PDU is rejected and its DataSN can be ascertained, a target MUST advance the ' +
      'ExpDataSN for the current data burst if a recovery R2T is being generated.',
    tests: {
      'iscsi-target/test/unit/error-recovery.test.ts': [
        'data with a wrong digest is rejected and asked for again by a recovery R2T (§7.8 a)',
      ],
    },
  },
];
