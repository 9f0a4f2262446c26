import { mapMaybe, type BlockDevice, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { COMPARE_AND_WRITE } from '../cdb/block-cdbs.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { firstDifference, readCovering } from '../media/covering-blocks.ts';
import { ProtectedAccess } from '../media/protected-access.ts';
import { WholeWrite } from '../media/whole-write.ts';
import { invalidCdbField, miscompare } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { compareAndWriteProtected } from './protected-swap.ts';
import { checkRange } from './validate.ts';

interface Swap {
  readonly offset: number;
  readonly length: number;
  /** Both the reading and the writing concern the medium, not the cache. */
  readonly forceUnitAccess: boolean;
}

function startCompareAndWrite(itl: ItlNexus, command: ScsiCommand): Execution {
  const { unit } = itl;
  const fields = COMPARE_AND_WRITE.decode(command.cdb);
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  const blockCount = fields.NUMBER_OF_LOGICAL_BLOCKS;
  const request = { protect: fields.WRPROTECT, lba };
  const access =
    request.protect === 0 ? undefined : ProtectedAccess.open(itl, COMPARE_AND_WRITE, 'WRPROTECT', request);
  checkRange(unit, lba, blockCount);
  const length = blockCount * unit.blockSize;
  const dataBytes = 2 * blockCount * (access?.unitBytes ?? unit.blockSize);
  const tooLong = blockCount > unit.limits.maxCompareAndWriteBlocks;
  // The data is two instances of the blocks, no more and no less, also of no blocks: an initiator whose count
  // did not fit the 8 bits of the field must not take GOOD for a lock that it has won.
  const { dataOutLengthBytes = dataBytes } = command;
  if (tooLong || dataOutLengthBytes !== dataBytes) {
    throw invalidCdbField(COMPARE_AND_WRITE, 'NUMBER_OF_LOGICAL_BLOCKS');
  }
  if (blockCount === 0) return GOOD;
  if (access !== undefined) {
    const swap = { lba, blockCount, forceUnitAccess: fields.FUA === 1 };
    return new WholeWrite(itl, access.offsetOf(lba), dataBytes, length, (wire) =>
      compareAndWriteProtected(access, swap, wire),
    );
  }
  const swap = { offset: lba * unit.blockSize, length, forceUnitAccess: fields.FUA === 1 };
  return new WholeWrite(itl, swap.offset, 2 * length, length, (data) => compareAndWrite(itl, swap, data));
}

/** Nothing comes between reading and writing: no other access to these blocks, no reservation (T-V1). */
function compareAndWrite(itl: ItlNexus, swap: Swap, data: Uint8Array): MaybePromise<Finished> {
  const { unit } = itl;
  return unit.betweenReservationChanges(() =>
    unit.medium.uninterrupted(swap.offset, swap.length, (device) => {
      const flushed = swap.forceUnitAccess ? itl.flush() : undefined;
      return mapMaybe(flushed, () => compareThenWrite(itl, device, swap, data));
    }),
  );
}

function compareThenWrite(
  itl: ItlNexus,
  device: BlockDevice,
  { offset, length, forceUnitAccess }: Swap,
  data: Uint8Array,
): MaybePromise<Finished> {
  const found = itl.guarded('read', offset, () => readCovering(device, offset, length));
  return mapMaybe(found, (stored) => {
    const difference = firstDifference(data.subarray(0, length), stored);
    // SBC-3 5.2: INFORMATION is an offset in the data here, not an LBA.
    if (difference >= 0) throw miscompare(difference);
    const fua = forceUnitAccess || !itl.unit.modes.writeCacheEnabled;
    return mapMaybe(device.write([data.subarray(length)], offset, { fua }), () => GOOD);
  });
}

/** COMPARE AND WRITE. */
export const COMPARE_AND_WRITE_COMMAND: CommandEntry = defineCommand(
  COMPARE_AND_WRITE,
  startCompareAndWrite,
  {
    needsMedium: true,
    writes: true,
    unsupportedFields: ['WRPROTECT', 'GROUP_NUMBER'],
  },
);
