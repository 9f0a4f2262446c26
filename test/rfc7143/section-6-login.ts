import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §6.3 and §6.4: the login phase, and text requests after it. */
export const section6Login: readonly RfcRule[] = [
  {
    id: '6.3-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'There MUST NOT be more than one outstanding Login Request or Login Response on an iSCSI ' +
      'connection.',
  },
  {
    id: '6.3-2',
    level: 'MUST',
    who: 'initiator',
    says: 'The initial Login Request of any connection MUST include the InitiatorName key=value pair.',
  },
  {
    id: '6.3-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'For any connection within a session whose type is not "Discovery", the first Login Request ' +
      'MUST also include the TargetName key=value pair.',
  },
  {
    id: '6.3-4',
    level: 'MUST',
    who: 'both',
    says:
      'The Login Phase MAY include a SecurityNegotiation stage and a LoginOperationalNegotiation ' +
      'stage and MUST include at least one of them, but the included stage MAY be empty except for ' +
      'the mandatory names.',
  },
  {
    id: '6.3-5',
    level: 'MUST',
    who: 'both',
    says:
      'If both stages are used, the SecurityNegotiation MUST precede the ' + 'LoginOperationalNegotiation.',
  },
  {
    id: '6.3-6',
    level: 'MUST',
    who: 'both',
    says: 'Authentication-related security keys MUST be completely negotiated within the Login Phase.',
  },
  {
    id: '6.3-7',
    level: 'MUST NOT',
    who: 'target',
    says: 'The selected NSG MUST NOT exceed the value stated by the initiator.',
  },
  {
    id: '6.3-8',
    level: 'MUST NOT',
    who: 'target',
    says:
      'Targets MUST NOT submit parameters that require an additional initiator Login Request in a ' +
      'Login Response with the T bit set to 1.',
  },
  {
    id: '6.3-9',
    level: 'MUST',
    who: 'both',
    says:
      'The Login Final-Response that accepts a Login Request can only come as a response to a ' +
      'Login Request with the T bit set to 1, and both the request and response MUST indicate ' +
      'FullFeaturePhase as the next phase via the NSG field.',
  },
  {
    id: '6.3-10',
    level: 'MUST',
    who: 'both',
    says:
      'An attempt to renegotiate/redeclare parameters not specifically allowed MUST be detected by ' +
      'the initiator and target.',
  },
  {
    id: '6.3-11',
    level: 'MUST',
    who: 'both',
    says:
      'If such an attempt is detected by the target, the target MUST respond with a Login reject ' +
      '(initiator error); if detected by the initiator, the initiator MUST drop the connection.',
  },
  {
    id: '6.3.1-1',
    level: 'MUST',
    who: 'target',
    says:
      '… the iSCSI target MUST return the TargetPortalGroupTag key with the first Login Response ' +
      'PDU with which it is allowed to do so …',
  },
  {
    id: '6.3.2-1',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST reply with the first option in the list it supports and is allowed to use ' +
      'for the specific initiator, unless it does not support any, in which case it MUST answer ' +
      'with "Reject".',
  },
  {
    id: '6.3.2-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the next stage is FullFeaturePhase, the target MUST reply with a Login Response with the ' +
      'TSIH value.',
  },
  {
    id: '6.3.2-3',
    level: 'MUST',
    who: 'target',
    says:
      'If the security negotiation fails at the target, then the target MUST send the appropriate ' +
      'Login Response PDU.',
  },
  {
    id: '6.3.2-4',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'If the security negotiation fails at the initiator, the initiator SHOULD close the ' + 'connection.',
  },
  {
    id: '6.3.3-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST indicate its intent to terminate the negotiation by setting the T bit to ' +
      '1; the target sets the T bit to 1 on the last response.',
  },
  {
    id: '6.3.3-2',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'In that case, the initiator SHOULD continue to set the T bit to 1 in subsequent Login ' +
      'Requests (even empty requests) that it sends …',
  },
  {
    id: '6.3.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'Thus, the TSIH in the Login Request PDU MUST be non-zero, and the CID does not change ' +
      'during a connection reinstatement.',
  },
  {
    id: '6.3.4-2',
    level: 'MUST',
    who: 'target',
    says:
      'Targets MUST support opening a second connection even when they do not support multiple ' +
      'connections … if ErrorRecoveryLevel is 2 and SHOULD … if ErrorRecoveryLevel is less than 2.',
  },
  {
    id: '6.3.4-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator connection state MUST be CLEANUP_WAIT when the initiator attempts a ' +
      'connection reinstatement.',
  },
  {
    id: '6.3.5-1',
    level: 'MUST',
    who: 'initiator',
    says: 'Therefore, the TSIH in the Login PDU MUST be zero to signal session reinstatement.',
  },
  {
    id: '6.3.5-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator session state MUST be FAILED when the initiator attempts a session ' + 'reinstatement.',
  },
  {
    id: '6.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST indicate its intent to finish the negotiation by setting the F bit to 1; ' +
      'the target sets the F bit to 1 on the last response.',
  },
  {
    id: '6.4-2',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'In that case, the initiator SHOULD continue to set the F bit to 1 in subsequent Text ' +
      'Requests (even empty requests) that it sends, until the target sends the final Text ' +
      'Response with the F bit set to 1.',
  },
  {
    id: '6.4-3',
    level: 'SHOULD NOT',
    who: 'target',
    says:
      'Note that in the same case of a Text Request with the F bit set to 1, the target SHOULD NOT ' +
      'respond with an empty (no key=value pairs) Text Response with the F bit set to 0 …',
  },
  {
    id: '6.4-4',
    level: 'MUST NOT',
    who: 'target',
    says:
      'Targets MUST NOT submit parameters that require an additional initiator Text Request in a ' +
      'Text Response with the F bit set to 1.',
  },
  {
    id: '6.4-5',
    level: 'MUST',
    who: 'target',
    says:
      'Whenever the target responds with the F bit set to 0, it MUST set the Target Transfer Tag ' +
      'to a value other than the default 0xffffffff.',
  },
  {
    id: '6.4-6',
    level: 'MUST',
    who: 'target',
    says:
      'If such an attempt [to renegotiate or redeclare parameters] is detected by the target, the ' +
      'target MUST respond with a Reject PDU with a reason of "Protocol Error".',
  },
  {
    id: '6.4-7',
    level: 'MUST',
    who: 'initiator',
    says: 'The initiator MUST reset the negotiation as outlined above [after a Reject].',
  },
];
