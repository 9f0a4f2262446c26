import { randomBelow, SeededRandom, SimulatedClock, type Random } from '@lunbox/block';
import { NbsClient, NbsDisk, NbsEngine, nodeSaslCrypto, type EventName } from '../../src/index.ts';
import { playSeeds, type Played, type Range, type Tally } from '../../../block/test/support/histories.ts';
import { GroupTaker } from './group-taker.ts';
import { MemoryService } from './memory-service.ts';
import { QuiescingClient } from './quiescing-client.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { isLost, isRefused, SnapshotFates } from './snapshot-fates.ts';
import { VolatileDevice } from './volatile-device.ts';

/** What goes wrong in a history. */
export interface SessionProfile {
  /** Connections break. */
  readonly cuts: boolean;
  /** The server is started anew: in order or not, with the loss of what was not flushed. */
  readonly restarts: boolean;
}

/** The kinds of histories. */
export const SESSION_PROFILES: Readonly<Record<string, SessionProfile>> = {
  'nbs-calm': { cuts: false, restarts: false },
  'nbs-cuts': { cuts: true, restarts: false },
  'nbs-restarts': { cuts: true, restarts: true },
};

const BLOCK = 512;
const BLOCKS = 24;
const UUID = '11111111-1111-4111-8111-111111111111';
const STEPS = 40;
const NOBODY = { user: undefined, peer: 'the history' };
const LIMITS = {
  keepaliveMs: 400,
  lossTimeoutMs: 20_000,
  maxInFlight: 8,
  maxPayloadBytes: 4 * BLOCK,
  maxEvents: 1000,
  maxSuspendedMs: 35,
};
/** A history that takes longer is stuck. */
const PATIENCE_MS = 3_600_000;

class History {
  readonly random: Random;
  readonly clock = new SimulatedClock();
  readonly network: SimulatedNetwork;
  readonly device: VolatileDevice;
  readonly service: MemoryService;
  readonly client: NbsClient;
  disk!: NbsDisk;
  /** Another program that uses the disk, and can be suspended. */
  readonly quiescing: QuiescingClient;
  readonly #quiescingClient: NbsClient;
  readonly #groups: GroupTaker;
  readonly #profile: SessionProfile;
  /** What each block may hold; one value where that is known. */
  readonly #possible: Set<number>[] = Array.from({ length: BLOCKS }, () => new Set([0]));
  readonly #busy = new Set<number>();
  #next = 1;
  readonly #events: string[] = [];
  readonly #expected: { readonly name: string; readonly session: number }[] = [];
  readonly #fates = new SnapshotFates();
  /** What was suspended when a snapshot was taken, by its name. */
  readonly #levels = new Map<string, string | undefined>();
  readonly #internal: unknown[] = [];
  /** How often what happened. */
  readonly seen: Record<string, number> = {};

