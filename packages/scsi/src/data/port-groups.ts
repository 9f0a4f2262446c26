import { u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import type { PortGroupChanger } from '../path/target-ports.ts';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';

/** PARAMETER DATA FORMAT of REPORT TARGET PORT GROUPS (SPC-4 table 281). */
export const PortGroupsFormat = { LENGTH_ONLY: 0b000, EXTENDED: 0b001 } as const;

interface LengthOnlyHeader {
  RETURN_DATA_LENGTH: number;
}

/** Length only header (SPC-4 table 282). */
const lengthOnlyHeader: Structure<LengthOnlyHeader> = structure(4, [u32be('RETURN_DATA_LENGTH')]);

interface ExtendedHeader extends LengthOnlyHeader {
  FORMAT_TYPE: number;
  IMPLICIT_TRANSITION_TIME: number;
}

/** Extended header (SPC-4 table 283). */
const extendedHeader: Structure<ExtendedHeader> = structure(8, [
  u32be('RETURN_DATA_LENGTH'),
  flags('RESERVED', 'FORMAT_TYPE:3', 'RESERVED:4'),
  u8('IMPLICIT_TRANSITION_TIME'),
  bytes(2),
]);

/** Target port group descriptor without its ports (SPC-4 table 284). */
export interface PortGroupDescriptor {
  /** 1: a preferred group. */
  PREF: number;
  ASYMMETRIC_ACCESS_STATE: number;
  /** 1 each: the states that there are: transitioning, offline, LBA dependent, unavailable, standby, … */
  T_SUP: number;
  O_SUP: number;
  LBD_SUP: number;
  U_SUP: number;
  S_SUP: number;
  AN_SUP: number;
  AO_SUP: number;
  TARGET_PORT_GROUP: number;
  /** 1: SET TARGET PORT GROUPS changed the state last, 2: the target did. */
  STATUS_CODE: number;
  TARGET_PORT_COUNT: number;
}

const portGroupDescriptor: Structure<PortGroupDescriptor> = structure(8, [
  flags('PREF', 'RESERVED:3', 'ASYMMETRIC_ACCESS_STATE:4'),
  flags('T_SUP', 'O_SUP', 'RESERVED', 'LBD_SUP', 'U_SUP', 'S_SUP', 'AN_SUP', 'AO_SUP'),
  u16be('TARGET_PORT_GROUP'),
  bytes(1),
  u8('STATUS_CODE'),
  bytes(1),
  u8('TARGET_PORT_COUNT'),
]);

interface PortDescriptor {
  RELATIVE_TARGET_PORT_IDENTIFIER: number;
}

/** Target port descriptor (SPC-4 table 288). */
const portDescriptor: Structure<PortDescriptor> = structure(4, [
  bytes(2),
  u16be('RELATIVE_TARGET_PORT_IDENTIFIER'),
]);

/** A target port group in REPORT TARGET PORT GROUPS data; its ports by their relative identifiers. */
export interface ReportedPortGroup extends PortGroupDescriptor {
  readonly ports: readonly number[];
}

/** STATUS CODE of each cause of a change (SPC-4 table 287). */
export const STATUS_CODES: Readonly<Record<PortGroupChanger, number>> = { none: 0, initiator: 1, target: 2 };

/** REPORT TARGET PORT GROUPS data; `extended` with the header that tells the time of implicit transitions. */
export function buildPortGroups(
  groups: readonly (Partial<PortGroupDescriptor> & Pick<ReportedPortGroup, 'ports'>)[],
  extended: boolean,
): Uint8Array<ArrayBuffer> {
  const descriptors = groups.flatMap(({ ports, ...fields }) => [
    portGroupDescriptor.encode({ ...fields, TARGET_PORT_COUNT: ports.length }),
    ...ports.map((port) => portDescriptor.encode({ RELATIVE_TARGET_PORT_IDENTIFIER: port })),
  ]);
  const body = concatBytes(descriptors);
  if (!extended) return concatBytes([lengthOnlyHeader.encode({ RETURN_DATA_LENGTH: body.length }), body]);
  const RETURN_DATA_LENGTH = extendedHeader.spanBytes - lengthOnlyHeader.spanBytes + body.length;
  const header = extendedHeader.encode({ RETURN_DATA_LENGTH, FORMAT_TYPE: PortGroupsFormat.EXTENDED });
  return concatBytes([header, body]);
}

/** Seconds that an implicit transition may take, 0: not said; undefined with the length only header. */
export function implicitTransitionSeconds(data: Uint8Array): number | undefined {
  const { FORMAT_TYPE, IMPLICIT_TRANSITION_TIME } = extendedHeader.decode(data);
  // With the length only header a descriptor begins here: its states above 0Fh in byte 4 are reserved.
  return FORMAT_TYPE === PortGroupsFormat.EXTENDED ? IMPLICIT_TRANSITION_TIME : undefined;
}

/** Reads REPORT TARGET PORT GROUPS data of either header; a group that was cut off is left out. */
export function parsePortGroups(data: Uint8Array): ReportedPortGroup[] {
  const { RETURN_DATA_LENGTH: length } = lengthOnlyHeader.decode(data);
  const extended = implicitTransitionSeconds(data) !== undefined;
  const end = Math.min(data.length, lengthOnlyHeader.spanBytes + length);
  const groups: ReportedPortGroup[] = [];
  let at = extended ? extendedHeader.spanBytes : lengthOnlyHeader.spanBytes;
  while (at + portGroupDescriptor.spanBytes <= end) {
    const fields = portGroupDescriptor.decode(data, at);
    const start = at + portGroupDescriptor.spanBytes;
    at = start + fields.TARGET_PORT_COUNT * portDescriptor.spanBytes;
    if (at > end) break;
    const ports = decodeList(portDescriptor, data, start, at);
    groups.push({ ...fields, ports: ports.map((port) => port.RELATIVE_TARGET_PORT_IDENTIFIER) });
  }
  return groups;
}

/** Set target port group descriptor (SPC-4 table 308). */
export interface SetPortGroupDescriptor {
  ASYMMETRIC_ACCESS_STATE: number;
  /** A target port group; a relative target port identifier where the state is offline. */
  TARGET_PORT_GROUP_OR_TARGET_PORT: number;
}

const setPortGroupDescriptor: Structure<SetPortGroupDescriptor> = structure(4, [
  flags('RESERVED:4', 'ASYMMETRIC_ACCESS_STATE:4'),
  bytes(1),
  u16be('TARGET_PORT_GROUP_OR_TARGET_PORT'),
]);

/** Bytes before the descriptors of a SET TARGET PORT GROUPS parameter list, all reserved. */
export const SET_PORT_GROUPS_HEADER_BYTES = 4;

/** Length of each of the descriptors. */
export const SET_PORT_GROUP_BYTES: number = setPortGroupDescriptor.spanBytes;

/** A SET TARGET PORT GROUPS parameter list. */
export function buildSetPortGroupsList(
  descriptors: readonly SetPortGroupDescriptor[],
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(SET_PORT_GROUPS_HEADER_BYTES);
  return concatBytes([header, ...descriptors.map((fields) => setPortGroupDescriptor.encode(fields))]);
}

/** The descriptors of a SET TARGET PORT GROUPS parameter list; one that was cut off is left out. */
export function parseSetPortGroupsList(list: Uint8Array): SetPortGroupDescriptor[] {
  return decodeList(setPortGroupDescriptor, list, SET_PORT_GROUPS_HEADER_BYTES);
}
