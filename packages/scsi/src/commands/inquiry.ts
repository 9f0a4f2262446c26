import { answer } from '../answers.ts';
import { INQUIRY } from '../cdb/primary-cdbs.ts';
import { thirdPartyCopyPage } from '../copy/copy-page.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import {
  buildBlockDeviceCharacteristics,
  buildBlockLimits,
  buildExtendedInquiry,
  buildLogicalBlockProvisioning,
} from '../inquiry/block-vpd-pages.ts';
import { buildDeviceIdentification } from '../inquiry/device-identification.ts';
import {
  buildBlockLimitsExtension,
  buildManagementAddresses,
  buildReferralsPage,
} from '../inquiry/path-vpd-pages.ts';
import { buildModePagePolicy, buildScsiPorts, ModePagePolicy } from '../inquiry/port-vpd-pages.ts';
import { buildStandardInquiry } from '../inquiry/standard-inquiry.ts';
import { buildSupportedPages, buildUnitSerialNumber, VpdPage } from '../inquiry/vpd-page.ts';
import { ModePageCode, ModeSubpageCode } from '../mode/mode-page-definition.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS, PERIPHERAL_DEVICE_TYPE } from '../unit/unit-kind.ts';
import { MAX_UNMAP_DESCRIPTORS } from '../unit/unit-limits.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

function deviceIdentification({ unit, host }: ItlNexus): Uint8Array {
  const { targetName, relativePort, portalGroupTag } = host.options;
  // Not the serial number that somebody chose: the start of this one is unique, too (T-V4).
  const { vendor, identityDigits: serialNumber, naa, uuid } = unit;
  const port = { targetName, relativePort, portalGroupTag };
  return buildDeviceIdentification({ vendor, serialNumber, naa, ...(uuid ? { uuid } : {}), ...port });
}

function blockLimits({ unit }: ItlNexus): Uint8Array {
  const { limits } = unit;
  return buildBlockLimits({
    WSNZ: unit.writeSameZero === 'refuse' ? 1 : 0,
    MAXIMUM_COMPARE_AND_WRITE_LENGTH: limits.maxCompareAndWriteBlocks,
    OPTIMAL_TRANSFER_LENGTH_GRANULARITY: 2 ** limits.physicalBlockExponent,
    MAXIMUM_TRANSFER_LENGTH: limits.maxTransferBlocks,
    OPTIMAL_TRANSFER_LENGTH: limits.optimalTransferBlocks,
    MAXIMUM_UNMAP_LBA_COUNT: limits.maxUnmapBlocks,
    MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT: MAX_UNMAP_DESCRIPTORS,
    OPTIMAL_UNMAP_GRANULARITY: limits.unmapGranularityBlocks,
    // The alignment is an offset: the first aligned block is block 0 (T-V7).
    UGAVALID: 1,
    UNMAP_GRANULARITY_ALIGNMENT: 0,
    MAXIMUM_WRITE_SAME_LENGTH: limits.maxWriteSameBlocks,
    MAXIMUM_ATOMIC_TRANSFER_LENGTH: limits.maxAtomicWriteBlocks,
  });
}

/** LUICLR: reading the LUN inventory clears its attention in every unit. */
const EXTENDED_INQUIRY = { HEADSUP: 1, ORDSUP: 1, SIMPSUP: 1, LUICLR: 1 };
/** V_SUP: there is a volatile cache. R_SUP: there are referrals. */
const DISK_INQUIRY = { V_SUP: 1, R_SUP: 1 };
/** Every type of protection (SPC-4 table 598), all of which is checked. */
const PROTECTION_CHECKS = { SPT: 0b111, GRD_CHK: 1, APP_CHK: 1, REF_CHK: 1 };
/** One user data segment: the whole unit is reached in the same way. */
const REFERRALS = buildReferralsPage({ USER_DATA_SEGMENT_SIZE: 0, USER_DATA_SEGMENT_MULTIPLIER: 0 });
/** There are no streams and no scattered writes. */
const LIMITS_EXTENSION = buildBlockLimitsExtension({});
/** WABEREQ 01b: after BLOCK ERASE blocks read without an error before they are written (SBC-3 table 186). */
const CHARACTERISTICS = buildBlockDeviceCharacteristics({ MEDIUM_ROTATION_RATE: 1, WABEREQ: 0b01 });

function extendedInquiry({ unit }: ItlNexus): Uint8Array {
  return buildExtendedInquiry({
    ...EXTENDED_INQUIRY,
    ...(unit.kind === 'cd-rom' ? {} : DISK_INQUIRY),
    ...(unit.protectable ? PROTECTION_CHECKS : {}),
  });
}

