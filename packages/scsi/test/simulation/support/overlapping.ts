import { yieldTurn } from '@lunbox/block';
import {
  buildReserveOutList,
  encodeLun,
  LogicalUnit,
  PR_OUT_CLEAR,
  PR_OUT_PREEMPT_AND_ABORT,
  PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY,
  READ_16,
  PR_OUT_RESERVE,
  ScsiTarget,
  SenseKey,
  Status,
  type CdbDefinition,
  type PersistentReserveOutCdb,
  type TaskAttribute,
} from '../../../src/index.ts';
import { Initiator } from '../../support/harness.ts';
import { key, port } from '../../support/registrant.ts';
import type { Dice } from './dice.ts';
import { Flight } from './flight.ts';
import { HistoryDevice } from './history-device.ts';
import { isLinearizable, type Part } from './linearize.ts';
import { MAKERS, numbersIn, type Plan } from './planned-commands.ts';

const BLOCKS = 8;
const NODES = 3;
/** Turns without anything to do after which a command is stuck. */
const MAX_IDLE_TURNS = 60;
/** The node whose registration is preempted. */
const LOSER = 1;

/** What happens in the middle of a round. */
type Disturbance =
  'none' | 'LOGICAL UNIT RESET' | 'CLEAR TASK SET' | 'ABORT TASK' | 'PREEMPT AND ABORT' | 'failure';

const DISTURBANCES: readonly Disturbance[] = [
  'none',
  'none',
  'none',
  'LOGICAL UNIT RESET',
  'CLEAR TASK SET',
  'ABORT TASK',
  'PREEMPT AND ABORT',
  'failure',
];

interface Sent {
  readonly flight: Flight;
  readonly plan: Plan;
  /** Its place among all commands of the round, in the order of sending. */
  readonly order: number;
}

/** Rounds of commands that overlap on one unit; after each the blocks must be explained by some order of them. */
export class Overlapping {
  readonly seen: Record<string, number> = {};
  readonly #dice: Dice;
  readonly #device: HistoryDevice;
  readonly #initiators: Initiator[] = [];
  readonly #lines: string[] = [];
  #blocks: number[] = new Array<number>(BLOCKS).fill(0);
  #moment = 0;
  #lastValue = 0;
  #sent: Sent[] = [];
  #disturbance: Disturbance = 'none';
  #disturbed = false;
  #preemption: Flight | undefined = undefined;

