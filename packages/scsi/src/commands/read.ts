import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import { readU16, readU24, readU32, readU64 } from '../bytes.ts';
import { READ_10, READ_12, READ_16, READ_6, type ReadCdb, type Transfer6Cdb } from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { Execution } from '../execution.ts';
import { MediaRead } from '../media/media-read.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { startProtectedRead } from './protected-transfer.ts';
import { checkTransfer } from './validate.ts';

const FUA = 0x08;
const RDPROTECT = 0xe0;

/** A block count of zero in READ(6) and WRITE(6) stands for 256 (SBC-2 5.5). */
const MAX_BLOCKS_6 = 256;

/**
 * The CDBs are read by hand here, as this is the hot path; a property test proves that it reads what the
 * declared layouts say. DPO and RARC are hints and need nothing.
 */
function startRead(
  itl: ItlNexus,
  cdb: CdbDefinition<ReadCdb>,
  byte1: number,
  lba: number,
  blockCount: number,
): MaybePromise<Execution> {
  const { unit } = itl;
  if ((byte1 & RDPROTECT) !== 0) {
    const forceUnitAccess = (byte1 & FUA) !== 0;
    return startProtectedRead(itl, cdb, { protect: byte1 >>> 5, lba, blockCount, forceUnitAccess });
  }
  checkTransfer(unit, lba, blockCount, cdb, 'TRANSFER_LENGTH');
  if (blockCount === 0) return GOOD;
  const media = new MediaRead(itl, lba * unit.blockSize, blockCount * unit.blockSize);
  if ((byte1 & FUA) === 0) return media.begin();
  // SBC-3 5.10: FUA reads from the medium, so what the cache has newer goes there first.
  return mapMaybe(itl.flush(), () => media.begin());
}

function startRead6(itl: ItlNexus, cdb: CdbDefinition<Transfer6Cdb>, bytes: Uint8Array): Execution {
  const { unit } = itl;
  const lba = readU24(bytes, 1) & 0x1f_ffff;
  const blockCount = bytes[4]! || MAX_BLOCKS_6;
  checkTransfer(unit, lba, blockCount, cdb, 'TRANSFER_LENGTH');
  return new MediaRead(itl, lba * unit.blockSize, blockCount * unit.blockSize).begin();
}

const properties: Partial<CommandEntry> = {
  needsMedium: true,
  access: 'reads',
  unsupportedFields: ['RDPROTECT', 'RARC', 'GROUP_NUMBER'],
};

/** READ(6), (10), (12) and (16). */
export const READ_COMMANDS: readonly CommandEntry[] = [
  defineCommand(READ_6, (itl, { cdb }) => startRead6(itl, READ_6, cdb), properties),
  defineCommand(
    READ_10,
    (itl, { cdb }) => startRead(itl, READ_10, cdb[1]!, readU32(cdb, 2), readU16(cdb, 7)),
    { ...properties, units: ALL_UNITS },
  ),
  defineCommand(
    READ_12,
    (itl, { cdb }) => startRead(itl, READ_12, cdb[1]!, readU32(cdb, 2), readU32(cdb, 6)),
    { ...properties, units: ALL_UNITS },
  ),
  defineCommand(
    READ_16,
    (itl, { cdb }) => startRead(itl, READ_16, cdb[1]!, readU64(cdb, 2), readU32(cdb, 10)),
    properties,
  ),
];
