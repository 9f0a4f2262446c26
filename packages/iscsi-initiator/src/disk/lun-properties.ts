import {
  DeviceSpecific,
  INQUIRY,
  MODE_SENSE_6,
  parseBlockLimits,
  parseLogicalBlockProvisioning,
  parseModeParameters,
  parseReadCapacity10,
  parseReadCapacity16,
  parseStandardInquiry,
  parseVpdPage,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  TEST_UNIT_READY,
  VpdPage,
  type BlockLimits,
} from '@lunbox/scsi';
import { optionsError } from '../errors.ts';
import type { LunClient } from './lun-client.ts';

const INQUIRY_BYTES = 252;
const CACHING_PAGE = 0x08;
/** T-N10: what a unit without a transfer limit is asked for at most. */
const UNKNOWN_LIMIT_BYTES = 524_288;
/** No command is longer than this, however much more the unit would take: data streams. */
const MAX_TRANSFER_BYTES = 1_048_576;
/** WRITE SAME of a unit that does not say how much it takes (T-N2), in blocks. */
const UNKNOWN_WRITE_SAME_BLOCKS = 65_536;

/** Size of a logical unit. */
export interface LunCapacity {
  /** Logical block length in bytes. */
  readonly blockBytes: number;
  readonly blockCount: number;
  /** Thin provisioning is there (LBPME, SBC-3 5.16.2). */
  readonly thin: boolean;
  /** Blocks that are not mapped read as zeroes (LBPRZ). */
  readonly unmappedIsZero: boolean;
}

/** What a disk has to know of its logical unit. */
export interface LunProperties extends LunCapacity {
  readonly readOnly: boolean;
  /** Most bytes of one READ or WRITE. */
  readonly maxTransferBytes: number;
  /** Most blocks of one UNMAP; 0 when the unit has none. */
  readonly maxUnmapBlocks: number;
  /** WRITE SAME may unmap (LBPWS). */
  readonly writeSameUnmaps: boolean;
  /** Most blocks of one WRITE SAME. */
  readonly maxWriteSameBlocks: number;
}

/**
 * Asks a logical unit what it is.
 *
 * @throws InitiatorError `INITIATOR_OPTIONS` when it is not there or no disk, and whatever its commands fail with.
 */
export async function readProperties(unit: LunClient): Promise<LunProperties> {
  const inquiry = await unit.inquire(INQUIRY.encode({ ALLOCATION_LENGTH: INQUIRY_BYTES }), INQUIRY_BYTES);
  const { PERIPHERAL_QUALIFIER, PERIPHERAL_DEVICE_TYPE } = parseStandardInquiry(inquiry);
  if (PERIPHERAL_QUALIFIER !== 0 || PERIPHERAL_DEVICE_TYPE !== 0) {
    const reason = `LUN ${unit.lun} is no disk: device type ${PERIPHERAL_DEVICE_TYPE}`;
    throw optionsError(reason);
  }
  await unit.run({ cdb: TEST_UNIT_READY.encode(), idempotent: true });
  const capacity = await readCapacity(unit);
  const pages = [...((await readVpd(unit, VpdPage.SUPPORTED_VPD_PAGES)) ?? [])];
  const limitsPage = pages.includes(VpdPage.BLOCK_LIMITS)
    ? await readVpd(unit, VpdPage.BLOCK_LIMITS)
    : undefined;
  const limits = parseBlockLimits(limitsPage ?? new Uint8Array(0));
  const provisioningPage =
    capacity.thin && pages.includes(VpdPage.LOGICAL_BLOCK_PROVISIONING)
      ? await readVpd(unit, VpdPage.LOGICAL_BLOCK_PROVISIONING)
      : undefined;
  const provisioning = parseLogicalBlockProvisioning(provisioningPage ?? new Uint8Array(0));
  return {
    ...capacity,
    readOnly: await isReadOnly(unit),
    maxTransferBytes: transferLimit(limits, capacity.blockBytes),
    maxUnmapBlocks: provisioning.LBPU === 1 ? unmapLimit(limits) : 0,
    writeSameUnmaps: provisioning.LBPWS === 1,
    maxWriteSameBlocks: Math.min(limits.MAXIMUM_WRITE_SAME_LENGTH || UNKNOWN_WRITE_SAME_BLOCKS, 0xffff_ffff),
  };
}

/** READ CAPACITY(16), or (10) where the unit only has that. */
export async function readCapacity(unit: LunClient): Promise<LunCapacity> {
  const long = await unit.inquireOptional(READ_CAPACITY_16.encode({ ALLOCATION_LENGTH: 32 }), 32);
  if (long !== undefined) {
    const fields = parseReadCapacity16(long);
    const blockCount = fields.RETURNED_LOGICAL_BLOCK_ADDRESS + 1;
    const provisioning = { thin: fields.LBPME === 1, unmappedIsZero: fields.LBPRZ === 1 };
    return checked(unit, fields.LOGICAL_BLOCK_LENGTH_IN_BYTES, blockCount, provisioning);
  }
  const fields = parseReadCapacity10(await unit.inquire(READ_CAPACITY_10.encode(), 8));
  const blockCount = fields.RETURNED_LOGICAL_BLOCK_ADDRESS + 1;
  const provisioning = { thin: false, unmappedIsZero: false };
  return checked(unit, fields.LOGICAL_BLOCK_LENGTH_IN_BYTES, blockCount, provisioning);
}

function checked(
  unit: LunClient,
  blockBytes: number,
  blockCount: number,
  provisioning: Pick<LunCapacity, 'thin' | 'unmappedIsZero'>,
): LunCapacity {
  if (!Number.isSafeInteger(blockBytes * blockCount) || blockBytes < 512) {
    const reason = `LUN ${unit.lun} has ${blockCount} blocks of ${blockBytes} bytes`;
    throw optionsError(reason);
  }
  return { blockBytes, blockCount, ...provisioning };
}

async function readVpd(unit: LunClient, pageCode: number): Promise<Uint8Array | undefined> {
  const cdb = INQUIRY.encode({ EVPD: 1, PAGE_CODE: pageCode, ALLOCATION_LENGTH: INQUIRY_BYTES });
  const data = await unit.inquireOptional(cdb, INQUIRY_BYTES);
  return data === undefined ? undefined : parseVpdPage(data).body;
}

/** The WP bit of the mode parameter header (SBC-3 6.5.1). */
async function isReadOnly(unit: LunClient): Promise<boolean> {
  const cdb = MODE_SENSE_6.encode({ DBD: 1, PAGE_CODE: CACHING_PAGE, ALLOCATION_LENGTH: INQUIRY_BYTES });
  const data = await unit.inquireOptional(cdb, INQUIRY_BYTES);
  return data !== undefined && (parseModeParameters(6, data).deviceSpecific & DeviceSpecific.WP) !== 0;
}

function transferLimit({ MAXIMUM_TRANSFER_LENGTH }: BlockLimits, blockBytes: number): number {
  const told = MAXIMUM_TRANSFER_LENGTH * blockBytes;
  return Math.max(blockBytes, Math.min(told === 0 ? UNKNOWN_LIMIT_BYTES : told, MAX_TRANSFER_BYTES));
}

/** T-N2: a unit that names no UNMAP limit has no UNMAP. */
function unmapLimit(limits: BlockLimits): number {
  return limits.MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT === 0
    ? 0
    : Math.min(limits.MAXIMUM_UNMAP_LBA_COUNT, 0xffff_ffff);
}
