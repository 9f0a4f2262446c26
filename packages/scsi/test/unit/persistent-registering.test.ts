import { describe, expect, test } from 'vitest';
import {
  buildReserveOutList,
  MAX_REGISTRATIONS,
  PR_OUT_CLEAR,
  PR_OUT_REGISTER,
  PR_OUT_REGISTER_AND_MOVE,
  PR_OUT_RELEASE,
  PR_OUT_RESERVE,
  ReservationType,
} from '../../src/index.ts';
import { Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { memoryHarness, TARGET_NAME } from '../support/harness.ts';
import { connectRegistrant, key, port, threeRegistrants } from '../support/registrant.ts';

describe('REGISTER', () => {
  test('registers, changes and removes the key of the sender, who must know the old one', async () => {
    const { a } = await threeRegistrants([]);
    expect(await a.register(key(9), key(1))).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await a.register(key(0), key(1))).toMatchObject(Expected.GOOD);
    expect(await a.register(key(0), key(2))).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await a.register(key(1), key(2))).toMatchObject(Expected.GOOD);
    expect(await a.keys()).toEqual({ generation: 2, keys: [key(2)] });
    expect(await a.register(key(2), key(0))).toMatchObject(Expected.GOOD);
    expect(await a.keys()).toEqual({ generation: 3, keys: [] });
  });

  test('of nothing by nobody does nothing', async () => {
    const { a } = await threeRegistrants([]);
    expect(await a.register(key(0), key(0))).toMatchObject(Expected.GOOD);
    expect(await a.registerIgnoring(key(0))).toMatchObject(Expected.GOOD);
    expect(await a.keys()).toEqual({ generation: 0, keys: [] });
  });

  test('with SPEC_I_PT registers other initiator ports, which need not be there', async () => {
    const { a, b } = await threeRegistrants([]);
    const initiatorPorts = [port(2), port(77)];
    expect(await a.register(key(0), key(5), { initiatorPorts })).toMatchObject(Expected.GOOD);
    const { registrations } = await a.fullStatus();
    expect(registrations.map(({ initiatorPort }) => initiatorPort)).toEqual([port(1), port(2), port(77)]);
    expect(await b.register(key(5), key(6))).toMatchObject(Expected.GOOD);
  });

  test('with SPEC_I_PT is refused for who is registered, and registers all or none', async () => {
    const { a, b } = await threeRegistrants([1]);
    const initiatorPorts = [port(4), port(1)];
    expect(await a.register(key(1), key(1), { initiatorPorts })).toMatchObject(invalidList(20, 3));
    expect(await b.register(key(0), key(2), { initiatorPorts })).toMatchObject(invalidList(28));
    expect((await a.keys()).keys).toEqual([key(1)]);
  });

  test('with ALL_TG_PT registers through every target port that is known, all or none', async () => {
    const harness = await memoryHarness();
    const second = await connectRegistrant(harness, 1, 2);
    const first = await connectRegistrant(harness, 1, 1);
    await first.register(key(0), key(1));
    expect(await second.register(key(0), key(2), { allTargetPorts: true })).toMatchObject(
      Expected.RESERVATION_CONFLICT,
    );
    expect(await second.registerIgnoring(key(3), { allTargetPorts: true })).toMatchObject(Expected.GOOD);
    const { registrations } = await first.fullStatus();
    expect(registrations).toMatchObject([
      { initiatorPort: port(1), relativePort: 1, key: key(3) },
      { initiatorPort: port(1), relativePort: 2, key: key(3) },
    ]);
  });

  test('with ALL_TG_PT registers through ports that nobody uses yet, too', async () => {
    const harness = await memoryHarness();
    harness.target.addPort({ relativePort: 9, targetName: TARGET_NAME, portalGroupTag: 9 });
    const first = await connectRegistrant(harness, 1, 1);
    expect(await first.register(key(0), key(1), { allTargetPorts: true })).toMatchObject(Expected.GOOD);
    const { registrations } = await first.fullStatus();
    expect(registrations.map(({ relativePort }) => relativePort)).toEqual([1, 9]);
    await first.reserve(key(1), ReservationType.WRITE_EXCLUSIVE);
    const destination = { initiatorPort: port(2), relativePort: 9 };
    expect(await first.move({ key: key(1), serviceActionKey: key(2), destination })).toMatchObject(
      Expected.GOOD,
    );
    const moved = (await first.fullStatus()).registrations;
    expect(moved).toContainEqual({ ...destination, key: key(2), holds: ReservationType.WRITE_EXCLUSIVE });
    const nowhere = { initiatorPort: port(3), relativePort: 8 };
    const other = await connectRegistrant(harness, 2, 9);
    const refused = await other.move({ key: key(2), serviceActionKey: key(3), destination: nowhere });
    expect(refused).toMatchObject(invalidList(18));
  });

  test('through one target port says nothing of the others', async () => {
    const harness = await memoryHarness();
    const second = await connectRegistrant(harness, 1, 2);
    const first = await connectRegistrant(harness, 1, 1);
    await first.register(key(0), key(1));
    expect(await second.register(key(1), key(2))).toMatchObject(Expected.RESERVATION_CONFLICT);
  });

  test('is refused beyond the bound, and so is a list that would pass it', async () => {
    const { a, b } = await threeRegistrants([]);
    const initiatorPorts = Array.from({ length: MAX_REGISTRATIONS }, (_, index) => port(100 + index));
    const tooMany = await a.register(key(0), key(1), { initiatorPorts });
    expect(tooMany).toMatchObject(Expected.TOO_MANY_REGISTRATIONS);
    expect((await a.keys()).keys).toEqual([]);
    const fitting = { initiatorPorts: initiatorPorts.slice(1) };
    expect(await a.register(key(0), key(1), fitting)).toMatchObject(Expected.GOOD);
    expect((await a.keys()).keys).toHaveLength(MAX_REGISTRATIONS);
    expect(await b.registerIgnoring(key(2))).toMatchObject(Expected.TOO_MANY_REGISTRATIONS);
  });
});

