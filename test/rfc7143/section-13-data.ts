import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §13.10 to §13.20: data transfer and recovery. */
export const section13Data: readonly RfcRule[] = [
  {
    id: '13.11-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'If ImmediateData is set to No and InitialR2T is set to Yes, then the initiator MUST NOT ' +
      'send unsolicited data and the target MUST reject unsolicited data with the corresponding ' +
      'response code.',
    tests: {
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'fails a command with %s: ABORTED COMMAND (RFC 7143 §11.4.7.2)',
      ],
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
      ],
    },
  },
  {
    id: '13.11-2',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'If ImmediateData is set to No and InitialR2T is set to No, then the initiator MUST NOT send ' +
      'unsolicited immediate data but MAY send one unsolicited burst of Data-OUT PDUs.',
    tests: {
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'waits for R2Ts where nothing may go by itself, and answers each as a sequence',
        'is immediate, then unsolicited, up to the first burst',
        'is only immediate with InitialR2T',
      ],
    },
  },
  {
    id: '13.12-1',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'An initiator MUST NOT send solicited PDUs exceeding MaxBurstLength nor unsolicited PDUs ' +
      'exceeding FirstBurstLength (or FirstBurstLength- Immediate Data Length if immediate data ' +
      'were sent).',
    tests: {
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'is immediate, then unsolicited, up to the first burst',
        'is not sent for an R2T that asks for %s',
      ],
    },
  },
  {
    id: '13.14-1',
    level: 'MUST NOT',
    who: 'both',
    says: 'FirstBurstLength MUST NOT exceed MaxBurstLength.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'FirstBurstLength does not exceed MaxBurstLength: %j (§13.14)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'FirstBurstLength never exceeds MaxBurstLength, in the offer or after the answer (§13.14)',
      ],
    },
  },
  {
    id: '13.19-1',
    level: 'MUST',
    who: 'both',
    says:
      'If DataSequenceInOrder is set to Yes, data sequences MUST be transferred using continuously ' +
      'non-decreasing sequence offsets (R2T buffer offset for writes, or the smallest SCSI Data-In ' +
      'buffer offset within a read data sequence).',
    tests: {
      'iscsi-target/test/unit/data-order.test.ts': [
        'R2Ts and Data-In go by rising offsets, whatever is agreed on (§13.19)',
      ],
    },
    because: 'The initiator answers R2Ts in the order in which they come.',
  },
  {
    id: '13.19-2',
    level: 'MUST',
    who: 'both',
    says:
      'For this reason, if ErrorRecoveryLevel is not 0 and DataSequenceInOrder is set to Yes, then ' +
      'MaxOutstandingR2T MUST be set to 1.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'MaxOutstandingR2T is 1 where recovered data comes in order: %j (§13.19)',
        'ErrorRecoveryLevel is 0 once several R2Ts in order have been agreed on (§13.19)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'ErrorRecoveryLevel %d goes with MaxOutstandingR2T=%s, as data is in order (§13.19)',
      ],
    },
  },
];
