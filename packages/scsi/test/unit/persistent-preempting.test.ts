import { describe, expect, test } from 'vitest';
import { AdditionalSenseCode, READ_10, ReservationType, TEST_UNIT_READY, WRITE_10 } from '../../src/index.ts';
import { attention, Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { connectRegistrant, key, threeRegistrants, type Registrant } from '../support/registrant.ts';

const { WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS, WRITE_EXCLUSIVE_REGISTRANTS_ONLY } = ReservationType;
const { WRITE_EXCLUSIVE_ALL_REGISTRANTS } = ReservationType;
const tur = TEST_UNIT_READY.encode();
const LUN_0 = new Uint8Array(8);
const REGISTRATIONS_PREEMPTED = attention(AdditionalSenseCode.REGISTRATIONS_PREEMPTED);
const RESERVATIONS_RELEASED = attention(AdditionalSenseCode.RESERVATIONS_RELEASED);

async function hears(node: Registrant, expected: object) {
  expect(await node.initiator.send(tur)).toMatchObject(expected);
}

/** A write of one block that has arrived and whose data has not. */
async function startWrite({ initiator }: Registrant) {
  const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
  return initiator.nexus.execute(LUN_0, initiator.command(cdb));
}

describe('PREEMPT with the key of the holder', () => {
  test('takes the reservation, removes who had the key and tells them', async () => {
    const { a, b, c } = await threeRegistrants();
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(await b.preempt(key(2), key(1), WRITE_EXCLUSIVE)).toMatchObject(Expected.GOOD);
    expect(await b.keys()).toEqual({ generation: 4, keys: [key(2), key(3)] });
    const reservation = { key: key(2), type: WRITE_EXCLUSIVE };
    expect(await b.reservation()).toEqual({ generation: 4, reservation });
    await hears(a, REGISTRATIONS_PREEMPTED);
    await hears(b, Expected.GOOD);
    await hears(c, Expected.GOOD);
  });

  test('as another type tells those that stay that the old one was released', async () => {
    const { a, b, c } = await threeRegistrants();
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(await b.preempt(key(2), key(1), EXCLUSIVE_ACCESS)).toMatchObject(Expected.GOOD);
    await hears(a, REGISTRATIONS_PREEMPTED);
    await hears(b, Expected.GOOD);
    await hears(c, RESERVATIONS_RELEASED);
  });

  test('from the holder itself keeps its registration and changes the type', async () => {
    const { a, b } = await threeRegistrants([1]);
    await b.register(key(0), key(1));
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(await a.preempt(key(1), key(1), EXCLUSIVE_ACCESS)).toMatchObject(Expected.GOOD);
    expect((await a.keys()).keys).toEqual([key(1)]);
    const reservation = { key: key(1), type: EXCLUSIVE_ACCESS };
    expect((await a.reservation()).reservation).toEqual(reservation);
    await hears(a, Expected.GOOD);
    await hears(b, REGISTRATIONS_PREEMPTED);
  });

  test('with a type that is none is refused and changes nothing', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(await b.preempt(key(2), key(1), 2)).toMatchObject(invalidCdb(2, 3));
    expect((await b.keys()).keys).toEqual([key(1), key(2)]);
  });
});

describe('PREEMPT with another key', () => {
  test('removes registrations and leaves the reservation, whatever the type says', async () => {
    const { a, b, c } = await threeRegistrants();
    await a.reserve(key(1), WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
    expect(await b.preempt(key(2), key(3), 0)).toMatchObject(Expected.GOOD);
    expect((await a.keys()).keys).toEqual([key(1), key(2)]);
    expect((await a.reservation()).reservation?.key).toBe(key(1));
    await hears(a, Expected.GOOD);
    await hears(c, REGISTRATIONS_PREEMPTED);
  });

  test('that is its own removes the sender, without telling it', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    expect(await a.preempt(key(1), key(1), WRITE_EXCLUSIVE)).toMatchObject(Expected.GOOD);
    expect((await b.keys()).keys).toEqual([key(2)]);
    await hears(a, Expected.GOOD);
  });

  test('that nobody has conflicts, and zero is an invalid parameter', async () => {
    const { a } = await threeRegistrants([1]);
    expect(await a.preempt(key(1), key(8), WRITE_EXCLUSIVE)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await a.preempt(key(1), key(0), WRITE_EXCLUSIVE)).toMatchObject(invalidList(8));
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(await a.preempt(key(1), key(0), WRITE_EXCLUSIVE)).toMatchObject(invalidList(8));
  });
});

