import { SimulatedClock } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  COMPARE_AND_WRITE,
  AdditionalSenseCode,
  buildLogPage,
  buildLogParameters,
  encodeLun,
  INQUIRY,
  LOG_SELECT,
  LOG_SENSE,
  LogPageCode,
  LogSubpageCode,
  parseLogicalBlockProvisioning,
  parseLogPage,
  parseLogParameters,
  parseVpdPage,
  READ_10,
  READ_6,
  resourceCountParameter,
  ResourceScope,
  statisticsParameter,
  TEST_UNIT_READY,
  VpdPage,
  WRITE_10,
  type LogSenseCdb,
  type LogSelectCdb,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness, hex, memoryHarness, pattern, type Initiator } from '../support/harness.ts';

const STATISTICS = LogPageCode.GENERAL_STATISTICS_AND_PERFORMANCE;
const space = () => ({ usedBytes: 3 * 2 ** 20 + 1, availableBytes: 8 * 2 ** 20 - 1 });

const sense = (initiator: Initiator, fields: Partial<LogSenseCdb>) =>
  initiator.send(LOG_SENSE.encode({ PC: 1, ALLOCATION_LENGTH: 4096, ...fields }));
const select = (
  initiator: Initiator,
  fields: Partial<LogSelectCdb>,
  dataOut: Uint8Array = new Uint8Array(0),
) => initiator.send(LOG_SELECT.encode({ PARAMETER_LIST_LENGTH: dataOut.length, ...fields }), { dataOut });

async function parameters(initiator: Initiator, PAGE_CODE: number, SUBPAGE_CODE = 0) {
  const { data } = await sense(initiator, { PAGE_CODE, SUBPAGE_CODE });
  const page = parseLogPage(data);
  expect(page).toMatchObject({ pageCode: PAGE_CODE, subpageCode: SUBPAGE_CODE, truncated: false });
  return parseLogParameters(page.body);
}

async function counts(initiator: Initiator) {
  return statisticsParameter.decode((await parameters(initiator, STATISTICS))[0]!.value);
}