  constructor(seed: number, profile: SessionProfile) {
    this.#profile = profile;
    this.random = new SeededRandom(seed);
    this.network = new SimulatedNetwork(this.clock, this.random);
    this.device = new VolatileDevice(BLOCKS * BLOCK, this.clock, this.random);
    this.service = new MemoryService([{ name: 'disk', uuid: UUID, device: this.device }]);
    this.service.delay = () =>
      new Promise((resolve) => this.clock.setTimer(randomBelow(this.random, 40), () => resolve()));
    this.#startServer();
    this.client = this.#newClient();
    this.client.onEvent((name, { snapshot }) => this.#heard(name, snapshot?.[0]?.name));
    this.#groups = new GroupTaker(this.client, this.#fates, this.clock, this.random);
    this.#quiescingClient = this.#newClient();
    this.quiescing = new QuiescingClient(this.#quiescingClient, this.clock, this.random);
    const { snapshots } = this.service.open({ name: 'disk', snapshot: undefined, readOnly: true, ...NOBODY });
    snapshots!.onTaken(({ name = '' }) => this.#levels.set(name, this.quiescing.level));
  }

  #newClient(): NbsClient {
    return new NbsClient({
      portals: [this.network.dial],
      crypto: nodeSaslCrypto,
      clock: this.clock,
      random: this.random,
      digest: randomBelow(this.random, 2) === 0,
      lossTimeoutMs: 600_000,
      reconnectMs: 10,
    });
  }

  async play(): Promise<void> {
    await this.#until(this.client.connect());
    this.disk = await this.#until(NbsDisk.open(this.client, { name: 'disk' }));
    await this.#until(this.#quiescingClient.connect());
    const work: Promise<void>[] = [];
    for (let step = 0; step < STEPS; step++) {
      const act = this.#act();
      // Looked at in the end.
      act.catch(() => undefined);
      work.push(act);
      await this.#pass(randomBelow(this.random, 25));
      this.#trouble();
    }
    await this.#until(Promise.all(work));
    await this.#checkAll();
    await this.#until(Promise.resolve(this.disk.flush()));
    if (this.#profile.restarts) this.#restart(true);
    await this.#checkAll();
    await this.#until(reach(this.#quiescingClient));
    await this.#pass(2 * LIMITS.keepaliveMs, 20);
    this.#fates.check(this.service);
    if (this.quiescing.level !== undefined) throw new Error('something is still suspended');
    await this.#checkEvents();
    // Who only loses connections goes on with its session, whatever comes with the answer.
    if (!this.#profile.restarts && this.client.sessionCount > 1) throw new Error('the session was lost');
    await this.#until(Promise.resolve(this.disk.close()));
    await this.#until(this.client.close());
    await this.#until(this.#quiescingClient.close());
    await this.#pass(2 * LIMITS.lossTimeoutMs, LIMITS.lossTimeoutMs / 20);
    const { engine } = this.network;
    if (engine!.sessionCount > 0 || engine!.connectionCount > 0)
      throw new Error('the server keeps something');
    if (this.#internal.length > 0) throw new Error('a mistake of the server', { cause: this.#internal[0] });
  }

  #startServer(): void {
    this.network.engine = new NbsEngine({
      service: this.service,
      authentication: { crypto: nodeSaslCrypto, anonymous: true },
      clock: this.clock,
      random: this.random,
      limits: LIMITS,
      onInternalError: (error) => this.#internal.push(error),
    });
  }

  #restart(crash: boolean): void {
    this.#count(crash ? 'crashes' : 'restarts');
    this.network.crash();
    if (crash) this.device.crash();
    else this.device.abandon();
    const downMs = randomBelow(this.random, 300);
    this.clock.setTimer(downMs, () => this.#startServer());
  }

  #trace(what: string): void {
    if (process.env['LUNBOX_TRACE'] === '1')
      process.stderr.write(`${this.clock.nowMs().toFixed(0)} ${what}\n`);
  }

  #count(what: string): void {
    this.#trace(what);
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  #trouble(): void {
    const { cuts, restarts } = this.#profile;
    if (cuts && randomBelow(this.random, 6) === 0) {
      this.#count('cuts');
      this.network.harm();
    }
    if (restarts && randomBelow(this.random, 30) === 0 && this.network.engine !== undefined)
      this.#restart(randomBelow(this.random, 3) > 0);
  }

  async #act(): Promise<void> {
    this.#count('operations');
    const kind = randomBelow(this.random, 12);
    if (kind < 5) await this.#change(kind);
    else if (kind < 7) await this.#read();
    else if (kind === 7) await this.#flush();
    else if (kind === 8) await this.#snapshot();
    else if (kind === 9) await this.#swap();
    else if (kind === 10) await this.#quiescedSnapshot();
    else this.#count(await this.#groups.take());
  }

  async #flush(): Promise<void> {
    this.#trace('flush begins');
    await this.disk.flush();
    this.#trace('flush is done');
  }

