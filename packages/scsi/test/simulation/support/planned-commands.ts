import {
  buildUnmapList,
  COMPARE_AND_WRITE,
  ORWRITE_16,
  READ_10,
  UNMAP,
  VERIFY_10,
  WRITE_10,
  WRITE_AND_VERIFY_10,
  WRITE_ATOMIC_16,
  WRITE_SAME_16,
  SenseKey,
} from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import type { Ending } from './flight.ts';
import { BLOCK } from './history-device.ts';
import type { Part } from './linearize.ts';

/** What a part does to the blocks. */
export type Doing = Pick<Part, 'blocks' | 'act' | 'reads'>;

/** A command to be sent beside others. */
export interface Plan {
  readonly name: string;
  readonly cdb: Uint8Array;
  readonly dataOut?: Uint8Array;
  /** It may end with MISCOMPARE. */
  readonly compares?: true;
  /** What it did when it ended with GOOD or MISCOMPARE, or may have done when it was aborted or failed. */
  readonly doings: (ending: Ending) => Doing[];
}

/** The blocks of a command, and a new number for each. */
interface Place {
  readonly lba: number;
  readonly values: readonly number[];
}

type Maker = (dice: Dice, place: Place, guess: readonly number[]) => Plan;

/** A block that holds a number everywhere. */
function blockOf(value: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  block.fill(Buffer.from([value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]));
  return block;
}

/** The number in each block; NaN where a block holds more than one. */
export function numbersIn(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / BLOCK }, (_, index) => {
    const block = bytes.subarray(index * BLOCK, (index + 1) * BLOCK);
    const value = Buffer.from(block).readUInt32BE(0);
    return Buffer.compare(block, blockOf(value)) === 0 ? value : NaN;
  });
}

const dataOf = (values: readonly number[]): Uint8Array => Buffer.concat(values.map(blockOf));
const transfer = ({ lba, values }: Place) => ({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: values.length });
const text = ({ lba, values }: Place): string => `lba ${lba} blocks ${values.length} ← ${values.join(' ')}`;
const blocksOf = ({ lba, values }: Place): number[] => values.map((_, index) => lba + index);

/** Block by block: what is there becomes what `next` says. */
function eachBlock({ lba, values }: Place, next: (found: number, index: number) => number): Doing[] {
  return values.map((_, index) => ({
    blocks: [lba + index],
    reads: false,
    act: ([found]) => [next(found!, index)],
  }));
}

function looking(block: number, fits: (found: number) => boolean): Doing {
  return { blocks: [block], reads: true, act: (found) => (fits(found[0]!) ? found : undefined) };
}

const reading: Maker = (_dice, place) => ({
  name: `READ ${text({ ...place, values: place.values.map(() => 0) })}`,
  cdb: READ_10.encode(transfer(place)),
  doings: ({ status, data }) => {
    if (status !== 0) return [];
    return numbersIn(data).map((value, index) => looking(place.lba + index, (found) => found === value));
  },
});

const writing: Maker = (dice, place) => ({
  name: `WRITE ${text(place)}`,
  cdb: dice.pick([WRITE_10, WRITE_AND_VERIFY_10]).encode(transfer(place)),
  dataOut: dataOf(place.values),
  doings: () => eachBlock(place, (_, index) => place.values[index]!),
});

const orWriting: Maker = (_dice, place) => ({
  name: `ORWRITE ${text(place)}`,
  cdb: ORWRITE_16.encode(transfer(place)),
  dataOut: dataOf(place.values),
  doings: () => eachBlock(place, (found, index) => (found | place.values[index]!) >>> 0),
});

const writingSame: Maker = (dice, place) => {
  const zero = dice.chance(0.4);
  const value = zero ? 0 : place.values[0]!;
  return {
    name: `WRITE SAME ${text(place)}${zero ? ' (zero)' : ''}`,
    cdb: WRITE_SAME_16.encode({
      LOGICAL_BLOCK_ADDRESS: place.lba,
      NUMBER_OF_LOGICAL_BLOCKS: place.values.length,
      UNMAP: dice.below(2),
    }),
    dataOut: blockOf(value),
    doings: () => eachBlock(place, () => value),
  };
};

const unmapping: Maker = (_dice, place) => {
  const dataOut = buildUnmapList([{ lba: place.lba, blockCount: place.values.length }]);
  return {
    name: `UNMAP ${text(place)}`,
    cdb: UNMAP.encode({ PARAMETER_LIST_LENGTH: dataOut.length }),
    dataOut,
    doings: () => eachBlock(place, () => 0),
  };
};

const atomicWriting: Maker = (_dice, place) => ({
  name: `WRITE ATOMIC ${text(place)}`,
  cdb: WRITE_ATOMIC_16.encode(transfer(place)),
  dataOut: dataOf(place.values),
  doings: () => [{ blocks: blocksOf(place), reads: false, act: () => place.values }],
});

/** SBC-3 5.2: nothing comes between comparing and writing; a miscompare tells the first byte that differs. */
const comparingAndWriting: Maker = (_dice, place, guess) => ({
  name: `COMPARE AND WRITE ${text(place)} if ${guess.join(' ')}`,
  cdb: COMPARE_AND_WRITE.encode({
    LOGICAL_BLOCK_ADDRESS: place.lba,
    NUMBER_OF_LOGICAL_BLOCKS: place.values.length,
  }),
  dataOut: Buffer.concat([dataOf(guess), dataOf(place.values)]),
  compares: true,
  doings: ({ sense }) => {
    const blocks = blocksOf(place);
    if (sense?.senseKey !== SenseKey.MISCOMPARE) {
      const same = (found: readonly number[]): boolean =>
        found.every((value, index) => value === guess[index]);
      return [{ blocks, reads: false, act: (found) => (same(found) ? place.values : undefined) }];
    }
    const expected = dataOf(guess);
    const differs = (found: readonly number[]): boolean => {
      const stored = dataOf(found);
      return expected.findIndex((byte, at) => byte !== stored[at]) === sense.information;
    };
    return [{ blocks, reads: true, act: (found) => (differs(found) ? found : undefined) }];
  },
});

const verifying: Maker = (_dice, place, guess) => ({
  name: `VERIFY ${text({ ...place, values: guess })}`,
  cdb: VERIFY_10.encode({
    LOGICAL_BLOCK_ADDRESS: place.lba,
    VERIFICATION_LENGTH: place.values.length,
    BYTCHK: 1,
  }),
  dataOut: dataOf(guess),
  compares: true,
  doings: ({ status, sense }) => {
    if (status === 0)
      return guess.map((value, index) => looking(place.lba + index, (found) => found === value));
    if (sense?.senseKey !== SenseKey.MISCOMPARE) return [];
    const wrong = (sense.information ?? 0) - place.lba;
    return guess.slice(0, wrong + 1).map((value, index) => {
      return looking(place.lba + index, (found) => (found === value) === index < wrong);
    });
  },
});

/** The commands that histories send beside each other, the interesting ones more than once. */
export const MAKERS: readonly Maker[] = [
  reading,
  reading,
  writing,
  writing,
  writing,
  orWriting,
  writingSame,
  unmapping,
  atomicWriting,
  comparingAndWriting,
  comparingAndWriting,
  verifying,
];
