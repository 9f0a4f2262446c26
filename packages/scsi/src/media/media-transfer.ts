import type { MaybePromise } from '@lunbox/block';
import type { ScsiCommand } from '../execution.ts';
import type { MediumAccess } from '../sense/block-failures.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { Medium } from './medium.ts';
import type { NexusTasks } from '../unit/nexus-tasks.ts';

/**
 * The part that all transfers have: the place on the medium, the task set, and errors. A command makes its
 * transfer before it waits for anything, so that the transfer leaves the tasks that the command entered.
 */
export abstract class MediaTransfer {
  readonly lengthBytes: number;
  protected readonly itl: ItlNexus;
  /** The medium that was there when the command came: another one, put in meanwhile, is none of its business. */
  protected readonly medium: Medium;
  /** Byte offset of the transfer on the device. */
  protected readonly startOffset: number;
  readonly #tasks: NexusTasks;
  readonly #command: ScsiCommand;
  #ended = false;

  constructor(itl: ItlNexus, startOffset: number, lengthBytes: number) {
    this.itl = itl;
    this.medium = itl.unit.medium;
    this.startOffset = startOffset;
    this.lengthBytes = lengthBytes;
    this.#tasks = itl.starting;
    this.#command = itl.starting.command as ScsiCommand;
  }

  /** The task leaves the task set. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#tasks.leave(this.ended());
  }

  /** A promise while an ACA condition blocks the task; undefined when it may go on, as it nearly always may. */
  protected get blocked(): Promise<void> | undefined {
    const { aca } = this.itl.unit;
    return aca.established ? aca.hold(this.itl, this.#command) : undefined;
  }

  /** Does `work` when no ACA condition blocks the task; when that was aborted meanwhile, nothing. */
  protected unlessBlocked<T>(work: () => MaybePromise<T>, aborted: T): MaybePromise<T> {
    const { blocked } = this;
    if (blocked === undefined) return work();
    return blocked.then(() => (this.#command.aborted ? aborted : work()));
  }

  /** Called once, when the transfer is over. The time of that, when it was taken anyway. */
  protected ended(): number | undefined {
    return undefined;
  }

  protected fail(error: unknown, access: MediumAccess, offset: number): never {
    throw this.itl.checkCondition(error, access, Math.floor(offset / this.medium.blockSize));
  }
}
