import { systemClock, type Clock } from '@lunbox/block';
import { NbsClientError, type Fields, type NbsClient } from '@lunbox/nbs';
import { ManagerError } from './manager-error.ts';
import { ObjectHandles } from './object-handles.ts';
import { pause } from './pause.ts';
import type { GroupPlan } from './plan/plan.ts';
import { LEVELS, Quiesced, type ConsistencyLevel, type DriverOutcome } from './quiesce/quiesce.ts';

/** What came of one time that the server asked for silence. */
export interface QuiesceRun {
  readonly groups: readonly string[];
  /** Empty when not all could be suspended. */
  readonly level: ConsistencyLevel | undefined;
  readonly drivers: readonly DriverOutcome[];
  /** What could not be resumed, in words. */
  readonly stuck: string | undefined;
}

/** A group of the plan, as far as this is concerned. */
export type QuietGroup = Pick<GroupPlan, 'name' | 'objects' | 'drivers'>;

/** A group whose objects are open. */
interface Subscribed {
  readonly group: QuietGroup;
  readonly handles: ObjectHandles;
}

/** How long the server has for the snapshot, and all for resuming, before what is suspended goes on by itself. */
const HOLD_LIMIT_MS = 15_000;
/** Before its time is over, the server has to hear that something was not ready. */
const ANSWER_MARGIN_MS = 500;
/** How often it is looked whether the server still knows of the subscriptions. */
const LOOK_MS = 5000;

/**
 * Suspends what uses the objects of groups when the server asks for that, before it takes a snapshot by itself or for
 * another client. When the server was started anew, it is subscribed to once more.
 */
export class QuiesceAgent {
  readonly #client: NbsClient;
  readonly #groups: readonly QuietGroup[];
  readonly #tell: (run: QuiesceRun) => void;
  readonly #clock: Clock;
  #subscribed: readonly Subscribed[] = [];
  /** The session in which they are. */
  #session = -1;
  /** All of them are there. */
  #isWhole = false;
  /** What is suspended for each request of the server, or is being suspended. */
  readonly #operations = new Map<
    string,
    { readonly groups: readonly string[]; readonly quiesced: Promise<Quiesced> }
  >();
  readonly #atWork = new Set<Promise<void>>();

  constructor(
    client: NbsClient,
    groups: readonly QuietGroup[],
    tell: (run: QuiesceRun) => void,
    clock: Clock = systemClock,
  ) {
    this.#client = client;
    this.#groups = groups.filter(({ drivers }) => drivers.length > 0);
    this.#tell = tell;
    this.#clock = clock;
  }

  /** Completes when the signal has come, and nothing is suspended any more. Throws a ManagerError `MANAGER_REFUSED`. */
  async run(stop: AbortSignal): Promise<void> {
    const endEvents = this.#client.onEvent((name, fields) => this.#hear(name, fields));
    try {
      await this.#subscribe();
      while (!stop.aborted) {
        await pause(this.#clock, LOOK_MS, stop);
        const isLost = this.#client.sessionCount !== this.#session || !this.#isWhole;
        if (!stop.aborted && isLost) await this.#subscribeAgain();
      }
    } finally {
      endEvents();
      for (const uuid of [...this.#operations.keys()]) this.#work(this.#resume(uuid));
      await Promise.all(this.#atWork);
      await this.#close();
    }
  }

  async #subscribe(): Promise<void> {
    await this.#close();
    this.#isWhole = false;
    this.#session = this.#client.sessionCount;
    const subscribed: Subscribed[] = [];
    this.#subscribed = subscribed;
    for (const group of this.#groups) {
      const handles = await ObjectHandles.open(this.#client, group.objects);
      subscribed.push({ group, handles });
      await handles.subscribe();
    }
    this.#isWhole = true;
  }

  /** What a server that was just started does not have yet it may have the next time. */
  async #subscribeAgain(): Promise<void> {
    await this.#subscribe().catch((error: unknown) => {
      if (!(error instanceof ManagerError)) throw error;
    });
  }

  /** Numbers of a session that is over are others in the next one. */
  async #close(): Promise<void> {
    const subscribed = this.#client.sessionCount === this.#session ? this.#subscribed : [];
    for (const { handles } of subscribed) await handles.close();
    this.#subscribed = [];
  }

  #hear(name: string, fields: Fields): void {
    const { uuid } = fields;
    if (uuid === undefined) return;
    if (name === 'QUIESCE') this.#work(this.#suspend(uuid, fields));
    else if (name === 'RESUME') this.#work(this.#resume(uuid));
  }

  /** What the server cannot be told any more it finds out by its timers. */
  #work(work: Promise<void>): void {
    const done = work.catch((error: unknown) => {
      if (!(error instanceof NbsClientError)) throw error;
    });
    this.#atWork.add(done);
    void done.finally(() => this.#atWork.delete(done));
  }

  async #suspend(uuid: string, { object = [], readyMs = 0 }: Fields): Promise<void> {
    const handles = object.map(({ handle }) => handle ?? 0);
    const meant = this.#subscribed.filter((each) => each.handles.hasAny(handles)).map(({ group }) => group);
    const limits = {
      readyTimeoutMs: Math.max(1, readyMs - ANSWER_MARGIN_MS),
      holdLimitMs: readyMs + HOLD_LIMIT_MS,
    };
    const drivers = meant.flatMap((group) => group.drivers);
    const beginning = Quiesced.begin(drivers, limits, this.#clock);
    this.#operations.set(uuid, { groups: meant.map(({ name }) => name), quiesced: beginning });
    const quiesced = await beginning;
    // It was told to go on before it was ready.
    if (!this.#operations.has(uuid)) return;
    if (quiesced.isComplete) {
      await this.#client.request('QUIESCE_READY', { fields: { uuid, level: quiesced.level } });
      return;
    }
    const errors = quiesced.outcomes.flatMap(({ name, error }) =>
      error === undefined ? [] : [`${name}: ${error}`],
    );
    const reason = errors.join('; ').slice(0, 500);
    await this.#client.request('QUIESCE_REFUSE', { fields: { uuid, reason } });
  }

  async #resume(uuid: string): Promise<void> {
    const operation = this.#operations.get(uuid);
    if (operation === undefined) return;
    this.#operations.delete(uuid);
    const quiesced = await operation.quiesced;
    const before = quiesced.isComplete ? quiesced.level : undefined;
    await quiesced.resume();
    const { stuck, outcomes: drivers, level } = quiesced;
    this.#tell({ groups: operation.groups, level: before, drivers, stuck });
    const held =
      stuck === undefined && before !== undefined && LEVELS.indexOf(level) >= LEVELS.indexOf(before);
    await this.#client.request('QUIESCE_HELD', { fields: { uuid, ...(held ? { held } : {}) } });
  }
}
