import {
  encodeLun,
  INQUIRY,
  MODE_SELECT_10,
  MODE_SELECT_6,
  MODE_SENSE_10,
  MODE_SENSE_6,
  parseLunList,
  parseSense,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  REPORT_LUNS,
  REQUEST_SENSE,
  SenseKey,
  START_STOP_UNIT,
  TEST_UNIT_READY,
} from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import { GOOD, goodParsed, INVALID_LIST, NOT_STARTED, type Expected } from './expected.ts';
import { BLOCK } from './history-device.ts';
import { Attention, type NexusModel } from './nexus-model.ts';
import { notReady, type Step } from './step.ts';
import { DEFAULT_MODES, type Modes, type UnitModel } from './unit-model.ts';
import type { World } from './world.ts';

type StepMaker = (dice: Dice, unit: UnitModel, world: World) => Step;

const CACHING = 0x08;
const CONTROL = 0x0a;
/** WP of DEVICE-SPECIFIC PARAMETER (SBC-3 6.5.1). */
const WP = 0x80;

const testing: StepMaker = () => ({
  access: 'free',
  medium: true,
  name: TEST_UNIT_READY.name,
  cdb: TEST_UNIT_READY.encode(),
  run: () => GOOD,
});

/** SPC-4 6.39: what is pending or the matter comes as data, with GOOD. */
const requestingSense: StepMaker = (dice) => ({
  access: 'free',
  duringAttention: true,
  whileReserved: true,
  name: REQUEST_SENSE.name,
  cdb: REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 252, DESC: dice.below(2) }),
  withoutUnit: () => goodSense({ senseKey: SenseKey.ILLEGAL_REQUEST, asc: 0x25, ascq: 0 }),
  run: (unit, pending) => {
    const matter = pending.take() ?? notReady(unit) ?? (unit.stopped ? NOT_STARTED : undefined);
    return goodSense(matter?.sense ?? { senseKey: SenseKey.NO_SENSE, asc: 0, ascq: 0 });
  },
});

function goodSense(wanted: NonNullable<Expected['sense']>): Expected {
  return goodParsed(
    (data) => {
      const sense = parseSense(data);
      return [sense?.senseKey, sense?.asc, sense?.ascq, sense?.deferred === true];
    },
    [wanted.senseKey, wanted.asc, wanted.ascq, wanted.deferred === true],
  );
}

const reportingLuns: StepMaker = () => {
  const run = (nexus: NexusModel): Expected => {
    for (const pending of nexus.units.values()) pending.clear(Attention.LUNS_CHANGED);
    const luns = [...nexus.units.keys()].sort((a, b) => a - b);
    return goodParsed(
      (data) => parseLunList(data).map(hex),
      luns.map((lun) => hex(encodeLun(lun))),
    );
  };
  return {
    access: 'free',
    duringAttention: true,
    whileReserved: true,
    name: REPORT_LUNS.name,
    cdb: REPORT_LUNS.encode({ ALLOCATION_LENGTH: 4096 }),
    withoutUnit: (nexus, lun) => (lun === 0 ? run(nexus) : NO_LUNS_HERE),
    run: (_unit, _pending, nexus) => run(nexus),
  };
};

const NO_LUNS_HERE: Expected = {
  status: 2,
  sense: { senseKey: SenseKey.ILLEGAL_REQUEST, asc: 0x25, ascq: 0 },
};

const inquiring: StepMaker = () => ({
  access: 'free',
  duringAttention: true,
  whileReserved: true,
  name: INQUIRY.name,
  cdb: INQUIRY.encode({ ALLOCATION_LENGTH: 96 }),
  withoutUnit: () => goodParsed((data) => data[0], 0x7f),
  run: () => goodParsed((data) => data[0], 0x00),
});

const readingCapacity: StepMaker = (dice) => {
  const long = dice.chance(0.5);
  return {
    access: 'free',
    medium: true,
    whileReserved: true,
    name: long ? READ_CAPACITY_16.name : READ_CAPACITY_10.name,
    cdb: long ? READ_CAPACITY_16.encode({ ALLOCATION_LENGTH: 32 }) : READ_CAPACITY_10.encode(),
    run: (unit) =>
      goodParsed(
        (data) => {
          const view = Buffer.from(data);
          return long
            ? [Number(view.readBigUInt64BE(0)), view.readUInt32BE(8)]
            : [view.readUInt32BE(0), view.readUInt32BE(4)];
        },
        [unit.blockCount - 1, BLOCK],
      ),
  };
};

/** The page in the data of MODE SENSE, without block descriptors. */
function pageIn(data: Uint8Array, long: boolean): Uint8Array {
  return data.subarray(long ? 8 : 4);
}

