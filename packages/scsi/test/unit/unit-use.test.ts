import { expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  contentReplaced,
  PR_OUT_REGISTER,
  PR_OUT_RESERVE,
  RELEASE_6,
  RESERVE_6,
  SenseKey,
  TEST_UNIT_READY,
  unitUse,
} from '../../src/index.ts';
import { Expected } from '../support/expected-sense.ts';
import { Initiator, memoryHarness } from '../support/harness.ts';

const REPLACED = { senseKey: SenseKey.UNIT_ATTENTION, ...AdditionalSenseCode.NOT_READY_TO_READY_CHANGE };
const tur = TEST_UNIT_READY.encode();

test('a unit tells who uses it, and reservations of those who are gone', async () => {
  const { initiator, target, unit } = await memoryHarness();
  const { initiators } = unitUse(unit);
  expect(unitUse(unit)).toEqual({
    doors: [],
    initiators: [expect.stringContaining(',i,0x')],
    reserved: false,
  });
  const other = new Initiator(target, 'iqn.2026-01.test.initiator:z,i,0x000000000001');
  expect(unitUse(unit).initiators).toEqual([...initiators, 'iqn.2026-01.test.initiator:z,i,0x000000000001']);
  await initiator.send(RESERVE_6.encode());
  expect(unitUse(unit).reserved).toBe(true);
  await initiator.send(RELEASE_6.encode());
  expect(unitUse(unit).reserved).toBe(false);
  await other.settle();
  const list = (key: number, action: number): Uint8Array => {
    const bytes = new Uint8Array(24);
    bytes[action] = key;
    return bytes;
  };
  const send = (cdb: Uint8Array, dataOut: Uint8Array) => other.send(cdb, { dataOut });
  await send(PR_OUT_REGISTER.encode({ PARAMETER_LIST_LENGTH: 24 }), list(1, 15));
  await send(PR_OUT_RESERVE.encode({ TYPE: 1, PARAMETER_LIST_LENGTH: 24 }), list(1, 7));
  other.nexus.close();
  expect(unitUse(unit)).toEqual({ doors: [], initiators, reserved: true });
});

test('every initiator hears once that the content has been replaced, and at once where that is possible', async () => {
  const { initiator, unit } = await memoryHarness();
  contentReplaced(unit);
  expect(initiator.changes.at(-1)).toMatchObject({ lun: 0, sense: REPLACED });
  expect(await initiator.send(tur)).toMatchObject({ sense: REPLACED });
  expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
});
