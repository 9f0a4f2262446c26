import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §4.2.7 to §4.6: names, session types and the SCSI model. */
export const section4Names: readonly RfcRule[] = [
  {
    id: '4.2.7-1',
    level: 'SHOULD',
    who: 'both',
    says:
      'iSCSI equipment that needs discovery functions beyond SendTargets SHOULD implement iSNS for ' +
      'extended discovery management capabilities and interoperability.',
    because: 'There is no discovery beyond SendTargets here.',
  },
  {
    id: '4.2.7-2',
    level: 'SHOULD NOT',
    who: 'both',
    says:
      'Although [RFC3721] implies an SLP implementation requirement, SLP has not been widely ' +
      'implemented or deployed for use with iSCSI in practice. iSCSI implementations therefore ' +
      'SHOULD NOT rely on SLP-based discovery interoperability.',
    because: 'There is no SLP here.',
  },
  {
    id: '4.2.7.1-1',
    level: 'MUST',
    who: 'both',
    says: 'Each iSCSI node, whether it is an initiator, a target, or both, MUST have an iSCSI name.',
    tests: {
      'iscsi-target/test/unit/login.test.ts': ['refuses a target without an iSCSI name, and two with one'],
      'iscsi-initiator/test/unit/login.test.ts': [
        'names both sides first, then negotiates, each stage with a transit',
      ],
    },
  },
  {
    id: '4.2.7.1-2',
    level: 'MUST',
    who: 'both',
    says:
      'Whenever an iSCSI node contains an iSCSI initiator node and an iSCSI target node, the iSCSI ' +
      'Initiator Name MUST be the same as the iSCSI Target Name for the contained Nodes such that ' +
      'there is only one …',
    because:
      'No iSCSI node here contains both an initiator and a target: they are separate packages, ' +
      'each with a name that its user gives.',
  },
  {
    id: '4.2.7.1-3',
    level: 'MUST',
    who: 'both',
    says:
      'Initiators and targets MUST support the receipt of iSCSI names of up to the maximum length ' +
      'of 223 bytes.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'a name of 223 bytes is taken from either side, one of 224 is not',
      ],
      'iscsi-pdu/test/unit/iscsi-name.test.ts': ['223 bytes are allowed'],
    },
  },
  {
    id: '4.2.7.1-4',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator MUST present both its iSCSI Initiator Name and the iSCSI Target Name to which ' +
      'it wishes to connect in the first Login Request of a new session or connection.',
    tests: {
      'iscsi-initiator/test/unit/login.test.ts': [
        'names both sides first, then negotiates, each stage with a transit',
      ],
    },
  },
  {
    id: '4.2.7.1-5',
    level: 'SHOULD',
    who: 'both',
    says:
      'The iSCSI stringprep profile [RFC3722] maps uppercase characters to lowercase and SHOULD be ' +
      'used to prepare iSCSI names from input that may include uppercase characters.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'names with upper case letters are prepared by the stringprep profile',
      ],
      'iscsi-pdu/test/unit/iscsi-name.test.ts': [
        'names that differ in case or in the form of a letter are one after normalization',
      ],
    },
  },
  {
    id: '4.2.7.2-1',
    level: 'MUST',
    who: 'both',
    says:
      'An iSCSI name MUST be a UTF-8 encoding of a string of Unicode characters with the following ' +
      'properties:',
    tests: { 'iscsi-pdu/test/unit/iscsi-name.test.ts': ['%s', '%j: %s'] },
  },
  {
    id: '4.2.7.4-1',
    level: 'MUST',
    who: 'both',
    says:
      'This date MUST be a date during which the naming authority owned the domain name used in ' +
      'this format and SHOULD be the first month in which the domain name was owned by this naming ' +
      'authority at 00 …',
    because: 'Who owned a domain name, and when, is the naming authority’s to know.',
  },
  {
    id: '4.3-1',
    level: 'MUST',
    who: 'target',
    says:
      'The target MUST ONLY accept Text Requests with the SendTargets key and a Logout Request ' +
      'with reason "close the session".',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': ['takes SendTargets and a logout of the session'],
    },
  },
  {
    id: '4.3-2',
    level: 'MUST',
    who: 'target',
    says: 'All other requests MUST be rejected.',
    tests: { 'iscsi-target/test/rfc7143/section-4-phases.test.ts': ['rejects %s'] },
  },
  {
    id: '4.4.2-1',
    level: 'MUST',
    who: 'both',
    says:
      'The SCSI device name is defined to be the iSCSI name of the node and MUST be used in the ' +
      'iSCSI protocol.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'SCSI device and port names are the iSCSI name, with ISID or portal group tag for a port',
      ],
      'iscsi-initiator/test/unit/login.test.ts': [
        'names both sides first, then negotiates, each stage with a transit',
        'uses a random ISID, and keeps it so that a new session reinstates the old (T-L9)',
      ],
    },
  },
  {
    id: '4.4.2-2',
    level: 'MUST',
    who: 'both',
    says: 'The SCSI port name MUST be used in iSCSI.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'SCSI device and port names are the iSCSI name, with ISID or portal group tag for a port',
      ],
      'iscsi-initiator/test/unit/login.test.ts': [
        'names both sides first, then negotiates, each stage with a transit',
        'uses a random ISID, and keeps it so that a new session reinstates the old (T-L9)',
      ],
    },
  },
  {
    id: '4.4.2-3',
    level: 'MUST',
    who: 'target',
    says: 'When used in SCSI parameter data, the SCSI port name MUST be encoded as:',
    tests: {
      'scsi/test/unit/inquiry.test.ts': [
        'page 83h has T10, NAA, port and SCSI name designators of one identity (T-W1, T-V4)',
      ],
    },
  },
  {
    id: '4.4.3-1',
    level: 'MUST',
    who: 'both',
    says:
      'After being selected, the same TSIH value MUST be used whenever the initiator or target ' +
      'refers to the session and a TSIH is required.',
    tests: {
      'iscsi-target/test/rfc7143/section-4-phases.test.ts': [
        'a session keeps its TSIH: another connection joins by it, and by no other',
      ],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'of another connection has the TSIH of the session and a CID of its own, the same in all of ' +
          'them',
      ],
    },
  },
  {
    id: '4.5-1',
    level: 'MUST',
    who: 'both',
    says:
      'Each instance of an iSCSI node class MUST contain one iSCSI target node instance, one iSCSI ' +
      'initiator node instance, or both.',
    because:
      'The model of a node as a composition of instances is not a behaviour; names are the rules ' +
      'of §4.2.7.1.',
  },
  {
    id: '4.5-2',
    level: 'MUST',
    who: 'both',
    says: 'However, in all scenarios, note that an iSCSI node MUST only have a single iSCSI name.',
    because:
      'The model of a node as a composition of instances is not a behaviour; names are the rules ' +
      'of §4.2.7.1.',
  },
  {
    id: '4.6.1.2-1',
    level: 'REQUIRED',
    who: 'target',
    says: 'The use of Autosense ([SAM2]) is REQUIRED by iSCSI.',
    tests: {
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'ends with CHECK CONDITION and sense when the medium fails',
      ],
    },
  },
];
