import { answer } from '../answers.ts';
import { READ_CAPACITY_16 } from '../cdb/block-cdbs.ts';
import { READ_CAPACITY_10 } from '../cdb/primary-cdbs.ts';
import { buildReadCapacity10, buildReadCapacity16 } from '../data/read-capacity.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

function readCapacity10({ unit }: ItlNexus): Finished {
  const data = buildReadCapacity10(unit.blockCount, unit.blockSize);
  return answer(data, data.length);
}

function readCapacity16({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const type = unit.protection?.type ?? 0;
  const data = buildReadCapacity16({
    RETURNED_LOGICAL_BLOCK_ADDRESS: unit.blockCount - 1,
    LOGICAL_BLOCK_LENGTH_IN_BYTES: unit.blockSize,
    LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT: unit.limits.physicalBlockExponent,
    ...(type === 0 ? {} : { PROT_EN: 1, P_TYPE: type - 1 }),
    LBPME: 1,
    LBPRZ: 1,
  });
  return answer(data, READ_CAPACITY_16.decode(command.cdb).ALLOCATION_LENGTH);
}

/** READ CAPACITY(10) and (16); SBC-3 table 14 allows them whatever the reservation. */
export const CAPACITY_COMMANDS: readonly CommandEntry[] = [
  defineCommand(READ_CAPACITY_10, readCapacity10, {
    units: ALL_UNITS,
    needsMedium: true,
    reservation: 'allowed',
    access: 'free',
    path: 'standby',
    unsupportedFields: ['LOGICAL_BLOCK_ADDRESS', 'PMI'],
  }),
  defineCommand(READ_CAPACITY_16, readCapacity16, {
    needsMedium: true,
    reservation: 'allowed',
    access: 'free',
    path: 'standby',
  }),
];