function changeableBits(code: number, page: Uint8Array): object {
  if (code === CACHING) return { WCE: (page[2]! >> 2) & 1 };
  return { D_SENSE: (page[2]! >> 2) & 1, SWP: (page[4]! >> 3) & 1 };
}

function bitsOf(code: number, { WCE, D_SENSE, SWP }: Modes): object {
  return code === CACHING ? { WCE } : { D_SENSE, SWP };
}

const sensingModes: StepMaker = (dice) => {
  const long = dice.chance(0.5);
  const code = dice.pick([CACHING, CONTROL]);
  const PC = dice.pick([0, 0, 2, 3]);
  const cdb = long ? MODE_SENSE_10 : MODE_SENSE_6;
  return {
    access: 'reads',
    name: `${cdb.name}: page ${code.toString(16)} PC ${PC}`,
    cdb: cdb.encode({ DBD: 1, PC, PAGE_CODE: code, ALLOCATION_LENGTH: 255 }),
    run: (unit, _pending, nexus) => {
      const modes = PC === 3 ? unit.saved : PC === 2 ? DEFAULT_MODES : unit.modes;
      const wp = unit.writeProtected || nexus.readOnly;
      return goodParsed(
        (data) => [(data[long ? 3 : 2]! & WP) !== 0, changeableBits(code, pageIn(data, long))],
        [wp, bitsOf(code, modes)],
      );
    },
  };
};

/** The whole page as it is, with other bits; now and then with one that cannot be changed (SPC-4 6.11). */
const selectingModes: StepMaker = (dice, unit, world) => {
  const long = dice.chance(0.5);
  const code = dice.pick([CACHING, CONTROL]);
  const page = world.currentPage(unit, code);
  const wanted: Modes = {
    WCE: dice.chance(0.7) ? 1 : 0,
    D_SENSE: dice.below(2),
    SWP: dice.chance(0.15) ? 1 : 0,
  };
  page[0]! &= 0x3f;
  if (code === CACHING) page[2] = (page[2]! & ~0x04) | (wanted.WCE << 2);
  else {
    page[2] = (page[2]! & ~0x04) | (wanted.D_SENSE << 2);
    page[4] = (page[4]! & ~0x08) | (wanted.SWP << 3);
  }
  const wrong = dice.chance(0.1);
  if (wrong) page[code === CACHING ? 12 : 9]! ^= 0xff;
  const SP = dice.below(2);
  const dataOut = Buffer.concat([new Uint8Array(long ? 8 : 4), page]);
  const cdb = long ? MODE_SELECT_10 : MODE_SELECT_6;
  return {
    access: 'changes',
    governs: true,
    name: `${cdb.name}: ${JSON.stringify(bitsOf(code, wanted))} SP ${SP}${wrong ? ' wrong' : ''}`,
    cdb: cdb.encode({ PF: 1, SP, PARAMETER_LIST_LENGTH: dataOut.length }),
    dataOut,
    run: (model, _pending, nexus) => {
      if (wrong) return INVALID_LIST;
      const next = { ...model.modes, ...bitsOf(code, wanted) };
      const changed = JSON.stringify(next) !== JSON.stringify(model.modes);
      model.modes = next;
      if (SP === 1) model.saved = next;
      if (changed) world.raise(model, Attention.MODES_CHANGED, nexus);
      return GOOD;
    },
  };
};

const starting: StepMaker = () => ({
  access: 'free',
  governs: true,
  name: `${START_STOP_UNIT.name}: start`,
  cdb: START_STOP_UNIT.encode({ START: 1 }),
  run: (unit) => startOrStop(unit, false),
});

const stopping: StepMaker = (dice) => {
  const NO_FLUSH = dice.below(2);
  return {
    access: 'changes',
    governs: true,
    name: `${START_STOP_UNIT.name}: stop NO_FLUSH ${NO_FLUSH}`,
    cdb: START_STOP_UNIT.encode({ START: 0, NO_FLUSH }),
    run: (unit) => {
      if (NO_FLUSH === 0 && unit.running === undefined) unit.flush();
      return startOrStop(unit, true);
    },
  };
};

function startOrStop(unit: UnitModel, stopped: boolean): Expected {
  if (unit.running !== undefined) return notReady(unit)!;
  unit.stopped = stopped;
  return GOOD;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Commands about the state of a unit and of the target. */
export const STATE_STEPS: readonly StepMaker[] = [
  testing,
  testing,
  requestingSense,
  requestingSense,
  reportingLuns,
  inquiring,
  readingCapacity,
  sensingModes,
  selectingModes,
  selectingModes,
  starting,
  starting,
  stopping,
];