describe('PREEMPT of an all registrants reservation', () => {
  test('with key zero takes it and removes everyone else', async () => {
    const { a, b, c } = await threeRegistrants();
    await a.reserve(key(1), WRITE_EXCLUSIVE_ALL_REGISTRANTS);
    expect(await b.preempt(key(2), key(0), WRITE_EXCLUSIVE)).toMatchObject(Expected.GOOD);
    expect((await b.keys()).keys).toEqual([key(2)]);
    expect((await b.reservation()).reservation).toEqual({ key: key(2), type: WRITE_EXCLUSIVE });
    await hears(a, REGISTRATIONS_PREEMPTED);
    await hears(c, REGISTRATIONS_PREEMPTED);
  });

  test('with a key removes who has it, and the last one to go takes the reservation along', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), WRITE_EXCLUSIVE_ALL_REGISTRANTS);
    expect(await b.preempt(key(2), key(1), EXCLUSIVE_ACCESS)).toMatchObject(Expected.GOOD);
    const reservation = { key: key(0), type: WRITE_EXCLUSIVE_ALL_REGISTRANTS };
    expect((await b.reservation()).reservation).toEqual(reservation);
    expect(await b.preempt(key(2), key(2), EXCLUSIVE_ACCESS)).toMatchObject(Expected.GOOD);
    expect(await b.reservation()).toEqual({ generation: 4 });
  });
});

describe('PREEMPT AND ABORT', () => {
  test('ends when every task of the preempted nexuses has ended, and of nobody else', async () => {
    const { a, b, c } = await threeRegistrants();
    await a.reserve(key(1), WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
    const doomed = await startWrite(a);
    const spared = await startWrite(c);
    let fenced = false;
    const preempting = b.preempt(key(2), key(1), WRITE_EXCLUSIVE, true).then((answer) => {
      fenced = true;
      return answer;
    });
    await new Promise(setImmediate);
    expect([a, b, c].map(({ initiator }) => initiator.abortedLuns)).toEqual([[0], [], []]);
    expect(fenced).toBe(false);
    if (doomed.kind === 'data-out') doomed.end?.();
    expect(await preempting).toMatchObject(Expected.GOOD);
    const saved = await c.initiator.carry(spared, { dataOut: new Uint8Array(512) });
    expect(saved).toMatchObject(Expected.GOOD);
  });

  test('does not wait for commands that the preempted nexus sends later', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    const doomed = await startWrite(a);
    const preempting = b.preempt(key(2), key(1), WRITE_EXCLUSIVE, true);
    await new Promise(setImmediate);
    await hears(a, REGISTRATIONS_PREEMPTED);
    const cdb = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
    const later = await a.initiator.nexus.execute(LUN_0, a.initiator.command(cdb));
    expect(later.kind).toBe('data-in');
    if (doomed.kind === 'data-out') doomed.end?.();
    expect(await preempting).toMatchObject(Expected.GOOD);
    if (later.kind === 'data-in') later.end?.();
  });

  test('with its own key leaves the tasks of the sender alone', async () => {
    const { harness, a } = await threeRegistrants([1]);
    expect(await a.preempt(key(1), key(1), WRITE_EXCLUSIVE, true)).toMatchObject(Expected.GOOD);
    expect(a.initiator.abortedLuns).toEqual([]);
    expect(harness.unit.tasks.activeCount).toBe(0);
  });

  test('fences a node out: its writes conflict from then on, in a new session, too', async () => {
    const { harness, a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
    await b.preempt(key(2), key(1), WRITE_EXCLUSIVE_REGISTRANTS_ONLY, true);
    await hears(a, REGISTRATIONS_PREEMPTED);
    a.initiator.nexus.close();
    const again = await connectRegistrant(harness, 1);
    expect(await startWrite(again)).toMatchObject(Expected.RESERVATION_CONFLICT);
  });
});
