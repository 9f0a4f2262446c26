import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import { LogicalUnit, ReservationType, SenseKey, UnitStateError, WRITE_10 } from '../../src/index.ts';
import { Expected, invalidList } from '../support/expected-sense.ts';
import { IDENTITY, memoryHarness } from '../support/harness.ts';
import { connectRegistrant, key, port, threeRegistrants } from '../support/registrant.ts';
import { readOnlyStore, TestStore } from '../support/test-store.ts';

const { WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS } = ReservationType;

const aptpl = { aptpl: true };

describe('without a store', () => {
  test('APTPL is refused, and REPORT CAPABILITIES says so', async () => {
    const { a } = await threeRegistrants([]);
    expect(await a.register(key(0), key(1), aptpl)).toMatchObject(invalidList(20, 0));
    expect(await a.registerIgnoring(key(1), aptpl)).toMatchObject(invalidList(20, 0));
    const destination = { initiatorPort: port(2), relativePort: 1 };
    expect(await a.move({ destination, ...aptpl })).toMatchObject(invalidList(17, 0));
    expect(await a.capabilities()).toMatchObject({ PTPL_C: 0, PTPL_A: 0 });
    expect((await a.keys()).keys).toEqual([]);
  });
});

describe('with a store', () => {
  test('registrations and reservation survive a loss of power, PRgeneration does not', async () => {
    const stateStore = new TestStore();
    const { a, b } = await threeRegistrants([], { stateStore });
    await a.register(key(0), key(1), aptpl);
    await b.register(key(0), key(2), aptpl);
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(await a.capabilities()).toMatchObject({ PTPL_C: 1, PTPL_A: 1 });

    const restarted = await memoryHarness({ stateStore });
    const again = await connectRegistrant(restarted, 2);
    expect(await again.keys()).toEqual({ generation: 0, keys: [key(1), key(2)] });
    const reservation = { key: key(1), type: WRITE_EXCLUSIVE };
    expect(await again.reservation()).toEqual({ generation: 0, reservation });
    const write = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
    expect(await again.initiator.send(write)).toMatchObject(Expected.RESERVATION_CONFLICT);
  });

  test('the last APTPL counts for all: without it nothing is left after a loss of power', async () => {
    const stateStore = new TestStore();
    const { a, b } = await threeRegistrants([], { stateStore });
    await a.register(key(0), key(1), aptpl);
    await b.register(key(0), key(2));
    expect(await a.capabilities()).toMatchObject({ PTPL_C: 1, PTPL_A: 0 });
    const { unit } = await memoryHarness({ stateStore });
    expect(unit.persistent.state.registrations).toEqual([]);
  });

  test('nothing is saved that nobody asked to keep, nor what has not changed', async () => {
    const stateStore = new TestStore();
    const { a } = await threeRegistrants([1], { stateStore });
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(stateStore.saves).toHaveLength(0);
    await a.register(key(1), key(1), aptpl);
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(stateStore.saves).toHaveLength(1);
  });

  test('GOOD comes after the state is on stable storage, and not before', async () => {
    const stateStore = new TestStore();
    const { a, b } = await threeRegistrants([], { stateStore });
    let saved = (): void => undefined;
    stateStore.gate = new Promise((resolve) => {
      saved = resolve;
    });
    const order: string[] = [];
    const first = a.register(key(0), key(1), aptpl).then(() => order.push('first'));
    const second = b.register(key(0), key(2)).then(() => order.push('second'));
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    expect((await b.keys()).keys).toEqual([]);
    saved();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect((await b.keys()).keys).toEqual([key(1), key(2)]);
  });

  test('when saving fails, the command does and nothing has changed', async () => {
    const stateStore = new TestStore();
    const { harness, a } = await threeRegistrants([], { stateStore });
    await a.register(key(0), key(1), aptpl);
    stateStore.failure = new Error('disk is gone');
    const answer = await a.reserve(key(1), EXCLUSIVE_ACCESS);
    expect(answer.sense?.senseKey).toBe(SenseKey.HARDWARE_ERROR);
    expect(harness.internalErrors).toEqual([stateStore.failure]);
    expect(await a.reservation()).toEqual({ generation: 1 });
    stateStore.failure = undefined;
    expect(await a.reserve(key(1), EXCLUSIVE_ACCESS)).toMatchObject(Expected.GOOD);
  });

  test('a store without room is told as INSUFFICIENT REGISTRATION RESOURCES, also when it says so later', async () => {
    const stateStore = new TestStore();
    const { harness, a } = await threeRegistrants([], { stateStore });
    const full = Object.assign(new Error('full'), { code: 'BLOCK_NO_SPACE' });
    stateStore.failure = full;
    expect(await a.register(key(0), key(1), aptpl)).toMatchObject(Expected.TOO_MANY_REGISTRATIONS);
    stateStore.failure = undefined;
    stateStore.gate = Promise.reject(full);
    expect(await a.register(key(0), key(1), aptpl)).toMatchObject(Expected.TOO_MANY_REGISTRATIONS);
    expect((await a.keys()).keys).toEqual([]);
    expect(harness.internalErrors).toEqual([]);
  });

  test('that can save nothing, what it holds is in force and cannot be changed', async () => {
    const registrations = [{ initiatorPort: port(1), relativePort: 1, key: key(1) }];
    const reservation = { type: EXCLUSIVE_ACCESS, holder: { initiatorPort: port(1), relativePort: 1 } };
    const stateStore = readOnlyStore({ reservations: { aptpl: true, registrations, reservation } });
    const harness = await memoryHarness({ stateStore });
    const b = await connectRegistrant(harness, 2);
    const read = WRITE_10.encode({ TRANSFER_LENGTH: 1 });
    expect(await b.initiator.send(read)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await b.capabilities()).toMatchObject({ PTPL_C: 0, PTPL_A: 1 });
    expect(await b.register(key(0), key(2))).toMatchObject(Expected.WRITE_PROTECTED);
    const a = await connectRegistrant(harness, 1);
    expect(await a.clear(key(1))).toMatchObject(Expected.WRITE_PROTECTED);
    expect((await b.keys()).keys).toEqual([key(1)]);
    const empty = await memoryHarness({ stateStore: readOnlyStore({}) });
    const c = await connectRegistrant(empty, 1);
    expect(await c.register(key(0), key(3), aptpl)).toMatchObject(invalidList(20, 0));
    expect(await c.register(key(0), key(3))).toMatchObject(Expected.GOOD);
  });

  const good = { initiatorPort: port(1), relativePort: 1, key: key(1) };
  const holder = { initiatorPort: port(1), relativePort: 1 };
  const state = (more: object): unknown => ({ aptpl: true, registrations: [good], ...more });
  test.each<[string, unknown]>([
    ['no object', 'x'],
    ['null', null],
    ['a list', []],
    ['nothing of it', {}],
    ['something more', state({ later: 1 })],
    ['APTPL that is no bit', state({ aptpl: 1 })],
    ['registrations that are no list', state({ registrations: {} })],
    ['a registration that is none', state({ registrations: [null] })],
    ['a registration with more', state({ registrations: [{ ...good, later: 1 }] })],
    ['a registration twice', state({ registrations: [good, good] })],
    ['a key of zero', state({ registrations: [{ ...good, key: key(0) }] })],
    ['a key that is none', state({ registrations: [{ ...good, key: 'x' }] })],
    ['a key that is a number', state({ registrations: [{ ...good, key: 1 }] })],
    ['a port in upper case', state({ registrations: [{ ...good, initiatorPort: port(0xa).toUpperCase() }] })],
    ['a port that is a number', state({ registrations: [{ ...good, initiatorPort: 7 }] })],
    ['a port name too long', state({ registrations: [{ ...good, initiatorPort: 'x'.repeat(300) }] })],
    ['a relative port of 0', state({ registrations: [{ ...good, relativePort: 0 }] })],
    ['a relative port as text', state({ registrations: [{ ...good, relativePort: '1' }] })],
    [
      'too many',
      state({ registrations: Array.from({ length: 257 }, (_, at) => ({ ...good, relativePort: at + 1 })) }),
    ],
    ['a reservation of no type', state({ reservation: { type: 2, holder } })],
    [
      'a holder who is not registered',
      state({ reservation: { type: 1, holder: { ...holder, relativePort: 2 } } }),
    ],
    ['a reservation of nobody', state({ reservation: { type: 1 } })],
    ['a holder with more', state({ reservation: { type: 1, holder: good } })],
    ['a holder of what all hold', state({ reservation: { type: 7, holder } })],
    ['a reservation of no registrants', state({ registrations: [], reservation: { type: 7 } })],
  ])('what no unit can have saved is refused aloud: %s', (_what, reservations) => {
    const device = new MemoryDevice({ size: 4096 });
    const stateStore = { load: () => ({ reservations }), save: () => undefined };
    expect(() => new LogicalUnit({ device, identity: IDENTITY, stateStore })).toThrow(UnitStateError);
  });
});
