import type { Clock } from '@lunbox/block';
import debug from 'debug';
import type { Layer, QuiesceDriver, SuspendLimits, Suspension } from './driver.ts';

/** How sure the content of a snapshot is; what it is called in `@lunbox/snapshot`. */
export type ConsistencyLevel = 'crash' | 'filesystem' | 'application';

/** The levels, the least sure one first. */
export const LEVELS: readonly ConsistencyLevel[] = ['crash', 'filesystem', 'application'];

/** What became of one driver. */
export interface DriverOutcome {
  readonly name: string;
  readonly layer: Layer;
  /** It was suspended in time. */
  readonly ready: boolean;
  /** It was suspended until it was resumed; undefined before that, and for one that was not ready. */
  readonly held?: boolean;
  /** How long it was suspended, in milliseconds. */
  readonly suspendedMs?: number;
  /** Why it was not ready, or could not be resumed. */
  readonly error?: string;
}

const log = debug('lunbox:device-manager:quiesce');

interface Entry {
  readonly driver: QuiesceDriver;
  suspension?: Suspension;
  readyMs?: number;
  held?: boolean;
  suspendedMs?: number;
  /** It could not be resumed. */
  isStuck?: boolean;
  error?: string;
}

/** Applications and file systems that are suspended, as far as they could be. */
export class Quiesced {
  readonly #entries: readonly Entry[];
  readonly #clock: Clock;

  private constructor(entries: readonly Entry[], clock: Clock) {
    this.#entries = entries;
    this.#clock = clock;
  }

  /** Suspends applications, all at once, and then file systems, in their order. Never throws: ask what it came to. */
  static async begin(
    drivers: readonly QuiesceDriver[],
    limits: SuspendLimits,
    clock: Clock,
  ): Promise<Quiesced> {
    const entries = drivers.map((driver): Entry => ({ driver }));
    const endMs = clock.nowMs() + limits.readyTimeoutMs;
    const begin = (entry: Entry): Promise<void> => {
      // Timers take whole milliseconds, and at least one.
      const readyTimeoutMs = Math.max(1, Math.floor(endMs - clock.nowMs()));
      return suspend(entry, { ...limits, readyTimeoutMs }, clock);
    };
    await Promise.all(entriesOf(entries, 'application').map(begin));
    for (const entry of entriesOf(entries, 'file-system')) await begin(entry);
    return new Quiesced(entries, clock);
  }

  /** All of them are suspended, and none is known to have gone on. */
  get isComplete(): boolean {
    return this.#entries.every(isSuspended);
  }

  /** What a snapshot that was taken while they were suspended can be relied on for. */
  get level(): ConsistencyLevel {
    if (this.isComplete && entriesOf(this.#entries, 'application').length > 0) return 'application';
    const fileSystems = entriesOf(this.#entries, 'file-system');
    return fileSystems.length > 0 && fileSystems.every(isSuspended) ? 'filesystem' : 'crash';
  }

  /** What could not be resumed, and why, in words; undefined when all was. */
  get stuck(): string | undefined {
    const stuck = this.#entries.filter(({ isStuck }) => isStuck);
    return stuck.length === 0
      ? undefined
      : stuck.map(({ driver, error }) => `${driver.name}: ${error}`).join('; ');
  }

  /** What became of each. */
  get outcomes(): DriverOutcome[] {
    return this.#entries.map(({ driver: { name, layer }, readyMs, held, suspendedMs, error }) => ({
      name,
      layer,
      ready: readyMs !== undefined,
      ...(held === undefined ? {} : { held }),
      ...(suspendedMs === undefined ? {} : { suspendedMs }),
      ...(error === undefined ? {} : { error }),
    }));
  }

  /** Resumes all of them, the file systems first, whatever fails. */
  async resume(): Promise<void> {
    for (const entry of entriesOf(this.#entries, 'file-system').reverse()) await resume(entry, this.#clock);
    await Promise.all(entriesOf(this.#entries, 'application').map((entry) => resume(entry, this.#clock)));
  }
}

function entriesOf(entries: readonly Entry[], layer: Layer): Entry[] {
  return entries.filter(({ driver }) => driver.layer === layer);
}

function isSuspended({ suspension, held }: Entry): boolean {
  return suspension !== undefined && held !== false;
}

async function suspend(entry: Entry, limits: SuspendLimits, clock: Clock): Promise<void> {
  try {
    entry.suspension = await entry.driver.suspend(limits);
    entry.readyMs = clock.nowMs();
  } catch (error) {
    entry.error = (error as Error).message;
    log('%s: %o', entry.driver.name, error);
  }
}

async function resume(entry: Entry, clock: Clock): Promise<void> {
  const { suspension, readyMs } = entry;
  if (suspension === undefined || readyMs === undefined) return;
  try {
    entry.held = await suspension.resume();
  } catch (error) {
    entry.isStuck = true;
    entry.error = (error as Error).message;
    log('%s: %o', entry.driver.name, error);
  }
  entry.suspendedMs = Math.round(clock.nowMs() - readyMs);
}
