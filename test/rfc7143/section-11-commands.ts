import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11 to §11.3: what all PDUs share, and SCSI Command. */
export const section11Commands: readonly RfcRule[] = [
  {
    id: '11-1',
    level: 'MUST',
    who: 'both',
    says:
      'Any compliant sender MUST set all bits not defined and all reserved fields to 0, unless ' +
      'specified otherwise.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
    },
  },
  {
    id: '11-2',
    level: 'MUST',
    who: 'both',
    says:
      'Any compliant receiver MUST ignore any bit not defined and all reserved fields unless ' +
      'specified otherwise.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'bits and fields that are not defined change nothing',
      ],
      'iscsi-pdu/test/property/codec.test.ts': ['reserved bits do not change what is decoded'],
    },
  },
  {
    id: '11-3',
    level: 'MUST',
    who: 'both',
    says: 'Receipt of reserved code values in defined fields MUST be reported as a protocol error.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'task attribute %d, which is reserved, is a protocol error',
        'SNACK type %d, which is reserved, is a protocol error',
      ],
      'iscsi-target/test/rfc7143/section-11-logout.test.ts': [
        'with reason %d, which is reserved, is a protocol error',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a response code other than 0 fails the command, whatever its status and flags say',
      ],
    },
    because: 'the initiator has no PDU to report with: it ignores an AsyncEvent with a reserved code.',
  },
  {
    id: '11.1-1',
    level: 'SHOULD',
    who: 'both',
    says: 'The padding bytes SHOULD be sent as 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
    },
  },
  {
    id: '11.2-1',
    level: 'SHOULD',
    who: 'both',
    says: 'The padding bytes SHOULD be sent as 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
    },
  },
  {
    id: '11.2.1.2-1',
    level: 'MUST NOT',
    who: 'both',
    says: 'Initiators MUST NOT use target Opcodes, and targets MUST NOT use initiator Opcodes.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has an opcode of a target',
        'an initiator’s PDU with opcode %d is rejected',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': ['has an opcode of an initiator'],
    },
  },
  {
    id: '11.2.1.5-1',
    level: 'MUST',
    who: 'both',
    says: 'The TotalAHSLength is only used in PDUs that have an AHS and MUST be 0 in all other PDUs.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
    },
  },
  {
    id: '11.2.1.6-1',
    level: 'MUST',
    who: 'both',
    says: 'The DataSegmentLength MUST be 0 whenever the PDU has no data segment.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not ' +
          'there',
      ],
    },
  },
  {
    id: '11.2.1.8-1',
    level: 'MUST',
    who: 'both',
    says: 'While a task exists, this tag MUST uniquely identify the task session-wide.',
    tests: {
      'iscsi-target/test/unit/full-feature.test.ts': [
        'rejects a task tag that is in use (RFC 7143 §11.17.1, "task in progress")',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has a task tag that nothing else has and that is not the reserved one',
      ],
    },
  },
  {
    id: '11.2.1.8-2',
    level: 'MUST NOT',
    who: 'initiator',
    says: 'An ITT value of 0xffffffff is reserved and MUST NOT be assigned for a task by the initiator.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has a task tag that nothing else has and that is not the reserved one',
      ],
    },
  },
  {
    id: '11.2.2.3-1',
    level: 'MUST NOT',
    who: 'initiator',
    says: 'This type of AHS MUST NOT be used if the CDBLength is less than 17.',
    tests: { 'iscsi-pdu/test/unit/ahs.test.ts': ['%s'] },
  },
  {
    id: '11.3.1-1',
    level: 'MUST',
    who: 'initiator',
    says: 'At least one of the W and F bits MUST be set to 1.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has F or W, and a direction wherever data is expected',
      ],
    },
  },
  {
    id: '11.3.1-2',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      '… but they MUST NOT both be 0 when the Expected Data Transfer Length and/or Bidirectional ' +
      'Read Expected Data Transfer Length are not 0 (i.e., when some data transfer is expected …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has F or W, and a direction wherever data is expected',
      ],
    },
  },
  {
    id: '11.3.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'For bidirectional operations, an additional header segment MUST be present in the header ' +
      'sequence that indicates the Bidirectional Read Expected Data Transfer Length.',
    tests: { 'iscsi-initiator/test/unit/session.test.ts': ['refuses %s at once'] },
    because: 'bidirectional commands are refused, so none is ever sent.',
  },
  {
    id: '11.3.4-2',
    level: 'MUST',
    who: 'initiator',
    says: 'In this case, the F bit MUST be set to 1.',
    tests: { 'iscsi-initiator/test/unit/session.test.ts': ['refuses %s at once'] },
    because: 'bidirectional commands are refused, so none is ever sent.',
  },
  {
    id: '11.3.4-3',
    level: 'MUST',
    who: 'initiator',
    says:
      '… the initiator MUST send the maximum amount of unsolicited data OR ONLY the immediate ' +
      'data, if any.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'brings all the unsolicited data that it may, or only the immediate data',
      ],
    },
  },
  {
    id: '11.3.5-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Whenever the CDB is larger than 16 bytes, an Extended CDB AHS MUST be used to contain the ' +
      'CDB spillover.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'a CDB of more than 16 bytes reaches the device server whole',
      ],
      'iscsi-pdu/test/unit/ahs.test.ts': [
        'an extended CDB is the 16 bytes of the BHS and AHSLength - 1 more (RFC 7143 11.2.2.3)',
      ],
    },
  },
];