  /** A run of blocks that nobody changes now; they are taken. */
  #take(most: number): { first: number; count: number } | undefined {
    const first = randomBelow(this.random, BLOCKS);
    let count = 0;
    while (count < most && first + count < BLOCKS && !this.#busy.has(first + count)) count++;
    for (let index = 0; index < count; index++) this.#busy.add(first + index);
    return count === 0 ? undefined : { first, count };
  }

  #give({ first, count }: { first: number; count: number }): void {
    for (let index = 0; index < count; index++) this.#busy.delete(first + index);
  }

  async #change(kind: number): Promise<void> {
    const run = this.#take(1 + randomBelow(this.random, 8));
    if (run === undefined) return;
    const value = kind < 3 ? this.#value() : 0;
    const range = [run.first * BLOCK, run.count * BLOCK] as const;
    for (let block = run.first; block < run.first + run.count; block++) this.#possible[block]!.add(value);
    const fua = randomBelow(this.random, 4) === 0;
    const told = `${['write', 'write', 'write', 'trim', 'zero'][kind]!} ${run.first}+${run.count} ${value}`;
    this.#trace(`${told}${fua ? ' FUA' : ''} begins`);
    if (kind < 3) await this.disk.write([new Uint8Array(range[1]).fill(value)], range[0], { fua });
    else if (kind === 3) await this.disk.unmap(...range);
    else await this.disk.writeZeroes(...range);
    this.#trace(`${told} is done`);
    for (let block = run.first; block < run.first + run.count; block++)
      this.#possible[block] = new Set([value]);
    this.#give(run);
  }

  /** What is not idempotent fails when it is not known whether it was done, and is done once otherwise. */
  async #swap(): Promise<void> {
    const run = this.#take(1);
    if (run === undefined) return;
    const value = this.#value();
    const possible = this.#possible[run.first]!;
    const [before] = possible;
    if (possible.size === 1) {
      possible.add(value);
      this.#trace(`swap ${run.first} from ${before!} to ${value} begins`);
      try {
        const block = (fill: number): Uint8Array => new Uint8Array(BLOCK).fill(fill);
        const matched = await this.disk.compareAndWrite(block(before!), block(value), run.first * BLOCK);
        if (!matched) throw new Error(`block ${run.first} is not ${before!}, or was swapped twice`);
        this.#trace(`swap ${run.first} is done`);
        this.#possible[run.first] = new Set([value]);
      } catch (error) {
        if (!isLost(error)) throw error;
        this.#count('unknown');
      }
    }
    this.#give(run);
  }

  #value(): number {
    this.#next = (this.#next % 250) + 1;
    return this.#next;
  }

  async #read(): Promise<void> {
    const run = this.#take(4);
    if (run === undefined) return;
    await this.#compare(run.first, run.count);
    this.#give(run);
  }

  async #compare(first: number, count: number): Promise<void> {
    const found = new Uint8Array(count * BLOCK);
    await this.disk.read([found], first * BLOCK);
    for (let index = 0; index < count; index++) {
      const block = found.subarray(index * BLOCK, (index + 1) * BLOCK);
      const possible = this.#possible[first + index]!;
      if (!possible.has(block[0]!) || block.some((byte) => byte !== block[0]))
        throw new Error(`block ${first + index} holds ${block[0]!}, and not ${[...possible].join(' or ')}`);
    }
  }

  async #checkAll(): Promise<void> {
    await this.#until(this.#compare(0, BLOCKS));
  }

  async #snapshot(): Promise<void> {
    const name = this.#fates.ask('s');
    const session = this.client.sessionCount;
    try {
      await this.disk.request('SNAPSHOT_CREATE', { fields: { name } });
      this.#fates.know(name, 'taken');
      this.#count('snapshots');
      if (session === this.client.sessionCount) this.#expected.push({ name, session });
    } catch (error) {
      if (!isLost(error)) throw error;
    }
  }

  /** One while what uses the disk is suspended: when it is there, it is of that level. */
  async #quiescedSnapshot(): Promise<void> {
    const name = this.#fates.ask('q');
    const { subscribedIn } = this.quiescing;
    try {
      const wish = { name, quiesce: true, readyMs: 200 } as const;
      const { snapshot } = await this.disk.request('SNAPSHOT_CREATE', { fields: wish });
      this.#fates.know(name, 'taken');
      const level = snapshot?.[0]?.level;
      // It learns of a restart later than the one who asks, and is nobody until then.
      const isAsked = subscribedIn !== undefined && !this.#profile.restarts;
      if (level === 'crash' ? isAsked : level !== this.#levels.get(name))
        throw new Error(
          `${name} is of level ${level ?? '?'}, and not ${this.#levels.get(name) ?? 'suspended'}`,
        );
      this.#count(level === 'crash' ? 'quiesced by nobody' : 'quiesced snapshots');
    } catch (error) {
      if (isLost(error)) return;
      if (!isRefused(error, 'QUIESCE_FAILED')) throw error;
      this.#fates.know(name, 'none');
      this.#count('quiesced in vain');
    }
  }

  #heard(name: EventName, snapshot: string | undefined): void {
    if (name === 'SNAPSHOT_INITIATED' && snapshot !== undefined) this.#events.push(snapshot);
  }

  /** Of a session that is there still, everything has been heard; nothing twice. */
  async #checkEvents(): Promise<void> {
    await this.#until(reach(this.client));
    await this.#pass(3 * LIMITS.keepaliveMs, 20);
    if (new Set(this.#events).size < this.#events.length) throw new Error('an event has come twice');
    const now = this.client.sessionCount;
    const missing = this.#expected.find(
      ({ name, session }) => session === now && !this.#events.includes(name),
    );
    if (missing !== undefined) throw new Error(`the event of ${missing.name} has not come`);
  }

  /** Lets time go by, in steps. */
  async #pass(ms: number, stepMs = 5): Promise<void> {
    const untilMs = this.clock.nowMs() + ms;
    do {
      await turns();
      this.clock.advance(Math.min(stepMs, Math.max(1, untilMs - this.clock.nowMs())));
      this.network.engine?.tick(this.clock.nowMs());
      this.quiescing.tick();
      if (this.quiescing.wrong !== undefined) throw new Error(this.quiescing.wrong);
    } while (this.clock.nowMs() < untilMs);
    await turns();
  }

  async #until<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const settled = work.finally(() => (over = true));
    settled.catch(() => undefined);
    const giveUpMs = this.clock.nowMs() + PATIENCE_MS;
    for (let step = 5; !over; step = Math.min(step * 1.2, 500)) {
      if (this.clock.nowMs() > giveUpMs) throw new Error('the history is stuck');
      await this.#pass(step < 50 ? step : 50);
    }
    return await settled;
  }
}

