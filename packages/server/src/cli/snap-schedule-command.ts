import { isSchedule, lastRunMs, nextRunMs, type SnapshotSchedule } from '@lunbox/snapshot';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { ServerError } from '../server-error.ts';
import { labelArgument } from './arguments.ts';
import type { ControlRequest } from './control-request.ts';
import { addKeepFlags, gridOf, timeArgument, type KeepFlags } from './keep-flags.ts';
import type { SnapDesk } from './snap-desk.ts';
import { LEVELS } from './snap-request.ts';
import { askServer, snapRequest, withDesk } from './snap-source.ts';

interface ScheduleFlags extends KeepFlags {
  readonly every?: number;
  readonly at?: number;
  readonly level?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly remove?: boolean;
  readonly control?: string;
  readonly json?: boolean;
}

/** What is told of a schedule. */
export interface ScheduleTold {
  readonly event: 'schedule';
  readonly disk: string;
  /** null is none. */
  readonly schedule: SnapshotSchedule | null;
  /** When the next one is due, ms since 1970, if a server has the disk then. */
  readonly nextRunMs?: number;
}

const NAMED_MS: Readonly<Record<string, number>> = {
  hourly: 3_600_000,
  daily: 86_400_000,
  weekly: 604_800_000,
};

/** Adds `lunbox snap schedule`. */
export function addSchedule(snap: Command): void {
  const command = snap
    .command('schedule <disk>')
    .description('say, or tell, when a server takes snapshots of the disk by itself, and which it keeps')
    .option('--every <time>', 'hourly, daily, weekly, or a time such as 15m or 4h', everyArgument)
    .option('--at <hh:mm>', 'when, in UTC, of each day or of each Monday', clockArgument);
  addKeepFlags(command)
    .option('--label <key=value>', 'a label of each; repeat it for each', labelArgument)
    .addOption(new Option('--level <level>', 'how sure their content is (default: crash)').choices(LEVELS))
    .option('--remove', 'take no more')
    .option('--control <socket>', 'ask the server that serves the disk; it may be named by its LUN then')
    .option('--json', 'print JSON')
    .action(async (disk: string, flags: ScheduleFlags) => {
      const told = await ask(disk, flags);
      console.log(flags.json === true ? JSON.stringify(told) : scheduleLine(told));
    });
}

async function ask(disk: string, flags: ScheduleFlags): Promise<ScheduleTold> {
  const fields = { schedule: scheduleOf(flags) };
  if (flags.control === undefined)
    return await withDesk(disk, (desk) =>
      decideSchedule(desk, snapRequest('snap-schedule', fields), Date.now()),
    );
  const connection = await askServer(flags.control, disk, 'snap-schedule', fields);
  try {
    return (await connection.result()) as ScheduleTold;
  } finally {
    connection.close();
  }
}

/** undefined where nothing is to be changed, null where there is to be none. */
function scheduleOf(flags: ScheduleFlags): SnapshotSchedule | null | undefined {
  const { every: everyMs, at: offsetMs, level, label: labels, remove } = flags;
  const keep = gridOf(flags);
  const hasKeep = Object.keys(keep).length > 0;
  const rest = { offsetMs, level, labels, ...(hasKeep ? { keep } : {}) };
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  if (everyMs === undefined && Object.keys(given).length > 0)
    throw new ServerError('SERVER_BAD_OPTIONS', 'say how often, such as --every daily');
  if (remove === true && everyMs !== undefined)
    throw new ServerError('SERVER_BAD_OPTIONS', 'a schedule is either given or removed');
  if (remove === true) return null;
  if (everyMs === undefined) return undefined;
  const schedule = { everyMs, ...given };
  if (isSchedule(schedule)) return schedule;
  throw new ServerError('SERVER_BAD_OPTIONS', '--at is a time within --every, which is 1 s at least');
}

/** Tells of the schedule of a disk, after changing what was asked for. */
export async function decideSchedule(
  { disk, set }: SnapDesk,
  { schedule: wanted }: Pick<ControlRequest<'snap-schedule'>, 'schedule'>,
  nowMs: number,
): Promise<ScheduleTold> {
  if (wanted !== undefined) await set.setSchedule(wanted ?? undefined);
  const { schedule } = set;
  if (schedule === undefined) return { event: 'schedule', disk, schedule: null };
  const next = nextRunMs(schedule, lastRunMs(set.list(), nowMs), nowMs);
  return { event: 'schedule', disk, schedule, nextRunMs: next };
}

/** The same in words. */
function scheduleLine({ disk, schedule, nextRunMs: next = 0 }: ScheduleTold): string {
  if (schedule === null) return `${disk} has no schedule`;
  const { everyMs, keep } = schedule;
  const kept = Object.entries(keep ?? {}).map(([rule, count]) =>
    rule === 'olderThanMs' ? `all of the last ${count / 1000} s` : `${rule} ${count}`,
  );
  const keeping = kept.length === 0 ? 'all are kept' : `kept are: ${kept.join(', ')}`;
  const when = new Date(next).toISOString();
  return `${disk}: a snapshot every ${everyMs / 1000} s, the next at ${when}; ${keeping}`;
}

/** Reads `daily` or `15m`, for commander. */
function everyArgument(text: string): number {
  return NAMED_MS[text] ?? timeArgument(text);
}

/** Reads `07:30`, for commander: milliseconds of the day. */
function clockArgument(text: string): number {
  const { hour = '', minute = '' } = /^(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d)$/.exec(text)?.groups ?? {};
  if (hour === '') throw new InvalidArgumentError('Write a time of the day such as 07:30.');
  return (Number(hour) * 60 + Number(minute)) * 60_000;
}
