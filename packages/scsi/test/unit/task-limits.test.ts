import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  encodeLun,
  LogicalUnit,
  READ_10,
  RESERVE_6,
  retryDelayMs,
  Status,
  TOO_MANY_NEXUSES,
} from '../../src/index.ts';
import { attention, Expected } from '../support/expected-sense.ts';
import { memoryHarness } from '../support/harness.ts';
import { selectControl, TestTask, TUR } from '../support/task-control.ts';

const READ_BLOCK = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
const TASK_SET_FULL = { status: Status.TASK_SET_FULL };
const BUSY = { status: Status.BUSY };

describe('SAM-5 5.3.1: a task set that is full', () => {
  test('TASK SET FULL answers who has too many tasks, running or waiting, and others go on', async () => {
    const harness = await memoryHarness({ maxNexusTasks: 3 });
    const { initiator, unit } = harness;
    const other = await harness.connectReady('other');
    const running = new TestTask(initiator, READ_BLOCK);
    const waiting = [new TestTask(initiator, READ_BLOCK, 'ordered'), new TestTask(initiator, READ_BLOCK)];
    for (const attribute of ['simple', 'ordered', 'head-of-queue'] as const)
      expect(await initiator.send(TUR, { attribute })).toMatchObject(TASK_SET_FULL);
    expect(await other.send(TUR, { attribute: 'head-of-queue' })).toMatchObject(Expected.GOOD);
    await running.finish();
    for (const task of waiting) expect((await task.finish()).data).toHaveLength(512);
    expect(await initiator.send(TUR)).toMatchObject(Expected.GOOD);
    expect(unit.tasks.activeCount).toBe(0);
  });

  test('BUSY answers who has no task in a set that others have filled', async () => {
    const harness = await memoryHarness({ maxTasks: 2 });
    const other = await harness.connectReady('other');
    const tasks = [new TestTask(harness.initiator, READ_BLOCK), new TestTask(harness.initiator, READ_BLOCK)];
    expect(await other.send(TUR)).toMatchObject(BUSY);
    const refused = await other.nexus.execute(encodeLun(0), other.command(TUR));
    expect(refused).toMatchObject({ ...BUSY, statusQualifier: TOO_MANY_NEXUSES });
    expect(await harness.initiator.send(TUR)).toMatchObject(TASK_SET_FULL);
    for (const task of tasks) await task.finish();
    expect(await other.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('nothing is kept of a command that is turned away, and a refused one makes no room', async () => {
    const { initiator, unit } = await memoryHarness({ maxTasks: 1, maxNexusTasks: 1 });
    const only = new TestTask(initiator, READ_BLOCK);
    for (let i = 0; i < 1000; i++) expect(await initiator.send(READ_BLOCK)).toMatchObject(TASK_SET_FULL);
    expect(unit.tasks.activeCount).toBe(1);
    await only.finish();
    expect(await initiator.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('the limits are positive integers', () => {
    const device = new MemoryDevice({ size: 512 });
    const identity = new Uint8Array(16);
    for (const limits of [{ maxTasks: 0 }, { maxNexusTasks: 0 }, { maxTasks: 1.5 }, { maxNexusTasks: NaN }])
      expect(() => new LogicalUnit({ device, identity, ...limits })).toThrow(RangeError);
    expect(new LogicalUnit({ device, identity, maxTasks: 5 }).tasks.limits).toEqual({
      maxTasks: 5,
      maxNexusTasks: 5,
    });
  });
});

describe('a status qualifier (SAM-5 5.3.2)', () => {
  test.each([
    [Status.BUSY, 0x0001, 100],
    [Status.TASK_SET_FULL, 0x4010, 1600],
    [Status.BUSY, 0xbfef, 1_636_700],
    [Status.BUSY, 0x0000, undefined],
    [Status.BUSY, 0x3ff0, undefined],
    [Status.BUSY, 0x3ffe, undefined],
    [Status.BUSY, TOO_MANY_NEXUSES, undefined],
    [Status.BUSY, 0xc001, undefined],
    [Status.RESERVATION_CONFLICT, 0x0001, undefined],
    [Status.GOOD, 0x0001, undefined],
  ])('of status %d that is %d asks to wait for %s ms', (status, statusQualifier, delayMs) => {
    expect(retryDelayMs(status, statusQualifier)).toBe(delayMs);
  });
});

describe('UA_INTLCK_CTRL (SPC-4 table 461)', () => {
  const PREVIOUS = {
    full: attention(AdditionalSenseCode.PREVIOUS_TASK_SET_FULL_STATUS),
    busy: attention(AdditionalSenseCode.PREVIOUS_BUSY_STATUS),
    conflict: attention(AdditionalSenseCode.PREVIOUS_RESERVATION_CONFLICT_STATUS),
  };

  test('11b: TASK SET FULL, BUSY and RESERVATION CONFLICT are told of again, once each', async () => {
    const harness = await memoryHarness({ maxTasks: 1 });
    const { initiator } = harness;
    const other = await harness.connectReady('other');
    await selectControl(initiator, { UA_INTLCK_CTRL: 3 });
    await other.drop();
    const task = new TestTask(initiator, READ_BLOCK);
    for (let i = 0; i < 3; i++) {
      expect(await initiator.send(TUR)).toMatchObject(TASK_SET_FULL);
      expect(await other.send(TUR)).toMatchObject(BUSY);
    }
    await task.finish();
    expect(await initiator.send(TUR)).toMatchObject(PREVIOUS.full);
    expect(await other.send(TUR)).toMatchObject(PREVIOUS.busy);
    await initiator.drop();
    await other.drop();
    expect(await initiator.send(RESERVE_6.encode())).toMatchObject(Expected.GOOD);
    expect(await other.send(TUR)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await other.send(TUR)).toMatchObject(PREVIOUS.conflict);
  });

  test('00b: they are not', async () => {
    const { initiator } = await memoryHarness({ maxTasks: 1 });
    const task = new TestTask(initiator, READ_BLOCK);
    expect(await initiator.send(TUR)).toMatchObject(TASK_SET_FULL);
    await task.finish();
    expect(await initiator.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('10b: a unit attention stays until REQUEST SENSE has fetched it', async () => {
    const harness = await memoryHarness({ blocks: 1024 });
    await selectControl(harness.initiator, { UA_INTLCK_CTRL: 2 });
    harness.device.resize(2048 * 512);
    const changed = attention(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED);
    for (let i = 0; i < 3; i++) expect(await harness.initiator.send(TUR)).toMatchObject(changed);
    await harness.initiator.drop();
    expect(await harness.initiator.send(TUR)).toMatchObject(Expected.GOOD);
  });
});
