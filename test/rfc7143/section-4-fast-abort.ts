import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.2.3.4 to §4.2.3.6: FastAbort. */
export const section4FastAbort: readonly RfcRule[] = [
  {
    id: '4.2.3.4-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'Protocol behavior defined in this section SHOULD be implemented by all iSCSI ' +
      'implementations complying with this document, noting that some steps below may not be ' +
      'compatible with [RFC3720] semantics.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s does not wait for R2Ts; their data is taken and thrown away',
      ],
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'once %s is sent, no Data-Out follows for its commands',
        'is acknowledged by a NOP-Out without a tag, with its LUN, after which no Data-Out follows',
      ],
    },
  },
  {
    id: '4.2.3.4-2',
    level: 'MUST',
    who: 'both',
    says:
      'However, protocol behavior defined in this section MUST be exhibited by iSCSI ' +
      'implementations on an iSCSI session when they negotiate the TaskReporting key to ' +
      '"FastAbort" on that session.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s does not wait for R2Ts; their data is taken and thrown away',
      ],
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'once %s is sent, no Data-Out follows for its commands',
        'is acknowledged by a NOP-Out without a tag, with its LUN, after which no Data-Out follows',
      ],
    },
  },
  {
    id: '4.2.3.4-3',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'MUST NOT send any more Data-Out PDUs for affected tasks on the issuing connection of the ' +
      'issuing iSCSI session once the TMF is sent to the target.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'once %s is sent, no Data-Out follows for its commands',
        'commands of other units, and those that come after the request, get their data',
        'a command that never arrived is sent again meanwhile, but without its unsolicited Data-Out',
      ],
    },
  },
  {
    id: '4.2.3.4-4',
    level: 'SHOULD',
    who: 'initiator',
    says: 'SHOULD process any responses received for affected tasks in the normal fashion.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'responses count until the answer, which ends the rest; what comes later is thrown away',
      ],
    },
  },
  {
    id: '4.2.3.4-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'MUST respond to each Async Message PDU with a Task Termination AsyncEvent (5) as defined in ' +
      'Section 11.9.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'is acknowledged by a NOP-Out without a tag, with its LUN, after which no Data-Out follows',
        'each one is acknowledged, on the connection that it came by',
        'is not acknowledged before the statuses before it are there',
      ],
    },
  },
  {
    id: '4.2.3.4-6',
    level: 'MUST',
    who: 'initiator',
    says:
      'MUST treat the TMF Response as terminating all affected tasks for which responses have not ' +
      'been received and MUST discard any responses for affected tasks received after the TMF ' +
      'Response is passed to the …',
    tests: {
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'responses count until the answer, which ends the rest; what comes later is thrown away',
        'for a function of ours stops Data-Out on other connections too; the answer ends the commands',
      ],
    },
  },
  {
    id: '4.2.3.4-7',
    level: 'MUST',
    who: 'target',
    says:
      'MUST wait for all commands of the affected tasks to be received based on the CmdSN ordering ' +
      'on the issuing session.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s waits for the commands before it by CmdSN, and aborts them',
        'a reset of the target takes them for received, and ignores them when they come',
      ],
    },
  },
  {
    id: '4.2.3.4-8',
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
    id: '4.2.3.4-9',
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
    id: '4.2.3.4-10',
    level: 'MUST',
    who: 'target',
    says:
      'MUST leave all active "affected TTTs" (i.e., active TTTs associated with affected tasks) ' + 'valid.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        '%s does not wait for R2Ts; their data is taken and thrown away',
      ],
    },
  },
  {
    id: '4.2.3.4-11',
    level: 'MUST',
    who: 'target',
    says: 'MUST send an Asynchronous Message PDU with AsyncEvent=5 on:',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'other connections of the session that have such tasks are told, once for a unit (event 5)',
        'a session with %s tells one with %s %d times (§4.2.3.5)',
      ],
    },
  },
  {
    id: '4.2.3.4-12',
    level: 'MUST',
    who: 'target',
    says:
      'If there are multiple affected LUs (say, due to a target reset), then one Async Message PDU ' +
      'MUST be sent for each such LU on each connection that has at least one allegiant affected ' +
      'task.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'other connections of the session that have such tasks are told, once for a unit (event 5)',
        'a session with %s tells one with %s %d times (§4.2.3.5)',
      ],
    },
  },
  {
    id: '4.2.3.4-13',
    level: 'MUST',
    who: 'target',
    says: 'The LUN field in the Asynchronous Message PDU MUST be set to match the LUN for each such LU.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'other connections of the session that have such tasks are told, once for a unit (event 5)',
        'a session with %s tells one with %s %d times (§4.2.3.5)',
      ],
    },
  },
  {
    id: '4.2.3.4-14',
    level: 'MUST',
    who: 'target',
    says:
      'MUST address the Response Fence flag on the TMF Response on the issuing session as defined ' +
      'in Section 4.2.2.3.3.',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
      ],
    },
  },
  {
    id: '4.2.3.4-15',
    level: 'MUST',
    who: 'target',
    says:
      'MUST address the Response Fence flag on the first post-TMF Response on third-party sessions ' +
      'as defined in Section 4.2.2.3.3.',
    tests: { 'iscsi-target/test/unit/response-fence.test.ts': ['%s, with %s'] },
  },
  {
    id: '4.2.3.4-16',
    level: 'MUST',
    who: 'target',
    says:
      'MUST free up the affected TTTs (and STags for iSER, if applicable) and the corresponding ' +
      'buffers, if any, once it receives each associated NOP-Out acknowledgment that the initiator ' +
      'generated in response to each Async Message.',
    because:
      'The buffers of an aborted task are free as soon as nothing writes to them; late data finds ' +
      'no tag and is thrown away.',
  },
  {
    id: '4.2.3.4-17',
    level: 'MUST NOT',
    who: 'target',
    says:
      'A TMF Response MUST NOT be sent by the target iSCSI layer before the end of Step e) and MAY ' +
      'be sent at the end of Step e) despite these outstanding Data transfers until Step g).',
    tests: {
      'iscsi-target/test/unit/response-fence.test.ts': [
        'waits until every connection has acknowledged what was sent before, and asks for that by ' +
          'NOP-In',
      ],
    },
  },
  {
    id: '4.2.3.5-1',
    level: 'SHOULD',
    who: 'target',
    says:
      '… and the third-party affected session is a FastAbort session, the following behavior ' +
      'SHOULD be exhibited by the iSCSI target layer:',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'a session with %s tells one with %s %d times (§4.2.3.5)',
      ],
    },
  },
  {
    id: '4.2.3.5-2',
    level: 'MUST',
    who: 'target',
    says:
      'When sent, the LUN field in the Asynchronous Message PDU MUST be set to match the LUN for ' +
      'each such LU.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'a session with %s tells one with %s %d times (§4.2.3.5)',
        'other connections of the session that have such tasks are told, once for a unit (event 5)',
      ],
    },
  },
  {
    id: '4.2.3.5-3',
    level: 'MUST NOT',
    who: 'target',
    says:
      '… and the third-party affected session is an RFC 3720 session, the iSCSI target layer MUST ' +
      'NOT send Asynchronous Message PDUs on the third-party session to prompt the FastAbort ' +
      'behavior.',
    tests: {
      'iscsi-target/test/unit/multi-task-abort.test.ts': [
        'a session with %s tells one with %s %d times (§4.2.3.5)',
      ],
    },
  },
  {
    id: '4.2.3.5-4',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the third-party affected session is a FastAbort session and the issuing session is a ' +
      'FastAbort session, the initiator in the third- party role MUST respond to each Async ' +
      'Message PDU with AsyncEvent=5 as defined in Section 11.9.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-4-fast-abort.test.ts': [
        'each one is acknowledged, on the connection that it came by',
        'commands that they end are seen to their end by ABORT TASK, and say why',
      ],
    },
  },
  {
    id: '4.2.3.6-1',
    level: 'MUST NOT',
    who: 'target',
    says:
      'The UA notification contained in the first SCSI Response PDU on each affected third-party ' +
      'I_T_L nexus after the TMF action thus MUST NOT pass the affected task responses on any of ' +
      'the iSCSI sessions accessing the LU.',
    tests: { 'iscsi-target/test/unit/response-fence.test.ts': ['%s, with %s'] },
  },
];
