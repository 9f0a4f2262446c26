import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.4: SCSI Response. */
export const section11Responses: readonly RfcRule[] = [
  {
    id: '11.4.1-1',
    level: 'MUST',
    who: 'target',
    says: 'For a response other than "Command Completed at Target", bits 3-6 MUST be 0.',
    because:
      'Every SCSI Response of this target is "Command Completed at Target": failures are told by ' +
      'status and sense data.',
  },
  {
    id: '11.4.2-1',
    level: 'MUST',
    who: 'target',
    says:
      '… the target MUST wait until it receives a data PDU with the F bit set in the last expected ' +
      'sequence before sending the Response PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'an error of the device waits for the F bit of the unsolicited data',
        'an error of the device waits for the F bit of every sequence that an R2T has asked for',
      ],
    },
  },
  {
    id: '11.4.3-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'A non-zero response field indicates a failure to execute the command, in which case the ' +
      'Status and Flag fields are undefined and MUST be ignored on reception.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a response code other than 0 fails the command, whatever its status and flags say',
      ],
    },
  },
  {
    id: '11.4.5.1-1',
    level: 'MUST',
    who: 'target',
    says:
      'The Residual Count field MUST be valid in the case where either the U bit or the O bit is ' + 'set.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'a read that presents %d bytes where %d are expected',
        'a write that takes %d bytes where %d are expected',
      ],
    },
  },
  {
    id: '11.4.5.1-2',
    level: 'MUST',
    who: 'both',
    says:
      'If neither bit is set, the Residual Count field MUST be ignored on reception and SHOULD be ' +
      'set to 0 when sending.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'without O or U bit the count is 0, whatever the status',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'without O or U bit the residual count means nothing',
      ],
    },
  },
  {
    id: '11.4.5.2-1',
    level: 'MUST',
    who: 'target',
    says:
      'If SPDTL > EDTL for a task, iSCSI Overflow MUST be signaled in the SCSI Response PDU as ' +
      'specified in Section 11.4.5.1.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'a read that presents %d bytes where %d are expected',
        'a write that takes %d bytes where %d are expected',
      ],
    },
  },
  {
    id: '11.4.5.2-2',
    level: 'MUST',
    who: 'target',
    says: 'The Residual Count MUST be set to the numerical value of (SPDTL - EDTL).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'a read that presents %d bytes where %d are expected',
        'a write that takes %d bytes where %d are expected',
      ],
    },
  },
  {
    id: '11.4.5.2-3',
    level: 'MUST',
    who: 'target',
    says:
      'If SPDTL < EDTL for a task, iSCSI Underflow MUST be signaled in the SCSI Response PDU as ' +
      'specified in Section 11.4.5.1.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'a read that presents %d bytes where %d are expected',
        'a write that takes %d bytes where %d are expected',
      ],
    },
  },
  {
    id: '11.4.5.2-4',
    level: 'MUST',
    who: 'target',
    says: 'The Residual Count MUST be set to the numerical value of (EDTL - SPDTL).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'a read that presents %d bytes where %d are expected',
        'a write that takes %d bytes where %d are expected',
      ],
    },
  },
  {
    id: '11.4.5.3-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      '… an iSCSI Residual Overflow has not occurred and the iSCSI (O) bit MUST NOT be set in the ' +
      'SCSI Response or final SCSI Data-Out PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': ['REPORT LUNS with %s has no overflow'],
    },
  },
  {
    id: '11.4.5.3-2',
    level: 'MUST',
    who: 'target',
    says:
      'However, if the iSCSI EDTL is larger than the ALLOCATION LENGTH in this scenario, note that ' +
      'the iSCSI Underflow MUST be signaled in the SCSI Response PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': ['REPORT LUNS with %s has no overflow'],
    },
  },
  {
    id: '11.4.5.3-3',
    level: 'MUST',
    who: 'target',
    says:
      'An iSCSI Underflow MUST also be signaled when the iSCSI EDTL is equal to the ALLOCATION ' +
      'LENGTH but the LU inventory data presented to the iSCSI layer is smaller than the ' +
      'ALLOCATION LENGTH.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': ['REPORT LUNS with %s has no overflow'],
    },
  },
  {
    id: '11.4.6-1',
    level: 'MUST',
    who: 'target',
    says:
      'The Bidirectional Read Residual Count field MUST be valid in the case where either the u ' +
      'bit or the o bit is set.',
    because:
      'No command of this device server is bidirectional, so neither the o nor the u bit is ever ' + 'set.',
  },
  {
    id: '11.4.7-1',
    level: 'MUST',
    who: 'target',
    says: 'iSCSI targets MUST support and enable Autosense.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'carries sense data with CHECK CONDITION, after its length',
      ],
    },
  },
  {
    id: '11.4.7-2',
    level: 'MUST',
    who: 'target',
    says:
      'If Status is CHECK CONDITION (0x02), then the data segment MUST contain sense data for the ' +
      'failed command.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'carries sense data with CHECK CONDITION, after its length',
      ],
    },
  },
  {
    id: '11.4.8-1',
    level: 'MUST',
    who: 'target',
    says:
      'This field MUST be 0 if the response code is not Command Completed at Target or the target ' +
      'sent no Data-In PDUs for the command.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'has an ExpDataSN of 0 when there was no Data-In',
      ],
    },
  },
  {
    id: '11.4.9-1',
    level: 'MUST',
    who: 'target',
    says:
      'In the case of responses sent due to a retransmission request, the StatSN MUST be the same ' +
      'as the first time the PDU was sent, unless the connection has since been restarted.',
    tests: {
      'iscsi-target/test/unit/error-recovery.test.ts': [
        'a Status SNACK brings the same response again, until ExpStatSN acknowledges it (§4.2.2.2)',
      ],
    },
  },
  {
    id: '11.4.11-1',
    level: 'MUST',
    who: 'target',
    says:
      'When the MaxCmdSN changes at the target while the target has no pending PDUs to convey this ' +
      'information to the initiator, it MUST generate a NOP-In to carry the new MaxCmdSN.',
    tests: {
      'iscsi-target/test/unit/task-management.test.ts': [
        'LOGICAL UNIT RESET ends the commands of every session, and shows the others the window ' +
          '(§11.4.11)',
      ],
    },
  },
];
