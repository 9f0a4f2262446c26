import { BlockError } from '@lunbox/block';
import debug from 'debug';
import type { ChainEntry, SpacePolicy } from './chain.ts';
import { reclaimStep, RECLAIM_START, type ReclaimPoint } from './reclaim.ts';
import type { SetState } from './set-state.ts';
import type { SnapshotInfo } from './snapshot-info.ts';
import type { TurnQueue } from './turn-queue.ts';
import { usageOf } from './usage.ts';

/**
 * What people should hear of.
 *
 * - `taken`: there is another snapshot.
 * - `low-space`: the snapshots take more than four fifths of their limit.
 * - `dropped`: the snapshot was deleted, since there was no room for what the disk had.
 * - `refused`: a write was refused, since there was no room and no snapshot could be deleted.
 * - `faulted`: what snapshots have could not be made durable, so the disk takes no change until it is opened again.
 */
export type SnapshotEvent =
  | { readonly kind: 'taken'; readonly snapshot: SnapshotInfo }
  | { readonly kind: 'low-space'; readonly usedBytes: number; readonly limitBytes: number }
  | { readonly kind: 'dropped'; readonly id: string; readonly name: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'faulted'; readonly message: string };

/** What is done where a set has no policy of its own. */
export const DEFAULT_POLICY: SpacePolicy = { whenFull: 'drop-oldest' };

const log = debug('lunbox:snapshot:space-keeper');

const LOW_SPACE_SHARE = 0.8;

/** Looks after the room for what is saved: nothing is skipped in silence when it ends. */
export class SpaceKeeper {
  readonly #state: SetState;
  readonly #turns: TurnQueue;
  readonly #tell: (event: SnapshotEvent) => void;
  #making: Promise<boolean> | undefined;
  #low = false;

  constructor(state: SetState, turns: TurnQueue, tell: (event: SnapshotEvent) => void) {
    this.#state = state;
    this.#turns = turns;
    this.#tell = tell;
  }

  get policy(): SpacePolicy {
    return this.#state.chain.policy ?? DEFAULT_POLICY;
  }

  /** Room that the logs take, by what was added to them and given back. */
  get usedBytes(): number {
    let usedBytes = 0;
    for (const area of this.#state.areas.values()) usedBytes += area.storedBytes;
    return usedBytes;
  }

  /** Throws `BLOCK_NO_SPACE` where so much more would be above the limit. */
  claim(lengthBytes: number): void {
    const { limitBytes } = this.policy;
    if (limitBytes === undefined) return;
    const usedBytes = this.usedBytes + lengthBytes;
    if (usedBytes > limitBytes)
      throw new BlockError('BLOCK_NO_SPACE', 'the snapshots have reached their limit');
    const low = usedBytes > limitBytes * LOW_SPACE_SHARE;
    if (low && !this.#low) this.#tell({ kind: 'low-space', usedBytes, limitBytes });
    this.#low = low;
  }

  /** Makes room by the policy, once for all who wait. Answers whether it is worth trying again. */
  async makeRoom(): Promise<boolean> {
    this.#making ??= this.#turns
      .run(() => this.#drop())
      .catch((error: unknown) => {
        // Whoever waits is told that there is no room; the device knows when nothing may be changed any more.
        log('no room could be made: %o', error);
        this.#tell({ kind: 'refused' });
        return false;
      })
      .finally(() => (this.#making = undefined));
    return await this.#making;
  }

  async #drop(): Promise<boolean> {
    const entry = this.policy.whenFull === 'refuse' ? undefined : await this.#candidate();
    if (entry === undefined) {
      this.#tell({ kind: 'refused' });
      return false;
    }
    const state = this.#state;
    const older = state.entries[state.entries.indexOf(entry) - 1];
    await state.remove(entry);
    if (older !== undefined) await this.#reclaim(older.id);
    this.#tell({ kind: 'dropped', id: entry.id, name: entry.name });
    return true;
  }

  /** The oldest that nobody needs, and whose space would come back. */
  async #candidate(): Promise<ChainEntry | undefined> {
    for (const entry of this.#state.entries) {
      if (!this.#state.isRemovable(entry)) continue;
      const { exclusiveBytes } = await usageOf(this.#state, entry);
      if (entry === this.#state.entries[0] || exclusiveBytes > 0) return entry;
    }
    return undefined;
  }

  async #reclaim(id: string): Promise<void> {
    const entry = this.#state.find(id);
    if (entry === this.#state.entries.at(-1)) return;
    let point: ReclaimPoint | undefined = RECLAIM_START;
    while (point !== undefined) point = await reclaimStep(this.#state, entry, point);
  }
}
