import { u16be, u24be, u8 } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** Length of every CSCD descriptor that is taken. */
export const CSCD_DESCRIPTOR_BYTES = 32;

/** DESCRIPTOR TYPE CODE of the identification descriptor CSCD descriptor (SPC-4 table 131). */
export const IDENTIFICATION_CSCD = 0xe4;

/** CSCD descriptor ID of the logical unit that the command was sent to (SPC-4 table 148). */
export const COPY_MANAGER_CSCD_ID = 0xffff;

/** Most bytes of a designator in the descriptor. */
const MAX_DESIGNATOR_BYTES = 20;

interface IdentificationFields {
  DESCRIPTOR_TYPE_CODE: number;
  LU_ID_TYPE: number;
  NUL: number;
  PERIPHERAL_DEVICE_TYPE: number;
  RELATIVE_INITIATOR_PORT_IDENTIFIER: number;
  CODE_SET: number;
  ASSOCIATION: number;
  DESIGNATOR_TYPE: number;
  DESIGNATOR_LENGTH: number;
  DESIGNATOR: Uint8Array;
  PAD: number;
  DISK_BLOCK_LENGTH: number;
}

/**
 * Identification descriptor CSCD descriptor with the parameters of a block device (SPC-4 tables 136 and 140). NUL is
 * that of SPC-3.
 */
const identification: Structure<IdentificationFields> = structure(CSCD_DESCRIPTOR_BYTES, [
  u8('DESCRIPTOR_TYPE_CODE'),
  flags('LU_ID_TYPE:2', 'NUL', 'PERIPHERAL_DEVICE_TYPE:5'),
  u16be('RELATIVE_INITIATOR_PORT_IDENTIFIER'),
  flags('RESERVED:4', 'CODE_SET:4'),
  flags('RESERVED:2', 'ASSOCIATION:2', 'DESIGNATOR_TYPE:4'),
  bytes(1),
  u8('DESIGNATOR_LENGTH'),
  bytes(MAX_DESIGNATOR_BYTES, 'DESIGNATOR'),
  flags('RESERVED:5', 'PAD', 'RESERVED:2'),
  u24be('DISK_BLOCK_LENGTH'),
]);

/** A copy source or destination, named by one of its designators. */
export interface CscdDescriptor {
  /** Other codes than `IDENTIFICATION_CSCD` mean that the rest does not say what it seems to. */
  readonly typeCode: number;
  /** Means nothing in this kind of descriptor since SPC-4. */
  readonly luIdType: number;
  /** True for a device that is none (SPC-3 NUL bit). */
  readonly nul: boolean;
  readonly peripheralDeviceType: number;
  /** One of `DesignatorType`. */
  readonly designatorType: number;
  /** One of `Association`. */
  readonly association: number;
  /** 1: binary, 2: ASCII, 3: UTF-8. */
  readonly codeSet: number;
  /** Up to 20 bytes; longer when the descriptor says so, which is wrong. */
  readonly designator: Uint8Array;
  readonly designatorLengthBytes: number;
  /** What is left of a block is filled with zeroes, or thrown away. */
  readonly pad: boolean;
  /** Bytes of a logical block; 0: as the unit has it. */
  readonly blockLengthBytes: number;
}

/** An identification descriptor CSCD descriptor, 32 bytes. Throws a RangeError for more than 20 bytes of designator. */
export function buildCscdDescriptor(descriptor: Partial<CscdDescriptor>): Uint8Array<ArrayBuffer> {
  const { designator = new Uint8Array(0) } = descriptor;
  if (designator.length > MAX_DESIGNATOR_BYTES) {
    throw new RangeError(`a designator of ${designator.length} bytes does not fit a CSCD descriptor`);
  }
  const padded = new Uint8Array(MAX_DESIGNATOR_BYTES);
  padded.set(designator);
  return identification.encode({
    DESCRIPTOR_TYPE_CODE: descriptor.typeCode ?? IDENTIFICATION_CSCD,
    LU_ID_TYPE: descriptor.luIdType ?? 0,
    NUL: descriptor.nul === true ? 1 : 0,
    PERIPHERAL_DEVICE_TYPE: descriptor.peripheralDeviceType ?? 0,
    CODE_SET: descriptor.codeSet ?? 1,
    ASSOCIATION: descriptor.association ?? 0,
    DESIGNATOR_TYPE: descriptor.designatorType ?? 3,
    DESIGNATOR_LENGTH: descriptor.designatorLengthBytes ?? designator.length,
    DESIGNATOR: padded,
    PAD: descriptor.pad === true ? 1 : 0,
    DISK_BLOCK_LENGTH: descriptor.blockLengthBytes ?? 0,
  });
}

/** Reads a CSCD descriptor at `offset`. */
export function parseCscdDescriptor(list: Uint8Array, offset = 0): CscdDescriptor {
  const fields = identification.decode(list, offset);
  return {
    typeCode: fields.DESCRIPTOR_TYPE_CODE,
    luIdType: fields.LU_ID_TYPE,
    nul: fields.NUL === 1,
    peripheralDeviceType: fields.PERIPHERAL_DEVICE_TYPE,
    designatorType: fields.DESIGNATOR_TYPE,
    association: fields.ASSOCIATION,
    codeSet: fields.CODE_SET,
    designator: fields.DESIGNATOR.subarray(0, fields.DESIGNATOR_LENGTH),
    designatorLengthBytes: fields.DESIGNATOR_LENGTH,
    pad: fields.PAD === 1,
    blockLengthBytes: fields.DISK_BLOCK_LENGTH,
  };
}

/** Offset of a field in a CSCD descriptor. */
export function locateInCscd(field: 'DESIGNATOR_LENGTH' | 'DISK_BLOCK_LENGTH'): number {
  return identification.locate(field).byteOffset;
}
