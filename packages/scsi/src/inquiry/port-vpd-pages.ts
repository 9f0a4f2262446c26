import { u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import type { TargetPortAddress } from '../path/target-ports.ts';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';
import { buildTargetPortName, parseDeviceIdentification, type Designator } from './device-identification.ts';
import { buildVpdPage, VpdPage } from './vpd-page.ts';

/** MODE PAGE POLICY (SPC-4 table 629). */
export const ModePagePolicy = { SHARED: 0b00, PER_TARGET_PORT: 0b01, PER_I_T_NEXUS: 0b11 } as const;

/** A descriptor of VPD page 87h, Mode Page Policy (SPC-4 7.8.10). */
export interface ModePagePolicyDescriptor {
  /** 3Fh: the pages that no other descriptor names. */
  POLICY_PAGE_CODE: number;
  POLICY_SUBPAGE_CODE: number;
  /** 1: several logical units share the page. */
  MLUS: number;
  MODE_PAGE_POLICY: number;
}

const policyDescriptor: Structure<ModePagePolicyDescriptor> = structure(4, [
  flags('RESERVED:2', 'POLICY_PAGE_CODE:6'),
  u8('POLICY_SUBPAGE_CODE'),
  flags('MLUS', 'RESERVED:5', 'MODE_PAGE_POLICY:2'),
  bytes(1),
]);

/** VPD page 87h. */
export function buildModePagePolicy(
  descriptors: readonly Partial<ModePagePolicyDescriptor>[],
): Uint8Array<ArrayBuffer> {
  const body = concatBytes(descriptors.map((descriptor) => policyDescriptor.encode(descriptor)));
  return buildVpdPage(VpdPage.MODE_PAGE_POLICY, body);
}

/** The descriptors in the body of VPD page 87h; one that was cut off is left out. */
export function parseModePagePolicy(body: Uint8Array): ModePagePolicyDescriptor[] {
  return decodeList(policyDescriptor, body);
}

/** A target port as VPD page 88h tells of it. */
export interface ScsiPort {
  readonly relativePort: number;
  /** The designators of the port. */
  readonly designators: readonly Designator[];
}

interface PortHeader {
  RELATIVE_PORT_IDENTIFIER: number;
  INITIATOR_PORT_TRANSPORTID_LENGTH: number;
}

/** SCSI port designation descriptor up to the initiator port (SPC-4 table 654). */
const portHeader: Structure<PortHeader> = structure(8, [
  bytes(2),
  u16be('RELATIVE_PORT_IDENTIFIER'),
  bytes(2),
  u16be('INITIATOR_PORT_TRANSPORTID_LENGTH'),
]);

interface TargetPortHeader {
  TARGET_PORT_DESCRIPTORS_LENGTH: number;
}

/** What stands before the target port descriptors of the same. */
const targetPortHeader: Structure<TargetPortHeader> = structure(4, [
  bytes(2),
  u16be('TARGET_PORT_DESCRIPTORS_LENGTH'),
]);

/** VPD page 88h, SCSI Ports (SPC-4 7.8.14), by ascending relative port identifier. */
export function buildScsiPorts(ports: readonly TargetPortAddress[]): Uint8Array<ArrayBuffer> {
  const sorted = [...ports].sort((a, b) => a.relativePort - b.relativePort);
  const descriptors = sorted.flatMap(({ relativePort, targetName, portalGroupTag }) => {
    const name = buildTargetPortName(targetName, portalGroupTag);
    return [
      portHeader.encode({ RELATIVE_PORT_IDENTIFIER: relativePort }),
      targetPortHeader.encode({ TARGET_PORT_DESCRIPTORS_LENGTH: name.length }),
      name,
    ];
  });
  return buildVpdPage(VpdPage.SCSI_PORTS, concatBytes(descriptors));
}

/** The ports in the body of VPD page 88h; one that was cut off is left out. */
export function parseScsiPorts(body: Uint8Array): ScsiPort[] {
  const ports: ScsiPort[] = [];
  for (let at = 0; at + portHeader.spanBytes <= body.length;) {
    const header = portHeader.decode(body, at);
    const second = at + portHeader.spanBytes + header.INITIATOR_PORT_TRANSPORTID_LENGTH;
    const start = second + targetPortHeader.spanBytes;
    const end = start + targetPortHeader.decode(body, second).TARGET_PORT_DESCRIPTORS_LENGTH;
    if (end > body.length) break;
    const designators = parseDeviceIdentification(body.subarray(start, end));
    ports.push({ relativePort: header.RELATIVE_PORT_IDENTIFIER, designators });
    at = end;
  }
  return ports;
}
