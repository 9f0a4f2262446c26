import { expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  encodeLun,
  RECEIVE_DIAGNOSTIC_RESULTS,
  SANITIZE_BLOCK_ERASE,
  SEND_DIAGNOSTIC,
  SenseKey,
  START_STOP_UNIT,
  Status,
  type SendDiagnosticCdb,
} from '../../src/index.ts';
import { Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness, hex, memoryHarness, type Initiator } from '../support/harness.ts';

const send = (initiator: Initiator, fields: Partial<SendDiagnosticCdb>, list = '') => {
  const dataOut = hex(list);
  return initiator.send(SEND_DIAGNOSTIC.encode({ PARAMETER_LIST_LENGTH: dataOut.length, ...fields }), {
    dataOut,
  });
};

async function watched(blocks: number) {
  const device = new FailingDevice({ size: blocks * 512 });
  const reads: [number, number][] = [];
  const read = device.read.bind(device);
  device.read = (into, offset) => {
    reads.push([offset, into[0]?.length ?? 0]);
    return read(into, offset);
  };
  const harness = new Harness(device);
  await harness.initiator.settle();
  return { device, harness, initiator: harness.initiator, reads };
}

test.each([{ SELFTEST: 1 }, { SELF_TEST_CODE: 5 }])(
  '%o reads the ends of the medium and flushes',
  async (fields) => {
    const { device, initiator, reads } = await watched(64);
    expect(await send(initiator, fields)).toMatchObject(Expected.GOOD);
    expect(reads).toEqual([
      [0, 512],
      [63 * 512, 512],
    ]);
    expect(device.flushes).toBe(1);
  },
);

test('the extended self-test reads the whole medium in steps, and ends when it is aborted', async () => {
  const { initiator, reads } = await watched(3 * 2048);
  expect(await send(initiator, { SELF_TEST_CODE: 6 })).toMatchObject(Expected.GOOD);
  expect(reads).toEqual([0, 1, 2].map((step) => [step * 2 ** 20, 2 ** 20]));
  const command = initiator.command(SEND_DIAGNOSTIC.encode({ SELF_TEST_CODE: 6 }));
  const running = initiator.nexus.execute(encodeLun(0), command);
  command.aborted = true;
  expect(await running).toMatchObject({ status: Status.TASK_ABORTED });
});

test('a self-test that fails is a HARDWARE ERROR', async () => {
  const { device, initiator } = await watched(64);
  device.failure = 'BLOCK_IO';
  for (const later of [false, true]) {
    device.later = later;
    const code = AdditionalSenseCode.LOGICAL_UNIT_FAILED_SELF_TEST;
    expect((await send(initiator, { SELFTEST: 1 })).sense).toMatchObject({
      senseKey: SenseKey.HARDWARE_ERROR,
      ...code,
    });
  }
});

test('a self-test into which a SANITIZE comes is told so, and a mistake of ours is loud', async () => {
  const { device, harness, initiator } = await watched(3 * 2048);
  const running = send(initiator, { SELF_TEST_CODE: 6 });
  await initiator.send(SANITIZE_BLOCK_ERASE.encode({ IMMED: 1 }));
  expect((await running).sense).toMatchObject({
    senseKey: SenseKey.NOT_READY,
    ...AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS,
  });
  while ((await send(initiator, {})).status !== 0) await new Promise(setImmediate);
  device.failure = new TypeError('a mistake of ours');
  expect((await send(initiator, { SELFTEST: 1 })).sense).toMatchObject({
    senseKey: SenseKey.HARDWARE_ERROR,
    ...AdditionalSenseCode.INTERNAL_TARGET_FAILURE,
  });
  expect(harness.internalErrors).toEqual([device.failure]);
});

test('background self-tests, lists beside a test and a stopped unit are refused', async () => {
  const { initiator } = await memoryHarness();
  for (const SELF_TEST_CODE of [1, 2, 3, 4, 7]) {
    expect(await send(initiator, { SELF_TEST_CODE })).toMatchObject(invalidCdb(1, 7));
  }
  expect(await send(initiator, { SELFTEST: 1, SELF_TEST_CODE: 5 })).toMatchObject(invalidCdb(1, 7));
  expect(await send(initiator, { SELFTEST: 1, PF: 1 }, '00000000')).toMatchObject(invalidCdb(3));
  await initiator.send(START_STOP_UNIT.encode());
  expect(await send(initiator, { SELFTEST: 1 })).toMatchObject(Expected.NOT_STARTED);
});

test('the one diagnostic page can be asked for and received', async () => {
  const { initiator } = await memoryHarness();
  expect(await send(initiator, {})).toMatchObject(Expected.GOOD);
  expect(await send(initiator, { PF: 1 }, '00 00 00 00')).toMatchObject(Expected.GOOD);
  expect(await send(initiator, {}, '00 00 00 00')).toMatchObject(invalidCdb(1, 4));
  expect(await send(initiator, { PF: 1 }, '00 00')).toMatchObject(Expected.LIST_LENGTH_ERROR);
  expect(await send(initiator, { PF: 1 }, '40 00 00 00')).toMatchObject(invalidList(0));
  expect(await send(initiator, { PF: 1 }, '00 00 00 01 00')).toMatchObject(invalidList(3));
  const receive = (fields: object) =>
    initiator.send(RECEIVE_DIAGNOSTIC_RESULTS.encode({ ALLOCATION_LENGTH: 64, ...fields }));
  expect((await receive({ PCV: 1 })).data).toEqual(hex('00 00 0001 00'));
  expect((await receive({})).data).toEqual(hex('00 00 0001 00'));
  expect(await receive({ PCV: 1, PAGE_CODE: 0x40 })).toMatchObject(invalidCdb(2));
});
