import { describe, expect, test } from 'vitest';
import {
  buildCachingPage,
  buildControlPage,
  buildModeParameters,
  encodeLun,
  LogicalUnit,
  MODE_SELECT_6,
  MODE_SENSE_10,
  MODE_SENSE_6,
  ModePageCode,
  PageControl,
  parseModePage,
  parseModeParameters,
  SenseKey,
  AdditionalSenseCode,
  UnitStateError,
  type SavedModePages,
} from '../../src/index.ts';
import { MemoryDevice } from '@lunbox/block';
import { Expected } from '../support/expected-sense.ts';
import { hex, IDENTITY, memoryHarness, type Initiator } from '../support/harness.ts';
import { readOnlyStore, TestStore } from '../support/test-store.ts';

async function pageOf(initiator: Initiator, PAGE_CODE: number, PC = 0, SUBPAGE_CODE = 0) {
  const cdb = MODE_SENSE_10.encode({ PAGE_CODE, PC, SUBPAGE_CODE, DBD: 1, ALLOCATION_LENGTH: 4096 });
  return parseModeParameters(10, (await initiator.send(cdb)).data).pages[0]!.bytes;
}

/** Sends back a page with other fields, saving it when asked. */
function select(initiator: Initiator, page: Uint8Array, SP = 0) {
  const dataOut = buildModeParameters(6, { deviceSpecific: 0, longLba: false, pages: [page] });
  return initiator.send(MODE_SELECT_6.encode({ PF: 1, SP, PARAMETER_LIST_LENGTH: dataOut.length }), {
    dataOut,
  });
}

describe('the pages', () => {
  test.each([
    ['01', '010a 0000000000 80 00000000'],
    ['02', '020e' + '00'.repeat(14)],
    ['03', '0316 0000000000000000 003f 0200 0000000000000000 0000'],
    ['04', '0416 000042 ff' + '00'.repeat(18)],
    ['07', '070a' + '00'.repeat(10)],
    ['10', '1016 02' + '00'.repeat(21)],
    ['1a', '1a26' + '00'.repeat(38)],
    ['1c', '1c0a 08' + '00'.repeat(9)],
  ])('%sh is what the standard lays out, byte for byte', async (code, expected) => {
    const { initiator } = await memoryHarness({ blocks: 66 * 255 * 63 - 100 });
    expect(await pageOf(initiator, Number.parseInt(code, 16))).toEqual(hex(expected));
  });

  test('the geometry follows the size of the disk', async () => {
    const { initiator, device } = await memoryHarness({ blocks: 255 * 63 });
    const cylinders = async () =>
      parseModePage(await pageOf(initiator, ModePageCode.RIGID_DISK_GEOMETRY))?.fields['NUMBER_OF_CYLINDERS'];
    expect(await cylinders()).toBe(1);
    device.resize(device.size + 512);
    await initiator.settle();
    expect(await cylinders()).toBe(2);
    device.resize(2 ** 48);
    await initiator.settle();
    expect(await cylinders()).toBe(0xff_ffff);
    // What MODE SENSE says of it is taken back.
    const page = await pageOf(initiator, ModePageCode.RIGID_DISK_GEOMETRY);
    expect(await select(initiator, page)).toMatchObject(Expected.GOOD);
  });

  test('parseModePage names the fields of every page, and knows no others', async () => {
    const { initiator } = await memoryHarness();
    const cdb = MODE_SENSE_10.encode({ PAGE_CODE: 0x3f, SUBPAGE_CODE: 0xff, ALLOCATION_LENGTH: 4096 });
    for (const { bytes, pageCode, subpageCode } of parseModeParameters(10, (await initiator.send(cdb)).data)
      .pages) {
      expect(parseModePage(bytes)).toMatchObject({ pageCode, subpageCode, fields: { PAGE_CODE: pageCode } });
    }
    expect(parseModePage(hex('19 00'))).toBeUndefined();
    expect(parseModePage(new Uint8Array(0))).toBeUndefined();
  });

  test('MODE SENSE (6) ends at a whole page when its length field can count no more', async () => {
    const { initiator } = await memoryHarness();
    const all = { PAGE_CODE: 0x3f, SUBPAGE_CODE: 0xff, ALLOCATION_LENGTH: 255 };
    const { data } = await initiator.send(MODE_SENSE_6.encode(all));
    const { pages, truncated } = parseModeParameters(6, data);
    expect(data[0]).toBe(data.length - 1);
    expect([truncated, pages.some((page) => page.truncated)]).toEqual([false, false]);
  });
});

/** A store in memory that can fail. */
const withoutCache = buildCachingPage({ WCE: 0 });
const withDescriptors = buildControlPage({ QUEUE_ALGORITHM_MODIFIER: 1, D_SENSE: 1 });

