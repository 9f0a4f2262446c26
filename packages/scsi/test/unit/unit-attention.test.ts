import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  INQUIRY,
  LogicalUnit,
  parseSense,
  READ_CAPACITY_10,
  REPORT_LUNS,
  REQUEST_SENSE,
  SenseKey,
  TEST_UNIT_READY,
} from '../../src/index.ts';
import { UnitAttentions } from '../../src/unit/unit-attentions.ts';
import { attention, Expected } from '../support/expected-sense.ts';
import { memoryHarness } from '../support/harness.ts';

const POWER_ON = attention(AdditionalSenseCode.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED);
const LU_RESET = attention(AdditionalSenseCode.BUS_DEVICE_RESET_FUNCTION_OCCURRED);
const CAPACITY = attention(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED);
const LUNS = attention(AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED);
const tur = TEST_UNIT_READY.encode();

test('the first command of a nexus hears of the power on, the next does not', async () => {
  const harness = await memoryHarness();
  const fresh = harness.connect('fresh');
  expect(await fresh.send(tur)).toMatchObject(POWER_ON);
  expect(await fresh.send(tur)).toMatchObject(Expected.GOOD);
});

test('an unsupported command hears of a unit attention, too', async () => {
  const harness = await memoryHarness();
  const fresh = harness.connect('fresh');
  expect(await fresh.send(Uint8Array.of(0xff))).toMatchObject(POWER_ON);
  expect(await fresh.send(Uint8Array.of(0xff))).toMatchObject(Expected.INVALID_OPCODE);
});

test('INQUIRY and REPORT LUNS run and leave the attention pending', async () => {
  const harness = await memoryHarness();
  const fresh = harness.connect('fresh');
  expect(await fresh.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }))).toMatchObject(Expected.GOOD);
  expect(await fresh.send(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 16 }))).toMatchObject(Expected.GOOD);
  expect(await fresh.send(tur)).toMatchObject(POWER_ON);
});

test('REQUEST SENSE returns the attention as data and ends it', async () => {
  const harness = await memoryHarness();
  const fresh = await harness.connectReady('fresh');
  for (const [DESC, responseCode] of [
    [0, 0x70],
    [1, 0x72],
  ] as const) {
    fresh.nexus.resetUnit(new Uint8Array(8));
    const { data } = await fresh.send(REQUEST_SENSE.encode({ DESC, ALLOCATION_LENGTH: 252 }));
    expect(data[0]).toBe(responseCode);
    expect(parseSense(data)).toMatchObject({ senseKey: SenseKey.UNIT_ATTENTION, asc: 0x29, ascq: 0x03 });
    expect(await fresh.send(tur)).toMatchObject(Expected.GOOD);
  }
  const { data } = await fresh.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 252 }));
  expect(parseSense(data)).toEqual({ senseKey: 0, asc: 0, ascq: 0 });
});

test('a logical unit reset is told to every nexus, the one that asked for it included', async () => {
  const harness = await memoryHarness();
  const other = await harness.connectReady('other');
  expect(harness.initiator.nexus.resetUnit(new Uint8Array(8))).toBe(true);
  for (const initiator of [harness.initiator, other]) {
    expect(initiator.abortedLuns).toEqual([0]);
    expect(await initiator.send(tur)).toMatchObject(LU_RESET);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  }
});

test('a reset replaces what was pending; other conditions are told once each, oldest first', async () => {
  const harness = await memoryHarness({ blocks: 1024 });
  const { initiator, device } = harness;
  device.resize(2048 * 512);
  device.resize(4096 * 512);
  harness.target.addUnit(1, new LogicalUnit({ device, identity: new Uint8Array(16) }));
  expect(await initiator.send(tur)).toMatchObject(CAPACITY);
  expect(await initiator.send(tur)).toMatchObject(LUNS);
  expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  device.resize(1024 * 512);
  initiator.nexus.resetTarget();
  expect(await initiator.send(tur)).toMatchObject(LU_RESET);
  expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
});

test('a resize is told to every nexus and seen by READ CAPACITY (T-N4)', async () => {
  const harness = await memoryHarness({ blocks: 1024 });
  harness.device.resize(2048 * 512);
  expect(await harness.initiator.send(tur)).toMatchObject(CAPACITY);
  const { data } = await harness.initiator.send(READ_CAPACITY_10.encode());
  expect(data.subarray(0, 4)).toEqual(Uint8Array.of(0, 0, 0x07, 0xff));
});

