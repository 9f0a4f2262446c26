import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.9 to §11.11: Asynchronous Message and Text. */
export const section11Text: readonly RfcRule[] = [
  {
    id: '11.9.1-1',
    level: 'MUST',
    who: 'target',
    says:
      '(logout request) This Async Message MUST be sent on the same connection as the one ' +
      'requesting to be logged out.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'a logout request comes on each connection that is to log out',
      ],
    },
  },
  {
    id: '11.9.1-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST honor this request by issuing a Logout as early as possible but no later ' +
      'than Parameter3 seconds.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a logout request is obeyed within its time, though commands are at work (%d connections)',
      ],
    },
  },
  {
    id: '11.9.1-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST send a Logout with a reason code of "close the connection" OR "close the ' +
      'session" to close all the connections.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a logout request holds new commands back, and is obeyed when those at work are through',
      ],
    },
  },
  {
    id: '11.9.1-4',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'Once this message is received, the initiator SHOULD NOT issue new iSCSI commands on the ' +
      'connection to be logged out.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a logout request holds new commands back, and is obeyed when those at work are through',
      ],
    },
  },
  {
    id: '11.9.1-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST honor this request by issuing a Text Request (that can be empty) on the ' +
      'same connection as early as possible, but no later than Parameter3 seconds …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a negotiation request is answered by a Text Request on its connection',
        'a negotiation request is not answered while a Text Request is pending',
      ],
    },
  },
  {
    id: '11.9.1-6',
    level: 'MUST',
    who: 'initiator',
    says:
      'The receiving initiator iSCSI layer MUST respond to this message by taking the following ' +
      'steps, in order:',
    tests: {
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'is acknowledged by a NOP-Out without a tag, with its LUN, after which no Data-Out follows',
        'is none of our business where FastAbort was not agreed on',
      ],
    },
  },
  {
    id: '11.9.1-7',
    level: 'MUST NOT',
    who: 'target',
    says:
      'This value of AsyncEvent, however, MUST NOT be used on an iSCSI session unless the new ' +
      'TaskReporting text key defined in Section 13.23 was negotiated to FastAbort on the session.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'below FastAbort no connection is told (§11.9.1)',
        'a session with %s tells one with %s %d times (§4.2.3.5)',
      ],
    },
  },
  {
    id: '11.9.3-1',
    level: 'MUST',
    who: 'target',
    says: 'The LUN field MUST be valid if AsyncEvent is 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'a SCSI event names the unit and has its sense data',
      ],
    },
  },
  {
    id: '11.10-1',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'An initiator MUST NOT have more than one outstanding Text Request on a connection at any ' +
      'given time.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is one at a time: a further one waits until the first is answered',
      ],
    },
  },
  {
    id: '11.10.2-1',
    level: 'MUST',
    who: 'initiator',
    says: 'A Text Request with the C bit set to 1 MUST have the F bit set to 0.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'keeps its task tag and I bit, and goes on with the tag and LUN of the response',
        'is never longer than the target takes: it goes on with the C bit, and then without the F bit',
      ],
    },
  },
  {
    id: '11.10.3-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the command is sent as part of a sequence of Text Requests and responses, the Initiator ' +
      'Task Tag MUST be the same for all the requests within the sequence (similar to linked SCSI ' +
      'commands).',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'keeps its task tag and I bit, and goes on with the tag and LUN of the response',
      ],
    },
  },
  {
    id: '11.10.3-2',
    level: 'MUST',
    who: 'initiator',
    says: 'The I bit for all requests in a sequence also MUST be the same.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'keeps its task tag and I bit, and goes on with the tag and LUN of the response',
      ],
    },
  },
  {
    id: '11.10.4-1',
    level: 'MUST',
    who: 'target',
    says: 'It MUST do so whenever it sets the F bit to 0 in the response.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'with the F bit set has no target transfer tag, with it clear has one, and the C bit ' +
          'excludes it',
      ],
    },
  },
  {
    id: '11.10.4-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST ignore the Target Transfer Tag in the Text Response when the F bit is ' +
      'set to 1.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'keeps its task tag and I bit, and goes on with the tag and LUN of the response',
      ],
    },
  },
  {
    id: '11.10.4-3',
    level: 'MUST',
    who: 'target',
    says:
      'If the Target Transfer Tag is not 0xffffffff, the LUN field MUST be sent by the target in ' +
      'the Text Response.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'goes on for a request with its tag and LUN, and keeps the task tag',
      ],
    },
  },
  {
    id: '11.10.5-1',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'The data lengths of a Text Request MUST NOT exceed the iSCSI target ' +
      'MaxRecvDataSegmentLength (a parameter that is negotiated per connection and per direction).',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'is never longer than the target takes: it goes on with the C bit, and then without the F bit',
      ],
    },
  },
  {
    id: '11.11.1-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'A Text Response with the F bit set to 1 MUST NOT contain key=value pairs that may require ' +
      'additional answers from the initiator.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'with the F bit set has nothing that the initiator would have to answer',
      ],
    },
  },
  {
    id: '11.11.1-2',
    level: 'MUST',
    who: 'target',
    says:
      'A Text Response with the F bit set to 1 MUST have a Target Transfer Tag field set to the ' +
      'reserved value 0xffffffff.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'with the F bit set has no target transfer tag, with it clear has one, and the C bit ' +
          'excludes it',
      ],
    },
  },
  {
    id: '11.11.1-3',
    level: 'MUST',
    who: 'target',
    says:
      'A Text Response with the F bit set to 0 MUST have a Target Transfer Tag field set to a ' +
      'value other than the reserved value 0xffffffff.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'with the F bit set has no target transfer tag, with it clear has one, and the C bit ' +
          'excludes it',
      ],
    },
  },
  {
    id: '11.11.2-1',
    level: 'MUST',
    who: 'target',
    says: 'A Text Response with the C bit set to 1 MUST have the F bit set to 0.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'with the F bit set has no target transfer tag, with it clear has one, and the C bit ' +
          'excludes it',
      ],
    },
  },
  {
    id: '11.11.4-1',
    level: 'MUST',
    who: 'target',
    says: '… it MUST set the Target Transfer Tag to a value other than the reserved value 0xffffffff.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'with the F bit set has no target transfer tag, with it clear has one, and the C bit ' +
          'excludes it',
      ],
    },
  },
  {
    id: '11.11.4-2',
    level: 'MUST',
    who: 'target',
    says: 'Otherwise, the Target Transfer Tag MUST be set to 0xffffffff.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'with the F bit set has no target transfer tag, with it clear has one, and the C bit ' +
          'excludes it',
      ],
    },
  },
  {
    id: '11.11.4-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST copy the Target Transfer Tag and LUN in its next request to indicate ' +
      'that it wants the rest of the data.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'keeps its task tag and I bit, and goes on with the tag and LUN of the response',
        'is never longer than the target takes: it goes on with the C bit, and then without the F bit',
      ],
    },
  },
  {
    id: '11.11.6-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'The data lengths of a Text Response MUST NOT exceed the iSCSI initiator ' +
      'MaxRecvDataSegmentLength (a parameter that is negotiated per connection and per direction).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-text.test.ts': [
        'is never longer than MaxRecvDataSegmentLength=%d',
      ],
    },
  },
];
