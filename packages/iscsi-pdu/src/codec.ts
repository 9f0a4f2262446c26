import { decodeAhs, encodeAhs } from './ahs.ts';
import type { AdditionalHeaders } from './ahs.ts';
import { crc32c, writeDigest } from './crc32c.ts';
import type { Fields, PduLayout } from './header-layout.ts';
import type { ScsiCommandPdu } from './initiator-pdus.ts';
import { initiatorLayouts } from './initiator-layouts.ts';
import { BHS_LENGTH, MAX_AHS_LENGTH, MAX_DATA_SEGMENT_LENGTH } from './opcodes.ts';
import { PduError } from './pdu-error.ts';
import type { Pdu, PduType } from './pdu.ts';
import { targetLayouts } from './target-layouts.ts';
import { WireBytes } from './wire-bytes.ts';

const SHORT_CDB_LENGTH = 16;
const NO_BYTES = new Uint8Array(0);

const layouts: Record<PduType, PduLayout> = { ...initiatorLayouts, ...targetLayouts };

const typeByOpcode: ReadonlyMap<number, PduType> = new Map(
  Object.entries(layouts).map(([type, layout]) => [layout.opcode, type as PduType]),
);

/**
 * The type of PDU that an opcode stands for; undefined for an unassigned or vendor-specific one (RFC 7143
 * §11.2.1.2).
 */
export function pduTypeOf(opcode: number): PduType | undefined {
  return typeByOpcode.get(opcode);
}

/** A PDU as its parts on the wire, without padding and digests. */
export interface EncodedPdu {
  /** BHS and AHS, lengths filled in. */
  readonly header: Uint8Array;
  /** The data segment, by reference. */
  readonly data: Uint8Array;
}

/** Which digests a PDU carries on the wire. */
export interface Digests {
  readonly header: boolean;
  readonly data: boolean;
}

/**
 * Reads a PDU from its header (BHS and AHS, without digest) and its data segment (without padding).
 * Reserved bits and fields are ignored. `data` is kept by reference, everything else is copied. Whether a
 * PDU makes sense where it came is not judged here.
 *
 * @throws PduError `PDU_HEADER_LENGTH`, `PDU_OPCODE`, `PDU_AHS` or `PDU_DATA_LENGTH`.
 */
export function decodePdu(header: Uint8Array, data: Uint8Array): Pdu {
  const declared = BHS_LENGTH + (header[4] ?? 0) * 4;
  if (header.length !== declared) {
    throw new PduError({ code: 'PDU_HEADER_LENGTH', declared, actual: header.length });
  }
  const opcode = header[0]! & 0x3f;
  const type = typeByOpcode.get(opcode);
  if (type === undefined) throw new PduError({ code: 'PDU_OPCODE', opcode });
  const layout = layouts[type];
  const fields = layout.header.decode(WireBytes.over(header));
  checkDataLength(layout, fields['dataSegmentLength'] as number, data.length);
  for (const name of ['opcode', 'totalAhsLength', 'dataSegmentLength', ...Object.keys(layout.fixed)]) {
    delete fields[name];
  }
  const ahs = header.subarray(BHS_LENGTH);
  if (type === 'scsi-command') addAdditionalHeaders(fields, decodeAhs(ahs));
  else if (ahs.length > 0) {
    // RFC 7143 §11.2.1.5: TotalAHSLength is 0 in every PDU without AHS; only the SCSI Command has any.
    throw new PduError({ code: 'PDU_AHS', offset: 0, reason: `not allowed in ${type}` });
  }
  return { type, ...fields, ...(layout.hasData ? { data } : {}) } as unknown as Pdu;
}

/** RFC 7143 §11.2.1.6: DataSegmentLength is 0 whenever the PDU has no data segment. */
function checkDataLength(layout: PduLayout, declared: number, actual: number): void {
  if (declared !== actual || (actual > 0 && !layout.hasData)) {
    throw new PduError({ code: 'PDU_DATA_LENGTH', declared, actual });
  }
}

