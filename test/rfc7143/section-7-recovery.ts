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
  },
  {
    id: '7.1.4.1-1',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'To avoid a race with the target, which may already have a recovery R2T or a termination ' +
      'response on its way, an initiator SHOULD NOT originate a SNACK for an R2T based on its ' +
      'internal timeouts (if any).',
  },
  {
    id: '7.1.4.3-1',
    level: 'MUST',
    who: 'initiator',
    says: 'TCP connection failure: The initiator MUST close the connection.',
  },
  {
    id: '7.1.4.3-2',
    level: 'MUST',
    who: 'both',
    says:
      'It then MUST either implicitly or explicitly log out the failed connection with the reason ' +
      'code "remove the connection for recovery" and reassign connection allegiance for all ' +
      'commands still in progress …',
  },
  {
    id: '7.1.4.3-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST handle it as a TCP connection failure for the connection(s) referred to ' +
      'in the message.',
  },
  {
    id: '7.1.4.3-4',
    level: 'MUST',
    who: 'target',
    says:
      'TCP connection failure: The target MUST close the connection and, if more than one ' +
      'connection is available, the target SHOULD send an Asynchronous Message that indicates that ' +
      'it has dropped the connection.',
  },
  {
    id: '7.1.5-1',
    level: 'MUST',
    who: 'both',
    says:
      'When a defined value of ErrorRecoveryLevel is proposed by an originator in a text ' +
      'negotiation, the originator MUST support the functionality defined for the proposed value ' +
      'and, additionally …',
  },
  {
    id: '7.1.5-2',
    level: 'MUST',
    who: 'both',
    says:
      'When a defined value of ErrorRecoveryLevel is returned by a responder in a text ' +
      'negotiation, the responder MUST support the functionality corresponding to the ' +
      'ErrorRecoveryLevel it is accepting.',
  },
  {
    id: '7.1.5-3',
    level: 'MUST',
    who: 'both',
    says:
      'Implementations MUST support error recovery level "0", while the rest are OPTIONAL to ' + 'implement.',
  },
  {
    id: '7.2.1-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'Retry MUST NOT be used for reasons other than plugging command sequence gaps and, in ' +
      'particular, cannot be used for requesting PDU retransmissions from a target.',
  },
  {
    id: '7.2.1-2',
    level: 'MUST',
    who: 'both',
    says:
      'When an iSCSI command is retried, the command PDU MUST carry the original Initiator Task ' +
      'Tag and the original operational attributes (e.g., flags, function names, LUN, CDB, etc.) ' +
      'as well as the original CmdSN.',
  },
  {
    id: '7.2.1-3',
    level: 'MUST',
    who: 'both',
    says:
      'The command being retried MUST be sent on the same connection as the original command, ' +
      'unless the original connection was already successfully logged out.',
  },
  {
    id: '7.2.2-1',
    level: 'MUST',
    who: 'both',
    says:
      '… an implicit or explicit Logout with the reason code "remove the connection for recovery" ' +
      'MUST be successfully completed for the previous connection to which the task was allegiant.',
  },
  {
    id: '7.2.2-2',
    level: 'SHOULD',
    who: 'target',
    says:
      'In reassigning connection allegiance for a command, the target SHOULD continue the command ' +
      'from its current state.',
  },
  {
    id: '7.2.2-3',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'Initiators MUST NOT subsequently request data retransmission through Data SNACK for PDUs ' +
      'numbered less than the ExpDataSN (i.e., prior to the acknowledged sequence number).',
  },
  {
    id: '7.2.2-4',
    level: 'MUST',
    who: 'both',
    says:
      'This might possibly involve retransmission of data/R2T/status PDUs as necessary but MUST ' +
      'involve the (re)transmission of the status PDU.',
  },
  {
    id: '7.2.2-5',
    level: 'MUST',
    who: 'target',
    says:
      'When a target does not support allegiance reassignment, it MUST respond with a task ' +
      'management response code of "Task allegiance reassignment not supported".',
  },
  {
    id: '7.2.2-6',
    level: 'MUST',
    who: 'target',
    says:
      '… or a successful recovery Logout of the previously allegiant connection was not performed, ' +
      'the target MUST respond with a task management response code of "Task still allegiant".',
  },
  {
    id: '7.2.2-7',
    level: 'MUST',
    who: 'target',
    says:
      'If allegiance reassignment is supported by the target, the task management response to the ' +
      'reassignment request MUST be issued before the reassignment becomes effective.',
  },
  {
    id: '7.2.2-8',
    level: 'MUST',
    who: 'both',
    says:
      'If a SCSI command that involves data input is reassigned, any SNACK Tag it holds for a ' +
      'final response from the original connection is deleted, and the default value of 0 MUST be ' +
      'used instead.',
  },
  {
    id: '7.3-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'Targets MUST NOT implicitly terminate an active task by sending a Reject PDU for any PDU ' +
      'exchanged during the life of the task.',
  },
  {
    id: '7.3-2',
    level: 'MUST NOT',
    who: 'target',
    says:
      'The CmdSN of the rejected command PDU (if it is a non-immediate command) MUST NOT be ' +
      'considered received by the target (i.e., a command sequence gap must be assumed for the ' +
      'CmdSN) …',
  },
  {
    id: '7.3-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'Upon receiving the Reject, the initiator MUST plug the CmdSN gap in order to continue to ' +
      'use the session.',
  },
  {
    id: '7.3-4',
    level: 'MUST',
    who: 'target',
    says:
      'When a data PDU is rejected and its DataSN can be ascertained, a target MUST advance the ' +
      'ExpDataSN for the current data burst if a recovery R2T is being generated.',
  },
];
