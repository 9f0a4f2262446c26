import { systemClock, type Clock } from '@lunbox/block';
import { NbsClientError, type Fields, type NbsClient } from '@lunbox/nbs';
import { ManagerError } from './manager-error.ts';
import { ObjectHandles } from './object-handles.ts';
import type { QuiesceDriver } from './quiesce/driver.ts';
import { LEVELS, Quiesced, type ConsistencyLevel, type DriverOutcome } from './quiesce/quiesce.ts';

/** What the manager is doing. */
export type Step = 'suspend' | 'snapshot' | 'resume';

/** Options of {@link takeConsistent}. */
export interface ConsistentOptions {
  /** Names or identities of the objects: all of them are taken at one instant. */
  readonly objects: readonly string[];
  /** What uses them. */
  readonly drivers: readonly QuiesceDriver[];
  /** Name of the snapshots. Default: the time. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The application timer: how long suspending may take. Default 30 000. */
  readonly applicationTimeoutMs?: number;
  /** The initiated timer: how long everything stays suspended for the snapshot. Default 10 000. */
  readonly initiatedTimeoutMs?: number;
  /**
   * What to do when not all could be suspended: give up, or take what can be had, at a lower level. Default `abort`.
   */
  readonly whenNotReady?: 'abort' | 'lower';
  readonly clock?: Clock;
  /** Hears of each step when it begins. */
  readonly onStep?: (step: Step) => void;
}

/** A snapshot of one object. */
export interface TakenSnapshot {
  /** As it was asked for. */
  readonly object: string;
  readonly name: string;
  /** Identity of the snapshot. */
  readonly id: string;
}

/** What {@link takeConsistent} has done. */
export interface ConsistentReport {
  /** The level that was really reached. */
  readonly level: ConsistencyLevel;
  readonly snapshots: readonly TakenSnapshot[];
  readonly drivers: readonly DriverOutcome[];
  /** From the first that was suspended to the last that was resumed, at most. */
  readonly suspendedMs: number;
}

const APPLICATION_TIMEOUT_MS = 30_000;
const INITIATED_TIMEOUT_MS = 10_000;
/** Time for resuming itself, and for a machine that is busy, before what is suspended goes on by itself. */
const MARGIN_MS = 5000;

/**
 * Suspends what uses some objects, has a snapshot of all of them taken at one instant, and resumes. Everything is
 * resumed before this completes or throws; should this process be killed, it resumes by itself.
 *
 * A snapshot says the level that it has, since it is deleted when that turns out to be wrong: when something went on
 * before the snapshot was taken, or the server took it too late.
 *
 * @throws ManagerError `MANAGER_NOT_READY`, `MANAGER_NOT_HELD`, `MANAGER_NOT_RESUMED`, `MANAGER_NOT_INITIATED`,
 *   `MANAGER_REFUSED`.
 */
export async function takeConsistent(
  client: NbsClient,
  options: ConsistentOptions,
): Promise<ConsistentReport> {
  const handles = await ObjectHandles.open(client, options.objects);
  try {
    return await new Attempt(handles, options).take();
  } finally {
    await handles.close();
  }
}

class Attempt {
  readonly #handles: ObjectHandles;
  readonly #options: ConsistentOptions;
  readonly #clock: Clock;

