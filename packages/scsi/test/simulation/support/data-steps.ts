import {
  buildUnmapList,
  COMPARE_AND_WRITE,
  GET_LBA_STATUS,
  ORWRITE_16,
  parseLbaStatus,
  PRE_FETCH_10,
  READ_10,
  READ_12,
  READ_16,
  READ_6,
  SenseKey,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  UNMAP,
  VERIFY_10,
  VERIFY_16,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_6,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_16,
  WRITE_ATOMIC_16,
  WRITE_SAME_10,
  WRITE_SAME_16,
} from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import { check, CONDITION_MET, GOOD, goodData, OUT_OF_RANGE, type Expected } from './expected.ts';
import { BLOCK } from './history-device.ts';
import type { Step } from './step.ts';
import type { UnitModel } from './unit-model.ts';

/** Some blocks of a unit; now and then they leave it. */
interface Region {
  readonly lba: number;
  readonly blocks: number;
}

type StepMaker = (dice: Dice, unit: UnitModel) => Step;

const read = { access: 'reads', medium: true } as const;
const write = { access: 'changes', medium: true, writes: true } as const;

function region(dice: Dice, unit: UnitModel, most = 8): Region {
  const lba = dice.chance(0.03) ? unit.blockCount - 1 : dice.below(unit.blockCount);
  const blocks = dice.between(1, most);
  return { lba, blocks: dice.chance(0.04) ? blocks : Math.min(blocks, unit.blockCount - lba) };
}

const text = ({ lba, blocks }: Region): string => `lba ${lba} blocks ${blocks}`;
const transfer = ({ lba, blocks }: Region) => ({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: blocks });
const range = ({ lba, blocks }: Region) => ({ LOGICAL_BLOCK_ADDRESS: lba, NUMBER_OF_LOGICAL_BLOCKS: blocks });

/** The command, when the blocks are there. */
function inRange({ lba, blocks }: Region, run: (unit: UnitModel) => Expected): (unit: UnitModel) => Expected {
  return (unit) => (lba + blocks > unit.blockCount ? OUT_OF_RANGE : run(unit));
}

/** What cannot be asked of the device because of its place is not asked. */
function touching<T extends Step['touches']>(unit: UnitModel, { lba, blocks }: Region, call: T) {
  return lba + blocks > unit.blockCount ? {} : { touches: call };
}

const reading: StepMaker = (dice, unit) => {
  const where = region(dice, unit);
  const cdb = dice.pick([READ_10, READ_12, READ_16]);
  const short = dice.chance(0.25);
  const FUA = !short && dice.chance(0.2) ? 1 : 0;
  return {
    ...read,
    ...touching(unit, where, 'read'),
    name: `${short ? READ_6.name : cdb.name}: ${text(where)} FUA ${FUA}`,
    cdb: short ? READ_6.encode(transfer(where)) : cdb.encode({ ...transfer(where), FUA }),
    run: inRange(where, (model) => {
      // SBC-3 5.10: what the cache has newer goes to the medium first.
      if (FUA === 1) model.flush();
      return goodData(model.read(where.lba, where.blocks));
    }),
  };
};

const writing: StepMaker = (dice, unit) => {
  const where = region(dice, unit);
  const cdb = dice.pick([WRITE_6, WRITE_10, WRITE_12, WRITE_16, WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_16]);
  const verifies = cdb === WRITE_AND_VERIFY_10 || cdb === WRITE_AND_VERIFY_16;
  const FUA = !verifies && cdb !== WRITE_6 && dice.chance(0.2) ? 1 : 0;
  const dataOut = dice.bytes(where.blocks * BLOCK);
  return {
    ...write,
    ...touching(unit, where, 'write'),
    name: `${cdb.name}: ${text(where)} FUA ${FUA}`,
    cdb: cdb.encode({ ...transfer(where), ...(verifies ? { BYTCHK: dice.below(2) } : { FUA }) }),
    dataOut,
    run: inRange(where, (model) => {
      model.write(where.lba, dataOut, FUA === 1 || verifies);
      return GOOD;
    }),
  };
};

const orWriting: StepMaker = (dice, unit) => {
  const where = region(dice, unit);
  const FUA = dice.chance(0.2) ? 1 : 0;
  const dataOut = dice.bytes(where.blocks * BLOCK);
  return {
    ...write,
    ...touching(unit, where, 'read'),
    name: `${ORWRITE_16.name}: ${text(where)}`,
    cdb: ORWRITE_16.encode({ ...transfer(where), FUA }),
    dataOut,
    run: inRange(where, (model) => {
      const found = model.read(where.lba, where.blocks);
      model.write(
        where.lba,
        dataOut.map((byte, at) => byte | found[at]!),
        FUA === 1,
      );
      return GOOD;
    }),
  };
};