/** Space can be counted in threshold sets where the unit knows it. */
function provisioning({ unit }: ItlNexus): Uint8Array {
  return buildLogicalBlockProvisioning({
    THRESHOLD_EXPONENT: unit.tellsSpace ? Math.log2(unit.limits.thresholdSetBlocks) : 0,
    LBPU: 1,
    LBPWS: 1,
    LBPWS10: 1,
    LBPRZ: 1,
    PROVISIONING_TYPE: 2,
  });
}

/** Every mode page is one for all nexuses of the unit, and not shared with other units. */
const MODE_POLICY = buildModePagePolicy([
  {
    POLICY_PAGE_CODE: ModePageCode.ALL_PAGES,
    POLICY_SUBPAGE_CODE: ModeSubpageCode.ALL_SUBPAGES,
    MODE_PAGE_POLICY: ModePagePolicy.SHARED,
  },
]);

/** Every target port of the unit: the same answer on each of them (T-W3). */
function scsiPorts({ unit }: ItlNexus): Uint8Array {
  return buildScsiPorts(unit.targetPorts.ports);
}

function managementAddresses({ unit }: ItlNexus): Uint8Array {
  return buildManagementAddresses(unit.managementAddresses);
}

function supportedPages(itl: ItlNexus): Uint8Array {
  return buildSupportedPages([...VPD_PAGES.keys()].filter((code) => hasPage(itl, code)));
}

/** The pages that not every unit has. */
const OPTIONAL_PAGES: ReadonlyMap<number, (itl: ItlNexus) => boolean> = new Map([
  [VpdPage.MANAGEMENT_NETWORK_ADDRESSES, ({ unit }: ItlNexus) => unit.managementAddresses.length > 0],
  [VpdPage.THIRD_PARTY_COPY, ({ unit }: ItlNexus) => unit.kind !== 'cd-rom'],
]);

function hasPage(itl: ItlNexus, code: number): boolean {
  // The pages from B0h on are those of one device type: disks.
  if (itl.unit.kind === 'cd-rom' && code >= VpdPage.BLOCK_LIMITS) return false;
  return OPTIONAL_PAGES.get(code)?.(itl) ?? true;
}

/** The VPD pages by their codes, ascending. */
const VPD_PAGES: ReadonlyMap<number, (itl: ItlNexus) => Uint8Array> = new Map([
  [VpdPage.SUPPORTED_VPD_PAGES, supportedPages],
  [VpdPage.UNIT_SERIAL_NUMBER, ({ unit }: ItlNexus): Uint8Array => buildUnitSerialNumber(unit.serialNumber)],
  [VpdPage.DEVICE_IDENTIFICATION, deviceIdentification],
  [VpdPage.MANAGEMENT_NETWORK_ADDRESSES, managementAddresses],
  [VpdPage.EXTENDED_INQUIRY_DATA, extendedInquiry],
  [VpdPage.MODE_PAGE_POLICY, (): Uint8Array => MODE_POLICY],
  [VpdPage.SCSI_PORTS, scsiPorts],
  [VpdPage.THIRD_PARTY_COPY, thirdPartyCopyPage],
  [VpdPage.BLOCK_LIMITS, blockLimits],
  [VpdPage.BLOCK_DEVICE_CHARACTERISTICS, (): Uint8Array => CHARACTERISTICS],
  [VpdPage.LOGICAL_BLOCK_PROVISIONING, provisioning],
  [VpdPage.REFERRALS, (): Uint8Array => REFERRALS],
  [VpdPage.BLOCK_LIMITS_EXTENSION, (): Uint8Array => LIMITS_EXTENSION],
]);

function inquiry(itl: ItlNexus, command: ScsiCommand): Finished {
  const fields = INQUIRY.decode(command.cdb);
  refuseFields(INQUIRY, fields, 'CMDDT');
  if (fields.EVPD === 1) {
    const build = VPD_PAGES.get(fields.PAGE_CODE);
    if (build === undefined || !hasPage(itl, fields.PAGE_CODE)) throw invalidCdbField(INQUIRY, 'PAGE_CODE');
    const page = Uint8Array.from(build(itl));
    page[0]! |= PERIPHERAL_DEVICE_TYPE[itl.unit.kind];
    return answer(page, fields.ALLOCATION_LENGTH);
  }
  // SPC-4 6.6.1: a page code without EVPD is an error.
  refuseFields(INQUIRY, fields, 'PAGE_CODE');
  return answer(buildStandardInquiry(itl.unit, itl), fields.ALLOCATION_LENGTH);
}

/** INQUIRY. */
export const INQUIRY_COMMAND: CommandEntry = defineCommand(INQUIRY, inquiry, {
  units: ALL_UNITS,
  duringAttention: true,
  reservation: 'allowed',
  access: 'free',
  path: 'any',
  unsupportedFields: ['CMDDT'],
});
