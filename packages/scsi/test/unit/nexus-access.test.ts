import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  LogicalUnit,
  parseLunList,
  parseModeParameters,
  MODE_SELECT_6,
  MODE_SENSE_6,
  PR_OUT_REGISTER,
  RELEASE_6,
  RESERVE_6,
  START_STOP_UNIT,
  READ_10,
  READ_CAPACITY_10,
  REPORT_LUNS,
  ScsiTarget,
  SenseKey,
  TEST_UNIT_READY,
  WRITE_10,
  encodeLun,
  decodeLun,
} from '../../src/index.ts';
import { Initiator } from '../support/harness.ts';

const PORT = 'iqn.2026-01.test.initiator:a,i,0x000000000001';
const BLOCKS = [8, 16, 32];

/** LUNs 0, 1 and 2 of 8, 16 and 32 blocks. */
function threeDisks(): ScsiTarget {
  const target = new ScsiTarget();
  for (const [lun, blocks] of BLOCKS.entries()) target.addUnit(lun, disk(blocks));
  return target;
}

function disk(blocks: number): LogicalUnit {
  const identity = new Uint8Array(16).fill(blocks);
  return new LogicalUnit({ device: new MemoryDevice({ size: blocks * 512 }), identity });
}

async function reportedLuns(initiator: Initiator): Promise<(number | undefined)[]> {
  const { data } = await initiator.send(REPORT_LUNS.encode({ SELECT_REPORT: 0, ALLOCATION_LENGTH: 256 }));
  return parseLunList(data).map(decodeLun);
}

async function lastLba(initiator: Initiator, lun: number): Promise<number> {
  await initiator.settle(lun);
  const { data } = await initiator.send(READ_CAPACITY_10.encode(), { lun });
  return new DataView(data.buffer, data.byteOffset).getUint32(0);
}

describe('the LUN map of a nexus', () => {
  test('shows the mapped units under the numbers of the initiator, and nothing else', async () => {
    const initiator = new Initiator(threeDisks(), PORT, 1, {
      lunMap: new Map([
        [0, 2],
        [5, 0],
      ]),
    });
    expect(await reportedLuns(initiator)).toEqual([0, 5]);
    expect(await lastLba(initiator, 0)).toBe(31);
    expect(await lastLba(initiator, 5)).toBe(7);
    for (const lun of [1, 2, 300]) {
      expect(initiator.nexus.hasUnit(encodeLun(lun))).toBe(false);
      expect(initiator.nexus.resetUnit(encodeLun(lun))).toBe(false);
      const refused = await initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }), { lun });
      expect(refused.sense).toMatchObject(AdditionalSenseCode.LOGICAL_UNIT_NOT_SUPPORTED);
    }
  });

  test('answers REPORT LUNS on LUN 0 though nothing is mapped there', async () => {
    const initiator = new Initiator(threeDisks(), PORT, 1, { lunMap: new Map([[7, 1]]) });
    expect(await reportedLuns(initiator)).toEqual([7]);
  });

  test('names aborted tasks by the LUN that the initiator uses', () => {
    const target = threeDisks();
    const mapped = new Initiator(target, PORT, 1, { lunMap: new Map([[5, 1]]) });
    const other = new Initiator(target, PORT.replace('01', '02'));
    expect(other.nexus.resetUnit(encodeLun(1))).toBe(true);
    expect(mapped.abortedLuns).toEqual([5]);
    expect(other.abortedLuns).toEqual([1]);
  });

  test('an initiator hears of new units only when they are mapped', async () => {
    const target = threeDisks();
    const initiator = new Initiator(target, PORT, 1, {
      lunMap: new Map([
        [0, 0],
        [1, 9],
      ]),
    });
    await initiator.settle();
    target.addUnit(8, disk(64));
    expect((await initiator.send(TEST_UNIT_READY.encode())).sense).toBeUndefined();
    target.addUnit(9, disk(128));
    const news = await initiator.send(TEST_UNIT_READY.encode());
    expect(news.sense).toMatchObject(AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED);
    expect(await reportedLuns(initiator)).toEqual([0, 1]);
    expect(target.removeUnit(9)).toBe(true);
    expect(await reportedLuns(initiator)).toEqual([0]);
  });
});

describe('a read-only nexus', () => {
  test('is refused every write and told so by MODE SENSE, while others write', async () => {
    const target = threeDisks();
    const reader = new Initiator(target, PORT, 1, { readOnly: true });
    const writer = new Initiator(target, PORT.replace('01', '02'));
    await reader.settle();
    await writer.settle();
    const write = WRITE_10.encode({ TRANSFER_LENGTH: 1 });
    const dataOut = new Uint8Array(512).fill(7);
    const refused = await reader.send(write, { dataOut });
    expect(refused.sense).toMatchObject({
      senseKey: SenseKey.DATA_PROTECT,
      ...AdditionalSenseCode.WRITE_PROTECTED,
    });
    expect(await writer.send(write, { dataOut })).toMatchObject({ status: 0 });
    expect((await reader.send(READ_10.encode({ TRANSFER_LENGTH: 1 }))).data).toEqual(dataOut);
    expect(await writeProtected(reader)).toBe(true);
    expect(await writeProtected(writer)).toBe(false);
  });
});

test('a read-only nexus does not change modes, stop the unit or reserve it', async () => {
  const target = threeDisks();
  const reader = new Initiator(target, PORT, 1, { readOnly: true });
  const writer = new Initiator(target, PORT.replace('01', '02'));
  await reader.settle();
  await writer.settle();
  const registration = new Uint8Array(24).fill(1, 8, 16);
  const commands: [Uint8Array, Uint8Array?][] = [
    [MODE_SELECT_6.encode({ PF: 1, PARAMETER_LIST_LENGTH: 4 }), new Uint8Array(4)],
    [START_STOP_UNIT.encode({ START: 0 })],
    [RESERVE_6.encode()],
    [PR_OUT_REGISTER.encode({ PARAMETER_LIST_LENGTH: 24 }), registration],
  ];
  for (const [cdb, dataOut] of commands) {
    const options = dataOut === undefined ? {} : { dataOut };
    expect((await reader.send(cdb, options)).sense).toMatchObject(AdditionalSenseCode.WRITE_PROTECTED);
  }
  expect((await reader.send(RELEASE_6.encode())).status).toBe(0);
  expect((await writer.send(START_STOP_UNIT.encode({ START: 1 }))).status).toBe(0);
});

async function writeProtected(initiator: Initiator): Promise<boolean> {
  const cdb = MODE_SENSE_6.encode({ PAGE_CODE: 0x3f, ALLOCATION_LENGTH: 255 });
  const { data } = await initiator.send(cdb);
  return (parseModeParameters(6, data).deviceSpecific & 0x80) !== 0;
}
