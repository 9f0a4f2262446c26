import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §6.1 and §6.2: text format and negotiation. */
export const section6Negotiation: readonly RfcRule[] = [
  {
    id: '6.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'Every key=value pair, including the last or only pair in a LTDS, MUST be followed by one ' +
      'null (0x00) delimiter.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'each pair of an answer ends with one null byte',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'ends each pair with one null byte, and has keys that are standard-labels',
      ],
      'iscsi-pdu/test/unit/text.test.ts': ['every pair ends with one null byte (RFC 7143 6.1)'],
    },
  },
  {
    id: '6.1-2',
    level: 'MUST',
    who: 'both',
    says: 'A standard-label MUST begin with a capital letter and must not exceed 63 characters.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'every key of ours is a standard-label',
        'a key that is none ends the login: "%s"',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'ends each pair with one null byte, and has keys that are standard-labels',
      ],
    },
    because: 'iSCSIProtocolLevel of RFC 7144 begins with a small letter, so that both sides take one.',
  },
  {
    id: '6.1-3',
    level: 'MUST NOT',
    who: 'both',
    says:
      'Decimal-constants MUST NOT be used for parameter values if the values can be equal to or ' +
      'greater than 2**64 (numerical) or for binary strings that can be longer than 64 bits.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['the number "%s" is answered with %s'],
    },
    because: 'Neither side has a number of 2^64 or more, nor writes a binary value in decimal.',
  },
  {
    id: '6.1-4',
    level: 'MUST',
    who: 'both',
    says:
      'Any iSCSI target or initiator MUST support receiving at least 8192 bytes of key=value data ' +
      'in a negotiation sequence.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s of keys are taken in one login'],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'takes 64 KiB of text in one negotiation',
      ],
    },
  },
  {
    id: '6.1-5',
    level: 'MUST',
    who: 'both',
    says:
      'When proposing or accepting authentication methods that explicitly require support for very ' +
      'long authentication items, the initiator and target MUST support receiving at least 64 ' +
      'kilobytes of key=value data.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s of keys are taken in one login'],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'takes 64 KiB of text in one negotiation',
      ],
    },
  },
  {
    id: '6.2-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'As negotiation text may span PDU boundaries, a Text or Login Request or a Text or Login ' +
      'Response PDU that has the C bit set to 1 MUST NOT have the F bit or T bit set to 1.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'text that goes on does not ask for transit, nor does it end a text negotiation',
      ],
      'iscsi-target/test/unit/half-open.test.ts': [
        'answer at length in PDUs of the default length, continued by the C bit (RFC 7143 §6.2, §6.3)',
      ],
      'iscsi-target/test/rfc7143/section-6-login.test.ts': [
        'an answer that goes on has text in each of its parts, a tag and no F bit',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'is no longer than one request, so that the C bit is never set',
      ],
    },
  },
  {
    id: '6.2-2',
    level: 'MUST',
    who: 'target',
    says:
      'A target receiving a Text or Login Request with the C bit set to 1 MUST answer with a Text ' +
      'or Login Response with no data segment (DataSegmentLength 0).',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'each request whose text goes on is answered with an empty response',
      ],
      'iscsi-target/test/unit/login.test.ts': [
        'takes keys that are continued over several requests by the C bit (RFC 7143 §6.2)',
      ],
    },
  },
  {
    id: '6.2-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'An initiator receiving a Text or Login Response with the C bit set to 1 MUST answer with a ' +
      'Text or Login Request with no data segment (DataSegmentLength 0).',
    tests: {
      'iscsi-initiator/test/unit/login.test.ts': ['takes text that is continued by the C bit'],
      'iscsi-initiator/test/rfc7143/section-11-exchanges.test.ts': [
        'keeps its task tag and I bit, and goes on with the tag and LUN of the response',
      ],
    },
  },
  {
    id: '6.2-4',
    level: 'SHOULD NOT',
    who: 'both',
    says:
      'A target or initiator SHOULD NOT use a Text or Login Response or a Text or Login Request ' +
      'with no data segment (DataSegmentLength 0) unless explicitly required by a general or a ' +
      'key-specific negotiation rule.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'a response is empty only where there is nothing to say',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'goes on asking for the next stage, if need be with empty requests, until the target agrees',
      ],
    },
  },
  {
    id: '6.2-5',
    level: 'MUST NOT',
    who: 'both',
    says:
      'There MUST NOT be more than one outstanding Text Request, or Text Response PDU on an iSCSI ' +
      'connection.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'one Text Request has one Text Response, and a new one ends the exchange before it',
      ],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'goes on with the F bit set while the target has more to say',
      ],
    },
  },
  {
    id: '6.2-6',
    level: 'MUST',
    who: 'both',
    says:
      'All negotiations are explicit (i.e., the result MUST only be based on newly exchanged or ' +
      'declared values).',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['nothing is answered that was not offered'],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'is negotiated from nothing: a key that was not offered and not answered has its default',
      ],
    },
  },
  {
    id: '6.2-7',
    level: 'MUST',
    who: 'both',
    says: 'However, the answer for a key that is not understood MUST be key=NotUnderstood.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'a key that is not known is NotUnderstood, in a login and after it',
      ],
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
  },
  {
    id: '6.2-8',
    level: 'MUST',
    who: 'both',
    says:
      'A proposer of an iSCSI key, negotiated or declarative, in a text key exchange MUST thus be ' +
      'able to properly handle a NotUnderstood response.',
    tests: {
      'iscsi-initiator/test/unit/login.test.ts': [
        'falls back to the default of a key that is refused or unknown',
      ],
    },
    because: 'The target proposes no keys; what it declares, everybody has to know.',
  },
  {
    id: '6.2-9',
    level: 'MUST',
    who: 'both',
    says: 'An iSCSI implementation MUST comprehend all text keys defined in this document.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s is never answered NotUnderstood'],
    },
    because: 'The initiator reads the same table of keys.',
  },
  {
    id: '6.2-10',
    level: 'MUST',
    who: 'both',
    says:
      'Returning a NotUnderstood response on any of these text keys therefore MUST be considered a ' +
      'protocol error and handled accordingly.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s=%s is a protocol error'],
    },
    because:
      'The initiator takes it for a refusal: the key stays at its default, and old targets stay usable.',
  },
  {
    id: '6.2-11',
    level: 'MUST',
    who: 'both',
    says:
      'The constants "None", "Reject", "Irrelevant", and "NotUnderstood" are reserved and MUST ' +
      'ONLY be used as described here.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        '%s=%s is a protocol error',
        'of %s=%s the first value that is known is taken: %s',
      ],
      'iscsi-initiator/test/unit/login.test.ts': ['does not take %s=%s, which was not on offer'],
    },
  },
  {
    id: '6.2-12',
    level: 'MUST',
    who: 'both',
    says:
      'All keys in this document MUST be supported by iSCSI initiators and targets when used as ' +
      'specified here.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s is never answered NotUnderstood'],
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': ['%s is negotiated by the leading connection'],
    },
  },
  {
    id: '6.2-13',
    level: 'MUST NOT',
    who: 'both',
    says: 'If used as specified, these keys MUST NOT be answered with NotUnderstood.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s is never answered NotUnderstood'],
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
  },
  {
    id: '6.2-14',
    level: 'MUST',
    who: 'both',
    says:
      'Each new public key in the course of standardization MUST define the acceptable responses ' +
      'to the key, including NotUnderstood as appropriate.',
    because: 'It is for the authors of later documents, who define new keys.',
  },
  {
    id: '6.2-15',
    level: 'MUST NOT',
    who: 'both',
    says: 'To avoid confusion, new public key-names MUST NOT begin with an "X#" prefix.',
    because: 'It is for the authors of later documents; no key of ours is new.',
  },
  {
    id: '6.2-16',
    level: 'MUST',
    who: 'both',
    says: 'Negotiations MUST be handled as atomic operations.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'a text negotiation takes effect when it is over, as a whole (§6.4)',
        'of a text negotiation that fails nothing takes effect (§7.12)',
      ],
    },
    because: 'A login that fails leaves neither session nor connection that anything could hold for.',
  },
  {
    id: '6.2-17',
    level: 'MUST',
    who: 'target',
    says: 'An iSCSI target MUST perform integrity checking before the new parameters take effect.',
    tests: {
      'iscsi-target/test/rfc7143/section-13-keys.test.ts': [
        'FirstBurstLength does not exceed MaxBurstLength: %j (§13.14)',
        'MaxOutstandingR2T is 1 where recovered data comes in order: %j (§13.19)',
        'ErrorRecoveryLevel is 0 once several R2Ts in order have been agreed on (§13.19)',
      ],
    },
  },
  {
    id: '6.2-18',
    level: 'SHOULD',
    who: 'both',
    says:
      'An iSCSI initiator or target MAY terminate a negotiation that does not terminate within an ' +
      'implementation-specific reasonable time or number of exchanges but SHOULD allow at least ' +
      'six (6) exchanges.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'dozens of exchanges are allowed, without end there are none',
      ],
      'iscsi-initiator/test/unit/login.test.ts': ['that never comes to an end is ended'],
    },
  },
];
