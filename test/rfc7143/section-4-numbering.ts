import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.1 to §4.2.2: layers, numbering, response order and data sequencing. */
export const section4Numbering: readonly RfcRule[] = [
  {
    id: '4.2.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'iSCSI targets and initiators MUST support at least one TCP connection and MAY support ' +
      'several connections in a session.',
  },
  {
    id: '4.2.1-2',
    level: 'SHOULD',
    who: 'both',
    says:
      'For error recovery purposes, targets and initiators that support a single active connection ' +
      'in a session SHOULD support two connections during recovery.',
  },
  {
    id: '4.2.2.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'Commands meant for immediate delivery are marked with an immediate delivery flag; they MUST ' +
      'also carry the current CmdSN.',
  },
  {
    id: '4.2.2.1-2',
    level: 'MUST NOT',
    who: 'both',
    says: 'The CmdSN MUST NOT advance after a command marked for immediate delivery is sent.',
  },
  {
    id: '4.2.2.1-3',
    level: 'MUST',
    who: 'both',
    says:
      '… and the CmdSN MUST be incremented by 1 in a Serial Number Arithmetic sense, as defined in ' +
      '[RFC1982], for every non-immediate command issued afterwards.',
  },
  {
    id: '4.2.2.1-4',
    level: 'MUST',
    who: 'both',
    says:
      'The initiator and target MUST ensure that the SCSI task management functions specified in ' +
      '[SAM2] act in accordance with the [SAM2] specification.',
  },
  {
    id: '4.2.2.1-5',
    level: 'MUST',
    who: 'target',
    says:
      'An iSCSI target MUST be able to handle at least one immediate task management command and ' +
      'one immediate non-task-management iSCSI command per connection at any time.',
  },
  {
    id: '4.2.2.1-6',
    level: 'MUST',
    who: 'target',
    says:
      'With the exception of the commands marked for immediate delivery, the iSCSI target layer ' +
      'MUST deliver the commands for execution in the order specified by the CmdSN.',
  },
  {
    id: '4.2.2.1-7',
    level: 'MUST',
    who: 'initiator',
    says:
      'On any connection, the iSCSI initiator MUST send the commands in increasing order of CmdSN, ' +
      'except for commands that are retransmitted due to digest error recovery and connection ' +
      'recovery.',
  },
  {
    id: '4.2.2.1-8',
    level: 'MUST NOT',
    who: 'both',
    says: 'There MUST NOT be any holes in the acknowledged CmdSN sequence.',
  },
  {
    id: '4.2.2.1-9',
    level: 'MUST',
    who: 'both',
    says:
      'Comparisons and arithmetic on the ExpCmdSN and MaxCmdSN MUST use Serial Number Arithmetic ' +
      'as defined in [RFC1982] where SERIAL_BITS = 32.',
  },
  {
    id: '4.2.2.1-10',
    level: 'MUST NOT',
    who: 'target',
    says: 'The target MUST NOT transmit a MaxCmdSN that is less than ExpCmdSN - 1.',
  },
  {
    id: '4.2.2.1-11',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST silently ignore any non-immediate command outside of this range or ' +
      'non-immediate duplicates within the range.',
  },
  {
    id: '4.2.2.1-12',
    level: 'MUST',
    who: 'both',
    says: 'iSCSI initiators and targets MUST support the command numbering scheme.',
  },
  {
    id: '4.2.2.1-13',
    level: 'MUST',
    who: 'initiator',
    says:
      'Testing for the execution state (represented by identifying the Initiator Task Tag) MUST ' +
      'precede any other action at the target.',
  },
  {
    id: '4.2.2.1-14',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'If an initiator issues a command retry for a command with CmdSN R on a connection when the ' +
      'session CmdSN value is Q, it MUST NOT advance the CmdSN past R + 2**31 - 1 unless',
  },
  {
    id: '4.2.2.1-15',
    level: 'MUST NOT',
    who: 'target',
    says:
      'A target command response or Data-In PDU with status MUST NOT precede the command ' +
      'acknowledgment.',
  },
  {
    id: '4.2.2.2-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Initiators MUST undertake recovery actions if the difference is greater than an ' +
      'implementation-defined constant that MUST NOT exceed 2**31 - 1.',
  },
  {
    id: '4.2.2.2-2',
    level: 'MUST',
    who: 'target',
    says: 'Initiators and targets MUST support the response-numbering scheme.',
  },
  {
    id: '4.2.2.3.2-1',
    level: 'MUST',
    who: 'target',
    says:
      'Whenever the Response Fence behavior is required for a SCSI response message, the target ' +
      'iSCSI layer MUST ensure that the following conditions are met in delivering the response ' +
      'message to the initiator iSCSI layer:',
  },
  {
    id: '4.2.2.3.2-2',
    level: 'MUST',
    who: 'both',
    says:
      'A response with a Response Fence MUST be delivered chronologically after all the ' +
      '"preceding" responses on the I_T_L nexus, if the preceding responses are delivered at all, ' +
      'to the initiator iSCSI layer.',
  },
  {
    id: '4.2.2.3.2-3',
    level: 'MUST',
    who: 'both',
    says:
      'A response with a Response Fence MUST be delivered chronologically prior to all the ' +
      '"following" responses on the I_T_L nexus.',
  },
  {
    id: '4.2.2.3.3-1',
    level: 'MUST',
    who: 'target',
    says:
      '… the target iSCSI layer MUST perform the actions described in this section for that ' + 'session.',
  },
  {
    id: '4.2.2.3.3-2',
    level: 'MUST NOT',
    who: 'both',
    says:
      'The SCSI Response PDU requiring the Response Fence behavior MUST NOT be sent to the ' +
      'initiator before acknowledgments are received for each of the unacknowledged StatSNs.',
  },
  {
    id: '4.2.2.3.3-3',
    level: 'MUST',
    who: 'both',
    says: 'The fence MUST be considered cleared only after receiving the acknowledgment.',
  },
  {
    id: '4.2.2.3.3-4',
    level: 'MUST',
    who: 'both',
    says:
      'If any new responses for the I_T_L nexus are received from the SCSI layer before the fence ' +
      'is cleared, those Response PDUs MUST be held and queued at the iSCSI layer until the fence ' +
      'is cleared.',
  },
  {
    id: '4.2.2.3.4-1',
    level: 'MUST',
    who: 'target',
    says:
      'Whenever the TaskReporting key is negotiated to ResponseFence or FastAbort for an iSCSI ' +
      'session, the target iSCSI layer MUST assume that the Response Fence is required for the ' +
      'following SCSI completion messages:',
  },
  {
    id: '4.2.2.3.4-2',
    level: 'SHOULD NOT',
    who: 'both',
    says:
      'Due to the absence of ACA-related fencing requirements in [RFC3720], initiator ' +
      'implementations SHOULD NOT use ACA on multi-connection iSCSI sessions with targets ' +
      'complying only with [RFC3720].',
  },
  {
    id: '4.2.2.3.4-3',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'Initiators that want to employ ACA on multi-connection iSCSI sessions SHOULD first assess ' +
      'response-fencing behavior via negotiating for the "ResponseFence" or "FastAbort" value for ' +
      'the TaskReporting key.',
  },
  {
    id: '4.2.2.4-1',
    level: 'MUST',
    who: 'both',
    says: 'Data and R2T PDUs transferred as part of some command execution MUST be sequenced.',
  },
  {
    id: '4.2.2.4-2',
    level: 'MUST',
    who: 'target',
    says:
      'For any read or bidirectional command, a target MUST issue less than 2**32 combined R2T and ' +
      'Data-In PDUs.',
  },
  {
    id: '4.2.2.4-3',
    level: 'MUST',
    who: 'both',
    says: 'Any output data sequence MUST contain less than 2**32 Data-Out PDUs.',
  },
];
