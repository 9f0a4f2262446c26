import { SimulatedClock } from '@lunbox/block';
import { expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildModeParameters,
  buildProvisioningPage,
  COMPARE_AND_WRITE,
  FORMAT_UNIT,
  MODE_SELECT_6,
  MODE_SENSE_6,
  parseModeParameters,
  parseProvisioningPage,
  SANITIZE_BLOCK_ERASE,
  TEST_UNIT_READY,
  WRITE_10,
  WRITE_ATOMIC_16,
  WRITE_SAME_16,
  type SpaceUsage,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { hex, memoryHarness, pattern, type Initiator } from '../support/harness.ts';

const SET = 2 ** 20;
const reached = attention(AdditionalSenseCode.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED);

function select(initiator: Initiator, page: Uint8Array) {
  const dataOut = buildModeParameters(6, { deviceSpecific: 0, longLba: false, pages: [page] });
  return initiator.send(MODE_SELECT_6.encode({ PF: 1, PARAMETER_LIST_LENGTH: dataOut.length }), { dataOut });
}

/** Two initiators, a clock, and a space usage that a test sets. */
async function thin(later = false) {
  const clock = new SimulatedClock();
  const usage = { usedBytes: 0, availableBytes: 100 * SET };
  const space = () => (later ? Promise.resolve<SpaceUsage>(usage) : usage);
  const harness = await memoryHarness({ clock, space });
  const other = await harness.connectReady('other');
  const write = async () => {
    clock.advance(1000);
    const answer = await harness.initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 1 }), {
      dataOut: pattern(512),
    });
    await Promise.resolve();
    return answer;
  };
  const set = async (thresholds: Parameters<typeof buildProvisioningPage>[0]) => {
    expect(await select(harness.initiator, buildProvisioningPage(thresholds))).toMatchObject(Expected.GOOD);
    await other.send(TEST_UNIT_READY.encode());
  };
  return { ...harness, initiator: harness.initiator, other, usage, clock, write, set };
}

const ready = (initiator: Initiator) => initiator.send(TEST_UNIT_READY.encode());

test.each([false, true])(
  'a threshold that is reached is a unit attention for everyone (%s)',
  async (later) => {
    const { initiator, other, usage, write, set } = await thin(later);
    await set({ availableCount: 10 });
    await write();
    expect(await ready(initiator)).toMatchObject(Expected.GOOD);
    usage.availableBytes = 10 * SET;
    await write();
    expect(await ready(initiator)).toMatchObject(reached);
    expect(await ready(other)).toMatchObject(reached);
  },
);

test('it is told once, and again when the count has been on the other side meanwhile', async () => {
  const { initiator, usage, write, set } = await thin();
  await set({ usedCount: 3 });
  for (let round = 0; round < 2; round++) {
    usage.usedBytes = 3 * SET;
    await write();
    expect(await ready(initiator)).toMatchObject(reached);
    await write();
    expect(await ready(initiator)).toMatchObject(Expected.GOOD);
    usage.usedBytes = 3 * SET - 1;
    await write();
    expect(await ready(initiator)).toMatchObject(Expected.GOOD);
  }
});

test('with SITUA only the initiator that wrote hears of it', async () => {
  const { initiator, other, usage, write, set } = await thin();
  await set({ usedCount: 1, singleInitiator: true });
  usage.usedBytes = SET;
  await write();
  expect(await ready(other)).toMatchObject(Expected.GOOD);
  expect(await ready(initiator)).toMatchObject(reached);
});

test('one that is reached when it is set is told at once; WRITE SAME is looked at, too', async () => {
  const { initiator, usage, clock, set } = await thin();
  usage.usedBytes = SET;
  await select(initiator, buildProvisioningPage({ usedCount: 1 }));
  expect(await ready(initiator)).toMatchObject(reached);
  await set({ usedCount: 2 });
  usage.usedBytes = 2 * SET;
  clock.advance(1000);
  const same = WRITE_SAME_16.encode({ NDOB: 1, NUMBER_OF_LOGICAL_BLOCKS: 1 });
  expect(await initiator.send(same)).toMatchObject(Expected.GOOD);
  expect(await ready(initiator)).toMatchObject(reached);
});

