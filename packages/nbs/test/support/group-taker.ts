import { randomBelow, type Clock, type Random } from '@lunbox/block';
import type { NbsClient } from '../../src/index.ts';
import { isLost, isRefused, type SnapshotFates } from './snapshot-fates.ts';

/** Longest time that a group is to be held. */
const MAX_HOLD_MS = 300;

/** What is said about a prepared group. */
const WORDS = ['GROUP_COMMIT', 'GROUP_COMMIT', 'GROUP_ABORT', undefined] as const;

/** Prepares groups of one object, and says one word about each of them: in time, too late, or never. */
export class GroupTaker {
  readonly #client: NbsClient;
  readonly #fates: SnapshotFates;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(client: NbsClient, fates: SnapshotFates, clock: Clock, random: Random) {
    this.#client = client;
    this.#fates = fates;
    this.#clock = clock;
    this.#random = random;
  }

  /** One group, from its beginning to its end. Answers what was seen. */
  async take(): Promise<string> {
    const name = this.#fates.ask('g');
    try {
      const reply = await this.#client.request('OPEN', { fields: { name: 'disk', readOnly: true } });
      // Requests about this session are not sent to another one.
      const target = { handle: reply.fields.handle!, session: this.#client.sessionCount };
      const seen = await this.#decide(name, target);
      await this.#client.request('CLOSE', target);
      return seen;
    } catch (error) {
      if (isLost(error)) return 'groups unknown';
      throw error;
    }
  }

  async #decide(name: string, { handle, session }: { handle: number; session: number }): Promise<string> {
    const holdMs = 1 + randomBelow(this.#random, MAX_HOLD_MS);
    const { fields } = await this.#client.request('GROUP_PREPARE', {
      session,
      fields: { object: [{ handle }], name, holdMs },
    });
    const waitMs = randomBelow(this.#random, 100);
    await new Promise<void>((resolve) => this.#clock.setTimer(waitMs, resolve));
    const word = WORDS[randomBelow(this.#random, WORDS.length)];
    if (word === undefined) {
      this.#fates.know(name, 'none');
      return 'groups forgotten';
    }
    try {
      await this.#client.request(word, { session, fields: { uuid: fields.uuid! } });
      this.#fates.know(name, word === 'GROUP_COMMIT' ? 'taken' : 'none');
      return word === 'GROUP_COMMIT' ? 'groups taken' : 'groups given up';
    } catch (error) {
      if (!isRefused(error, 'TIMEOUT')) throw error;
      this.#fates.know(name, 'none');
      return 'groups too late';
    }
  }
}
