import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.2.2.3 and §4.2.2.4: the order of responses and data. */
export const section4Ordering: readonly RfcRule[] = [
  {
    id: '4.2.2.3.2-1',
    level: 'MUST',
    who: 'target',
    says:
      'Whenever the Response Fence behavior is required for a SCSI response message, the target ' +
      'iSCSI layer MUST ensure that the following conditions are met in delivering the response ' +
      'message to the initiator iSCSI layer:',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
        'holds later responses on all connections back until it is acknowledged itself',
        'on a single connection nothing waits (RFC 7143 §4.2.2.3.3 a)',
      ],
    },
  },
  {
    id: '4.2.2.3.2-2',
    level: 'MUST',
    who: 'target',
    says:
      'A response with a Response Fence MUST be delivered chronologically after all the ' +
      '"preceding" responses on the I_T_L nexus, if the preceding responses are delivered at all, ' +
      'to the initiator iSCSI layer.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
      ],
    },
  },
  {
    id: '4.2.2.3.2-3',
    level: 'MUST',
    who: 'target',
    says:
      'A response with a Response Fence MUST be delivered chronologically prior to all the ' +
      '"following" responses on the I_T_L nexus.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'holds later responses on all connections back until it is acknowledged itself',
      ],
    },
  },
  {
    id: '4.2.2.3.3-1',
    level: 'MUST',
    who: 'target',
    says:
      '… the target iSCSI layer MUST perform the actions described in this section for that ' + 'session.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
        'holds later responses on all connections back until it is acknowledged itself',
        'on a single connection nothing waits (RFC 7143 §4.2.2.3.3 a)',
      ],
    },
  },
  {
    id: '4.2.2.3.3-2',
    level: 'MUST NOT',
    who: 'target',
    says:
      'The SCSI Response PDU requiring the Response Fence behavior MUST NOT be sent to the ' +
      'initiator before acknowledgments are received for each of the unacknowledged StatSNs.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
      ],
    },
  },
  {
    id: '4.2.2.3.3-3',
    level: 'MUST',
    who: 'target',
    says: 'The fence MUST be considered cleared only after receiving the acknowledgment.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'holds later responses on all connections back until it is acknowledged itself',
      ],
    },
  },
  {
    id: '4.2.2.3.3-4',
    level: 'MUST',
    who: 'target',
    says:
      'If any new responses for the I_T_L nexus are received from the SCSI layer before the fence ' +
      'is cleared, those Response PDUs MUST be held and queued at the iSCSI layer until the fence ' +
      'is cleared.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'holds later responses on all connections back until it is acknowledged itself',
      ],
    },
  },
  {
    id: '4.2.2.3.4-1',
    level: 'MUST',
    who: 'target',
    says:
      'Whenever the TaskReporting key is negotiated to ResponseFence or FastAbort for an iSCSI ' +
      'session, the target iSCSI layer MUST assume that the Response Fence is required for the ' +
      'following SCSI completion messages:',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        '%s, with %s',
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
        'the answer to CLEAR ACA is fenced as well (RFC 7143 §4.2.2.3.4 e)',
      ],
    },
  },
  {
    id: '4.2.2.3.4-2',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'Due to the absence of ACA-related fencing requirements in [RFC3720], initiator ' +
      'implementations SHOULD NOT use ACA on multi-connection iSCSI sessions with targets ' +
      'complying only with [RFC3720].',
    because:
      'The initiator does not use ACA by itself: NACA and the ACA task attribute are sent where its ' +
      'user asks for them.',
  },
  {
    id: '4.2.2.3.4-3',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'Initiators that want to employ ACA on multi-connection iSCSI sessions SHOULD first assess ' +
      'response-fencing behavior via negotiating for the "ResponseFence" or "FastAbort" value for ' +
      'the TaskReporting key.',
    because:
      'The initiator does not use ACA by itself: NACA and the ACA task attribute are sent where its ' +
      'user asks for them.',
  },
  {
    id: '4.2.2.4-1',
    level: 'MUST',
    who: 'both',
    says: 'Data and R2T PDUs transferred as part of some command execution MUST be sequenced.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-numbering.test.ts': [
        'Data-In is numbered from 0 for each command, and R2Ts likewise',
      ],
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'T-K8: a wrong DataSN fails the command and nothing of the sequence is written',
      ],
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '4.2.2.4-2',
    level: 'MUST',
    who: 'target',
    says:
      'For any read or bidirectional command, a target MUST issue less than 2**32 combined R2T and ' +
      'Data-In PDUs.',
    because:
      'A transfer has at most 2**32 - 1 bytes (Expected Data Transfer Length) and each Data-In PDU ' +
      'and R2T moves at least one of them.',
  },
  {
    id: '4.2.2.4-3',
    level: 'MUST',
    who: 'both',
    says: 'Any output data sequence MUST contain less than 2**32 Data-Out PDUs.',
    because:
      'A sequence has at most MaxBurstLength, 16 777 215 bytes, and each Data-Out PDU of ours ' +
      'moves at least one of them.',
  },
];
