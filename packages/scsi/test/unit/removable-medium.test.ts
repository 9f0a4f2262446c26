import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildReserveOutList,
  CDB_DEFINITIONS,
  INQUIRY,
  MODE_SENSE_10,
  parseReadCapacity10,
  parseSense,
  parseStandardInquiry,
  PR_OUT_PREEMPT_AND_ABORT,
  PR_OUT_REGISTER,
  PR_OUT_RESERVE,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  READ_10,
  READ_CAPACITY_10,
  REPORT_LUNS,
  REQUEST_SENSE,
  ReservationType,
  START_STOP_UNIT,
  SYNCHRONIZE_CACHE_10,
  supportedCommands,
  TEST_UNIT_READY,
  WRITE_10,
  type SupportedCommand,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import { Harness, Initiator, memoryHarness, pattern, sameBytes } from '../support/harness.ts';
import { key } from '../support/registrant.ts';

const EJECT = START_STOP_UNIT.encode({ LOEJ: 1 });
const LOAD = START_STOP_UNIT.encode({ LOEJ: 1, START: 1 });
const START = START_STOP_UNIT.encode({ START: 1 });
const PREVENT = PREVENT_ALLOW_MEDIUM_REMOVAL.encode({ PREVENT: 1 });
const ALLOW = PREVENT_ALLOW_MEDIUM_REMOVAL.encode();
const tur = TEST_UNIT_READY.encode();
const lun0 = new Uint8Array(8);
const MEDIUM_MAY_HAVE_CHANGED = attention(AdditionalSenseCode.NOT_READY_TO_READY_CHANGE);

const removable = () => memoryHarness({ kind: 'removable-disk' });

test('a removable disk says so, a disk does not', async () => {
  for (const [kind, RMB] of [
    ['disk', 0],
    ['removable-disk', 1],
  ] as const) {
    const { initiator } = await memoryHarness({ kind });
    const { data } = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }));
    expect(parseStandardInquiry(data)).toMatchObject({ RMB, PERIPHERAL_DEVICE_TYPE: 0 });
    const page = await initiator.send(
      MODE_SENSE_10.encode({ DBD: 1, PAGE_CODE: 0x03, ALLOCATION_LENGTH: 64 }),
    );
    expect((page.data[8 + 20]! >> 5) & 1).toBe(RMB);
  }
});

test('a disk whose medium cannot be taken out refuses LOEJ, PREVENT ALLOW, eject and insert', async () => {
  const { initiator, unit } = await memoryHarness();
  expect(await initiator.send(EJECT)).toMatchObject(invalidCdb(4, 1));
  expect(await initiator.send(PREVENT)).toMatchObject(Expected.INVALID_OPCODE);
  await expect(unit.eject()).rejects.toMatchObject({ code: 'SCSI_NOT_REMOVABLE' });
  expect(() => unit.insert()).toThrow(expect.objectContaining({ code: 'SCSI_NOT_REMOVABLE' }) as Error);
});

