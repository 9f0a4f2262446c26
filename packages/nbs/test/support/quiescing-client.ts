import { randomBelow, type Clock, type Random } from '@lunbox/block';
import type { Fields, NbsClient, OpcodeName } from '../../src/index.ts';
import { isLost } from './snapshot-fates.ts';

const LEVELS = ['filesystem', 'application'] as const;

/**
 * A client that suspends what uses the disk when it is asked to, and resumes it: sometimes it refuses, is late, or lets
 * something go on before its time. Throws nothing; what was wrong about the events is in {@link QuiescingClient.wrong}.
 */
export class QuiescingClient {
  /** What a snapshot of now can be relied on for; undefined while nothing is suspended. */
  level: string | undefined;
  /** What the server should not have said. */
  wrong: string | undefined;
  /** The session in which it has subscribed; it hears nothing in another one. */
  subscribedIn: number | undefined;
  readonly #client: NbsClient;
  readonly #clock: Clock;
  readonly #random: Random;
  #isSubscribing = false;
  /** What it is asked to suspend something for. */
  #asked: string | undefined;
  readonly #over = new Set<string>();

  constructor(client: NbsClient, clock: Clock, random: Random) {
    this.#client = client;
    this.#clock = clock;
    this.#random = random;
    client.onEvent((name, { uuid = '' }) => {
      if (name === 'QUIESCE') this.#suspend(uuid);
      else if (name === 'RESUME') this.#resume(uuid);
    });
  }

  /** Subscribes again after the session was lost: what was suspended goes on then, and no word comes about it. */
  tick(): void {
    const { sessionCount } = this.#client;
    if (this.#isSubscribing || sessionCount === 0 || this.subscribedIn === sessionCount) return;
    this.level = this.#asked = this.subscribedIn = undefined;
    this.#isSubscribing = true;
    void this.#subscribe().finally(() => (this.#isSubscribing = false));
  }

  async #subscribe(): Promise<void> {
    try {
      const reply = await this.#client.request('OPEN', { fields: { name: 'disk', readOnly: true } });
      const session = this.#client.sessionCount;
      await this.#client.request('QUIESCE_SUBSCRIBE', { handle: reply.fields.handle!, session });
      this.subscribedIn = session;
    } catch (error) {
      if (!isLost(error)) this.wrong = `subscribing: ${String(error)}`;
    }
  }

  #suspend(uuid: string): void {
    if (this.#asked !== undefined) this.wrong = 'two things are asked for at once';
    if (this.#over.has(uuid)) this.wrong = `QUIESCE ${uuid} has come twice`;
    this.#asked = uuid;
    const kind = randomBelow(this.#random, 12);
    if (kind === 0) this.#say('QUIESCE_REFUSE', { uuid, reason: 'it does not want to' });
    else this.#clock.setTimer(randomBelow(this.#random, kind === 1 ? 400 : 40), () => this.#ready(uuid));
  }

  #ready(uuid: string): void {
    if (this.#asked !== uuid) return;
    this.level = LEVELS[randomBelow(this.#random, LEVELS.length)]!;
    this.#say('QUIESCE_READY', { uuid, level: this.level });
    if (randomBelow(this.#random, 6) > 0) return;
    this.#clock.setTimer(randomBelow(this.#random, 60), () => {
      if (this.#asked === uuid) this.level = undefined;
    });
  }

  #resume(uuid: string): void {
    if (this.#asked !== uuid) this.wrong = `RESUME ${uuid} without QUIESCE, or twice`;
    this.#over.add(uuid);
    this.#say('QUIESCE_HELD', { uuid, ...(this.level === undefined ? {} : { held: true }) });
    this.level = this.#asked = undefined;
  }

  #say(name: OpcodeName, fields: Fields): void {
    const session = this.#client.sessionCount;
    this.#client.request(name, { session, fields }).catch((error: unknown) => {
      if (!isLost(error)) this.wrong = `${name}: ${String(error)}`;
    });
  }
}
