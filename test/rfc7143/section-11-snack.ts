import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.16: SNACK Request. */
export const section11Snack: readonly RfcRule[] = [
  {
    id: '11.16-1',
    level: 'MUST',
    who: 'both',
    says:
      'If the implementation supports ErrorRecoveryLevel greater than zero, it MUST support all ' +
      'SNACK types.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'each type is there from ErrorRecoveryLevel 1 on',
      ],
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for by a Data SNACK when its digest is wrong',
        'is asked for by a Status SNACK; those after it count, but are not acknowledged',
        'is answered by a DataACK with the tag and LUN of the PDU, when nothing is missing',
      ],
      'iscsi-initiator/test/unit/resegmentation.test.ts': [
        'comes again from the beginning, cut anew, with a response that has the SNACK Tag',
      ],
    },
  },
  {
    id: '11.16-2',
    level: 'MUST',
    who: 'target',
    says:
      'The numbered response(s) or R2T(s) requested by a SNACK MUST be delivered as exact replicas ' +
      'of the ones that the target transmitted originally, except for the fields ExpCmdSN, ' +
      'MaxCmdSN, and ExpDataSN …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'what it brings is what was sent, but for the command window, which is the current one',
      ],
    },
  },
  {
    id: '11.16-3',
    level: 'MUST',
    who: 'target',
    says: 'R2T(s)requested by SNACK MUST also carry the current value of the StatSN.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'what it brings is what was sent, but for the command window, which is the current one',
      ],
    },
  },
  {
    id: '11.16-4',
    level: 'MUST',
    who: 'target',
    says:
      'The numbered Data-In PDUs requested by a Data SNACK MUST be delivered as exact replicas of ' +
      'the ones that the target transmitted originally, except for the fields ExpCmdSN and ' +
      'MaxCmdSN …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'what it brings is what was sent, but for the command window, which is the current one',
      ],
    },
  },
  {
    id: '11.16-5',
    level: 'MUST',
    who: 'target',
    says:
      'Any SNACK that requests a numbered response, data, or R2T that was not sent by the target ' +
      'or was already acknowledged by the initiator MUST be rejected with a reason code of ' +
      '"Protocol Error".',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': ['that asks for %s is a protocol error'],
    },
  },
  {
    id: '11.16.1-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Data/R2T SNACK, Status SNACK, or R-Data SNACK for a command MUST precede status ' +
      'acknowledgment for the given command.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'for data names its command and no transfer tag, and comes before the status is acknowledged',
      ],
    },
  },
  {
    id: '11.16.2-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an initiator operates at ErrorRecoveryLevel 1 or higher, it MUST issue a SNACK of type ' +
      'DataACK after receiving a Data-In PDU with the A bit set to 1.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is answered by a DataACK with the tag and LUN of the PDU, when nothing is missing',
      ],
    },
  },
  {
    id: '11.16.2-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'However, if the initiator has detected holes in the input sequence, it MUST postpone ' +
      'issuing the SNACK of type DataACK until the holes are filled.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'that acknowledges data waits for the holes, and what it acknowledged is never asked for ' + 'again',
      ],
    },
  },
  {
    id: '11.16.2-3',
    level: 'MUST NOT',
    who: 'initiator',
    says: 'An initiator MUST NOT request retransmission for any data it had already acknowledged.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'that acknowledges data waits for the holes, and what it acknowledged is never asked for ' + 'again',
      ],
    },
  },
  {
    id: '11.16.3-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the initiator MaxRecvDataSegmentLength changed between the original transmission and the ' +
      'time the initiator requests retransmission, the initiator MUST issue a R-Data SNACK.',
    tests: {
      'iscsi-initiator/test/unit/resegmentation.test.ts': [
        'comes again from the beginning, cut anew, with a response that has the SNACK Tag',
      ],
    },
  },
  {
    id: '11.16.3-2',
    level: 'MUST',
    who: 'target',
    says:
      'A target that has received a R-Data SNACK MUST return a SCSI Response that contains a copy ' +
      'of the SNACK Tag field from the R-Data SNACK in the SCSI Response SNACK Tag field as its ' +
      'last or only Response.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'the response after an R-Data SNACK has its tag, the latest if there were several',
      ],
      'iscsi-target/test/unit/error-recovery.test.ts': [
        'an R-Data SNACK brings all data, cut as it is taken now, and a response with its tag ' +
          '(§11.16.3)',
      ],
    },
  },
  {
    id: '11.16.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'For a Status SNACK and DataACK, the Initiator Task Tag MUST be set to the reserved value ' +
      '0xffffffff.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'for a status has no task tag',
        'that acknowledges data waits for the holes, and what it acknowledged is never asked for ' + 'again',
      ],
    },
  },
  {
    id: '11.16.4-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'In all other cases, the Initiator Task Tag field MUST be set to the Initiator Task Tag of ' +
      'the referenced command.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'for data names its command and no transfer tag, and comes before the status is acknowledged',
      ],
    },
  },
  {
    id: '11.16.5-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'For a R-Data SNACK, this field MUST contain a value that is different from 0 or 0xffffffff ' +
      'and is unique for the task (identified by the Initiator Task Tag).',
    tests: {
      'iscsi-initiator/test/unit/resegmentation.test.ts': [
        'comes all again, with another tag, when the length has changed once more',
        'comes again from the beginning, cut anew, with a response that has the SNACK Tag',
      ],
    },
  },
  {
    id: '11.16.5-2',
    level: 'MUST',
    who: 'target',
    says:
      'This value MUST be copied by the iSCSI target in the last or only SCSI Response PDU it ' +
      'issues for the command.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'the response after an R-Data SNACK has its tag, the latest if there were several',
      ],
      'iscsi-target/test/unit/error-recovery.test.ts': [
        'an R-Data SNACK brings all data, cut as it is taken now, and a response with its tag ' +
          '(§11.16.3)',
      ],
    },
  },
  {
    id: '11.16.5-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'For DataACK, the Target Transfer Tag MUST contain a copy of the Target Transfer Tag and LUN ' +
      'provided with the SCSI Data-In PDU with the A bit set to 1.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'that acknowledges data waits for the holes, and what it acknowledged is never asked for ' + 'again',
      ],
    },
  },
  {
    id: '11.16.5-4',
    level: 'MUST',
    who: 'initiator',
    says:
      'In all other cases, the Target Transfer Tag field MUST be set to the reserved value ' + '0xffffffff.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'for data names its command and no transfer tag, and comes before the status is acknowledged',
      ],
    },
  },
  {
    id: '11.16.6-1',
    level: 'MUST',
    who: 'both',
    says: 'BegRun MUST be 0 for a R-Data SNACK.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': ['that asks for %s is a protocol error'],
      'iscsi-initiator/test/unit/resegmentation.test.ts': [
        'comes again from the beginning, cut anew, with a response that has the SNACK Tag',
      ],
    },
  },
  {
    id: '11.16.7-1',
    level: 'MUST',
    who: 'initiator',
    says: 'The RunLength MUST also be 0 for a DataACK SNACK in addition to a R-Data SNACK.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'that acknowledges data waits for the holes, and what it acknowledged is never asked for ' + 'again',
      ],
      'iscsi-initiator/test/unit/resegmentation.test.ts': [
        'comes again from the beginning, cut anew, with a response that has the SNACK Tag',
      ],
    },
  },
];
