import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { buildVpdPage, VpdPage } from './vpd-page.ts';

/** Body of VPD page 86h, Extended INQUIRY Data (SPC-4 7.8.7). */
export interface ExtendedInquiry {
  /** Types of protection that FORMAT UNIT can choose, when PROTECT is 1: 111b for all three. */
  SPT: number;
  /** 1: guards are checked; APP_CHK and REF_CHK say the same of application and reference tags. */
  GRD_CHK: number;
  APP_CHK: number;
  REF_CHK: number;
  HEADSUP: number;
  ORDSUP: number;
  SIMPSUP: number;
  V_SUP: number;
  LUICLR: number;
  /** 1: referrals are supported. */
  R_SUP: number;
}

const extendedInquiry: Structure<ExtendedInquiry> = structure(60, [
  flags('ACTIVATE_MICROCODE:2', 'SPT:3', 'GRD_CHK', 'APP_CHK', 'REF_CHK'),
  flags('RESERVED:2', 'UASK_SUP', 'GROUP_SUP', 'PRIOR_SUP', 'HEADSUP', 'ORDSUP', 'SIMPSUP'),
  flags('RESERVED:4', 'WU_SUP', 'CRD_SUP', 'NV_SUP', 'V_SUP'),
  flags('RESERVED:3', 'P_I_I_SUP', 'RESERVED:3', 'LUICLR'),
  flags('RESERVED:3', 'R_SUP', 'RTD_SUP', 'RESERVED', 'HSSRELEF', 'CBCS'),
  bytes(55),
]);

/** Body of VPD page B0h, Block Limits (SBC-4 6.6.4). Lengths are in logical blocks; 0 means "not said". */
export interface BlockLimits {
  /** 1: WRITE SAME with 0 blocks is refused; 0: it goes to the end of the unit. */
  WSNZ: number;
  MAXIMUM_COMPARE_AND_WRITE_LENGTH: number;
  OPTIMAL_TRANSFER_LENGTH_GRANULARITY: number;
  MAXIMUM_TRANSFER_LENGTH: number;
  OPTIMAL_TRANSFER_LENGTH: number;
  MAXIMUM_PREFETCH_LENGTH: number;
  MAXIMUM_UNMAP_LBA_COUNT: number;
  MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT: number;
  OPTIMAL_UNMAP_GRANULARITY: number;
  /** 1: UNMAP_GRANULARITY_ALIGNMENT is valid. */
  UGAVALID: number;
  UNMAP_GRANULARITY_ALIGNMENT: number;
  MAXIMUM_WRITE_SAME_LENGTH: number;
  /** Most blocks of WRITE ATOMIC(16). */
  MAXIMUM_ATOMIC_TRANSFER_LENGTH: number;
  ATOMIC_ALIGNMENT: number;
  ATOMIC_TRANSFER_LENGTH_GRANULARITY: number;
  MAXIMUM_ATOMIC_TRANSFER_LENGTH_WITH_ATOMIC_BOUNDARY: number;
  /** 0: an ATOMIC BOUNDARY is refused. */
  MAXIMUM_ATOMIC_BOUNDARY_SIZE: number;
}

const blockLimits: Structure<BlockLimits> = structure(60, [
  flags('RESERVED:7', 'WSNZ'),
  u8('MAXIMUM_COMPARE_AND_WRITE_LENGTH'),
  u16be('OPTIMAL_TRANSFER_LENGTH_GRANULARITY'),
  u32be('MAXIMUM_TRANSFER_LENGTH'),
  u32be('OPTIMAL_TRANSFER_LENGTH'),
  u32be('MAXIMUM_PREFETCH_LENGTH'),
  u32be('MAXIMUM_UNMAP_LBA_COUNT'),
  u32be('MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT'),
  u32be('OPTIMAL_UNMAP_GRANULARITY'),
  flags('UGAVALID', 'RESERVED:7'),
  bytes(1),
  u16be('UNMAP_GRANULARITY_ALIGNMENT'),
  nu64be('MAXIMUM_WRITE_SAME_LENGTH'),
  u32be('MAXIMUM_ATOMIC_TRANSFER_LENGTH'),
  u32be('ATOMIC_ALIGNMENT'),
  u32be('ATOMIC_TRANSFER_LENGTH_GRANULARITY'),
  u32be('MAXIMUM_ATOMIC_TRANSFER_LENGTH_WITH_ATOMIC_BOUNDARY'),
  u32be('MAXIMUM_ATOMIC_BOUNDARY_SIZE'),
]);

