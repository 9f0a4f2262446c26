import type { Clock } from '@lunbox/block';

/** Commands of one direction since the counters were last set to zero. */
export class CommandCounter {
  readonly #clock: Clock;
  /** Commands that were accepted and had blocks to move. */
  commands = 0;
  /** Blocks that these commands asked for. */
  blocks = 0;
  #active = 0;
  /** Sum of the ends minus sum of the beginnings of commands. */
  #balanceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A command began at `startMs`. */
  begin(blockCount: number, startMs: number): void {
    this.commands++;
    this.blocks += blockCount;
    this.#active++;
    this.#balanceMs -= startMs;
  }

  /** A command has ended, now: at the time that is returned. */
  end(): number {
    const nowMs = this.#clock.nowMs();
    this.#active--;
    this.#balanceMs += nowMs;
    return nowMs;
  }

  /** Time that commands took, those that go on included; commands side by side count each. */
  get processingMs(): number {
    return Math.max(0, this.#balanceMs + this.#active * this.#clock.nowMs());
  }

  /** Everything is zero again; commands that go on are timed from now on. */
  reset(): void {
    this.commands = 0;
    this.blocks = 0;
    this.#balanceMs = -this.#active * this.#clock.nowMs();
  }
}

/** What a unit has been doing. Costs two readings of the clock for each command that moves blocks. */
export class UnitStatistics {
  readonly reads: CommandCounter;
  readonly writes: CommandCounter;
  readonly #clock: Clock;
  readonly #madeAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#madeAtMs = clock.nowMs();
    this.reads = new CommandCounter(clock);
    this.writes = new CommandCounter(clock);
  }

  /** Time since the unit was made. */
  get powerOnMs(): number {
    return this.#clock.nowMs() - this.#madeAtMs;
  }

  /** Sets every counter to zero. */
  reset(): void {
    this.reads.reset();
    this.writes.reset();
  }
}
