import { beforeEach, expect, test } from 'vitest';
import { encodeLun, ReservationType } from '../../src/index.ts';
import { Expected } from '../support/expected-sense.ts';
import type { Harness, Initiator } from '../support/harness.ts';
import { key, Registrant } from '../support/registrant.ts';
import {
  establishAca,
  FAILS_WITH_NACA,
  faultyScene,
  READ_BLOCK,
  settled,
  TestTask,
  TUR,
  WRITE_BLOCK,
} from '../support/task-control.ts';

const LUN_0 = encodeLun(0);

let harness: Harness;
let faulty: Initiator;
let other: Initiator;

beforeEach(async () => {
  ({ harness, faulty, other } = await faultyScene());
});

test('a command that fails when its nexus is lost already keeps nobody out', async () => {
  const running = new TestTask(faulty, READ_BLOCK);
  const failing = new TestTask(faulty, FAILS_WITH_NACA, 'ordered');
  faulty.nexus.close();
  await running.finish();
  expect(await failing.finish()).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  expect(await other.send(TUR)).toMatchObject(Expected.GOOD);
});

test.each([
  ['CLEAR ACA', () => faulty.nexus.clearAca(LUN_0)],
  ['LOGICAL UNIT RESET', () => faulty.nexus.resetUnit(LUN_0)],
])('PREEMPT AND ABORT waits for a task with the ACA attribute that %s has aborted', async (_, abort) => {
  const victim = new Registrant(faulty);
  const preemptor = new Registrant(other);
  await victim.register(key(0), key(1));
  await preemptor.register(key(0), key(2));
  await establishAca(faulty);
  const write = new TestTask(faulty, WRITE_BLOCK, 'aca');
  write.abort();
  abort();
  await other.drop();
  let fenced = false;
  const { WRITE_EXCLUSIVE } = ReservationType;
  const preempting = preemptor.preempt(key(2), key(1), WRITE_EXCLUSIVE, true).then((answer) => {
    fenced = true;
    return answer;
  });
  await settled();
  // The device still works for the task.
  expect(fenced).toBe(false);
  if (write.execution?.kind === 'data-out') write.execution.end?.();
  expect(await preempting).toMatchObject(Expected.GOOD);
  expect(harness.unit.tasks.activeCount).toBe(0);
});
