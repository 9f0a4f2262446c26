import { decodeLun } from '@lunbox/scsi';
import type { SessionIdentity } from '../session.ts';
import { CommandCounters, type CommandStatistics } from './command-counters.ts';
import type { ObservedCommand } from './command-observer.ts';

/** Counts of one session that is in full feature phase. */
export interface SessionStatistics extends CommandStatistics {
  readonly tsih: number;
  readonly initiatorName: string;
  readonly targetName: string;
}

/** Counts of one LUN, over all sessions. */
export interface LunStatistics extends CommandStatistics {
  readonly targetName: string;
  /** As initiators number it; undefined for LUNs of no form that is in use here. */
  readonly lun: number | undefined;
}

/** Counts of one operation code, over all sessions. */
export interface OpcodeStatistics extends CommandStatistics {
  /** First byte of the CDB. */
  readonly opcode: number;
}

/** SCSI commands since the start, in three groupings. */
export interface TargetStatistics {
  readonly sessions: readonly SessionStatistics[];
  readonly luns: readonly LunStatistics[];
  readonly opcodes: readonly OpcodeStatistics[];
}

/** LUNs of a target that are counted apart; commands to further ones, which hardly exist, go to the undefined one. */
const MAX_LUNS = 1024;

/** Counts SCSI commands by session, LUN and operation code; a command of a kind seen before allocates nothing. */
export class Statistics {
  readonly #sessions = new Map<SessionIdentity, CommandCounters>();
  readonly #targets = new Map<string, Map<number | undefined, CommandCounters>>();
  readonly #opcodes = new Map<number, CommandCounters>();

  /** A command of the session starts. */
  enter(session: SessionIdentity): void {
    countersFor(this.#sessions, session);
  }

  /** Counts a command that is over; commands that an ended session left behind count for their LUN only. */
  count(command: ObservedCommand, session: SessionIdentity, latencyMs: number): void {
    this.#sessions.get(session)?.count(command, latencyMs);
    countersFor(this.#opcodes, command.cdb[0] as number).count(command, latencyMs);
    this.#countLun(session.targetName as string, command, latencyMs);
  }

  /** The session is over, and its own counts are with it. */
  forget(session: SessionIdentity): void {
    this.#sessions.delete(session);
  }

  /** The counts so far. */
  snapshot(): TargetStatistics {
    return {
      sessions: [...this.#sessions].map(([{ tsih, initiatorName, targetName }, counters]) => ({
        tsih,
        initiatorName,
        targetName: targetName as string,
        ...counters.snapshot(),
      })),
      luns: [...this.#targets].flatMap(([targetName, luns]) =>
        [...luns].map(([lun, counters]) => ({ targetName, lun, ...counters.snapshot() })),
      ),
      opcodes: [...this.#opcodes].map(([opcode, counters]) => ({ opcode, ...counters.snapshot() })),
    };
  }

  #countLun(targetName: string, command: ObservedCommand, latencyMs: number): void {
    let luns = this.#targets.get(targetName);
    if (luns === undefined) {
      luns = new Map<number | undefined, CommandCounters>();
      this.#targets.set(targetName, luns);
    }
    const lun = decodeLun(command.lun);
    const key = luns.has(lun) || luns.size < MAX_LUNS ? lun : undefined;
    countersFor(luns, key).count(command, latencyMs);
  }
}

function countersFor<Key>(group: Map<Key, CommandCounters>, key: Key): CommandCounters {
  let counters = group.get(key);
  if (counters === undefined) group.set(key, (counters = new CommandCounters()));
  return counters;
}
