import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §6.3.4 to §6.4: reinstatement, and text requests after the login. */
export const section6Sessions: readonly RfcRule[] = [
  {
    id: '6.3.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Thus, the TSIH in the Login Request PDU MUST be non-zero, and the CID does not change ' +
      'during a connection reinstatement.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N4: at ErrorRecoveryLevel 2 it is continued by a login with its TSIH',
      ],
      'iscsi-target/test/rfc7143/section-6-sessions.test.ts': ['%s: %s gives "%s"'],
    },
  },
  {
    id: '6.3.4-2',
    level: 'MUST',
    who: 'target',
    says:
      'Targets MUST support opening a second connection even when they do not support multiple ' +
      'connections … if ErrorRecoveryLevel is 2 and SHOULD … if ErrorRecoveryLevel is less than 2.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-sessions.test.ts': [
        'at ErrorRecoveryLevel %s a session of one connection may be cleaned up by another (§6.3.4)',
      ],
      'iscsi-target/test/unit/multi-connection.test.ts': [
        'reinstating the only connection keeps the session',
      ],
    },
    because:
      'Below ErrorRecoveryLevel 2, where it is a SHOULD, only a login with the CID of the old connection gets in.',
  },
  {
    id: '6.3.4-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator connection state MUST be CLEANUP_WAIT when the initiator attempts a ' +
      'connection reinstatement.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'cleans a failing connection up before it is recovered from, or a login takes its place',
      ],
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N4: at ErrorRecoveryLevel 2 it is continued by a login with its TSIH',
      ],
    },
  },
  {
    id: '6.3.5-1',
    level: 'MUST',
    who: 'initiator',
    says: 'Therefore, the TSIH in the Login PDU MUST be zero to signal session reinstatement.',
    tests: {
      'iscsi-initiator/test/unit/login.test.ts': [
        'uses a random ISID, and keeps it so that a new session reinstates the old (T-L9)',
      ],
      'iscsi-target/test/rfc7143/section-6-sessions.test.ts': ['%s: %s gives "%s"'],
    },
  },
  {
    id: '6.3.5-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator session state MUST be FAILED when the initiator attempts a session ' + 'reinstatement.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-8-states.test.ts': [
        'N5, N6: it fails with its last connection, and a reinstatement takes its place',
      ],
    },
  },
  {
    id: '6.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST indicate its intent to finish the negotiation by setting the F bit to 1; ' +
      'the target sets the F bit to 1 on the last response.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'asks to finish with each request, and begins anew after a Reject',
      ],
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'the F bit of the response follows that of the request',
      ],
    },
  },
  {
    id: '6.4-2',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'In that case, the initiator SHOULD continue to set the F bit to 1 in subsequent Text ' +
      'Requests (even empty requests) that it sends, until the target sends the final Text ' +
      'Response with the F bit set to 1.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'goes on with the F bit set while the target has more to say',
      ],
    },
  },
  {
    id: '6.4-3',
    level: 'SHOULD NOT',
    who: 'target',
    says:
      'Note that in the same case of a Text Request with the F bit set to 1, the target SHOULD NOT ' +
      'respond with an empty (no key=value pairs) Text Response with the F bit set to 0 …',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'an answer that goes on has text in each of its parts, a tag and no F bit',
        'the F bit of the response follows that of the request',
      ],
    },
  },
  {
    id: '6.4-4',
    level: 'MUST NOT',
    who: 'target',
    says:
      'Targets MUST NOT submit parameters that require an additional initiator Text Request in a ' +
      'Text Response with the F bit set to 1.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['a response asks for nothing'],
    },
  },
  {
    id: '6.4-5',
    level: 'MUST',
    who: 'target',
    says:
      'Whenever the target responds with the F bit set to 0, it MUST set the Target Transfer Tag ' +
      'to a value other than the default 0xffffffff.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'the F bit of the response follows that of the request',
        'an answer that goes on has text in each of its parts, a tag and no F bit',
      ],
    },
  },
  {
    id: '6.4-6',
    level: 'MUST',
    who: 'target',
    says:
      'If such an attempt [to renegotiate or redeclare parameters] is detected by the target, the ' +
      'target MUST respond with a Reject PDU with a reason of "Protocol Error".',
    tests: {
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'a key twice in one negotiation is rejected, and a new negotiation starts afresh',
      ],
    },
  },
  {
    id: '6.4-7',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST reset the negotiation as outlined above [after a Reject].',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'asks to finish with each request, and begins anew after a Reject',
      ],
    },
  },
];
