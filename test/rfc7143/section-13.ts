import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §13: operational text keys. */
export const section13: readonly RfcRule[] = [
  {
    id: '13-1',
    level: 'MUST',
    who: 'both',
    says:
      'Some session-specific parameters MUST only be carried on the leading connection and cannot ' +
      'be changed after the leading connection login (e.g., MaxConnections -- the maximum number ' +
      'of connections).',
  },
  {
    id: '13.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'The following table lists cyclic integrity checksums that can be negotiated for the digests ' +
      'and MUST be implemented by every iSCSI initiator and target.',
  },
  {
    id: '13.1-2',
    level: 'MUST',
    who: 'both',
    says:
      'When the initiator and target agree on a digest, this digest MUST be used for every PDU in ' +
      'the Full Feature Phase.',
  },
  {
    id: '13.1-3',
    level: 'SHOULD',
    who: 'both',
    says:
      'Padding bytes, when present in a segment covered by a CRC, SHOULD be set to 0 and are ' +
      'included in the CRC.',
  },
  {
    id: '13.1-4',
    level: 'MUST',
    who: 'both',
    says:
      'The CRC MUST be calculated by a method that produces the same results as the following ' + 'process:',
  },
  {
    id: '13.1-5',
    level: 'MUST',
    who: 'both',
    says:
      '… the implementer MUST ensure that CRC32C is listed as an alternative in the default offer ' +
      'and "None" is not part of the default offer.',
  },
  {
    id: '13.1-6',
    level: 'MUST',
    who: 'both',
    says: 'Extension digest algorithms MUST be named using one of the following two formats:',
  },
  {
    id: '13.1-7',
    level: 'MUST NOT',
    who: 'both',
    says: 'New public extensions for digests MUST NOT use the Y# name prefix.',
  },
  {
    id: '13.1-8',
    level: 'MUST',
    who: 'both',
    says:
      'The part of digest-name following Y- MUST conform to the format for standard-label ' +
      'specified in Section 6.1.',
  },
  {
    id: '13.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator of the TCP connection MUST provide this key to the remote endpoint in the ' +
      'first Login Request if the initiator is not establishing a Discovery session.',
  },
  {
    id: '13.4-2',
    level: 'MUST NOT',
    who: 'initiator',
    says: 'The TargetName MUST NOT be redeclared within the Login Phase.',
  },
  {
    id: '13.5-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator of the TCP connection MUST provide this key to the remote endpoint at the ' +
      'first login of the Login Phase for every connection.',
  },
  {
    id: '13.5-2',
    level: 'MUST NOT',
    who: 'initiator',
    says: 'The InitiatorName MUST NOT be redeclared within the Login Phase.',
  },
  {
    id: '13.6-1',
    level: 'SHOULD',
    who: 'target',
    says:
      'If a target has been configured with a human-readable name or description, this name SHOULD ' +
      'be communicated to the initiator during a Login Response PDU if SessionType=Normal.',
  },
  {
    id: '13.7-1',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'If an initiator has been configured with a human-readable name or description, it SHOULD be ' +
      'communicated to the target during a Login Request PDU.',
  },
  {
    id: '13.8-1',
    level: 'MUST',
    who: 'target',
    says:
      'If the TargetAddress is returned as the result of a redirect status in a Login Response, ' +
      'the comma and portal-group-tag MUST be omitted.',
  },
  {
    id: '13.8-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the TargetAddress is returned within a SendTargets response, the portal-group-tag MUST ' +
      'be included.',
  },
  {
    id: '13.11-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'If ImmediateData is set to No and InitialR2T is set to Yes, then the initiator MUST NOT ' +
      'send unsolicited data and the target MUST reject unsolicited data with the corresponding ' +
      'response code.',
  },
  {
    id: '13.11-2',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'If ImmediateData is set to No and InitialR2T is set to No, then the initiator MUST NOT send ' +
      'unsolicited immediate data but MAY send one unsolicited burst of Data-OUT PDUs.',
  },
  {
    id: '13.12-1',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'An initiator MUST NOT send solicited PDUs exceeding MaxBurstLength nor unsolicited PDUs ' +
      'exceeding FirstBurstLength (or FirstBurstLength- Immediate Data Length if immediate data ' +
      'were sent).',
  },
  {
    id: '13.14-1',
    level: 'MUST NOT',
    who: 'both',
    says: 'FirstBurstLength MUST NOT exceed MaxBurstLength.',
  },
  {
    id: '13.19-1',
    level: 'MUST',
    who: 'both',
    says:
      'If DataSequenceInOrder is set to Yes, data sequences MUST be transferred using continuously ' +
      'non-decreasing sequence offsets (R2T buffer offset for writes, or the smallest SCSI Data-In ' +
      'buffer offset within a read data sequence).',
  },
  {
    id: '13.19-2',
    level: 'MUST',
    who: 'both',
    says:
      'For this reason, if ErrorRecoveryLevel is not 0 and DataSequenceInOrder is set to Yes, then ' +
      'MaxOutstandingR2T MUST be set to 1.',
  },
  {
    id: '13.21-1',
    level: 'MUST',
    who: 'both',
    says: 'As Section 7.4.1 states, ErrorRecoveryLevel MUST be 0 (zero) for Discovery sessions.',
  },
  {
    id: '13.21-2',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'If the SessionType key is thus going to be offered as "Discovery", it SHOULD be offered in ' +
      'the initial Login Request by the initiator.',
  },
  {
    id: '13.22-1',
    level: 'MUST',
    who: 'both',
    says:
      'The part of key-name following X- MUST conform to the format for key-name specified in ' +
      'Section 6.1.',
  },
  {
    id: '13.22-2',
    level: 'MUST',
    who: 'both',
    says: 'Vendor-specific keys MUST ONLY be used in Normal sessions.',
  },
  {
    id: '13.23-1',
    level: 'MUST',
    who: 'target',
    says:
      'The following table describes the semantics that an iSCSI target MUST support for ' +
      'respective negotiated key values.',
  },
  {
    id: '13.23-2',
    level: 'MUST',
    who: 'both',
    says:
      'Whenever this key is negotiated, at least the RFC3720 and ResponseFence values MUST be ' +
      'offered as options by the negotiation originator.',
  },
  {
    id: '13.23-3',
    level: 'MUST',
    who: 'both',
    says:
      'When TaskReporting is not negotiated to FastAbort, the standard multi-task abort semantics ' +
      'in Section 4.2.3.3 MUST be used.',
  },
  {
    id: '13.23-4',
    level: 'MUST',
    who: 'target',
    says:
      'Response Fence (Section 4.2.2.3.3) semantics MUST be supported in reporting task ' + 'completions.',
  },
  {
    id: '13.23-5',
    level: 'MUST',
    who: 'target',
    says: 'Updated fast multi-task abort semantics defined in Section 4.2.3.4 MUST be supported.',
  },
  {
    id: '13.24-1',
    level: 'MUST',
    who: 'both',
    says:
      'As a responder or an originator in a negotiation of this key, an iSCSI implementation ' +
      'compliant to this document alone, without any future protocol extensions, MUST use this ' +
      'value as defined by [RFC7144].',
  },
  {
    id: '13.25-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'When an IFMarker or OFMarker key is received, a compliant iSCSI implementation SHOULD ' +
      'respond with the constant "Reject" value.',
  },
  {
    id: '13.25-2',
    level: 'MUST NOT',
    who: 'both',
    says:
      'However, the implementation MUST NOT respond with a "NotUnderstood" value for either of ' +
      'these keys.',
  },
  {
    id: '13.25-3',
    level: 'MUST',
    who: 'both',
    says:
      'When an IFMarkInt or OFMarkInt key is received, a compliant iSCSI implementation MUST ' +
      'respond with the constant "Reject" value.',
  },
  {
    id: '13.25-4',
    level: 'MUST NOT',
    who: 'both',
    says: 'The implementation MUST NOT respond with a "NotUnderstood" value for either of these keys.',
  },
  {
    id: '13.26.1-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'The length of the key value (total length of the list-of-values) MUST NOT be greater than ' +
      '255 bytes.',
  },
  {
    id: '13.26.1-2',
    level: 'MUST NOT',
    who: 'both',
    says: 'X#NodeArchitecture MUST NOT be redeclared during the Login Phase.',
  },
  {
    id: '13.26.2-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'Functional behavior of the iSCSI node (this includes the iSCSI protocol logic -- the SCSI, ' +
      'iSCSI, and TCP/IP protocols) MUST NOT depend on the presence, absence, or content of the ' +
      'X#NodeArchitecture key.',
  },
  {
    id: '13.26.2-2',
    level: 'MUST NOT',
    who: 'both',
    says:
      'The key MUST NOT be used by iSCSI nodes for interoperability or for exclusion of other ' + 'nodes.',
  },
  {
    id: '13.26.2-3',
    level: 'SHOULD',
    who: 'both',
    says:
      'To ensure proper use, key values SHOULD be set by the node itself, and there SHOULD NOT be ' +
      'provisions for the key values to contain user-defined text.',
  },
  {
    id: '13.26.2-4',
    level: 'MUST',
    who: 'both',
    says: 'Nodes implementing this key MUST choose one of the following implementation options:',
  },
  {
    id: '13.26.2-5',
    level: 'MUST',
    who: 'both',
    says:
      'Each node choosing to implement transmission of the key values MUST be prepared to handle ' +
      'the response of iSCSI nodes that do not understand the key.',
  },
];
