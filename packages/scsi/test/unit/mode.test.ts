import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildCachingPage,
  buildControlPage,
  buildModeParameters,
  MODE_SELECT_10,
  MODE_SELECT_6,
  MODE_SENSE_10,
  MODE_SENSE_6,
  ModePageCode,
  PageControl,
  parseCachingPage,
  parseControlPage,
  parseModeParameters,
  READ_10,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { hex, memoryHarness, type Initiator } from '../support/harness.ts';

const { CACHING, CONTROL, ALL_PAGES } = ModePageCode;

async function sense(initiator: Initiator, PAGE_CODE: number, PC = 0, SUBPAGE_CODE = 0, DBD = 0) {
  const cdb = MODE_SENSE_6.encode({ PAGE_CODE, PC, SUBPAGE_CODE, DBD, ALLOCATION_LENGTH: 255 });
  return (await initiator.send(cdb)).data;
}

function select(initiator: Initiator, list: Uint8Array, fields: object = {}) {
  const cdb = MODE_SELECT_6.encode({ PF: 1, PARAMETER_LIST_LENGTH: list.length, ...fields });
  return initiator.send(cdb, { dataOut: list });
}

const listOf = (...pages: Uint8Array[]) =>
  buildModeParameters(6, { deviceSpecific: 0, longLba: false, pages });
const control = (fields: object) => buildControlPage({ QUEUE_ALGORITHM_MODIFIER: 1, ...fields });

describe('MODE SENSE', () => {
  test('returns the Caching page with WCE, a block descriptor and DPOFUA, byte for byte (T-N1)', async () => {
    const { initiator } = await memoryHarness({ blocks: 1024 });
    const expected = hex(`1f 00 10 08 00000400 00 000200 08 12 04 00 ${'00'.repeat(16)}`);
    expect(await sense(initiator, CACHING)).toEqual(expected);
    const without = hex(`17 00 10 00 08 12 04 00 ${'00'.repeat(16)}`);
    expect(await sense(initiator, CACHING, 0, 0, 1)).toEqual(without);
  });

  test('returns all pages ascending, with their subpages when asked', async () => {
    const { initiator } = await memoryHarness();
    const codes = async (subpage: number) =>
      parseModeParameters(6, await sense(initiator, ALL_PAGES, 0, subpage)).pages.map((page) => [
        page.pageCode,
        page.subpageCode,
      ]);
    const pages = [0x01, 0x02, 0x03, 0x04, 0x07, 0x08, 0x0a, 0x10, 0x1a, 0x1c].map((page) => [page, 0]);
    expect(await codes(0)).toEqual(pages);
    expect(await codes(0xff)).toEqual([...pages.slice(0, 7), [0x0a, 1], ...pages.slice(7)]);
  });

  test('page 00h is an answer without pages (T-W5)', async () => {
    const { initiator } = await memoryHarness();
    expect(await sense(initiator, 0x00, 0, 0, 1)).toEqual(hex('03 00 10 00'));
  });

  test('page control 01b tells what can be changed, 10b the defaults', async () => {
    const { initiator } = await memoryHarness();
    const changeable = parseModeParameters(6, await sense(initiator, ALL_PAGES, PageControl.CHANGEABLE));
    const bits = changeable.pages.map((page) => Buffer.from(page.bytes.subarray(2)).toString('hex'));
    expect(bits[5]).toBe(`04${'00'.repeat(17)}`);
    expect(bits[6]).toBe(`240638${'00'.repeat(7)}`);
    await select(initiator, listOf(buildCachingPage({ WCE: 0 })));
    const pageOf = (data: Uint8Array) => parseCachingPage(parseModeParameters(6, data).pages[0]!.bytes);
    expect(pageOf(await sense(initiator, CACHING)).WCE).toBe(0);
    expect(pageOf(await sense(initiator, CACHING, PageControl.DEFAULT)).WCE).toBe(1);
  });

  test('saved values without a store and unknown pages are refused', async () => {
    const { initiator } = await memoryHarness();
    const saved = MODE_SENSE_6.encode({ PAGE_CODE: CACHING, PC: PageControl.SAVED, ALLOCATION_LENGTH: 255 });
    expect(await initiator.send(saved)).toMatchObject(Expected.SAVING_NOT_SUPPORTED);
    expect(await initiator.send(MODE_SENSE_6.encode({ PAGE_CODE: 0x19 }))).toMatchObject(invalidCdb(2, 5));
    const subpage = MODE_SENSE_6.encode({ PAGE_CODE: ALL_PAGES, SUBPAGE_CODE: 1 });
    expect(await initiator.send(subpage)).toMatchObject(invalidCdb(2, 5));
  });

  test('(10) has the long header, and the long block descriptor when asked', async () => {
    const { initiator } = await memoryHarness({ blocks: 2 ** 33 });
    const cdb = { PAGE_CODE: 0, ALLOCATION_LENGTH: 255 };
    const { data: short } = await initiator.send(MODE_SENSE_10.encode(cdb));
    expect(short).toEqual(hex('000e 00 10 00 00 0008 ffffffff 00 000200'));
    const { data: long } = await initiator.send(MODE_SENSE_10.encode({ ...cdb, LLBAA: 1 }));
    expect(long).toEqual(hex('0016 00 10 01 00 0010 0000000200000000 00000000 00000200'));
  });
});