test('a registration outlives its session and a logical unit reset (T-W2)', async () => {
  const { harness, a, b } = await threeRegistrants([1, 2]);
  await a.reserve(key(1), ReservationType.WRITE_EXCLUSIVE);
  a.initiator.nexus.close();
  const both = { generation: 2, keys: [key(1), key(2)] };
  expect(await b.keys()).toEqual(both);
  b.initiator.nexus.resetUnit(new Uint8Array(8));
  await b.initiator.settle();
  const again = await connectRegistrant(harness, 1);
  expect(await again.keys()).toEqual(both);
  expect(await again.reservation()).toEqual(await b.reservation());
  expect(await again.release(key(1), ReservationType.WRITE_EXCLUSIVE)).toMatchObject(Expected.GOOD);
  expect(await b.reservation()).toEqual({ generation: 2 });
});

test('the upper and lower case of an initiator port name are the same port', async () => {
  const harness = await memoryHarness();
  const upper = harness.connect(port(0xabc).toUpperCase());
  await upper.settle();
  const lower = await connectRegistrant(harness, 0xabc);
  await lower.register(key(0), key(1));
  expect((await lower.fullStatus()).registrations).toMatchObject([{ initiatorPort: port(0xabc) }]);
  upper.nexus.close();
  expect(await lower.register(key(1), key(2))).toMatchObject(Expected.GOOD);
});

