import type { MaybePromise } from '@lunbox/block';
import {
  READ_32,
  VERIFY_32,
  WRITE_32,
  WRITE_AND_VERIFY_32,
  WRITE_ATOMIC_32,
  type ExpectedTags,
} from '../cdb/variable-length-cdbs.ts';
import type { Execution, ScsiCommand } from '../execution.ts';
import { storeBlocks } from '../media/protected-transfers.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { startAtomicWrite } from './atomic-write.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import {
  startProtectedRead,
  startProtectedVerify,
  startProtectedWrite,
  type ProtectedTransferRequest,
} from './protected-transfer.ts';
import { checkedByteCheck } from './verify.ts';
import { startPlainWrite, startWriteAndVerify } from './write.ts';

/** SBC-3 5.14: these commands are there only where type 2 protection is enabled. */
function requireType2({ unit }: ItlNexus): void {
  if (unit.protection?.type !== 2) throw illegalRequest(AdditionalSenseCode.INVALID_COMMAND_OPERATION_CODE);
}

function startRead32(itl: ItlNexus, { cdb }: ScsiCommand): MaybePromise<Execution> {
  requireType2(itl);
  const fields = READ_32.decode(cdb);
  // Also without protection information in the data, what is stored is checked by the tags of the CDB.
  return startProtectedRead(itl, READ_32, {
    protect: fields.RDPROTECT,
    lba: fields.LOGICAL_BLOCK_ADDRESS,
    blockCount: fields.TRANSFER_LENGTH,
    forceUnitAccess: fields.FUA === 1,
    expected: fields,
  });
}

function startVerify32(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
  requireType2(itl);
  const fields = VERIFY_32.decode(command.cdb);
  return startProtectedVerify(itl, VERIFY_32, command, {
    protect: fields.VRPROTECT,
    lba: fields.LOGICAL_BLOCK_ADDRESS,
    blockCount: fields.VERIFICATION_LENGTH,
    byteCheck: checkedByteCheck(VERIFY_32, fields),
    expected: fields,
  });
}

function startWrite32(itl: ItlNexus, { cdb }: ScsiCommand): Execution {
  requireType2(itl);
  const fields = WRITE_32.decode(cdb);
  const request = requestOf(fields, fields.FUA === 1);
  if (request.protect !== 0) return startProtectedWrite(itl, WRITE_32, 'WRPROTECT', request, storeBlocks);
  return startPlainWrite(itl, WRITE_32, request);
}

function startWriteAndVerify32(itl: ItlNexus, { cdb }: ScsiCommand): Execution {
  requireType2(itl);
  const fields = WRITE_AND_VERIFY_32.decode(cdb);
  return startWriteAndVerify(itl, WRITE_AND_VERIFY_32, fields, fields);
}

function startAtomicWrite32(itl: ItlNexus, { cdb }: ScsiCommand): Execution {
  requireType2(itl);
  const fields = WRITE_ATOMIC_32.decode(cdb);
  return startAtomicWrite(itl, WRITE_ATOMIC_32, fields, fields);
}

function requestOf(
  fields: { WRPROTECT: number; LOGICAL_BLOCK_ADDRESS: number; TRANSFER_LENGTH: number } & ExpectedTags,
  forceUnitAccess: boolean,
): ProtectedTransferRequest {
  return {
    protect: fields.WRPROTECT,
    lba: fields.LOGICAL_BLOCK_ADDRESS,
    blockCount: fields.TRANSFER_LENGTH,
    forceUnitAccess,
    expected: fields,
  };
}

const unsupportedFields = ['RARC', 'GROUP_NUMBER'];
const reads: Partial<CommandEntry> = {
  needsMedium: true,
  access: 'reads',
  needsType2: true,
  unsupportedFields,
};
const writes: Partial<CommandEntry> = {
  needsMedium: true,
  writes: true,
  needsType2: true,
  unsupportedFields,
};

/** READ(32), VERIFY(32), WRITE(32), WRITE AND VERIFY(32) and WRITE ATOMIC(32). */
export const TYPE_2_COMMANDS: readonly CommandEntry[] = [
  defineCommand(READ_32, startRead32, reads),
  defineCommand(VERIFY_32, startVerify32, { ...reads, timeouts: SLOW }),
  defineCommand(WRITE_32, startWrite32, writes),
  defineCommand(WRITE_AND_VERIFY_32, startWriteAndVerify32, { ...writes, timeouts: SLOW }),
  defineCommand(WRITE_ATOMIC_32, startAtomicWrite32, {
    ...writes,
    unsupportedFields: [...unsupportedFields, 'ATOMIC_BOUNDARY'],
  }),
];