describe('MODE SELECT', () => {
  test('D_SENSE switches autosense to descriptor format', async () => {
    const { initiator } = await memoryHarness();
    const refused = initiator.command(READ_10.encode({ RDPROTECT: 1 }));
    const lun = new Uint8Array(8);
    expect(await initiator.nexus.execute(lun, refused)).toMatchObject({ sense: { 0: 0x70 } });
    expect(await select(initiator, listOf(control({ D_SENSE: 1 })))).toMatchObject(Expected.GOOD);
    expect(await initiator.nexus.execute(lun, refused)).toMatchObject({ sense: { 0: 0x72 } });
  });

  test('SWP protects the unit, sets WP and goes away again', async () => {
    const { initiator } = await memoryHarness();
    const write = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
    expect(await select(initiator, listOf(control({ SWP: 1 })))).toMatchObject(Expected.GOOD);
    expect(await initiator.send(write)).toMatchObject(Expected.WRITE_PROTECTED);
    const parameters = parseModeParameters(6, await sense(initiator, CONTROL));
    expect(parameters.deviceSpecific).toBe(0x90);
    expect(parseControlPage(parameters.pages[0]!.bytes).SWP).toBe(1);
    expect(await select(initiator, listOf(control({})))).toMatchObject(Expected.GOOD);
    expect(await initiator.send(write, { dataOut: new Uint8Array(512) })).toMatchObject(Expected.GOOD);
  });

  test('what MODE SENSE returned is taken back, PS and WP bits included', async () => {
    const { initiator } = await memoryHarness();
    expect(await select(initiator, await sense(initiator, ALL_PAGES, 0, 0xff))).toMatchObject(Expected.GOOD);
    const cdb = MODE_SENSE_10.encode({ PAGE_CODE: ALL_PAGES, LLBAA: 1, ALLOCATION_LENGTH: 255 });
    const { data } = await initiator.send(cdb);
    const back = MODE_SELECT_10.encode({ PF: 1, PARAMETER_LIST_LENGTH: data.length });
    expect(await initiator.send(back, { dataOut: data })).toMatchObject(Expected.GOOD);
  });

  test('a change is a unit attention for every other nexus, no change is none', async () => {
    const harness = await memoryHarness();
    const other = await harness.connectReady('other');
    await select(harness.initiator, listOf(buildCachingPage({ WCE: 1 })));
    expect(await other.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
    await select(harness.initiator, listOf(buildCachingPage({ WCE: 0 })));
    expect(await harness.initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
    const told = await other.send(TEST_UNIT_READY.encode());
    expect(told).toMatchObject(attention(AdditionalSenseCode.MODE_PARAMETERS_CHANGED));
  });

  test('a field that cannot be changed is pointed at, and nothing is changed', async () => {
    const { initiator } = await memoryHarness();
    const list = listOf(buildCachingPage({ WCE: 0 }), control({ TAS: 1 }));
    expect(await select(initiator, list)).toMatchObject(invalidList(4 + 20 + 5, 6));
    const [page] = parseModeParameters(6, await sense(initiator, CACHING)).pages;
    expect(parseCachingPage(page!.bytes).WCE).toBe(1);
  });

  test('values that are reserved are pointed at: TST, QERR, UA_INTLCK_CTRL (SPC-4 7.5.8)', async () => {
    const { initiator } = await memoryHarness();
    expect(await select(initiator, listOf(control({ TST: 2 })))).toMatchObject(invalidList(4 + 2, 6));
    expect(await select(initiator, listOf(control({ QERR: 2 })))).toMatchObject(invalidList(4 + 3, 2));
    const interlock = listOf(control({ UA_INTLCK_CTRL: 1 }));
    expect(await select(initiator, interlock)).toMatchObject(invalidList(4 + 4, 5));
    const right = listOf(control({ TST: 1, QERR: 3, UA_INTLCK_CTRL: 2 }));
    expect(await select(initiator, right)).toMatchObject(Expected.GOOD);
  });

  test('unknown pages, wrong lengths, other block sizes and truncated lists are refused', async () => {
    const { initiator } = await memoryHarness({ blocks: 1024 });
    expect(await select(initiator, hex('00 00 00 00 19 02 00 00'))).toMatchObject(invalidList(4, 5));
    expect(await select(initiator, hex('00 00 00 00 08 02 00 00'))).toMatchObject(invalidList(5));
    expect(await select(initiator, hex('00 00 00 00 08 12 04'))).toMatchObject(Expected.LIST_LENGTH_ERROR);
    expect(await select(initiator, hex('00 00'))).toMatchObject(Expected.LIST_LENGTH_ERROR);
    expect(await select(initiator, hex('00 00 00 08 00000000'))).toMatchObject(Expected.LIST_LENGTH_ERROR);
    expect(await select(initiator, hex('00 00 00 08 00000000 00 001000'))).toMatchObject(invalidList(9));
    expect(await select(initiator, hex('00 00 00 08 00000010 00 000200'))).toMatchObject(invalidList(4));
    expect(await select(initiator, hex('00 00 00 08 00000400 00 000200'))).toMatchObject(Expected.GOOD);
  });

  test('SP without a store and a missing PF are refused, an empty list is not', async () => {
    const { initiator } = await memoryHarness();
    expect(await select(initiator, listOf(), { SP: 1 })).toMatchObject(invalidCdb(1, 0));
    expect(await select(initiator, listOf(), { PF: 0 })).toMatchObject(invalidCdb(1, 4));
    expect(await select(initiator, new Uint8Array(0))).toMatchObject(Expected.GOOD);
  });
});
