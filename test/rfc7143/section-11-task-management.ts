import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.5 and §11.6: Task Management Function Request and Response. */
export const section11TaskManagement: readonly RfcRule[] = [
  {
    id: '11.5.1-1',
    level: 'MUST',
    who: 'target',
    says:
      'For all these functions, the Task Management Function Response MUST be returned as detailed ' +
      'in Section 11.6.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'function %d is answered by one response with its task tag',
      ],
    },
  },
  {
    id: '11.5.1-2',
    level: 'MUST NOT',
    who: 'both',
    says:
      '… except for the task management response to a TASK REASSIGN, additional responses MUST NOT ' +
      'be delivered to the SCSI layer after the task management response.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'a response that comes after its commands are concluded is thrown away, and so is theirs',
      ],
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'after the response to function %d no aborted command is answered',
      ],
    },
  },
  {
    id: '11.5.1-3',
    level: 'MUST',
    who: 'target',
    says:
      'The iSCSI target MUST ensure that no responses for the tasks covered by a task management ' +
      'function are delivered to the iSCSI initiator after the task management response, except ' +
      'for a task covered by a TASK REASSIGN.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'after the response to function %d no aborted command is answered',
      ],
    },
  },
  {
    id: '11.5.1-4',
    level: 'MUST',
    who: 'initiator',
    says:
      'For ABORT TASK SET and CLEAR TASK SET, the issuing initiator MUST continue to respond to ' +
      'all valid Target Transfer Tags (received via R2T, Text Response, NOP-In …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '11.5.1-5',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'The issuing initiator SHOULD, however, terminate (i.e., by setting the F bit to 1) these ' +
      'response sequences as quickly as possible.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'while it waits R2Ts are answered and statuses taken; its response ends the rest',
      ],
    },
  },
  {
    id: '11.5.1-6',
    level: 'MUST',
    who: 'target',
    says:
      'The target for its part MUST wait for responses on all affected Target Transfer Tags before ' +
      'acting on either of these two task management requests.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s waits until the R2Ts of its session are answered, and sends no more',
      ],
    },
  },
  {
    id: '11.5.1-7',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an ABORT TASK is issued for a task created by an immediate command, then the RefCmdSN ' +
      'MUST be that of the task management request itself (i.e., the CmdSN and RefCmdSN are ' +
      'equal); otherwise …',
    because: 'The initiator sends no SCSI command as an immediate one, so there is none to abort.',
  },
  {
    id: '11.5.1-8',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the connection is still active (i.e., it is not undergoing an implicit or explicit ' +
      'logout), an ABORT TASK MUST be issued on the same connection to which the task to be ' +
      'aborted is allegiant at the time …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'ABORT TASK goes on the connection of its task, immediate, with its tag, LUN and CmdSN',
      ],
    },
  },
  {
    id: '11.5.1-9',
    level: 'MUST NOT',
    who: 'target',
    says:
      'At the target, an ABORT TASK function MUST NOT be executed on a task management request; ' +
      'such a request MUST result in a task management response of "Function rejected".',
    tests: {
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'function %d of a task management request is rejected',
      ],
    },
  },
  {
    id: '11.5.1-10',
    level: 'MUST',
    who: 'target',
    says:
      'For the LOGICAL UNIT RESET function, the target MUST behave as dictated by the Logical Unit ' +
      'Reset function in [SAM2].',
    tests: {
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'LOGICAL UNIT RESET ends the commands of all sessions on the unit, and theirs on others go on',
      ],
    },
  },
  {
    id: '11.5.1-11',
    level: 'MUST',
    who: 'target',
    says:
      'When authorization fails at the target, the appropriate response as described in Section ' +
      '11.6.1 MUST be returned by the target.',
    because:
      'Whoever may use a unit of a target may reset it: no function is refused for want of ' +
      'authorization.',
  },
  {
    id: '11.5.1-12',
    level: 'MUST',
    who: 'target',
    says:
      'Additionally, the target MUST treat the TARGET COLD RESET function as a power-on event, ' +
      'thus terminating all of its TCP connections to all initiators (all sessions are ' +
      'terminated).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'TARGET COLD RESET ends every session of the target, after its response',
      ],
    },
  },
  {
    id: '11.5.1-13',
    level: 'MUST',
    who: 'target',
    says:
      'TASK REASSIGN MUST ONLY be received by the target after the connection on which the command ' +
      'was previously executing has been successfully logged out.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'stays with a connection that is there',
        'is to a connection that is gone and %s',
      ],
    },
  },
  {
    id: '11.5.1-14',
    level: 'MUST',
    who: 'target',
    says: 'The task management response MUST be issued before the reassignment becomes effective.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a read goes on by another connection from ExpDataSN, and its status comes there',
      ],
    },
  },
  {
    id: '11.5.1-15',
    level: 'MUST NOT',
    who: 'target',
    says:
      'At the target, a TASK REASSIGN function request MUST NOT be executed to reassign the ' +
      'connection allegiance of a Task Management Function Request, an active text negotiation ' +
      'task, or a Logout task …',
    tests: {
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'function %d of a task management request is rejected',
        'TASK REASSIGN of a text exchange is rejected',
      ],
    },
  },
  {
    id: '11.5.1-16',
    level: 'MUST',
    who: 'both',
    says: 'TASK REASSIGN MUST be issued as an immediate command.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'does not change by a request that waits for its turn (§11.5.1)',
      ],
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'M2, M4: an explicit logout by another connection, and its commands go on there',
      ],
    },
  },
  {
    id: '11.5.2-1',
    level: 'MUST',
    who: 'initiator',
    says: 'For this PDU, TotalAHSLength and DataSegmentLength MUST be 0.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'function %d references no task and has no data',
      ],
    },
  },
  {
    id: '11.5.4-1',
    level: 'MUST',
    who: 'initiator',
    says: 'For all the other functions, this field MUST be set to the reserved value 0xffffffff.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'function %d references no task and has no data',
      ],
    },
  },
  {
    id: '11.5.5-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an ABORT TASK is issued for a task created by an immediate command, then the RefCmdSN ' +
      'MUST be that of the task management request itself (i.e., the CmdSN and RefCmdSN are ' +
      'equal).',
    because: 'The initiator sends no SCSI command as an immediate one, so there is none to abort.',
  },
  {
    id: '11.5.5-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'For an ABORT TASK of a task created by a non-immediate command, the RefCmdSN MUST be set to ' +
      'the CmdSN of the task identified by the Referenced Task Tag field.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'ABORT TASK goes on the connection of its task, immediate, with its tag, LUN and CmdSN',
      ],
    },
  },
  {
    id: '11.5.6-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST discard any data PDUs from the previous execution that it did not ' +
      'acknowledge, and the target MUST transmit all Data-In PDUs (if any) starting with the data ' +
      'acknowledgment reference number.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a read goes on by another connection from ExpDataSN, and its status comes there',
      ],
      'iscsi-initiator/test/unit/connection-recovery.test.ts': [
        'asks for data from the first on that is missing, and takes what came after that again',
      ],
    },
  },
  {
    id: '11.5.6-2',
    level: 'MUST',
    who: 'target',
    says:
      'The value of ExpDataSN MUST be 0 or higher than the DataSN of the last acknowledged Data-In ' +
      'PDU, but not larger than DataSN + 1 of the last Data-IN PDU sent by the target.',
    tests: { 'iscsi-target/test/unit/connection-recovery.test.ts': ['an ExpDataSN of %s'] },
  },
  {
    id: '11.5.6-3',
    level: 'MUST',
    who: 'target',
    says: 'Any other value MUST be ignored by the target.',
    tests: { 'iscsi-target/test/unit/connection-recovery.test.ts': ['an ExpDataSN of %s'] },
  },
  {
    id: '11.6-1',
    level: 'MUST',
    who: 'target',
    says:
      'For TASK REASSIGN, the new connection allegiance MUST ONLY become effective at the target ' +
      'after the target issues the task management response.',
    tests: {
      'iscsi-target/test/unit/connection-recovery.test.ts': [
        'a read goes on by another connection from ExpDataSN, and its status comes there',
      ],
    },
  },
  {
    id: '11.6.1-1',
    level: 'MUST',
    who: 'target',
    says:
      'For the TARGET COLD RESET function, the target MUST then close all of its TCP connections ' +
      'to all initiators (terminates all sessions).',
    tests: {
      'iscsi-target/test/rfc7143/section-11-task-management.test.ts': [
        'TARGET COLD RESET ends every session of the target, after its response',
      ],
    },
  },
  {
    id: '11.6.1-2',
    level: 'MUST',
    who: 'target',
    says:
      'The response to ABORT TASK SET and CLEAR TASK SET MUST only be issued by the target after ' +
      'all of the commands affected have been received by the target …',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
      ],
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s waits until the R2Ts of its session are answered, and sends no more',
        '%s waits for the commands before it by CmdSN, and aborts them',
      ],
    },
  },
  {
    id: '11.6.2-1',
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
];
