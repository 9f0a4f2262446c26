import { mapMaybe, type Extent, type MaybePromise } from '@lunbox/block';
import { answer, GOOD } from '../answers.ts';
import { GET_LBA_STATUS } from '../cdb/block-cdbs.ts';
import { UNMAP } from '../cdb/primary-cdbs.ts';
import {
  buildLbaStatus,
  LBA_STATUS_DESCRIPTOR_BYTES,
  LBA_STATUS_HEADER_BYTES,
  ProvisioningStatus,
  type LbaStatus,
} from '../data/lba-status.ts';
import { parseUnmapList, UNMAP_HEADER_BYTES, type BlockRange } from '../data/unmap-list.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { inSteps, UNMAP_STEP_BYTES } from '../media/in-steps.ts';
import { ParameterList, unlessAborted } from '../media/parameter-list.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidParameter, lbaOutOfRange } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { MAX_UNMAP_DESCRIPTORS } from '../unit/unit-limits.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { checkRange, refuseFields } from './validate.ts';

/** Most descriptors of one GET LBA STATUS answer, whatever the allocation length allows. */
const MAX_STATUS_DESCRIPTORS = 1024;

/** Most blocks of one LBA status descriptor, a multiple of every unmap granularity. */
const MAX_DESCRIPTOR_BLOCKS = 0x8000_0000;

function startUnmap(itl: ItlNexus, command: ScsiCommand): Execution {
  const fields = UNMAP.decode(command.cdb);
  refuseFields(UNMAP, fields, 'ANCHOR');
  const lengthBytes = fields.PARAMETER_LIST_LENGTH;
  // SBC-3 5.28.1: no parameter list means nothing to do; a part of the header is an error.
  if (lengthBytes === 0) return GOOD;
  if (lengthBytes < UNMAP_HEADER_BYTES) throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  return new ParameterList(itl, 0, lengthBytes, (list) => {
    const ranges = checkedRanges(itl.unit, list);
    return unlessAborted(() => unmapAll(itl, command, ranges));
  });
}

/** All descriptors are checked before the first is carried out. */
function checkedRanges(unit: LogicalUnit, list: Uint8Array): BlockRange[] {
  const { ranges, truncated } = parseUnmapList(list);
  if (truncated) throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  // SBC-3 5.28.2: more descriptors or blocks than the Block Limits page allows.
  if (ranges.length > MAX_UNMAP_DESCRIPTORS) throw invalidParameter(2);
  for (const range of ranges) checkRange(unit, range.lba, range.blockCount);
  const blocks = ranges.reduce((sum, range) => sum + range.blockCount, 0);
  if (blocks > unit.limits.maxUnmapBlocks) throw invalidParameter(UNMAP_HEADER_BYTES + 8);
  return ranges.filter((range) => range.blockCount > 0);
}

async function unmapAll(
  itl: ItlNexus,
  command: ScsiCommand,
  ranges: readonly BlockRange[],
): Promise<Finished> {
  const { unit } = itl;
  const { medium } = unit;
  for (const { lba, blockCount } of ranges) {
    const range = { offset: lba * unit.blockSize, length: blockCount * unit.blockSize };
    await inSteps(command, range, UNMAP_STEP_BYTES, (offset, length) =>
      itl.guarded('write', offset, () => medium.unmap(offset, length)),
    );
  }
  if (!unit.modes.writeCacheEnabled) await itl.flush();
  return GOOD;
}

function getLbaStatus(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
  const { unit } = itl;
  const fields = GET_LBA_STATUS.decode(command.cdb);
  const lba = fields.STARTING_LOGICAL_BLOCK_ADDRESS;
  if (lba >= unit.blockCount) throw lbaOutOfRange(lba);
  const allocationLength = fields.ALLOCATION_LENGTH;
  const fitting = Math.floor((allocationLength - LBA_STATUS_HEADER_BYTES) / LBA_STATUS_DESCRIPTOR_BYTES);
  const limit = Math.max(1, Math.min(fitting, MAX_STATUS_DESCRIPTORS));
  const offset = lba * unit.blockSize;
  const lengthBytes = unit.blockCount * unit.blockSize - offset;
  const extents = itl.guarded('read', offset, () => unit.medium.extents(offset, lengthBytes, { limit }));
  const report = (found: readonly Extent[]): Finished =>
    answer(buildLbaStatus(lbaStatuses(unit, found).slice(0, limit)), allocationLength);
  return mapMaybe(extents, report);
}

/**
 * The extents as descriptors; one is split where it has more blocks than the 32 bits of a descriptor can
 * count.
 */
function lbaStatuses(unit: LogicalUnit, extents: readonly Extent[]): LbaStatus[] {
  return extents.flatMap((extent) => {
    const status = extent.state === 'mapped' ? ProvisioningStatus.MAPPED : ProvisioningStatus.DEALLOCATED;
    const start = extent.offset / unit.blockSize;
    const end = start + extent.length / unit.blockSize;
    const runs: LbaStatus[] = [];
    for (let lba = start; lba < end; lba += MAX_DESCRIPTOR_BLOCKS) {
      runs.push({ lba, blockCount: Math.min(end - lba, MAX_DESCRIPTOR_BLOCKS), status });
    }
    return runs;
  });
}

/** UNMAP and GET LBA STATUS. */
export const PROVISIONING_COMMANDS: readonly CommandEntry[] = [
  defineCommand(UNMAP, startUnmap, {
    needsMedium: true,
    writes: true,
    timeouts: SLOW,
    unsupportedFields: ['ANCHOR', 'GROUP_NUMBER'],
  }),
  defineCommand(GET_LBA_STATUS, getLbaStatus, { needsMedium: true, access: 'reads' }),
];