describe('LOG SENSE', () => {
  test('lists its pages, and with subpage FFh the subpages', async () => {
    const { initiator } = await memoryHarness({ space });
    expect((await sense(initiator, {})).data).toEqual(hex('8000 0006 00 0c 0d 15 19 2f'));
    expect((await sense(initiator, { SUBPAGE_CODE: 0xff })).data).toEqual(
      hex('c0ff 001a 0000 00ff 0c00 0cff 0d00 0dff 1500 1501 15ff 1900 19ff 2f00 2fff'),
    );
    expect((await sense(initiator, { PAGE_CODE: 0x15, SUBPAGE_CODE: 0xff })).data).toEqual(
      hex('d5ff 0006 1500 1501 15ff'),
    );
  });

  test('every page that is listed is there, with parameters by ascending code', async () => {
    const { initiator } = await memoryHarness({ space });
    const { body } = parseLogPage((await sense(initiator, { SUBPAGE_CODE: 0xff })).data);
    for (let at = 0; at < body.length; at += 2) {
      if (body[at] === 0 || body[at + 1] === 0xff) continue;
      const codes = (await parameters(initiator, body[at]!, body[at + 1])).map(({ code }) => code);
      expect(codes.length).toBeGreaterThan(0);
      expect(codes).toEqual([...codes].sort((a, b) => a - b));
    }
  });

  test('page 0Dh knows no temperature, 2Fh no exception, 15h no defect, byte for byte', async () => {
    const { initiator } = await memoryHarness();
    expect((await sense(initiator, { PAGE_CODE: 0x0d })).data).toEqual(hex('8d00 0006 0000 03 02 00 ff'));
    expect((await sense(initiator, { PAGE_CODE: 0x2f })).data).toEqual(
      hex('af00 0008 0000 03 04 0000 ff 00'),
    );
    expect((await sense(initiator, { PAGE_CODE: 0x15, SUBPAGE_CODE: 1 })).data).toEqual(
      hex('d501 0008 0000 03 04 00000000'),
    );
  });

  test('page 15h counts the minutes of power on', async () => {
    const clock = new SimulatedClock();
    const { initiator } = await memoryHarness({ clock });
    clock.advance(150_000);
    const [status] = await parameters(initiator, LogPageCode.BACKGROUND_SCAN);
    expect(status?.value).toEqual(hex('00000002 00 00 0000 0000 0000'));
  });

  test('page 19h counts commands, blocks and the time that they took', async () => {
    const clock = new SimulatedClock();
    const { initiator, unit } = await memoryHarness({ clock });
    const dataOut = pattern(4 * 512);
    await initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 4 }), { dataOut });
    await initiator.send(READ_10.encode({ TRANSFER_LENGTH: 3 }));
    await initiator.send(READ_6.encode({ TRANSFER_LENGTH: 1 }));
    const swap = COMPARE_AND_WRITE.encode({ LOGICAL_BLOCK_ADDRESS: 9, NUMBER_OF_LOGICAL_BLOCKS: 1 });
    await initiator.send(swap, { dataOut: new Uint8Array(1024) });
    const cdb = initiator.command(READ_10.encode({ TRANSFER_LENGTH: 1 }));
    const slow = await initiator.nexus.execute(encodeLun(0), cdb);
    clock.advance(7);
    if (slow.kind === 'data-in') slow.end?.();
    expect(await counts(initiator)).toMatchObject({
      NUMBER_OF_READ_COMMANDS: 3,
      NUMBER_OF_WRITE_COMMANDS: 2,
      NUMBER_OF_LOGICAL_BLOCKS_RECEIVED: 5,
      NUMBER_OF_LOGICAL_BLOCKS_TRANSMITTED: 5,
      READ_COMMAND_PROCESSING_INTERVALS: 7000,
      WRITE_COMMAND_PROCESSING_INTERVALS: 0,
    });
    clock.advance(2);
    const idle = { code: 2, value: hex('00000000000007d0') };
    expect((await parameters(initiator, STATISTICS)).slice(1)).toEqual([
      idle,
      {
        code: 3,
        value: hex('00000006 00000001'),
      },
    ]);
    expect(unit.tasks.activeCount).toBe(0);
  });

  test('page 19h does not wait for ever for a READ whose flush failed', async () => {
    const clock = new SimulatedClock();
    const device = new FailingDevice({ size: 64 * 512 });
    const { initiator } = new Harness(device, { clock });
    await initiator.settle();
    device.failure = 'BLOCK_IO';
    await initiator.send(READ_10.encode({ FUA: 1, TRANSFER_LENGTH: 1 }));
    clock.advance(1000);
    expect((await counts(initiator)).READ_COMMAND_PROCESSING_INTERVALS).toBe(0);
  });

  test('page 0Ch tells space in threshold sets, and is there only where it is known', async () => {
    const { initiator } = await memoryHarness({ space });
    const found = await parameters(initiator, LogPageCode.LOGICAL_BLOCK_PROVISIONING);
    expect(found.map(({ code, value }) => [code, resourceCountParameter.decode(value)])).toEqual([
      [1, { RESOURCE_COUNT: 7, SCOPE: ResourceScope.SHARED }],
      [2, { RESOURCE_COUNT: 4, SCOPE: ResourceScope.LOGICAL_UNIT }],
    ]);
    const exponent = async (from: Initiator) => {
      const cdb = INQUIRY.encode({
        EVPD: 1,
        PAGE_CODE: VpdPage.LOGICAL_BLOCK_PROVISIONING,
        ALLOCATION_LENGTH: 64,
      });
      return parseLogicalBlockProvisioning(parseVpdPage((await from.send(cdb)).data).body).THRESHOLD_EXPONENT;
    };
    expect(await exponent(initiator)).toBe(11);
    const { initiator: without } = await memoryHarness();
    expect(await sense(without, { PAGE_CODE: 0x0c })).toMatchObject(invalidCdb(2, 5));
    expect(await exponent(without)).toBe(0);
  });

  test('PARAMETER POINTER leaves out what comes before, and must not lie behind the last', async () => {
    const { initiator } = await memoryHarness();
    const { data } = await sense(initiator, { PAGE_CODE: STATISTICS, PARAMETER_POINTER: 3 });
    expect(parseLogParameters(parseLogPage(data).body).map(({ code }) => code)).toEqual([3]);
    for (const page of [{ PAGE_CODE: STATISTICS, PARAMETER_POINTER: 4 }, { PARAMETER_POINTER: 1 }]) {
      expect(await sense(initiator, page)).toMatchObject(invalidCdb(5));
    }
  });

  test('PPC, SP and unknown pages are refused; the answer is cut to the allocation length', async () => {
    const { initiator } = await memoryHarness();
    expect(await sense(initiator, { PPC: 1 })).toMatchObject(invalidCdb(1, 1));
    expect(await sense(initiator, { SP: 1 })).toMatchObject(invalidCdb(1, 0));
    expect(await sense(initiator, { PAGE_CODE: 0x31 })).toMatchObject(invalidCdb(2, 5));
    expect(await sense(initiator, { PAGE_CODE: STATISTICS, SUBPAGE_CODE: 1 })).toMatchObject(
      invalidCdb(2, 5),
    );
    expect((await sense(initiator, { ALLOCATION_LENGTH: 3 })).data).toHaveLength(3);
  });
});

