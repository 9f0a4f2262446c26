import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  InformationType,
  LogicalUnit,
  parseIdentifyingInformation,
  parseIdentifyingTypes,
  REPORT_IDENTIFYING_INFORMATION as REPORT,
  SenseKey,
  SET_IDENTIFYING_INFORMATION as SET,
  TEST_UNIT_READY,
  UnitStateError,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { hex, IDENTITY, memoryHarness, pattern, type Initiator } from '../support/harness.ts';
import { readOnlyStore, TestStore } from '../support/test-store.ts';

const { PERIPHERAL_DEVICE, PERIPHERAL_DEVICE_TEXT, SUPPORTED } = InformationType;

const set = (initiator: Initiator, type: number, dataOut: Uint8Array) =>
  initiator.send(SET.encode({ INFORMATION_TYPE: type, PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
const report = (initiator: Initiator, type: number, ALLOCATION_LENGTH = 1024) =>
  initiator.send(REPORT.encode({ INFORMATION_TYPE: type, ALLOCATION_LENGTH }));
const reported = async (initiator: Initiator, type: number) => (await report(initiator, type)).data;

describe('a unit that keeps its state', () => {
  test('has two types with their lengths, byte for byte', async () => {
    const { initiator } = await memoryHarness({ stateStore: new TestStore() });
    const data = await reported(initiator, SUPPORTED);
    expect(data).toEqual(hex('0000 0008 00000200 04000100'));
    expect(parseIdentifyingTypes(data)).toEqual([
      { informationType: PERIPHERAL_DEVICE, maxBytes: 512 },
      { informationType: PERIPHERAL_DEVICE_TEXT, maxBytes: 256 },
    ]);
    expect(parseIdentifyingTypes(data.subarray(0, 11))).toHaveLength(1);
    expect(REPORT.encode({ INFORMATION_TYPE: SUPPORTED, ALLOCATION_LENGTH: 0x01020304 })).toEqual(
      hex('a305 00000000 01020304 fe 00'),
    );
    expect(SET.encode({ INFORMATION_TYPE: PERIPHERAL_DEVICE_TEXT, PARAMETER_LIST_LENGTH: 9 })).toEqual(
      hex('a406 00000000 00000009 04 00'),
    );
  });

  test('reports what was set, each type for itself, whatever the allocation length in full length', async () => {
    const { initiator } = await memoryHarness({ stateStore: new TestStore() });
    expect(await reported(initiator, PERIPHERAL_DEVICE)).toEqual(hex('00000000'));
    expect(await set(initiator, PERIPHERAL_DEVICE, pattern(512))).toMatchObject(Expected.GOOD);
    const text = hex('7661756c7420c3a400');
    expect(await set(initiator, PERIPHERAL_DEVICE_TEXT, text)).toMatchObject(Expected.GOOD);
    expect(parseIdentifyingInformation(await reported(initiator, PERIPHERAL_DEVICE))).toEqual(pattern(512));
    expect(await reported(initiator, PERIPHERAL_DEVICE_TEXT)).toEqual(hex('00000009 7661756c7420c3a400'));
    expect((await report(initiator, PERIPHERAL_DEVICE_TEXT, 6)).data).toEqual(hex('00000009 7661'));
  });

  test('tells the others of a change, and clears what is set to nothing', async () => {
    const harness = await memoryHarness({ stateStore: new TestStore() });
    const other = await harness.connectReady('other');
    const { initiator } = harness;
    expect(await set(initiator, PERIPHERAL_DEVICE, pattern(8))).toMatchObject(Expected.GOOD);
    const told = await other.send(TEST_UNIT_READY.encode());
    expect(told).toMatchObject(attention(AdditionalSenseCode.DEVICE_IDENTIFIER_CHANGED));
    expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
    expect(await initiator.send(SET.encode())).toMatchObject(Expected.GOOD);
    expect(await reported(initiator, PERIPHERAL_DEVICE)).toEqual(hex('00000000'));
  });

  test('has what was set again after a loss of power, and only what was saved', async () => {
    const store = new TestStore();
    const { initiator } = await memoryHarness({ stateStore: store });
    await set(initiator, PERIPHERAL_DEVICE, pattern(64));
    await set(initiator, PERIPHERAL_DEVICE_TEXT, hex('6100'));
    store.failure = Object.assign(new Error('full'), { code: 'BLOCK_NO_SPACE' });
    expect((await set(initiator, PERIPHERAL_DEVICE, pattern(9))).sense).toMatchObject({
      senseKey: SenseKey.DATA_PROTECT,
      ...AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
    });
    const again = await memoryHarness({ stateStore: new TestStore(store.load()) });
    for (const unit of [initiator, again.initiator]) {
      expect(parseIdentifyingInformation(await reported(unit, PERIPHERAL_DEVICE))).toEqual(pattern(64));
      expect(await reported(unit, PERIPHERAL_DEVICE_TEXT)).toEqual(hex('00000002 6100'));
    }
    expect(store.kept).toEqual({
      identifyingInformation: { '00': Buffer.from(pattern(64)).toString('hex'), '02': '6100' },
    });
  });

  test.each<[string, string, number]>([
    ['no null', '6162', 1],
    ['something after the null', '6100006200', 3],
    ['bytes that are no UTF-8', 'c300', 0],
  ])('refuses a text with %s', async (_what, text, byteOffset) => {
    const { initiator } = await memoryHarness({ stateStore: new TestStore() });
    expect(await set(initiator, PERIPHERAL_DEVICE_TEXT, hex(text))).toMatchObject(invalidList(byteOffset));
    expect(await reported(initiator, PERIPHERAL_DEVICE_TEXT)).toEqual(hex('00000000'));
  });

  test.each([
    [PERIPHERAL_DEVICE, 513],
    [PERIPHERAL_DEVICE_TEXT, 257],
    [PERIPHERAL_DEVICE, 2 ** 32 - 1],
  ])('refuses a list of type %i that is longer than it may be', async (type, length) => {
    const { initiator } = await memoryHarness({ stateStore: new TestStore() });
    const cdb = SET.encode({ INFORMATION_TYPE: type, PARAMETER_LIST_LENGTH: length });
    expect(await initiator.send(cdb)).toMatchObject(invalidCdb(6));
  });

  test.each([1, 3, 4, 0x7e])('has no type %i', async (type) => {
    const { initiator } = await memoryHarness({ stateStore: new TestStore() });
    expect(await report(initiator, type)).toMatchObject(invalidCdb(10, 7));
    expect(await set(initiator, type, pattern(4))).toMatchObject(invalidCdb(10, 7));
    expect(await set(initiator, SUPPORTED, pattern(4))).toMatchObject(invalidCdb(10, 7));
  });

  test.each<[string, unknown]>([
    ['a list', []],
    ['another type', { '04': '00' }],
    ['no text', { '00': 7 }],
    ['no bytes', { '00': 'abc' }],
    ['too many bytes', { '02': '00'.repeat(257) }],
  ])('does not take %s from its store', (_what, identifyingInformation) => {
    const device = new MemoryDevice({ size: 4096 });
    const stateStore = new TestStore({ identifyingInformation });
    expect(() => new LogicalUnit({ device, identity: IDENTITY, stateStore })).toThrow(UnitStateError);
  });
});

test('a unit that can only load its state reports it, and sets nothing', async () => {
  const stateStore = readOnlyStore({ identifyingInformation: { '00': 'aabb' } });
  const { initiator } = await memoryHarness({ stateStore });
  expect(await reported(initiator, PERIPHERAL_DEVICE)).toEqual(hex('00000002 aabb'));
  expect(await set(initiator, PERIPHERAL_DEVICE, pattern(2))).toMatchObject(Expected.WRITE_PROTECTED);
});

test('a unit without a store has no types', async () => {
  const { initiator } = await memoryHarness();
  expect(await reported(initiator, SUPPORTED)).toEqual(hex('00000000'));
  expect(await report(initiator, PERIPHERAL_DEVICE)).toMatchObject(invalidCdb(10, 7));
});
