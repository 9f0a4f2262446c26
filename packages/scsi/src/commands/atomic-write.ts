import { mapMaybe } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { WRITE_ATOMIC_16, type WriteAtomicCdb } from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { ExpectedTags } from '../cdb/variable-length-cdbs.ts';
import type { Execution } from '../execution.ts';
import { WholeWrite } from '../media/whole-write.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { startProtectedAtomicWrite } from './protected-transfer.ts';
import { checkRange, refuseFields } from './validate.ts';

/**
 * All blocks or none (SBC-4 4.29): the data is held until it is whole, and goes to the device in one write that no
 * other access to these blocks comes between. The device answers for the power going meanwhile.
 */
export function startAtomicWrite<T extends WriteAtomicCdb>(
  itl: ItlNexus,
  cdb: CdbDefinition<T>,
  fields: T,
  expected?: ExpectedTags,
): Execution {
  const { unit } = itl;
  // MAXIMUM ATOMIC BOUNDARY SIZE is 0, so no boundary is taken (SBC-4 6.6.4).
  refuseFields(cdb, fields, 'ATOMIC_BOUNDARY');
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  const blockCount = fields.TRANSFER_LENGTH;
  checkRange(unit, lba, blockCount);
  if (blockCount > unit.limits.maxAtomicWriteBlocks) {
    throw invalidCdbField(cdb, 'TRANSFER_LENGTH');
  }
  if (fields.WRPROTECT !== 0) {
    const request = { protect: fields.WRPROTECT, lba, blockCount, forceUnitAccess: fields.FUA === 1 };
    const tags = expected === undefined ? {} : { expected };
    return startProtectedAtomicWrite(itl, cdb, { ...request, ...tags });
  }
  if (blockCount === 0) return GOOD;
  const fua = fields.FUA === 1 || !unit.modes.writeCacheEnabled;
  const offset = lba * unit.blockSize;
  const lengthBytes = blockCount * unit.blockSize;
  return new WholeWrite(itl, offset, lengthBytes, lengthBytes, (data) => {
    const written = unit.medium.uninterrupted(offset, data.length, (device) =>
      device.write([data], offset, { fua }),
    );
    return mapMaybe(written, () => GOOD);
  });
}

/** WRITE ATOMIC(16); WRITE ATOMIC(32) is one of the commands of type 2 protection. */
export const ATOMIC_WRITE_COMMAND: CommandEntry = defineCommand(
  WRITE_ATOMIC_16,
  (itl, { cdb }) => startAtomicWrite(itl, WRITE_ATOMIC_16, WRITE_ATOMIC_16.decode(cdb)),
  {
    needsMedium: true,
    writes: true,
    unsupportedFields: ['WRPROTECT', 'ATOMIC_BOUNDARY', 'GROUP_NUMBER'],
  },
);
