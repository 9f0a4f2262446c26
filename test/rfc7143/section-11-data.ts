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
  },
  {
    id: '11.7.1-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'DataSegmentLength MUST NOT exceed MaxRecvDataSegmentLength for the direction it is sent, ' +
      'and the total of all the DataSegmentLength of all PDUs in a sequence MUST NOT exceed ' +
      'MaxBurstLength …',
  },
  {
    id: '11.7.2-1',
    level: 'MUST NOT',
    who: 'target',
    says: '… and it MUST NOT do so more frequently.',
  },
  {
    id: '11.7.2-2',
    level: 'MUST NOT',
    who: 'target',
    says: 'The target MUST NOT set to 1 the A bit for sessions with ErrorRecoveryLevel=0.',
  },
  {
    id: '11.7.2-3',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST ignore the A bit set to 1 for sessions with ErrorRecoveryLevel=0.',
  },
  {
    id: '11.7.2-4',
    level: 'MUST',
    who: 'initiator',
    says:
      '… if there are no holes in the read data until that Data-In PDU, the initiator MUST issue a ' +
      'SNACK of type DataACK, except when it is able to acknowledge the status for the task ' +
      'immediately via the ExpStatSN …',
  },
  {
    id: '11.7.2-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the initiator has detected holes in the read data prior to that Data-In PDU, it MUST ' +
      'postpone issuing the SNACK of type DataACK until the holes are filled.',
  },
  {
    id: '11.7.2-6',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'An initiator also MUST NOT acknowledge the status for the task before those holes are ' + 'filled.',
  },
  {
    id: '11.7.3-1',
    level: 'MUST',
    who: 'both',
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
    who: 'both',
    says: 'For bidirectional commands, the status MUST be sent in a SCSI Response PDU.',
  },
  {
    id: '11.7.3-3',
    level: 'MUST',
    who: 'both',
    says: 'If this bit is set to 1, the F bit MUST also be set to 1.',
    tests: { 'iscsi-target/test/unit/data-transfer.test.ts': ['carries GOOD status in its last PDU'] },
  },
  {
    id: '11.7.4-1',
    level: 'MUST',
    who: 'target',
    says:
      'On incoming data, the Target Transfer Tag and LUN MUST be provided by the target if the A ' +
      'bit is set to 1; otherwise, they are reserved.',
  },
  {
    id: '11.7.4-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the Target Transfer Tag is provided, then the LUN field MUST hold a valid value and be ' +
      'consistent with whatever was specified with the command; otherwise, the LUN field is ' +
      'reserved.',
  },
  {
    id: '11.7.7-1',
    level: 'MUST',
    who: 'both',
    says:
      'The sending of 0-length data segments should be avoided, but initiators and targets MUST be ' +
      'able to properly receive 0-length data segments.',
  },
  {
    id: '11.7.7-2',
    level: 'SHOULD',
    who: 'both',
    says:
      'The data segments of Data-In and Data-Out PDUs SHOULD be filled to the integer number of ' +
      '4-byte words (real payload), unless the F bit is set to 1.',
  },
  {
    id: '11.8-1',
    level: 'MUST',
    who: 'both',
    says:
      'In order to allow write operations without an explicit initial R2T, the initiator and ' +
      'target MUST have negotiated the key InitialR2T to No during login.',
  },
  {
    id: '11.8-2',
    level: 'MUST',
    who: 'both',
    says:
      'If an R2T is answered with a single Data-Out PDU, the buffer offset in the data PDU MUST be ' +
      'the same as the one specified by the R2T …',
  },
  {
    id: '11.8-3',
    level: 'MUST',
    who: 'both',
    says:
      'If the R2T is answered with a sequence of data PDUs, the buffer offset and length MUST be ' +
      'within the range of those specified by the R2T, and the last PDU MUST have the F bit set to ' +
      '1.',
  },
  {
    id: '11.8-4',
    level: 'MUST',
    who: 'both',
    says:
      'If DataPDUInOrder is set to Yes, the buffer offsets and lengths for consecutive PDUs MUST ' +
      'form a continuous non-overlapping range, and the PDUs MUST be sent in increasing offset ' +
      'order.',
  },
  {
    id: '11.8-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'Within a task, outstanding R2Ts MUST be fulfilled by the initiator in the order in which ' +
      'they were received.',
  },
  {
    id: '11.8-6',
    level: 'MUST',
    who: 'both',
    says:
      'If DataSequenceInOrder is Yes, then consecutive R2Ts MUST refer to continuous ' +
      'non-overlapping ranges, except for Recovery-R2Ts.',
  },
  {
    id: '11.8.1-1',
    level: 'MUST',
    who: 'both',
    says: 'For this PDU, TotalAHSLength and DataSegmentLength MUST be 0.',
  },
  {
    id: '11.8.4-1',
    level: 'MUST NOT',
    who: 'both',
    says: 'The Desired Data Transfer Length MUST NOT be 0 and MUST NOT exceed MaxBurstLength.',
  },
  {
    id: '11.8.5-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'There is no protocol rule about the Target Transfer Tag except that the value 0xffffffff is ' +
      'reserved and MUST NOT be sent by a target in an R2T.',
  },
];
