import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  LogicalUnit,
  ReservationType,
  SenseKey,
  WRITE_10,
  type ReservationState,
  type ReservationStore,
} from '../../src/index.ts';
import { Expected, invalidList } from '../support/expected-sense.ts';
import { IDENTITY, memoryHarness } from '../support/harness.ts';
import { connectRegistrant, key, port, threeRegistrants } from '../support/registrant.ts';

const { WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS } = ReservationType;

/** Keeps the state as JSON, as a file would. */
class TestStore implements ReservationStore {
  kept: string | undefined = undefined;
  saves = 0;
  failure: Error | undefined = undefined;
  /** Saving waits for this. */
  gate: Promise<void> | undefined = undefined;

  load(): ReservationState | undefined {
    return this.kept === undefined ? undefined : (JSON.parse(this.kept) as ReservationState);
  }

  save(state: ReservationState): void | Promise<void> {
    this.saves++;
    if (this.failure !== undefined) throw this.failure;
    const keep = (): void => {
      this.kept = JSON.stringify(state);
    };
    return this.gate === undefined ? keep() : this.gate.then(keep);
  }
}

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
    const reservationStore = new TestStore();
    const { a, b } = await threeRegistrants([], { reservationStore });
    await a.register(key(0), key(1), aptpl);
    await b.register(key(0), key(2), aptpl);
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(await a.capabilities()).toMatchObject({ PTPL_C: 1, PTPL_A: 1 });

    const restarted = await memoryHarness({ reservationStore });
    const again = await connectRegistrant(restarted, 2);
    expect(await again.keys()).toEqual({ generation: 0, keys: [key(1), key(2)] });
    const reservation = { key: key(1), type: WRITE_EXCLUSIVE };
    expect(await again.reservation()).toEqual({ generation: 0, reservation });
    const write = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
    expect(await again.initiator.send(write)).toMatchObject(Expected.RESERVATION_CONFLICT);
  });

  test('the last APTPL counts for all: without it nothing is left after a loss of power', async () => {
    const reservationStore = new TestStore();
    const { a, b } = await threeRegistrants([], { reservationStore });
    await a.register(key(0), key(1), aptpl);
    await b.register(key(0), key(2));
    expect(await a.capabilities()).toMatchObject({ PTPL_C: 1, PTPL_A: 0 });
    const { unit } = await memoryHarness({ reservationStore });
    expect(unit.persistent.state.registrations).toEqual([]);
  });

  test('nothing is saved that nobody asked to keep, nor what has not changed', async () => {
    const reservationStore = new TestStore();
    const { a } = await threeRegistrants([1], { reservationStore });
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(reservationStore.saves).toBe(0);
    await a.register(key(1), key(1), aptpl);
    await a.reserve(key(1), WRITE_EXCLUSIVE);
    expect(reservationStore.saves).toBe(1);
  });

  test('GOOD comes after the state is on stable storage, and not before', async () => {
    const reservationStore = new TestStore();
    const { a, b } = await threeRegistrants([], { reservationStore });
    let saved = (): void => undefined;
    reservationStore.gate = new Promise((resolve) => {
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
    const reservationStore = new TestStore();
    const { harness, a } = await threeRegistrants([], { reservationStore });
    await a.register(key(0), key(1), aptpl);
    reservationStore.failure = new Error('disk is gone');
    const answer = await a.reserve(key(1), EXCLUSIVE_ACCESS);
    expect(answer.sense?.senseKey).toBe(SenseKey.HARDWARE_ERROR);
    expect(harness.internalErrors).toEqual([reservationStore.failure]);
    expect(await a.reservation()).toEqual({ generation: 1 });
    reservationStore.failure = undefined;
    expect(await a.reserve(key(1), EXCLUSIVE_ACCESS)).toMatchObject(Expected.GOOD);
  });

  test('what no unit can have saved is refused aloud', () => {
    const good = { initiatorPort: port(1), relativePort: 1, key: key(1) };
    const state = (more: object) => ({ aptpl: true, registrations: [good], ...more }) as ReservationState;
    const holder = { initiatorPort: port(2), relativePort: 1 };
    const bad = [
      state({ registrations: [good, good] }),
      state({ registrations: [{ ...good, key: key(0) }] }),
      state({ registrations: [{ ...good, key: 'x' }] }),
      state({ registrations: [{ ...good, initiatorPort: port(0xa).toUpperCase() }] }),
      state({ registrations: Array.from({ length: 257 }, (_, i) => ({ ...good, relativePort: i })) }),
      state({ reservation: { type: 2, holder: good } }),
      state({ reservation: { type: 1, holder } }),
      state({ reservation: { type: 1 } }),
      state({ reservation: { type: 7, holder: good } }),
      state({ registrations: [], reservation: { type: 7 } }),
    ];
    const device = new MemoryDevice({ size: 4096 });
    for (const kept of bad) {
      const reservationStore = { load: () => kept, save: () => undefined };
      expect(() => new LogicalUnit({ device, identity: IDENTITY, reservationStore })).toThrow(RangeError);
    }
  });
});
