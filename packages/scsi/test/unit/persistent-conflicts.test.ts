import { describe, expect, test } from 'vitest';
import {
  RELEASE_6,
  RESERVE_6,
  ReservationType,
  START_STOP_UNIT,
  Status,
  supportedCommands,
  TEST_UNIT_READY,
} from '../../src/index.ts';
import { Expected } from '../support/expected-sense.ts';
import { memoryHarness } from '../support/harness.ts';
import { connectRegistrant, key } from '../support/registrant.ts';
import { plainCdb, standardAccess } from '../support/reservation-table.ts';

const { GOOD, RESERVATION_CONFLICT } = Status;

/** The columns: who sends, and what of free commands, reads and changes conflicts. */
const COLUMNS = [
  { type: ReservationType.WRITE_EXCLUSIVE, sender: 'registered', reads: false, changes: true },
  { type: ReservationType.EXCLUSIVE_ACCESS, sender: 'registered', reads: true, changes: true },
  {
    type: ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
    sender: 'registered',
    reads: false,
    changes: false,
  },
  {
    type: ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY,
    sender: 'registered',
    reads: false,
    changes: false,
  },
  {
    type: ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS,
    sender: 'registered',
    reads: false,
    changes: false,
  },
  {
    type: ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS,
    sender: 'registered',
    reads: false,
    changes: false,
  },
  { type: ReservationType.WRITE_EXCLUSIVE, sender: 'other', reads: false, changes: true },
  { type: ReservationType.EXCLUSIVE_ACCESS, sender: 'other', reads: true, changes: true },
  { type: ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY, sender: 'other', reads: false, changes: true },
  { type: ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY, sender: 'other', reads: true, changes: true },
  { type: ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS, sender: 'other', reads: false, changes: true },
  { type: ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS, sender: 'other', reads: true, changes: true },
  { type: ReservationType.EXCLUSIVE_ACCESS, sender: 'holder', reads: false, changes: false },
] as const;

async function reserved(type: number) {
  const harness = await memoryHarness();
  const holder = await connectRegistrant(harness, 1);
  const registered = await connectRegistrant(harness, 2);
  const other = await connectRegistrant(harness, 3);
  await holder.register(key(0), key(1));
  await registered.register(key(0), key(2));
  await holder.reserve(key(1), type);
  return { holder, registered, other };
}

describe.each(COLUMNS)('type $type, from the $sender nexus', ({ type, sender, reads, changes }) => {
  test('every command of the table conflicts or not as SPC-4 table 65 and SBC-4 table 13 say', async () => {
    const { initiator } = (await reserved(type))[sender];
    for (const command of supportedCommands('disk').filter((one) => standardAccess(one) !== undefined)) {
      const conflicts = { free: false, reads, changes }[standardAccess(command)!];
      const { status } = await initiator.send(plainCdb(command));
      expect(status === RESERVATION_CONFLICT, command.name).toBe(conflicts);
    }
  });

  test('starting the unit is always allowed, stopping it is a change', async () => {
    const { initiator } = (await reserved(type))[sender];
    const { status } = await initiator.send(START_STOP_UNIT.encode({ START: 0 }));
    expect(status).toBe(changes ? RESERVATION_CONFLICT : GOOD);
    expect(await initiator.send(START_STOP_UNIT.encode({ START: 1 }))).toMatchObject(Expected.GOOD);
    const power = await initiator.send(START_STOP_UNIT.encode({ START: 1, POWER_CONDITION: 1 }));
    expect(power.status === RESERVATION_CONFLICT).toBe(changes);
  });

  test('RESERVE and RELEASE conflict for everyone', async () => {
    const { initiator } = (await reserved(type))[sender];
    for (const cdb of [RESERVE_6, RELEASE_6]) {
      expect(await initiator.send(cdb.encode())).toMatchObject(Expected.RESERVATION_CONFLICT);
    }
  });
});

test('registrations without a reservation keep nobody from anything', async () => {
  const harness = await memoryHarness();
  const registered = await connectRegistrant(harness, 1);
  await registered.register(key(0), key(1));
  const commands = supportedCommands('disk').filter(
    (one) => standardAccess(one) !== undefined && !/^PERSISTENT/.test(one.name),
  );
  for (const command of commands) {
    const { status } = await harness.initiator.send(plainCdb(command));
    expect(status, command.name).not.toBe(RESERVATION_CONFLICT);
  }
});

test('a conflict is found before anything else of the command, but after a unit attention', async () => {
  const { other, holder } = await reserved(ReservationType.EXCLUSIVE_ACCESS);
  await holder.initiator.send(START_STOP_UNIT.encode({ START: 0 }));
  const read = Uint8Array.of(0x28, 0xff);
  expect(await other.initiator.send(read)).toMatchObject(Expected.RESERVATION_CONFLICT);
  expect(await other.initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.NOT_STARTED);
  holder.initiator.nexus.resetUnit(new Uint8Array(8));
  expect((await other.initiator.send(read)).status).toBe(Status.CHECK_CONDITION);
  expect(await other.initiator.send(read)).toMatchObject(Expected.RESERVATION_CONFLICT);
});