const format = [FORMAT_UNIT.encode({}), undefined] as const;
const swap = [COMPARE_AND_WRITE.encode({ NUMBER_OF_LOGICAL_BLOCKS: 1 }), new Uint8Array(1024)] as const;
const atomic = [WRITE_ATOMIC_16.encode({ TRANSFER_LENGTH: 1 }), new Uint8Array(512)] as const;
const erase = [SANITIZE_BLOCK_ERASE.encode({ AUSE: 1 }), undefined] as const;

test.each([
  ['COMPARE AND WRITE', swap],
  ['WRITE ATOMIC', atomic],
  ['FORMAT UNIT', format],
  ['SANITIZE', erase],
])('%s is looked at like any other write', async (_name, [cdb, dataOut]) => {
  const { initiator, other, usage, clock, set } = await thin();
  await set({ usedCount: 1 });
  usage.usedBytes = SET;
  clock.advance(1000);
  expect(await initiator.send(cdb, dataOut && { dataOut })).toMatchObject(Expected.GOOD);
  expect(await ready(other)).toMatchObject(reached);
});

test('space is asked for once a second at most, and never without a threshold or LBPERE', async () => {
  const clock = new SimulatedClock();
  let asked = 0;
  const space = () => {
    asked++;
    return { usedBytes: 0, availableBytes: SET };
  };
  const { initiator } = await memoryHarness({ clock, space });
  const write = () => initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 1 }), { dataOut: pattern(512) });
  await write();
  expect(asked).toBe(0);
  await select(initiator, buildProvisioningPage({ usedCount: 9 }));
  for (let i = 0; i < 5; i++) await write();
  expect(asked).toBe(1);
  clock.advance(1000);
  await write();
  expect(asked).toBe(2);
  await select(initiator, hex('01 0a 00 00000000 00 00000000'));
  clock.advance(1000);
  await write();
  expect(asked).toBe(2);
});

test('a failure to tell the space is reported as a mistake, and harms no write', async () => {
  const harness = await memoryHarness({ space: () => Promise.reject(new Error('gone')) });
  const { initiator, internalErrors } = harness;
  await select(initiator, buildProvisioningPage({ usedCount: 1 }));
  const write = WRITE_10.encode({ TRANSFER_LENGTH: 1 });
  expect(await initiator.send(write, { dataOut: pattern(512) })).toMatchObject(Expected.GOOD);
  await new Promise(setImmediate);
  expect(internalErrors).toHaveLength(1);
});

test('the page is there only where space is known; resources and arming cannot be changed', async () => {
  const { initiator } = await thin();
  const cdb = MODE_SENSE_6.encode({ PAGE_CODE: 0x1c, SUBPAGE_CODE: 2, DBD: 1, ALLOCATION_LENGTH: 255 });
  const { data } = await initiator.send(cdb);
  const [page] = parseModeParameters(6, data).pages;
  const descriptors = '00 01 0000 00000000 01 02 0000 00000000';
  expect(page?.bytes).toEqual(hex(`5c 02 001c 00 ${'00'.repeat(11)} ${descriptors}`));
  const built = buildProvisioningPage({ availableCount: 5, singleInitiator: true });
  expect(parseProvisioningPage(built)).toMatchObject({
    singleInitiator: true,
    thresholds: [{ ENABLED: 1, THRESHOLD_COUNT: 5 }, { ENABLED: 0 }],
  });
  built[16 + 1] = 2;
  expect(await select(initiator, built)).toMatchObject(invalidList(4 + 17, 1));
  const { initiator: without } = await memoryHarness();
  expect(await without.send(cdb)).toMatchObject(invalidCdb(2, 5));
});
