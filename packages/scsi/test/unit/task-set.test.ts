import { expect, test } from 'vitest';
import { AdditionalSenseCode, READ_10, TEST_UNIT_READY, type Execution } from '../../src/index.ts';
import { Expected } from '../support/expected-sense.ts';
import { memoryHarness, type Initiator } from '../support/harness.ts';

const read = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
const LUN_0 = new Uint8Array(8);

function startRead(initiator: Initiator, attribute: 'simple' | 'ordered' | 'head-of-queue' = 'simple') {
  return initiator.nexus.execute(LUN_0, initiator.command(read, { attribute }));
}

function running(execution: Execution | Promise<Execution>): Execution & { end?(): void } {
  if (execution instanceof Promise) throw new Error('waits');
  return execution;
}

test('an ORDERED task waits for every earlier one, and later ones wait for it', async () => {
  const { initiator, unit } = await memoryHarness();
  const first = running(startRead(initiator));
  const second = running(startRead(initiator));
  const order: string[] = [];
  const ordered = Promise.resolve(startRead(initiator, 'ordered')).then((execution) => {
    order.push('ordered');
    return execution;
  });
  const later = initiator.send(TEST_UNIT_READY.encode()).then((answer) => {
    order.push('later');
    return answer;
  });
  first.end?.();
  await new Promise(setImmediate);
  expect(order).toEqual([]);
  second.end?.();
  second.end?.();
  const execution = running(await ordered);
  await new Promise(setImmediate);
  expect(order).toEqual(['ordered']);
  execution.end?.();
  expect(await later).toMatchObject(Expected.GOOD);
  expect(unit.tasks.activeCount).toBe(0);
});

test('a HEAD OF QUEUE task starts at once, whatever waits', async () => {
  const { initiator } = await memoryHarness();
  const first = running(startRead(initiator));
  const ordered = startRead(initiator, 'ordered');
  running(startRead(initiator, 'head-of-queue')).end?.();
  first.end?.();
  running(await ordered).end?.();
});

test('a task that is aborted while it waits does nothing', async () => {
  const { initiator } = await memoryHarness();
  const first = running(startRead(initiator));
  const command = initiator.command(read, { attribute: 'ordered' });
  const waiting = initiator.nexus.execute(LUN_0, command);
  command.aborted = true;
  first.end?.();
  expect(await waiting).toMatchObject({ status: 0x40 });
  running(startRead(initiator, 'ordered')).end?.();
});

test('ORDERED and HEAD OF QUEUE commands that end at once leave nothing behind', async () => {
  const { initiator, unit } = await memoryHarness();
  for (const attribute of ['ordered', 'head-of-queue', 'simple', 'ordered'] as const) {
    expect(await initiator.send(TEST_UNIT_READY.encode(), { attribute })).toMatchObject(Expected.GOOD);
    expect((await initiator.send(read, { attribute })).data).toHaveLength(512);
    expect(await initiator.send(Uint8Array.of(0xff), { attribute })).toMatchObject(Expected.INVALID_OPCODE);
  }
  expect(unit.tasks.activeCount).toBe(0);
});

test('the ACA attribute is refused, as there is no ACA condition', async () => {
  const { initiator } = await memoryHarness();
  const answer = await initiator.send(TEST_UNIT_READY.encode(), { attribute: 'aca' });
  expect(answer.sense).toMatchObject(AdditionalSenseCode.INVALID_MESSAGE_ERROR);
});

test('CLEAR TASK SET aborts the tasks of every nexus, and those others hear of it (SAM-5 7.5)', async () => {
  const harness = await memoryHarness();
  const busy = await harness.connectReady('iqn.2026-01.test.initiator:b,i,0x000000000002');
  const idle = await harness.connectReady('iqn.2026-01.test.initiator:c,i,0x000000000003');
  const execution = running(startRead(busy));
  expect(harness.initiator.nexus.clearTaskSet(LUN_0)).toBe(true);
  expect(harness.initiator.nexus.clearTaskSet(Uint8Array.of(0, 9, 0, 0, 0, 0, 0, 0))).toBe(false);
  execution.end?.();
  expect([harness.initiator, busy, idle].map(({ abortedLuns }) => abortedLuns)).toEqual([[0], [0], [0]]);
  const { sense } = await busy.send(TEST_UNIT_READY.encode());
  expect(sense).toMatchObject(AdditionalSenseCode.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
  for (const other of [harness.initiator, idle]) {
    expect(await other.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
  }
});

test('a pending unit attention can be asked for, and stays pending (SAM-5 7.9)', async () => {
  const { initiator } = await memoryHarness();
  expect(initiator.nexus.pendingAttention(LUN_0)).toBeUndefined();
  initiator.nexus.resetUnit(LUN_0);
  const condition = AdditionalSenseCode.BUS_DEVICE_RESET_FUNCTION_OCCURRED;
  for (let i = 0; i < 2; i++)
    expect(initiator.nexus.pendingAttention(LUN_0)).toEqual({ ...condition, count: 1 });
  expect((await initiator.send(TEST_UNIT_READY.encode())).sense).toMatchObject(condition);
});