describe('saved values', () => {
  test('are the default ones at first, and PS says which pages have some', async () => {
    const { initiator } = await memoryHarness({ stateStore: new TestStore() });
    expect((await pageOf(initiator, ModePageCode.CACHING, PageControl.SAVED)).subarray(0, 3)).toEqual(
      hex('88 12 04'),
    );
    expect((await pageOf(initiator, ModePageCode.CONTROL))[0]).toBe(0x8a);
    expect((await pageOf(initiator, ModePageCode.XOR_CONTROL))[0]).toBe(0x10);
  });

  test('are what SP saved, outlive a reset, and come back with a new unit', async () => {
    const store = new TestStore();
    const { initiator } = await memoryHarness({ stateStore: store });
    expect(await select(initiator, withoutCache, 1)).toMatchObject(Expected.GOOD);
    expect(await select(initiator, withDescriptors)).toMatchObject(Expected.GOOD);
    expect(await pageOf(initiator, ModePageCode.CONTROL)).toMatchObject({ 2: 0x04 });
    initiator.nexus.resetUnit(encodeLun(0));
    await initiator.settle();
    expect((await pageOf(initiator, ModePageCode.CACHING))[2]).toBe(0);
    expect((await pageOf(initiator, ModePageCode.CONTROL))[2]).toBe(0);
    expect((await pageOf(initiator, ModePageCode.CACHING, PageControl.DEFAULT))[2]).toBe(4);
    const again = await memoryHarness({ stateStore: new TestStore(store.load()) });
    expect((await pageOf(again.initiator, ModePageCode.CACHING))[2]).toBe(0);
  });

  test('are the current ones after SP without a list', async () => {
    const store = new TestStore();
    const { initiator } = await memoryHarness({ stateStore: store });
    expect(await select(initiator, withoutCache)).toMatchObject(Expected.GOOD);
    const saveAll = MODE_SELECT_6.encode({ PF: 1, SP: 1 });
    store.failure = Object.assign(new Error('injected'), { code: 'BLOCK_IO' });
    expect((await initiator.send(saveAll)).sense).toMatchObject({
      senseKey: SenseKey.MEDIUM_ERROR,
      ...AdditionalSenseCode.WRITE_ERROR,
    });
    expect((await pageOf(initiator, ModePageCode.CACHING, PageControl.SAVED))[2]).toBe(4);
    store.failure = undefined;
    expect(await initiator.send(saveAll)).toMatchObject(Expected.GOOD);
    expect((await pageOf(initiator, ModePageCode.CACHING, PageControl.SAVED))[2]).toBe(0);
    expect((store.kept['modePages'] as SavedModePages)['08/00']).toBe(`0812${'00'.repeat(18)}`);
  });

  test('that cannot be saved change nothing', async () => {
    const store = new TestStore();
    const { initiator, internalErrors } = await memoryHarness({ stateStore: store });
    store.failure = Object.assign(new Error('disk full'), { code: 'BLOCK_NO_SPACE' });
    expect((await select(initiator, withoutCache, 1)).sense).toMatchObject({
      senseKey: SenseKey.DATA_PROTECT,
      ...AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
    });
    expect((await pageOf(initiator, ModePageCode.CACHING))[2]).toBe(4);
    expect((await pageOf(initiator, ModePageCode.CACHING, PageControl.SAVED))[2]).toBe(4);
    expect(internalErrors).toEqual([]);
  });

  test('that no unit can have saved are refused, and bits that cannot change are not taken', async () => {
    const device = new MemoryDevice({ size: 512 * 64 });
    const unit = (modePages: unknown) =>
      new LogicalUnit({ device, identity: IDENTITY, stateStore: new TestStore({ modePages }) });
    for (const saved of [
      { '08/00': '0812' },
      { '08/00': 8 },
      { '08/00': `0812${'zz'.repeat(18)}` },
      { 8: '' },
      [],
      8,
    ])
      expect(() => unit(saved)).toThrow(UnitStateError);
    unit({ '3e/00': 'of another version' });
    const { initiator } = await memoryHarness({
      stateStore: new TestStore({ modePages: { '08/00': `ffff${'fb'.repeat(18)}` } }),
    });
    expect(await pageOf(initiator, ModePageCode.CACHING)).toEqual(hex(`8812${'00'.repeat(18)}`));
  });

  test('are in force where nothing can be saved, and SP is refused', async () => {
    const modePages = { '08/00': `0812${'00'.repeat(18)}` };
    const { initiator } = await memoryHarness({ stateStore: readOnlyStore({ modePages }) });
    expect((await pageOf(initiator, ModePageCode.CACHING))[2]).toBe(0);
    expect(await select(initiator, withDescriptors, 1)).toMatchObject(Expected.INVALID_CDB_FIELD);
    expect(await select(initiator, withDescriptors)).toMatchObject(Expected.GOOD);
  });

  test('of two MODE SELECT at once are saved one after the other', async () => {
    const store = new TestStore();
    const { initiator } = await memoryHarness({ stateStore: store });
    await Promise.all([select(initiator, withoutCache, 1), select(initiator, withDescriptors, 1)]);
    expect((await pageOf(initiator, ModePageCode.CACHING, PageControl.SAVED))[2]).toBe(0);
    expect((await pageOf(initiator, ModePageCode.CONTROL, PageControl.SAVED))[2]).toBe(4);
  });
});
