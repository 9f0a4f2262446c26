import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as iscsi from '../../src/index.ts';
import type { Pdu } from '../../src/index.ts';
import { pduArbitraries } from '../support/arbitraries.ts';

const OFFSET = 5;

/** A 48-byte header somewhere inside other bytes, surrounded by a pattern. */
function embed(header: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(OFFSET + 48 + 3).fill(0xcc);
  bytes.set(header.subarray(0, 48), OFFSET);
  return bytes;
}

/** What the declared layouts say, in the flat terms of the hot headers. */
function flat(pdu: Pdu): Record<string, number | boolean> {
  const { lun, data, type: _type, ...rest } = pdu as Pdu & { lun?: Uint8Array; data?: Uint8Array };
  const fields: Record<string, unknown> = { ...rest };
  if (data !== undefined) fields['dataLength'] = data.length;
  if (lun !== undefined) {
    fields['lunHigh'] = iscsi.readU32(lun, 0);
    fields['lunLow'] = iscsi.readU32(lun, 4);
  }
  delete fields['cdb'];
  delete fields['bidirectionalReadLength'];
  return fields as Record<string, number | boolean>;
}

function flatResponse(pdu: Pdu & { type: 'scsi-response' }): iscsi.ScsiResponseHeader {
  const { bidirectionalOverflow, bidirectionalUnderflow, overflow, underflow, ...rest } = flat(pdu);
  const flags =
    (bidirectionalOverflow ? 0x10 : 0) |
    (bidirectionalUnderflow ? 0x08 : 0) |
    (overflow ? 0x04 : 0) |
    (underflow ? 0x02 : 0);
  return { ...rest, flags } as unknown as iscsi.ScsiResponseHeader;
}

/**
 * Checks one hot pair against the layouts: reading gives the same fields, writing the same 48 bytes and no
 * others.
 */
function agree<H extends object>(
  pdu: Pdu,
  fields: H,
  read: (bytes: Uint8Array, offset: number, into: H) => void,
  write: (bytes: Uint8Array, offset: number, fields: H) => void,
): void {
  const expected = embed(iscsi.encodePdu(pdu).header);
  const into = {} as H;
  read(expected, OFFSET, into);
  expect(into).toEqual(fields);
  const written = new Uint8Array(expected.length).fill(0xcc);
  write(written, OFFSET, fields);
  expect(written).toEqual(expected);
}

describe('hot headers read and write exactly what the declared layouts do', () => {
  it('SCSI Command', () => {
    fc.assert(
      fc.property(pduArbitraries['scsi-command'], (pdu) => {
        const ahsLength = iscsi.encodePdu(pdu).header.length - 48;
        const fields = { ...flat(pdu), ahsLength } as unknown as iscsi.ScsiCommandHeader;
        agree(pdu, fields, iscsi.readScsiCommand, (bytes, offset, header) =>
          iscsi.writeScsiCommand(bytes, offset, header, pdu.cdb),
        );
        if (pdu.bidirectionalReadLength !== undefined || pdu.cdb.length <= 16) return;
        expect(iscsi.extendedCdbAhsLength(pdu.cdb.length)).toBe(ahsLength);
        const header = new Uint8Array(48 + ahsLength);
        iscsi.writeScsiCommand(header, 0, fields, pdu.cdb);
        iscsi.writeExtendedCdb(header, 0, pdu.cdb);
        const declared = Uint8Array.from(iscsi.encodePdu(pdu).header);
        header.set(declared.subarray(5, 8), 5);
        expect(header).toEqual(declared);
      }),
    );
  });

  it('SCSI Response', () => {
    fc.assert(
      fc.property(pduArbitraries['scsi-response'], (pdu) =>
        agree(pdu, flatResponse(pdu), iscsi.readScsiResponse, iscsi.writeScsiResponse),
      ),
    );
  });

  it('Data-Out', () => {
    fc.assert(
      fc.property(pduArbitraries['data-out'], (pdu) =>
        agree(pdu, flat(pdu) as unknown as iscsi.DataOutHeader, iscsi.readDataOut, iscsi.writeDataOut),
      ),
    );
  });

  it('Data-In', () => {
    fc.assert(
      fc.property(pduArbitraries['data-in'], (pdu) =>
        agree(pdu, flat(pdu) as unknown as iscsi.DataInHeader, iscsi.readDataIn, iscsi.writeDataIn),
      ),
    );
  });

  it('R2T', () => {
    fc.assert(
      fc.property(pduArbitraries.r2t, (pdu) =>
        agree(pdu, flat(pdu) as unknown as iscsi.R2tHeader, iscsi.readR2t, iscsi.writeR2t),
      ),
    );
  });
});

it('a CDB shorter than 16 bytes is padded over whatever was there, and PRI is the upper half of byte 2', () => {
  const bytes = new Uint8Array(48).fill(0xff);
  const flags = { immediate: false, final: true, read: false, write: false };
  const header = { ...flags, attribute: 1, priority: 5, ahsLength: 0 };
  const numbers = { dataLength: 0, lunHigh: 0, lunLow: 0, initiatorTaskTag: 1, cmdSn: 2, expStatSn: 3 };
  iscsi.writeScsiCommand(
    bytes,
    0,
    { ...header, ...numbers, expectedDataTransferLength: 0 },
    Uint8Array.of(0x12, 1),
  );
  expect([...bytes.subarray(0, 4)]).toEqual([0x01, 0x81, 0x50, 0x00]);
  expect([...bytes.subarray(32)]).toEqual([0x12, 1, ...Array<number>(14).fill(0)]);
});

it('integers of 16, 24 and 32 bits come back as they were written, never negative', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (value) => {
      const bytes = new Uint8Array(12);
      iscsi.writeU16(bytes, 1, value);
      iscsi.writeU24(bytes, 3, value);
      iscsi.writeU32(bytes, 6, value);
      expect(iscsi.readU16(bytes, 1)).toBe(value & 0xffff);
      expect(iscsi.readU24(bytes, 3)).toBe(value & 0xffffff);
      expect(iscsi.readU32(bytes, 6)).toBe(value);
      const view = new DataView(bytes.buffer);
      expect(view.getUint32(6)).toBe(value);
    }),
  );
});