/** Body of VPD page B1h, Block Device Characteristics (SBC-3 6.6.3). */
export interface BlockDeviceCharacteristics {
  /** 0001h: the medium does not rotate. */
  MEDIUM_ROTATION_RATE: number;
  /** What reading does between BLOCK ERASE of SANITIZE and writing; 0: not said. */
  WABEREQ: number;
  NOMINAL_FORM_FACTOR: number;
}

const blockDeviceCharacteristics: Structure<BlockDeviceCharacteristics> = structure(60, [
  u16be('MEDIUM_ROTATION_RATE'),
  u8('PRODUCT_TYPE'),
  flags('WABEREQ:2', 'WACEREQ:2', 'NOMINAL_FORM_FACTOR:4'),
  flags('RESERVED:6', 'FUAB', 'VBULS'),
  bytes(55),
]);

/** Body of VPD page B2h, Logical Block Provisioning (SBC-3 6.6.6). */
export interface LogicalBlockProvisioning {
  THRESHOLD_EXPONENT: number;
  /** 1: UNMAP is there. */
  LBPU: number;
  /** 1: WRITE SAME(16) may unmap. */
  LBPWS: number;
  /** 1: WRITE SAME(10) may unmap. */
  LBPWS10: number;
  /** 1: unmapped blocks read as zeroes. */
  LBPRZ: number;
  ANC_SUP: number;
  DP: number;
  /** 1: resource provisioned, 2: thin provisioned. */
  PROVISIONING_TYPE: number;
}

const logicalBlockProvisioning: Structure<LogicalBlockProvisioning> = structure(4, [
  u8('THRESHOLD_EXPONENT'),
  flags('LBPU', 'LBPWS', 'LBPWS10', 'LBPRZ:3', 'ANC_SUP', 'DP'),
  flags('MINIMUM_PERCENTAGE:5', 'PROVISIONING_TYPE:3'),
  u8('THRESHOLD_PERCENTAGE'),
]);

/** VPD page 86h. */
export function buildExtendedInquiry(fields: Partial<ExtendedInquiry>): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.EXTENDED_INQUIRY_DATA, extendedInquiry.encode(fields));
}

/** Reads the body of VPD page 86h. */
export function parseExtendedInquiry(body: Uint8Array): ExtendedInquiry {
  return extendedInquiry.decode(body);
}

/** VPD page B0h. */
export function buildBlockLimits(fields: Partial<BlockLimits>): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.BLOCK_LIMITS, blockLimits.encode(fields));
}

/** Reads the body of VPD page B0h; the fields that a short, older page lacks are zero. */
export function parseBlockLimits(body: Uint8Array): BlockLimits {
  return blockLimits.decode(body);
}

/** VPD page B1h. */
export function buildBlockDeviceCharacteristics(
  fields: Partial<BlockDeviceCharacteristics>,
): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.BLOCK_DEVICE_CHARACTERISTICS, blockDeviceCharacteristics.encode(fields));
}

/** Reads the body of VPD page B1h. */
export function parseBlockDeviceCharacteristics(body: Uint8Array): BlockDeviceCharacteristics {
  return blockDeviceCharacteristics.decode(body);
}

/** VPD page B2h. */
export function buildLogicalBlockProvisioning(
  fields: Partial<LogicalBlockProvisioning>,
): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.LOGICAL_BLOCK_PROVISIONING, logicalBlockProvisioning.encode(fields));
}

/** Reads the body of VPD page B2h. */
export function parseLogicalBlockProvisioning(body: Uint8Array): LogicalBlockProvisioning {
  return logicalBlockProvisioning.decode(body);
}
