import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §7.4 to §7.15: discovery sessions, timeouts, and errors by their kind. */
export const section7Errors: readonly RfcRule[] = [
  {
    id: '7.4.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'When such a negotiation attempt is made by the remote side, a compliant iSCSI ' +
      'implementation MUST propose a value of 0 (zero) in response.',
  },
  {
    id: '7.4.1-2',
    level: 'MUST',
    who: 'both',
    says: 'The operational ErrorRecoveryLevel for Discovery sessions thus MUST be 0.',
  },
  {
    id: '7.4.2.1-1',
    level: 'MUST',
    who: 'target',
    says:
      'UNNAMED ISID RULE: Targets MUST enforce the uniqueness of the following 4-tuple for Unnamed ' +
      'Discovery sessions: <InitiatorName, ISID, NULL, TargetAddress>.',
  },
  {
    id: '7.4.2.1-2',
    level: 'SHOULD',
    who: 'target',
    says:
      'Targets SHOULD allow concurrent establishment of one Discovery session with each of its ' +
      'Network Portals by the same initiator port with a given iSCSI Node Name and an ISID.',
  },
  {
    id: '7.4.2.1-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'Each of the concurrent Discovery sessions, if established by the same initiator port to ' +
      'other Network Portals, MUST be treated as independent sessions -- i.e., one session MUST ' +
      'NOT reinstate the other.',
  },
  {
    id: '7.4.2.1-4',
    level: 'MUST',
    who: 'both',
    says:
      'A new Unnamed Discovery session that has a matching <InitiatorName, ISID, NULL, ' +
      'TargetAddress> to an existing Discovery session MUST reinstate the existing Unnamed ' +
      'Discovery session.',
  },
  {
    id: '7.4.2.2-1',
    level: 'MUST',
    who: 'target',
    says:
      'Since all the four elements of the 4-tuple are known, the ISID RULE MUST be enforced by ' +
      'targets with no changes from Section 4.4.3 semantics.',
  },
  {
    id: '7.4.3-1',
    level: 'SHOULD NOT',
    who: 'target',
    says:
      'Targets SHOULD NOT send any responses other than a Text Response and Logout Response on a ' +
      'Discovery session, once in the Full Feature Phase.',
  },
  {
    id: '7.5-1',
    level: 'SHOULD NOT',
    who: 'both',
    says:
      'Recovery attempts for the connection and/or task(s) SHOULD NOT be made before Time2Wait ' +
      'seconds but MUST be completed within Time2Retain seconds after that initial Time2Wait ' +
      'waiting period.',
  },
  {
    id: '7.7-1',
    level: 'MUST',
    who: 'both',
    says:
      'When a target or an initiator receives an iSCSI PDU with a format error, it MUST ' +
      'immediately terminate all transport connections in the session with either a connection ' +
      'close or a connection reset …',
  },
  {
    id: '7.7-2',
    level: 'MUST',
    who: 'initiator',
    says: 'All initiator-detected PDU construction errors MUST be considered as format errors.',
  },
  {
    id: '7.8-1',
    level: 'MUST',
    who: 'both',
    says:
      'When a target or an initiator receives any iSCSI PDU with a header digest error, it MUST ' +
      'either discard the header and all data up to the beginning of a later PDU or close the ' +
      'connection.',
  },
  {
    id: '7.8-2',
    level: 'MUST',
    who: 'target',
    says:
      'When a target receives any iSCSI PDU with a payload digest error, it MUST answer with a ' +
      'Reject PDU with a reason code of Data-Digest-Error and discard the PDU.',
  },
  {
    id: '7.8-3',
    level: 'MUST',
    who: 'target',
    says:
      'If the discarded PDU is a solicited or unsolicited iSCSI data PDU (for immediate data in a ' +
      'command PDU, the non-data PDU rule below applies), the target MUST do one of the following:',
  },
  {
    id: '7.8-4',
    level: 'MUST',
    who: 'target',
    says:
      'If the target chooses to implement this option, it MUST wait to receive all the data ' +
      '(signaled by a data PDU with the Final bit set for all outstanding R2Ts) before sending the ' +
      'SCSI Response PDU.',
  },
  {
    id: '7.8-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator receives any iSCSI PDU with a payload digest error, it MUST discard the ' + 'PDU.',
  },
  {
    id: '7.8-6',
    level: 'MUST',
    who: 'initiator',
    says: 'If the discarded PDU is an iSCSI data PDU, the initiator MUST do one of the following:',
  },
  {
    id: '7.8-7',
    level: 'MUST',
    who: 'target',
    says:
      'In response to the SNACK, the target MUST either resend the data PDU or reject the SNACK ' +
      'with a Reject PDU with a reason code of "SNACK reject", in which case:',
  },
  {
    id: '7.8-8',
    level: 'MUST',
    who: 'target',
    says:
      'If the status has not already been sent for the command, the target MUST terminate the ' +
      'command with a CHECK CONDITION Status and an iSCSI Condition of "SNACK rejected".',
  },
  {
    id: '7.8-9',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator in this case MUST wait for the status to be received and then discard it, so ' +
      'as to internally signal the completion with CHECK CONDITION Status and an iSCSI Condition ' +
      'of "Protocol Service CRC error".',
  },
  {
    id: '7.8-10',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the discarded PDU is a response PDU or an unsolicited PDU (e.g., Async, Reject), the ' +
      'initiator MUST do one of the following:',
  },
  {
    id: '7.8-11',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator discards one of these PDUs due to a payload digest error, the entire PDU, ' +
      'including the header, MUST be discarded.',
  },
  {
    id: '7.8-12',
    level: 'MUST',
    who: 'initiator',
    says:
      'Consequently, the initiator MUST treat the exception like a loss of any other solicited ' +
      'response PDU.',
  },
  {
    id: '7.9-1',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST address these implied digest errors as described in Section 7.8.',
  },
  {
    id: '7.9-2',
    level: 'MUST',
    who: 'target',
    says: 'The target MUST address these implied digest errors as described in Section 7.8.',
  },
  {
    id: '7.9-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator receives an iSCSI status PDU with an out-of-order StatSN that implies ' +
      'missing responses, it MUST address the one or more missing status PDUs as described in ' +
      'Section 7.8.',
  },
  {
    id: '7.9-4',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'If the initiator wants to recover the missing data for a command, it MUST NOT acknowledge ' +
      'the received responses that start from the StatSN of the relevant command until it has ' +
      'completed receiving all the data PDUs of the command.',
  },
  {
    id: '7.9-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'When an initiator receives duplicate R2TSNs (due to proactive retransmission of R2Ts by the ' +
      'target) or duplicate DataSNs (due to proactive SNACKs by the initiator), it MUST discard ' +
      'the duplicates.',
  },
  {
    id: '7.11-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'On a ULP timeout for a command (that carried a CmdSN of n), if the iSCSI initiator intends ' +
      'to continue the session it MUST abort the command by using either an appropriate Task ' +
      'Management Function Request …',
  },
  {
    id: '7.11-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the abort request is received and the original command is missing, targets MUST consider ' +
      'the original command with that RefCmdSN as received and issue a task management response ' +
      'with the response code "Function complete".',
  },
  {
    id: '7.11-3',
    level: 'MUST',
    who: 'target',
    says:
      '… and also that the response was sent prior to the abort, then the target MUST respond with ' +
      'the response code "Task Does Not Exist".',
  },
  {
    id: '7.12-1',
    level: 'MUST',
    who: 'both',
    says:
      'During login, any failure in negotiation MUST be considered a login process failure; the ' +
      'Login Phase, along with the connection, MUST be terminated.',
  },
  {
    id: '7.12-2',
    level: 'MUST',
    who: 'both',
    says:
      'The operational parameters of the session or the connection MUST continue to be the values ' +
      'agreed upon during an earlier successful negotiation (i.e. …',
  },
  {
    id: '7.14-1',
    level: 'MUST',
    who: 'both',
    says: 'On connection failure, the initiator and target MUST do one of the following:',
  },
  {
    id: '7.14-2',
    level: 'MUST',
    who: 'target',
    says:
      'Either side may choose to escalate to session recovery (via the initiator dropping all the ' +
      'connections or via an Async Message that announces the similar intent from a target), and ' +
      'the other side MUST give it precedence.',
  },
  {
    id: '7.14-3',
    level: 'MUST',
    who: 'target',
    says:
      'On a connection failure, a target MUST terminate and/or discard all of the active immediate ' +
      'commands, regardless of which of the above options is used (i.e., immediate commands are ' +
      'not recoverable across connection failures).',
  },
  {
    id: '7.15-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the same I_T nexus is intended to be reestablished, the initiator MUST employ session ' +
      'reinstatement.',
  },
  {
    id: '7.15-2',
    level: 'MUST',
    who: 'target',
    says:
      'A target MUST also be prepared to handle a session reinstatement request from the initiator ' +
      'that may be addressing session errors.',
  },
];
