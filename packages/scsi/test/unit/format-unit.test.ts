import { BlockError } from '@lunbox/block';
import { expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildFormatList,
  FORMAT_UNIT,
  READ_10,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SenseKey,
  TEST_UNIT_READY,
  type FormatList,
  type FormatUnitCdb,
} from '../../src/index.ts';
import { Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness, hex, memoryHarness, pattern, type Initiator } from '../support/harness.ts';

function format(initiator: Initiator, list: Partial<FormatList>, fields: Partial<FormatUnitCdb> = {}) {
  const dataOut = buildFormatList(list, fields.LONGLIST === 1);
  return initiator.send(FORMAT_UNIT.encode({ FMTDATA: 1, ...fields }), { dataOut, announce: true });
}

const repeat = (bytes: string) => ({ secure: false, type: 1, pattern: hex(bytes) });

test.each([
  ['without a list', {}, undefined],
  ['with a short list', { FMTDATA: 1 }, {}],
  ['with a long list', { FMTDATA: 1, LONGLIST: 1, CMPLST: 1, DEFECT_LIST_FORMAT: 5 }, {}],
  [
    'with the default pattern',
    { FMTDATA: 1 },
    {
      formatOptionsValid: true,
      disableCertification: true,
      initialization: { secure: false, type: 0, pattern: new Uint8Array(0) },
    },
  ],
])('FORMAT UNIT %s leaves an empty disk', async (_name, fields, list) => {
  const { initiator, device } = await memoryHarness({ blocks: 1024 });
  await device.write([pattern(1024 * 512)], 0);
  const sent =
    list === undefined ? initiator.send(FORMAT_UNIT.encode(fields)) : format(initiator, list, fields);
  expect(await sent).toMatchObject(Expected.GOOD);
  expect(device.allocatedBytes).toBe(0);
});

test('FORMAT UNIT with a pattern leaves it in every block', async () => {
  const { initiator } = await memoryHarness({ blocks: 1024 });
  const list = { formatOptionsValid: true, disableCertification: true, initialization: repeat('0102') };
  expect(await format(initiator, list)).toMatchObject(Expected.GOOD);
  const { data } = await initiator.send(READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 1023, TRANSFER_LENGTH: 1 }));
  expect(data).toEqual(Uint8Array.from({ length: 512 }, (_, at) => (at % 2) + 1));
});

test('FORMAT UNIT with certification reads back every block that is stored', async () => {
  const device = new FailingDevice({ size: 2 ** 21 });
  const reads: number[] = [];
  const read = device.read.bind(device);
  device.read = (into, offset) => {
    reads.push(offset);
    return read(into, offset);
  };
  const { initiator } = new Harness(device);
  await initiator.settle();
  const certified = { formatOptionsValid: true };
  expect(await format(initiator, certified)).toMatchObject(Expected.GOOD);
  expect(reads).toEqual([]);
  expect(await format(initiator, { ...certified, initialization: repeat('0102') })).toMatchObject(
    Expected.GOOD,
  );
  expect(reads).toEqual([0, 2 ** 20]);
});

test('FORMAT UNIT with IMMED goes on in the background with progress', async () => {
  const { initiator, device } = await memoryHarness({ blocks: 8 * 2048 });
  const list = {
    immediate: true,
    formatOptionsValid: true,
    disableCertification: true,
    initialization: repeat('ff'),
  };
  expect(await format(initiator, list)).toMatchObject(Expected.GOOD);
  const { sense } = await initiator.send(TEST_UNIT_READY.encode());
  expect(sense).toMatchObject({
    senseKey: SenseKey.NOT_READY,
    ...AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS,
  });
  expect(sense?.progress).toBeTypeOf('number');
  while ((await initiator.send(TEST_UNIT_READY.encode())).status !== 0) await new Promise(setImmediate);
  expect(device.allocatedBytes).toBe(device.size);
});

