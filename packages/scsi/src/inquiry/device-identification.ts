import { u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { buildVpdPage, VpdPage } from './vpd-page.ts';

/** DESIGNATOR TYPE (SPC-4 7.8.6.1). */
export const DesignatorType = {
  T10_VENDOR_ID: 0x1,
  NAA: 0x3,
  RELATIVE_TARGET_PORT: 0x4,
  TARGET_PORT_GROUP: 0x5,
  SCSI_NAME_STRING: 0x8,
  UUID: 0xa,
} as const;

/** ASSOCIATION: what a designator names (SPC-4 7.8.6.1). */
export const Association = { LOGICAL_UNIT: 0, TARGET_PORT: 1, TARGET_DEVICE: 2 } as const;

/** CODE SET of the designator's bytes. */
const CodeSet = { BINARY: 1, ASCII: 2, UTF8: 3 } as const;

/** UUID TYPE of a locally assigned UUID. */
const UUID_TYPE = 0x1;

/** PROTOCOL IDENTIFIER of iSCSI (SPC-4 7.6.1). */
const ISCSI_PROTOCOL = 0x5;

/** One designator of VPD page 83h. */
export interface Designator {
  /** One of `DesignatorType`. */
  readonly type: number;
  /** One of `Association`. */
  readonly association: number;
  /** 1: binary, 2: ASCII, 3: UTF-8. */
  readonly codeSet: number;
  /** The transport protocol, when the PIV bit says that it is valid. */
  readonly protocol?: number | undefined;
  readonly value: Uint8Array;
}

interface DesignatorHeader {
  PROTOCOL_IDENTIFIER: number;
  CODE_SET: number;
  PIV: number;
  ASSOCIATION: number;
  DESIGNATOR_TYPE: number;
  DESIGNATOR_LENGTH: number;
}

/** Designation descriptor header (SPC-4 table 590). */
const designatorHeader: Structure<DesignatorHeader> = structure(4, [
  flags('PROTOCOL_IDENTIFIER:4', 'CODE_SET:4'),
  flags('PIV', 'RESERVED', 'ASSOCIATION:2', 'DESIGNATOR_TYPE:4'),
  bytes(1),
  u8('DESIGNATOR_LENGTH'),
]);

interface PortNumber {
  NUMBER: number;
}

/** Relative target port and target port group designators: two reserved bytes and a number. */
const portNumber: Structure<PortNumber> = structure(4, [bytes(2), u16be('NUMBER')]);

/** What the designators say. */
export interface IdentificationOptions {
  readonly vendor: string;
  readonly serialNumber: string;
  readonly naa: Uint8Array;
  /** The identity, 16 bytes, where it is a UUID (RFC 4122). */
  readonly uuid?: Uint8Array;
  /** iSCSI name of the target. */
  readonly targetName: string;
  readonly relativePort: number;
  readonly portalGroupTag: number;
}

/**
 * VPD page 83h. NAA and SCSI name string are both there because Windows setup wants the one and iPXE boots
 * want the other (T-W1); the T10 identifier starts with the serial, as ESXi and Hyper-V compare only its
 * first characters (T-V4).
 */
export function buildDeviceIdentification(options: IdentificationOptions): Uint8Array<ArrayBuffer> {
  const designators: Designator[] = [
    ...unitDesignators(options),
    port(DesignatorType.RELATIVE_TARGET_PORT, options.relativePort),
    port(DesignatorType.TARGET_PORT_GROUP, options.portalGroupTag),
    targetPortName(options.targetName, options.portalGroupTag),
    targetDeviceName(options.targetName),
  ];
  return buildVpdPage(VpdPage.DEVICE_IDENTIFICATION, concatBytes(designators.map(encodeDesignator)));
}

/** The designators of a logical unit itself, by which EXTENDED COPY finds it, too. */
export function unitDesignators(
  unit: Pick<IdentificationOptions, 'vendor' | 'serialNumber' | 'naa'> & {
    readonly uuid?: Uint8Array | undefined;
  },
): Designator[] {
  return [
    {
      type: DesignatorType.T10_VENDOR_ID,
      association: Association.LOGICAL_UNIT,
      codeSet: CodeSet.ASCII,
      value: Buffer.from(unit.vendor.padEnd(8) + unit.serialNumber, 'latin1'),
    },
    {
      type: DesignatorType.NAA,
      association: Association.LOGICAL_UNIT,
      codeSet: CodeSet.BINARY,
      value: unit.naa,
    },
    ...(unit.uuid === undefined ? [] : [uuidDesignator(unit.uuid)]),
    { ...name(Association.LOGICAL_UNIT, nameOfUnit(unit.naa)), protocol: undefined },
  ];
}

/** The SCSI name string designator of a target. */
export function targetDeviceName(targetName: string): Designator {
  return name(Association.TARGET_DEVICE, targetName);
}

/** The designators in the body of VPD page 83h; one cut off by the allocation length is left out. */
export function parseDeviceIdentification(body: Uint8Array): Designator[] {
  const designators: Designator[] = [];
  const headerBytes = designatorHeader.spanBytes;
  for (let at = 0; at + headerBytes <= body.length;) {
    const header = designatorHeader.decode(body, at);
    const end = at + headerBytes + header.DESIGNATOR_LENGTH;
    if (end > body.length) break;
    designators.push({
      type: header.DESIGNATOR_TYPE,
      association: header.ASSOCIATION,
      codeSet: header.CODE_SET,
      ...(header.PIV === 1 ? { protocol: header.PROTOCOL_IDENTIFIER } : {}),
      value: body.slice(at + headerBytes, end),
    });
    at = end;
  }
  return designators;
}

/** Locally assigned UUID (SPC-5 7.7.6.13). */
function uuidDesignator(uuid: Uint8Array): Designator {
  return {
    type: DesignatorType.UUID,
    association: Association.LOGICAL_UNIT,
    codeSet: CodeSet.BINARY,
    value: concatBytes([Uint8Array.of(UUID_TYPE << 4, 0), uuid]),
  };
}

/** SCSI name string of a unit: `naa.` and the digits of its NAA designator (SPC-4 7.8.6.11). */
function nameOfUnit(naa: Uint8Array): string {
  return `naa.${Buffer.from(naa).toString('hex').toUpperCase()}`;
}

function port(type: number, number: number): Designator {
  return {
    type,
    association: Association.TARGET_PORT,
    codeSet: CodeSet.BINARY,
    protocol: ISCSI_PROTOCOL,
    value: portNumber.encode({ NUMBER: number }),
  };
}

/** The SCSI name string designator of a target port, as VPD pages 83h and 88h have it (RFC 7143 §2.2). */
export function buildTargetPortName(targetName: string, portalGroupTag: number): Uint8Array {
  return encodeDesignator(targetPortName(targetName, portalGroupTag));
}

function targetPortName(targetName: string, portalGroupTag: number): Designator {
  const tag = portalGroupTag.toString(16).toUpperCase().padStart(4, '0');
  return name(Association.TARGET_PORT, `${targetName},t,0x${tag}`);
}

/** SPC-4 7.8.6.11: null-terminated UTF-8, padded with nulls to a multiple of four bytes. */
function name(association: number, value: string): Designator {
  const utf8 = Buffer.from(value, 'utf8');
  const padded = new Uint8Array(Math.ceil((utf8.length + 1) / 4) * 4);
  padded.set(utf8);
  return {
    type: DesignatorType.SCSI_NAME_STRING,
    association,
    codeSet: CodeSet.UTF8,
    protocol: ISCSI_PROTOCOL,
    value: padded,
  };
}

/** A designation descriptor (SPC-4 table 590). */
export function encodeDesignator(designator: Designator): Uint8Array {
  const header = designatorHeader.encode({
    PROTOCOL_IDENTIFIER: designator.protocol ?? 0,
    CODE_SET: designator.codeSet,
    PIV: designator.protocol === undefined ? 0 : 1,
    ASSOCIATION: designator.association,
    DESIGNATOR_TYPE: designator.type,
    DESIGNATOR_LENGTH: designator.value.length,
  });
  return concatBytes([header, designator.value]);
}