describe('LOG SELECT', () => {
  test.each([
    { PCR: 1 },
    { PCR: 1, PAGE_CODE: STATISTICS },
    { PCR: 1, PAGE_CODE: STATISTICS, SUBPAGE_CODE: LogSubpageCode.SUPPORTED_SUBPAGES },
    { PCR: 1, SUBPAGE_CODE: LogSubpageCode.SUPPORTED_SUBPAGES },
    { PC: 3 },
  ])('%o sets the counters to zero and tells the others', async (fields) => {
    const harness = await memoryHarness();
    const other = await harness.connectReady('other');
    await other.send(READ_10.encode({ TRANSFER_LENGTH: 1 }));
    expect(await select(harness.initiator, fields)).toMatchObject(Expected.GOOD);
    expect(await counts(harness.initiator)).toMatchObject({
      NUMBER_OF_READ_COMMANDS: 0,
      NUMBER_OF_LOGICAL_BLOCKS_TRANSMITTED: 0,
      READ_COMMAND_PROCESSING_INTERVALS: 0,
    });
    const told = await other.send(TEST_UNIT_READY.encode());
    expect(told).toMatchObject(attention(AdditionalSenseCode.LOG_PARAMETERS_CHANGED));
  });

  test.each([
    {},
    { PCR: 1, PAGE_CODE: LogPageCode.TEMPERATURE },
    { PCR: 1, PAGE_CODE: LogPageCode.BACKGROUND_SCAN, SUBPAGE_CODE: LogSubpageCode.SUPPORTED_SUBPAGES },
    { PC: 2 },
  ])('%o changes nothing and tells nobody', async (fields) => {
    const harness = await memoryHarness();
    const other = await harness.connectReady('other');
    await other.send(READ_10.encode({ TRANSFER_LENGTH: 1 }));
    expect(await select(harness.initiator, fields)).toMatchObject(Expected.GOOD);
    expect(await counts(harness.initiator)).toMatchObject({ NUMBER_OF_READ_COMMANDS: 1 });
    expect(await other.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
  });

  test('takes a list without parameters, and points at the first parameter of another', async () => {
    const { initiator } = await memoryHarness();
    const empty = buildLogPage(STATISTICS, 0, new Uint8Array(0));
    expect(await select(initiator, {}, empty)).toMatchObject(Expected.GOOD);
    const body = buildLogParameters([{ code: 1, value: new Uint8Array(64) }]);
    const list = Buffer.concat([empty, buildLogPage(STATISTICS, 0, body)]);
    expect(await select(initiator, {}, list)).toMatchObject(invalidList(8));
  });

  test('refuses lists cut short, pages that cannot be set, and a list with PCR or a page of its own', async () => {
    const { initiator } = await memoryHarness();
    expect(await select(initiator, {}, hex('19 00'))).toMatchObject(Expected.LIST_LENGTH_ERROR);
    expect(await select(initiator, {}, hex('19 00 00 04'))).toMatchObject(Expected.LIST_LENGTH_ERROR);
    for (const page of ['00 00 00 00', '31 00 00 00', '59 ff 00 00']) {
      expect(await select(initiator, {}, hex(page))).toMatchObject(invalidList(0, 5));
    }
    const list = hex('19 00 00 00');
    expect(await select(initiator, { PCR: 1 }, list)).toMatchObject(invalidCdb(1, 1));
    expect(await select(initiator, { PAGE_CODE: STATISTICS }, list)).toMatchObject(invalidCdb(2, 5));
    expect(await select(initiator, { SP: 1 })).toMatchObject(invalidCdb(1, 0));
    expect(await select(initiator, { PAGE_CODE: 0x31 })).toMatchObject(invalidCdb(2, 5));
    expect(await select(initiator, { SUBPAGE_CODE: LogSubpageCode.PENDING_DEFECTS })).toMatchObject(
      invalidCdb(2, 5),
    );
  });
});