function addAdditionalHeaders(fields: Fields, ahs: AdditionalHeaders): void {
  if (ahs.extendedCdb !== undefined) {
    const cdb = new Uint8Array(SHORT_CDB_LENGTH + ahs.extendedCdb.length);
    cdb.set(fields['cdb'] as Uint8Array);
    cdb.set(ahs.extendedCdb, SHORT_CDB_LENGTH);
    fields['cdb'] = cdb;
  }
  if (ahs.bidirectionalReadLength !== undefined)
    fields['bidirectionalReadLength'] = ahs.bidirectionalReadLength;
}

/**
 * Writes the header of a PDU and gives it back beside its data. A CDB of less than 16 bytes is padded with
 * zeroes; of a longer one the rest goes into an Extended CDB AHS (RFC 7143 §11.3.5).
 *
 * @throws PduError `PDU_FIELD` when a value does not fit its field, `PDU_DATA_SEGMENT_TOO_LONG` for 16 MiB
 * of data and more.
 */
export function encodePdu(pdu: Pdu): EncodedPdu {
  const layout = layouts[pdu.type];
  const data = 'data' in pdu ? pdu.data : NO_BYTES;
  if (data.length > MAX_DATA_SEGMENT_LENGTH) {
    const limit = MAX_DATA_SEGMENT_LENGTH;
    throw new PduError({ code: 'PDU_DATA_SEGMENT_TOO_LONG', length: data.length, limit });
  }
  const ahs = pdu.type === 'scsi-command' ? encodeAhs(additionalHeadersOf(pdu)) : NO_BYTES;
  if (ahs.length > MAX_AHS_LENGTH && pdu.type === 'scsi-command') {
    throw new PduError({ code: 'PDU_FIELD', field: 'cdb', value: pdu.cdb.length });
  }
  const header = new Uint8Array(BHS_LENGTH + ahs.length);
  const fields: Fields = {
    ...(pdu as unknown as Fields),
    ...layout.fixed,
    opcode: layout.opcode,
    totalAhsLength: ahs.length / 4,
    dataSegmentLength: data.length,
  };
  if (pdu.type === 'scsi-command') fields['cdb'] = shortCdb(pdu.cdb);
  layout.header.encode(fields, WireBytes.over(header));
  header.set(ahs, BHS_LENGTH);
  return { header, data };
}

function additionalHeadersOf(pdu: ScsiCommandPdu): AdditionalHeaders {
  const ahs: AdditionalHeaders = {};
  if (pdu.cdb.length > SHORT_CDB_LENGTH) ahs.extendedCdb = pdu.cdb.subarray(SHORT_CDB_LENGTH);
  if (pdu.bidirectionalReadLength !== undefined) ahs.bidirectionalReadLength = pdu.bidirectionalReadLength;
  return ahs;
}

function shortCdb(cdb: Uint8Array): Uint8Array {
  const short = new Uint8Array(SHORT_CDB_LENGTH);
  short.set(cdb.subarray(0, SHORT_CDB_LENGTH));
  return short;
}

/**
 * Writes a PDU as it goes on the wire: header, header digest, data, zeroes up to a multiple of 4, data
 * digest (RFC 7143 §11.2.3). Throws as {@link encodePdu} does.
 */
export function serializePdu(pdu: Pdu, digests: Digests): Uint8Array {
  const { header, data } = encodePdu(pdu);
  const dataStart = header.length + (digests.header ? 4 : 0);
  const dataEnd = dataStart + ((data.length + 3) & ~3);
  const withDataDigest = digests.data && data.length > 0;
  const wire = new Uint8Array(dataEnd + (withDataDigest ? 4 : 0));
  wire.set(header);
  if (digests.header) writeDigest(wire, header.length, crc32c(header));
  wire.set(data, dataStart);
  if (withDataDigest) writeDigest(wire, dataEnd, crc32c(wire.subarray(dataStart, dataEnd)));
  return wire;
}