describe('an initiator', () => {
  test('ejects: there is no medium; loads: it is back, and every other nexus hears that it may be new', async () => {
    const harness = await removable();
    const { initiator, unit } = harness;
    const other = await harness.connectReady('other');
    expect(await initiator.send(EJECT)).toMatchObject(Expected.GOOD);
    expect(unit.mediumPresent).toBe(false);
    for (const nexus of [initiator, other]) {
      expect(await nexus.send(tur)).toMatchObject(Expected.TRAY_OPEN);
    }
    expect(await initiator.send(EJECT)).toMatchObject(Expected.GOOD);
    expect(await initiator.send(LOAD)).toMatchObject(Expected.GOOD);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
    expect(other.changes.map(({ sense }) => [sense?.asc, sense?.ascq])).toEqual([[0x28, 0x00]]);
    expect(await other.send(tur)).toMatchObject(MEDIUM_MAY_HAVE_CHANGED);
    expect(await other.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('starts a unit that it has stopped, and loading starts it too', async () => {
    const { initiator } = await removable();
    expect(await initiator.send(START_STOP_UNIT.encode())).toMatchObject(Expected.GOOD);
    expect(await initiator.send(tur)).toMatchObject(Expected.NOT_STARTED);
    expect(await initiator.send(LOAD)).toMatchObject(Expected.GOOD);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('cannot start or stop what is not there, and finds no power conditions', async () => {
    const { initiator } = await removable();
    await initiator.send(EJECT);
    expect(await initiator.send(START)).toMatchObject(Expected.TRAY_OPEN);
    expect(await initiator.send(START_STOP_UNIT.encode())).toMatchObject(Expected.TRAY_OPEN);
    for (const POWER_CONDITION of [1, 2, 3, 7, 0xa, 0xb]) {
      const cdb = START_STOP_UNIT.encode({ POWER_CONDITION, START: 1 });
      expect(await initiator.send(cdb)).toMatchObject(invalidCdb(4, 7));
    }
  });

  test('ejects after everything is on the medium, unless it says NO_FLUSH', async () => {
    for (const [NO_FLUSH, flushes] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const device = new FailingDevice({ size: 1024 * 512 });
      const { initiator } = new Harness(device, { kind: 'removable-disk' });
      await initiator.settle();
      await initiator.send(START_STOP_UNIT.encode({ LOEJ: 1, NO_FLUSH }));
      expect(device.flushes).toBe(flushes);
    }
  });

  test('does not eject what cannot be flushed', async () => {
    const device = new FailingDevice({ size: 1024 * 512 });
    const { initiator, unit } = new Harness(device, { kind: 'removable-disk' });
    await initiator.settle();
    for (const later of [false, true]) {
      Object.assign(device, { failure: 'BLOCK_IO', later });
      expect((await initiator.send(EJECT)).sense).toMatchObject(AdditionalSenseCode.WRITE_ERROR);
      await expect(unit.eject()).rejects.toMatchObject({ code: 'BLOCK_IO' });
      device.failure = undefined;
      expect(await initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }))).toMatchObject(Expected.GOOD);
    }
    Object.assign(device, { failure: 'BLOCK_IO', later: false });
    expect(await initiator.send(START_STOP_UNIT.encode({ LOEJ: 1, IMMED: 1 }))).toMatchObject(Expected.GOOD);
    const { sense } = await initiator.send(tur);
    expect(sense).toMatchObject({ ...AdditionalSenseCode.WRITE_ERROR, deferred: true });
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('that may only read does not eject', async () => {
    const harness = await removable();
    const reader = new Initiator(harness.target, 'reader', 1, { readOnly: true });
    await reader.settle();
    expect(await reader.send(EJECT)).toMatchObject(Expected.WRITE_PROTECTED);
    expect(await reader.send(PREVENT)).toMatchObject(Expected.GOOD);
  });
});

describe('without a medium', () => {
  test.each(
    supportedCommands('removable-disk').map((command): [string, SupportedCommand] => [command.name, command]),
  )('%s is refused as the table says', async (_name, command) => {
    const { initiator } = await removable();
    await initiator.send(EJECT);
    const definition = CDB_DEFINITIONS.find(({ name }) => name === command.name);
    const answer = await initiator.send(definition!.encode());
    const absent = answer.sense?.asc === AdditionalSenseCode.MEDIUM_NOT_PRESENT.asc;
    expect(absent).toBe(command.needsMedium || command.name === START_STOP_UNIT.name);
  });

  test('a unit attention, an unknown command and a reservation come first', async () => {
    const harness = await removable();
    await harness.initiator.send(EJECT);
    const fresh = harness.connect('fresh');
    expect((await fresh.send(tur)).sense).toMatchObject({ asc: 0x29 });
    expect(await fresh.send(Uint8Array.of(0xff))).toMatchObject(Expected.INVALID_OPCODE);
    expect(await fresh.send(tur)).toMatchObject(Expected.TRAY_OPEN);
  });

  test('INQUIRY, REPORT LUNS, MODE SENSE and REQUEST SENSE answer, the last with what is missing', async () => {
    const { initiator } = await removable();
    await initiator.send(EJECT);
    for (const cdb of [
      INQUIRY.encode({ ALLOCATION_LENGTH: 96 }),
      REPORT_LUNS.encode({ ALLOCATION_LENGTH: 16 }),
    ]) {
      expect(await initiator.send(cdb)).toMatchObject(Expected.GOOD);
    }
    const modes = await initiator.send(MODE_SENSE_10.encode({ PAGE_CODE: 0x3f, ALLOCATION_LENGTH: 255 }));
    expect(modes).toMatchObject(Expected.GOOD);
    // The block descriptor has no blocks.
    expect(modes.data.subarray(8, 12)).toEqual(new Uint8Array(4));
    const { data } = await initiator.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 252 }));
    expect(parseSense(data)).toMatchObject(AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_OPEN);
  });
});

describe('preventing the removal', () => {
  test('keeps everybody from ejecting until all have allowed it', async () => {
    const harness = await removable();
    const { initiator, unit } = harness;
    const other = await harness.connectReady('other');
    for (const nexus of [initiator, other, other]) await nexus.send(PREVENT);
    expect(await initiator.send(EJECT)).toMatchObject(Expected.REMOVAL_PREVENTED);
    await initiator.send(ALLOW);
    expect(await initiator.send(EJECT)).toMatchObject(Expected.REMOVAL_PREVENTED);
    expect(unit.removalPrevented).toBe(true);
    await other.send(ALLOW);
    expect(await initiator.send(EJECT)).toMatchObject(Expected.GOOD);
  });

  test('keeps an open tray open, and a closed one may be told to close', async () => {
    const { initiator } = await removable();
    await initiator.send(PREVENT);
    expect(await initiator.send(LOAD)).toMatchObject(Expected.GOOD);
    await initiator.send(ALLOW);
    await initiator.send(EJECT);
    await initiator.send(PREVENT);
    expect(await initiator.send(LOAD)).toMatchObject(Expected.REMOVAL_PREVENTED);
    await initiator.send(ALLOW);
    expect(await initiator.send(LOAD)).toMatchObject(Expected.GOOD);
  });

  test('ends with the nexus, and with a logical unit reset', async () => {
    const harness = await removable();
    const { initiator, unit } = harness;
    const other = await harness.connectReady('other');
    await other.send(PREVENT);
    other.nexus.close();
    expect(unit.removalPrevented).toBe(false);
    await initiator.send(PREVENT);
    initiator.nexus.resetUnit(lun0);
    expect(unit.removalPrevented).toBe(false);
  });

  test('ends when its nexus is preempted and aborted', async () => {
    const harness = await removable();
    const { initiator, unit } = harness;
    const other = await harness.connectReady('other');
    const out = (from: typeof other, cdb: typeof PR_OUT_REGISTER, list: object) => {
      const dataOut = buildReserveOutList(list);
      const TYPE = ReservationType.WRITE_EXCLUSIVE;
      return from.send(cdb.encode({ TYPE, PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
    };
    await out(other, PR_OUT_REGISTER, { serviceActionKey: key(2) });
    await out(other, PR_OUT_RESERVE, { key: key(2) });
    await out(initiator, PR_OUT_REGISTER, { serviceActionKey: key(1) });
    await other.send(PREVENT);
    expect(unit.removalPrevented).toBe(true);
    const preempted = await out(initiator, PR_OUT_PREEMPT_AND_ABORT, {
      key: key(1),
      serviceActionKey: key(2),
    });
    expect(preempted).toMatchObject(Expected.GOOD);
    expect(unit.removalPrevented).toBe(false);
  });

  test('makes everything durable when it ends, and has no persistent form', async () => {
    const device = new FailingDevice({ size: 1024 * 512 });
    const { initiator } = new Harness(device, { kind: 'removable-disk' });
    await initiator.settle();
    await initiator.send(ALLOW);
    expect(device.flushes).toBe(0);
    await initiator.send(PREVENT);
    await initiator.send(ALLOW);
    expect(device.flushes).toBe(1);
    const persistent = PREVENT_ALLOW_MEDIUM_REMOVAL.encode({ PERSISTENT: 1, PREVENT: 1 });
    expect(await initiator.send(persistent)).toMatchObject(invalidCdb(4, 1));
  });

  test('is a change for a reservation, allowing it is free', async () => {
    const harness = await removable();
    const other = await harness.connectReady('other');
    const dataOut = buildReserveOutList({ serviceActionKey: key(7) });
    const own = buildReserveOutList({ key: key(7) });
    const length = { PARAMETER_LIST_LENGTH: dataOut.length, TYPE: ReservationType.WRITE_EXCLUSIVE };
    await other.send(PR_OUT_REGISTER.encode(length), { dataOut });
    await other.send(PR_OUT_RESERVE.encode(length), { dataOut: own });
    expect(await harness.initiator.send(PREVENT)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await harness.initiator.send(ALLOW)).toMatchObject(Expected.GOOD);
  });
});

describe('somebody at the drive', () => {
  test('takes the medium out and puts another in, of another size and block length', async () => {
    const { initiator, unit, device } = await removable();
    await initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 1 }), { dataOut: pattern(512) });
    expect(await unit.eject()).toBe(device);
    expect(await initiator.send(tur)).toMatchObject(Expected.TRAY_OPEN);
    await expect(unit.eject()).rejects.toMatchObject({ code: 'SCSI_NO_MEDIUM' });
    expect(() => unit.insert()).toThrow(expect.objectContaining({ code: 'SCSI_NO_MEDIUM' }) as Error);
    expect(await initiator.send(LOAD)).toMatchObject(Expected.TRAY_CLOSED);
    expect(await initiator.send(tur)).toMatchObject(Expected.TRAY_CLOSED);
    const next = new MemoryDevice({ size: 64 * 4096, blockSize: 4096 });
    unit.insert(next);
    expect(() => unit.insert(next)).toThrow(
      expect.objectContaining({ code: 'SCSI_MEDIUM_PRESENT' }) as Error,
    );
    expect(await initiator.send(tur)).toMatchObject(MEDIUM_MAY_HAVE_CHANGED);
    const { data } = await initiator.send(READ_CAPACITY_10.encode());
    expect(parseReadCapacity10(data)).toMatchObject({
      RETURNED_LOGICAL_BLOCK_ADDRESS: 63,
      LOGICAL_BLOCK_LENGTH_IN_BYTES: 4096,
    });
    const read = await initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }));
    expect(sameBytes(read.data, new Uint8Array(4096))).toBe(true);
    next.resize(128 * 4096);
    expect(await initiator.send(tur)).toMatchObject(attention(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED));
    device.resize(2048 * 512);
    expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
  });

  test('takes what an initiator has ejected, or pushes it in again', async () => {
    const { initiator, unit, device } = await removable();
    await initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 1 }), { dataOut: pattern(512) });
    await initiator.send(EJECT);
    expect(() => unit.insert(device)).toThrow(
      expect.objectContaining({ code: 'SCSI_MEDIUM_PRESENT' }) as Error,
    );
    unit.insert();
    await initiator.settle();
    const { data } = await initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }));
    expect(sameBytes(data, pattern(512))).toBe(true);
    await initiator.send(EJECT);
    expect(await unit.eject()).toBe(device);
    expect(await initiator.send(LOAD)).toMatchObject(Expected.TRAY_CLOSED);
  });

  test('is kept from it by a prevention, of which initiators hear, unless it is forced', async () => {
    const { initiator, unit } = await removable();
    await initiator.send(PREVENT);
    await expect(unit.eject()).rejects.toMatchObject({ code: 'SCSI_MEDIUM_REMOVAL_PREVENTED' });
    expect(await initiator.send(tur)).toMatchObject(
      attention(AdditionalSenseCode.OPERATOR_MEDIUM_REMOVAL_REQUEST),
    );
    await unit.eject({ force: true });
    expect(unit.removalPrevented).toBe(false);
    expect(await initiator.send(tur)).toMatchObject(Expected.TRAY_OPEN);
  });
});

test('a command that waits for its medium ends with it', async () => {
  const { initiator, unit } = await removable();
  expect(await initiator.send(SYNCHRONIZE_CACHE_10.encode())).toMatchObject(Expected.GOOD);
  const execution = await initiator.nexus.execute(
    lun0,
    initiator.command(WRITE_10.encode({ TRANSFER_LENGTH: 2 })),
  );
  if (execution.kind !== 'data-out') throw new Error('no data-out');
  await execution.write([pattern(512)], 0);
  await unit.eject();
  expect(() => execution.write([pattern(512)], 512)).toThrow('MEDIUM NOT PRESENT');
  execution.end?.();
});
