import { isPromise, type MaybePromise } from '@lunbox/block';
import type { ScsiCommand } from '../execution.ts';
import { TaskAbortedError } from '../media/in-steps.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { copyAborted } from './copy-failure.ts';

/**
 * Why a copy is given up:
 * - `operation-abort`: COPY OPERATION ABORT;
 * - `task-abort`: the task is aborted, or its nexus is gone;
 * - `party`: a source or destination was reset, or its tasks were aborted.
 */
export type CopyEnding = 'operation-abort' | 'task-abort' | 'party';

/** A copy that goes on: it looks here between two steps, and whoever ends it waits here. */
export class CopyTask {
  /** Undefined for a copy in the background, which outlives its command. */
  readonly #command: ScsiCommand | undefined;
  readonly #parties = new Set<ItlNexus>();
  readonly #waiting: (() => void)[] = [];
  #ending: CopyEnding | undefined = undefined;
  #over = false;

  constructor(manager: ItlNexus, command: ScsiCommand | undefined) {
    this.#command = command;
    this.#parties.add(manager);
    manager.unit.copies.enter(this, manager, true);
  }

  /** True when it is given up without a failure of its own. */
  get terminated(): boolean {
    return this.#command?.aborted === true || (this.#ending !== undefined && this.#ending !== 'party');
  }

  /** The copy uses the unit of `itl` from now on: what aborts tasks of that nexus there ends the copy, too. */
  involve(itl: ItlNexus): void {
    if (this.#parties.has(itl)) return;
    this.#parties.add(itl);
    itl.unit.copies.enter(this, itl, false);
  }

  /** Throws what ends the copy now, if anything does. */
  check(): void {
    if (this.#command?.aborted === true || this.#ending === 'task-abort') throw new TaskAbortedError();
    if (this.#ending === 'operation-abort') {
      throw copyAborted(AdditionalSenseCode.COMMANDS_CLEARED_BY_DEVICE_SERVER);
    }
    if (this.#ending === 'party') throw copyAborted(AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE);
  }

  /** Ends the copy before its next step; completes when that has happened. */
  give(up: CopyEnding): MaybePromise<void> {
    if (this.#over) return;
    this.#ending ??= up;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** The copy is over, however it ended. */
  end(): void {
    this.#over = true;
    for (const { unit } of this.#parties) unit.copies.leave(this);
    for (const tell of this.#waiting) tell();
  }
}

/** The copies that use a unit now, and by way of which nexuses. */
export class UnitCopies {
  /** True for the nexus whose command to this unit asked for the copy. */
  readonly #tasks = new Map<CopyTask, Map<ItlNexus, boolean>>();

  /** A copy begins to use the unit; with `manages`, the command was sent to it. */
  enter(task: CopyTask, itl: ItlNexus, manages: boolean): void {
    const nexuses = this.#tasks.get(task) ?? new Map<ItlNexus, boolean>();
    this.#tasks.set(task, nexuses.set(itl, manages));
  }

  /** The copy is over. */
  leave(task: CopyTask): void {
    this.#tasks.delete(task);
  }

  /** Ends every copy, or those that use the unit by way of one nexus; completes when they have ended. */
  abort(by?: ItlNexus): MaybePromise<void> {
    const ended: Promise<void>[] = [];
    for (const [task, nexuses] of this.#tasks) {
      if (by !== undefined && !nexuses.has(by)) continue;
      const manages = by === undefined ? [...nexuses.values()].includes(true) : nexuses.get(by) === true;
      const end = task.give(manages ? 'task-abort' : 'party');
      if (isPromise(end)) ended.push(end);
    }
    if (ended.length > 0) return Promise.all(ended).then(() => undefined);
  }
}
