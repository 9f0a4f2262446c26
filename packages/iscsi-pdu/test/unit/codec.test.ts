import { expect, it } from 'vitest';
import { decodePdu, describe, encodePdu, joinSense, pduTypeOf, splitSense } from '../../src/index.ts';
import type { Pdu, PduError } from '../../src/index.ts';

const NO_DATA = new Uint8Array(0);

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'done';
  } catch (error) {
    return (error as PduError).code;
  }
}

it('opcodes that RFC 7143 does not assign, vendor-specific ones among them, are refused', () => {
  const assigned = [0, 1, 2, 3, 4, 5, 6, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f];
  for (let opcode = 0; opcode < 64; opcode++) {
    expect(pduTypeOf(opcode) !== undefined, `${opcode}`).toBe(assigned.includes(opcode));
    const header = new Uint8Array(48);
    header[0] = opcode;
    expect(codeOf(() => decodePdu(header, NO_DATA))).toBe(assigned.includes(opcode) ? 'done' : 'PDU_OPCODE');
  }
});

it('a header or data segment of another length than declared is refused', () => {
  const header = new Uint8Array(48);
  expect(codeOf(() => decodePdu(header.subarray(1), NO_DATA))).toBe('PDU_HEADER_LENGTH');
  expect(codeOf(() => decodePdu(NO_DATA, NO_DATA))).toBe('PDU_HEADER_LENGTH');
  expect(codeOf(() => decodePdu(header, Uint8Array.of(1)))).toBe('PDU_DATA_LENGTH');
});

it('data in a PDU that must have none is refused (RFC 7143 11.5.2, 11.8.1, 11.15.2)', () => {
  for (const opcode of [0x02, 0x06, 0x10, 0x22, 0x26, 0x31]) {
    const header = new Uint8Array(48);
    header.set([opcode, 0x80, 0, 0, 0, 0, 0, 1]);
    expect(codeOf(() => decodePdu(header, Uint8Array.of(1)))).toBe('PDU_DATA_LENGTH');
  }
});

it('a value that does not fit its field is refused by name', () => {
  const reject = {
    type: 'reject',
    reason: 4,
    statSn: 1,
    expCmdSn: 2,
    maxCmdSn: 3,
    dataSn: 0,
    data: NO_DATA,
  } as const;
  const wrong: [Pdu, string][] = [
    [{ ...reject, reason: 256 }, 'reason'],
    [{ ...reject, statSn: -1 }, 'statSn'],
    [{ ...reject, statSn: 2 ** 32 }, 'statSn'],
    [{ ...reject, dataSn: 0.5 }, 'dataSn'],
  ];
  for (const [pdu, field] of wrong) {
    expect(() => encodePdu(pdu)).toThrow(
      expect.objectContaining({ code: 'PDU_FIELD', detail: expect.objectContaining({ field }) }),
    );
  }
});

it('a Reject has the reserved task tag and the final bit (RFC 7143 11.17)', () => {
  const { header } = encodePdu({
    type: 'reject',
    reason: 4,
    statSn: 1,
    expCmdSn: 2,
    maxCmdSn: 3,
    dataSn: 0,
    data: NO_DATA,
  });
  expect([...header.subarray(0, 4)]).toEqual([0x3f, 0x80, 4, 0]);
  expect([...header.subarray(16, 20)]).toEqual([0xff, 0xff, 0xff, 0xff]);
});

it('the status qualifier is in bytes 8 and 9 of a SCSI Response (RFC 7144 5.2.1)', () => {
  const header = new Uint8Array(48);
  header.set([0x21, 0x80, 0, 8, 0, 0, 0, 0, 0x3f, 0xff]);
  const pdu = decodePdu(header, NO_DATA);
  expect(pdu).toMatchObject({ type: 'scsi-response', status: 8, statusQualifier: 0x3fff });
  expect(encodePdu(pdu).header).toEqual(header);
  expect(describe(pdu)).toMatch('Status 0x08, Status Qualifier 0x3fff');
  header.set([0, 0], 8);
  expect(describe(decodePdu(header, NO_DATA))).not.toMatch('Qualifier');
});

it('sense data comes back from its segment, and a SenseLength past the end is refused (RFC 7143 11.4.7)', () => {
  const joined = joinSense(Uint8Array.of(0x70, 0, 5), Uint8Array.of(9));
  expect([...joined]).toEqual([0, 3, 0x70, 0, 5, 9]);
  expect(splitSense(joined)).toEqual({ sense: Uint8Array.of(0x70, 0, 5), rest: Uint8Array.of(9) });
  expect(splitSense(NO_DATA).sense.length).toBe(0);
  expect(joinSense(NO_DATA).length).toBe(0);
  expect(codeOf(() => splitSense(Uint8Array.of(0, 3, 1, 2)))).toBe('PDU_DATA_LENGTH');
  expect(codeOf(() => splitSense(Uint8Array.of(0)))).toBe('PDU_DATA_LENGTH');
});
