import { describe, expect, test } from 'vitest';
import { AdditionalSenseCode, encodeLun, READ_10, Status } from '../../src/index.ts';
import { attention, Expected } from '../support/expected-sense.ts';
import { memoryHarness, type Initiator } from '../support/harness.ts';
import { FAILS, FAILS_WITH_NACA, selectControl, TestTask, TUR } from '../support/task-control.ts';

const READ_BLOCK = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
const CLEARED = attention(AdditionalSenseCode.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);

/** An initiator with a read under way and another that waits, whose transport aborts as it is told. */
class BusyInitiator {
  readonly initiator: Initiator;
  readonly running: TestTask;
  readonly waiting: TestTask;

  constructor(initiator: Initiator) {
    this.initiator = initiator;
    this.running = new TestTask(initiator, READ_BLOCK);
    this.waiting = new TestTask(initiator, READ_BLOCK, 'ordered');
    initiator.onTasksAborted = (_lun, except) => {
      for (const { command } of [this.running, this.waiting]) if (command !== except) command.aborted = true;
    };
  }

  get aborted(): boolean[] {
    return [this.running, this.waiting].map(({ command }) => command.aborted);
  }

  /** Ends both. */
  async finish(): Promise<void> {
    await this.running.finish();
    await this.waiting.finish();
  }
}

async function scene(control: { TST?: number; QERR?: number }) {
  const harness = await memoryHarness();
  const other = await harness.connectReady('other');
  await selectControl(harness.initiator, control);
  await other.settle();
  const failing = await harness.connectReady('failing');
  const own = new BusyInitiator(failing);
  return { harness, failing, own, theirs: new BusyInitiator(other), idle: harness.initiator };
}

/** A command that fails at once, although others wait. */
function fail(initiator: Initiator, cdb: Uint8Array = FAILS) {
  return initiator.send(cdb, { attribute: 'head-of-queue' });
}

describe('QERR: what CHECK CONDITION does to other commands (SPC-4 table 460)', () => {
  test('00b: nothing', async () => {
    const { own, theirs, failing } = await scene({ QERR: 0 });
    expect(await fail(failing)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    expect([own.aborted, theirs.aborted]).toEqual([
      [false, false],
      [false, false],
    ]);
  });

  test('01b with TST 000b: aborts those of all nexuses, and the others hear of it', async () => {
    const { own, theirs, failing, idle, harness } = await scene({ QERR: 1 });
    expect(await fail(failing)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    expect([own.aborted, theirs.aborted]).toEqual([
      [true, true],
      [true, true],
    ]);
    expect((await own.waiting.finish()).status).toBe(Status.TASK_ABORTED);
    await own.finish();
    await theirs.finish();
    expect(await theirs.initiator.send(TUR)).toMatchObject(CLEARED);
    for (const initiator of [failing, idle, theirs.initiator])
      expect(await initiator.send(TUR)).toMatchObject(Expected.GOOD);
    expect(harness.unit.tasks.activeCount).toBe(0);
  });

  test.each([{ QERR: 1, TST: 1 }, { QERR: 3 }, { QERR: 3, TST: 1 }])(
    '%o: aborts those of the same nexus only',
    async (control) => {
      const { own, theirs, failing } = await scene(control);
      expect(await fail(failing)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
      expect([own.aborted, theirs.aborted]).toEqual([
        [true, true],
        [false, false],
      ]);
      await own.finish();
      await theirs.finish();
      expect(await theirs.initiator.send(TUR)).toMatchObject(Expected.GOOD);
    },
  );

  test('a command that fails itself, and one that was aborted, are not aborted and abort nothing', async () => {
    const { own, failing } = await scene({ QERR: 3 });
    const told: unknown[] = [];
    failing.onTasksAborted = (lun, except) => told.push([lun, except === own.running.command]);
    failing.nexus.commandFailed(encodeLun(0), own.running.command);
    failing.nexus.commandFailed(encodeLun(0), own.running.command);
    own.waiting.command.aborted = true;
    failing.nexus.commandFailed(encodeLun(0), own.waiting.command);
    expect(told).toEqual([[0, true]]);
  });

  test('with NACA the ACA condition is there besides, and nothing is left that it blocks', async () => {
    const { own, theirs, failing, harness } = await scene({ QERR: 1 });
    expect(await fail(failing, FAILS_WITH_NACA)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    await own.finish();
    await theirs.finish();
    expect(await failing.send(TUR)).toMatchObject({ status: Status.ACA_ACTIVE });
    failing.nexus.clearAca(encodeLun(0));
    expect(harness.unit.tasks.activeCount).toBe(0);
  });
});

describe('TST (SPC-4 table 458)', () => {
  test('001b: ORDERED commands wait for those of their own nexus only', async () => {
    const harness = await memoryHarness();
    const other = await harness.connectReady('other');
    await selectControl(harness.initiator, { TST: 1 });
    await other.settle();
    const running = new TestTask(harness.initiator, READ_BLOCK);
    const ordered = new TestTask(harness.initiator, READ_BLOCK, 'ordered');
    const later = new TestTask(harness.initiator, READ_BLOCK);
    expect([ordered.execution, later.execution]).toEqual([undefined, undefined]);
    expect(await other.send(TUR, { attribute: 'ordered' })).toMatchObject(Expected.GOOD);
    const theirs = new TestTask(other, READ_BLOCK, 'ordered');
    expect(theirs.execution?.kind).toBe('data-in');
    expect(await other.send(TUR, { attribute: 'head-of-queue' })).toMatchObject(Expected.GOOD);
    for (const task of [running, ordered, later, theirs]) await task.finish();
    expect(harness.unit.tasks.activeCount).toBe(0);
  });

  test('001b: CLEAR TASK SET is for the commands of the nexus that sends it', async () => {
    const { own, theirs, failing } = await scene({ TST: 1 });
    failing.nexus.clearTaskSet(encodeLun(0));
    expect([own.aborted, theirs.aborted]).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(await own.waiting.finish()).toMatchObject({ status: Status.TASK_ABORTED });
  });

  test('a change of it lets go on what waits for nobody any more', async () => {
    const harness = await memoryHarness();
    const other = await harness.connectReady('other');
    const running = new TestTask(harness.initiator, READ_BLOCK);
    const ordered = new TestTask(other, READ_BLOCK, 'ordered');
    expect(ordered.execution).toBeUndefined();
    await selectControl(harness.initiator, { TST: 1 }, 'head-of-queue');
    expect(await ordered.finish()).toMatchObject(attention(AdditionalSenseCode.MODE_PARAMETERS_CHANGED));
    await running.finish();
  });
});
