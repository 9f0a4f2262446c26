import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { inSteps, STEP_BYTES } from '../media/in-steps.ts';
import { ParameterList, unlessAborted } from '../media/parameter-list.ts';
import { ProtectedAccess, type ProtectRequest } from '../media/protected-access.ts';
import {
  ProtectedCompare,
  ProtectedRead,
  ProtectedWrite,
  type StoreBlocks,
} from '../media/protected-transfers.ts';
import { WholeWrite } from '../media/whole-write.ts';
import { PROTECTION_BYTES, repeatTags } from '../protection/protection-information.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { checkRange, checkTransfer } from './validate.ts';

/** A transfer of blocks by a command that carries protection information, or knows more of it than the unit does. */
export interface ProtectedTransferRequest extends ProtectRequest {
  readonly blockCount: number;
  readonly forceUnitAccess: boolean;
}

/** READ with RDPROTECT. */
export function startProtectedRead<T extends { RDPROTECT: number; TRANSFER_LENGTH: number }>(
  itl: ItlNexus,
  cdb: CdbDefinition<T>,
  request: ProtectedTransferRequest,
): MaybePromise<Execution> {
  const { lba, blockCount, forceUnitAccess } = request;
  const access = ProtectedAccess.open(itl, cdb, 'RDPROTECT', request);
  checkTransfer(itl.unit, lba, blockCount, cdb, 'TRANSFER_LENGTH');
  if (blockCount === 0) return GOOD;
  const transfer = new ProtectedRead(access, lba, blockCount);
  return forceUnitAccess ? mapMaybe(itl.flush(), () => transfer.begin()) : transfer.begin();
}

/** WRITE, WRITE AND VERIFY and ORWRITE with protection information; `store` tells them apart. */
export function startProtectedWrite<
  T extends { TRANSFER_LENGTH: number },
  F extends 'WRPROTECT' | 'ORPROTECT',
>(
  itl: ItlNexus,
  cdb: CdbDefinition<T & Record<F, number>>,
  field: F,
  request: ProtectedTransferRequest,
  store: StoreBlocks,
): Execution {
  const { lba, blockCount, forceUnitAccess } = request;
  const access = ProtectedAccess.open(itl, cdb, field, request);
  checkTransfer(itl.unit, lba, blockCount, cdb, 'TRANSFER_LENGTH');
  if (blockCount === 0) return GOOD;
  const fua = forceUnitAccess || !itl.unit.modes.writeCacheEnabled;
  return new ProtectedWrite(access, lba, blockCount, fua, store);
}

/** WRITE ATOMIC with WRPROTECT; the length is checked. */
export function startProtectedAtomicWrite<T extends { WRPROTECT: number }>(
  itl: ItlNexus,
  cdb: CdbDefinition<T>,
  request: ProtectedTransferRequest,
): Execution {
  const { lba, blockCount, forceUnitAccess } = request;
  const access = ProtectedAccess.open(itl, cdb, 'WRPROTECT', request);
  if (blockCount === 0) return GOOD;
  const fua = forceUnitAccess || !itl.unit.modes.writeCacheEnabled;
  const offset = access.offsetOf(lba);
  const lengthBytes = blockCount * itl.unit.blockSize;
  return new WholeWrite(itl, offset, blockCount * access.unitBytes, lengthBytes, (wire) => {
    const blocks = access.received(lba, wire);
    const written = access.medium.uninterrupted(offset, lengthBytes, () => access.write(lba, blocks, fua));
    return mapMaybe(written, () => GOOD);
  });
}

/** VERIFY with VRPROTECT: BYTCHK is 00b, 01b or 11b. */
export function startProtectedVerify<T extends { VRPROTECT: number; VERIFICATION_LENGTH: number }>(
  itl: ItlNexus,
  cdb: CdbDefinition<T>,
  command: ScsiCommand,
  request: ProtectRequest & { readonly blockCount: number; readonly byteCheck: number },
): MaybePromise<Execution> {
  const { lba, blockCount, byteCheck } = request;
  const access = ProtectedAccess.open(itl, cdb, 'VRPROTECT', request);
  checkRange(itl.unit, lba, blockCount);
  if (blockCount === 0) return GOOD;
  if (byteCheck === 0) return checkMedium(access, command, lba, blockCount);
  if (byteCheck === 1) {
    checkTransfer(itl.unit, lba, blockCount, cdb, 'VERIFICATION_LENGTH');
    return new ProtectedCompare(access, lba, blockCount);
  }
  return new ParameterList(itl, access.offsetOf(lba), access.unitBytes, (wire) =>
    compareWithOne(access, command, { lba, blockCount }, wire),
  );
}

interface BlockRun {
  readonly lba: number;
  readonly blockCount: number;
}

/** Blocks in steps of at most {@link STEP_BYTES} of user data. */
export function inBlockSteps(
  blockSize: number,
  command: ScsiCommand,
  { lba, blockCount }: BlockRun,
  step: (lba: number, blockCount: number) => MaybePromise<void>,
): MaybePromise<void> {
  const range = { offset: lba * blockSize, length: blockCount * blockSize };
  return inSteps(command, range, STEP_BYTES, (offset, length) =>
    step(offset / blockSize, length / blockSize),
  );
}

function checkMedium(
  access: ProtectedAccess,
  command: ScsiCommand,
  lba: number,
  blockCount: number,
): MaybePromise<Finished> {
  return unlessAborted(() => {
    const done = inBlockSteps(access.device.blockSize, command, { lba, blockCount }, (at, count) =>
      access.inTurn(at, count, () => mapMaybe(access.read(at, count), () => undefined)),
    );
    return mapMaybe(done, () => GOOD);
  });
}

/** SBC-4 5.36: the one block stands for as many as WRITE SAME would make of it. */
function compareWithOne(
  access: ProtectedAccess,
  command: ScsiCommand,
  run: BlockRun,
  wire: Uint8Array,
): MaybePromise<Finished> {
  const one = access.received(run.lba, wire);
  const done = inBlockSteps(access.device.blockSize, command, run, (lba, blockCount) => {
    const data = repeatBlock(one.data, blockCount);
    const tags = access.carriesTags
      ? repeatTags(one.tags, access.device.type, lba - run.lba, blockCount)
      : new Uint8Array(blockCount * PROTECTION_BYTES);
    return mapMaybe(
      access.inTurn(lba, blockCount, () => access.read(lba, blockCount, true)),
      (found) => {
        const difference = access.compare({ data, tags }, found);
        if (difference !== undefined) throw difference.error(lba + difference.block);
      },
    );
  });
  return mapMaybe(done, () => GOOD);
}

/** A block so many times. */
export function repeatBlock(block: Uint8Array, blockCount: number): Uint8Array {
  const blocks = new Uint8Array(block.length * blockCount);
  for (let at = 0; at < blocks.length; at += block.length) blocks.set(block, at);
  return blocks;
}
