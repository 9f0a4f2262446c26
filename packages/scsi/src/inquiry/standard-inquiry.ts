import { u16be, u8 } from 'buffer-layout';
import { isRemovable, PERIPHERAL_DEVICE_TYPE, type UnitKind } from '../unit/unit-kind.ts';
import { bytes, flags, structure, text, type Structure } from '../structure.ts';

/** Standard INQUIRY data (SPC-4 6.6.2), the fields that mean something for a block device. */
export interface StandardInquiry {
  /** 0: connected, 3: no such logical unit. */
  PERIPHERAL_QUALIFIER: number;
  /** 00h: direct access block device, 1Fh: none. */
  PERIPHERAL_DEVICE_TYPE: number;
  RMB: number;
  /** 06h: SPC-4. */
  VERSION: number;
  NORMACA: number;
  HISUP: number;
  RESPONSE_DATA_FORMAT: number;
  ADDITIONAL_LENGTH: number;
  TPGS: number;
  THIRD_PARTY_COPY: number;
  PROTECT: number;
  MULTIP: number;
  CMDQUE: number;
  T10_VENDOR_IDENTIFICATION: string;
  PRODUCT_IDENTIFICATION: string;
  PRODUCT_REVISION_LEVEL: string;
  VERSION_DESCRIPTOR_1: number;
  VERSION_DESCRIPTOR_2: number;
  VERSION_DESCRIPTOR_3: number;
  VERSION_DESCRIPTOR_4: number;
}

/** Standard INQUIRY data of 96 bytes: up to and with the version descriptors. */
const standardInquiry: Structure<StandardInquiry> = structure(96, [
  flags('PERIPHERAL_QUALIFIER:3', 'PERIPHERAL_DEVICE_TYPE:5'),
  flags('RMB', 'RESERVED:7'),
  u8('VERSION'),
  flags('RESERVED:2', 'NORMACA', 'HISUP', 'RESPONSE_DATA_FORMAT:4'),
  u8('ADDITIONAL_LENGTH'),
  flags('SCCS', 'RESERVED', 'TPGS:2', 'THIRD_PARTY_COPY', 'RESERVED:2', 'PROTECT'),
  flags('RESERVED', 'ENCSERV', 'RESERVED', 'MULTIP', 'RESERVED:4'),
  flags('RESERVED:6', 'CMDQUE', 'RESERVED'),
  text(8, 'T10_VENDOR_IDENTIFICATION'),
  text(16, 'PRODUCT_IDENTIFICATION'),
  text(4, 'PRODUCT_REVISION_LEVEL'),
  bytes(22),
  u16be('VERSION_DESCRIPTOR_1'),
  u16be('VERSION_DESCRIPTOR_2'),
  u16be('VERSION_DESCRIPTOR_3'),
  u16be('VERSION_DESCRIPTOR_4'),
  bytes(30),
]);

/** Version descriptors without a claim to a certain revision (SPC-4 table 142). */
const SAM_5 = 0x00a0;
const SPC_4 = 0x0460;
const SBC_3 = 0x04c0;
const MMC_6 = 0x04e0;
const ISCSI = 0x0960;

/** Words for version descriptors; those of other units without a claim to a revision too (SPC-5 annex D). */
export const VERSION_DESCRIPTORS: Readonly<Record<number, string>> = {
  0x0060: 'SAM-3',
  0x0080: 'SAM-4',
  [SAM_5]: 'SAM-5',
  0x00c0: 'SAM-6',
  0x0180: 'SBC',
  0x0260: 'SPC-2',
  0x0300: 'SPC-3',
  0x0320: 'SBC-2',
  0x03a0: 'MMC-4',
  0x0420: 'MMC-5',
  [SPC_4]: 'SPC-4',
  [SBC_3]: 'SBC-3',
  [MMC_6]: 'MMC-6',
  0x05c0: 'SPC-5',
  0x0600: 'SBC-4',
  [ISCSI]: 'iSCSI',
};

/** Implicit and explicit asymmetric logical unit access (SPC-4 table 146). */
const TPGS = 0b11;

/** What the answer says of one logical unit. */
export interface StandardInquiryOptions {
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  /** Default: `disk`. */
  readonly kind?: UnitKind;
  /** The unit has room for protection information. Default: false. */
  readonly protectable?: boolean;
}

/** What it says to one initiator besides. */
export interface StandardInquiryReader {
  /** NACA is taken: a command may establish an ACA condition. */
  readonly mayFault: boolean;
}

/** Standard INQUIRY data of a unit, 96 bytes. */
export function buildStandardInquiry(
  options: StandardInquiryOptions,
  { mayFault }: StandardInquiryReader = { mayFault: true },
): Uint8Array<ArrayBuffer> {
  const { kind = 'disk' } = options;
  return standardInquiry.encode({
    ...commonFields(options),
    PERIPHERAL_DEVICE_TYPE: PERIPHERAL_DEVICE_TYPE[kind],
    RMB: isRemovable(kind) ? 1 : 0,
    PROTECT: options.protectable === true ? 1 : 0,
    NORMACA: mayFault ? 1 : 0,
    HISUP: 1,
    TPGS,
    // Only disks have third-party copies.
    THIRD_PARTY_COPY: kind === 'cd-rom' ? 0 : 1,
    CMDQUE: 1,
    VERSION_DESCRIPTOR_1: SAM_5,
    VERSION_DESCRIPTOR_2: ISCSI,
    VERSION_DESCRIPTOR_3: SPC_4,
    VERSION_DESCRIPTOR_4: kind === 'cd-rom' ? MMC_6 : SBC_3,
  });
}

/** Standard INQUIRY data for a LUN without a unit: qualifier 011b and type 1Fh (SPC-4 6.6.2, 7Fh in all). */
export function buildAbsentInquiry(options: StandardInquiryOptions): Uint8Array<ArrayBuffer> {
  return standardInquiry.encode({
    ...commonFields(options),
    PERIPHERAL_QUALIFIER: 0b011,
    PERIPHERAL_DEVICE_TYPE: 0x1f,
  });
}

/** Reads standard INQUIRY data; what an allocation length cut off reads as zero and empty text. */
export function parseStandardInquiry(data: Uint8Array): StandardInquiry {
  return standardInquiry.decode(data);
}

function commonFields(options: StandardInquiryOptions): Partial<StandardInquiry> {
  return {
    VERSION: 0x06,
    RESPONSE_DATA_FORMAT: 2,
    ADDITIONAL_LENGTH: standardInquiry.spanBytes - 5,
    T10_VENDOR_IDENTIFICATION: options.vendor,
    PRODUCT_IDENTIFICATION: options.product,
    PRODUCT_REVISION_LEVEL: options.revision,
  };
}
