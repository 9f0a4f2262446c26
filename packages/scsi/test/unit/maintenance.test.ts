import { SimulatedClock } from '@lunbox/block';
import { expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildTimestamp,
  buildTimestampList,
  parseTimestamp,
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS as REPORT_SUPPORTED_TMF,
  REPORT_TIMESTAMP,
  REZERO_UNIT,
  SEEK_10,
  SEEK_6,
  SET_TIMESTAMP,
  START_STOP_UNIT,
  TEST_UNIT_READY,
} from '../../src/index.ts';
import { attention, Expected } from '../support/expected-sense.ts';
import { hex, Initiator, memoryHarness } from '../support/harness.ts';

test('REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS tells what the transport does, with REPD at length', async () => {
  const { initiator, target } = await memoryHarness();
  const report = async (from: Initiator, fields: object = {}) =>
    (await from.send(REPORT_SUPPORTED_TMF.encode({ ALLOCATION_LENGTH: 64, ...fields }))).data;
  expect(await report(initiator)).toEqual(hex('f8 00 00 00'));
  expect(await report(initiator, { REPD: 1 })).toEqual(hex('f8 00 00 0c 00000000 00000000 00000000'));
  expect(await report(initiator, { ALLOCATION_LENGTH: 2 })).toEqual(hex('f8 00'));
  const taskManagement = { ATS: 1, QTS: 1, QAES: 1, QTSS: 1, ITNRS: 1 };
  const other = new Initiator(target, 'other', 1, { taskManagement });
  await other.settle();
  expect(await report(other)).toEqual(hex('84 07 00 00'));
});

test('REPORT TIMESTAMP tells the clock, SET TIMESTAMP another time that goes on, and others hear of it', async () => {
  const clock = new SimulatedClock();
  const harness = await memoryHarness({ clock });
  const { initiator } = harness;
  const other = await harness.connectReady('other');
  const report = async () => (await initiator.send(REPORT_TIMESTAMP.encode({ ALLOCATION_LENGTH: 64 }))).data;
  expect(await report()).toEqual(buildTimestamp({ unixMs: clock.unixMs(), origin: 3 }));
  const dataOut = buildTimestampList(0x0123_4567_89ab);
  expect(dataOut).toEqual(hex('0000 00 00 0123456789ab 0000'));
  const set = SET_TIMESTAMP.encode({ PARAMETER_LIST_LENGTH: 12 });
  expect(await initiator.send(set, { dataOut })).toMatchObject(Expected.GOOD);
  clock.advance(0x11);
  expect(await report()).toEqual(hex('000a 02 00 0123456789bc 0000'));
  const told = await other.send(TEST_UNIT_READY.encode());
  expect(told).toMatchObject(attention(AdditionalSenseCode.TIMESTAMP_CHANGED));
  expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
  expect(parseTimestamp(await report())).toEqual({ unixMs: 0x0123_4567_89bc, origin: 2 });
});

test('SET TIMESTAMP takes a list of its length or none', async () => {
  const { initiator } = await memoryHarness();
  expect(await initiator.send(SET_TIMESTAMP.encode())).toMatchObject(Expected.GOOD);
  for (const PARAMETER_LIST_LENGTH of [1, 11, 13, 2 ** 31]) {
    const answer = await initiator.send(SET_TIMESTAMP.encode({ PARAMETER_LIST_LENGTH }));
    expect(answer).toMatchObject(Expected.LIST_LENGTH_ERROR);
  }
});

test('REZERO UNIT and SEEK end well on the disk (T-N8), and need it started', async () => {
  const { initiator } = await memoryHarness({ blocks: 64 });
  expect(await initiator.send(REZERO_UNIT.encode())).toMatchObject(Expected.GOOD);
  for (const cdb of [SEEK_6, SEEK_10]) {
    expect(await initiator.send(cdb.encode({ LOGICAL_BLOCK_ADDRESS: 63 }))).toMatchObject(Expected.GOOD);
    const beyond = await initiator.send(cdb.encode({ LOGICAL_BLOCK_ADDRESS: 64 }));
    expect(beyond).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  }
  await initiator.send(START_STOP_UNIT.encode());
  for (const cdb of [REZERO_UNIT, SEEK_6, SEEK_10]) {
    expect(await initiator.send(cdb.encode())).toMatchObject(Expected.NOT_STARTED);
  }
});
