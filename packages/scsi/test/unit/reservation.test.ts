import { describe, expect, test } from 'vitest';
import {
  INQUIRY,
  MODE_SENSE_6,
  READ_10,
  READ_CAPACITY_10,
  RELEASE_10,
  RELEASE_6,
  REPORT_LUNS,
  REQUEST_SENSE,
  RESERVE_10,
  RESERVE_6,
  supportedCommands,
  TEST_UNIT_READY,
  WRITE_10,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { memoryHarness } from '../support/harness.ts';

async function twoInitiators() {
  const harness = await memoryHarness();
  return { holder: harness.initiator, other: await harness.connectReady('other'), harness };
}

describe.each([
  [RESERVE_6, RELEASE_6],
  [RESERVE_10, RELEASE_10],
])('$name', (reserve, release) => {
  test('keeps other initiators out until it is released', async () => {
    const { holder, other } = await twoInitiators();
    expect(await holder.send(reserve.encode())).toMatchObject(Expected.GOOD);
    expect(await holder.send(reserve.encode())).toMatchObject(Expected.GOOD);
    expect(await other.send(reserve.encode())).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await other.send(release.encode())).toMatchObject(Expected.GOOD);
    expect(await holder.send(MODE_SENSE_6.encode())).toMatchObject(Expected.GOOD);
    for (const cdb of [MODE_SENSE_6, TEST_UNIT_READY, READ_10, WRITE_10]) {
      expect(await other.send(cdb.encode()), cdb.name).toMatchObject(Expected.RESERVATION_CONFLICT);
    }
    for (const cdb of [INQUIRY, REQUEST_SENSE, REPORT_LUNS, READ_CAPACITY_10]) {
      expect(await other.send(cdb.encode()), cdb.name).toMatchObject(Expected.GOOD);
    }
    expect(await holder.send(release.encode())).toMatchObject(Expected.GOOD);
    expect(await other.send(reserve.encode())).toMatchObject(Expected.GOOD);
  });

  test('ends with the nexus and with a logical unit reset', async () => {
    const { holder, other, harness } = await twoInitiators();
    await holder.send(reserve.encode());
    holder.nexus.close();
    expect(await other.send(reserve.encode())).toMatchObject(Expected.GOOD);
    const third = harness.connect('third');
    expect(third.nexus.resetUnit(new Uint8Array(8))).toBe(true);
    await third.settle();
    expect(await third.send(reserve.encode())).toMatchObject(Expected.GOOD);
  });

  test('for a third party or of an extent is refused', async () => {
    const { holder } = await twoInitiators();
    expect(await holder.send(reserve.encode({ THIRD_PARTY: 1 }))).toMatchObject(invalidCdb(1, 4));
    expect(await holder.send(reserve.encode({ EXTENT: 1 }))).toMatchObject(invalidCdb(1, 0));
  });
});

test('the conflict matrix lets through what needs no access to the unit', () => {
  const allowed = supportedCommands().filter(
    ({ units, reservation }) => units.includes('disk') && reservation === 'allowed',
  );
  expect(allowed.map((command) => command.name).sort()).toEqual([
    'INQUIRY',
    'LOG SENSE',
    'READ CAPACITY (10)',
    'READ CAPACITY (16)',
    'RELEASE (10)',
    'RELEASE (6)',
    'REPORT IDENTIFYING INFORMATION',
    'REPORT LUNS',
    'REPORT REFERRALS',
    'REPORT SUPPORTED OPERATION CODES',
    'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
    'REPORT TARGET PORT GROUPS',
    'REPORT TIMESTAMP',
    'REQUEST SENSE',
  ]);
});
