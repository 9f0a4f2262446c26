import { yieldTurn } from '@lunbox/block';
import debug from 'debug';
import { withReclaimed } from './chain.ts';
import { RECLAIM_START, reclaimStep, type ReclaimPoint } from './reclaim.ts';
import type { Restore, RestoreProgress } from './restore.ts';
import type { SetState } from './set-state.ts';
import type { TurnQueue } from './turn-queue.ts';

const log = debug('lunbox:snapshot:upkeep');

/**
 * What goes on in the background of a set: a restore, indexes of maps, giving back the space of what nobody reads. It
 * takes turns with what is asked for, in small steps, and the next start goes on with what is left.
 */
export class Upkeep {
  readonly #state: SetState;
  readonly #turns: TurnQueue;
  #stopped = false;
  #tidying: Promise<void> | undefined;
  #isUntidy = false;
  /** How far giving space back has come, by the identities of snapshots. */
  readonly #reclaimed = new Map<string, ReclaimPoint>();
  #restore: Restore | undefined;
  #restored: Promise<void> = Promise.resolve();

  constructor(state: SetState, turns: TurnQueue) {
    this.#state = state;
    this.#turns = turns;
  }

  /** How far the restore has come that goes on; undefined when none does. */
  get restoring(): RestoreProgress | undefined {
    return this.#restore?.progress;
  }

  /** Completes when the restore that goes on is done. Throws what kept it from being done. */
  async restored(): Promise<void> {
    await this.#restored;
  }

  /** Goes on with a restore until it is done, fails, or the set is closed. */
  run(restore: Restore): Promise<void> {
    this.#restore = restore;
    this.#restored = this.#runAll(restore);
    this.#restored.catch((error: unknown) => {
      log('the restore stopped: %o', error);
    });
    return this.#restored;
  }

  /** Gives space back soon. */
  tidyLater(): void {
    this.#isUntidy = true;
    this.#tidying ??= this.#tidy()
      .catch((error: unknown) => {
        log('space could not be given back: %o', error);
      })
      .finally(() => (this.#tidying = undefined));
  }

  /** Ends all of it, and completes when it has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#restored.catch(() => undefined);
    await this.#tidying;
  }

  async #runAll(restore: Restore): Promise<void> {
    while (await restore.step()) if (this.#stopped) return;
    await this.#turns.run(() => restore.finish());
    this.#restore = undefined;
  }

  async #tidy(): Promise<void> {
    while (this.#isUntidy && !this.#stopped) {
      // Whoever asks for it meanwhile is not passed over.
      this.#isUntidy = false;
      const hasMore = await this.#turns.run(() => this.#tidyStep());
      this.#isUntidy ||= hasMore;
      await yieldTurn();
    }
  }

  /** Answers whether there is more to do. The newest snapshot is left alone: its last log still grows. */
  async #tidyStep(): Promise<boolean> {
    const sealed = this.#state.entries.slice(0, -1);
    const unindexed = this.#state.areasOf(sealed).find(({ needsIndex }) => needsIndex);
    if (unindexed !== undefined) {
      await unindexed.writeIndex();
      return true;
    }
    const entry = sealed.find(({ reclaim }) => reclaim);
    if (entry === undefined) return false;
    const point = await reclaimStep(this.#state, entry, this.#reclaimed.get(entry.id) ?? RECLAIM_START);
    if (point !== undefined) this.#reclaimed.set(entry.id, point);
    else {
      this.#reclaimed.delete(entry.id);
      await this.#state.commit(withReclaimed(this.#state.chain, entry.id));
    }
    return true;
  }
}
