import { describe, expect, test } from 'vitest';
import {
  COMPARE_AND_WRITE,
  encodeLun,
  INQUIRY,
  READ_10,
  ReservationType,
  SYNCHRONIZE_CACHE_10,
  WRITE_10,
} from '../../src/index.ts';
import { memoryHarness, type Harness, type Initiator } from '../support/harness.ts';
import { key, Registrant } from '../support/registrant.ts';
import {
  FAILS,
  FAILS_WITH_NACA,
  NACA,
  selectControl,
  TestTask,
  TUR,
  TUR_NACA,
} from '../support/task-control.ts';

const LUN_0 = encodeLun(0);
const LIMITS = { maxTasks: 12, maxNexusTasks: 6 };
const ROUNDS = 300;

const CDBS: readonly Uint8Array[] = [
  TUR,
  TUR_NACA,
  FAILS,
  FAILS_WITH_NACA,
  READ_10.encode({ TRANSFER_LENGTH: 1, CONTROL: NACA }),
  READ_10.encode({ TRANSFER_LENGTH: 2 }),
  WRITE_10.encode({ TRANSFER_LENGTH: 1 }),
  WRITE_10.encode({ TRANSFER_LENGTH: 1, CONTROL: NACA }),
  COMPARE_AND_WRITE.encode({ NUMBER_OF_LOGICAL_BLOCKS: 1, CONTROL: NACA }),
  SYNCHRONIZE_CACHE_10.encode(),
  INQUIRY.encode({ ALLOCATION_LENGTH: 96 }),
  Uint8Array.of(0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NACA),
];
const ATTRIBUTES = ['simple', 'simple', 'simple', 'ordered', 'head-of-queue', 'aca', 'aca'] as const;

/** A generator of numbers that are the same for the same seed (mulberry32). */
function dice(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** An initiator and the transport on its way: what is aborted is dropped, and ends when its data is moved. */
class Node {
  readonly initiator: Initiator;
  tasks: TestTask[] = [];
  readonly endings: Promise<unknown>[] = [];
  readonly #finishing = new Set<TestTask>();

  constructor(initiator: Initiator) {
    this.initiator = initiator;
    initiator.onTasksAborted = (_, except) => this.#abort(({ command }) => command !== except);
  }

  send(cdb: Uint8Array, attribute: (typeof ATTRIBUTES)[number]): void {
    this.tasks.push(new TestTask(this.initiator, cdb, attribute));
  }

  /** One of them goes on to its end, as far as nothing keeps it. */
  finish(task: TestTask | undefined): void {
    if (task === undefined) return;
    this.tasks = this.tasks.filter((other) => other !== task);
    this.endings.push(task.finish());
    this.#finishing.add(task);
  }

  abortOne(task: TestTask | undefined): void {
    if (task !== undefined) this.#abort((other) => other === task);
  }

  clearAca(): void {
    this.#abort(({ command }) => command.attribute === 'aca');
    this.initiator.nexus.clearAca(LUN_0);
  }

  close(): void {
    this.#abort(() => true);
    this.initiator.nexus.close();
  }

  #abort(affected: (task: TestTask) => boolean): void {
    for (const task of [...this.tasks, ...this.#finishing]) {
      if (!affected(task)) continue;
      task.abort();
      if (!this.#finishing.has(task)) this.finish(task);
    }
  }
}

type Step = (harness: Harness, node: Node, roll: (limit: number) => number) => void;

const send: Step = (_, node, roll) =>
  node.send(CDBS[roll(CDBS.length)]!, ATTRIBUTES[roll(ATTRIBUTES.length)]!);
const finish: Step = (_, node, roll) => node.finish(node.tasks[roll(node.tasks.length || 1)]);

const STEPS: readonly Step[] = [
  ...Array.from({ length: 12 }, () => send),
  ...Array.from({ length: 6 }, () => finish),
  (_, node, roll) => node.abortOne(node.tasks[roll(node.tasks.length || 1)]),
  (_, node) => node.clearAca(),
  (_, node) => node.initiator.nexus.resetUnit(LUN_0),
  (_, node) => node.initiator.nexus.clearTaskSet(LUN_0),
  (_, node, roll) => {
    const fields = { TST: roll(2), QERR: [0, 1, 3][roll(3)]!, UA_INTLCK_CTRL: [0, 2, 3][roll(3)]! };
    node.endings.push(selectControl(node.initiator, fields, ATTRIBUTES[roll(ATTRIBUTES.length)]));
  },
  (_, node, roll) => {
    const preempted = key(1 + roll(3));
    node.endings.push(preemptAndAbort(node.initiator, preempted));
  },
];

async function preemptAndAbort(initiator: Initiator, preempted: string): Promise<void> {
  const registrant = new Registrant(initiator);
  await registrant.registerIgnoring(key(9));
  await registrant.preempt(key(9), preempted, ReservationType.WRITE_EXCLUSIVE, true);
}

async function play(seed: number): Promise<void> {
  const roll = dice(seed);
  const harness = await memoryHarness(LIMITS);
  const nodes: Node[] = [];
  const all: Node[] = [];
  const connect = (at: number): void => {
    const node = new Node(harness.connect(`iqn.2026-01.test.initiator:${at},i,0x00000000000${at}`));
    node.endings.push(new Registrant(node.initiator).registerIgnoring(key(1 + at)));
    nodes[at] = node;
    all.push(node);
  };
  for (let at = 0; at < 3; at++) connect(at);
  for (let round = 0; round < ROUNDS; round++) {
    const at = roll(nodes.length);
    if (roll(60) === 0) {
      nodes[at]!.close();
      connect(at);
    } else STEPS[roll(STEPS.length)]!(harness, nodes[at]!, roll);
    if (roll(4) === 0) await new Promise(setImmediate);
    expect(harness.unit.tasks.activeCount).toBeLessThanOrEqual(LIMITS.maxTasks + nodes.length);
  }
  for (const node of nodes) node.clearAca();
  for (let turn = 0; turn < 50; turn++) {
    for (const node of nodes) while (node.tasks.length > 0) node.finish(node.tasks[0]);
    await new Promise(setImmediate);
    for (const node of nodes) node.clearAca();
  }
  await Promise.all(all.flatMap(({ endings }) => endings));
  expect(harness.unit.tasks.activeCount).toBe(0);
  expect(harness.unit.aca.established).toBe(false);
  for (const { busy } of harness.unit.nexuses) expect(busy).toBe(false);
  expect(harness.internalErrors).toEqual([]);
}

describe('whatever initiators do with ACA, aborts, resets and preemption', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'every task ends and leaves the task set (seed %i)',
    (seed) => play(seed),
    5000,
  );
});
