import { isZero, mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { WriteSameCdb } from '../cdb/block-cdbs.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList, unlessAborted } from '../media/parameter-list.ts';
import { ProtectedAccess, type ProtectRequest } from '../media/protected-access.ts';
import {
  isAllOnes,
  PROTECTION_BYTES,
  repeatTags,
  type ProtectedBlocks,
} from '../protection/protection-information.ts';
import type { ProtectedDevice } from '../protection/protected-device.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { withinSpace } from '../unit/unit-rights.ts';
import { inBlockSteps, repeatBlock } from './protected-transfer.ts';

/** Blocks to fill; the range is checked. */
export interface ProtectedFill extends ProtectRequest {
  readonly blockCount: number;
  readonly mayUnmap: boolean;
}

/** Gives back blocks of zeroes, as the command does it on any unit. */
type GiveBack = () => MaybePromise<Finished>;

/** WRITE SAME with protection information after its one block (SBC-3 5.42). */
export function startProtectedWriteSame<T extends WriteSameCdb>(
  itl: ItlNexus,
  command: ScsiCommand,
  cdb: CdbDefinition<T>,
  fill: ProtectedFill,
  giveBack: GiveBack,
): Execution {
  const access = ProtectedAccess.open(itl, cdb, 'WRPROTECT', fill);
  const announced = command.dataOutLengthBytes ?? access.unitBytes;
  if (announced !== access.unitBytes) throw invalidCdbField(cdb, 'NUMBER_OF_LOGICAL_BLOCKS');
  return new ParameterList(itl, access.offsetOf(fill.lba), access.unitBytes, (wire) => {
    const one = access.received(fill.lba, wire);
    // What reads back as it came may be given back: unmapped blocks have protection information of FFh.
    if (fill.mayUnmap && isZero(one.data) && isAllOnes(one.tags)) return giveBack();
    const write = (): MaybePromise<Finished> => fillBlocks(itl, access.device, command, fill, one);
    // Without UNMAP, the CDB has told which space it takes.
    if (!fill.mayUnmap) return write();
    return withinSpace(itl, access.offsetOf(fill.lba), fill.blockCount * access.device.blockSize, write);
  });
}

/** Without Data-Out blocks become zero, and their protection information FFh (SBC-4 5.46). */
export function fillWithUnprotectedZeroes(
  itl: ItlNexus,
  command: ScsiCommand,
  device: ProtectedDevice,
  fill: ProtectedFill,
): MaybePromise<Finished> {
  const one = { data: new Uint8Array(device.blockSize), tags: new Uint8Array(PROTECTION_BYTES).fill(0xff) };
  return unlessAborted(() => fillBlocks(itl, device, command, fill, one));
}

function fillBlocks(
  itl: ItlNexus,
  device: ProtectedDevice,
  command: ScsiCommand,
  fill: ProtectedFill,
  one: ProtectedBlocks,
): MaybePromise<Finished> {
  const { blockSize } = device;
  const { unit } = itl;
  const { medium } = unit;
  const done = inBlockSteps(blockSize, command, fill, (lba, blockCount) => {
    const data = repeatBlock(one.data, blockCount);
    const tags = repeatTags(one.tags, device.type, lba - fill.lba, blockCount);
    const offset = lba * blockSize;
    return itl.guarded('write', offset, () =>
      medium.inTurn(offset, data.length, () => {
        medium.changed(offset, data.length);
        return device.writeProtected(lba, { data, tags }, false);
      }),
    );
  });
  return mapMaybe(done, () => {
    unit.thresholds.check(itl);
    return unit.modes.writeCacheEnabled ? GOOD : mapMaybe(itl.flush(), () => GOOD);
  });
}
