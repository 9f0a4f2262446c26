import { RodType } from '../copy/rod-token.ts';
import type { DataFormat } from '../description/data-format.ts';
import {
  buildBlockDeviceCharacteristics,
  buildBlockLimits,
  buildExtendedInquiry,
  buildLogicalBlockProvisioning,
  parseBlockDeviceCharacteristics,
  parseBlockLimits,
  parseExtendedInquiry,
  parseLogicalBlockProvisioning,
} from './block-vpd-pages.ts';
import {
  describedField,
  describeObject,
  hexCode,
  MAX_PARTS,
  valueWords,
} from '../description/description.ts';
import { describeDesignators } from './describe-designator.ts';
import { buildDeviceIdentification, parseDeviceIdentification } from './device-identification.ts';
import {
  buildModePagePolicy,
  buildScsiPorts,
  parseModePagePolicy,
  parseScsiPorts,
} from './port-vpd-pages.ts';
import { buildThirdPartyCopy, parseThirdPartyCopy } from './third-party-copy-page.ts';
import {
  buildBlockLimitsExtension,
  buildManagementAddresses,
  buildReferralsPage,
  parseBlockLimitsExtension,
  parseManagementAddresses,
  parseReferralsPage,
} from './path-vpd-pages.ts';
import {
  buildSupportedPages,
  buildUnitSerialNumber,
  parseSupportedPages,
  parseUnitSerialNumber,
  VpdPage,
} from './vpd-page.ts';

/** A VPD page that this package builds and reads: `build` makes all of it, `parse` reads its body. */
export interface VpdPageFormat extends DataFormat {
  readonly pageCode: number;
}

/** Names of VPD pages of block devices (SPC-5 table 595, SBC-4 table 254), those too that nobody here reads. */
const VPD_PAGE_NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'Supported VPD Pages'],
  [0x80, 'Unit Serial Number'],
  [0x81, 'Implemented Operating Definition'],
  [0x82, 'ASCII Implemented Operating Definition'],
  [0x83, 'Device Identification'],
  [0x84, 'Software Interface Identification'],
  [0x85, 'Management Network Addresses'],
  [0x86, 'Extended INQUIRY Data'],
  [0x87, 'Mode Page Policy'],
  [0x88, 'SCSI Ports'],
  [0x89, 'ATA Information'],
  [0x8a, 'Power Condition'],
  [0x8b, 'Device Constituents'],
  [0x8c, 'CFA Profile Information'],
  [0x8d, 'Power Consumption'],
  [0x8f, 'Third-party Copy'],
  [0x90, 'Protocol Specific Logical Unit Information'],
  [0x91, 'Protocol Specific Port Information'],
  [0x92, 'SCSI Feature Sets'],
  [0xb0, 'Block Limits'],
  [0xb1, 'Block Device Characteristics'],
  [0xb2, 'Logical Block Provisioning'],
  [0xb3, 'Referrals'],
  [0xb4, 'Supported Block Lengths and Protection Types'],
  [0xb5, 'Block Device Characteristics Extension'],
  [0xb6, 'Zoned Block Device Characteristics'],
  [0xb7, 'Block Limits Extension'],
  [0xb8, 'Format Presets'],
  [0xb9, 'Concurrent Positioning Ranges'],
]);

/** The standard's name of a VPD page; undefined for pages of vendors and reserved ones. */
export function vpdPageName(pageCode: number): string | undefined {
  return VPD_PAGE_NAMES.get(pageCode);
}

function page(pageCode: number, format: Omit<DataFormat, 'name'>): VpdPageFormat {
  return { pageCode, name: VPD_PAGE_NAMES.get(pageCode)!, ...format };
}

/** Every VPD page that this package builds and reads, ascending: there is none in a device server that is not here. */
export const VPD_PAGE_FORMATS: readonly VpdPageFormat[] = [
  page(VpdPage.SUPPORTED_VPD_PAGES, {
    build: buildSupportedPages,
    parse: parseSupportedPages,
    explain: (body) => ({
      title: 'Supported VPD Pages',
      fields: Array.from(body.subarray(0, MAX_PARTS), (code, index) =>
        describedField(`PAGE ${index}`, hexCode(code), vpdPageName(code)),
      ),
      parts: [],
    }),
  }),
  page(VpdPage.UNIT_SERIAL_NUMBER, {
    build: buildUnitSerialNumber,
    parse: parseUnitSerialNumber,
    explain: (body) =>
      describeObject('Unit Serial Number', { PRODUCT_SERIAL_NUMBER: parseUnitSerialNumber(body) }),
  }),
  page(VpdPage.DEVICE_IDENTIFICATION, {
    build: buildDeviceIdentification,
    parse: parseDeviceIdentification,
    explain: (body) => ({
      title: 'Device Identification',
      fields: [],
      parts: describeDesignators(parseDeviceIdentification(body)),
    }),
  }),
  page(VpdPage.MANAGEMENT_NETWORK_ADDRESSES, {
    build: buildManagementAddresses,
    parse: parseManagementAddresses,
  }),
  page(VpdPage.EXTENDED_INQUIRY_DATA, { build: buildExtendedInquiry, parse: parseExtendedInquiry }),
  page(VpdPage.MODE_PAGE_POLICY, {
    build: buildModePagePolicy,
    parse: parseModePagePolicy,
    meanings: { MODE_PAGE_POLICY: { 0: 'shared', 1: 'per target port', 3: 'per I_T nexus' } },
  }),
  page(VpdPage.SCSI_PORTS, {
    build: buildScsiPorts,
    parse: parseScsiPorts,
    explain: (body) => ({
      title: 'SCSI Ports',
      fields: [],
      parts: parseScsiPorts(body)
        .slice(0, MAX_PARTS)
        .map(({ relativePort, designators }, index) => ({
          title: `port ${index}`,
          fields: [{ name: 'RELATIVE PORT IDENTIFIER', value: relativePort }],
          parts: describeDesignators(designators),
        })),
    }),
  }),
  page(VpdPage.THIRD_PARTY_COPY, {
    build: buildThirdPartyCopy,
    parse: parseThirdPartyCopy,
    meanings: { ROD_TYPE: valueWords(RodType) },
  }),
  page(VpdPage.BLOCK_LIMITS, { build: buildBlockLimits, parse: parseBlockLimits }),
  page(VpdPage.BLOCK_DEVICE_CHARACTERISTICS, {
    build: buildBlockDeviceCharacteristics,
    parse: parseBlockDeviceCharacteristics,
    meanings: {
      MEDIUM_ROTATION_RATE: { 0: 'not reported', 1: 'does not rotate' },
      NOMINAL_FORM_FACTOR: { 0: 'not reported', 1: '5.25 inch', 2: '3.5 inch', 3: '2.5 inch', 4: '1.8 inch' },
    },
  }),
  page(VpdPage.LOGICAL_BLOCK_PROVISIONING, {
    build: buildLogicalBlockProvisioning,
    parse: parseLogicalBlockProvisioning,
    meanings: { PROVISIONING_TYPE: { 0: 'not reported', 1: 'resource provisioned', 2: 'thin provisioned' } },
  }),
  page(VpdPage.REFERRALS, { build: buildReferralsPage, parse: parseReferralsPage }),
  page(VpdPage.BLOCK_LIMITS_EXTENSION, {
    build: buildBlockLimitsExtension,
    parse: parseBlockLimitsExtension,
  }),
];
