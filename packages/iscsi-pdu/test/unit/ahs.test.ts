import { describe, expect, it } from 'vitest';
import type { PduError } from '../../src/index.ts';
import { decodePdu } from '../../src/index.ts';

/** A SCSI Command, or another PDU, with the given AHS bytes. Built by hand. */
function withAhs(ahs: number[], opcode = 0x01): Uint8Array {
  const bytes = new Uint8Array(48 + ahs.length);
  bytes.set([opcode, 0x81, 0, 0, ahs.length / 4]);
  bytes.fill(0x7f, 32, 48);
  bytes.set(ahs, 48);
  return bytes;
}

function codeOf(header: Uint8Array): string {
  try {
    decodePdu(header, new Uint8Array(0));
    return 'decoded';
  } catch (error) {
    return (error as PduError).code;
  }
}

it('an extended CDB is the 16 bytes of the BHS and AHSLength - 1 more (RFC 7143 11.2.2.3)', () => {
  const pdu = decodePdu(withAhs([0, 4, 1, 0, 0xa, 0xb, 0xc, 0]), new Uint8Array(0));
  expect(pdu).toMatchObject({ cdb: Uint8Array.of(...Array<number>(16).fill(0x7f), 0xa, 0xb, 0xc) });
});

it('a bidirectional read length may come before or behind an extended CDB (RFC 7143 11.2.2.4)', () => {
  const bidirectional = [0, 5, 2, 0, 0, 1, 0, 2];
  const extended = [0, 3, 1, 0, 5, 6, 0, 0];
  for (const ahs of [bidirectional.concat(extended), extended.concat(bidirectional)]) {
    const pdu = decodePdu(withAhs(ahs), new Uint8Array(0));
    expect(pdu).toMatchObject({ bidirectionalReadLength: 0x10002 });
    expect('cdb' in pdu && pdu.cdb.length).toBe(18);
  }
});

describe('malformed segments are refused', () => {
  it.each([
    ['a segment past the end', withAhs([0, 9, 1, 0, 0, 0, 0, 0])],
    ['the longest length there is', withAhs([0xff, 0xff, 1, 0])],
    ['a CDB of less than 17 bytes', withAhs([0, 1, 1, 0])],
    ['a bidirectional length of the wrong size', withAhs([0, 4, 2, 0, 0, 0, 0, 0])],
    ['an unassigned type', withAhs([0, 1, 3, 0])],
    ['type 0', withAhs([0, 0, 0, 0])],
    ['two extended CDBs', withAhs([0, 2, 1, 0, 1, 0, 0, 0, 0, 2, 1, 0, 1, 0, 0, 0])],
    ['two bidirectional lengths', withAhs([0, 5, 2, 0, 0, 0, 0, 1, 0, 5, 2, 0, 0, 0, 0, 1])],
    ['a segment in a NOP-Out', withAhs([0, 5, 2, 0, 0, 0, 0, 1], 0x00)],
  ])('%s', (_name, header) => expect(codeOf(header)).toBe('PDU_AHS'));
});
