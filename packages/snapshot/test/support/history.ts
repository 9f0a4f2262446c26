import {
  DISK_CALLS,
  randomBelow,
  SeededRandom,
  SimulatedDisk,
  type BlockDevice,
  type FileDevice,
} from '@lunbox/block';
import { expect } from 'vitest';
import { playSeeds, type Played, type Range, type Tally } from '../../../block/test/support/histories.ts';
import type { SnapshotSet } from '../../src/index.ts';
import { Copy } from './copy.ts';
import { live, makeDisk, Model, openSet, snapshotsOf, type Content } from './model.ts';

/** How a history goes wrong: the power goes, or a call of the disk fails and the set is opened again. */
export type Kind = 'snapshot-crashes' | 'snapshot-failures';

/** What goes wrong on purpose, so that the histories are seen to notice. */
export interface Flaw {
  readonly disk?: () => SimulatedDisk;
  readonly wrap?: (production: BlockDevice) => BlockDevice;
}

/** Times that it goes wrong, and steps up to there, at most: short histories are as many as long ones. */
const ROUNDS = 2;
const STEPS = 20;
const CHANGES = 80;
const FAILURES = ['EIO', 'ENOSPC'] as const;
const CALLS = 30;

/** Plays one history. */
export async function playHistory(seed: number, kind: Kind, flaw: Flaw = {}): Promise<Played> {
  const history = new History(seed, kind, flaw);
  try {
    await history.play();
    return { seen: history.seen };
  } catch (error) {
    return { seen: history.seen, wrong: (error as Error).stack ?? String(error) };
  }
}

/** Plays histories of a kind, until one goes wrong; throws what `playSeeds` throws. */
export function playHistories(kind: Kind, range: Range, onProgress?: (tally: Tally) => void): Promise<Tally> {
  return playSeeds(kind, range, (seed) => playHistory(seed, kind), onProgress);
}

/** A disk with snapshots that is used, and stops in the midst of it, some times. */
class History {
  readonly #seed: number;
  readonly #kind: Kind;
  readonly #random: SeededRandom;
  readonly #disk: SimulatedDisk;
  readonly #wrap: Flaw['wrap'];
  readonly #model = new Model();

  constructor(seed: number, kind: Kind, { disk, wrap }: Flaw) {
    this.#seed = seed;
    this.#kind = kind;
    this.#random = new SeededRandom(seed);
    this.#disk = disk?.() ?? new SimulatedDisk({ clones: true });
    this.#wrap = wrap;
  }

  get seen(): Readonly<Record<string, number>> {
    return this.#model.seen;
  }

  async play(): Promise<void> {
    await makeDisk(this.#disk);
    this.#model.copy = await Copy.in(this.#disk);
    const rounds = 1 + randomBelow(this.#random, ROUNDS);
    for (let round = 0; round < rounds; round++) {
      const seen = await this.#readOnly();
      let set = await this.#open();
      await this.#model.compare(set);
      if (round === 1) {
        // What is kept at a clean end must not be believed after the crash that follows.
        await set.close();
        set = await this.#open();
      }
      // A reader has found the same before, though nothing was mended yet.
      expect(seen).toEqual(await snapshotsOf(set));
      await this.#live(set);
      if (set.restoring !== undefined) this.#model.count('restores cut off');
      // What went on in the background ends with the power.
      this.#disk.faults.haltAfter(0);
      await set.close().catch(() => undefined);
      this.#disk.crash(this.#seed * ROUNDS + round);
      this.#model.count('crashes');
    }
    const set = await this.#open();
    await this.#model.compare(set);
    await set.close();
  }

  #open(): Promise<SnapshotSet> {
    const onProduction = (production: FileDevice): void => void (this.#model.production = production);
    return openSet(this.#disk, this.#random, this.#wrap, { onProduction });
  }

  async #live(set: SnapshotSet): Promise<void> {
    const { faults } = this.#disk;
    const { failed } = faults;
    // The model does not know which snapshots go when there is no room.
    const method = this.#seed % 2 === 0 ? 'auto' : 'log';
    if (set.policy.whenFull !== 'refuse') await set.setPolicy({ whenFull: 'refuse', method });
    if (this.#kind === 'snapshot-crashes') faults.haltAfter(randomBelow(this.#random, CHANGES));
    else {
      const call = DISK_CALLS[randomBelow(this.#random, DISK_CALLS.length)]!;
      faults.fail(call, 1 + randomBelow(this.#random, CALLS), FAILURES[randomBelow(this.#random, 2)]!);
    }
    try {
      await live(set, this.#model, this.#random, 1 + randomBelow(this.#random, STEPS));
      await this.#model.compareSnapshots(set);
    } catch (error) {
      if (!faults.halted && faults.failed === failed) throw error;
      if (faults.failed > failed) this.#model.count('failures');
    }
  }

  /** What a reader finds, who changes nothing. */
  async #readOnly(): Promise<[string, Content][]> {
    const { faults } = this.#disk;
    const { changes } = faults;
    const set = await openSet(this.#disk, this.#random, this.#wrap, { readOnly: true });
    const found = await snapshotsOf(set);
    await set.close();
    expect(faults.changes, 'changes by a reader').toBe(changes);
    return found;
  }
}