/** Completes when the server answers in a session. */
async function reach(client: NbsClient): Promise<void> {
  try {
    await client.request('PING');
  } catch (error) {
    if (!isLost(error)) throw error;
    await reach(client);
  }
}

/** Promises that can go on do: this comes after all of them, and sooner than the next turn of the event loop. */
async function turns(): Promise<void> {
  await new Promise<void>((resolve) => process.nextTick(resolve));
}

/** Plays one history. */
export async function playSessionHistory(profile: string, seed: number): Promise<Played> {
  // Others have their turn between histories; within one, nothing waits for the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  const history = new History(seed, SESSION_PROFILES[profile]!);
  try {
    await history.play();
    return { seen: history.seen };
  } catch (error) {
    const { cause } = error as Error;
    const because = cause instanceof Error ? `\nbecause: ${cause.stack ?? cause.message}` : '';
    return { seen: history.seen, wrong: `${(error as Error).stack ?? String(error)}${because}` };
  }
}

/** Plays histories of a kind, until one goes wrong; throws what `playSeeds` throws. */
export function playSessionHistories(
  profile: string,
  range: Range,
  onProgress?: (tally: Tally) => void,
): Promise<Tally> {
  return playSeeds(profile, range, (seed) => playSessionHistory(profile, seed), onProgress);
}