describe('REGISTER AND MOVE', () => {
  const type = ReservationType.EXCLUSIVE_ACCESS;

  test('registers another nexus and makes it the holder', async () => {
    const { a, b } = await threeRegistrants([1]);
    await a.reserve(key(1), type);
    const destination = { initiatorPort: port(2), relativePort: 1 };
    const move = { key: key(1), serviceActionKey: key(7), destination };
    expect(await a.move(move)).toMatchObject(Expected.GOOD);
    expect(await a.keys()).toEqual({ generation: 2, keys: [key(1), key(7)] });
    expect(await b.reservation()).toEqual({ generation: 2, reservation: { key: key(7), type } });
    expect(await a.move(move)).toMatchObject(Expected.RESERVATION_CONFLICT);
  });

  test('with UNREG removes the registration of the sender, and the reservation stays', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    await a.reserve(key(1), type);
    const destination = { initiatorPort: port(2), relativePort: 1 };
    const move = { key: key(1), serviceActionKey: key(7), destination, unregister: true };
    expect(await a.move(move)).toMatchObject(Expected.GOOD);
    expect(await b.keys()).toEqual({ generation: 3, keys: [key(7)] });
    expect((await b.reservation()).reservation).toEqual({ key: key(7), type });
  });

  test('is refused without a reservation, of all registrants, to oneself, without a key, to no port', async () => {
    const { a, b } = await threeRegistrants([1, 2]);
    const destination = { initiatorPort: port(2), relativePort: 1 };
    const move = { key: key(1), serviceActionKey: key(7), destination };
    expect(await a.move(move)).toMatchObject(invalidCdb(1, 4));
    await a.reserve(key(1), ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS);
    expect(await a.move(move)).toMatchObject(Expected.RESERVATION_CONFLICT);
    await a.release(key(1), ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS);
    await b.initiator.settle();
    await a.reserve(key(1), type);
    expect(await a.move({ ...move, key: key(9) })).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await b.move({ ...move, key: key(2) })).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await a.move({ ...move, serviceActionKey: key(0) })).toMatchObject(invalidList(8));
    const own = { initiatorPort: port(1), relativePort: 1 };
    expect(await a.move({ ...move, destination: own })).toMatchObject(invalidList(24));
    const nowhere = { initiatorPort: port(2), relativePort: 5 };
    expect(await a.move({ ...move, destination: nowhere })).toMatchObject(invalidList(18));
  });

  test('with a cut off or foreign TransportID is refused', async () => {
    const { a } = await threeRegistrants([1]);
    const list = new Uint8Array(48);
    expect(await a.out(PR_OUT_REGISTER_AND_MOVE, list.subarray(0, 24))).toMatchObject(
      Expected.LIST_LENGTH_ERROR,
    );
    list[23] = 25;
    expect(await a.out(PR_OUT_REGISTER_AND_MOVE, list)).toMatchObject(Expected.LIST_LENGTH_ERROR);
    list[23] = 24;
    list[27] = 24;
    expect(await a.out(PR_OUT_REGISTER_AND_MOVE, list)).toMatchObject(Expected.LIST_LENGTH_ERROR);
    list[27] = 20;
    expect(await a.out(PR_OUT_REGISTER_AND_MOVE, list)).toMatchObject(invalidList(24));
  });
});

describe('the parameter list', () => {
  test.each([PR_OUT_REGISTER, PR_OUT_RESERVE, PR_OUT_RELEASE, PR_OUT_CLEAR])(
    'of $name is 24 bytes long',
    async (cdb) => {
      const { a } = await threeRegistrants([1]);
      for (const length of [0, 23, 25, 28, 65_535]) {
        const answer = await a.out(cdb, new Uint8Array(length));
        expect(answer, `${length} bytes`).toMatchObject(Expected.LIST_LENGTH_ERROR);
      }
      const huge = cdb.encode({ PARAMETER_LIST_LENGTH: 0xffff_ffff });
      expect(await a.initiator.send(huge)).toMatchObject(Expected.LIST_LENGTH_ERROR);
    },
  );

  test('that is shorter than the CDB says is refused', async () => {
    const { a } = await threeRegistrants([]);
    const cdb = PR_OUT_REGISTER.encode({ PARAMETER_LIST_LENGTH: 24 });
    const answer = await a.initiator.send(cdb, { dataOut: new Uint8Array(23) });
    expect(answer).toMatchObject(Expected.TOO_LITTLE_DATA);
  });

  test('with SPEC_I_PT is refused by every service action but REGISTER', async () => {
    const { a } = await threeRegistrants([1]);
    const list = buildReserveOutList({ key: key(1), initiatorPorts: [port(9)] });
    for (const cdb of [PR_OUT_RESERVE, PR_OUT_RELEASE, PR_OUT_CLEAR]) {
      expect(await a.out(cdb, list)).toMatchObject(invalidList(20, 3));
    }
    expect(await a.registerIgnoring(key(2), { initiatorPorts: [] })).toMatchObject(invalidList(20, 3));
  });

  test('with TransportIDs that are cut off, or are none of iSCSI ports, is refused', async () => {
    const { a } = await threeRegistrants([]);
    const list = buildReserveOutList({ serviceActionKey: key(1), initiatorPorts: [port(9)] });
    const cut = list.subarray(0, list.length - 4);
    expect(await a.out(PR_OUT_REGISTER, cut)).toMatchObject(Expected.LIST_LENGTH_ERROR);
    const truncated = Uint8Array.from(cut);
    truncated[27]! -= 4;
    expect(await a.out(PR_OUT_REGISTER, truncated)).toMatchObject(Expected.LIST_LENGTH_ERROR);
    for (const firstByte of [0x05, 0x40, 0x85]) {
      const foreign = Uint8Array.from(list);
      foreign[28] = firstByte;
      expect(await a.out(PR_OUT_REGISTER, foreign)).toMatchObject(invalidList(28));
    }
  });
});
