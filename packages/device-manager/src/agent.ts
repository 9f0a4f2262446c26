import { systemClock, type Clock } from '@lunbox/block';
import type { NbsClient } from '@lunbox/nbs';
import { takeConsistent, type ConsistentReport } from './consistent-snapshot.ts';
import { ManagerError } from './manager-error.ts';
import { pause } from './pause.ts';
import { snapshotOptionsOf, type GroupPlan } from './plan/plan.ts';

/** One snapshot of a group that was due. */
export interface AgentRun {
  readonly group: string;
  /** Undefined when it was not taken. */
  readonly report?: ConsistentReport;
  /** Why not. */
  readonly error?: ManagerError;
}

/** The longest sleep. */
const SLEEP_MS = 60_000;

/** Takes the snapshots of groups at their times until it is stopped; a run that fails is told, and not the last one. */
export class Agent {
  readonly #client: NbsClient;
  readonly #groups: readonly GroupPlan[];
  readonly #tell: (run: AgentRun) => void;
  readonly #clock: Clock;

  constructor(
    client: NbsClient,
    groups: readonly GroupPlan[],
    tell: (run: AgentRun) => void,
    clock: Clock = systemClock,
  ) {
    this.#client = client;
    this.#groups = groups;
    this.#tell = tell;
    this.#clock = clock;
  }

  /** Completes when the signal has come and nothing is under way any more. */
  async run(stop: AbortSignal): Promise<void> {
    await Promise.all(this.#groups.map((group) => this.#runGroup(group, stop)));
  }

  /** Runs of a group lie at whole multiples of its interval, and none overlaps another. */
  async #runGroup(group: GroupPlan, stop: AbortSignal): Promise<void> {
    const { everyMs = Infinity } = group;
    while (!stop.aborted) {
      const dueMs = (Math.floor(this.#clock.unixMs() / everyMs) + 1) * everyMs;
      await this.#sleepUntil(dueMs, stop);
      if (!stop.aborted) this.#tell(await this.#take(group));
    }
  }

  /** In steps: a timer takes 24 days at most, and the time of day may be set. */
  async #sleepUntil(dueMs: number, stop: AbortSignal): Promise<void> {
    for (;;) {
      const leftMs = dueMs - this.#clock.unixMs();
      if (leftMs <= 0 || stop.aborted) return;
      await pause(this.#clock, Math.min(leftMs, SLEEP_MS), stop);
    }
  }

  async #take(group: GroupPlan): Promise<AgentRun> {
    const { name } = group;
    try {
      return { group: name, report: await takeConsistent(this.#client, snapshotOptionsOf(group)) };
    } catch (error) {
      if (!(error instanceof ManagerError)) throw error;
      return { group: name, error };
    }
  }
}
