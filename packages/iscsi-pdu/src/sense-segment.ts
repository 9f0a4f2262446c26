import { readU16, writeU16 } from './bytes.ts';
import { PduError } from './pdu-error.ts';

/** The data segment of a SCSI Response or an Asynchronous Message, taken apart. */
export interface SenseSegment {
  readonly sense: Uint8Array;
  /** Response data or event data, behind the sense data. */
  readonly rest: Uint8Array;
}

/**
 * Takes the data segment of a SCSI Response (RFC 7143 §11.4.7) or an Asynchronous Message (§11.9.4) apart:
 * views of `data`. No data is no sense.
 *
 * @throws PduError `PDU_DATA_LENGTH` when SenseLength points past the end.
 */
export function splitSense(data: Uint8Array): SenseSegment {
  if (data.length === 0) return { sense: data, rest: data };
  const end = 2 + (data.length < 2 ? 0 : readU16(data, 0));
  if (end > data.length) throw new PduError({ code: 'PDU_DATA_LENGTH', declared: end, actual: data.length });
  return { sense: data.subarray(2, end), rest: data.subarray(end) };
}

/**
 * Puts a data segment of sense data and, behind it, response or event data together. No sense and no rest
 * make no data.
 */
export function joinSense(sense: Uint8Array, rest: Uint8Array = new Uint8Array(0)): Uint8Array {
  if (sense.length === 0 && rest.length === 0) return rest;
  if (sense.length > 0xffff) throw new PduError({ code: 'PDU_FIELD', field: 'sense', value: sense.length });
  const data = new Uint8Array(2 + sense.length + rest.length);
  writeU16(data, 0, sense.length);
  data.set(sense, 2);
  data.set(rest, 2 + sense.length);
  return data;
}
