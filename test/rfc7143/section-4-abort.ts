import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.2.3.3: the standard way to abort several tasks. */
export const section4Abort: readonly RfcRule[] = [
  {
    id: '4.2.3.3-1',
    level: 'MUST',
    who: 'both',
    says:
      'All iSCSI implementations MUST support the protocol behavior defined in this section as the ' +
      'default behavior.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s waits until the R2Ts of its session are answered, and sends no more',
        '%s waits for the commands before it by CmdSN, and aborts them',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '4.2.3.3-2',
    level: 'MUST',
    who: 'initiator',
    says: 'MUST continue to respond to each TTT received for the affected tasks.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '4.2.3.3-3',
    level: 'SHOULD',
    who: 'initiator',
    says: 'SHOULD process any responses received for affected tasks in the normal fashion.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '4.2.3.3-4',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'SHOULD receive the TMF Response concluding all the tasks in the set of affected tasks, ' +
      'unless the initiator has done something (e.g., LU reset, connection drop) that may prevent ' +
      'the TMF Response from being sent or received.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '4.2.3.3-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST thus conclude all affected tasks as part of this step in either case and ' +
      'MUST discard any TMF Response received after the affected tasks are concluded.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a response that comes after its commands are concluded is thrown away, and so is theirs',
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '4.2.3.3-6',
    level: 'MUST',
    who: 'target',
    says:
      'MUST wait for responses on currently valid Target Transfer Tags of the affected tasks from ' +
      'the issuing initiator.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s waits until the R2Ts of its session are answered, and sends no more',
      ],
    },
  },
  {
    id: '4.2.3.3-7',
    level: 'MUST',
    who: 'target',
    says:
      'MUST wait (concurrent with the wait in Step a) for all commands of the affected tasks to be ' +
      'received based on the CmdSN ordering.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s waits for the commands before it by CmdSN, and aborts them',
        'a reset of the target takes them for received, and ignores them when they come',
      ],
    },
  },
  {
    id: '4.2.3.3-8',
    level: 'SHOULD NOT',
    who: 'target',
    says:
      'SHOULD NOT wait for new commands on third-party affected sessions -- only the instantiated ' +
      'tasks have to be considered for the purpose of determining the affected tasks.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': ['the R2Ts of other sessions are not waited for'],
    },
  },
  {
    id: '4.2.3.3-9',
    level: 'MUST',
    who: 'target',
    says: 'MUST propagate the TMF Request to, and receive the response from, the target SCSI layer.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'the answer waits until what it aborted is no longer at work',
      ],
    },
  },
  {
    id: '4.2.3.3-10',
    level: 'MUST',
    who: 'target',
    says:
      'MUST provide the Response Fence behavior for the TMF Response on the issuing session as ' +
      'specified in Section 4.2.2.3.2.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
      ],
    },
  },
  {
    id: '4.2.3.3-11',
    level: 'MUST',
    who: 'target',
    says:
      'MUST provide the Response Fence behavior on the first post-TMF Response on third-party ' +
      'sessions as specified in Section 4.2.2.3.3.',
    tests: { 'iscsi-target/test/unit/response-fence.test.ts': ['%s, with %s'] },
    because: 'sessions with TaskReporting=RFC3720 have no fence for it (§4.2.2.3.3).',
  },
  {
    id: '4.2.3.3-12',
    level: 'MUST NOT',
    who: 'target',
    says:
      'The TMF Response MUST NOT be sent by the target iSCSI layer before the end of Step d) and ' +
      'MAY be sent at the end of Step d) despite these outstanding data transfers until after Step ' +
      'e).',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
      ],
    },
  },
];
