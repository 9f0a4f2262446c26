import { SeededRandom } from '@lunbox/block';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlRequest } from '../src/cli/control-request.ts';
import type { SnapList } from '../src/cli/snap-desk.ts';
import { askControl } from '../test/support/ask-control.ts';
import type { TargetUnderTest } from '../test/support/target-under-test.ts';
import { violationsOf, type StampedWriter } from './stamped-writer.ts';

/** Snapshots that there are at most; the oldest goes when there are more. */
const KEPT = 4;
/** The LUN as which a snapshot is looked at. */
const SHOWN_AS = 100;

/** What a snapshot must have, and may have at most. */
interface Kept {
  readonly name: string;
  readonly least: readonly number[];
  most: readonly number[];
  /** Creating, or else deleting it was answered; what was not may be done or not. */
  state: 'asked' | 'there' | 'deleting' | 'deleted';
}

/** Counts for the report. */
export interface KeeperProgress {
  readonly created: number;
  readonly deleted: number;
  readonly checked: number;
  readonly restored: number;
}

/** Takes and deletes snapshots of a disk under load, and knows across any number of kills what each must have. */
export class SnapshotKeeper {
  readonly progress: { -readonly [K in keyof KeeperProgress]: number } = {
    created: 0,
    deleted: 0,
    checked: 0,
    restored: 0,
  };
  readonly #writer: StampedWriter;
  readonly #socket: string;
  readonly #random: SeededRandom;
  #kept: Kept[] = [];
  #taken = 0;
  #restores = 0;

  constructor(writer: StampedWriter, socket: string, seed: number) {
    this.#writer = writer;
    this.#socket = socket;
    this.#random = new SeededRandom(seed);
  }

  /** Goes on until the server is gone. */
  async workUntilCut(): Promise<void> {
    try {
      for (;;) await this.#step();
    } catch (error) {
      // The server was killed: that is how this loop ends. All else is a fault.
      if ((error as { code?: unknown }).code !== 'SERVER_CONTROL_UNAVAILABLE') throw error;
      const most = this.#writer.sent();
      for (const kept of this.#kept) if (kept.state === 'asked') kept.most = most;
    }
  }

  /** Looks, after a restart, at which snapshots there are, and at all that they have. Answers what is wrong. */
  async check(target: TargetUnderTest): Promise<string[]> {
    const { snapshots } = await this.#list();
    const names = new Set(snapshots.map(({ name }) => name));
    const violations: string[] = [];
    for (const { name, state } of this.#kept) {
      if (state === 'there' && !names.has(name)) violations.push(`${name} is gone`);
      if (state === 'deleted' && names.has(name)) violations.push(`${name} is there again`);
    }
    this.#kept = this.#kept.filter(({ name }) => names.has(name));
    await this.#dropSafety();
    for (const kept of this.#kept) {
      kept.state = 'there';
      violations.push(...(await this.#contentOf(target, kept)).map((text) => `${kept.name}: ${text}`));
    }
    return violations;
  }

  /**
   * Sets the disk back to a snapshot, and has the server killed meanwhile.
   * @param kill kills it and starts it again
   * @returns what is wrong then
   */
  async restoreKilled(target: TargetUnderTest, kill: () => Promise<TargetUnderTest>): Promise<string[]> {
    const kept = this.#kept[this.#below(Math.max(1, this.#kept.length))];
    if (kept === undefined) return [];
    const before = await this.#writer.read(target);
    const wanted = await this.#read(target, kept.name);
    let begun = false;
    const asked = this.#ask({ verb: 'snap-restore', lun: 0, snapshot: kept.name, force: true }, () => {
      begun = true;
    }).then(
      () => (begun = true),
      () => undefined,
    );
    // Now once it has begun, now at any time, however busy the machine is.
    if (this.#restores++ % 2 === 0)
      while (!begun && (await Promise.race([asked.then(() => 'ended'), sleep(5)])) !== 'ended');
    await sleep(this.#below(40));
    const again = await kill();
    await asked;
    const after = await this.#writer.read(again);
    const now = JSON.stringify(after);
    this.#writer.adopt(after);
    if (now === JSON.stringify(wanted)) {
      this.progress.restored++;
      return [];
    }
    return now === JSON.stringify(before) && !begun ? [] : [`${kept.name} was not restored as a whole`];
  }

  async #step(): Promise<void> {
    const there = this.#kept.filter(({ state }) => state === 'there');
    // Now the oldest, now one in the middle: what that one has goes to the one before it.
    const doomed = there[this.#below(there.length)];
    if (doomed !== undefined && there.length >= KEPT) {
      doomed.state = 'deleting';
      await this.#ask({ verb: 'snap-rm', lun: 0, snapshot: doomed.name });
      doomed.state = 'deleted';
      this.progress.deleted++;
      return;
    }
    const kept: Kept = {
      name: `snapshot ${++this.#taken}`,
      least: this.#writer.answered(),
      most: [],
      state: 'asked',
    };
    this.#kept.push(kept);
    await this.#ask({ verb: 'snap-create', lun: 0, name: kept.name });
    kept.most = this.#writer.sent();
    kept.state = 'there';
    this.progress.created++;
    await sleep(5 + this.#below(40));
  }

  async #contentOf(target: TargetUnderTest, { name, least, most }: Kept): Promise<string[]> {
    this.progress.checked++;
    return violationsOf(await this.#read(target, name), least, most);
  }

  async #read(target: TargetUnderTest, snapshot: string): ReturnType<StampedWriter['read']> {
    await this.#ask({ verb: 'snap-open', lun: 0, snapshot, asLun: SHOWN_AS });
    const found = await this.#writer.read({ ...target, lun: SHOWN_AS });
    await this.#ask({ verb: 'snap-close', lun: 0, snapshot });
    return found;
  }

  /** Safety snapshots are of no use to the check, and cannot go before their restore is done. */
  async #dropSafety(): Promise<void> {
    for (;;) {
      const { restoring, snapshots } = await this.#list();
      if (restoring !== undefined) await sleep(20);
      else {
        const ours = new Set(this.#kept.map(({ name }) => name));
        for (const { name } of snapshots)
          if (!ours.has(name)) await this.#ask({ verb: 'snap-rm', lun: 0, snapshot: name });
        return;
      }
    }
  }

  #list(): Promise<SnapList> {
    return this.#ask({ verb: 'snap-ls', lun: 0 }) as Promise<SnapList>;
  }

  #below(bound: number): number {
    return this.#random.uint32() % bound;
  }

  #ask(request: ControlRequest, onProgress?: () => void): Promise<unknown> {
    return askControl(this.#socket, request, onProgress);
  }
}
