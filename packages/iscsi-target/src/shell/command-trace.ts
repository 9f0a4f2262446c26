import { channel, type Channel } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';
import type { SessionIdentity } from '../session.ts';
import type { CommandObserver, ObservedCommand } from '../trace/command-observer.ts';
import type { Statistics } from '../trace/statistics.ts';

/** Name of the `node:diagnostics_channel` to which every SCSI command that is over is published. */
export const COMMAND_CHANNEL = 'lunbox:iscsi-target:command';

/** A SCSI command that is over, as it is published on {@link COMMAND_CHANNEL}. */
export interface CommandTrace {
  readonly tsih: number;
  readonly initiatorName: string;
  readonly targetName: string | undefined;
  readonly initiatorTaskTag: number;
  /** The 8 bytes of the SAM LUN. */
  readonly lun: Uint8Array;
  readonly cdb: Uint8Array;
  /** SAM status; undefined when the command was aborted. */
  readonly status: number | undefined;
  /** Data moved in either direction. */
  readonly movedBytes: number;
  /** From the device server's start to the status. */
  readonly latencyMs: number;
}

/** Counts every command, and publishes it while somebody listens. */
export class CommandTracer implements CommandObserver {
  readonly #statistics: Statistics;
  readonly #channel: Channel = channel(COMMAND_CHANNEL);

  constructor(statistics: Statistics) {
    this.#statistics = statistics;
  }

  started(command: ObservedCommand, session: SessionIdentity): void {
    this.#statistics.enter(session);
    command.startedMs = performance.now();
  }

  finished(command: ObservedCommand, session: SessionIdentity): void {
    const latencyMs = performance.now() - command.startedMs;
    this.#statistics.count(command, session, latencyMs);
    if (this.#channel.hasSubscribers) this.#publish(command, session, latencyMs);
  }

  sessionEnded(session: SessionIdentity): void {
    this.#statistics.forget(session);
  }

  #publish(command: ObservedCommand, session: SessionIdentity, latencyMs: number): void {
    const { tsih, initiatorName, targetName } = session;
    const { initiatorTaskTag, lun, cdb, status, movedBytes } = command;
    const who = { tsih, initiatorName, targetName, initiatorTaskTag };
    const trace: CommandTrace = { ...who, lun, cdb, status, movedBytes, latencyMs };
    this.#channel.publish(trace);
  }
}
