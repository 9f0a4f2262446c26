import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  decodeLun,
  encodeLun,
  INQUIRY,
  LogicalUnit,
  parseLunList,
  parseSense,
  READ_10,
  REPORT_LUNS,
  REPORT_LUNS_WELL_KNOWN,
  REQUEST_SENSE,
  ScsiTarget,
  SenseKey,
  TEST_UNIT_READY,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { hex, Initiator, memoryHarness } from '../support/harness.ts';

describe('LUN', () => {
  test('uses peripheral addressing below 256 and flat space above', () => {
    expect(encodeLun(0)).toEqual(hex('0000 000000000000'));
    expect(encodeLun(255)).toEqual(hex('00ff 000000000000'));
    expect(encodeLun(256)).toEqual(hex('4100 000000000000'));
    expect(encodeLun(16_383)).toEqual(hex('7fff 000000000000'));
    expect(() => encodeLun(16_384)).toThrow(RangeError);
    expect(() => encodeLun(-1)).toThrow(RangeError);
  });

  test('is read in both methods, and nothing else is a LUN here', () => {
    expect(decodeLun(hex('0005 000000000000'))).toBe(5);
    expect(decodeLun(hex('4005 000000000000'))).toBe(5);
    expect(decodeLun(hex('4105 000000000000'))).toBe(261);
    expect(decodeLun(hex('c101 000000000000'))).toBe(REPORT_LUNS_WELL_KNOWN);
    for (const other of [
      '0105 000000000000',
      '0005 000000000001',
      '8005 000000000000',
      'd200 000000000000',
    ]) {
      expect(decodeLun(hex(other))).toBeUndefined();
    }
  });
});

describe('a LUN without a unit', () => {
  test('refuses commands with LOGICAL UNIT NOT SUPPORTED', async () => {
    const { initiator } = await memoryHarness();
    expect(await initiator.send(TEST_UNIT_READY.encode(), { lun: 1 })).toMatchObject(
      Expected.LUN_NOT_SUPPORTED,
    );
    expect(await initiator.send(READ_10.encode(), { lun: 300 })).toMatchObject(Expected.LUN_NOT_SUPPORTED);
    expect(await initiator.send(REPORT_LUNS.encode(), { lun: 1 })).toMatchObject(Expected.LUN_NOT_SUPPORTED);
    expect(initiator.nexus.hasUnit(encodeLun(1))).toBe(false);
    expect(initiator.nexus.resetUnit(encodeLun(1))).toBe(false);
  });

  test('says so in REQUEST SENSE data, with GOOD', async () => {
    const { initiator } = await memoryHarness();
    const answer = await initiator.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 252 }), { lun: 1 });
    expect(answer).toMatchObject(Expected.GOOD);
    expect(parseSense(answer.data)).toEqual({ senseKey: SenseKey.ILLEGAL_REQUEST, asc: 0x25, ascq: 0 });
  });

  test('has no VPD pages', async () => {
    const { initiator } = await memoryHarness();
    const cdb = INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0x83, ALLOCATION_LENGTH: 255 });
    expect(await initiator.send(cdb, { lun: 1 })).toMatchObject(invalidCdb(1, 0));
  });
});

describe('REPORT LUNS', () => {
  async function report(initiator: Initiator, SELECT_REPORT: number, ALLOCATION_LENGTH = 1024) {
    return initiator.send(REPORT_LUNS.encode({ SELECT_REPORT, ALLOCATION_LENGTH }));
  }

  test('lists LUNs ascending, with a list length in bytes (T-V6)', async () => {
    const { target, initiator, device } = await memoryHarness();
    for (const lun of [300, 7])
      target.addUnit(lun, new LogicalUnit({ device, identity: new Uint8Array(16) }));
    const list = '00000018 00000000 0000000000000000 0007000000000000 412c000000000000';
    expect((await report(initiator, 0)).data).toEqual(hex(list));
    expect((await report(initiator, 2)).data).toEqual(hex(list));
    expect((await report(initiator, 2, 16)).data).toEqual(hex(list).subarray(0, 16));
    expect(parseLunList(hex(list)).map(decodeLun)).toEqual([0, 7, 300]);
  });

  test('lists no well-known units and refuses other selections', async () => {
    const { initiator } = await memoryHarness();
    expect((await report(initiator, 1)).data).toEqual(hex('00000000 00000000'));
    expect(await report(initiator, 0x10)).toMatchObject(invalidCdb(2));
  });

  test('works on LUN 0 and on the well-known unit also when there is no LUN 0', async () => {
    const target = new ScsiTarget();
    const device = new MemoryDevice({ size: 512 });
    target.addUnit(5, new LogicalUnit({ device, identity: new Uint8Array(16) }));
    const initiator = new Initiator(target, 'initiator');
    const command = initiator.command(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 16 }));
    for (const lun of [encodeLun(0), hex('c101 000000000000')]) {
      const execution = await initiator.nexus.execute(lun, command);
      expect(execution).toMatchObject({ status: 0, data: hex('00000008 00000000 0005000000000000') });
    }
  });

  test('a LUN is given once, from 0 to 16 383', async () => {
    const { target, unit } = await memoryHarness();
    expect(() => target.addUnit(0, unit)).toThrow(RangeError);
    expect(() => target.addUnit(16_384, unit)).toThrow(RangeError);
    expect(target.removeUnit(3)).toBe(false);
    expect([...target.units.keys()]).toEqual([0]);
  });
});

test('a closed nexus answers nothing but TASK ABORTED, and closing twice is closing once', async () => {
  const { initiator } = await memoryHarness();
  initiator.nexus.close();
  initiator.nexus.close();
  expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject({ status: 0x40 });
});