test('after a FORMAT UNIT that failed the format is corrupted until another one succeeds', async () => {
  const { initiator, device } = await memoryHarness({ blocks: 64 });
  const unmap = device.unmap.bind(device);
  device.unmap = () => Promise.reject(new BlockError('BLOCK_IO', 'injected'));
  const code = (asc: object) => ({ sense: { senseKey: SenseKey.MEDIUM_ERROR, ...asc } });
  const { FORMAT_COMMAND_FAILED, MEDIUM_FORMAT_CORRUPTED } = AdditionalSenseCode;
  expect(await initiator.send(FORMAT_UNIT.encode())).toMatchObject(code(FORMAT_COMMAND_FAILED));
  expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(code(MEDIUM_FORMAT_CORRUPTED));
  device.unmap = unmap;
  expect(await initiator.send(FORMAT_UNIT.encode())).toMatchObject(Expected.GOOD);
  expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
  expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(Expected.GOOD);
});

test('SANITIZE EXIT FAILURE MODE does not make up for a FORMAT UNIT that failed, SANITIZE does', async () => {
  const { initiator, device } = await memoryHarness({ blocks: 64 });
  const unmap = device.unmap.bind(device);
  device.unmap = () => Promise.reject(new BlockError('BLOCK_IO', 'injected'));
  const corrupted = {
    sense: { senseKey: SenseKey.MEDIUM_ERROR, ...AdditionalSenseCode.MEDIUM_FORMAT_CORRUPTED },
  };
  const exit = SANITIZE_EXIT_FAILURE_MODE.encode();
  await initiator.send(FORMAT_UNIT.encode());
  expect(await initiator.send(exit)).toMatchObject(corrupted);
  await initiator.send(SANITIZE_BLOCK_ERASE.encode({ AUSE: 1 }));
  expect(await initiator.send(exit)).toMatchObject(corrupted);
  expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(corrupted);
  device.unmap = unmap;
  expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(Expected.GOOD);
  expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
});

test('FORMAT UNIT refuses what it does not do, and lists that are not whole', async () => {
  const { initiator, device } = await memoryHarness();
  await device.write([pattern(512)], 0);
  const cdb = (fields: Partial<FormatUnitCdb>) => initiator.send(FORMAT_UNIT.encode(fields));
  expect(await cdb({ FMTPINFO: 2 })).toMatchObject(invalidCdb(1, 7));
  expect(await cdb({ LONGLIST: 1 })).toMatchObject(invalidCdb(1, 5));
  expect(await cdb({ CMPLST: 1 })).toMatchObject(invalidCdb(1, 3));
  expect(await cdb({ DEFECT_LIST_FORMAT: 1 })).toMatchObject(invalidCdb(1, 2));
  expect(await cdb({ FMTDATA: 1, DEFECT_LIST_FORMAT: 6 })).toMatchObject(invalidCdb(1, 2));
  const valid = { formatOptionsValid: true };
  expect(await format(initiator, { protectionFieldUsage: 1 })).toMatchObject(invalidList(0, 2));
  expect(await format(initiator, { disablePrimary: true })).toMatchObject(invalidList(1, 6));
  expect(await format(initiator, { initialization: repeat('00') })).toMatchObject(invalidList(1, 3));
  expect(await format(initiator, { defectListBytes: 8 })).toMatchObject(invalidList(2));
  expect(await format(initiator, { defectListBytes: 8 }, { LONGLIST: 1 })).toMatchObject(invalidList(4));
  const initialized = (fields: object) =>
    format(initiator, { ...valid, initialization: { ...repeat('00'), ...fields } });
  expect(await initialized({ secure: true })).toMatchObject(invalidList(4, 5));
  expect(await initialized({ type: 2 })).toMatchObject(invalidList(5));
  expect(await initialized({ type: 0 })).toMatchObject(invalidList(6));
  expect(await initialized({ pattern: hex('') })).toMatchObject(invalidList(6));
  for (const dataOut of ['', '00 00', '00 88 00 00 00 01 00 02 aa']) {
    const answer = await initiator.send(FORMAT_UNIT.encode({ FMTDATA: 1 }), {
      dataOut: hex(dataOut),
      announce: true,
    });
    expect(answer).toMatchObject(Expected.LIST_LENGTH_ERROR);
  }
  expect(device.allocatedBytes).toBeGreaterThan(0);
});