  constructor(handles: ObjectHandles, options: ConsistentOptions) {
    this.#handles = handles;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async take(): Promise<ConsistentReport> {
    const { applicationTimeoutMs = APPLICATION_TIMEOUT_MS, initiatedTimeoutMs = INITIATED_TIMEOUT_MS } =
      this.#options;
    const { drivers, whenNotReady = 'abort', onStep } = this.#options;
    const holdLimitMs = applicationTimeoutMs + initiatedTimeoutMs + MARGIN_MS;
    onStep?.('suspend');
    const clock = this.#clock;
    const startMs = clock.nowMs();
    const quiesced = await Quiesced.begin(
      drivers,
      { readyTimeoutMs: applicationTimeoutMs, holdLimitMs },
      clock,
    );
    const asked = quiesced.level;
    const isWanted = quiesced.isComplete || whenNotReady === 'lower';
    let taking: Promise<readonly TakenSnapshot[]> | undefined;
    let isInTime: boolean;
    try {
      if (isWanted) onStep?.('snapshot');
      taking = isWanted ? this.#handles.snapshot(this.#wish(asked)) : undefined;
      isInTime = taking !== undefined && (await this.#settlesWithin(taking, initiatedTimeoutMs));
      onStep?.('resume');
    } finally {
      await quiesced.resume();
    }
    const suspendedMs = Math.round(clock.nowMs() - startMs);
    const { stuck } = quiesced;
    if (stuck !== undefined) throw notResumed(stuck, isInTime ? await taking?.catch(() => []) : undefined);
    if (taking === undefined) throw notReady(quiesced.outcomes);
    const snapshots = await taking.catch(refused);
    const isTrue = isInTime && LEVELS.indexOf(quiesced.level) >= LEVELS.indexOf(asked);
    if (isTrue) return { level: asked, snapshots, drivers: quiesced.outcomes, suspendedMs };
    await this.#handles.delete(snapshots);
    if (!isInTime) throw notInitiated(initiatedTimeoutMs);
    if (whenNotReady === 'abort') throw notHeld(quiesced.outcomes);
    const again = await this.#handles.snapshot(this.#wish('crash')).catch(refused);
    return { level: 'crash', snapshots: again, drivers: quiesced.outcomes, suspendedMs };
  }

  #wish(level: ConsistencyLevel): Fields {
    const { name = new Date(this.#clock.unixMs()).toISOString(), labels = {} } = this.#options;
    const label = Object.entries(labels).map(([key, value]) => ({ key, value }));
    return { name, level, ...(label.length === 0 ? {} : { label }) };
  }

  /** Whether something ends within a time, one way or the other. */
  async #settlesWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
    let cancel = (): void => undefined;
    const isOver = new Promise<false>((resolve) => {
      cancel = this.#clock.setTimer(timeoutMs, () => resolve(false));
    });
    const isDone = work.then(
      () => true,
      () => true,
    );
    return await Promise.race([isDone, isOver]).finally(() => cancel());
  }
}

function refused(error: unknown): never {
  if (!(error instanceof NbsClientError)) throw error;
  throw new ManagerError('MANAGER_REFUSED', `the snapshot was not taken: ${error.message}`, { cause: error });
}

/** Somebody has to look at once, so the snapshot is left to them. */
function notResumed(stuck: string, taken: readonly TakenSnapshot[] = []): ManagerError {
  const names = taken.map(({ object, name }) => `${name} of ${object}`).join(', ');
  const left = names === '' ? 'no snapshot was taken' : `there is the snapshot ${names}`;
  return new ManagerError('MANAGER_NOT_RESUMED', `not resumed: ${stuck}; ${left}`);
}

function notInitiated(timeoutMs: number): ManagerError {
  const message = `the server has not taken the snapshot within ${timeoutMs} ms; it was deleted when it came`;
  return new ManagerError('MANAGER_NOT_INITIATED', message);
}

function notReady(outcomes: readonly DriverOutcome[]): ManagerError {
  const reasons = outcomes.filter(({ ready }) => !ready).map(({ name, error }) => `${name}: ${error}`);
  return new ManagerError('MANAGER_NOT_READY', `no snapshot was taken; ${reasons.join('; ')}`);
}

function notHeld(outcomes: readonly DriverOutcome[]): ManagerError {
  const names = outcomes.filter(({ held }) => held === false).map(({ name }) => name);
  const message = `the snapshot was deleted: these went on before it was taken: ${names.join(', ')}`;
  return new ManagerError('MANAGER_NOT_HELD', message);
}
