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
