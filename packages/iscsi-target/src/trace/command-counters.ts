import type { ObservedCommand } from './command-observer.ts';
import { LatencyHistogram, type LatencyBucket } from './latency-histogram.ts';

/** What a group of SCSI commands has come to. Counts never go back. */
export interface CommandStatistics {
  /** Commands that got GOOD or CONDITION MET status. */
  readonly succeeded: number;
  /** Commands that got another status. */
  readonly failed: number;
  /** Commands that were aborted, and got none. */
  readonly aborted: number;
  /** Data of commands that send data to the initiator, in bytes. */
  readonly readBytes: number;
  /** Data of commands that take data from the initiator, in bytes. */
  readonly writtenBytes: number;
  /** From the device server's start to the status; aborted commands are left out. */
  readonly latency: readonly LatencyBucket[];
}

const GOOD = 0x00;
const CONDITION_MET = 0x04;

/** Counts the commands of one group. */
export class CommandCounters {
  readonly #latency = new LatencyHistogram();
  #succeeded = 0;
  #failed = 0;
  #aborted = 0;
  #readBytes = 0;
  #writtenBytes = 0;

  /** Counts a command that is over. */
  count(command: ObservedCommand, latencyMs: number): void {
    const { status } = command;
    if (status === undefined) {
      this.#aborted++;
      return;
    }
    if (status === GOOD || status === CONDITION_MET) this.#succeeded++;
    else this.#failed++;
    if (command.read) this.#readBytes += command.movedBytes;
    else if (command.write) this.#writtenBytes += command.movedBytes;
    this.#latency.record(latencyMs);
  }

  /** The counts so far. */
  snapshot(): CommandStatistics {
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      aborted: this.#aborted,
      readBytes: this.#readBytes,
      writtenBytes: this.#writtenBytes,
      latency: this.#latency.buckets(),
    };
  }
}