  constructor(dice: Dice) {
    this.#dice = dice;
    this.#device = new HistoryDevice(BLOCKS, dice);
    this.#device.torn = true;
    const target = new ScsiTarget({ onInternalError: (error) => this.#fail(String((error as Error).stack)) });
    const identity = new Uint8Array(16).fill(1);
    target.addUnit(0, new LogicalUnit({ device: this.#device, identity, atomicWriteBytes: 4096 }));
    for (let node = 0; node < NODES; node++) {
      const initiator = new Initiator(target, port(node + 1));
      // At once: what waits for its turn must not be carried out any more.
      initiator.onTasksAborted = () => {
        for (const { flight } of this.#sent) if (flight.node === node) flight.abort();
      };
      this.#initiators.push(initiator);
    }
  }

  async play(rounds: number): Promise<void> {
    for (const initiator of this.#initiators) await initiator.settle();
    for (let round = 0; round < rounds; round++) await this.#round();
  }

  async #round(): Promise<void> {
    this.#sent = [];
    this.#disturbed = false;
    this.#preemption = undefined;
    this.#disturbance = this.#dice.pick(DISTURBANCES);
    this.#lines.push(`round: ${this.#disturbance}`);
    if (this.#disturbance === 'PREEMPT AND ABORT') await this.#register();
    this.#device.pace = 'held';
    await this.#run(this.#dice.between(3, 7));
    this.#device.fault = undefined;
    this.#device.goOn();
    for (const initiator of this.#initiators) await initiator.settle();
    if (this.#disturbance === 'PREEMPT AND ABORT') await this.#out(0, PR_OUT_CLEAR, key(1));
    for (const initiator of this.#initiators) await initiator.settle();
    await this.#judge();
  }

  /** Sends, moves data, lets the device do something, or disturbs, in any order until nothing is left to do. */
  async #run(count: number): Promise<void> {
    const planned = Array.from({ length: count }, () => this.#plan());
    let idle = 0;
    let mayDisturb = this.#disturbance !== 'none';
    for (;;) {
      const events: (() => void)[] = [];
      const next = planned[0];
      if (next !== undefined) events.push(() => this.#send(planned.shift()!));
      for (const { flight } of this.#sent) if (flight.canGoOn) events.push(() => flight.goOn());
      if (this.#preemption?.canGoOn === true) events.push(() => this.#preemption?.goOn());
      if (this.#device.heldCount > 0) events.push(() => this.#device.doOne());
      if (mayDisturb && this.#sent.length > 1) {
        events.push(() => {
          mayDisturb = false;
          this.#disturb();
        });
      }
      if (events.length > 0) this.#dice.pick(events)();
      await yieldTurn();
      this.#checkFenced();
      idle = events.length > 0 ? 0 : idle + 1;
      const open = this.#sent.some(({ flight }) => !flight.over) || this.#preemption?.over === false;
      if (events.length === 0 && !open) return;
      if (idle > MAX_IDLE_TURNS)
        this.#fail(
          `stuck: ${this.#sent
            .filter(({ flight }) => !flight.over)
            .map(({ flight }) => flight.name)
            .join('; ')}`,
        );
    }
  }

  #plan(): Plan {
    const dice = this.#dice;
    const lba = dice.below(BLOCKS);
    const length = Math.min(dice.between(1, 3), BLOCKS - lba);
    const values = Array.from({ length }, () => ++this.#lastValue);
    // Half of the guesses are right, if nothing comes between.
    const guess = values.map((_, index) =>
      dice.chance(0.7) ? this.#blocks[lba + index]! : this.#lastValue - 1,
    );
    return dice.pick(MAKERS)(dice, { lba, values }, guess);
  }

  #send(plan: Plan): void {
    const dice = this.#dice;
    const node = dice.below(NODES);
    const attribute = dice.pick<TaskAttribute>(['simple', 'simple', 'simple', 'ordered', 'head-of-queue']);
    const flight = new Flight(
      { ...plan, node, attribute },
      this.#initiators[node]!,
      dice,
      () => this.#moment++,
    );
    const order = this.#sent.length;
    this.#sent.push({ flight, plan, order });
    this.#lines.push(`#${order} node ${node} ${attribute}: ${plan.name}`);
    flight.start();
  }

  #disturb(): void {
    const dice = this.#dice;
    this.#disturbed = true;
    const by = this.#initiators[dice.below(NODES)]!;
    this.#lines.push(`now ${this.#disturbance}`);
    switch (this.#disturbance) {
      case 'LOGICAL UNIT RESET':
        by.nexus.resetUnit(encodeLun(0));
        break;
      case 'CLEAR TASK SET':
        by.nexus.clearTaskSet(encodeLun(0));
        break;
      case 'ABORT TASK':
        dice.pick(this.#sent).flight.abort();
        break;
      case 'failure':
        this.#device.fault = {
          call: dice.pick(['read', 'write', 'unmap', 'zero']),
          code: 'BLOCK_IO',
          once: true,
        };
        break;
      case 'PREEMPT AND ABORT': {
        const dataOut = buildReserveOutList({ key: key(1), serviceActionKey: key(2) });
        const cdb = PR_OUT_PREEMPT_AND_ABORT.encode({ TYPE: 5, PARAMETER_LIST_LENGTH: dataOut.length });
        const about = {
          name: 'PREEMPT AND ABORT',
          node: 0,
          cdb,
          dataOut,
          attribute: 'head-of-queue' as const,
        };
        this.#preemption = new Flight(about, this.#initiators[0]!, dice, () => this.#moment++);
        this.#preemption.start();
        break;
      }
      case 'none':
        break;
    }
  }

  async #register(): Promise<void> {
    for (let node = 0; node < NODES; node++) {
      await this.#out(node, PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, key(0), key(node + 1));
    }
    await this.#out(0, PR_OUT_RESERVE, key(1));
  }

  async #out(
    node: number,
    cdb: CdbDefinition<PersistentReserveOutCdb>,
    own: string,
    serviceActionKey = key(0),
  ): Promise<void> {
    const dataOut = buildReserveOutList({ key: own, serviceActionKey });
    const bytes = cdb.encode({ TYPE: 5, PARAMETER_LIST_LENGTH: dataOut.length });
    const { status } = await this.#initiators[node]!.send(bytes, { dataOut });
    if (status !== 0) this.#fail(`${cdb.name}: status ${status}`);
  }

  async #judge(): Promise<void> {
    const cdb = READ_16.encode({ TRANSFER_LENGTH: BLOCKS });
    const { data } = await this.#initiators[0]!.send(cdb);
    const found = numbersIn(data);
    this.#sent.forEach(({ flight, order }) => {
      const { status, sense } = flight.ending!;
      this.#lines.push(
        `#${order} ${flight.begin}–${flight.end}: ${status ?? 'aborted'} ${sense ? JSON.stringify(sense) : ''}`,
      );
      this.#count(`status ${status ?? 'aborted'}`);
    });
    this.#checkFencing();
    const parts = this.#parts();
    found.forEach((value, block) => {
      const act = (blocks: readonly number[]) => (blocks[0] === value ? blocks : undefined);
      const begin = this.#moment;
      parts.push({ blocks: [block], begin, end: Infinity, optional: false, after: [], reads: true, act });
    });
    if (!isLinearizable(parts, this.#blocks)) {
      this.#fail(`${this.#blocks.join(' ')} became ${found.join(' ')}, which no order explains`);
    }
    this.#count('rounds');
    this.#count(this.#disturbance);
    this.#blocks = found;
    this.#lines.length = 0;
  }

  #parts(): Part[] {
    const parts: Part[] = [];
    const ofSent: number[][] = [];
    for (const sent of this.#sent) {
      const { flight, plan, order } = sent;
      const may = this.#effect(sent);
      const first = parts.length;
      const after = this.#sent.flatMap((earlier) =>
        comesBefore(earlier, flight, order) ? ofSent[earlier.order]! : [],
      );
      if (may !== 'none') {
        const doings = plan.doings(flight.ending!);
        const { begin } = flight;
        const end = this.#lastMoment(flight);
        for (const doing of doings) parts.push({ ...doing, begin, end, optional: may === 'perhaps', after });
      }
      ofSent.push(parts.map((_, index) => index).slice(first));
    }
    return parts;
  }

  /** What the end of a command says of its effect; an end that nothing explains is a failure. */
  #effect({ flight, plan }: Sent): 'done' | 'perhaps' | 'none' {
    const { status, sense } = flight.ending!;
    if (status === undefined) return 'perhaps';
    if (status === Status.GOOD) return 'done';
    if (sense?.senseKey === SenseKey.MISCOMPARE && plan.compares === true) return 'done';
    if (sense?.senseKey === SenseKey.MEDIUM_ERROR && this.#disturbance === 'failure') return 'perhaps';
    if (sense?.senseKey === SenseKey.UNIT_ATTENTION && this.#disturbed) return 'none';
    const fenced = this.#preemption !== undefined && flight.node === LOSER;
    if (status === Status.RESERVATION_CONFLICT && fenced) return 'none';
    return this.#fail(`${flight.name} ended with status ${status} ${JSON.stringify(sense)}`);
  }

  /** When a command can have had an effect at the latest: what PREEMPT AND ABORT aborts, before that is answered. */
  #lastMoment({ node, aborted, end }: Flight): number {
    if (this.#preemption === undefined || node !== LOSER || !aborted) return end;
    return Math.min(end, this.#preemption.end);
  }

  /** What PREEMPT AND ABORT has aborted is not at work any more as soon as it is answered. */
  #checkFenced(): void {
    if (this.#preemption?.over !== true) return;
    for (const { flight } of this.#sent) {
      const late = flight.node === LOSER && flight.aborted && flight.atWork;
      if (late) this.#fail(`${flight.name} is at work after PREEMPT AND ABORT was answered`);
    }
  }

  /** When PREEMPT AND ABORT is answered, nothing of the loser is at work any more (SPC-4 5.13.11.2.6). */
  #checkFencing(): void {
    const answered = this.#preemption;
    if (answered === undefined) return;
    if (answered.ending?.status !== 0) this.#fail(`PREEMPT AND ABORT: ${answered.ending?.status}`);
    for (const sent of this.#sent) {
      const { flight, plan } = sent;
      if (flight.node !== LOSER || flight.end < answered.end || this.#effect(sent) !== 'done') continue;
      // WRITE EXCLUSIVE: who is not registered may still read.
      if (plan.doings(flight.ending!).every(({ reads }) => reads)) continue;
      this.#fail(`${flight.name} of the loser had an effect after PREEMPT AND ABORT was answered`);
    }
  }

  #count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  #fail(what: string): never {
    throw new Error([...this.#lines, what].join('\n'));
  }
}

/** SAM-5 8.6: ORDERED comes after everything older, everything newer after it; HEAD OF QUEUE waits for nothing. */
function comesBefore(earlier: Sent, later: Flight, order: number): boolean {
  if (earlier.order >= order || later.attribute === 'head-of-queue') return false;
  return earlier.flight.attribute === 'ordered' || later.attribute === 'ordered';
}
