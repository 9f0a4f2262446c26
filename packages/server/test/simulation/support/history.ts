import { SeededRandom } from '@lunbox/block';
import { IscsiSession, type SessionSeams, type TaskReporting } from '@lunbox/iscsi-initiator';
import { TargetEngine } from '@lunbox/iscsi-target';
import { LogicalUnit, ScsiTarget } from '@lunbox/scsi';
import { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import { ledger } from './buffer-ledger.ts';
import { Caller } from './caller.ts';
import { DiskModel, stampOf } from './disk-model.ts';
import { Network } from './network.ts';
import { drawPlan, type Plan, type Profile } from './plan.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { microtasks, SimulatedEngineClock, SimulatedTime } from './simulated-time.ts';
import { WireLog } from './wire-log.ts';

const TARGET_NAME = 'iqn.2026-11.io.lunbox:simulated';
const PORTAL = { host: '127.0.0.1', port: 3260 };
/** No history may take longer, on its own clock and in events. */
const LIMIT_MS = 600_000;
const LIMIT_EVENTS = 200_000;
/** Sets the second dice of a seed apart from the first. */
const EXTRAS = 0x7144_0000;
/** Turns of promises between events of one moment, and before time moves on: by then all has come to rest. */
const TURNS = 3;
const RESTING_TURNS = 24;

/** How a history went. */
export interface Verdict {
  /** What was wrong; empty when nothing was. */
  readonly problems: readonly string[];
  /** The last PDUs, for people. */
  readonly lines: () => string[];
  /** What was seen, and how often. */
  readonly seen: Readonly<Record<string, number>>;
}

/** Plays the history of a seed. */
export async function play(seed: number, profile: Profile): Promise<Verdict> {
  const dice = new Dice(seed);
  const extras = new Dice(seed ^ EXTRAS);
  const history = new History(dice, extras, drawPlan(dice, extras, profile));
  await history.play();
  return history.verdict();
}

class History {
  readonly #dice: Dice;
  readonly #extras: Dice;
  readonly #plan: Plan;
  readonly #time = new SimulatedTime();
  readonly #log: WireLog = new WireLog(this.#time);
  readonly #device: SimulatedDevice;
  readonly #model: DiskModel;
  readonly #engine: TargetEngine;
  readonly #network: Network;
  readonly #clocks: SimulatedEngineClock[] = [];
  readonly #callers: Caller[] = [];
  /** Stamps of writes that are not idempotent, and where they have been seen. */
  readonly #onceOnly = new Set<number>();
  readonly #storedOnce = new Set<number>();
  readonly #buffersOutBefore: number = ledger.buffersOut;
  #ended = false;

  constructor(dice: Dice, extras: Dice, plan: Plan) {
    this.#dice = dice;
    this.#extras = extras;
    this.#plan = plan;
    this.#device = new SimulatedDevice(this.#time, dice, { ...plan.temper }, plan.blockCount);
    this.#model = new DiskModel(plan.blockCount);
    this.#device.onStored = (block) => this.#stored(block, stampOf(this.#device.bytes, block));
    const scsi = new ScsiTarget({
      onInternalError: (error) => this.#log.problem(`internal error of the device server: ${String(error)}`),
    });
    scsi.addUnit(0, new LogicalUnit({ device: this.#device, identity: new Uint8Array(16).fill(7) }));
    this.#engine = new TargetEngine([{ name: TARGET_NAME, scsi }], plan.limits);
    this.#network = new Network(this.#time, dice, this.#engine, this.#log, plan);
  }

  async play(): Promise<void> {
    this.#tickLater();
    void this.#course().catch((error: unknown) => {
      this.#log.problem(`the history broke: ${String((error as Error).stack)}`);
      this.#ended = true;
    });
    while (!this.#ended) {
      await microtasks(this.#time.timeMoves ? RESTING_TURNS : TURNS);
      const late = this.#time.nowMs > LIMIT_MS || this.#time.count > LIMIT_EVENTS;
      if (late || !this.#time.step()) {
        this.#log.problem(`stuck, with ${this.#callers.map(({ open }) => open).join(' and ')} requests open`);
        return;
      }
    }
  }

  verdict(): Verdict {
    return {
      problems: this.#log.problems,
      lines: () => this.#log.lines(),
      seen: { ...this.#log.seen, events: this.#time.count },
    };
  }

  async #course(): Promise<void> {
    const { sessions, requests, spanMs } = this.#plan;
    for (let index = 0; index < sessions; index++) this.#callers.push(await this.#newCaller(index));
    for (let made = 0; made < requests; made++) {
      this.#dice.pick(this.#callers).act();
      if (this.#dice.chance(0.6)) await this.#wait(this.#dice.below(Math.ceil(spanMs / 4)));
    }
    await this.#wait(this.#dice.below(spanMs));
    this.#network.heal();
    // A stale login takes a session over whenever it arrives.
    await this.#until(() => this.#callers.every(({ open }) => open === 0) && this.#network.staleLogins === 0);
    await this.#surveyAll();
    await this.#closeAll();
    this.#judge();
    this.#ended = true;
  }

  /** A session that can be recovered is: what is left of the history is calm, so everything must be readable. */
  async #surveyAll(): Promise<void> {
    this.#device.temper.failing = 0;
    for (const [index, caller] of this.#callers.entries()) {
      const readable = await caller.survey().catch((error: unknown) => String(error));
      if (readable !== true) this.#log.problem(`session ${index} was not recovered: ${readable}`);
    }
    // A connection whose loss nobody has noticed yet may be found lost at any time.
    await this.#until(() => this.#callers.every(({ session }) => session.state === 'ready'));
  }

  async #closeAll(): Promise<void> {
    await Promise.all(this.#callers.map(({ session }) => session.close()));
    await this.#wait(2000);
    this.#network.sever();
    await this.#until(() => this.#device.pending === 0);
    await this.#wait(10);
    // At ErrorRecoveryLevel 2 a session outlives a connection that was lost, until Time2Wait and Time2Retain are over.
    const retainedUntilMs = this.#time.nowMs + 60_000;
    await this.#until(() => this.#engine.sessions.length === 0 || this.#time.nowMs > retainedUntilMs);
  }

  #judge(): void {
    const expect = (what: string, found: number): void => {
      if (found !== 0) this.#log.problem(`${found} ${what}`);
    };
    expect('sessions left at the target', this.#engine.sessions.length);
    expect('connections left at the target', this.#engine.connectionCount);
    expect('buffers that the target has not given back', ledger.buffersOut - this.#buffersOutBefore);
    expect('timers left open by initiators', sum(this.#clocks.map(({ openTimers }) => openTimers)));
    expect(
      'buffers spoiled after their command',
      sum(this.#callers.map((caller) => caller.spoiledBuffers())),
    );
    const wrong = this.#model.verdict(this.#device.bytes);
    if (wrong !== undefined) this.#log.problem(`the disk: ${wrong}`);
  }

  /** The first login is tried once by a session, so it is this loop that insists. */
  async #newCaller(index: number): Promise<Caller> {
    for (;;) {
      const session = this.#newSession(index);
      try {
        await session.open();
      } catch {
        await session.close();
        await this.#wait(100);
        continue;
      }
      const { blockCount, sessions, weather, aborts, management, level2, reshaping } = this.#plan;
      return new Caller(session, {
        time: this.#time,
        dice: this.#dice,
        model: this.#model,
        log: this.#log,
        number: index,
        blockCount,
        preyed:
          management > 0 && (sessions > 1 || weather.breaks + weather.corrupts + weather.staleLogins > 0),
        negotiation: this.#plan.session.negotiation,
        aborts,
        management,
        level2,
        extras: this.#extras,
        reshaping,
        onceOnly: (stamp) => this.#onceOnly.add(stamp),
      });
    }
  }

  #newSession(index: number): IscsiSession {
    const clock = new SimulatedEngineClock(this.#time);
    this.#clocks.push(clock);
    const seams: SessionSeams = {
      dial: this.#network.dial,
      clock,
      random: new SeededRandom(index + 1),
      chapDigest: () => new Uint8Array(0),
    };
    const names = { initiatorName: `iqn.2026-11.io.lunbox:sim${index}`, targetName: TARGET_NAME };
    const { session, taskReporting } = this.#plan;
    const negotiation = { ...session.negotiation, taskReporting: taskReporting[index] as TaskReporting };
    return new IscsiSession({ ...session, ...names, negotiation, portal: PORTAL }, seams);
  }

  /** What may be done once at most is done once at most. */
  #stored(block: number, stamp: number): void {
    if (this.#log.detailed) this.#log.note(0, `block ${block} has stamp ${stamp}`);
    if (!this.#onceOnly.has(stamp)) return;
    const key = stamp * this.#plan.blockCount + block;
    if (this.#storedOnce.has(key)) this.#log.problem(`write ${stamp} was done twice on block ${block}`);
    this.#storedOnce.add(key);
  }

  #tickLater(): void {
    this.#time.after(500, () => {
      this.#engine.tick(this.#time.nowMs);
      if (!this.#ended) this.#tickLater();
    });
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#time.after(delayMs, resolve));
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#wait(50);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