const atomicWriting: StepMaker = (dice, unit) => {
  const where = region(dice, unit, 10);
  const FUA = dice.chance(0.2) ? 1 : 0;
  const dataOut = dice.bytes(where.blocks * BLOCK);
  // MAXIMUM ATOMIC TRANSFER LENGTH is 8 blocks here (SBC-4 6.6.4).
  const tooLong = where.blocks > 8;
  return {
    ...write,
    ...(tooLong ? {} : touching(unit, where, 'write')),
    name: `${WRITE_ATOMIC_16.name}: ${text(where)}`,
    cdb: WRITE_ATOMIC_16.encode({ ...transfer(where), FUA }),
    dataOut,
    run: inRange(where, (model) => {
      if (tooLong) return check(SenseKey.ILLEGAL_REQUEST, 0x24, 0x00);
      model.write(where.lba, dataOut, FUA === 1);
      return GOOD;
    }),
  };
};

/** Without NDOB the Data-Out is one block; only zeroes can be unmapped instead of written (SBC-3 5.42). */
const writingSame: StepMaker = (dice, unit) => {
  const where = region(dice, unit, 12);
  const cdb = dice.pick([WRITE_SAME_10, WRITE_SAME_16]);
  const NDOB = cdb === WRITE_SAME_16 && dice.chance(0.3) ? 1 : 0;
  const zeroes = NDOB === 1 || dice.chance(0.4);
  const block = zeroes ? new Uint8Array(BLOCK) : dice.bytes(BLOCK);
  const unmaps = dice.chance(0.5);
  return {
    ...write,
    ...touching(unit, where, zeroes ? 'zero' : 'write'),
    name: `${cdb.name}: ${text(where)} UNMAP ${unmaps} zeroes ${zeroes}`,
    cdb: cdb.encode({ ...range(where), UNMAP: unmaps ? 1 : 0, ...(NDOB === 1 ? { NDOB } : {}) }),
    ...(NDOB === 1 ? {} : { dataOut: block }),
    run: inRange(where, (model) => {
      if (zeroes && unmaps) model.unmap(where.lba, where.blocks);
      else model.fill(where.lba, where.blocks, block);
      return GOOD;
    }),
  };
};

const unmapping: StepMaker = (dice, unit) => {
  const ranges = Array.from({ length: dice.between(1, 3) }, () => region(dice, unit));
  const dataOut = buildUnmapList(ranges.map(({ lba, blocks }) => ({ lba, blockCount: blocks })));
  const fits = ranges.every(({ lba, blocks }) => lba + blocks <= unit.blockCount);
  return {
    ...write,
    ...(fits ? { touches: 'unmap' as const } : {}),
    name: `${UNMAP.name}: ${ranges.map(text).join(', ')}`,
    cdb: UNMAP.encode({ PARAMETER_LIST_LENGTH: dataOut.length }),
    dataOut,
    run: (model) => {
      if (!ranges.every(({ lba, blocks }) => lba + blocks <= model.blockCount)) return OUT_OF_RANGE;
      for (const { lba, blocks } of ranges) model.unmap(lba, blocks);
      return GOOD;
    },
  };
};

const comparingAndWriting: StepMaker = (dice, unit) => {
  const where = region(dice, unit, 4);
  const FUA = dice.chance(0.2) ? 1 : 0;
  const length = where.blocks * BLOCK;
  const expected = unit.read(where.lba, where.blocks);
  const wrongAt = dice.chance(0.4) ? dice.below(length) : undefined;
  const compared = new Uint8Array(length);
  compared.set(expected);
  if (wrongAt !== undefined) compared[wrongAt]! ^= 1 << dice.below(8);
  const written = dice.bytes(length);
  return {
    ...write,
    ...touching(unit, where, 'read'),
    name: `${COMPARE_AND_WRITE.name}: ${text(where)}${wrongAt === undefined ? '' : ` wrong at ${wrongAt}`}`,
    cdb: COMPARE_AND_WRITE.encode({ ...range(where), FUA }),
    dataOut: Buffer.concat([compared, written]),
    run: inRange(where, (model) => {
      if (FUA === 1) model.flush();
      if (wrongAt !== undefined) return check(SenseKey.MISCOMPARE, 0x1d, 0x00, { information: wrongAt });
      model.write(where.lba, written, FUA === 1);
      return GOOD;
    }),
  };
};

