import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.17 to §11.19: Reject and NOP. */
export const section11Nop: readonly RfcRule[] = [
  {
    id: '11.17.1-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'Note 3: Reason code 0x0b ("Negotiation Reset") as defined in Section 10.17.1 of [RFC3720] ' +
      'is deprecated and MUST NOT be used by implementations.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'never has the deprecated reason 0Bh, and has the complete header of what it rejects',
      ],
    },
  },
  {
    id: '11.17.1-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'An implementation receiving reason code 0x0b MUST treat it as a negotiation failure that ' +
      'terminates the Login Phase and the TCP connection, as specified in Section 7.12.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is the only answer to a login: a Reject (reason %d) ends it, and the connection',
      ],
    },
  },
  {
    id: '11.17.1-3',
    level: 'MUST',
    who: 'target',
    says:
      'In all the cases in which a pre-instantiated SCSI task is terminated because of the reject, ' +
      'the target MUST issue a proper SCSI command response with CHECK CONDITION as described in ' +
      'Section 11.4.3.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'a task that a Reject has ended gets CHECK CONDITION, after the F bit of its data',
      ],
    },
  },
  {
    id: '11.17.1-4',
    level: 'MUST',
    who: 'target',
    says:
      '… if any, and all outstanding R2Ts, if any), the target MUST wait until it receives the ' +
      'last expected Data-Out PDUs with the F bit set to 1 before sending the Response PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-responses.test.ts': [
        'a task that a Reject has ended gets CHECK CONDITION, after the F bit of its data',
      ],
    },
  },
  {
    id: '11.18-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Upon receipt of a NOP-In with the Target Transfer Tag set to a valid value (not the ' +
      'reserved value 0xffffffff), the initiator MUST respond with a NOP-Out.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'answers a NOP-In with a transfer tag by its tag and LUN, and no other',
      ],
    },
  },
  {
    id: '11.18-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'In this case, the NOP-Out Target Transfer Tag MUST contain a copy of the NOP-In Target ' +
      'Transfer Tag.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'answers a NOP-In with a transfer tag by its tag and LUN, and no other',
      ],
    },
  },
  {
    id: '11.18-3',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'The initiator SHOULD NOT send a NOP-Out in response to any other received NOP-In, in order ' +
      'to avoid lengthy sequences of NOP-In and NOP-Out PDUs sent in response to each other.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'answers a NOP-In with a transfer tag by its tag and LUN, and no other',
      ],
    },
  },
  {
    id: '11.18.1-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The NOP-Out MUST have the Initiator Task Tag set to a valid value only if a response in the ' +
      'form of a NOP-In is requested (i.e., the NOP-Out is used as a ping request).',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'as a ping has a task tag and no transfer tag, and takes the answer',
      ],
    },
  },
  {
    id: '11.18.1-2',
    level: 'MUST',
    who: 'initiator',
    says: 'Otherwise, the Initiator Task Tag MUST be set to 0xffffffff.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'answers a NOP-In with a transfer tag by its tag and LUN, and no other',
      ],
    },
  },
  {
    id: '11.18.1-3',
    level: 'MUST',
    who: 'target',
    says:
      'When a target receives the NOP-Out with a valid Initiator Task Tag, it MUST respond with a ' +
      'NOP-In Response.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'echoes %d bytes of ping data, up to MaxRecvDataSegmentLength',
      ],
    },
  },
  {
    id: '11.18.1-4',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the Initiator Task Tag contains 0xffffffff, the I bit MUST be set to 1, and the CmdSN is ' +
      'not advanced after this PDU is sent.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'answers a NOP-In with a transfer tag by its tag and LUN, and no other',
      ],
    },
  },
  {
    id: '11.18.2-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The NOP-Out MUST only have the Target Transfer Tag set if it is issued in response to a ' +
      'NOP-In with a valid Target Transfer Tag.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'answers a NOP-In with a transfer tag by its tag and LUN, and no other',
      ],
    },
  },
  {
    id: '11.18.2-2',
    level: 'MUST',
    who: 'initiator',
    says: 'Otherwise, the Target Transfer Tag MUST be set to 0xffffffff.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'as a ping has a task tag and no transfer tag, and takes the answer',
      ],
    },
  },
  {
    id: '11.18.2-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'When the Target Transfer Tag is set to a value other than 0xffffffff, the LUN field MUST ' +
      'also be copied from the NOP-In.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'answers a NOP-In with a transfer tag by its tag and LUN, and no other',
      ],
    },
  },
  {
    id: '11.19-1',
    level: 'MUST',
    who: 'target',
    says:
      'When a target receives the NOP-Out with a valid Initiator Task Tag (not the reserved value ' +
      '0xffffffff), it MUST respond with a NOP-In with the same Initiator Task Tag that was ' +
      'provided in the NOP-Out request.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'echoes %d bytes of ping data, up to MaxRecvDataSegmentLength',
      ],
    },
  },
  {
    id: '11.19-2',
    level: 'MUST',
    who: 'target',
    says:
      'It MUST also duplicate up to the first MaxRecvDataSegmentLength bytes of the ' +
      'initiator-provided Ping Data.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'echoes %d bytes of ping data, up to MaxRecvDataSegmentLength',
      ],
    },
  },
  {
    id: '11.19-3',
    level: 'MUST',
    who: 'target',
    says: 'For such a response, the Target Transfer Tag MUST be 0xffffffff.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'echoes %d bytes of ping data, up to MaxRecvDataSegmentLength',
      ],
    },
  },
  {
    id: '11.19-4',
    level: 'SHOULD NOT',
    who: 'target',
    says:
      'The target SHOULD NOT send a NOP-In in response to any other received NOP-Out in order to ' +
      'avoid lengthy sequences of NOP-In and NOP-Out PDUs sent in response to each other.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'comes for no NOP-Out but a ping: not for an answer, nor for a mere acknowledgement',
      ],
    },
  },
  {
    id: '11.19-5',
    level: 'MUST',
    who: 'target',
    says:
      '… the Initiator Task Tag MUST be set to 0xffffffff, and the data segment MUST NOT contain ' +
      'any data (DataSegmentLength MUST be 0).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'that the target sends by itself has no task tag, no data, a transfer tag and a LUN that is ' +
          'there',
      ],
    },
  },
  {
    id: '11.19.1-1',
    level: 'MUST',
    who: 'target',
    says:
      'If the target is initiating a NOP-In without wanting to receive a corresponding NOP-Out, ' +
      'this field MUST hold the reserved value 0xffffffff.',
    tests: {
      'iscsi-target/test/unit/multi-connection.test.ts': [
        'a lost connection takes its tasks with it, and the session goes on (§7.6)',
      ],
    },
  },
  {
    id: '11.19.3-1',
    level: 'MUST',
    who: 'target',
    says:
      'A LUN MUST be set to a correct value when the Target Transfer Tag is valid (not the ' +
      'reserved value 0xffffffff).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-recovery.test.ts': [
        'that the target sends by itself has no task tag, no data, a transfer tag and a LUN that is ' +
          'there',
      ],
    },
  },
];
