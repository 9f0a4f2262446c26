import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePdu, encodePdu, PduError } from '../../src/index.ts';
import type { Pdu } from '../../src/index.ts';
import { anyPdu, pduArbitraries } from '../support/arbitraries.ts';

describe('decode after encode gives the PDU back', () => {
  for (const [type, arbitrary] of Object.entries(pduArbitraries)) {
    it(type, () => {
      fc.assert(
        fc.property(arbitrary as fc.Arbitrary<Pdu>, (pdu) => {
          const { header, data } = encodePdu(pdu);
          expect(decodePdu(header, data)).toEqual(pdu);
        }),
      );
    });
  }
});

it('reserved bits do not change what is decoded', () => {
  // Bytes 2 and 3 of a Data-Out, 24 to 27, 32 to 35 and 44 to 47 are reserved (RFC 7143 §11.7).
  fc.assert(
    fc.property(pduArbitraries['data-out'], fc.uint8Array({ minLength: 14, maxLength: 14 }), (pdu, noise) => {
      const { header, data } = encodePdu(pdu);
      [2, 3, 24, 25, 26, 27, 32, 33, 34, 35, 44, 45, 46, 47].forEach((at, i) => (header[at] = noise[i]!));
      expect(decodePdu(header, data)).toEqual(pdu);
    }),
  );
});

it('random headers throw nothing but PduError, and what decodes can be encoded again', () => {
  const headers = fc.uint8Array({ minLength: 0, maxLength: 120 });
  fc.assert(
    fc.property(headers, fc.uint8Array({ maxLength: 8 }), (header, data) => {
      const pdu = decodeOrError(header, data);
      if (pdu === undefined) return;
      const again = encodePdu(pdu);
      expect(decodePdu(again.header, again.data)).toEqual(pdu);
    }),
    { numRuns: 5000 },
  );
});

it('a PDU with one byte changed either decodes or throws a PduError', () => {
  fc.assert(
    fc.property(anyPdu, fc.nat(), fc.nat(255), (pdu, at, value) => {
      const { header, data } = encodePdu(pdu);
      header[at % header.length] = value;
      decodeOrError(header, data);
    }),
    { numRuns: 20000 },
  );
});

function decodeOrError(header: Uint8Array, data: Uint8Array): Pdu | undefined {
  try {
    return decodePdu(header, data);
  } catch (error) {
    expect(error).toBeInstanceOf(PduError);
    return undefined;
  }
}
