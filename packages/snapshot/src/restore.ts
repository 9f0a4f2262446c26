import { yieldTurn } from '@lunbox/block';
import { withoutRestore, withSnapshot, type ChainEntry } from './chain.ts';
import type { LogArea } from './log-area.ts';
import { withNewArea } from './new-area.ts';
import { RestoreOverlay } from './restore-overlay.ts';
import type { RestoringDevice } from './restoring-device.ts';
import type { SaveArea } from './save-area.ts';
import type { SetState } from './set-state.ts';
import type { SnapshotInfo } from './snapshot-info.ts';
import { newEntry } from './take-snapshot.ts';

/** What a restore has begun. */
export interface BegunRestore {
  /** The snapshot that was taken right before: the way back. */
  readonly safety: SnapshotInfo;
  /** Completes when everything is copied back; the disk has its old content before that. */
  readonly done: Promise<void>;
}

/** How far a restore has come. */
export interface RestoreProgress {
  /** Identity of the snapshot that the disk is brought back to. */
  readonly from: string;
  /** Identity of the one that was taken right before. */
  readonly safety: string;
  /** How much of the disk has been gone through. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Grains that are restored at a time, and how many of them one flush makes durable. */
const STEP_GRAINS = 16;
const FLUSH_GRAINS = 512;

/** A restore that goes on: whoever reads the disk has its old content, and the disk now gets it, piece by piece. */
export class Restore {
  readonly #state: SetState;
  readonly #device: RestoringDevice;
  readonly #overlay: RestoreOverlay;
  #grain = 0;

  constructor(state: SetState, device: RestoringDevice, done: LogArea) {
    this.#state = state;
    this.#device = device;
    const { from, saved } = restoredFrom(state);
    const endGrain = Math.ceil((from?.sizeBytes ?? 0) / state.chain.grainBytes);
    this.#overlay = new RestoreOverlay(saved, endGrain, done);
    device.restoreBy(this.#overlay);
  }

  get progress(): RestoreProgress | undefined {
    const { restore, grainBytes } = this.#state.chain;
    if (restore === undefined) return undefined;
    const totalBytes = this.#device.size;
    const { from, safety } = restore;
    return { from, safety, doneBytes: Math.min(this.#grain * grainBytes, totalBytes), totalBytes };
  }

  /** Restores some more. Answers whether there may be more to do. Clients wait for one step at most. */
  async step(): Promise<boolean> {
    const { grainBytes } = this.#state.chain;
    const endGrain = Math.ceil(this.#device.size / grainBytes);
    const first = this.#overlay.next(this.#grain, endGrain);
    if (first === undefined) return false;
    const end = Math.min(first + STEP_GRAINS, endGrain);
    await this.#device.settle(first, end);
    this.#grain = end;
    if (this.#overlay.freshCount >= FLUSH_GRAINS) await this.#device.flush();
    await yieldTurn();
    return true;
  }

  /** Ends it, when all is done. */
  async finish(): Promise<void> {
    // What lies beyond the end of a disk of today cannot be pending: a disk never becomes smaller.
    await this.#device.flush();
    const { restore } = this.#state.chain;
    await this.#state.commit(withoutRestore(this.#state.chain));
    await this.#device.endRestore();
    if (restore !== undefined) await this.#state.drop([restore.log]);
  }
}

/** What a restore brings back: the snapshot, and the areas between it and the safety snapshot. */
function restoredFrom(state: SetState): { from: ChainEntry | undefined; saved: SaveArea[] } {
  const { restore, snapshots } = state.chain;
  const indexOf = (id: string | undefined): number => snapshots.findIndex((entry) => entry.id === id);
  const between = snapshots.slice(indexOf(restore?.from), indexOf(restore?.safety));
  return { from: between[0], saved: state.areasOf(between) };
}

/**
 * Decides for a restore, durably: takes the safety snapshot, and from then on the disk has what the snapshot has.
 *
 * @param name - of the safety snapshot; by default it tells what it is
 */
export async function beginRestore(
  state: SetState,
  device: RestoringDevice,
  snapshot: string,
  name?: string,
): Promise<{ restore: Restore; safety: ChainEntry }> {
  const from = state.find(snapshot);
  await checkWhole(state, from);
  const time = new Date(state.nowMs).toISOString();
  const safetyName = name ?? `before the restore of ${from.name} at ${time}`;
  state.checkName(safetyName);
  const done = await state.store.createArea(state.parts.object, state.nowMs);
  state.areas.set(done.id, done.area);
  try {
    return await withNewArea(state, device, undefined, async (areas) => {
      const safety = newEntry(state, { name: safetyName }, areas);
      const restore = { from: from.id, safety: safety.id, log: done.id };
      await state.commit({ ...withSnapshot(state.chain, safety), restore });
      state.saveToNewest();
      return { restore: new Restore(state, device, done.area), safety };
    });
  } catch (error) {
    state.areas.delete(done.id);
    await done.area.close();
    throw error;
  }
}

/** Throws what keeps a snapshot from being restored whole. */
async function checkWhole(state: SetState, from: ChainEntry): Promise<void> {
  state.checkReadable(from);
  state.checkNoRestore();
  state.checkCount();
  for (const area of state.areasSince(from.id) ?? [])
    if (await area.hasBad())
      throw state.error(
        'SNAPSHOT_CORRUPT',
        `some of ${from.name} is lost; it cannot be restored whole`,
        from.name,
      );
}
