import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §7.8 to §7.15: errors by their kind. */
export const section7Errors: readonly RfcRule[] = [
  {
    id: '7.8-1',
    level: 'MUST',
    who: 'both',
    says:
      'When a target or an initiator receives any iSCSI PDU with a header digest error, it MUST ' +
      'either discard the header and all data up to the beginning of a later PDU or close the ' +
      'connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': ['in a header end the connection, and only that'],
      'iscsi-initiator/test/unit/session.test.ts': ['by a wrong %s digest costs no idempotent command'],
    },
  },
  {
    id: '7.8-2',
    level: 'MUST',
    who: 'target',
    says:
      'When a target receives any iSCSI PDU with a payload digest error, it MUST answer with a ' +
      'Reject PDU with a reason code of Data-Digest-Error and discard the PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'in data are told by a Reject, and the PDU is thrown away (level %s)',
      ],
    },
  },
  {
    id: '7.8-3',
    level: 'MUST',
    who: 'target',
    says:
      'If the discarded PDU is a solicited or unsolicited iSCSI data PDU (for immediate data in a ' +
      'command PDU, the non-data PDU rule below applies), the target MUST do one of the following:',
    tests: {
      'iscsi-target/test/unit/error-recovery.test.ts': [
        'data with a wrong digest is rejected and asked for again by a recovery R2T (§7.8 a)',
      ],
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'without recovery: the command ends with "Protocol Service CRC error" when all its data has ' +
          'come',
      ],
    },
  },
  {
    id: '7.8-4',
    level: 'MUST',
    who: 'target',
    says:
      'If the target chooses to implement this option, it MUST wait to receive all the data ' +
      '(signaled by a data PDU with the Final bit set for all outstanding R2Ts) before sending the ' +
      'SCSI Response PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'without recovery: the command ends with "Protocol Service CRC error" when all its data has ' +
          'come',
      ],
    },
  },
  {
    id: '7.8-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator receives any iSCSI PDU with a payload digest error, it MUST discard the ' + 'PDU.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        'a PDU with a wrong data digest is thrown away whole: neither its data nor its numbers count',
      ],
    },
  },
  {
    id: '7.8-6',
    level: 'MUST',
    who: 'initiator',
    says: 'If the discarded PDU is an iSCSI data PDU, the initiator MUST do one of the following:',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for by a Data SNACK when its digest is wrong',
      ],
    },
  },
  {
    id: '7.8-7',
    level: 'MUST',
    who: 'target',
    says:
      'In response to the SNACK, the target MUST either resend the data PDU or reject the SNACK ' +
      'with a Reject PDU with a reason code of "SNACK reject", in which case:',
    tests: {
      'iscsi-target/test/unit/error-recovery.test.ts': [
        'a Data SNACK brings the named Data-In PDUs again, alike to the last byte of their place ' +
          '(§11.16.1)',
        'small SNACKs that ask for much never send faster than the socket takes',
      ],
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'ends its command with "SNACK rejected" when its status has not gone out, while data %s',
      ],
    },
  },
  {
    id: '7.8-8',
    level: 'MUST',
    who: 'target',
    says:
      'If the status has not already been sent for the command, the target MUST terminate the ' +
      'command with a CHECK CONDITION Status and an iSCSI Condition of "SNACK rejected".',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'ends its command with "SNACK rejected" when its status has not gone out, while data %s',
      ],
    },
  },
  {
    id: '7.8-9',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator in this case MUST wait for the status to be received and then discard it, so ' +
      'as to internally signal the completion with CHECK CONDITION Status and an iSCSI Condition ' +
      'of "Protocol Service CRC error".',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'fails its command when the target cannot send it again, once the status is there',
      ],
    },
  },
  {
    id: '7.8-10',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the discarded PDU is a response PDU or an unsolicited PDU (e.g., Async, Reject), the ' +
      'initiator MUST do one of the following:',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for when its data digest is wrong',
        'is asked for by a Status SNACK; those after it count, but are not acknowledged',
      ],
    },
  },
  {
    id: '7.8-11',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator discards one of these PDUs due to a payload digest error, the entire PDU, ' +
      'including the header, MUST be discarded.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        'a PDU with a wrong data digest is thrown away whole: neither its data nor its numbers count',
      ],
    },
  },
  {
    id: '7.8-12',
    level: 'MUST',
    who: 'initiator',
    says:
      'Consequently, the initiator MUST treat the exception like a loss of any other solicited ' +
      'response PDU.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        'a PDU with a wrong data digest is thrown away whole: neither its data nor its numbers count',
      ],
    },
  },
  {
    id: '7.9-1',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST address these implied digest errors as described in Section 7.8.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for in one run; a status waits for it and is not acknowledged before',
        'that are missing are asked for; those that come twice are not answered again',
      ],
    },
  },
  {
    id: '7.9-2',
    level: 'MUST',
    who: 'target',
    says: 'The target MUST address these implied digest errors as described in Section 7.8.',
    tests: {
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'T-K8: a wrong DataSN fails the command and nothing of the sequence is written',
      ],
    },
  },
  {
    id: '7.9-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator receives an iSCSI status PDU with an out-of-order StatSN that implies ' +
      'missing responses, it MUST address the one or more missing status PDUs as described in ' +
      'Section 7.8.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for by a Status SNACK; those after it count, but are not acknowledged',
      ],
    },
  },
  {
    id: '7.9-4',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'If the initiator wants to recover the missing data for a command, it MUST NOT acknowledge ' +
      'the received responses that start from the StatSN of the relevant command until it has ' +
      'completed receiving all the data PDUs of the command.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for in one run; a status waits for it and is not acknowledged before',
      ],
    },
  },
  {
    id: '7.9-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator receives duplicate R2TSNs (due to proactive retransmission of R2Ts by the ' +
      'target) or duplicate DataSNs (due to proactive SNACKs by the initiator), it MUST discard ' +
      'the duplicates.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is dropped when it comes twice, and so is a status',
        'that are missing are asked for; those that come twice are not answered again',
      ],
    },
  },
  {
    id: '7.11-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'On a ULP timeout for a command (that carried a CmdSN of n), if the iSCSI initiator intends ' +
      'to continue the session it MUST abort the command by using either an appropriate Task ' +
      'Management Function Request …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-7-errors.test.ts': [
        'a command that takes too long is aborted by ABORT TASK, and the session goes on',
      ],
    },
  },
  {
    id: '7.11-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the abort request is received and the original command is missing, targets MUST consider ' +
      'the original command with that RefCmdSN as received and issue a task management response ' +
      'with the response code "Function complete".',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'a command that has not arrived counts as received: the gap is closed',
      ],
    },
  },
  {
    id: '7.11-3',
    level: 'MUST',
    who: 'target',
    says:
      '… and also that the response was sent prior to the abort, then the target MUST respond with ' +
      'the response code "Task Does Not Exist".',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'a command that has its response does not exist any more',
      ],
    },
  },
  {
    id: '7.12-1',
    level: 'MUST',
    who: 'both',
    says:
      'During login, any failure in negotiation MUST be considered a login process failure; the ' +
      'Login Phase, along with the connection, MUST be terminated.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': ['in the login end it and the connection'],
      'iscsi-initiator/test/unit/login.test.ts': ['that never comes to an end is ended'],
    },
  },
  {
    id: '7.12-2',
    level: 'MUST',
    who: 'both',
    says:
      'The operational parameters of the session or the connection MUST continue to be the values ' +
      'agreed upon during an earlier successful negotiation (i.e. …',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'in full feature phase leave everything as it was',
      ],
      'iscsi-initiator/test/unit/resegmentation.test.ts': [
        'is refused when it is none, or the target does not take it',
      ],
    },
  },
  {
    id: '7.14-1',
    level: 'MUST',
    who: 'both',
    says: 'On connection failure, the initiator and target MUST do one of the following:',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a read goes on by another connection from ExpDataSN, and its status comes there',
        'waits for Time2Wait and Time2Retain, and then its tasks and its nexus are over',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'logs it out, sends what was never received again under its CmdSN, and makes another',
      ],
    },
  },
  {
    id: '7.14-2',
    level: 'MUST',
    who: 'both',
    says:
      'Either side may choose to escalate to session recovery (via the initiator dropping all the ' +
      'connections or via an Async Message that announces the similar intent from a target), and ' +
      'the other side MUST give it precedence.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'the recovery of a session goes before that of its connections',
      ],
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': ['%s: %s has it cleaned up, and made anew'],
    },
  },
  {
    id: '7.14-3',
    level: 'MUST',
    who: 'target',
    says:
      'On a connection failure, a target MUST terminate and/or discard all of the active immediate ' +
      'commands, regardless of which of the above options is used (i.e., immediate commands are ' +
      'not recoverable across connection failures).',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'immediate commands end with their connection, whatever is recovered',
      ],
    },
  },
  {
    id: '7.15-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the same I_T nexus is intended to be reestablished, the initiator MUST employ session ' +
      'reinstatement.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N5, N6: it fails with its last connection, and a reinstatement takes its place',
      ],
    },
  },
  {
    id: '7.15-2',
    level: 'MUST',
    who: 'target',
    says:
      'A target MUST also be prepared to handle a session reinstatement request from the initiator ' +
      'that may be addressing session errors.',
    tests: {
      'iscsi-target/test/rfc7143/section-7-errors.test.ts': [
        'the recovery of a session goes before that of its connections',
      ],
      'iscsi-target/test/unit/login.test.ts': [
        'a login of the same initiator port reinstates the session (RFC 7143 §6.3.5)',
      ],
    },
  },
];
