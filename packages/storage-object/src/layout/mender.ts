import type { BlockDevice, MirrorDevice } from '@lunbox/block';
import debug from 'debug';
import type { Seams } from '../seams.ts';
import type { LegProgress } from './combination.ts';

const log = debug('lunbox:storage-object:mirror');

/** A leg is tried again after so long, and then after twice as long each time. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A resync rests as long as it works, but at most so long at a time. */
const LONGEST_REST_MS = 100;

/** A leg of a mirror that is not in sync. */
export interface SickLeg {
  /** Tells legs apart. */
  readonly name: string;
  readonly device: MirrorDevice;
  readonly index: number;
  /** It is there: try it as it is before it is opened anew. */
  readonly firstTry: boolean;
}

/** What a {@link Mender} needs of the disk. */
export interface MenderHooks {
  /** Opens the parts of a leg anew; undefined while one is not there. */
  readonly reopen: (leg: SickLeg) => Promise<BlockDevice | undefined>;
  /** A leg is there, and is being resynced. */
  readonly onStart: (leg: SickLeg) => void;
}

/** Brings legs of mirrors back in the background, for as long as it takes. */
export class Mender {
  readonly #clock: Seams['clock'];
  readonly #hooks: MenderHooks;
  readonly #timers = new Map<string, () => void>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #progress = new Map<string, LegProgress>();
  #closed = false;

  constructor({ clock }: Seams, hooks: MenderHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** Legs that are being resynced now. */
  get progress(): ReadonlyMap<string, LegProgress> {
    return this.#progress;
  }

  /** Sees to it that a leg is brought back, unless that goes on already. */
  mend(leg: SickLeg): void {
    if (this.#timers.has(leg.name) || this.#running.has(leg.name)) return;
    this.#later(leg, leg.firstTry ? 0 : FIRST_PAUSE_MS, FIRST_PAUSE_MS);
  }

  /** Ends what goes on: the mirrors that it works on may be closed after that. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await Promise.all(this.#running.values());
  }

  #later(leg: SickLeg, delayMs: number, pauseMs: number): void {
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(leg.name);
      this.#running.set(leg.name, this.#run(leg, pauseMs));
    });
    this.#timers.set(leg.name, cancel);
  }

  async #run(leg: SickLeg, pauseMs: number): Promise<void> {
    const { name, device, index } = leg;
    try {
      await this.#bringBack(leg);
      log('leg %d is in sync again', index);
    } catch (error) {
      log('leg %d could not be resynced: %o', index, error);
    } finally {
      this.#running.delete(name);
      this.#progress.delete(name);
    }
    if (this.#closed || device.closed || device.legStates[index] === 'in-sync') return;
    const longerMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    this.#later({ ...leg, firstTry: false }, pauseMs, longerMs);
  }

  async #bringBack(leg: SickLeg): Promise<void> {
    const { name, device, index, firstTry } = leg;
    if (!firstTry && device.legStates[index] === 'stale') {
      const fresh = await this.#hooks.reopen(leg);
      if (fresh === undefined) throw new Error('a part is missing');
      await closeQuietly(device.replaceLeg(index, fresh));
    }
    this.#hooks.onStart(leg);
    await device.resync(index, {
      pace: this.#pace(),
      onProgress: (doneBytes, totalBytes) => this.#progress.set(name, { doneBytes, totalBytes }),
    });
  }

  /** Rests after each step as long as the step took: others come first. */
  #pace(): () => Promise<void> {
    let beganMs = this.#clock.nowMs();
    return async () => {
      const restMs = Math.min(LONGEST_REST_MS, this.#clock.nowMs() - beganMs);
      if (this.#closed) throw new Error('the disk is being closed');
      await new Promise<void>((resolve) => this.#clock.setTimer(restMs, resolve));
      if (this.#closed) throw new Error('the disk is being closed');
      beganMs = this.#clock.nowMs();
    };
  }
}

async function closeQuietly(device: BlockDevice): Promise<void> {
  try {
    await device.close();
  } catch (error) {
    log('a leg that failed could not be closed: %o', error);
  }
}
