import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §6.2.1 and §6.2.2: lists and simple values. */
export const section6Values: readonly RfcRule[] = [
  {
    id: '6.2.1-1',
    level: 'MUST',
    who: 'both',
    says:
      'The responding party MUST respond with the same key and the first value that it supports ' +
      '(and is allowed to use for the specific originator) selected from the originator list.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'of %s=%s the first value that is known is taken: %s',
      ],
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
    because:
      'CHAP_A is a list too: there the strongest algorithm is the one that the target is allowed to use.',
  },
  {
    id: '6.2.1-2',
    level: 'MUST',
    who: 'both',
    says: 'The constant "None" MUST always be used to indicate a missing function.',
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
    id: '6.2.1-3',
    level: 'MUST',
    who: 'both',
    says: 'If an acceptor does not understand any particular value in a list, it MUST ignore it.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        'of %s=%s the first value that is known is taken: %s',
      ],
    },
    because:
      'The initiator originates all lists itself; what a target proposes beside them stays at its default.',
  },
  {
    id: '6.2.1-4',
    level: 'MUST',
    who: 'both',
    says: 'The selection of a value not proposed MUST be handled by the originator as a protocol error.',
    tests: {
      'iscsi-initiator/test/unit/login.test.ts': ['does not take %s=%s, which was not on offer'],
      'iscsi-initiator/test/rfc7143/section-6-negotiation.test.ts': [
        'AuthMethod=%s, which was not offered, ends the connection',
      ],
    },
    because: 'The target originates no list.',
  },
  {
    id: '6.2.2-1',
    level: 'MUST',
    who: 'both',
    says: 'For simple-value negotiations, the accepting party MUST answer with the same key.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s=%s is answered with %s'],
      'iscsi-initiator/test/unit/login.test.ts': ['answers what the target proposes by itself'],
    },
  },
  {
    id: '6.2.2-2',
    level: 'MUST',
    who: 'both',
    says:
      'Proposing a value not admissible (e.g., not within the specified bounds) MAY be answered ' +
      'with the constant "Reject"; otherwise, the acceptor MUST select an admissible value.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': [
        '%s=%s is answered with %s',
        'a rejected key keeps its value',
      ],
    },
  },
  {
    id: '6.2.2-3',
    level: 'MUST',
    who: 'both',
    says:
      'For a numerical range, the value selected MUST be an integer within the proposed range or ' +
      '"Reject" (if the range is unacceptable).',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s=%s is answered with %s'],
    },
    because: 'No key allows a range, so that each is rejected.',
  },
  {
    id: '6.2.2-4',
    level: 'MUST',
    who: 'both',
    says:
      'For Boolean negotiations (i.e., keys taking the values "Yes" or "No"), the accepting party ' +
      'MUST answer with the same key and the result of the negotiation when the received value ' +
      'does not determine that result by itself.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s=%s is answered with %s'],
    },
    because: 'The initiator offers every boolean key itself, and is never the one to answer.',
  },
  {
    id: '6.2.2-5',
    level: 'REQUIRED',
    who: 'both',
    says:
      'Responses are REQUIRED in all other cases, and the value chosen and sent by the acceptor ' +
      'becomes the outcome of the negotiation.',
    tests: {
      'iscsi-target/test/rfc7143/section-6-negotiation.test.ts': ['%s=%s is answered with %s'],
    },
    because: 'The initiator offers every boolean key itself, and is never the one to answer.',
  },
];
