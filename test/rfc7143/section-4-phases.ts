import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.2.4 to §4.6: login, full feature phase, names, session types and the SCSI model. */
export const section4Phases: readonly RfcRule[] = [
  {
    id: '4.2.4-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'As part of the login process, the initiator and target SHOULD authenticate each other and ' +
      'MAY set a security association protocol for the session.',
  },
  {
    id: '4.2.4-2',
    level: 'MUST',
    who: 'both',
    says: 'Login Requests and Responses MUST be used exclusively during login.',
  },
  {
    id: '4.2.4-3',
    level: 'MUST',
    who: 'both',
    says:
      'On any connection, the Login Phase MUST immediately follow TCP connection establishment, ' +
      'and a subsequent Login Phase MUST NOT occur before tearing down the connection.',
  },
  {
    id: '4.2.4-4',
    level: 'MUST',
    who: 'target',
    says:
      'A target receiving any PDU except a Login Request before the Login Phase is started MUST ' +
      'immediately terminate the connection on which the PDU was received.',
  },
  {
    id: '4.2.4-5',
    level: 'MUST',
    who: 'target',
    says:
      'Once the Login Phase has started, if the target receives any PDU except a Login Request, it ' +
      'MUST send a Login reject (with Status "invalid during login") and then disconnect.',
  },
  {
    id: '4.2.4-6',
    level: 'MUST',
    who: 'initiator',
    says:
      'If the initiator receives any PDU except a Login Response, it MUST immediately terminate ' +
      'the connection.',
  },
  {
    id: '4.2.5.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'For any iSCSI request issued over a TCP connection, the corresponding response and/or other ' +
      'related PDU(s) MUST be sent over the same connection.',
  },
  {
    id: '4.2.5.1-2',
    level: 'MUST',
    who: 'target',
    says:
      'Thus, if an initiator issues a read command, the target MUST send the requested data, if ' +
      'any, followed by the status, to the initiator over the same TCP connection that was used to ' +
      'deliver the SCSI command.',
  },
  {
    id: '4.2.5.1-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an initiator issues a write command, the initiator MUST send the data, if any, for that ' +
      'command over the same TCP connection that was used to deliver the SCSI command.',
  },
  {
    id: '4.2.5.1-4',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST return Ready To Transfer (R2T), if any, and the status over the same TCP ' +
      'connection that was used to deliver the SCSI command.',
  },
  {
    id: '4.2.5.1-5',
    level: 'MUST',
    who: 'both',
    says:
      'Retransmission requests (SNACK PDUs), and the data and status that they generate, MUST also ' +
      'use the same connection.',
  },
  {
    id: '4.2.5.2-1',
    level: 'MUST',
    who: 'both',
    says: 'All subsequent data MUST be solicited.',
  },
  {
    id: '4.2.5.2-2',
    level: 'MUST',
    who: 'both',
    says:
      'If any non-immediate unsolicited data is sent, the total unsolicited data MUST be either ' +
      'FirstBurstLength or all of the data, if the total amount is less than the FirstBurstLength.',
  },
  {
    id: '4.2.5.2-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'An initiator MUST honor an R2T data request for a valid outstanding command (i.e., carrying ' +
      'a valid Initiator Task Tag) and deliver all the requested data …',
  },
  {
    id: '4.2.5.2-4',
    level: 'SHOULD NOT',
    who: 'target',
    says: 'A target SHOULD NOT silently discard data and then request retransmission through R2T.',
  },
  {
    id: '4.2.5.2-5',
    level: 'SHOULD NOT',
    who: 'initiator',
    says:
      'Initiators SHOULD NOT keep track of the data transferred to or from the target ' + '(scoreboarding).',
  },
  {
    id: '4.2.5.2-6',
    level: 'MUST',
    who: 'both',
    says: 'In addition, iSCSI initiators and targets MUST enforce some ordering rules.',
  },
  {
    id: '4.2.5.2-7',
    level: 'MUST',
    who: 'both',
    says:
      'When unsolicited data is used, the order of the unsolicited data on each connection MUST ' +
      'match the order in which the commands on that connection are sent.',
  },
  {
    id: '4.2.5.2-8',
    level: 'MUST',
    who: 'both',
    says:
      '… but the unsolicited Data-Out PDUs for command N MUST precede the unsolicited Data-Out ' +
      'PDUs of command N + 1).',
  },
  {
    id: '4.2.5.3-1',
    level: 'MUST',
    who: 'both',
    says:
      'As the Initiator Task Tag is used to identify a task during its execution, the iSCSI ' +
      'initiator and target MUST verify that all other fields used in task-related PDUs have ' +
      'values that are consistent with …',
  },
  {
    id: '4.2.6-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'A graceful transport connection shutdown SHOULD only be initiated by either party when the ' +
      'connection is not in the iSCSI Full Feature Phase.',
  },
  {
    id: '4.2.6-2',
    level: 'SHOULD',
    who: 'target',
    says:
      'A target MAY terminate a Full Feature Phase connection on internal exception events, but it ' +
      'SHOULD announce the fact through an Asynchronous Message PDU.',
  },
  {
    id: '4.2.7-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'iSCSI equipment that needs discovery functions beyond SendTargets SHOULD implement iSNS for ' +
      'extended discovery management capabilities and interoperability.',
  },
  {
    id: '4.2.7-2',
    level: 'SHOULD NOT',
    who: 'both',
    says:
      'Although [RFC3721] implies an SLP implementation requirement, SLP has not been widely ' +
      'implemented or deployed for use with iSCSI in practice. iSCSI implementations therefore ' +
      'SHOULD NOT rely on SLP-based discovery interoperability.',
  },
  {
    id: '4.2.7.1-1',
    level: 'MUST',
    who: 'target',
    says: 'Each iSCSI node, whether it is an initiator, a target, or both, MUST have an iSCSI name.',
  },
  {
    id: '4.2.7.1-2',
    level: 'MUST',
    who: 'initiator',
    says:
      'Whenever an iSCSI node contains an iSCSI initiator node and an iSCSI target node, the iSCSI ' +
      'Initiator Name MUST be the same as the iSCSI Target Name for the contained Nodes such that ' +
      'there is only one …',
  },
  {
    id: '4.2.7.1-3',
    level: 'MUST',
    who: 'target',
    says:
      'Initiators and targets MUST support the receipt of iSCSI names of up to the maximum length ' +
      'of 223 bytes.',
  },
  {
    id: '4.2.7.1-4',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST present both its iSCSI Initiator Name and the iSCSI Target Name to which ' +
      'it wishes to connect in the first Login Request of a new session or connection.',
  },
  {
    id: '4.2.7.1-5',
    level: 'SHOULD',
    who: 'both',
    says:
      'The iSCSI stringprep profile [RFC3722] maps uppercase characters to lowercase and SHOULD be ' +
      'used to prepare iSCSI names from input that may include uppercase characters.',
  },
  {
    id: '4.2.7.2-1',
    level: 'MUST',
    who: 'both',
    says:
      'An iSCSI name MUST be a UTF-8 encoding of a string of Unicode characters with the following ' +
      'properties:',
  },
  {
    id: '4.2.7.4-1',
    level: 'MUST',
    who: 'both',
    says:
      'This date MUST be a date during which the naming authority owned the domain name used in ' +
      'this format and SHOULD be the first month in which the domain name was owned by this naming ' +
      'authority at 00 …',
  },
  {
    id: '4.3-1',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST ONLY accept Text Requests with the SendTargets key and a Logout Request ' +
      'with reason "close the session".',
  },
  {
    id: '4.3-2',
    level: 'MUST',
    who: 'both',
    says: 'All other requests MUST be rejected.',
  },
  {
    id: '4.4.2-1',
    level: 'MUST',
    who: 'both',
    says:
      'The SCSI device name is defined to be the iSCSI name of the node and MUST be used in the ' +
      'iSCSI protocol.',
  },
  {
    id: '4.4.2-2',
    level: 'MUST',
    who: 'both',
    says: 'The SCSI port name MUST be used in iSCSI.',
  },
  {
    id: '4.4.2-3',
    level: 'MUST',
    who: 'both',
    says: 'When used in SCSI parameter data, the SCSI port name MUST be encoded as:',
  },
  {
    id: '4.4.3-1',
    level: 'MUST',
    who: 'both',
    says:
      'After being selected, the same TSIH value MUST be used whenever the initiator or target ' +
      'refers to the session and a TSIH is required.',
  },
  {
    id: '4.5-1',
    level: 'MUST',
    who: 'both',
    says:
      'Each instance of an iSCSI node class MUST contain one iSCSI target node instance, one iSCSI ' +
      'initiator node instance, or both.',
  },
  {
    id: '4.5-2',
    level: 'MUST',
    who: 'both',
    says: 'However, in all scenarios, note that an iSCSI node MUST only have a single iSCSI name.',
  },
  {
    id: '4.6.1.2-1',
    level: 'REQUIRED',
    who: 'both',
    says: 'The use of Autosense ([SAM2]) is REQUIRED by iSCSI.',
  },
];
