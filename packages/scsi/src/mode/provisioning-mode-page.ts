import { u32be, u8 } from 'buffer-layout';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';
import {
  definePage,
  ModePageCode,
  ModeSubpageCode,
  subpageLayout,
  type ModePageDefinition,
  type ModeSubpageHeader,
} from './mode-page-definition.ts';

/** THRESHOLD RESOURCE: what a threshold counts (SBC-3 table 150). */
export const ThresholdResource = { AVAILABLE: 0x01, USED: 0x02 } as const;

/** THRESHOLD ARMING: which way the count must go to reach it (SBC-3 table 222). */
const ThresholdArming = { DECREASING: 0b000, INCREASING: 0b001 } as const;

/** A threshold descriptor of the Logical Block Provisioning mode page (SBC-3 table 220). */
export interface ProvisioningThreshold {
  ENABLED: number;
  /** 0: soft; there are no others. */
  THRESHOLD_TYPE: number;
  THRESHOLD_ARMING: number;
  /** One of `ThresholdResource`. */
  THRESHOLD_RESOURCE: number;
  /** In threshold sets: 2 to the power of THRESHOLD EXPONENT (VPD page B2h) blocks. */
  THRESHOLD_COUNT: number;
}

const thresholdDescriptor: Structure<ProvisioningThreshold> = structure(8, [
  flags('ENABLED', 'RESERVED', 'THRESHOLD_TYPE:3', 'THRESHOLD_ARMING:3'),
  u8('THRESHOLD_RESOURCE'),
  bytes(2),
  u32be('THRESHOLD_COUNT'),
]);

/** Logical Block Provisioning mode page (SBC-3 6.5.9). */
export interface ProvisioningPage extends ModeSubpageHeader {
  /** 1: only the nexus whose command reached a threshold hears of it. */
  SITUA: number;
  /** Threshold descriptors, one after another. */
  DESCRIPTORS: Uint8Array;
}

const THRESHOLDS: readonly Partial<ProvisioningThreshold>[] = [
  { THRESHOLD_RESOURCE: ThresholdResource.AVAILABLE, THRESHOLD_ARMING: ThresholdArming.DECREASING },
  { THRESHOLD_RESOURCE: ThresholdResource.USED, THRESHOLD_ARMING: ThresholdArming.INCREASING },
];

const DESCRIPTORS_BYTES = THRESHOLDS.length * thresholdDescriptor.spanBytes;

const provisioningPage = subpageLayout<ProvisioningPage>(16 + DESCRIPTORS_BYTES, [
  flags('RESERVED:7', 'SITUA'),
  bytes(11),
  bytes(DESCRIPTORS_BYTES, 'DESCRIPTORS'),
]);

function descriptors(thresholds: readonly Partial<ProvisioningThreshold>[]): Uint8Array {
  return Buffer.concat(thresholds.map((threshold) => thresholdDescriptor.encode(threshold)));
}

/** The page: a soft threshold for each of the resources of the Logical Block Provisioning log page. */
export const PROVISIONING_PAGE: ModePageDefinition = {
  ...definePage(
    provisioningPage,
    ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL,
    {
      defaults: { DESCRIPTORS: descriptors(THRESHOLDS) },
      changeable: {
        SITUA: 1,
        DESCRIPTORS: descriptors(THRESHOLDS.map(() => ({ ENABLED: 1, THRESHOLD_COUNT: 0xffff_ffff }))),
      },
    },
    ModeSubpageCode.LOGICAL_BLOCK_PROVISIONING,
  ),
  needsSpace: true,
};

/** What a Logical Block Provisioning mode page says. */
export interface ProvisioningThresholds {
  /** SITUA. */
  readonly singleInitiator: boolean;
  readonly thresholds: readonly ProvisioningThreshold[];
}

/** Reads a Logical Block Provisioning mode page (with its header). */
export function parseProvisioningPage(page: Uint8Array): ProvisioningThresholds {
  return {
    singleInitiator: provisioningPage.decode(page).SITUA === 1,
    thresholds: decodeList(thresholdDescriptor, page, 16),
  };
}

/** Builds a Logical Block Provisioning mode page with these counts enabled, for MODE SELECT. */
export function buildProvisioningPage(options: {
  readonly singleInitiator?: boolean;
  /** Threshold sets that must be left. */
  readonly availableCount?: number;
  /** Threshold sets that may be used. */
  readonly usedCount?: number;
}): Uint8Array<ArrayBuffer> {
  const counts = [options.availableCount, options.usedCount];
  return provisioningPage.encode({
    SPF: 1,
    PAGE_CODE: ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL,
    SUBPAGE_CODE: ModeSubpageCode.LOGICAL_BLOCK_PROVISIONING,
    PAGE_LENGTH: provisioningPage.spanBytes - 4,
    SITUA: options.singleInitiator === true ? 1 : 0,
    DESCRIPTORS: descriptors(
      THRESHOLDS.map((threshold, index) => {
        const count = counts[index];
        return { ...threshold, ENABLED: count === undefined ? 0 : 1, THRESHOLD_COUNT: count ?? 0 };
      }),
    ),
  });
}
