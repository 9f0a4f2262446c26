import * as copyCdbs from '../cdb/copy-cdbs.ts';
import type { AnyCdbDefinition } from '../cdb/cdb-definition.ts';
import { buildThirdPartyCopy } from '../inquiry/third-party-copy-page.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import {
  DEFAULT_INACTIVITY_SECONDS,
  MAX_CONCURRENT_COPIES,
  MAX_CSCD_DESCRIPTORS,
  MAX_DESCRIPTOR_LIST_BYTES,
  MAX_IDENTIFIED_COPIES,
  MAX_INACTIVITY_SECONDS,
  MAX_RANGE_DESCRIPTORS,
  MAX_ROD_BYTES,
  MAX_SEGMENT_DESCRIPTORS,
  OPTIMAL_ROD_BYTES,
  TOKEN_LIFETIME_SECONDS,
} from './copy-limits.ts';
import { DESCRIPTOR_TYPES } from './copy-parameters.ts';
import { COPY_MANAGER_CSCD_ID } from './cscd-descriptor.ts';
import { RodType } from './rod-token.ts';

/** Every third-party copy command that there is a CDB of is carried out, as the opcode table shows. */
const COMMANDS: ReadonlyMap<number, readonly number[]> = new Map(
  [0x83, 0x84].map((operationCode) => [operationCode, serviceActionsOf(operationCode)]),
);

function serviceActionsOf(operationCode: number): number[] {
  const definitions = Object.values<AnyCdbDefinition>(copyCdbs);
  return definitions
    .filter((definition) => definition.operationCode === operationCode)
    .map(({ serviceAction = 0 }) => serviceAction)
    .sort((a, b) => a - b);
}

/** VPD page 8Fh of a unit. */
export function thirdPartyCopyPage({ unit }: ItlNexus): Uint8Array {
  return buildThirdPartyCopy({
    rodLimits: {
      MAXIMUM_RANGE_DESCRIPTORS: MAX_RANGE_DESCRIPTORS,
      MAXIMUM_INACTIVITY_TIMEOUT: MAX_INACTIVITY_SECONDS,
      DEFAULT_INACTIVITY_TIMEOUT: DEFAULT_INACTIVITY_SECONDS,
      MAXIMUM_TOKEN_TRANSFER_SIZE: MAX_ROD_BYTES / unit.blockSize,
      OPTIMAL_TRANSFER_COUNT: OPTIMAL_ROD_BYTES / unit.blockSize,
    },
    commands: COMMANDS,
    maxCscdDescriptors: MAX_CSCD_DESCRIPTORS,
    maxSegmentDescriptors: MAX_SEGMENT_DESCRIPTORS,
    maxDescriptorListBytes: MAX_DESCRIPTOR_LIST_BYTES,
    descriptorTypes: DESCRIPTOR_TYPES,
    cscdIds: [COPY_MANAGER_CSCD_ID],
    tokenLifetimeSeconds: TOKEN_LIFETIME_SECONDS,
    maxRodBytes: MAX_ROD_BYTES,
    optimalRodBytes: OPTIMAL_ROD_BYTES,
    optimalRodGranularityBlocks: 2 ** unit.limits.physicalBlockExponent,
    rodTypes: [
      { rodType: RodType.POINT_IN_TIME_CHANGE_VULNERABLE, tokenIn: true, tokenOut: true },
      { rodType: RodType.BLOCK_ZERO, tokenIn: true, tokenOut: false },
    ],
    totalConcurrentCopies: MAX_CONCURRENT_COPIES,
    maxIdentifiedCopies: MAX_IDENTIFIED_COPIES,
  });
}
