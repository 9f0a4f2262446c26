import { GOOD } from '../answers.ts';
import { readU16, readU24, readU32, readU64 } from '../bytes.ts';
import {
  ORWRITE_16,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_6,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
  type WriteAndVerifyCdb,
  type WriteCdb,
} from '../cdb/block-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { ExpectedTags } from '../cdb/variable-length-cdbs.ts';
import type { Execution } from '../execution.ts';
import { storeAndVerify, storeBlocks, storeUnion } from '../media/protected-transfers.ts';
import { MediaOrWrite, MediaWrite, MediaWriteAndVerify } from '../media/media-write.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { startProtectedWrite, type ProtectedTransferRequest } from './protected-transfer.ts';
import { checkTransfer } from './validate.ts';

const FUA = 0x08;
const WRPROTECT = 0xe0;
const MAX_BLOCKS_6 = 256;

/** Read by hand like READ. */
function startWrite(
  itl: ItlNexus,
  cdb: CdbDefinition<WriteCdb>,
  byte1: number,
  lba: number,
  blockCount: number,
): Execution {
  const { unit } = itl;
  if ((byte1 & WRPROTECT) !== 0) {
    const forceUnitAccess = (byte1 & FUA) !== 0;
    const request = { protect: byte1 >>> 5, lba, blockCount, forceUnitAccess };
    return startProtectedWrite(itl, cdb, 'WRPROTECT', request, storeBlocks);
  }
  checkTransfer(unit, lba, blockCount, cdb, 'TRANSFER_LENGTH');
  if (blockCount === 0) return GOOD;
  const throughCache = (byte1 & FUA) !== 0 || !unit.modes.writeCacheEnabled;
  return new MediaWrite(itl, lba * unit.blockSize, blockCount * unit.blockSize, throughCache);
}

/** WRITE without protection information in the data, of a CDB that was decoded. */
export function startPlainWrite<T extends WriteCdb>(
  itl: ItlNexus,
  cdb: CdbDefinition<T>,
  { lba, blockCount, forceUnitAccess }: ProtectedTransferRequest,
): Execution {
  const { unit } = itl;
  checkTransfer(unit, lba, blockCount, cdb, 'TRANSFER_LENGTH');
  if (blockCount === 0) return GOOD;
  const throughCache = forceUnitAccess || !unit.modes.writeCacheEnabled;
  return new MediaWrite(itl, lba * unit.blockSize, blockCount * unit.blockSize, throughCache);
}

function startWrite6(itl: ItlNexus, bytes: Uint8Array): Execution {
  const { unit } = itl;
  const lba = readU24(bytes, 1) & 0x1f_ffff;
  const blockCount = bytes[4]! || MAX_BLOCKS_6;
  checkTransfer(unit, lba, blockCount, WRITE_6, 'TRANSFER_LENGTH');
  const throughCache = !unit.modes.writeCacheEnabled;
  return new MediaWrite(itl, lba * unit.blockSize, blockCount * unit.blockSize, throughCache);
}

/** BYTCHK 00b and 01b both read back and compare; 10b and 11b are reserved (SBC-3 5.36). */
export function startWriteAndVerify<T extends WriteAndVerifyCdb>(
  itl: ItlNexus,
  cdb: CdbDefinition<T>,
  fields: T,
  expected?: ExpectedTags,
): Execution {
  const { unit } = itl;
  if (fields.BYTCHK > 1) throw invalidCdbField(cdb, 'BYTCHK');
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  const blockCount = fields.TRANSFER_LENGTH;
  if (fields.WRPROTECT !== 0) {
    const tags = expected === undefined ? {} : { expected };
    const request = { protect: fields.WRPROTECT, lba, blockCount, forceUnitAccess: true, ...tags };
    return startProtectedWrite(itl, cdb, 'WRPROTECT', request, storeAndVerify);
  }
  checkTransfer(unit, lba, blockCount, cdb, 'TRANSFER_LENGTH');
  if (blockCount === 0) return GOOD;
  return new MediaWriteAndVerify(itl, lba * unit.blockSize, blockCount * unit.blockSize);
}

function startOrWrite(itl: ItlNexus, bytes: Uint8Array): Execution {
  const { unit } = itl;
  const fields = ORWRITE_16.decode(bytes);
  const lba = fields.LOGICAL_BLOCK_ADDRESS;
  const blockCount = fields.TRANSFER_LENGTH;
  if (fields.ORPROTECT !== 0) {
    const request = { protect: fields.ORPROTECT, lba, blockCount, forceUnitAccess: fields.FUA === 1 };
    return startProtectedWrite(itl, ORWRITE_16, 'ORPROTECT', request, storeUnion);
  }
  checkTransfer(unit, lba, blockCount, ORWRITE_16, 'TRANSFER_LENGTH');
  if (blockCount === 0) return GOOD;
  const throughCache = fields.FUA === 1 || !unit.modes.writeCacheEnabled;
  return new MediaOrWrite(itl, lba * unit.blockSize, blockCount * unit.blockSize, throughCache);
}

const properties = { needsMedium: true, writes: true, unsupportedFields: ['WRPROTECT', 'GROUP_NUMBER'] };

/** WRITE(6), (10), (12), (16), WRITE AND VERIFY(10), (12), (16) and ORWRITE(16). */
export const WRITE_COMMANDS: readonly CommandEntry[] = [
  defineCommand(WRITE_6, (itl, { cdb }) => startWrite6(itl, cdb), properties),
  defineCommand(
    WRITE_10,
    (itl, { cdb }) => startWrite(itl, WRITE_10, cdb[1]!, readU32(cdb, 2), readU16(cdb, 7)),
    properties,
  ),
  defineCommand(
    WRITE_12,
    (itl, { cdb }) => startWrite(itl, WRITE_12, cdb[1]!, readU32(cdb, 2), readU32(cdb, 6)),
    properties,
  ),
  defineCommand(
    WRITE_16,
    (itl, { cdb }) => startWrite(itl, WRITE_16, cdb[1]!, readU64(cdb, 2), readU32(cdb, 10)),
    properties,
  ),
  ...[WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12, WRITE_AND_VERIFY_16].map((definition) =>
    defineCommand(
      definition,
      (itl, { cdb }) => startWriteAndVerify(itl, definition, definition.decode(cdb)),
      {
        ...properties,
        timeouts: SLOW,
      },
    ),
  ),
  defineCommand(ORWRITE_16, (itl, { cdb }) => startOrWrite(itl, cdb), {
    ...properties,
    unsupportedFields: ['ORPROTECT', 'GROUP_NUMBER'],
  }),
];