test('REPORT LUNS ends REPORTED LUNS DATA HAS CHANGED in every unit (LUICLR)', async () => {
  const harness = await memoryHarness();
  const device = new MemoryDevice({ size: 512 });
  harness.target.addUnit(1, new LogicalUnit({ device, identity: new Uint8Array(16) }));
  await harness.initiator.settle(1);
  expect(harness.target.removeUnit(1)).toBe(true);
  expect(harness.initiator.abortedLuns).toEqual([1]);
  await harness.initiator.send(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 16 }));
  expect(await harness.initiator.send(tur)).toMatchObject(Expected.GOOD);
});

test('a closed unit hears no more of its device', async () => {
  const harness = await memoryHarness({ blocks: 1024 });
  harness.unit.close();
  harness.device.resize(2048 * 512);
  expect(await harness.initiator.send(tur)).toMatchObject(Expected.GOOD);
});

test('a new capacity and new LUNs are announced at once, to each nexus once', async () => {
  const harness = await memoryHarness({ blocks: 1024 });
  harness.device.resize(2048 * 512);
  const device = new MemoryDevice({ size: 512 });
  harness.target.addUnit(1, new LogicalUnit({ device, identity: new Uint8Array(16) }));
  harness.target.removeUnit(1);
  const { changes } = harness.initiator;
  expect(changes.map(({ lun, sense }) => [lun, sense?.senseKey, sense?.asc, sense?.ascq])).toEqual([
    [0, 6, 0x2a, 0x09],
    [0, 6, 0x3f, 0x0e],
    [0, 6, 0x3f, 0x0e],
  ]);
});

describe('the precedence of unit attentions (SAM-5 5.14)', () => {
  test('a power on that nobody has told of yet stays, whatever reset comes after it', async () => {
    const harness = await memoryHarness({ blocks: 1024 });
    const fresh = harness.connect('fresh');
    harness.device.resize(2048 * 512);
    harness.initiator.nexus.resetUnit(new Uint8Array(8));
    expect(fresh.nexus.pendingAttention(new Uint8Array(8))).toMatchObject({ asc: 0x29, ascq: 0, count: 1 });
    expect(await fresh.send(tur)).toMatchObject(POWER_ON);
    expect(await fresh.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('a stronger reset takes the place of a weaker one, not the other way round', () => {
    const { POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED: powerOn } = AdditionalSenseCode;
    const { SCSI_BUS_RESET_OCCURRED: hardReset, BUS_DEVICE_RESET_FUNCTION_OCCURRED: unitReset } =
      AdditionalSenseCode;
    const { I_T_NEXUS_LOSS_OCCURRED: nexusLoss, CAPACITY_DATA_HAS_CHANGED: capacity } = AdditionalSenseCode;
    const order = [powerOn, hardReset, unitReset, nexusLoss];
    for (const [at, first] of order.entries())
      for (const [after, second] of order.entries()) {
        const attentions = new UnitAttentions();
        attentions.raise(capacity);
        attentions.raise(first);
        attentions.raise(second);
        attentions.raise(capacity);
        expect(attentions.take(false)?.sense).toMatchObject(order[Math.min(at, after)]!);
        expect(attentions.take(false)?.sense).toMatchObject(capacity);
        expect(attentions.count).toBe(0);
      }
  });
});

test('a unit that is renamed tells every nexus, and nobody when nothing has changed', async () => {
  const harness = await memoryHarness();
  const [one, other] = [await harness.connectReady('one'), await harness.connectReady('other')];
  const { vendor } = harness.unit;
  harness.unit.rename({ product: 'SOMETHING ELSE', revision: '2' });
  for (const nexus of [one, other]) {
    expect(await nexus.send(tur)).toMatchObject(attention(AdditionalSenseCode.INQUIRY_DATA_HAS_CHANGED));
    expect(await nexus.send(tur)).toMatchObject(Expected.GOOD);
  }
  const { data } = await one.send(INQUIRY.encode({ ALLOCATION_LENGTH: 36 }));
  expect(Buffer.from(data).toString('latin1', 8, 36)).toBe(`${vendor.padEnd(8)}SOMETHING ELSE  2   `);
  harness.unit.rename({ product: 'SOMETHING ELSE' });
  expect(() => harness.unit.rename({ revision: '12345' })).toThrow(RangeError);
  expect(harness.unit.revision).toBe('2');
  expect(await one.send(tur)).toMatchObject(Expected.GOOD);
});
