import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildReserveOutList,
  PR_IN_READ_KEYS,
  PR_OUT_PREEMPT,
  PR_OUT_REGISTER,
  PR_OUT_RESERVE,
  RELEASE_6,
  ReservationType,
  RESERVE_10,
  RESERVE_6,
  TEST_UNIT_READY,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb } from '../support/expected-sense.ts';
import { key, threeRegistrants, type Registrant } from '../support/registrant.ts';

const tur = TEST_UNIT_READY.encode();
const RELEASED = attention(AdditionalSenseCode.RESERVATIONS_RELEASED);
const PREEMPTED = attention(AdditionalSenseCode.RESERVATIONS_PREEMPTED);

const ofAll = (type: number) =>
  type === ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS ||
  type === ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS;
const ofRegistrants = (type: number) =>
  type !== ReservationType.WRITE_EXCLUSIVE && type !== ReservationType.EXCLUSIVE_ACCESS;

async function hears(node: Registrant, expected: object) {
  expect(await node.initiator.send(tur)).toMatchObject(expected);
}

describe.each(Object.entries(ReservationType))('%s', (_name, type) => {
  const shown = key(ofAll(type) ? 0 : 1);

  test('is reserved once, and again by its holder only', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    expect(await a.reserve(key(1), type)).toMatchObject(Expected.GOOD);
    expect(await a.reserve(key(1), type)).toMatchObject(Expected.GOOD);
    expect(await a.reservation()).toEqual({ generation: 2, reservation: { key: shown, type } });
    const other = type === 1 ? 3 : 1;
    expect(await a.reserve(key(1), other)).toMatchObject(Expected.RESERVATION_CONFLICT);
    const second = ofAll(type) ? Expected.GOOD : Expected.RESERVATION_CONFLICT;
    expect(await b.reserve(key(2), type)).toMatchObject(second);
  });

  test('is released by a holder, and who releases it is not told of that', async () => {
    const { a, b, c } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), type);
    expect(await a.release(key(1), type)).toMatchObject(Expected.GOOD);
    expect(await a.reservation()).toEqual({ generation: 2 });
    await hears(a, Expected.GOOD);
    await hears(b, ofRegistrants(type) ? RELEASED : Expected.GOOD);
    await hears(c, Expected.GOOD);
  });

  test('is not released by others or as another type', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), type);
    expect(await a.release(key(1), type === 1 ? 3 : 1)).toMatchObject(Expected.INVALID_RELEASE);
    expect(await a.release(key(2), type)).toMatchObject(Expected.RESERVATION_CONFLICT);
    if (!ofAll(type)) expect(await b.release(key(2), type)).toMatchObject(Expected.GOOD);
    expect((await b.reservation()).reservation).toEqual({ key: shown, type });
  });

  test('goes with the registration of its last holder', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), type);
    await a.register(key(1), key(0));
    await hears(a, Expected.GOOD);
    if (ofAll(type)) {
      expect((await b.reservation()).reservation).toEqual({ key: key(0), type });
      await b.register(key(2), key(0));
    } else {
      await hears(b, ofRegistrants(type) ? RELEASED : Expected.GOOD);
    }
    expect((await b.reservation()).reservation).toBeUndefined();
  });

  test('keeps its holder when the key of the holder changes', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), type);
    await a.register(key(1), key(9));
    const report = { generation: 3, reservation: { key: key(ofAll(type) ? 0 : 9), type } };
    expect(await b.reservation()).toEqual(report);
  });
});

test('who is not registered, or does not know its key, can neither reserve nor release nor clear', async () => {
  const { a, b } = await threeRegistrants([1]);
  for (const [node, own] of [
    [b, key(0)],
    [b, key(1)],
    [a, key(2)],
  ] as const) {
    expect(await node.reserve(own, 1)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await node.release(own, 1)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await node.clear(own)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await node.preempt(own, key(1), 1)).toMatchObject(Expected.RESERVATION_CONFLICT);
  }
  expect(await a.keys()).toEqual({ generation: 1, keys: [key(1)] });
});

test('a scope other than the logical unit and a type that is none are refused', async () => {
  const { a } = await threeRegistrants([1]);
  for (const type of [0, 2, 4, 9, 15]) expect(await a.reserve(key(1), type)).toMatchObject(invalidCdb(2, 3));
  const list = buildReserveOutList({ key: key(1) });
  expect(await a.out(PR_OUT_RESERVE, list, { SCOPE: 2, TYPE: 1 })).toMatchObject(invalidCdb(2, 7));
});

test('releasing when nothing is reserved is no error', async () => {
  const { a } = await threeRegistrants([1]);
  expect(await a.release(key(1), 1)).toMatchObject(Expected.GOOD);
});

test('CLEAR ends the reservation and every registration, and tells the others', async () => {
  const { a, b, c } = await threeRegistrants([1, 2]);
  await a.reserve(key(1), ReservationType.EXCLUSIVE_ACCESS);
  expect(await b.clear(key(2))).toMatchObject(Expected.GOOD);
  expect(await b.keys()).toEqual({ generation: 3, keys: [] });
  expect(await b.reservation()).toEqual({ generation: 3 });
  await hears(a, PREEMPTED);
  await hears(b, Expected.GOOD);
  await hears(c, Expected.GOOD);
});

describe('RESERVE and registrations exclude each other', () => {
  test('RESERVE and RELEASE conflict while anyone is registered', async () => {
    const { a, b } = await threeRegistrants([1]);
    for (const cdb of [RESERVE_6, RESERVE_10, RELEASE_6]) {
      for (const node of [a, b]) {
        expect(await node.initiator.send(cdb.encode())).toMatchObject(Expected.RESERVATION_CONFLICT);
      }
    }
    await a.register(key(1), key(0));
    expect(await b.initiator.send(RESERVE_6.encode())).toMatchObject(Expected.GOOD);
  });

  test('PERSISTENT RESERVE IN and OUT conflict while the unit is reserved, for its holder too', async () => {
    const { a, b } = await threeRegistrants([]);
    await a.initiator.send(RESERVE_6.encode());
    for (const node of [a, b]) {
      const readKeys = PR_IN_READ_KEYS.encode({ ALLOCATION_LENGTH: 8 });
      expect(await node.initiator.send(readKeys)).toMatchObject(Expected.RESERVATION_CONFLICT);
      expect(await node.register(key(0), key(1))).toMatchObject(Expected.RESERVATION_CONFLICT);
      const cdb = PR_OUT_PREEMPT.encode({ PARAMETER_LIST_LENGTH: 24 });
      expect(await node.initiator.send(cdb)).toMatchObject(Expected.RESERVATION_CONFLICT);
    }
  });

  test('a RESERVE that comes while a REGISTER waits for its data makes it conflict', async () => {
    const { a, b } = await threeRegistrants([]);
    const cdb = PR_OUT_REGISTER.encode({ PARAMETER_LIST_LENGTH: 24 });
    const execution = await a.initiator.nexus.execute(new Uint8Array(8), a.initiator.command(cdb));
    await b.initiator.send(RESERVE_6.encode());
    const dataOut = buildReserveOutList({ serviceActionKey: key(1) });
    expect(await a.initiator.carry(execution, { dataOut })).toMatchObject(Expected.RESERVATION_CONFLICT);
  });
});
