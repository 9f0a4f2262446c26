import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.7 and §11.8: Data-Out, Data-In and R2T. */
export const section11Data: readonly RfcRule[] = [
  {
    id: '11.7-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Although targets MAY choose to send even non-exception status in separate responses, ' +
      'initiators MUST support non-exception status in Data-In PDUs.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'status may come with the last data, or after it',
      ],
    },
  },
  {
    id: '11.7.1-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'DataSegmentLength MUST NOT exceed MaxRecvDataSegmentLength for the direction it is sent, ' +
      'and the total of all the DataSegmentLength of all PDUs in a sequence MUST NOT exceed ' +
      'MaxBurstLength …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'no PDU exceeds MaxRecvDataSegmentLength=%s, no sequence MaxBurstLength=%s',
      ],
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'is immediate, then unsolicited, up to the first burst',
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '11.7.2-1',
    level: 'MUST NOT',
    who: 'target',
    says: '… and it MUST NOT do so more frequently.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'with the A bit has a target transfer tag and the LUN of its command, once in MaxBurstLength ' +
          'bytes',
      ],
    },
  },
  {
    id: '11.7.2-2',
    level: 'MUST NOT',
    who: 'target',
    says: 'The target MUST NOT set to 1 the A bit for sessions with ErrorRecoveryLevel=0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'never sets the A bit at ErrorRecoveryLevel 0, and has no target transfer tag then',
      ],
    },
  },
  {
    id: '11.7.2-3',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST ignore the A bit set to 1 for sessions with ErrorRecoveryLevel=0.',
    tests: { 'iscsi-initiator/test/unit/error-recovery.test.ts': ['means nothing at ErrorRecoveryLevel 0'] },
  },
  {
    id: '11.7.2-4',
    level: 'MUST',
    who: 'initiator',
    says:
      '… if there are no holes in the read data until that Data-In PDU, the initiator MUST issue a ' +
      'SNACK of type DataACK, except when it is able to acknowledge the status for the task ' +
      'immediately via the ExpStatSN …',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is answered by a DataACK with the tag and LUN of the PDU, when nothing is missing',
      ],
    },
  },
  {
    id: '11.7.2-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the initiator has detected holes in the read data prior to that Data-In PDU, it MUST ' +
      'postpone issuing the SNACK of type DataACK until the holes are filled.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'that acknowledges data waits for the holes, and what it acknowledged is never asked for ' + 'again',
      ],
    },
  },
  {
    id: '11.7.2-6',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'An initiator also MUST NOT acknowledge the status for the task before those holes are ' + 'filled.',
    tests: {
      'iscsi-initiator/test/unit/error-recovery.test.ts': [
        'is asked for in one run; a status waits for it and is not acknowledged before',
      ],
    },
  },
  {
    id: '11.7.3-1',
    level: 'MUST',
    who: 'target',
    says:
      'If the command is completed with an error, then the response and sense data MUST be sent in ' +
      'a SCSI Response PDU (i.e., MUST NOT be sent in a SCSI data packet).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'ends a read that failed after some of its data, with the number of Data-In PDUs sent',
      ],
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'ends with CHECK CONDITION and sense when the medium fails',
      ],
    },
  },
  {
    id: '11.7.3-2',
    level: 'MUST',
    who: 'target',
    says: 'For bidirectional commands, the status MUST be sent in a SCSI Response PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'of a command with both directions carries no status: that comes in a SCSI Response',
      ],
    },
  },
  {
    id: '11.7.3-3',
    level: 'MUST',
    who: 'target',
    says: 'If this bit is set to 1, the F bit MUST also be set to 1.',
    tests: {
      'iscsi-target/test/unit/data-transfer.test.ts': ['carries GOOD status in its last PDU'],
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'carries status only with the F bit, and none but GOOD',
      ],
    },
  },
  {
    id: '11.7.4-1',
    level: 'MUST',
    who: 'target',
    says:
      'On incoming data, the Target Transfer Tag and LUN MUST be provided by the target if the A ' +
      'bit is set to 1; otherwise, they are reserved.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'with the A bit has a target transfer tag and the LUN of its command, once in MaxBurstLength ' +
          'bytes',
      ],
    },
  },
  {
    id: '11.7.4-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the Target Transfer Tag is provided, then the LUN field MUST hold a valid value and be ' +
      'consistent with whatever was specified with the command; otherwise, the LUN field is ' +
      'reserved.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'with the A bit has a target transfer tag and the LUN of its command, once in MaxBurstLength ' +
          'bytes',
      ],
    },
  },
  {
    id: '11.7.7-1',
    level: 'MUST',
    who: 'both',
    says:
      'The sending of 0-length data segments should be avoided, but initiators and targets MUST be ' +
      'able to properly receive 0-length data segments.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'may have no data: it counts in its sequence all the same',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a Data-In PDU without data counts like any other',
      ],
    },
  },
  {
    id: '11.7.7-2',
    level: 'SHOULD',
    who: 'both',
    says:
      'The data segments of Data-In and Data-Out PDUs SHOULD be filled to the integer number of ' +
      '4-byte words (real payload), unless the F bit is set to 1.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': ['fills whole words but for PDUs with the F bit'],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has data in whole words but for the PDU with the F bit',
      ],
    },
  },
  {
    id: '11.8-1',
    level: 'MUST',
    who: 'both',
    says:
      'In order to allow write operations without an explicit initial R2T, the initiator and ' +
      'target MUST have negotiated the key InitialR2T to No during login.',
    tests: {
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'fails a command with %s: ABORTED COMMAND (RFC 7143 §11.4.7.2)',
      ],
      'iscsi-initiator/test/unit/data-transfer.test.ts': ['is only immediate with InitialR2T'],
    },
  },
  {
    id: '11.8-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an R2T is answered with a single Data-Out PDU, the buffer offset in the data PDU MUST be ' +
      'the same as the one specified by the R2T …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': ['that answers an R2T %s fails the command'],
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '11.8-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the R2T is answered with a sequence of data PDUs, the buffer offset and length MUST be ' +
      'within the range of those specified by the R2T, and the last PDU MUST have the F bit set to ' +
      '1.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': ['that answers an R2T %s fails the command'],
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '11.8-4',
    level: 'MUST',
    who: 'initiator',
    says:
      'If DataPDUInOrder is set to Yes, the buffer offsets and lengths for consecutive PDUs MUST ' +
      'form a continuous non-overlapping range, and the PDUs MUST be sent in increasing offset ' +
      'order.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': ['that answers an R2T %s fails the command'],
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '11.8-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'Within a task, outstanding R2Ts MUST be fulfilled by the initiator in the order in which ' +
      'they were received.',
    tests: {
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '11.8-6',
    level: 'MUST',
    who: 'target',
    says:
      'If DataSequenceInOrder is Yes, then consecutive R2Ts MUST refer to continuous ' +
      'non-overlapping ranges, except for Recovery-R2Ts.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'asks for ranges that join, none of them empty or longer than MaxBurstLength, under tags of ' +
          'its own',
      ],
    },
  },
  {
    id: '11.8.1-1',
    level: 'MUST',
    who: 'target',
    says: 'For this PDU, TotalAHSLength and DataSegmentLength MUST be 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
      'iscsi-pdu/test/unit/codec.test.ts': [
        'data in a PDU that must have none is refused (RFC 7143 11.5.2, 11.8.1, 11.15.2)',
      ],
    },
  },
  {
    id: '11.8.4-1',
    level: 'MUST NOT',
    who: 'target',
    says: 'The Desired Data Transfer Length MUST NOT be 0 and MUST NOT exceed MaxBurstLength.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'asks for ranges that join, none of them empty or longer than MaxBurstLength, under tags of ' +
          'its own',
      ],
    },
  },
  {
    id: '11.8.5-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'There is no protocol rule about the Target Transfer Tag except that the value 0xffffffff is ' +
      'reserved and MUST NOT be sent by a target in an R2T.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-data.test.ts': [
        'asks for ranges that join, none of them empty or longer than MaxBurstLength, under tags of ' +
          'its own',
      ],
    },
  },
];
