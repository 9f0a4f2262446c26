import { u16be, u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { keyBytes, keyText } from './reservation-key.ts';
import { buildTransportId, parseTransportId } from './transport-id.ts';

interface InHeader {
  PRGENERATION: number;
  ADDITIONAL_LENGTH: number;
}

/** The start of READ KEYS, READ RESERVATION and READ FULL STATUS data (SPC-4 tables 202, 203, 210). */
const inHeader: Structure<InHeader> = structure(8, [u32be('PRGENERATION'), u32be('ADDITIONAL_LENGTH')]);

interface ReservationDescriptor {
  RESERVATION_KEY: Uint8Array;
  SCOPE: number;
  TYPE: number;
}

/** The reservation in READ RESERVATION data (SPC-4 table 203). */
const reservationDescriptor: Structure<ReservationDescriptor> = structure(16, [
  bytes(8, 'RESERVATION_KEY'),
  bytes(5),
  flags('SCOPE:4', 'TYPE:4'),
  bytes(2),
]);

interface FullStatusDescriptor {
  RESERVATION_KEY: Uint8Array;
  ALL_TG_PT: number;
  R_HOLDER: number;
  SCOPE: number;
  TYPE: number;
  RELATIVE_TARGET_PORT_IDENTIFIER: number;
  ADDITIONAL_DESCRIPTOR_LENGTH: number;
}

/** A full status descriptor without its TransportID (SPC-4 table 211). */
const fullStatusDescriptor: Structure<FullStatusDescriptor> = structure(24, [
  bytes(8, 'RESERVATION_KEY'),
  bytes(4),
  flags('RESERVED:6', 'ALL_TG_PT', 'R_HOLDER'),
  flags('SCOPE:4', 'TYPE:4'),
  bytes(4),
  u16be('RELATIVE_TARGET_PORT_IDENTIFIER'),
  u32be('ADDITIONAL_DESCRIPTOR_LENGTH'),
]);

/** REPORT CAPABILITIES data (SPC-4 table 207). */
export interface ReservationCapabilities {
  LENGTH: number;
  /** 1: REPLACE LOST RESERVATION is there. */
  RLR_C: number;
  /** 1: RESERVE and RELEASE of registered nexuses do nothing instead of conflicting. */
  CRH: number;
  /** 1: SPEC_I_PT is there. */
  SIP_C: number;
  /** 1: ALL_TG_PT is there. */
  ATP_C: number;
  /** 1: APTPL is there. */
  PTPL_C: number;
  /** 1: PERSISTENT_RESERVATION_TYPE_MASK is valid. */
  TMV: number;
  /** Which commands reservations let through (SPC-4 table 208). */
  ALLOW_COMMANDS: number;
  /** 1: registrations survive a loss of power now. */
  PTPL_A: number;
  PERSISTENT_RESERVATION_TYPE_MASK: number;
}

const reservationCapabilities: Structure<ReservationCapabilities> = structure(8, [
  u16be('LENGTH'),
  flags('RLR_C', 'RESERVED:2', 'CRH', 'SIP_C', 'ATP_C', 'RESERVED', 'PTPL_C'),
  flags('TMV', 'ALLOW_COMMANDS:3', 'RESERVED:3', 'PTPL_A'),
  u16be('PERSISTENT_RESERVATION_TYPE_MASK'),
  bytes(2),
]);

/** What READ KEYS tells. */
export interface ReservationKeys {
  /** PRgeneration. */
  readonly generation: number;
  /** The key of each registration, 16 hexadecimal digits. */
  readonly keys: readonly string[];
}

/** What READ RESERVATION tells. */
export interface ReservationReport {
  /** PRgeneration. */
  readonly generation: number;
  /** The reservation, if there is one; the key is all zeroes when all registrants hold it. */
  readonly reservation?: { readonly key: string; readonly type: number };
}

/** What READ FULL STATUS tells. */
export interface FullReservationStatus {
  /** PRgeneration. */
  readonly generation: number;
  readonly registrations: readonly RegistrationStatus[];
}

/** One registration in {@link FullReservationStatus}. */
export interface RegistrationStatus {
  /** Reservation key: 16 hexadecimal digits. */
  readonly key: string;
  /** Name of the initiator port; empty when it is told in a way that this package does not read. */
  readonly initiatorPort: string;
  /** Relative target port identifier. */
  readonly relativePort: number;
  /** Type of the reservation that the nexus holds. */
  readonly holds?: number;
}

/** READ KEYS data. */
export function buildReservationKeys({ generation, keys }: ReservationKeys): Uint8Array<ArrayBuffer> {
  return withHeader(generation, concatBytes(keys.map(keyBytes)));
}

/** Reads READ KEYS data; keys that were cut off are left out. */
export function parseReservationKeys(data: Uint8Array): ReservationKeys {
  const { generation, body } = splitHeader(data);
  const keys: string[] = [];
  for (let at = 0; at + 8 <= body.length; at += 8) keys.push(keyText(body.subarray(at, at + 8)));
  return { generation, keys };
}

/** READ RESERVATION data. */
export function buildReservationReport(report: ReservationReport): Uint8Array<ArrayBuffer> {
  const { generation, reservation } = report;
  if (reservation === undefined) return withHeader(generation, new Uint8Array(0));
  const { key, type } = reservation;
  return withHeader(generation, reservationDescriptor.encode({ RESERVATION_KEY: keyBytes(key), TYPE: type }));
}

/** Reads READ RESERVATION data. */
export function parseReservationReport(data: Uint8Array): ReservationReport {
  const { generation, body } = splitHeader(data);
  if (body.length < reservationDescriptor.spanBytes) return { generation };
  const fields = reservationDescriptor.decode(body);
  return { generation, reservation: { key: keyText(fields.RESERVATION_KEY), type: fields.TYPE } };
}

/** READ FULL STATUS data. */
export function buildFullReservationStatus(status: FullReservationStatus): Uint8Array<ArrayBuffer> {
  const descriptors = status.registrations.flatMap(({ key, initiatorPort, relativePort, holds }) => {
    const transportId = buildTransportId(initiatorPort);
    const fields = {
      RESERVATION_KEY: keyBytes(key),
      R_HOLDER: holds === undefined ? 0 : 1,
      TYPE: holds ?? 0,
      RELATIVE_TARGET_PORT_IDENTIFIER: relativePort,
      ADDITIONAL_DESCRIPTOR_LENGTH: transportId.length,
    };
    return [fullStatusDescriptor.encode(fields), transportId];
  });
  return withHeader(status.generation, concatBytes(descriptors));
}

/** Reads READ FULL STATUS data; descriptors that were cut off are left out. */
export function parseFullReservationStatus(data: Uint8Array): FullReservationStatus {
  const { generation, body } = splitHeader(data);
  const registrations: RegistrationStatus[] = [];
  for (let at = 0; at + fullStatusDescriptor.spanBytes <= body.length;) {
    const fields = fullStatusDescriptor.decode(body, at);
    const start = at + fullStatusDescriptor.spanBytes;
    at = start + fields.ADDITIONAL_DESCRIPTOR_LENGTH;
    if (at > body.length) break;
    registrations.push({
      key: keyText(fields.RESERVATION_KEY),
      initiatorPort: parseTransportId(body.subarray(start, at)) ?? '',
      relativePort: fields.RELATIVE_TARGET_PORT_IDENTIFIER,
      ...(fields.R_HOLDER === 1 ? { holds: fields.TYPE } : {}),
    });
  }
  return { generation, registrations };
}

/** REPORT CAPABILITIES data. */
export function buildReservationCapabilities(
  fields: Partial<ReservationCapabilities>,
): Uint8Array<ArrayBuffer> {
  return reservationCapabilities.encode({ ...fields, LENGTH: reservationCapabilities.spanBytes });
}

/** Reads REPORT CAPABILITIES data. */
export function parseReservationCapabilities(data: Uint8Array): ReservationCapabilities {
  return reservationCapabilities.decode(data);
}

function withHeader(generation: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes([inHeader.encode({ PRGENERATION: generation, ADDITIONAL_LENGTH: body.length }), body]);
}

function splitHeader(data: Uint8Array): { generation: number; body: Uint8Array } {
  const { PRGENERATION: generation, ADDITIONAL_LENGTH: length } = inHeader.decode(data);
  const start = inHeader.spanBytes;
  return { generation, body: data.subarray(start, start + length) };
}