/** BYTCHK 00b reads, 01b compares with as many blocks, 11b with one (SBC-3 5.29). */
const verifying: StepMaker = (dice, unit) => {
  const where = region(dice, unit);
  const cdb = dice.pick([VERIFY_10, VERIFY_16]);
  const BYTCHK = dice.pick([0, 1, 3]);
  const stored = unit.read(where.lba, where.blocks);
  const dataOut = BYTCHK === 1 ? new Uint8Array(where.blocks * BLOCK) : new Uint8Array(BLOCK);
  dataOut.set(stored.subarray(0, dataOut.length));
  if (dice.chance(0.4)) dataOut[dice.below(dataOut.length)]! ^= 1 << dice.below(8);
  return {
    ...read,
    ...touching(unit, where, 'read'),
    name: `${cdb.name}: ${text(where)} BYTCHK ${BYTCHK}`,
    cdb: cdb.encode({ LOGICAL_BLOCK_ADDRESS: where.lba, VERIFICATION_LENGTH: where.blocks, BYTCHK }),
    ...(BYTCHK === 0 ? {} : { dataOut }),
    run: inRange(where, (model) => {
      if (BYTCHK === 0) return GOOD;
      for (let index = 0; index < where.blocks; index++) {
        const at = BYTCHK === 1 ? index * BLOCK : 0;
        const lba = where.lba + index;
        if (Buffer.compare(model.read(lba, 1), dataOut.subarray(at, at + BLOCK)) === 0) continue;
        return check(SenseKey.MISCOMPARE, 0x1d, 0x00, { information: lba });
      }
      return GOOD;
    }),
  };
};

/** Runs of blocks in the same state, from the address on, as many as fit the allocation length (SBC-3 5.4). */
const askingForStatus: StepMaker = (dice, unit) => {
  const lba = dice.below(unit.blockCount + 1);
  const descriptors = dice.between(1, 12);
  return {
    ...read,
    name: `${GET_LBA_STATUS.name}: lba ${lba}`,
    cdb: GET_LBA_STATUS.encode({
      STARTING_LOGICAL_BLOCK_ADDRESS: lba,
      ALLOCATION_LENGTH: 8 + 16 * descriptors,
    }),
    run: (model) => {
      if (lba >= model.blockCount) return OUT_OF_RANGE;
      const runs = statusRuns(model, lba).slice(0, descriptors);
      return {
        ...GOOD,
        complaint: (data) => {
          const found = parseLbaStatus(data).map((run) => [run.lba, run.blockCount, run.status]);
          return JSON.stringify(found) === JSON.stringify(runs)
            ? undefined
            : `found ${JSON.stringify(found)}`;
        },
      };
    },
  };
};

/** LBA, number of blocks, and 0 for mapped or 1 for deallocated. */
function statusRuns({ mapped, blockCount }: UnitModel, first: number): [number, number, number][] {
  const runs: [number, number, number][] = [];
  for (let lba = first; lba < blockCount; lba++) {
    const status = mapped[lba] === true ? 0 : 1;
    const last = runs.at(-1);
    if (last?.[2] === status) last[1]++;
    else runs.push([lba, 1, status]);
  }
  return runs;
}

const synchronizing: StepMaker = (dice, unit) => {
  const where = region(dice, unit);
  const cdb = dice.pick([SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16]);
  return {
    access: 'changes',
    medium: true,
    ...touching(unit, where, 'flush'),
    name: `${cdb.name}: ${text(where)}`,
    cdb: cdb.encode({ ...range(where), IMMED: 0 }),
    run: inRange(where, (model) => {
      model.flush();
      return GOOD;
    }),
  };
};

const prefetching: StepMaker = (dice, unit) => {
  const where = region(dice, unit);
  return {
    ...read,
    ...touching(unit, where, 'read'),
    name: `${PRE_FETCH_10.name}: ${text(where)}`,
    cdb: PRE_FETCH_10.encode({ LOGICAL_BLOCK_ADDRESS: where.lba, PREFETCH_LENGTH: where.blocks, IMMED: 0 }),
    run: inRange(where, () => CONDITION_MET),
  };
};

/** Commands about the data of a unit, the frequent ones more than once. */
export const DATA_STEPS: readonly StepMaker[] = [
  reading,
  reading,
  reading,
  writing,
  writing,
  writing,
  orWriting,
  atomicWriting,
  writingSame,
  unmapping,
  comparingAndWriting,
  verifying,
  askingForStatus,
  synchronizing,
  prefetching,
];
