import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §13 to §13.9: digests, connections, names and addresses. */
export const section13Names: readonly RfcRule[] = [
  {
    id: '13-1',
    level: 'MUST',
    who: 'both',
    says:
      'Some session-specific parameters MUST only be carried on the leading connection and cannot ' +
      'be changed after the leading connection login (e.g., MaxConnections -- the maximum number ' +
      'of connections).',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'the table below has every leading-only key that is negotiated',
        '%s is negotiated by the leading connection',
        '%s is rejected on a joining connection, and the session keeps its value',
        '%s is rejected in full feature phase',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'adds them by logins with its TSIH, its ISID and a CID each, and the keys of a connection alone',
      ],
    },
  },
  {
    id: '13.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'The following table lists cyclic integrity checksums that can be negotiated for the digests ' +
      'and MUST be implemented by every iSCSI initiator and target.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'of %s=%s the first value that is known is taken: %s',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'digests that are %s are offered as %s: no private one among them (§13.1)',
      ],
    },
  },
  {
    id: '13.1-2',
    level: 'MUST',
    who: 'both',
    says:
      'When the initiator and target agree on a digest, this digest MUST be used for every PDU in ' +
      'the Full Feature Phase.',
    tests: {
      'iscsi-target/test/unit/data-transfer.test.ts': [
        'is right with digests and an odd segment length (slow disk: %s)',
      ],
      'iscsi-initiator/test/unit/data-transfer.test.ts': [
        'and everything else carries digests where they were agreed',
      ],
      'iscsi-target/test/unit/full-feature.test.ts': [
        'a broken header digest ends the connection (RFC 7143 §7.8)',
      ],
    },
  },
  {
    id: '13.1-3',
    level: 'SHOULD',
    who: 'both',
    says:
      'Padding bytes, when present in a segment covered by a CRC, SHOULD be set to 0 and are ' +
      'included in the CRC.',
    tests: {
      'iscsi-target/test/rfc7143/section-11-commands.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not there',
      ],
      'iscsi-initiator/test/rfc7143/section-11-requests.test.ts': [
        'has zeroes in every reserved field and bit, in padding, and in the lengths of what is not there',
      ],
      'iscsi-pdu/test/property/framer.test.ts': [
        'one changed bit in digested data or its padding is reported, and the next PDU is found',
      ],
    },
  },
  {
    id: '13.1-4',
    level: 'MUST',
    who: 'both',
    says:
      'The CRC MUST be calculated by a method that produces the same results as the following ' + 'process:',
    tests: {
      'iscsi-pdu/test/unit/crc32c.test.ts': [
        '%s: the digest is on the wire low byte first (T-K9)',
        'native and table agree at every length and seed',
      ],
      'iscsi-pdu/test/unit/captures.test.ts': ['serializes back to the bytes that were captured'],
    },
  },
  {
    id: '13.1-5',
    level: 'MUST',
    who: 'both',
    says:
      '… the implementer MUST ensure that CRC32C is listed as an alternative in the default offer ' +
      'and "None" is not part of the default offer.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'digests that are %s are offered as %s: no private one among them (§13.1)',
      ],
    },
    because: 'Neither side has an extension digest, for which alone the rule is.',
  },
  {
    id: '13.1-6',
    level: 'MUST',
    who: 'both',
    says: 'Extension digest algorithms MUST be named using one of the following two formats:',
    because: 'Neither side has an extension digest.',
  },
  {
    id: '13.1-7',
    level: 'MUST NOT',
    who: 'both',
    says: 'New public extensions for digests MUST NOT use the Y# name prefix.',
    because: 'It is for the authors of later documents, who define new digests.',
  },
  {
    id: '13.1-8',
    level: 'MUST',
    who: 'both',
    says:
      'The part of digest-name following Y- MUST conform to the format for standard-label ' +
      'specified in Section 6.1.',
    because: 'Neither side has an extension digest.',
  },
  {
    id: '13.4-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator of the TCP connection MUST provide this key to the remote endpoint in the ' +
      'first Login Request if the initiator is not establishing a Discovery session.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['a login without the names is refused'],
    },
  },
  {
    id: '13.4-2',
    level: 'MUST NOT',
    who: 'initiator',
    says: 'The TargetName MUST NOT be redeclared within the Login Phase.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        '%s is not redeclared within the login (§13.4, §13.5, §13.26.1)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
    },
  },
  {
    id: '13.5-1',
    level: 'MUST',
    who: 'initiator',
    says:
      'The initiator of the TCP connection MUST provide this key to the remote endpoint at the ' +
      'first login of the Login Phase for every connection.',
    tests: {
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
      'iscsi-initiator/test/unit/multi-connection.test.ts': [
        'adds them by logins with its TSIH, its ISID and a CID each, and the keys of a connection alone',
      ],
      'iscsi-target/test/rfc7143/section-6-login.test.ts': ['a login without the names is refused'],
    },
  },
  {
    id: '13.5-2',
    level: 'MUST NOT',
    who: 'initiator',
    says: 'The InitiatorName MUST NOT be redeclared within the Login Phase.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        '%s is not redeclared within the login (§13.4, §13.5, §13.26.1)',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'names both ends and the type in its first request, and has the security stage first',
      ],
    },
  },
  {
    id: '13.6-1',
    level: 'SHOULD',
    who: 'target',
    says:
      'If a target has been configured with a human-readable name or description, this name SHOULD ' +
      'be communicated to the initiator during a Login Response PDU if SessionType=Normal.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'the configured alias is told to a normal session, and to nobody who has not proven itself (§13.6)',
      ],
    },
  },
  {
    id: '13.7-1',
    level: 'SHOULD',
    who: 'initiator',
    says:
      'If an initiator has been configured with a human-readable name or description, it SHOULD be ' +
      'communicated to the target during a Login Request PDU.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'InitiatorAlias is taken note of and not answered (§13.7)',
      ],
    },
    because: 'The initiator has no such name in its configuration.',
  },
  {
    id: '13.8-1',
    level: 'MUST',
    who: 'target',
    says:
      'If the TargetAddress is returned as the result of a redirect status in a Login Response, ' +
      'the comma and portal-group-tag MUST be omitted.',
    tests: {
      'iscsi-target/test/unit/hooks.test.ts': [
        'sends the initiator elsewhere for now, without a portal group tag in the address (RFC 7143 §13.8)',
      ],
    },
  },
  {
    id: '13.8-2',
    level: 'MUST',
    who: 'target',
    says:
      'If the TargetAddress is returned within a SendTargets response, the portal-group-tag MUST ' +
      'be included.',
    tests: {
      'iscsi-target/test/unit/portals.test.ts': [
        'each portal has the tag of its own portal group, and IPv6 has brackets',
      ],
    },
  },
];
