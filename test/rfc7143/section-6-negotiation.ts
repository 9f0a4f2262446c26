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
  },
  {
    id: '6.1-2',
    level: 'MUST',
    who: 'both',
    says: 'A standard-label MUST begin with a capital letter and must not exceed 63 characters.',
  },
  {
    id: '6.1-3',
    level: 'MUST NOT',
    who: 'both',
    says:
      'Decimal-constants MUST NOT be used for parameter values if the values can be equal to or ' +
      'greater than 2**64 (numerical) or for binary strings that can be longer than 64 bits.',
  },
  {
    id: '6.1-4',
    level: 'MUST',
    who: 'both',
    says:
      'Any iSCSI target or initiator MUST support receiving at least 8192 bytes of key=value data ' +
      'in a negotiation sequence.',
  },
  {
    id: '6.1-5',
    level: 'MUST',
    who: 'both',
    says:
      'When proposing or accepting authentication methods that explicitly require support for very ' +
      'long authentication items, the initiator and target MUST support receiving at least 64 ' +
      'kilobytes of key=value data.',
  },
  {
    id: '6.2-1',
    level: 'MUST NOT',
    who: 'both',
    says:
      'As negotiation text may span PDU boundaries, a Text or Login Request or a Text or Login ' +
      'Response PDU that has the C bit set to 1 MUST NOT have the F bit or T bit set to 1.',
  },
  {
    id: '6.2-2',
    level: 'MUST',
    who: 'target',
    says:
      'A target receiving a Text or Login Request with the C bit set to 1 MUST answer with a Text ' +
      'or Login Response with no data segment (DataSegmentLength 0).',
  },
  {
    id: '6.2-3',
    level: 'MUST',
    who: 'initiator',
    says:
      'An initiator receiving a Text or Login Response with the C bit set to 1 MUST answer with a ' +
      'Text or Login Request with no data segment (DataSegmentLength 0).',
  },
  {
    id: '6.2-4',
    level: 'SHOULD NOT',
    who: 'both',
    says:
      'A target or initiator SHOULD NOT use a Text or Login Response or a Text or Login Request ' +
      'with no data segment (DataSegmentLength 0) unless explicitly required by a general or a ' +
      'key-specific negotiation rule.',
  },
  {
    id: '6.2-5',
    level: 'MUST NOT',
    who: 'both',
    says:
      'There MUST NOT be more than one outstanding Text Request, or Text Response PDU on an iSCSI ' +
      'connection.',
  },
  {
    id: '6.2-6',
    level: 'MUST',
    who: 'both',
    says:
      'All negotiations are explicit (i.e., the result MUST only be based on newly exchanged or ' +
      'declared values).',
  },
  {
    id: '6.2-7',
    level: 'MUST',
    who: 'both',
    says: 'However, the answer for a key that is not understood MUST be key=NotUnderstood.',
  },
  {
    id: '6.2-8',
    level: 'MUST',
    who: 'both',
    says:
      'A proposer of an iSCSI key, negotiated or declarative, in a text key exchange MUST thus be ' +
      'able to properly handle a NotUnderstood response.',
  },
  {
    id: '6.2-9',
    level: 'MUST',
    who: 'both',
    says: 'An iSCSI implementation MUST comprehend all text keys defined in this document.',
  },
  {
    id: '6.2-10',
    level: 'MUST',
    who: 'both',
    says:
      'Returning a NotUnderstood response on any of these text keys therefore MUST be considered a ' +
      'protocol error and handled accordingly.',
  },
  {
    id: '6.2-11',
    level: 'MUST',
    who: 'both',
    says:
      'The constants "None", "Reject", "Irrelevant", and "NotUnderstood" are reserved and MUST ' +
      'ONLY be used as described here.',
  },
  {
    id: '6.2-12',
    level: 'MUST',
    who: 'both',
    says:
      'All keys in this document MUST be supported by iSCSI initiators and targets when used as ' +
      'specified here.',
  },
  {
    id: '6.2-13',
    level: 'MUST NOT',
    who: 'both',
    says: 'If used as specified, these keys MUST NOT be answered with NotUnderstood.',
  },
  {
    id: '6.2-14',
    level: 'MUST',
    who: 'both',
    says:
      'Each new public key in the course of standardization MUST define the acceptable responses ' +
      'to the key, including NotUnderstood as appropriate.',
  },
  {
    id: '6.2-15',
    level: 'MUST NOT',
    who: 'both',
    says: 'To avoid confusion, new public key-names MUST NOT begin with an "X#" prefix.',
  },
  {
    id: '6.2-16',
    level: 'MUST',
    who: 'both',
    says: 'Negotiations MUST be handled as atomic operations.',
  },
  {
    id: '6.2-17',
    level: 'MUST',
    who: 'target',
    says: 'An iSCSI target MUST perform integrity checking before the new parameters take effect.',
  },
  {
    id: '6.2-18',
    level: 'SHOULD',
    who: 'both',
    says:
      'An iSCSI initiator or target MAY terminate a negotiation that does not terminate within an ' +
      'implementation-specific reasonable time or number of exchanges but SHOULD allow at least ' +
      'six (6) exchanges.',
  },
  {
    id: '6.2.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'The responding party MUST respond with the same key and the first value that it supports ' +
      '(and is allowed to use for the specific originator) selected from the originator list.',
  },
  {
    id: '6.2.1-2',
    level: 'MUST',
    who: 'both',
    says: 'The constant "None" MUST always be used to indicate a missing function.',
  },
  {
    id: '6.2.1-3',
    level: 'MUST',
    who: 'both',
    says: 'If an acceptor does not understand any particular value in a list, it MUST ignore it.',
  },
  {
    id: '6.2.1-4',
    level: 'MUST',
    who: 'both',
    says: 'The selection of a value not proposed MUST be handled by the originator as a protocol error.',
  },
  {
    id: '6.2.2-1',
    level: 'MUST',
    who: 'both',
    says: 'For simple-value negotiations, the accepting party MUST answer with the same key.',
  },
  {
    id: '6.2.2-2',
    level: 'MUST',
    who: 'both',
    says:
      'Proposing a value not admissible (e.g., not within the specified bounds) MAY be answered ' +
      'with the constant "Reject"; otherwise, the acceptor MUST select an admissible value.',
  },
  {
    id: '6.2.2-3',
    level: 'MUST',
    who: 'both',
    says:
      'For a numerical range, the value selected MUST be an integer within the proposed range or ' +
      '"Reject" (if the range is unacceptable).',
  },
  {
    id: '6.2.2-4',
    level: 'MUST',
    who: 'both',
    says:
      'For Boolean negotiations (i.e., keys taking the values "Yes" or "No"), the accepting party ' +
      'MUST answer with the same key and the result of the negotiation when the received value ' +
      'does not determine that result by itself.',
  },
  {
    id: '6.2.2-5',
    level: 'REQUIRED',
    who: 'both',
    says:
      'Responses are REQUIRED in all other cases, and the value chosen and sent by the acceptor ' +
      'becomes the outcome of the negotiation.',
  },
];
